import Core
import Files
import SystemPackage
import TestKit

/// A program that writes a log which the agent rotates or empties itself. It holds its file by descriptor: whatever name the file has
/// meanwhile, that is where it writes.
struct Producer: LogKeeper, Scripted {
  enum Act: Hashable {
    case write(Int)
    /// Half a record, and then its rest.
    case writeHalf, writeRest
    /// The file is let go, and what lies under the name of the log is opened, or made.
    case reopen
  }

  /// It opens the log for each write, and does not keep it.
  let opensEachTime: Bool
  var script = Script<Act>()
  private var records: Records
  private var held: UInt64?
  private var random: SteadyNumbers
  private let log: FilePath
  /// What it writes is on the disk at once.
  private let isDurable: Bool
  /// It has not written since the machine went down, and ends first what was left of a line.
  private var isNewLife = false

  var written: [[String]] { [records.all] }

  /// - Parameter isForeign: nobody can tell that it has a file open, so that it must not keep one while it rests.
  init(
    seed: UInt64, rounds: Int, isForeign: Bool, reopens: Bool, log: FilePath = Schedule.log, from number: Int = 1,
    isDurable: Bool = true
  ) {
    random = .thrown(seed)
    (self.log, records, self.isDurable) = (log, Records(number: number), isDurable)
    opensEachTime = random.oneIn(2) || isForeign
    for _ in 0..<rounds {
      for _ in 0..<1 + random.below(4) {
        if random.oneIn(3) { script.add(.writeHalf, .writeRest) } else { script.add(.write(1 + random.below(3))) }
        if reopens, !opensEachTime, random.oneIn(2) { script.add(.reopen) }
      }
      script.rest()
    }
  }

  var description: String { (opensEachTime ? "opens each time: " : "holds: ") + script.description }

  mutating func perform(_ act: Act, on files: SimFiles) {
    let (log, old, isDurable, isNewLife) = (log, held, isDurable, isNewLife)
    var text = ""
    switch act {
    case .reopen: held = nil
    case .write(let count): for _ in 0..<count { text += records.begin() + "\n" }
    case .writeHalf: text += records.begin().prefix(2)
    case .writeRest: text += (records.all.last ?? "").dropFirst(2) + "\n"
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
    script.leaveOut { $0 == .writeRest }
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
