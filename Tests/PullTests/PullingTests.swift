import Config
import Core
import Files
import Inbound
import Journal
import Ledger
import Spool
import Store
import Stores
import SystemPackage
import TestKit
import Testing
import Threads

@testable import FeedKit
@testable import Pull

@Suite("Fetched from a store")
struct PullingTests {
  @Test("New objects are fetched once and handed over; the store keeps them, and a restart knows them")
  func once() async throws {
    let puller = try Puller { $0.duplicates = .deliver }
    puller.put(Sample.table, at: "a.csv")
    puller.put(Sample.other, at: "b.csv")
    puller.store.put([1], at: "elsewhere/c.csv")
    try await puller.turn(5)
    let rig = puller.rig
    #expect(try rig.handedOver == ["a.csv", "b.csv"])
    #expect(puller.fetched == 2)
    let plan = try rig.plan(.archive, rig.drops(.archive)[0])
    #expect(plan.parts[0].origin?.key == "audiences/a.csv" && plan.parts[0].origin?.tag != nil)
    try puller.restart()
    try await puller.turn(3)
    #expect(puller.fetched == 2)
    // Also with a ledger that was made anew from the places.
    let fresh = try Ledger(path: nil)
    try puller.restart(ledger: fresh)
    try rig.run(1)
    try await puller.turn(3)
    #expect(puller.fetched == 2)
    #expect(puller.store.keys == ["audiences/a.csv", "audiences/b.csv", "elsewhere/c.csv"])
    #expect(try rig.handedOver == ["a.csv", "b.csv"])
  }

  @Test("With `after: delete` an object goes when its drop has been handed over; that of a refused drop stays")
  func deletes() async throws {
    let puller = try Puller { $0.pull?.after = .delete }
    puller.put(Sample.table, at: "a.csv")
    puller.put(Sample.table, at: "twin.csv")
    puller.put(Sample.crooked, at: "bad.csv")
    try await puller.turn(2)
    #expect(puller.store.keys.count == 3, "nothing has been handed over yet")
    try await puller.turn(5)
    #expect(puller.store.keys == ["audiences/bad.csv"])
    #expect(try puller.rig.handedOver.count == 1)
    #expect(puller.fetched == 3)
    // Released, it is handed over, and goes too.
    let id = try #require(DropID(try puller.rig.drops(.quarantine)[0]))
    try puller.rig.engine.release(id, by: Requester("t", reason: "r"), at: puller.rig.now)
    try await puller.turn(3)
    #expect(puller.store.keys.isEmpty)
  }

  @Test("Another version that has come since is not deleted for the first, but fetched")
  func newer() async throws {
    let puller = try Puller { $0.pull?.after = .delete }
    puller.put(Sample.table, at: "a.csv")
    try await puller.turn(3)
    puller.put(Sample.other, at: "a.csv")
    try await puller.turn(6)
    #expect(puller.store.keys.isEmpty)
    #expect(puller.fetched == 2)
    #expect(try puller.rig.handed("a-2.csv") == Sample.other)
  }

  @Test("Another version that comes between the last look and the deletion stays, and is fetched")
  func newerAtTheLastMoment() async throws {
    let puller = try Puller { $0.pull?.after = .delete }
    puller.put(Sample.table, at: "a.csv")
    let (store, hasCome) = (puller.store, Locked(false))
    store.set { (step) throws(StoreFault) in
      guard step.hasPrefix("delete ") else { return }
      let isFirst = hasCome.withLock { hasCome in
        defer { hasCome = true }
        return !hasCome
      }
      if isFirst { store.put(Array(Sample.other.utf8), at: "audiences/a.csv") }
    }
    try await puller.turn(9)
    #expect(puller.fetched == 2 && puller.store.keys.isEmpty)
    #expect(try puller.rig.handedOver.count == 2)
  }

  @Test("New content under a name that waits in landing has its turn after the former, and replaces nothing")
  func staticName() async throws {
    let puller = try Puller()
    puller.put(Sample.table, at: "daily.csv")
    puller.freezesLane = true
    try await puller.turn(3)
    #expect(try puller.rig.landed == ["daily.csv"])
    puller.put(Sample.other, at: "daily.csv")
    try await puller.turn(3)
    #expect(try puller.rig.text(puller.rig.settings.landing.appending("daily.csv")) == Sample.table)
    #expect(puller.fetched == 1)
    puller.freezesLane = false
    try await puller.turn(9)
    #expect(try puller.rig.handed("daily.csv") == Sample.table && puller.rig.handed("daily-2.csv") == Sample.other)
    #expect(puller.fetched == 2)
  }

  @Test("A name taken by somebody between the look and the rename is waited for, without another download")
  func taken() async throws {
    let puller = try Puller()
    puller.put(Sample.table, at: "a.csv")
    puller.freezesLane = true
    let pass = try puller.engine.pass(at: puller.rig.now)
    let list = try #require(pass.works.first)
    let end = await list.carryOut(in: puller.store) { _, _ in }
    if case .list(let work) = list {
      try puller.engine.note(
        [
          ListedObject(
            key: "audiences/a.csv", size: UInt64(Sample.table.utf8.count), tag: puller.store.tag(at: "audiences/a.csv"),
            modified: nil)
        ],
        of: work, at: puller.rig.now)
    }
    try puller.engine.note(try #require(end), at: puller.rig.now)
    let fetch = try #require(try puller.engine.pass(at: puller.rig.now).works.first)
    let fetched = try #require(await fetch.carryOut(in: puller.store) { _, _ in })
    try puller.rig.land("a.csv", Sample.other)
    try puller.engine.note(fetched, at: puller.rig.now)
    try await puller.turn(2)
    #expect(try puller.rig.text(puller.rig.settings.landing.appending("a.csv")) == Sample.other)
    // A restart goes on with what it has.
    try puller.restart()
    puller.freezesLane = false
    try await puller.turn(9)
    #expect(puller.fetched == 0)
    #expect(try puller.rig.handed("a.csv") == Sample.other && puller.rig.handed("a-2.csv") == Sample.table)
  }

  @Test("Names that can be no file's are told once, across restarts, and never fetched")
  func oddNames() async throws {
    let puller = try Puller { $0.recursive = true }
    puller.put(Sample.table, at: "../../etc/a.csv")
    puller.put(Sample.table, at: "vip/a.csv")
    puller.put(Sample.other, at: "größe (1).csv")
    try await puller.turn(4)
    try puller.restart()
    try await puller.turn(3)
    #expect(puller.fetched == 2)
    let told = puller.rig.events.all.filter { $0.kind == .dropWaiting && $0.fields[.reason] == "bad_name" }
    #expect(told.count == 1 && told.first?.fields[.store] == "aep")
    #expect(try puller.rig.handedOver.sorted() == ["a.csv", "größe (1).csv"])
    #expect(try puller.rig.files.info(puller.rig.settings.landing.appending("vip"))?.kind == .directory)
  }

  @Test("A store that is away is told once, and asked again; what it has is fetched when it is back")
  func away() async throws {
    let puller = try Puller()
    puller.put(Sample.table, at: "a.csv")
    puller.store.setReading { (_) throws(StoreFault) in
      throw StoreFault(.unreachable, "Cannot read", at: "sim://a", why: "away")
    }
    try puller.rig.land("mine.csv", Sample.other)
    try await puller.turn(12)
    let events = puller.rig.events
    #expect(events.count(.lanePaused) == 1 && events.first(.lanePaused)?.fields[.store] == "aep")
    #expect(try puller.rig.handedOver == ["mine.csv"], "files that come by themselves go on")
    let name = puller.rig.settings.name
    let standing = try puller.rig.ledger.read { (t) throws(LedgerFault) in try t.pulls.standing(name) }
    #expect(standing?.fault?.contains("away") == true)
    #expect(puller.engine.isWaiting)
    puller.store.setReading(nil)
    puller.rig.pass(.seconds(400))
    try await puller.turn(5)
    #expect(events.count(.laneResumed) == 1)
    #expect(try puller.rig.handedOver == ["a.csv", "mine.csv"])
    #expect(!puller.engine.isWaiting)
  }

  @Test(
    "Keys that are refused are told as that, and a wrong address as that",
    arguments: [
      (StoreKind.denied, EventKind.credentialRefused), (.forbidden, .credentialRefused), (.wrongPlace, .wrongEndpoint),
    ])
  func refused(_ kind: StoreKind, _ told: EventKind) async throws {
    let puller = try Puller()
    puller.put(Sample.table, at: "a.csv")
    puller.store.setReading { (_) throws(StoreFault) in
      throw StoreFault(kind, "Cannot list", at: "sim://a", why: "403")
    }
    try await puller.turn(3)
    #expect(puller.rig.events.count(told) == 1 && puller.rig.events.count(.lanePaused) == 0)
    // A word; what was said stands in the message.
    let event = try #require(puller.rig.events.all.first { $0.kind == told })
    #expect(event.fields[.reason] == "\(kind)" && event.message.contains("403"), "\(event)")
  }

  @Test("Nothing is fetched for which there is no room")
  func noRoom() async throws {
    let puller = try Puller()
    puller.settings.limits.minFree = 1 << 60
    try puller.restart()
    puller.put(Sample.table, at: "a.csv")
    try await puller.turn(4)
    #expect(puller.fetched == 0)
    #expect(puller.rig.events.count(.diskLow) == 1)
    puller.settings.limits.minFree = 1
    try puller.restart()
    try await puller.turn(4)
    #expect(puller.fetched == 1)
  }

  @Test("An object that changes between its listing and its download is taken in its new version")
  func changed() async throws {
    let puller = try Puller()
    puller.put(Sample.table, at: "a.csv")
    puller.store.setReading { [store = puller.store] (question) throws(StoreFault) in
      guard question == .read else { return }
      store.setReading(nil)
      store.put(Array(Sample.other.utf8), at: "audiences/a.csv")
    }
    try await puller.turn(9)
    #expect(try puller.rig.handedOver == ["a.csv"])
    #expect(try puller.rig.handed("a.csv") == Sample.other)
    #expect(try puller.rig.landed.isEmpty)
  }

  @Test("A store that tells no tags: an object that still grows is left alone")
  func growing() async throws {
    let puller = try Puller()
    let shelf = puller.rig.base.appending("shelf")
    try puller.rig.files.ensureDirectory(shelf.appending("audiences"))
    puller.remote = LocalStore(shelf, files: puller.rig.files)
    let object = shelf.appending("audiences/a.csv")
    for rows in 1...4 {
      try puller.rig.put(object, Array("id\n".utf8) + Array(repeating: Array("1\n".utf8), count: rows).joined())
      try await puller.turn()
      #expect(puller.fetched == 0)
    }
    try await puller.turn(6)
    #expect(puller.fetched == 1)
    #expect(try puller.rig.handed("a.csv") == "id\n1\n1\n1\n1\n")
  }

  @Test("What is in the store is never forgotten; what is gone is, after its time")
  func memory() async throws {
    let puller = try Puller { $0.duplicates = .deliver }
    for name in ["kept.csv", "gone.csv"] { puller.put(name == "kept.csv" ? Sample.table : Sample.other, at: name) }
    try await puller.turn(5)
    puller.store.lose("audiences/gone.csv")
    for _ in 0..<10 {
      puller.rig.pass(.seconds(86_400))
      try await puller.turn(2)
    }
    let name = puller.rig.settings.name
    let store = try #require(StoreName("aep"))
    let known = try puller.rig.ledger.read { (t) throws(LedgerFault) in
      (
        try t.pulls.find(name, store, key: "audiences/kept.csv"),
        try t.pulls.find(name, store, key: "audiences/gone.csv")
      )
    }
    #expect(known.0 != nil && known.1 == nil)
    #expect(puller.fetched == 2)
  }

  @Test("A paused feed fetches nothing")
  func paused() async throws {
    let puller = try Puller()
    try puller.rig.engine.pause(by: Requester("t", reason: "r"), at: puller.rig.now)
    puller.put(Sample.table, at: "a.csv")
    try await puller.turn(3)
    #expect(puller.works.isEmpty)
    try puller.rig.engine.resume(by: Requester("t", reason: "r"))
    try await puller.turn(5)
    #expect(try puller.rig.handedOver == ["a.csv"])
  }

  @Test("What a killed download left goes; files of others stay")
  func leftovers() async throws {
    let puller = try Puller()
    let landing = puller.rig.settings.landing
    try puller.rig.put(landing.appending(".navette-0123456789abcdef.part"), [1, 2])
    try puller.rig.put(landing.appending(".other.part"), [1, 2])
    try await puller.turn()
    #expect(try puller.rig.landed == [".other.part"])
  }

  @Test("The lane fetches by itself, and stops when it is told", .timeLimit(.minutes(1)))
  func lane() async throws {
    let puller = try Puller { $0.settle = .milliseconds(50) }
    let rig = puller.rig
    let shelf = rig.base.appending("shelf")
    try rig.files.ensureDirectory(shelf.appending("audiences"))
    try rig.put(shelf.appending("audiences/a.csv"), Array(Sample.table.utf8))
    let clock = ContinuousClock()
    let (start, wall) = (clock.now, rig.wall)
    let now: @Sendable () -> Moment = { Moment(wall: wall, uptime: start.duration(to: clock.now)) }
    let (passes, told) = AsyncStream.makeStream(of: Int.self)
    let inbound = FeedLane(
      rig.settings, state: rig.state, files: rig.files, ledger: rig.ledger, events: rig.events,
      runner: rig.runner(), clock: now,
      report: { summary, _ in told.yield(summary.handedOver) })
    let name = try #require(StoreName("aep"))
    let lane = PullLane(
      puller.engine, of: inbound, stores: [name: LocalStore(shelf, files: LinuxFiles())],
      runner: rig.runner(on: inbound.runner.executor), clock: now)
    async let one: Void = inbound.run()
    async let two: Void = lane.run()
    for await count in passes where count == 1 { break }
    lane.stop()
    inbound.stop()
    _ = try await (one, two)
    #expect(try rig.handedOver == ["a.csv"])
  }
}
