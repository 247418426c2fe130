import Core
import Files
import SystemPackage
import TestKit

/// A program that writes a log which the agent rotates or empties itself. It holds its file by descriptor: whatever name the file has
/// meanwhile, that is where it writes.
struct Producer: LogKeeper {
  enum Act: Hashable {
    case write(Int)
    /// Half a record, and then its rest.
    case writeHalf, writeRest
    /// The file is let go, and what lies under the name of the log is opened, or made.
    case reopen
    case rest
  }

  /// It opens the log for each write, and does not keep it.
  let opensEachTime: Bool
  private(set) var acts: [Act] = []
  private(set) var done: [Act] = []
  private var records: [String] = []
  private var held: UInt64?
  private var random: SteadyNumbers
  private let log: FilePath
  /// Of the first record.
  private let number: Int
  /// What it writes is on the disk at once.
  private let isDurable: Bool
  /// It has not written since the machine went down, and ends first what was left of a line.
  private var isNewLife = false

  var written: [[String]] { [records] }

  /// - Parameter isForeign: nobody can tell that it has a file open, so that it must not keep one while it rests.
  init(
    seed: UInt64, rounds: Int, isForeign: Bool, reopens: Bool, log: FilePath = Schedule.log, from number: Int = 1,
    isDurable: Bool = true
  ) {
    random = .thrown(seed)
    (self.log, self.number, self.isDurable) = (log, number, isDurable)
    opensEachTime = random.oneIn(2) || isForeign
    for _ in 0..<rounds {
      for _ in 0..<1 + random.below(4) {
        if random.oneIn(3) { acts += [.writeHalf, .writeRest] } else { acts.append(.write(1 + random.below(3))) }
        if reopens, !opensEachTime, random.oneIn(2) { acts.append(.reopen) }
      }
      acts.append(.rest)
    }
    acts.reverse()
  }

  var description: String {
    (opensEachTime ? "opens each time" : "holds") + ": " + done.map { "\($0)" }.joined(separator: "; ")
  }
  var isOver: Bool { acts.isEmpty }
  var isResting: Bool { acts.last.map { $0 == .rest } ?? true }
  mutating func wake() { if isResting { _ = acts.popLast() } }

  mutating func act(on files: SimFiles) {
    guard !isResting, let act = acts.popLast() else { return }
    done.append(act)
    let (log, old, isDurable, isNewLife) = (log, held, isDurable, isNewLife)
    var text = ""
    switch act {
    case .rest: return
    case .reopen: held = nil
    case .write(let count): for _ in 0..<count { text += begin() + "\n" }
    case .writeHalf: text += begin().prefix(2)
    case .writeRest: text += (records.last ?? "").dropFirst(2) + "\n"
    }
    let (added, known) = (text, held)
    let isKept = !opensEachTime || act == .writeHalf
    if !added.isEmpty { self.isNewLife = false }
    held = try? files.outside { disk in
      if let old { disk.knobs.held.remove(old) }
      if known == nil, disk.inode(of: log) == nil { try disk.put(log, "", durable: isDurable) }
      guard let inode = known ?? disk.inode(of: log) else { return nil }
      let last = disk.bytes(of: inode).last
      let before = last == nil ? "id,text\n" : isNewLife && last != UInt8(ascii: "\n") ? "\n" : ""
      disk.append(to: inode, added.isEmpty ? "" : before + added, durable: isDurable)
      if isKept { disk.knobs.held.insert(inode) }
      return isKept ? inode : nil
    }
  }

  mutating func goDown() {
    guard !isDurable else { return }
    held = nil
    isNewLife = true
    if acts.last == .writeRest { _ = acts.popLast() }
  }

  private mutating func begin() -> String {
    let record = Schedule.record(number + records.count)
    records.append(record)
    return record
  }
}

/// Two of them, each with a log of its own.
struct Pair: LogKeeper {
  var one: Producer
  var other: Producer
  private var random: SteadyNumbers

  init(seed: UInt64, _ one: Producer, _ other: Producer) {
    (self.one, self.other) = (one, other)
    random = .thrown(seed)
  }

  var description: String { "\(one) | \(other)" }
  var written: [[String]] { one.written + other.written }
  var isOver: Bool { one.isOver && other.isOver }
  var isResting: Bool { one.isResting && other.isResting }
  mutating func wake() {
    one.wake()
    other.wake()
  }
  mutating func act(on files: SimFiles) {
    if !one.isResting, other.isResting || random.oneIn(2) { one.act(on: files) } else { other.act(on: files) }
  }
  mutating func goDown() {
    one.goDown()
    other.goDown()
  }
}

/// A program that writes one file after the other: under its own name, which it holds meanwhile, or under another one from which it is
/// moved when it is complete.
struct Closer: LogKeeper {
  enum Act: Hashable {
    case begin(FilePath)
    case write(FilePath, Int)
    case writeHalf(FilePath)
    case writeRest(FilePath)
    case close(FilePath)
    case move(FilePath, FilePath)
    case rest
  }

  private(set) var acts: [Act] = []
  private(set) var done: [Act] = []
  private var records = 0
  private var random: SteadyNumbers

  var written: [[String]] { [(0..<records).map { Schedule.record($0 + 1) }] }

  init(seed: UInt64, rounds: Int, isForeign: Bool) {
    random = .thrown(seed)
    for number in 1...rounds {
      let name = FilePath("/logs/f-\(number).csv")
      let isMoved = isForeign || random.oneIn(2)
      let path = isMoved ? FilePath("/logs/.f-\(number).csv.tmp") : name
      acts.append(.begin(path))
      for _ in 0..<random.below(4) {
        if random.oneIn(3) {
          acts += [.writeHalf(path), .writeRest(path)]
        } else {
          acts.append(.write(path, 1 + random.below(3)))
        }
        if random.oneIn(4) { acts.append(.rest) }
      }
      acts.append(.close(path))
      if isMoved { acts.append(.move(path, name)) }
      if random.oneIn(2) { acts.append(.rest) }
    }
    acts += [.begin("/logs/last.csv"), .write("/logs/last.csv", 1), .close("/logs/last.csv"), .rest]
    acts.reverse()
  }

  var description: String { done.map { "\($0)" }.joined(separator: "; ") }
  var isOver: Bool { acts.isEmpty }
  var isResting: Bool { acts.last.map { $0 == .rest } ?? true }
  mutating func wake() { if isResting { _ = acts.popLast() } }

  mutating func act(on files: SimFiles) {
    guard !isResting, let act = acts.popLast() else { return }
    done.append(act)
    try? perform(act, files)
  }

  private mutating func perform(_ act: Act, _ files: SimFiles) throws {
    switch act {
    case .rest: break
    case .begin(let path):
      try files.outside { disk in
        try disk.put(path, "")
        if let inode = disk.inode(of: path) { disk.knobs.held.insert(inode) }
      }
    case .write(let path, let count): for _ in 0..<count { try add(begin() + "\n", path, files) }
    case .writeHalf(let path): try add(String(begin().prefix(2)), path, files)
    case .writeRest(let path): try add(Schedule.record(records).dropFirst(2) + "\n", path, files)
    case .close(let path):
      files.outside { disk in
        if let inode = disk.inode(of: path) { disk.knobs.held.remove(inode) }
      }
    case .move(let path, let name): try files.outside { try $0.rename(path, to: name) }
    }
  }

  private func add(_ text: String, _ path: FilePath, _ files: SimFiles) throws {
    let header = files.text(of: path)?.isEmpty == true ? "id,text\n" : ""
    try files.append(to: path, header + text)
  }

  private mutating func begin() -> String {
    records += 1
    return Schedule.record(records)
  }
}
