import Config
import Core
import Files
import Formats
import Ledger
import Store
import SystemPackage
import TestKit
import Testing

@testable import Outbound

@Suite("Outbound, an outage makes no small batches")
struct OutageTests {
  private static let row = String(repeating: "x", count: 20)
  private let opens: StreamName
  init() throws { opens = try #require(StreamName("opens")) }

  private func world(stores: [String] = ["shelf"], _ change: (inout Settings) -> Void = { _ in }) throws -> (
    World, SimFiles
  ) {
    let files = SimMachine().files
    try files.outside { try $0.makeFolder("/logs") }
    let world = try World(
      files, stores: stores,
      change: {
        $0.streams[0].batch.maxBytes = 400
        change(&$0)
      })
    return (world, files)
  }

  /// Hours in which a row comes every five minutes, the agent being started anew each hour.
  private func pass(hours: Int, from first: Int, _ world: World, _ files: SimFiles) async throws {
    for hour in 0..<hours {
      var engine = world.makeEngine()
      for step in 0..<12 {
        let number = first + hour * 12 + step
        let line = "\(number),\(Self.row)\n"
        if files.text(of: "/logs/a.csv") == nil {
          try files.put("/logs/a.csv", "id,text\n\(line)")
        } else {
          try files.append(to: "/logs/a.csv", line)
        }
        try await world.settle(&engine, passes: 1, every: .seconds(300))
      }
    }
  }

  private func rows(_ count: Int) -> String { (0..<count).map { "\($0),\(Self.row)\n" }.joined() }

  private func batches(_ world: World) throws -> [BatchRecord] {
    try world.ledger.read { (t) throws(LedgerFault) in try t.batches.list() }
  }

  @Test(
    "While the store is away for twelve hours only full batches are sealed, by every life; when it answers, what is due goes"
  )
  func twelveHours() async throws {
    let (world, files) = try world { $0.streams[0].batch.maxAge = .seconds(3_600) }
    for _ in 0..<2_000 { world.store.expect(.refused(.unreachable)) }
    try await pass(hours: 12, from: 0, world, files)
    #expect(world.store.keys.isEmpty)
    let sealed = try batches(world)
    // One by age, which waits, and after it full ones alone: 144 rows, 16 of which fill one.
    #expect(sealed.count >= 7 && sealed.count <= 10, "\(sealed.map(\.rows))")
    #expect(sealed.dropFirst().allSatisfy { $0.bytes > 350 }, "\(sealed.map(\.bytes))")

    // Long due, and sealed by nobody as long as the store is away.
    world.wait(.seconds(7_200))
    var last = world.makeEngine()
    try await world.settle(&last, passes: 3)
    #expect(try batches(world).count == sealed.count)
    world.store.forgive()
    var engine = world.makeEngine()
    try await world.settle(&engine, passes: 40, every: .seconds(30))
    #expect(try world.sent() == rows(144))
    #expect(try batches(world).count <= sealed.count + 1)
  }

  @Test("A stream of which nothing waits makes one batch by age, so that somebody finds out when the store is back")
  func probe() async throws {
    let (world, files) = try world { $0.streams[0].batch.maxAge = .seconds(3_600) }
    try world.ledger.transact("away") { (t) throws(LedgerFault) in
      guard let shelf = StoreName("shelf") else { return }
      try t.deliveries.note(StoreWait(attempts: 9, nextAt: world.now.wall + .seconds(60), fault: "away"), of: shelf)
    }
    try await pass(hours: 2, from: 0, world, files)
    #expect(try !batches(world).isEmpty)
    #expect(try !world.sent().isEmpty)
  }

  @Test("Of two stores, the one that takes batches has them by age; a held batch keeps nothing back")
  func several() async throws {
    let (world, files) = try world(stores: ["shelf", "second"]) { $0.streams[0].batch.maxAge = .seconds(3_600) }
    for _ in 0..<2_000 { world.store.expect(.refused(.unreachable)) }
    try await pass(hours: 4, from: 0, world, files)
    #expect(try batches(world).count >= 3)
    #expect(try world.sent(in: world.second).split(separator: "\n").count > 20)

    let (held, more) = try self.world { $0.streams[0].batch.maxAge = .seconds(3_600) }
    held.store.expect(.refused(.refused))
    try await pass(hours: 4, from: 0, held, more)
    #expect(try held.places(.held).count == 1)
    #expect(try batches(held).count >= 3)
  }

  @Test("A flush seals all the same, and a schedule waits as an age does")
  func flushAndSchedule() async throws {
    let (world, files) = try world {
      $0.streams[0].schedule = [TimeOfDay(hour: 7, minute: 0), TimeOfDay(hour: 8, minute: 0)].compactMap(\.self)
    }
    for _ in 0..<2_000 { world.store.expect(.refused(.unreachable)) }
    try await pass(hours: 4, from: 0, world, files)
    let sealed = try batches(world).count
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true, passes: 1)
    #expect(try batches(world).count == sealed + 1)
    #expect(try batches(world).reduce(0) { $0 + $1.rows } == 48)
  }

  @Test("Nothing is looked at again and again while a store is away")
  func quiet() throws {
    let name = try #require(StreamName("opens"))
    let settings = StreamSettings(name: name, logs: [], stores: [])
    let now = World.start + .seconds(100_000)
    let log = LogView(
      source: SourceID(DigestHasher.digest(of: [])), role: .live, unread: 10, rows: 0, since: World.start)
    var view = StreamView(logs: [log], flush: false)
    #expect(plan(view, settings, at: now).seal == .everything)
    view.isAway = true
    #expect(plan(view, settings, at: now) == StreamPlan())
    #expect(plan(view, settings, at: World.start).due == World.start + settings.batch.maxAge)
    #expect(plan(StreamView(logs: [log], flush: true, isAway: true), settings, at: now).seal == .everything)
  }
}
