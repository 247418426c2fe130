import Config
import Core
import Files
import Ledger
import SystemPackage
import TestKit
import Testing

@testable import Outbound

@Suite("Outbound, what records look like")
struct RecordTests {
  /// Sends one log after another under one name, each rotated away and closed, in one batch.
  private func sent(
    _ logs: String..., header: String = "id,text", change: (inout Settings) -> Void = { _ in }
  ) async throws -> (text: String, rows: Int) {
    let files = SimMachine().files
    for (index, log) in logs.enumerated() { try files.put(FilePath("/logs/\(index).csv"), log) }
    let world = try World(files, change: change)
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    let batches = try world.ledger.read { (t) throws(LedgerFault) in try t.batches.list() }
    return (try world.sent(header: header), batches.reduce(0) { $0 + $1.rows })
  }

  @Test("Quotes that are doubled and quotes behind a backslash stay as they are, and end no record")
  func quotes() async throws {
    let text = "1,\"a \"\"b\"\"\nc\"\n2,\"d \\\"e\\\"\nf\"\n3,\"\"\n4,g\n"
    #expect(try await sent("id,text\n" + text) == (text, 4))
  }

  @Test("CRLF ends a record and is sent as LF, in the header too; in a value it stays")
  func carriageReturns() async throws {
    #expect(
      try await sent("id,text\r\n1,a\r\n\r\n2,\"b\r\nb\"\r\n", "id,text\n3,c\n") == ("1,a\n2,\"b\r\nb\"\n3,c\n", 3))
  }

  @Test("The mark that some programs begin a file with is never sent, wherever it stands before a header or a record")
  func mark() async throws {
    let mark = "\u{feff}"
    #expect(try await sent(mark + "id,text\n1,a\n", mark + "id,text\n2,b\n" + mark + "id,text\n3,c\n") == ("1,a\n2,b\n3,c\n", 3))
    #expect(
      try await sent(mark + "1,a\n2,b\n", header: "x,y", change: { $0.streams[0].header = .columns(["x", "y"]) })
        == ("1,a\n2,b\n", 2))
  }

  @Test("NUL bytes are data")
  func nulBytes() async throws {
    #expect(try await sent("id,text\n1,a\0b\n\0\n2,c\n") == ("1,a\0b\n\0\n2,c\n", 3))
  }

  @Test("The last record of a closed log gets the line end that it lacks; with a quote that is never closed it goes aside")
  func unfinished() async throws {
    #expect(try await sent("id,text\n1,a\n2,b", "id,text\n3,c\n") == ("1,a\n2,b\n3,c\n", 3))
    #expect(try await sent("id,text\n1,a\n2,\"b", "id,text\n3,c\n") == ("1,a\n3,c\n", 2))
    #expect(try await sent("id,text\n1,a\n2,\"b \"\"", "id,text\n3,c\n") == ("1,a\n3,c\n", 2))
    #expect(
      try await sent("id,text\n1,a\n2,\"b", "id,text\n3,c\n", change: { $0.streams[0].record = .line })
        == ("1,a\n2,\"b\n3,c\n", 3))
  }

  @Test(
    "An empty log, one with a header alone and one with blank lines make no object",
    arguments: ["", "id,text\n", "id,text\n\n\r\n\n"])
  func nothing(log: String) async throws {
    for rotation in [StreamSettings.Rotation.rename, .copytruncate, .follow, .closed] {
      let files = SimMachine().files
      try files.put("/logs/a.csv", log)
      let world = try World(files, change: { $0.streams[0].rotation = rotation })
      for _ in 0..<2 {
        var engine = world.makeEngine()
        try await world.settle(&engine, flush: true)
      }
      #expect(world.store.keys.isEmpty && world.events.all(.batchSealed).isEmpty, "\(rotation)")
      #expect(world.events.all(.sourceGap).isEmpty, "\(rotation)")
    }
  }

  @Test("A header that changes begins another schema folder; one that comes back goes into the first again")
  func schemaFolders() async throws {
    let files = SimMachine().files
    let world = try World(
      files, logs: ["/logs/a.csv"],
      change: {
        $0.streams[0].rotation = .follow
        $0.streams[0].key = "{stream}/{schema}/{seq}.csv.gz"
      })
    var engine = world.makeEngine()
    for (round, header) in ["id,text", "id,text,more", "id,text"].enumerated() {
      try files.put("/logs/a.csv", "\(header)\n\(round),a\n")
      try await world.settle(&engine, flush: true)
      try files.outside { try $0.rename("/logs/a.csv", to: FilePath("/logs/a.csv.\(9 - round)")) }
    }
    let folders = world.store.keys.map { $0.split(separator: "/")[1] }
    #expect(world.store.keys.count == 3 && Set(folders).count == 2)
    let texts = try world.store.keys.map { try gunzip(world.store.bytes(at: $0) ?? []) }
    #expect(Set(texts) == ["id,text\n0,a\n", "id,text,more\n1,a\n", "id,text\n2,a\n"])
  }

  @Test("A record that is too large is kept aside in every rotation, and the stream goes on")
  func tooLarge() async throws {
    let huge = "2," + String(repeating: "x", count: 5_000) + "\n"
    for rotation in [StreamSettings.Rotation.rename, .copytruncate, .follow, .closed] {
      let files = SimMachine().files
      files.outside { $0.now = World.start.nanoseconds }
      try files.put("/logs/a.csv", "id,text\n1,a\n\(huge)3,c\n")
      let world = try World(
        files,
        change: {
          $0.streams[0].rotation = rotation
          $0.streams[0].batch.maxRecord = 1_024
        })
      for _ in 0..<2 {
        var engine = world.makeEngine()
        try await world.settle(&engine, flush: true)
      }
      #expect(try world.sent() == "1,a\n3,c\n", "\(rotation)")
      #expect(world.events.all(.sourceGap).map { $0.fields[.reason] } == ["record_too_large"], "\(rotation)")
      #expect(Array(files.files(below: "/state/streams/opens/aside").values) == [Array(huge.utf8)])
      // It is about people, and nobody's to keep for ever.
      world.wait(Limits.asideKeep)
      var engine = world.makeEngine()
      _ = try engine.pass(at: world.now)
      #expect(files.files(below: "/state/streams/opens/aside").isEmpty, "\(rotation)")
      #expect(world.events.all(.placeSwept).contains { $0.fields[.bytes] == "\(huge.utf8.count)" }, "\(rotation)")
    }
  }

  @Test("After a long outage many small logs leave in one batch, oldest first")
  func catchingUp() async throws {
    let files = SimMachine().files
    let world = try World(files, logs: ["/logs/a.csv"], change: { $0.streams[0].rotation = .follow })
    var engine = world.makeEngine()
    try files.put("/logs/a.csv", "id,text\n0,a\n")
    _ = try engine.pass(at: world.now)
    world.wait(.seconds(2 * 86_400))
    for round in 1...40 {
      for old in (1..<round).reversed() {
        try files.outside { try $0.rename(FilePath("/logs/a.csv.\(old)"), to: FilePath("/logs/a.csv.\(old + 1)")) }
      }
      try files.outside { try $0.rename("/logs/a.csv", to: "/logs/a.csv.1") }
      try files.put("/logs/a.csv", "id,text\n\(round),a\n")
    }
    var next = world.makeEngine()
    try await world.settle(&next, flush: true)
    #expect(world.store.keys.count == 1)
    #expect(try world.sent() == (0...40).map { "\($0),a\n" }.joined())
  }

  @Test(
    "Two files of 10 MB, and an agent that is away for longer: what it had seen and not read is said with its bytes")
  func stalled() async throws {
    let files = SimMachine().files
    let world = try World(
      files, logs: ["/logs/mta.log"],
      change: {
        $0.streams[0].rotation = .follow
        $0.streams[0].header = .none
      })
    try files.put("/logs/mta.log", "1,a\n")
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    try files.append(to: "/logs/mta.log", "2,lost\n")
    _ = try engine.pass(at: world.now)
    for round in 3...4 {
      try files.outside { try $0.rename("/logs/mta.log", to: "/logs/mta_2.log") }
      try files.put("/logs/mta.log", "\(round),b\n")
    }
    var next = world.makeEngine()
    try await world.settle(&next, flush: true)
    let texts = try world.store.keys.map { try gunzip(world.store.bytes(at: $0) ?? []) }
    #expect(texts.joined() == "1,a\n3,b\n4,b\n")
    #expect(world.events.all(.sourceGap).map { $0.fields[.bytes] } == ["7"])
  }
}

@Suite("Outbound, logs that pose as others")
struct PosingLogTests {
  private func world(_ files: SimFiles, _ rotation: StreamSettings.Rotation = .closed) throws -> World {
    try World(files, change: { $0.streams[0].rotation = rotation })
  }

  @Test("A file that got the inode of a log that was deleted is another, as far as its birth or its bytes tell")
  func inodeReuse() async throws {
    for tellsBirth in [true, false] {
      let files = SimMachine().files
      files.setKnobs { $0.tellsBirth = tellsBirth }
      try files.put("/logs/a.csv", "id,text\n1,a\n")
      let world = try world(files)
      var engine = world.makeEngine()
      try await world.settle(&engine, flush: true)
      let other = tellsBirth ? "id,text\n1,a\n2,b\n" : "id,text\n7,a\n2,b\n"
      try files.outside { try $0.reincarnate("/logs/a.csv", other) }
      var next = world.makeEngine()
      try await world.settle(&next, flush: true)
      #expect(try world.sent() == "1,a\n" + other.dropFirst(8), "birth: \(tellsBirth)")
    }
  }

  @Test("A log shorter than its fingerprint is the same when it has grown, across restarts, byte by byte")
  func growing() async throws {
    for rotation in [StreamSettings.Rotation.copytruncate, .follow, .closed] {
      let files = SimMachine().files
      let world = try world(files, rotation)
      let text = "id,text\n1,a\n2,b\n3,c\n"
      for byte in text {
        try files.append(to: "/logs/a.csv", String(byte))
        // Not closed yet.
        files.setKnobs { $0.openForWriting = ["/logs/a.csv"] }
        var engine = world.makeEngine()
        _ = try engine.pass(at: world.now)
      }
      let rows = (4...2_000).map { "\($0),d\n" }.joined()
      try files.append(to: "/logs/a.csv", rows)
      files.setKnobs { $0.openForWriting = [] }
      for _ in 0..<2 {
        var engine = world.makeEngine()
        try await world.settle(&engine, flush: true)
      }
      #expect(try world.sent() == text.dropFirst(8) + rows, "\(rotation)")
      #expect(world.events.all(.sourceGap).isEmpty, "\(rotation)")
    }
  }

  @Test("A live log that is emptied or rewritten before it was set aside: what was seen and not read is said")
  func rewritten() async throws {
    for rest in ["id,text\n", "id,text\n3,c\n4,d\n5,e\n"] {
      let files = SimMachine().files
      try files.put("/logs/a.csv", "id,text\n1,a\n2,b\n")
      let world = try world(files, .rename)
      var engine = world.makeEngine()
      _ = try engine.pass(at: world.now)
      try files.outside { try $0.truncate("/logs/a.csv") }
      try files.append(to: "/logs/a.csv", rest)
      try await world.settle(&engine, flush: true)
      let keys = world.store.keys
      #expect(try keys.isEmpty == (rest.count == 8) && world.sent() == rest.dropFirst(8))
      #expect(world.events.all(.sourceGap).map { $0.fields[.bytes] } == ["8"])
    }
  }

  @Test("Two logs that swap their names are what they were")
  func swapped() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    try files.put("/logs/b.csv", "id,text\n1,a\n2,b\n")
    let world = try world(files, .follow)
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    for (from, to) in [("a", "c"), ("b", "a"), ("c", "b")] {
      try files.outside { try $0.rename(FilePath("/logs/\(from).csv"), to: FilePath("/logs/\(to).csv")) }
    }
    try files.append(to: "/logs/a.csv", "3,c\n")
    try files.append(to: "/logs/b.csv", "4,d\n")
    var next = world.makeEngine()
    try await world.settle(&next, flush: true)
    #expect(try world.sent().split(separator: "\n").sorted() == ["1,a", "1,a", "2,b", "3,c", "4,d"])
    #expect(world.events.all(.sourceGap).isEmpty)
  }
}
