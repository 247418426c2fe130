import Core
import Files
import SystemPackage
import TestKit

/// Senders that put files into landing in their own ways, one act at a time, and the collector that takes what is handed over. No two
/// files hold the same.
struct Sender: Scripted {
  enum Act: Hashable {
    /// Under its own name, which is held open meanwhile.
    case begin(Int)
    /// Under a hidden name.
    case beginHidden(Int)
    case write(Int)
    case close(Int)
    /// From the hidden name to its own.
    case publish(Int)
    case collect
  }

  struct Taken: Hashable {
    let name: FileName
    let text: String
  }

  static let landing = FilePath("/srv/landing")
  static let handover = FilePath("/srv/import")
  private static let pieces = 3

  var script = Script<Act>()
  private(set) var taken: [Taken] = []
  let files: Int
  private var inodes: [Int: UInt64] = [:]
  private var written: [Int: Int] = [:]

  /// - Parameter isForeign: nobody can tell that it has a file open, so that it never writes one under its own name.
  init(seed: UInt64, rounds: Int, isForeign: Bool) {
    var random = SteadyNumbers.thrown(seed)
    files = rounds
    for number in 1...rounds {
      let isHidden = isForeign || random.oneIn(2)
      script.add(isHidden ? .beginHidden(number) : .begin(number))
      for _ in 0..<Self.pieces {
        script.add(.write(number))
        if random.oneIn(3) { script.rest() }
      }
      script.add(.close(number))
      if isHidden { script.add(.publish(number)) }
      if random.oneIn(3) { script.add(.collect) }
      if random.oneIn(2) { script.rest() }
    }
    script.rest()
    script.add(.collect)
  }

  /// Each fifth one has a row that is too short.
  static func isGood(_ number: Int) -> Bool { !number.isMultiple(of: 5) }

  static func text(_ number: Int) -> String { (0..<pieces).map { piece(number, $0) }.joined() }

  private static func piece(_ number: Int, _ part: Int) -> String {
    switch part {
    case 0: "id,text\n\(number),a"
    case 1: "\n\(number),b\n"
    default: isGood(number) ? "\(number),c\n" : "\(number)\n"
    }
  }

  private static func path(_ number: Int) -> FilePath { landing.appending(FileName("f-\(number).csv")) }
  private static func hidden(_ number: Int) -> FilePath { landing.appending(FileName(".f-\(number).csv.part")) }

  mutating func perform(_ act: Act, on files: SimFiles) throws {
    switch act {
    case .begin(let number): try hold(Self.path(number), number, files)
    case .beginHidden(let number): try hold(Self.hidden(number), number, files)
    case .write(let number):
      guard let inode = inodes[number] else { return }
      let piece = Self.piece(number, written[number, default: 0])
      files.outside { $0.append(to: inode, piece) }
      written[number, default: 0] += 1
    case .close(let number):
      guard let inode = inodes[number] else { return }
      files.outside { _ = $0.knobs.held.remove(inode) }
    case .publish(let number):
      try files.outside { try $0.rename(Self.hidden(number), to: Self.path(number)) }
    case .collect: try collect(from: files)
    }
  }

  private mutating func hold(_ path: FilePath, _ number: Int, _ files: SimFiles) throws {
    inodes[number] = try files.outside { disk in
      try disk.put(path, "")
      let inode = disk.inode(of: path)
      if let inode { disk.knobs.held.insert(inode) }
      return inode
    }
  }

  /// What lies there under a name that is not hidden.
  mutating func collect(from files: SimFiles) throws {
    for name in files.snapshot.names(in: Self.handover) where name.bytes.first != UInt8(ascii: ".") {
      let bytes = try files.take(Self.handover.appending(name)) ?? []
      taken.append(Taken(name: name, text: String(decoding: bytes, as: UTF8.self)))
    }
  }
}
