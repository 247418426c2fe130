import Core
import Files
import SystemPackage
import TestKit

/// A writer and a logrotate beside the agent, one act at a time. Nothing of what they do loses a record.
struct Rotator: LogKeeper, Scripted {
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
  }

  let byCopy: Bool
  let isDated: Bool
  let packing: Packing
  var script = Script<Act>()
  private var records = Records()
  var written: [[String]] { [records.all] }
  private var open = Schedule.log
  private var rotations = 0
  private var random: SteadyNumbers

  init(seed: UInt64, rounds: Int) {
    random = .thrown(seed)
    (byCopy, isDated) = (random.oneIn(2), random.oneIn(3))
    packing = Packing.allCases[random.below(3)]
    for _ in 0..<rounds {
      writes(between: 1...3)
      script.rest()
      rotate()
      writes(between: 0...2)
      script.rest()
    }
    writes(between: 1...2)
  }

  var description: String {
    "\(byCopy ? "copytruncate" : "create"), \(isDated ? "dated" : "numbered"), packing \(packing): \(script)"
  }

  // MARK: - The script

  private mutating func writes(between range: ClosedRange<Int>) {
    for _ in 0..<range.lowerBound + random.below(range.count) {
      if random.oneIn(4) { script.add(.writeHalf, .writeRest) } else { script.add(.write(1 + random.below(3))) }
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
        script.add(.rename(name(number, packed: packed), name(number + 1, packed: packed)))
      }
    }
    if byCopy {
      script.add(.beginCopy(name(newest)), .copyHalf(name(newest)), .copyRest(name(newest)), .truncate)
    } else {
      script.add(.rename(Schedule.log, name(newest)))
      if random.oneIn(2) { script.add(.write(1)) }
      if random.oneIn(2) { script.add(.makeEmpty) }
      if random.oneIn(2) { script.add(.write(1)) }
      script.add(.reopen)
    }
    if packing == .atOnce { pack(name(newest)) }
  }

  private mutating func pack(_ path: FilePath) {
    script.add(.beginPacking(path), .packHalf(path), .packRest(path), .dropPacked(path))
  }

  // MARK: - The acts

  mutating func perform(_ act: Act, on files: SimFiles) throws {
    switch act {
    case .write(let count):
      for _ in 0..<count { try add(records.begin() + "\n", files) }
    case .writeHalf: try add(String(records.begin().prefix(2)), files)
    case .writeRest: try add((records.all.last ?? "").dropFirst(2) + "\n", files)
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
