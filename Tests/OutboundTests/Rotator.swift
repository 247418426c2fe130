import Core
import Files
import SystemPackage
import TestKit

/// A writer and a logrotate beside the agent, one act at a time. Nothing of what they do loses a record.
struct Rotator: LogKeeper {
  enum Packing: CaseIterable { case none, atOnce, delayed }

  enum Act: Hashable {
    /// The writer adds so many records, to the file that it has open.
    case write(Int)
    /// Half a record, and then its rest.
    case writeHalf, writeRest
    case rename(FilePath, FilePath)
    /// An empty log under the old name; its writer still holds the other one.
    case makeEmpty
    /// The writer lets go of what was renamed, and opens the log.
    case reopen
    case beginCopy(FilePath)
    case copyHalf(FilePath)
    case copyRest(FilePath)
    case truncate
    case beginPacking(FilePath)
    case packHalf(FilePath)
    case packRest(FilePath)
    case dropPacked(FilePath)
    /// Nothing more happens for a while.
    case rest
  }

  let byCopy: Bool
  let isDated: Bool
  let packing: Packing
  private(set) var acts: [Act] = []
  /// What is done already, for a report.
  private(set) var done: [Act] = []
  private var records = 0
  var written: [[String]] { [(0..<records).map { Schedule.record($0 + 1) }] }
  private var open = Schedule.log
  private var rotations = 0
  private var random: SteadyNumbers

  init(seed: UInt64, rounds: Int) {
    random = .thrown(seed)
    (byCopy, isDated) = (random.oneIn(2), random.oneIn(3))
    packing = Packing.allCases[random.below(3)]
    for _ in 0..<rounds {
      writes(between: 1...3)
      acts.append(.rest)
      rotate()
      writes(between: 0...2)
      acts.append(.rest)
    }
    writes(between: 1...2)
    acts.reverse()
  }

  var description: String {
    "\(byCopy ? "copytruncate" : "create"), \(isDated ? "dated" : "numbered"), packing \(packing): "
      + done.map { "\($0)" }.joined(separator: "; ")
  }

  // MARK: - The script

  private mutating func writes(between range: ClosedRange<Int>) {
    for _ in 0..<range.lowerBound + random.below(range.count) {
      if random.oneIn(4) { acts += [.writeHalf, .writeRest] } else { acts.append(.write(1 + random.below(3))) }
    }
  }

  private func name(_ number: Int, packed: Bool = false) -> FilePath {
    let tag = isDated ? "-\(20_260_300 + number)" : ".\(number)"
    return Schedule.log.appendingToName(tag + (packed ? ".gz" : ""))
  }

  private mutating func rotate() {
    let before = rotations
    rotations += 1
    let newest = isDated ? rotations : 1
    if packing == .delayed, before > 0 { pack(name(isDated ? before : 1)) }
    if !isDated {
      for number in (1..<rotations).reversed() {
        let packed = packing != .none
        acts.append(.rename(name(number, packed: packed), name(number + 1, packed: packed)))
      }
    }
    if byCopy {
      acts += [.beginCopy(name(newest)), .copyHalf(name(newest)), .copyRest(name(newest)), .truncate]
    } else {
      acts += [.rename(Schedule.log, name(newest))]
      if random.oneIn(2) { acts.append(.write(1)) }
      if random.oneIn(2) { acts.append(.makeEmpty) }
      if random.oneIn(2) { acts.append(.write(1)) }
      acts.append(.reopen)
    }
    if packing == .atOnce { pack(name(newest)) }
  }

  private mutating func pack(_ path: FilePath) {
    acts += [.beginPacking(path), .packHalf(path), .packRest(path), .dropPacked(path)]
  }

  // MARK: - The acts

  var isOver: Bool { acts.isEmpty }
  var isResting: Bool { acts.last.map { $0 == .rest } ?? true }
  mutating func wake() { if isResting { _ = acts.popLast() } }

  /// The next act, unless they rest. What cannot be done is a mistake of the script, and is seen in what is missing.
  mutating func act(on files: SimFiles) {
    guard !isResting, let act = acts.popLast() else { return }
    done.append(act)
    try? perform(act, files)
  }

  private mutating func perform(_ act: Act, _ files: SimFiles) throws {
    switch act {
    case .rest: break
    case .write(let count):
      for _ in 0..<count { try add("\(begin())\n", files) }
    case .writeHalf: try add("\(begin().prefix(2))", files)
    case .writeRest: try add("\(Schedule.record(records).dropFirst(2))\n", files)
    case .rename(let from, let to):
      try files.outside { try $0.rename(from, to: to) }
      if open == from {
        hold([to], letting: [from], files)
        open = to
      }
    case .makeEmpty: try files.put(Schedule.log, "")
    case .reopen:
      hold([Schedule.log], letting: [open], files)
      open = Schedule.log
      if (files.text(of: open) ?? "").isEmpty { try files.append(to: open, "id,text\n") }
    case .beginCopy(let copy):
      try files.put(copy, "")
      hold([copy], files)
    case .copyHalf(let copy):
      let text = files.text(of: Schedule.log) ?? ""
      try files.append(to: copy, String(text.prefix(text.count / 2)))
    case .copyRest(let copy):
      let text = files.text(of: Schedule.log) ?? ""
      try files.append(to: copy, String(text.dropFirst(text.count / 2)))
      hold([], letting: [copy], files)
    case .truncate: try files.outside { try $0.truncate(Schedule.log, durable: true) }
    case .beginPacking(let path):
      try files.put(path.appendingToName(".gz"), "")
      hold([path.appendingToName(".gz")], files)
    case .packHalf(let path), .packRest(let path):
      let packed = try gzip(files.text(of: path) ?? "")
      let isHalf = act == .packHalf(path)
      try files.outside {
        try $0.put(path.appendingToName(".gz"), isHalf ? Array(packed.prefix(packed.count / 2)) : packed)
      }
      if !isHalf { hold([], letting: [path.appendingToName(".gz")], files) }
    case .dropPacked(let path): try files.take(path)
    }
  }

  private mutating func begin() -> String {
    records += 1
    return Schedule.record(records)
  }

  private func add(_ text: String, _ files: SimFiles) throws {
    try files.append(to: open, text)
  }

  private func hold(_ paths: [FilePath], letting gone: [FilePath] = [], _ files: SimFiles) {
    files.setKnobs { knobs in
      knobs.openForWriting.subtract(gone)
      knobs.openForWriting.formUnion(paths)
    }
  }
}
