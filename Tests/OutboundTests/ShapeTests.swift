import Config
import Core
import Files
import Formats
import Journal
import Ledger
import Store
import SystemPackage
import TestKit
import Testing

@testable import Outbound

@Suite("Outbound, the shape and time of batches")
struct ShapeTests {
  private func world(_ log: String, change: (inout Settings) -> Void = { _ in }) throws -> (World, SimFiles) {
    let files = SimMachine().files
    try files.put("/logs/a.csv", log)
    return (try World(files, change: change), files)
  }

  // MARK: - Header

  @Test("The header is made of letters, digits and underscores where that is asked for; the records stay as they are")
  func sanitized() async throws {
    let (world, files) = try world("@id,[@delivery-id]\n1,\"a-b\"\n") {
      $0.streams[0].headerSanitize = true
      $0.streams[0].headerRename = ["@id": "_id"]
    }
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try world.sent(header: "_id,delivery_id") == "1,\"a-b\"\n")
    #expect(try files.list("/logs").isEmpty)
  }

  @Test(
    "Logs whose columns would have one name wait visibly; nothing is lost, and they go on once that is mended"
  )
  func collision() async throws {
    let (world, files) = try world("a-b,a_b\n1,x\n") { $0.streams[0].headerSanitize = true }
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(world.store.keys.isEmpty)
    let told = try #require(world.events.all(.logWaiting).first)
    #expect(told.message.contains("columns 1 and 2 of 2 would have one name"))
    #expect(engine.isInTrouble)
    let mended = try World(
      files,
      change: {
        $0.streams[0].headerSanitize = true
        $0.streams[0].headerRename = ["a-b": "first"]
      })
    var next = mended.makeEngine()
    try await mended.settle(&next, flush: true)
    #expect(try mended.sent(header: "first,a_b") == "1,x\n")
  }

  // MARK: - Merging

  @Test(
    "What has piled up in many logs leaves in few batches: one holds segments of several sources, never of two headers")
  func merged() async throws {
    let files = SimMachine().files
    for number in 10..<40 { try files.put(FilePath("/logs/\(number).csv"), "id,text\n\(number),x\n") }
    try files.put("/logs/50.csv", "id,text\n")
    try files.put("/logs/60.csv", "")
    let world = try World(files)
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(world.store.keys.count == 1)
    #expect(try world.sent() == (10..<40).map { "\($0),x\n" }.joined())
    let batches = try world.ledger.read { (t) throws(LedgerFault) in try t.batches.list() }
    #expect(batches.map(\.rows) == [30])
  }

  // MARK: - Schedule

  @Test(
    "With a schedule, batches are sealed at its times of day, not by age; a time that passed while the agent was down counts"
  )
  func schedule() async throws {
    // World's clock begins at 06:00 UTC: 07:00 in Paris.
    let (world, files) = try world("id,text\n1,a\n") {
      $0.streams[0].schedule = [0, 6, 12, 18].compactMap { TimeOfDay(hour: $0, minute: 0) }
      $0.streams[0].timezone = "Europe/Paris"
    }
    var engine = world.makeEngine()
    let pass = try engine.pass(at: world.now)
    #expect(world.store.keys.isEmpty)
    #expect(pass.next == world.now.uptime + Limits.logPoll)
    world.wait(.seconds(5 * 3_600 - 60))
    try await world.settle(&engine, passes: 1)
    #expect(world.store.keys.isEmpty)
    world.wait(.seconds(60))
    try await world.settle(&engine)
    #expect(try world.sent() == "1,a\n")
    try files.put("/logs/a.csv", "id,text\n2,b\n")
    try await world.settle(&engine)
    world.wait(.seconds(6 * 3_600))
    engine = world.makeEngine()
    try await world.settle(&engine)
    #expect(try world.sent() == "1,a\n2,b\n")
  }

  // MARK: - Days

  @Test(
    "With partition_by, a batch holds records of one day, by its column; rows whose stamp cannot be read stay with their neighbours"
  )
  func days() async throws {
    let (world, files) = try world(
      """
      id,[@event-date]
      1,2026-03-11T23:59:59Z
      2,\"2026-03-12 00:30:00+01:00\"
      3,nonsense
      4,1773273600
      5,2026-03-12T00:00:01Z
      6,
      7,2026-03-11T12:00:00Z
      8,2026-03-12T00:00:00Z
      """
    ) {
      $0.streams[0].headerSanitize = true
      $0.streams[0].partitionBy = "event_date"
      $0.streams[0].key = "{stream}/dt={date}/{seq}.csv.gz"
    }
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    let ids = try world.store.keys.sorted { $0.suffix(13) < $1.suffix(13) }.map { key in
      let rows = try gunzip(world.store.bytes(at: key)!).split(separator: "\n").dropFirst()
      return "\(key.split(separator: "/")[1]): " + rows.map { String($0.prefix(1)) }.joined()
    }
    #expect(ids == ["dt=2026-03-11: 123", "dt=2026-03-12: 456", "dt=2026-03-11: 7", "dt=2026-03-12: 8"])
    #expect(try files.list("/logs").isEmpty)
  }

  @Test(
    "Without any stamp that can be read, a batch is of the day of its sealing; without the column, the stream pauses visibly"
  )
  func noDay() async throws {
    let (world, _) = try world("id,ts\n1,x\n2,\n") {
      $0.streams[0].partitionBy = "ts"
      $0.streams[0].key = "{stream}/{date}/{seq}.csv.gz"
    }
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(world.store.keys == ["opens/2026-03-12/000001.csv.gz"])
    let (other, files) = try self.world("id,text\n1,x\n") { $0.streams[0].partitionBy = "ts" }
    var next = other.makeEngine()
    try await other.settle(&next, flush: true)
    #expect(other.events.all(.logWaiting).first?.message.contains("its header has no column ts") == true)
    #expect(files.text(of: "/logs/a.csv") == "id,text\n1,x\n")
  }

  @Test("Days are told alike however the bytes come, and at the speed of a log")
  func manyDays() async throws {
    let rows = (0..<30_000).map { number in
      let text = number % 50 == 0 ? "\"two\nlines\"" : "x"
      return "\(number),\(Timestamp(seconds: 1_773_273_600 + Int64(number) * 10).iso()),\(text)\n"
    }
    let (world, _) = try world("id,ts,text\n" + rows.joined()) { $0.streams[0].partitionBy = "ts" }
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try world.sent(header: "id,ts,text") == rows.joined())
    #expect(world.store.keys.count == 4)
  }

  // MARK: - Manifests

  @Test("A manifest is written after its batch, says what the batch is, and a batch without it is not delivered")
  func manifest() async throws {
    let (world, _) = try world("id,text\n1,a\n2,b\n") { $0.streams[0].manifest = "manifests" }
    var engine = world.makeEngine()
    engine.flush()
    let upload = try #require(try engine.pass(at: world.now).uploads.first)
    let receipt = try await world.store.create(upload.file, at: upload.key)
    engine.ended(upload, at: world.now.uptime)
    try engine.note(UploadOutcome(upload: upload, result: .success(receipt), took: .zero), at: world.now)
    // The agent is killed between batch and manifest.
    world.store.expect(.refused(.unreachable), .replyLost)
    engine = world.makeEngine()
    try await world.settle(&engine, passes: 1)
    #expect(try world.places(.ready) == ["opens-000001"])
    try await world.settle(&engine, passes: 60)
    #expect(world.store.keys == ["manifests/opens/000001.json", "opens/000001.csv.gz"])
    #expect(try world.places(.delivered) == ["opens-000001"])
    let text = String(decoding: try #require(world.store.bytes(at: "manifests/opens/000001.json")), as: UTF8.self)
    let sha = try #require(world.store.bytes(at: "opens/000001.csv.gz")).withUnsafeBytes { bytes in
      var hasher = ObjectHasher()
      hasher.update(bytes)
      return hasher.finish().sha256
    }
    #expect(
      text.hasPrefix(#"{"batch":"opens-000001","bytes":16,"compressed_bytes":"#)
        && text.contains(
          #""key":"opens/000001.csv.gz","rows":2,"schema":1,"sealed_at":"2026-03-12T06:00:00Z","sha256":"\#(sha)""#)
        && text.contains(
          #""sources":[{"from":0,"path":"/logs/a.csv.20260312T060000Z.navette","to":16}],"stream":"opens"}"#),
      "\(text)")
    #expect(world.events.all(.batchConfirmed).count == 1)
  }

  // MARK: - After delivery

  @Test("after: keep leaves a rotated log where it is; it is never read again, nor after a restart")
  func keep() async throws {
    let (world, files) = try world("id,text\n1,a\n") { $0.streams[0].after = .keep }
    for _ in 0..<3 {
      var engine = world.makeEngine()
      try await world.settle(&engine, flush: true)
    }
    #expect(try world.sent() == "1,a\n")
    #expect(world.store.keys.count == 1)
    #expect(try files.list("/logs").map(\.description) == ["a.csv.20260312T060000Z.navette"])
    world.wait(.seconds(10 * 86_400))
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(world.store.keys.count == 1)
    // As long as the log is there, its batch's plan is.
    #expect(try world.places(.delivered) == ["opens-000001"])
  }

  @Test("after: archive keeps a rotated log in the state folder for a while, whole; the same when it must be copied")
  func archive() async throws {
    for isForeign in [false, true] {
      let (world, files) = try world("id,text\n1,a\n") {
        $0.streams[0].after = .archive
        $0.streams[0].archiveKeep = .seconds(86_400)
      }
      if isForeign { files.setKnobs { $0.mounts = ["/logs", "/state"] } }
      var engine = world.makeEngine()
      try await world.settle(&engine, flush: true)
      #expect(try files.list("/logs").isEmpty)
      let kept = files.files(below: "/state/streams/opens/archive")
      #expect(Array(kept.values) == [Array("id,text\n1,a\n".utf8)])
      #expect(kept.keys.first?.lastComponent?.string.hasSuffix("-a.csv.20260312T060000Z") == true)
      #expect(world.events.all(.sourceGap).isEmpty)
      world.wait(.seconds(86_400 + 700))
      try await world.settle(&engine)
      #expect(files.files(below: "/state/streams/opens/archive").isEmpty)
    }
  }
}
