import Config
import Core
import Files
import Journal
import Ledger
import SystemPackage
import TestKit
import Testing

@testable import Outbound

@Suite("Outbound, rows in the shape that AEP takes")
struct EventShapeTests {
  private static let tracking =
    "@id,[@broadLog-id],[@delivery-id],[@recipient-id],[url/@type],[@url-id],@logDate,[delivery/@messageType],sCrmId"
  private static let sentHeader =
    "_id,eventType,timestamp,trackinglogID,broadlogID,deliveryID,recipientID,url,crmId"

  private func shape() throws -> ShapeRules {
    var rules = try ShapePreset.tracking.rules(instance: "acc-prod")
    for index in rules.columns.indices {
      guard case .time(var time) = rules.columns[index].value else { continue }
      time.zone = "Europe/Paris"
      rules.columns[index].value = .time(time)
    }
    rules.columns.append(.init("crmId", .source(SourceColumn("sCrmId"))))
    return rules
  }

  private func world(_ files: SimFiles, change: (inout Settings) -> Void = { _ in }) throws -> World {
    let shape = try shape()
    return try World(
      files,
      change: {
        $0.streams[0].rows.shape = shape
        $0.streams[0].rows.check = .on
        change(&$0)
      })
  }

  private func disk(_ text: String) throws -> SimFiles {
    let files = SimMachine().files
    files.outside { $0.now = World.start.nanoseconds }
    try files.put("/logs/a.csv", text)
    return files
  }

  private func row(_ id: String, type: String = "2", at time: String = "2026/03/11 06:00:00", message: String = "0")
    -> String
  {
    "\(id),77,88,99,\(type),5,\(time),\(message),\"C,\(id)\"\n"
  }

  @Test("Rows are made, skipped, or kept for a person, and each kind is told once with its count")
  func made() async throws {
    let rows =
      row("1") + row("-2", type: "1") + row("3", type: "6") + row("4", message: "1") + row("5", type: "77")
      + row("6", type: "78") + row("7", at: "2026/03/29 02:30:00") + row("8", at: "2025/10/26 02:30:00")
      + row("9", at: "2026/07/01 06:00:00") + row("10", at: "yesterday") + row("1") + "11,77\n" + row("")
      + row("0b5a-uuid", type: "11")
    let files = try disk(Self.tracking + "\n" + rows)
    let world = try world(files)
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    func sent(_ id: String, _ event: String) -> String {
      "acc-prod:tl:\(id),directMarketing.\(event),2026-03-11T05:00:00Z,\(id),77,88,99,5,\"C,\(id)\"\n"
    }
    #expect(
      try world.sent(header: Self.sentHeader)
        == sent("1", "emailOpened") + sent("-2", "emailClicked") + sent("0b5a-uuid", "emailClicked"))
    let told = Dictionary(
      world.events.all(.rowsRejected).map { ($0.fields[.reason] ?? "", $0.fields[.rows] ?? "") },
      uniquingKeysWith: { $0 + "+" + $1 })
    #expect(
      told == [
        "unknown_value": "2", "no_such_time": "1", "ambiguous_time": "1", "future_time": "1", "bad_time": "1",
        "duplicate_key": "1", "column_count": "1", "missing_value": "1",
      ])
    #expect(world.events.all(.batchSealed).first?.message.contains("2 rows skipped, 9 rows left out") == true)
    let kept = files.files(below: "/state/streams/opens/aside").map { String(decoding: $0.value, as: UTF8.self) }
    #expect(kept.count == 2)
    #expect(kept.contains { $0.hasPrefix(Self.tracking + "\n" + row("5", type: "77")) && $0.contains("11,77\n") })
    #expect(kept.contains { $0.contains("\"byte\":\(Self.tracking.utf8.count + 1 + row("1").utf8.count)") == false })
    // Nothing of it is read again.
    var next = world.makeEngine()
    try await world.settle(&next, flush: true)
    #expect(world.store.keys.count == 1 && world.events.all(.rowsRejected).count == 8)
  }

  @Test("A log of which no row is sent makes no batch, and is read once")
  func nothingSent() async throws {
    let files = try disk(Self.tracking + "\n" + row("1", type: "6") + row("2", message: "1") + row("3", type: "77"))
    let world = try world(files)
    for _ in 0..<2 {
      var engine = world.makeEngine()
      try await world.settle(&engine, flush: true)
    }
    #expect(world.store.keys.isEmpty && world.events.all(.batchSealed).isEmpty)
    #expect(world.events.all(.rowsRejected).map { $0.fields[.rows] } == ["1"])
    #expect(try files.list("/logs").isEmpty)
  }

  @Test("With more bad rows than the stream allows it waits for a person, and nothing is lost")
  func tooMany() async throws {
    // Rows that came twice are no sign of wrong settings.
    let rows = row("1") + row("2", type: "77") + row("3") + row("3") + row("1") + row("3")
    let files = try disk(Self.tracking + "\n" + rows)
    let world = try world(files) { $0.streams[0].rows.rejects = .init(atMost: .share(1_000)) }
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(world.store.keys.isEmpty && engine.isInTrouble && world.events.all(.rowsRejected).isEmpty)
    #expect(world.events.all(.lanePaused).contains { $0.message.contains("1 of 6 would be left out") })
    let mended = try self.world(files) { $0.streams[0].rows.rejects = .init(atMost: .share(2_000)) }
    var next = mended.makeEngine()
    try await mended.settle(&next, flush: true)
    #expect(mended.store.keys.count == 1 && mended.events.all(.rowsRejected).count == 2)
  }

  @Test("A log without a column that the shape needs waits, and says which; what a preset only offers is left out")
  func columns() async throws {
    let files = try disk("@id,[url/@type],@logDate,sCrmId\n1,2,2026/03/11 06:00:00,c\n")
    let world = try world(files)
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(world.store.keys.isEmpty)
    #expect(
      world.events.all(.logWaiting).first?.message.contains(
        "no column “[delivery/@messageType]” or “iMessageType”, which “eventType” is made of") == true)
    let less = try disk("iTrackingLogId,[delivery/@messageType],iUrlType,tsLog,sCrmId\n1,0,2,2026/03/11 06:00:00,c\n")
    let other = try self.world(less)
    var next = other.makeEngine()
    try await other.settle(&next, flush: true)
    #expect(
      try other.sent(header: "_id,eventType,timestamp,trackinglogID,crmId")
        == "acc-prod:tl:1,directMarketing.emailOpened,2026-03-11T05:00:00Z,1,c\n")
  }

  @Test("An id that was sent in an earlier batch is left out, and one of a batch that was not sealed is not")
  func ids() async throws {
    let files = try disk(Self.tracking + "\n" + row("1") + row("2"))
    let world = try world(files) { $0.streams[0].rotation = .follow }
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    try files.append(to: "/logs/a.csv", row("2") + row("3"))
    try await world.settle(&engine, flush: true)
    let keys = world.store.keys
    #expect(keys.count == 2)
    #expect(try world.sent(header: Self.sentHeader).split(separator: "\n").count == 3)
    #expect(world.events.all(.rowsRejected).map { $0.fields[.reason] } == ["duplicate_key"])
  }

  @Test("A row that finds no room in a batch is in the next one: it was not sent before")
  func noRoom() async throws {
    let files = try disk(Self.tracking + "\n" + (1...40).map { row("\($0)") }.joined())
    // What is sent is longer than what the log holds, so that batches are full in the middle of what was read.
    let world = try world(files) { $0.streams[0].batch.maxBytes = 500 }
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true, passes: 80)
    let sent = try world.sent(header: Self.sentHeader).split(separator: "\n")
    #expect(sent.map { $0.prefix { $0 != "," } } == (1...40).map { "acc-prod:tl:\($0)" })
    #expect(world.store.keys.count > 5 && world.events.all(.rowsRejected).isEmpty)
  }

  @Test("Values are written so that one reader of CSV reads them, whatever stands in them")
  func quoting() async throws {
    let files = try disk("a,b\n\"x \"\"y\"\"\",\"l\nm\"\n\"p\\\"q,r\",\\\n")
    let world = try World(
      files,
      change: {
        $0.streams[0].rows.shape = ShapeRules([
          .init("b", .source(SourceColumn("b"))), .init("a", .source(SourceColumn("a"))),
        ])
      })
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try world.sent(header: "b,a") == "\"l\nm\",\"x \"\"y\"\"\"\n\\,\"p\"\"q,r\"\n")
    let again = try disk("a,b\n\"x \"\"y\"\"\",\"l\r\nm\"\nplain,\\\n")
    let replaced = try World(
      again,
      change: {
        $0.streams[0].rows.backslash = "/"
        $0.streams[0].rows.lineBreak = " "
      })
    var next = replaced.makeEngine()
    try await replaced.settle(&next, flush: true)
    #expect(try replaced.sent(header: "a,b") == "\"x \"\"y\"\"\",l m\nplain,/\n")
  }
}
