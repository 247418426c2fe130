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

@Suite("Outbound, what people ask for")
struct OperatingTests {
  private let opens: StreamName

  init() throws { opens = try #require(StreamName("opens")) }

  private func world(_ log: String, change: (inout Settings) -> Void = { _ in }) throws -> (World, SimFiles) {
    let files = SimMachine().files
    try files.put("/logs/a.csv", log)
    return (try World(files, change: change), files)
  }

  private func id(_ sequence: Int) -> BatchID { BatchID(stream: opens, sequence: sequence) }

  private func deliveries(_ world: World, _ sequence: Int) throws -> [DeliveryRecord] {
    let id = id(sequence)
    return try world.ledger.read { (t) throws(LedgerFault) in try t.deliveries.list(of: id) }
  }

  // MARK: - Retry

  @Test("A held batch that is retried is sent; what is neither held nor waiting is named")
  func retryHeld() async throws {
    let (world, _) = try world("id,text\n1,a\n2,b\n") { $0.streams[0].batch.maxBytes = 12 }
    world.store.expect(.refused(.refused), .refused(.mismatch))
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try world.places(.held) == ["opens-000001", "opens-000002"])

    let one = try engine.retry([id(2), id(7)], at: world.now)
    #expect(one.batches == [id(2)] && one.unknown == [id(7)])
    #expect(try deliveries(world, 2).map(\.attempts) == [0])
    try await world.settle(&engine)
    #expect(try world.sent() == "2,b\n")

    // Also where nobody has looked at the stream yet.
    var next = world.makeEngine()
    #expect(try next.retry(nil, at: world.now).batches == [id(1)])
    try await world.settle(&next)
    #expect(try world.sent() == "1,a\n2,b\n")
    #expect(try next.retry(nil, at: world.now) == Retried())
  }

  @Test("What waits for its next attempt is due at once when it is retried")
  func retryWaiting() async throws {
    let (world, _) = try world("id,text\n1,a\n")
    world.store.expect(.refused(.throttled(afterMilliseconds: 3_000_000)))
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true, passes: 1)
    try await world.settle(&engine, passes: 5)
    #expect(world.store.keys.isEmpty)
    #expect(try engine.retry([id(1)], at: world.now).batches == [id(1)])
    try await world.settle(&engine, passes: 2)
    #expect(try world.sent() == "1,a\n")
  }

  // MARK: - Back-off

  @Test("A store that is away is asked once at a time, more and more seldom, also by the next life")
  func storeWait() async throws {
    let rows = (1...40).map { "\($0),x\n" }.joined()
    let (world, _) = try world("id,text\n" + rows) { $0.streams[0].batch.maxBytes = 24 }
    for _ in 0..<40 { world.store.expect(.refused(.unreachable)) }
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true, passes: 1)
    let first = world.store.creates
    #expect(first >= 1 && first <= 4)
    for _ in 0..<30 {
      var later = world.makeEngine()
      try await world.settle(&later, passes: 1)
    }
    // 600 seconds: with an upper bound of 300 s and full jitter there are few attempts, and one at a time.
    #expect(world.store.creates - first <= 30)
    let waits = try world.ledger.read { (t) throws(LedgerFault) in try t.deliveries.storeWaits() }
    #expect(try #require(waits.values.first).attempts > 4)
    engine = world.makeEngine()
    try await world.settle(&engine, flush: true, passes: 200)
    #expect(try world.sent() == rows)
    #expect(try world.ledger.read { (t) throws(LedgerFault) in try t.deliveries.storeWaits() }.isEmpty)
  }

  @Test(
    "A store that refuses our credentials is left alone for all batches, said once, and taken up again when it answers")
  func credential() async throws {
    let rows = (1...40).map { "\($0),x\n" }.joined()
    let (world, _) = try world("id,text\n" + rows) {
      $0.streams[0].batch.maxBytes = 24
      $0.stores = [StoreSettings(name: StoreName("shelf")!, target: .folder("/shelf"))]
    }
    for _ in 0..<12 { world.store.expect(.refused(.denied)) }
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true, passes: 1)
    #expect(world.store.creates == 4)
    world.wait(.milliseconds(1))
    #expect(try engine.pass(at: world.now).uploads.count <= 1)
    #expect(world.events.all(.credentialRefused).count == 1)
    #expect(try world.places(.held).isEmpty)
    engine = world.makeEngine()
    try await world.settle(&engine, passes: 2_000)
    try await world.settle(&engine, flush: true, passes: 200)
    #expect(try world.sent() == rows)
  }

  @Test("A store at a wrong place is left alone, told as that and not as refused credentials")
  func wrongPlace() async throws {
    let (world, _) = try world("id,text\n1,a\n2,b\n") {
      $0.streams[0].batch.maxBytes = 12
      $0.stores = [StoreSettings(name: StoreName("shelf")!, target: .folder("/shelf"))]
    }
    for _ in 0..<6 { world.store.expect(.refused(.wrongPlace)) }
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true, passes: 1)
    #expect(world.events.all(.wrongEndpoint).count == 1 && world.events.all(.credentialRefused).isEmpty)
    #expect(try world.places(.held).isEmpty)
    world.wait(.milliseconds(1))
    #expect(try engine.pass(at: world.now).uploads.count <= 1)
    engine = world.makeEngine()
    try await world.settle(&engine, flush: true, passes: 2_000)
    #expect(try world.sent() == "1,a\n2,b\n")
  }

  @Test(
    "A batch that may not be written is tried again by itself, later and later, told once for its stream; the others go on"
  )
  func forbidden() async throws {
    let rows = (1...6).map { "\($0),x\n" }
    let (world, _) = try world("id,text\n" + rows.joined()) { $0.streams[0].batch.maxBytes = 12 }
    world.store.expect(.refused(.forbidden), .refused(.forbidden))
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true, passes: 1, every: .milliseconds(1))
    try await world.settle(&engine, passes: 8, every: .milliseconds(1))
    // Neither held, nor in the way of those that may go.
    #expect(try world.places(.held).isEmpty)
    #expect(try world.sent().split(separator: "\n").count == 4)
    #expect(try world.ledger.read { (t) throws(LedgerFault) in try t.deliveries.storeWaits() }.isEmpty)
    let told = world.events.all(.credentialRefused)
    #expect(told.count == 1 && told.first?.fields[.reason] == "forbidden", "\(told)")
    let waiting = try (1...6).flatMap { try deliveries(world, $0) }.filter { $0.attempts == 1 && $0.confirmedAt == nil }
    #expect(waiting.count == 2)
    // The right comes back.
    try await world.settle(&engine, passes: 2_000)
    #expect(try world.sent().split(separator: "\n").count == 6)
    #expect(world.events.all(.credentialRefused).count == 1)
  }

  @Test("A batch that one store refused waits for the others, and is not sent to that one again by the next life")
  func refusedByOne() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    let world = try World(files, stores: ["shelf", "second"])
    world.store.expect(.refused(.refused))
    for _ in 0..<3 { world.second.expect(.refused(.unreachable)) }
    for _ in 0..<20 {
      var engine = world.makeEngine()
      try await world.settle(&engine, flush: true, passes: 2)
    }
    #expect(world.store.creates == 1)
    #expect(try world.places(.held) == ["opens-000001"])
    #expect(try world.sent(in: world.second) == "1,a\n")
    #expect(world.events.all(.batchHeld).count == 1)
  }

  @Test("Streams take turns at a store: the backlog of one keeps no other waiting")
  func fair() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n" + (1...100).map { "\($0),x\n" }.joined())
    try files.put("/more/b.csv", "id,text\n1,b\n")
    let world = try World(
      files,
      change: { settings in
        settings.streams[0].batch.maxBytes = 24
        var other = StreamSettings(
          name: StreamName("clicks")!, logs: ["/more/*.csv"], stores: settings.streams[0].stores)
        other.key = "{stream}/{seq}.csv.gz"
        settings.streams.append(other)
        settings.stores = [StoreSettings(name: StoreName("shelf")!, target: .folder("/shelf"))]
      })
    let shared = StreamsShared(world.settings)
    var (one, two) = (world.makeEngine(shared: shared), world.makeEngine(1, shared: shared))
    let isWoken = Locked(false)
    two.onFreeSlot { isWoken.withLock { $0 = true } }
    one.flush()
    two.flush()
    let first = try one.pass(at: world.now).uploads
    #expect(first.map(\.batch.sequence) == [1, 2, 3, 4])
    #expect(try two.pass(at: world.now).uploads.isEmpty && !isWoken.withLock { $0 })
    let receipt = try await world.store.create(first[0].file, at: first[0].key)
    one.ended(first[0], at: world.now.uptime)
    try one.note(UploadOutcome(upload: first[0], result: .success(receipt), took: .zero), at: world.now)
    #expect(isWoken.withLock { $0 })
    #expect(try one.pass(at: world.now).uploads.isEmpty)
    #expect(try two.pass(at: world.now).uploads.map(\.batch.stream.text) == ["clicks"])
  }

  // MARK: - Pause

  @Test("A paused stream rotates, seals and sends nothing, across restarts; its batches leave when it is resumed")
  func pause() async throws {
    let (world, files) = try world("id,text\n1,a\n")
    for _ in 0..<3 { world.store.expect(.refused(.unreachable)) }
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true, passes: 1)
    #expect(try engine.pause(by: Requester("mia", reason: "test"), at: world.now))
    #expect(try !engine.pause(by: Requester("mia", reason: "test"), at: world.now))
    try files.put("/logs/a.csv", "id,text\n2,b\n")
    for _ in 0..<3 {
      engine = world.makeEngine()
      try await world.settle(&engine, flush: true)
    }
    #expect(world.store.keys.isEmpty)
    #expect(files.text(of: "/logs/a.csv") == "id,text\n2,b\n")
    #expect(world.events.all(.lanePaused).count == 3)
    #expect(try engine.hasWaiting() && !engine.hasWaiting(stopped: false))
    #expect(try engine.resume())
    #expect(try !engine.resume())
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n2,b\n")
    #expect(world.events.all(.laneResumed).count == 1)
  }

  // MARK: - Purge

  @Test(
    "A purged batch is deleted, wherever it lies; its records are sent by nobody, its log goes, the ledger keeps the fact"
  )
  func purge() async throws {
    for place in [BatchPlace.ready, .held, .delivered] {
      let (world, files) = try world("id,text\n1,a\n2,b\n") { $0.streams[0].batch.maxBytes = 12 }
      switch place {
      case .ready: world.store.expect(.refused(.unreachable))
      case .held: world.store.expect(.refused(.refused))
      default: break
      }
      var engine = world.makeEngine()
      try await world.settle(&engine, flush: true, passes: place == .ready ? 1 : 40)
      #expect(try world.places(place).first == "opens-000001")
      #expect(try engine.withdraw(id(1)))
      let purged = try #require(try engine.purge(id(1), by: "j.doe", reason: "request 4711", at: world.now))
      #expect(purged.place == place && purged.bytes > 0)
      #expect(purged.confirmedBy.map(\.text) == (place == .delivered ? ["shelf"] : []))
      #expect(purged.perhapsAt.map(\.text) == (place == .delivered ? [] : ["shelf"]))
      #expect(try engine.purge(id(1), by: "j.doe", reason: "again", at: world.now) == nil)

      for _ in 0..<2 {
        engine = world.makeEngine()
        try await world.settle(&engine, flush: true)
      }
      #expect(try world.sent() == (place == .delivered ? "1,a\n2,b\n" : "2,b\n"))
      #expect(try files.list("/logs").isEmpty)
      #expect(try world.places(.delivered) == ["opens-000001", "opens-000002"])
      #expect(try files.info("/state/streams/opens/delivered/opens-000001/object.csv.gz") == nil)
      let first = id(1)
      let record = try world.ledger.read { (t) throws(LedgerFault) in try t.batches.find(first) }
      #expect(record?.purgedAt != nil && (record?.deliveredAt != nil) == (place == .delivered))
      #expect(world.events.all(.batchPurged).count == 1)

      // A ledger made anew knows it too.
      let again = try World(files)
      try OutboundRebuild(state: StateFolder("/state"), files: files).fill(again.ledger, at: again.now.wall)
      let rebuilt = try again.ledger.read { (t) throws(LedgerFault) in try t.batches.find(first) }
      #expect(rebuilt?.purgedAt != nil && (rebuilt?.deliveredAt != nil) == (place == .delivered))
    }
  }

  @Test("Nothing of a purged batch is swept before its time, and its folder goes with its log")
  func purgedIsSwept() async throws {
    let (world, _) = try world("id,text\n1,a\n2,b\n") { $0.streams[0].batch.maxBytes = 12 }
    world.store.expect(.refused(.refused))
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try engine.withdraw(id(1)))
    _ = try engine.purge(id(1), by: "j.doe", reason: "request", at: world.now)
    try await world.settle(&engine, flush: true)
    world.wait(.seconds(3 * 86_400))
    try await world.settle(&engine)
    #expect(try world.places(.delivered) == ["opens-000002"])
  }
}
