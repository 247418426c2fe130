import Config
import Core
import Files
import Journal
import Ledger
import Spool
import Store
import SystemPackage
import TestKit
import Testing
import Threads

@testable import Outbound

@Suite("Outbound, what a stream does with its logs")
struct StreamWorkerTests {
  private func world(_ log: String, change: (inout Settings) -> Void = { _ in }) throws -> (World, SimFiles) {
    let files = SimMachine().files
    try files.put("/logs/a.csv", log)
    return (try World(files, change: change), files)
  }

  @Test("Nothing is touched before it is due by age or size")
  func patience() async throws {
    let (world, files) = try world("id,text\n1,a\n")
    var engine = world.makeEngine()
    try await world.settle(&engine)
    #expect(files.text(of: "/logs/a.csv") == "id,text\n1,a\n")
    #expect(world.store.keys.isEmpty)
    world.wait(.seconds(4 * 3_600))
    try await world.settle(&engine)
    #expect(try world.sent() == "1,a\n")
    #expect(try files.list("/logs").isEmpty)
  }

  @Test("The age of unread records survives a restart")
  func ageSurvives() async throws {
    let (world, _) = try world("id,text\n1,a\n")
    for _ in 0..<5 {
      var engine = world.makeEngine()
      try await world.settle(&engine)
      world.wait(.seconds(3_600))
    }
    #expect(try world.sent() == "1,a\n")
  }

  @Test("A pass asks to be called again when the oldest record will be due")
  func nextLook() throws {
    let (world, _) = try world("id,text\n1,a\n") { $0.streams[0].batch.maxAge = .seconds(10) }
    var engine = world.makeEngine()
    let pass = try engine.pass(at: world.now)
    #expect(pass.next == world.now.uptime + .seconds(10))
  }

  @Test("A header alone makes no batch, however old")
  func headerAlone() async throws {
    let (world, files) = try world("id,text\n")
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(world.store.keys.isEmpty)
    #expect(files.text(of: "/logs/a.csv") == "id,text\n")
  }

  @Test("Full batches leave by size; the rest waits for its age")
  func bySize() async throws {
    let rows = (1...100).map { "\($0),xxxxxxxxxx\n" }.joined()
    let (world, _) = try world("id,text\n" + rows) { $0.streams[0].batch.maxBytes = 300 }
    var engine = world.makeEngine()
    try await world.settle(&engine)
    let sent = try world.sent()
    #expect(rows.hasPrefix(sent) && !sent.isEmpty && sent.count < rows.count)
    for key in world.store.keys { #expect(try gunzip(world.store.bytes(at: key)!).utf8.count <= 300) }
    world.wait(.seconds(4 * 3_600))
    try await world.settle(&engine)
    #expect(try world.sent() == rows)
  }

  @Test("A backlog is sealed a few batches a pass, so that sending begins; all that was due leaves")
  func backlog() async throws {
    let rows = (1...400).map { "\($0),xxxxxxxxxx\n" }.joined()
    let (world, _) = try world("id,text\n" + rows) { $0.streams[0].batch.maxBytes = 300 }
    var engine = world.makeEngine()
    engine.flush()
    let first = try engine.pass(at: world.now)
    #expect(try world.places(.ready).count == Limits.batchesPerPass && !first.uploads.isEmpty)
    #expect(first.next <= world.now.uptime + .milliseconds(10))
    for upload in first.uploads {
      let receipt = try await world.store.create(upload.file, at: upload.key)
      engine.ended(upload, at: world.now.uptime)
      try engine.note(UploadOutcome(upload: upload, result: .success(receipt), took: .zero), at: world.now)
    }
    // Nobody flushes again: what was due stays due.
    try await world.settle(&engine)
    #expect(try world.sent() == rows)
  }

  @Test("max_rows closes a batch at exactly so many rows")
  func byRows() async throws {
    let rows = (1...10).map { "\($0),x\n" }.joined()
    let (world, _) = try world("id,text\n" + rows) { $0.streams[0].batch.maxRows = 4 }
    var engine = world.makeEngine()
    try await world.settle(&engine)
    #expect(world.store.keys.count == 2)
    world.wait(.seconds(4 * 3_600))
    try await world.settle(&engine)
    #expect(
      try world.store.keys.map { try gunzip(world.store.bytes(at: $0)!).split(separator: "\n").count - 1 } == [4, 4, 2])
    #expect(try world.sent() == rows)
  }

  @Test("A quoted line break is data, also across a batch's end")
  func quotedBreaks() async throws {
    let rows = (1...30).map { "\($0),\"x\ny\"\n" }.joined()
    let (world, _) = try world("id,text\n" + rows) { $0.streams[0].batch.maxBytes = 40 }
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == rows)
    #expect(world.store.keys.count > 8)
  }

  @Test("A writer that keeps the renamed log open is followed until it lets go; its last record then counts")
  func openWriter() async throws {
    let (world, files) = try world("id,text\n1,a\n")
    var engine = world.makeEngine()
    files.setKnobs { $0.openForWriting = ["/logs/a.csv", "/logs/a.csv.20260312T060000Z.navette"] }
    try await world.settle(&engine, flush: true)
    let aside = try #require(try files.list("/logs").first)
    #expect(aside.description.hasSuffix(".navette"))
    #expect(try world.sent() == "1,a\n")
    let path = FilePath("/logs").appending(aside)
    files.setKnobs { $0.openForWriting = [path] }
    try files.append(to: path, "2,b\n3,unfinished")
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n2,b\n")
    #expect(try files.list("/logs") == [aside])
    files.setKnobs { $0.openForWriting = [] }
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n2,b\n3,unfinished\n")
    #expect(try files.list("/logs").isEmpty)
  }

  @Test("A log of another user, whose writers cannot be told, counts as closed when it has been at rest")
  func restingLog() async throws {
    let (world, files) = try world("id,text\n1,a")
    files.setKnobs { $0.foreign = ["/logs"] }
    var engine = world.makeEngine()
    engine.flush()
    _ = try engine.pass(at: world.now)
    try await world.settle(&engine, flush: true)
    #expect(world.events.all(.batchSealed).count <= 1)
    world.wait(Limits.restBeforeFinal)
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n")
  }

  @Test("Logs with another header go into a batch of their own")
  func otherHeader() async throws {
    let (world, files) = try world("id,text\n1,a\n")
    try files.put("/logs/b.csv", "id,text,more\n2,b,c\n")
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(
      try world.store.keys.map { try gunzip(world.store.bytes(at: $0)!) } == [
        "id,text\n1,a\n", "id,text,more\n2,b,c\n",
      ])
  }

  @Test("A record larger than max_record is kept aside and said; the stream goes on")
  func tooLarge() async throws {
    let huge = "2," + String(repeating: "x", count: 5_000) + "\n"
    let (world, files) = try world("id,text\n1,a\n" + huge + "3,c\n") { $0.streams[0].batch.maxRecord = 1_024 }
    files.outside { $0.now = World.start.nanoseconds }
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n3,c\n")
    let gaps = world.events.all(.sourceGap)
    #expect(gaps.map { $0.fields[.bytes] } == ["\(huge.utf8.count)"])
    #expect(Array(files.files(below: "/state/streams/opens/aside").values) == [Array(huge.utf8)])
  }

  @Test("A refused batch is held; other batches of the stream go on; moved back to ready by hand, it is sent again")
  func heldBatch() async throws {
    let (world, files) = try world("id,text\n1,a\n2,b\n") { $0.streams[0].batch.maxBytes = 12 }
    world.store.expect(.refused(.refused))
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try world.places(.held) == ["opens-000001"])
    #expect(try world.sent() == "2,b\n")
    #expect(world.events.all(.batchHeld).count == 1)
    try files.move("/state/streams/opens/held/opens-000001", to: "/state/streams/opens/ready/opens-000001")
    try await world.settle(&engine)
    #expect(try world.sent() == "1,a\n2,b\n")
    #expect(try world.places(.held).isEmpty)
  }

  @Test("One store's refusal keeps a batch from no other store")
  func oneOfTwo() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    let world = try World(files, stores: ["shelf", "second"])
    world.store.expect(.refused(.refused))
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try world.sent(in: world.second) == "1,a\n")
    #expect(try world.places(.held) == ["opens-000001"])
  }

  @Test("A full spool leaves records in the logs, says so once, and goes on when batches are confirmed")
  func fullSpool() async throws {
    let rows = (1...50).map { "\($0),x\n" }.joined()
    let (world, files) = try world("id,text\n" + rows) {
      $0.streams[0].batch.maxBytes = 50
      $0.limits.spoolMaxBytes = 100
    }
    for _ in 0..<20 { world.store.expect(.refused(.unreachable)) }
    var engine = world.makeEngine()
    engine.flush()
    let pass = try engine.pass(at: world.now)
    for upload in pass.uploads {
      let fault = StoreFault(.unreachable, "Cannot reach", at: "shelf")
      engine.ended(upload, at: world.now.uptime)
      try engine.note(UploadOutcome(upload: upload, result: .failure(fault), took: .zero), at: world.now)
    }
    #expect(world.events.all(.spoolFull).count == 1)
    #expect(try !files.list("/logs").isEmpty)
    try await world.settle(&engine, flush: true, passes: 300)
    #expect(world.events.all(.spoolFull).count >= 1)
    #expect(try world.sent() == rows)
  }

  @Test("The same records make the same bytes")
  func deterministic() async throws {
    var objects: [[UInt8]?] = []
    for _ in 0..<2 {
      let (world, _) = try world("id,text\n" + (1...500).map { "\($0),x\n" }.joined())
      var engine = world.makeEngine()
      try await world.settle(&engine, flush: true)
      objects.append(world.store.bytes(at: "opens/000001.csv.gz"))
    }
    #expect(objects[0] != nil && objects[0] == objects[1])
  }

  @Test(
    "An older ledger that was put back learns of the batches that it missed: nothing is sent twice, nothing is unknown")
  func olderLedger() async throws {
    let (old, files) = try world("id,text\n1,a\n")
    files.setKnobs { $0.openForWriting = ["/logs/a.csv", "/logs/a.csv.20260312T060000Z.navette"] }
    var engine = old.makeEngine()
    try await old.settle(&engine, flush: true)
    let world = try World(files)
    var next = world.makeEngine()
    try await world.settle(&next, flush: true)
    #expect(world.store.keys.isEmpty)
    let known = try world.ledger.read { (t) throws(LedgerFault) in try t.batches.list() }
    #expect(known.map(\.id.description) == ["opens-000001"] && known.allSatisfy { $0.deliveredAt != nil })
  }

  @Test("A ledger that is lost is made anew from the plans: nothing is sent twice, numbers go on")
  func rebuilt() async throws {
    let (old, files) = try world("id,text\n1,a\n")
    files.setKnobs { $0.openForWriting = ["/logs/a.csv", "/logs/a.csv.20260312T060000Z.navette"] }
    var engine = old.makeEngine()
    try await old.settle(&engine, flush: true)
    let aside = FilePath("/logs").appending(try #require(try files.list("/logs").first))
    try files.append(to: aside, "2,b\n")
    files.setKnobs { $0.openForWriting = [] }

    let world = try World(files)
    try OutboundRebuild(state: StateFolder("/state"), files: files).fill(world.ledger, at: world.now.wall)
    var next = world.makeEngine()
    try await world.settle(&next, flush: true)
    #expect(world.store.keys == ["opens/000002.csv.gz"])
    #expect(try world.sent() == "2,b\n")
  }

  @Test(
    "A batch whose folder was taken away is told and held; those behind it are sent, and it too once it is put back")
  func missing() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", (1...12).map { "\($0),a\n" }.reduce("id,text\n", +))
    let world = try World(files, change: { $0.streams[0].batch.maxRows = 2 })
    var engine = world.makeEngine()
    for _ in 0..<2 {
      engine.flush()
      _ = try engine.pass(at: world.now)
    }
    let ready = try world.places(.ready)
    #expect(ready.count > 4)
    let folder = FilePath("/state/streams/opens/ready")
    // More than are looked at in one go.
    for name in ready.prefix(4) {
      try files.outside { try $0.rename(folder.appending(FileName(name)), to: FilePath("/\(name)")) }
    }
    engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "9,a\n10,a\n11,a\n12,a\n")
    #expect(world.events.all(.batchHeld).map { $0.fields[.batch] } == Array(ready.prefix(4)))
    try await world.settle(&engine, flush: true)
    #expect(world.events.all(.batchHeld).count == 4, "told once")
    let stream = world.settings.streams[0].name
    #expect(
      try world.ledger.read { (t) throws(LedgerFault) in
        try t.batches.open(of: stream, since: nil, after: nil, limit: 9)
      }
      .count == 4)
    let lost = try #require(BatchID(ready[0]))
    #expect(try engine.withdraw(lost))
    let purged = try engine.purge(lost, by: "j.doe", reason: "no copy", at: world.now)
    #expect(purged?.place == nil && purged?.perhapsAt == [])
    #expect(try engine.purge(lost, by: "j.doe", reason: "no copy", at: world.now) == nil)
    for name in ready.prefix(4) {
      try files.outside { try $0.rename(FilePath("/\(name)"), to: folder.appending(FileName(name))) }
    }
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == (3...12).map { "\($0),a\n" }.joined())
    #expect(
      try files.info(FilePath("/state/streams/opens/delivered/\(lost)/object.csv.gz")) == nil, "given up stays given up"
    )
    #expect(try world.places(.ready).isEmpty)
  }

  @Test(
    "A log that is set aside comes behind all that lie there, also where the first of its second has left or the clock was set back"
  )
  func asideNames() throws {
    let files = SimMachine().files
    let log: FilePath = "/logs/a.csv"
    func next() throws -> String { try LogListing.asidePath(for: log, at: World.start, files).name?.description ?? "" }
    try files.put(log, "")
    #expect(try next() == "a.csv.20260312T060000Z.navette")
    for name in ["a.csv.20260312T055959Z-7", "b.csv.20260312T060000Z-4"] {
      try files.put(FilePath("/logs/\(name).navette"), "")
    }
    #expect(try next() == "a.csv.20260312T060000Z.navette")
    try files.put("/logs/a.csv.20260312T060000Z-2.navette", "")
    #expect(try next() == "a.csv.20260312T060000Z-3.navette")
    try files.put("/logs/a.csv.20260312T070000Z.navette", "")
    #expect(try next() == "a.csv.20260312T070000Z-2.navette")
  }

  @Test("Logs are read in the order in which they came: two of one second, without a ledger, and with a clock set back")
  func order() async throws {
    let files = SimMachine().files
    let names = ["", "-2", "-10"].map { "/logs/a.csv.20260312T060000Z\($0).navette" }
    for (number, name) in names.enumerated() { try files.put(FilePath(name), "id,text\n\(number),a\n") }
    let world = try World(files)
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "0,a\n1,a\n2,a\n")
    try files.put("/logs/b.csv", "id,text\n3,a\n")
    _ = try engine.pass(at: world.now)
    try files.put("/logs/a.csv", "id,text\n4,a\n")
    let back = Moment(wall: world.now.wall - .seconds(3_600), uptime: world.now.uptime + .seconds(20))
    _ = try engine.pass(at: back)
    try await world.settle(&engine, flush: true)
    #expect(try world.sent().hasSuffix("3,a\n4,a\n"))
  }

  @Test("A ledger that fails once, at whichever call: everything is sent all the same, in that life", arguments: 1...40)
  func ledgerFailsOnce(failing: Int) async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n" + (1...30).map { "\($0),x\n" }.joined())
    let calls = Locked(0)
    let world = try World(
      files, stores: ["shelf", "second"],
      ledgerGate: { (_) throws(LedgerFault) in
        let call = calls.withLock { calls in
          calls += 1
          return calls
        }
        if call == failing { throw LedgerFault(.busy, "Cannot use", at: "the ledger") }
      },
      change: { settings in
        settings.streams[0].batch.maxBytes = 24
        settings.stores = ["shelf", "second"].compactMap { StoreName($0) }.map {
          StoreSettings(name: $0, target: .folder("/shelf"))
        }
      })
    var engine = world.makeEngine()
    for _ in 0..<60 {
      engine.flush()
      world.wait(.seconds(20))
      guard let pass = try? engine.pass(at: world.now) else { continue }
      for upload in pass.uploads {
        let store = upload.store.text == "second" ? world.second : world.store
        let receipt = try await store.create(upload.file, at: upload.key)
        engine.ended(upload, at: world.now.uptime)
        let outcome = UploadOutcome(upload: upload, result: .success(receipt), took: .zero)
        // As the lane does: what could not be noted is noted again.
        while (try? engine.note(outcome, at: world.now)) == nil {}
      }
    }
    #expect(calls.withLock { $0 } > failing)
    let wanted = (1...30).map { "\($0),x\n" }.joined()
    #expect(try world.sent() == wanted && world.sent(in: world.second) == wanted)
  }
}
