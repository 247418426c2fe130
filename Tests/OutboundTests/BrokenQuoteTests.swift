import Config
import Core
import Files
import Journal
import SystemPackage
import TestKit
import Testing

@testable import Outbound

@Suite("Outbound, a quote that is never closed")
struct BrokenQuoteTests {
  private static let rotations: [StreamSettings.Rotation] = [.rename, .copytruncate, .follow, .closed]

  /// What goes aside is of today.
  private static func disk() -> SimFiles {
    let files = SimMachine().files
    files.outside { $0.now = World.start.nanoseconds }
    return files
  }

  private func world(
    _ log: String, _ rotation: StreamSettings.Rotation
  ) throws -> World {
    let files = Self.disk()
    try files.put("/logs/a.csv", log)
    return try World(files, change: { $0.streams[0].rotation = rotation })
  }

  /// What was told of lines that were left out, and what was kept of them.
  private func expectAside(_ lines: [String], _ world: World, _ comment: Comment) throws {
    let told = world.events.all(.rowsRejected)
    #expect(told.map { $0.fields[.reason] } == (lines.isEmpty ? [] : ["unclosed_quote"]), comment)
    #expect(told.first?.fields[.rows] == (lines.isEmpty ? nil : "\(lines.count)"), comment)
    let kept = (world.files as? SimFiles)?.files(below: "/state/streams/opens/aside") ?? [:]
    let rows = kept.filter { $0.key.string.hasSuffix(".csv") }.values.map { String(decoding: $0, as: UTF8.self) }
    #expect(rows == (lines.isEmpty ? [] : ["id,text\n" + lines.joined()]), comment)
  }

  @Test("Its line goes aside, and what stands behind it is sent", arguments: rotations)
  func closedLog(rotation: StreamSettings.Rotation) async throws {
    let logs: [(log: String, sent: String, aside: [String])] = [
      ("1,a\n2,\"b\n3,c\n4,d\n", "1,a\n3,c\n4,d\n", ["2,\"b\n"]),
      // Closed by the quote of a later row.
      ("1,a\n2,\"b\n3,c\n4,\"d\"\n5,e\n", "1,a\n3,c\n4,\"d\"\n5,e\n", ["2,\"b\n"]),
      (
        "\"1\",\"a\"\n\"2\",\"b\n\"3\",\"c\"\n\"4\",\"d\"\n", "\"1\",\"a\"\n\"3\",\"c\"\n\"4\",\"d\"\n", ["\"2\",\"b\n"]
      ),
      // Two of them.
      ("1,\"a\n2,b\n3,\"c\n4,d\n5,e\n", "2,b\n4,d\n5,e\n", ["1,\"a\n", "3,\"c\n"]),
      ("\"1\",\"a\r\n\"2\",\"b\"\r\n\"3\",\"c\"\r\n", "\"2\",\"b\"\n\"3\",\"c\"\n", ["\"1\",\"a\r\n"]),
    ]
    for (log, sent, aside) in logs {
      let world = try world("id,text\n" + log, rotation)
      for _ in 0..<2 {
        var engine = world.makeEngine()
        try await world.settle(&engine, flush: true)
      }
      #expect(try world.sent() == sent, "\(rotation): \(log)")
      try expectAside(aside, world, "\(rotation): \(log)")
    }
  }

  @Test("A value with line breaks is no such line, whatever stands in it", arguments: rotations)
  func values(rotation: StreamSettings.Rotation) async throws {
    for text in [
      "1,\"a\nb\"\n2,c\n", "1,\"a\n2,b\n3,c\"\n4,d\n", "1,\"he said \"\"no\"\"\n2,x\"\n3,c\n",
      "1,\"he said \\\"no\\\"\n2,x\"\n3,c\n", "\"a\n\",b\n\"c\n\n\",d\n",
    ] {
      let world = try world("id,text\n" + text, rotation)
      var engine = world.makeEngine()
      try await world.settle(&engine, flush: true)
      #expect(try world.sent() == text, "\(rotation): \(text)")
      try expectAside([], world, "\(rotation): \(text)")
    }
  }

  @Test("A last row that lacks its line end alone is sent, also where its value has a line break", arguments: rotations)
  func lastRow(rotation: StreamSettings.Rotation) async throws {
    let files = Self.disk()
    try files.put("/logs/a.csv", "id,text\n1,a\n2,\"b\nc\"")
    let world = try World(files, change: { $0.streams[0].rotation = rotation })
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    let isClosed = rotation == .rename || rotation == .closed
    #expect(try world.sent() == "1,a\n" + (isClosed ? "2,\"b\nc\"\n" : ""))
    try expectAside([], world, "\(rotation)")
  }

  @Test("A log that is still written goes on behind it once two rows stand there; before, its value may be unfinished")
  func openLog() async throws {
    let files = Self.disk()
    try files.put("/logs/a.csv", "id,text\n1,a\n2,\"b\n3,c\n")
    let world = try World(files, change: { $0.streams[0].rotation = .follow })
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n")
    try expectAside([], world, "one row behind it")
    let waits = "9 bytes of a.csv wait: a quote that opens in the line at byte 12 is not closed yet"
    #expect(engine.leftByFlush == [waits])
    try files.append(to: "/logs/a.csv", "4,d\n5,e")
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n3,c\n4,d\n")
    try expectAside(["2,\"b\n"], world, "two rows behind it")
    #expect(engine.leftByFlush.isEmpty)
    // A value that is written in two goes is whole in the end.
    try files.append(to: "/logs/a.csv", "\n6,\"f\n")
    try await world.settle(&engine, flush: true)
    try files.append(to: "/logs/a.csv", "more\"\n7,g\n")
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n3,c\n4,d\n5,e\n6,\"f\nmore\"\n7,g\n")
  }

  @Test("A backslash before a closing quote keeps no row waiting once it is clear that it is data")
  func backslash() async throws {
    let files = Self.disk()
    let rows = "1,\"\"\"ember\\\"\n2,b\n3,c\n4,\"d\"\n"
    try files.put("/logs/a.csv", "id,text\n" + rows)
    let world = try World(files, change: { $0.streams[0].rotation = .follow })
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == rows)
    try expectAside([], world, "a backslash")
  }

  @Test("One that is followed by more than a record may hold is told as what it is, not as a large record")
  func long() async throws {
    let rows = (0..<300).map { "\($0),x\n" }.joined()
    let files = Self.disk()
    try files.put("/logs/a.csv", "id,text\n1,\"a\n" + rows)
    let world = try World(
      files,
      change: {
        $0.streams[0].rotation = .follow
        $0.streams[0].batch.maxRecord = 1_024
      })
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == rows)
    try expectAside(["1,\"a\n"], world, "followed by 300 rows")
    #expect(world.events.all(.sourceGap).isEmpty)
  }
}
