import Config
import Core
import Files
import Foundation
import Ledger
import SystemPackage
import TestKit
import Testing

@testable import Outbound

@Suite("Logs that are packed, by whatever program")
struct PackingTests {
  static let all = Packing.allCases

  static func packed(_ text: String, _ packing: Packing) async throws -> [UInt8] {
    if packing == .gzip { return try gzip(text) }
    let folder = try TemporaryFolder()
    let path = folder.path.appending("f").string
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    let outcome = try await Spawn.run(
      [packing.word, "-q", path], environment: ["PATH": "/usr/bin:/bin"])
    try #require(outcome.exitCode == 0, "\(outcome.stderr)")
    let suffix = String(decoding: packing.suffix, as: UTF8.self)
    return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path + suffix)))
  }

  static func name(_ name: String, _ packing: Packing) -> FilePath {
    FilePath("/logs/\(name)\(String(decoding: packing.suffix, as: UTF8.self))")
  }

  @Test("What was packed is read as it was, from any place, forward and back", arguments: all)
  func view(packing: Packing) async throws {
    let text = (0..<200_000).map { "\($0),a value of the row\n" }.joined()
    let files = SimMachine().files
    let bytes = try await Self.packed(text, packing)
    try files.outside { try $0.put("/logs/a", bytes) }
    let file = try files.open("/logs/a")
    #expect(try Packing(file) == packing)
    #expect(
      try UnpackedFile.contentSize(of: file, Wrapping(packing), at: "/logs/a") == UInt64(text.utf8.count))
    let view = LogForm.packed(Wrapping(packing)).view(file, at: "/logs/a")
    let whole = Array(text.utf8)
    for offset in [3_000_000, 10, whole.count - 7, 0, 2_000_000] {
      var buffer = [UInt8](repeating: 0, count: 5)
      let count = try buffer.withUnsafeMutableBufferPointer { (all) throws(FileFault) in
        try view.read(into: UnsafeMutableRawBufferPointer(all), at: UInt64(offset))
      }
      #expect(
        count > 0 && buffer[..<count].elementsEqual(whole[offset..<(offset + count)]),
        "at \(offset)")
    }
    // What is not whole is said, and by which program.
    try files.outside { try $0.put("/logs/cut", Array(bytes.dropLast(9))) }
    #expect(throws: FileFault.self) {
      try UnpackedFile.contentSize(of: files.open("/logs/cut"), Wrapping(packing), at: "/logs/cut")
    }
  }

  @Test(
    "follow: rotated and packed while nobody looked, the rest is read, and once", arguments: all,
    [true, false])
  func follow(packing: Packing, isAway: Bool) async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    let world = try World(
      files, logs: ["/logs/a.csv"], change: { $0.streams[0].rotation = .follow })
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    let first = try await Self.packed("id,text\n1,a\n2,b\n", packing)
    let second = try await Self.packed("id,text\n3,c\n", packing)
    try files.take("/logs/a.csv")
    try files.outside { disk in
      try disk.put(Self.name("a.csv.2", packing), first)
      try disk.put(Self.name("a.csv.1", packing), second)
    }
    try files.put("/logs/a.csv", "id,text\n4,d\n")
    if isAway { engine = world.makeEngine() }
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n2,b\n3,c\n4,d\n")
    #expect(world.events.all(.sourceGap).isEmpty)
  }

  @Test("closed: a packed file is sent as text, once it is whole", arguments: all)
  func closed(packing: Packing) async throws {
    let files = SimMachine().files
    let bytes = try await Self.packed("id,text\n1,a\n2,b", packing)
    let path = Self.name("a.csv", packing)
    try files.outside { try $0.put(path, Array(bytes.dropLast(9))) }
    try files.put("/logs/b.csv", "id,text\n3,c\n")
    let world = try World(
      files, logs: ["/logs/*.csv*"], change: { $0.streams[0].rotation = .closed })
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "3,c\n")
    #expect(world.events.all(.logWaiting).count == 1)
    try files.outside { disk in
      try disk.take(path)
      try disk.put(path, bytes)
    }
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "3,c\n1,a\n2,b\n")
    #expect(!engine.isInTrouble)
    engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "3,c\n1,a\n2,b\n")
  }

  /// As another system writes it.
  private static func encoded(_ text: String, _ encoding: FeedSettings.Encoding, hasMark: Bool) -> [UInt8] {
    switch encoding {
    case .utf8: return Array(text.utf8)
    case .latin1: return text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
    case .utf16:
      var bytes: [UInt8] = hasMark ? [0xfe, 0xff] : []
      for unit in text.utf16 { bytes += [UInt8(unit >> 8), UInt8(unit & 255)] }
      return bytes
    }
  }

  @Test(
    "closed: text in another encoding is sent as UTF-8, packed or not, and what is added to it later too",
    arguments: [FeedSettings.Encoding.utf16, .latin1], [true, false])
  func encodings(encoding: FeedSettings.Encoding, hasMark: Bool) async throws {
    let files = SimMachine().files
    let text = "id,text\r\n1,é\r\n2,\"ü\r\nü\"\r\n"
    let plain = Self.encoded(text, encoding, hasMark: hasMark)
    let packed = try gzip(plain)
    try files.outside { disk in
      try disk.put("/logs/a.csv", plain)
      try disk.put("/logs/b.csv.gz", packed)
    }
    let world = try World(
      files, logs: ["/logs/*.csv*"],
      change: {
        $0.streams[0].rotation = .closed
        $0.streams[0].encoding = encoding
      })
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    let rows = "1,é\n2,\"ü\r\nü\"\n"
    #expect(try world.sent() == rows + rows)
    let more = Self.encoded(text + "3,ä\n", encoding, hasMark: hasMark)
    files.outside { disk in
      if let inode = disk.inode(of: "/logs/a.csv") { disk.append(to: inode, Array(more.dropFirst(plain.count))) }
    }
    for _ in 0..<2 {
      try await world.settle(&engine, flush: true)
      engine = world.makeEngine()
    }
    #expect(try world.sent() == rows + rows + "3,ä\n")
    // What is not what the settings say waits, and says so.
    try files.put("/logs/c.csv", encoding == .utf16 ? "id,text\n1,a\n" : "\u{feff}id,text\n1,a\n")
    try await world.settle(&engine, flush: true)
    #expect(world.events.all(.logWaiting).contains { $0.message.contains("its text is not what encoding says") })
  }

  @Test("closed: a name that says another thing than the bytes is told, and nothing of it is sent")
  func misnamed() async throws {
    let files = SimMachine().files
    let bytes = try gzip("id,text\n1,a\n")
    try files.outside { try $0.put("/logs/a.csv", bytes) }
    try files.put("/logs/b.csv.gz", "id,text\n2,b\n")
    let world = try World(files, logs: ["/logs/*"], change: { $0.streams[0].rotation = .closed })
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(world.store.keys.isEmpty)
    let told = world.events.all(.logWaiting).map(\.message)
    #expect(told.count == 2)
    #expect(told.contains { $0.contains("it is packed by gzip, and its name does not end in .gz") })
    #expect(
      told.contains {
        $0.contains("its name says that it is packed by gzip, and its first bytes do not")
      })
  }
}
