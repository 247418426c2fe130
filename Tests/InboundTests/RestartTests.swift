import Config
import Core
import Files
import Inbound
import Journal
import Ledger
import Spool
import SystemPackage
import Testing

@testable import FeedKit

@Suite("Restarts, faults and time")
struct RestartTests {
  @Test("A ledger that was lost is made anew from the places, and duplicates are still known")
  func rebuilt() throws {
    let rig = try Rig()
    try rig.land("a.csv", Sample.table)
    try rig.land("bad.csv", Sample.crooked)
    try rig.run()
    let (good, bad) = (DropID(try rig.drops(.archive)[0])!, DropID(try rig.drops(.quarantine)[0])!)
    let fresh = try Ledger(path: nil)
    rig.restart(ledger: fresh)
    try rig.run(1)
    let one = try fresh.read { (t) throws(LedgerFault) in try t.drops.find(good) }
    let other = try fresh.read { (t) throws(LedgerFault) in try t.drops.find(bad) }
    #expect(one?.outcome == .accepted && one?.handedOverAt != nil && one?.rows == 3)
    #expect(other?.outcome == .quarantined && other?.handedOverAt == nil)
    try rig.land("again.csv", Sample.table)
    #expect(try rig.run().duplicates == 1)
    #expect(try rig.handedOver == ["a.csv"])
  }

  @Test("A missing hand-over folder pauses the feed once, and loses nothing; it goes on by itself")
  func handoverMissing() throws {
    let rig = try Rig()
    try rig.land("a.csv", Sample.table)
    try rig.files.remove(rig.settings.handover)
    var summary = try rig.run(4)
    #expect(summary.trouble?.contains("there is no such directory") == true)
    #expect(rig.events.count(.lanePaused) == 1 && rig.events.count(.laneResumed) == 0)
    #expect(summary.next != nil)
    try rig.files.makeDirectory(rig.settings.handover, mode: .init(rawValue: 0o755))
    rig.pass(.seconds(60))
    summary = try rig.run(2)
    #expect(summary.handedOver == 1 && summary.trouble == nil)
    #expect(rig.events.count(.laneResumed) == 1)
    #expect(try rig.handedOver == ["a.csv"])
    #expect(rig.events.count(.dropSeen) == 1)
  }

  @Test("A drop between its hand-over and the archive is recorded, and not handed over again")
  func betweenHandOverAndArchive() throws {
    let rig = try Rig()
    try rig.land("a.csv", Sample.table)
    try rig.run()
    let id = try rig.drops(.archive)[0]
    try rig.files.move(rig.spool.path(.archive, id), to: rig.spool.path(.handover, id))
    rig.restart(ledger: try Ledger(path: nil))
    _ = try rig.run(1)
    #expect(try rig.handedOver == ["a.csv"])
    #expect(try rig.drops(.archive) == [id] && rig.drops(.handover).isEmpty)
  }

  @Test("A place tells its names a slice at a time, ends when told to, and passes on what it is thrown")
  func slices() throws {
    struct Own: Error {}
    let rig = try Rig()
    try rig.run(1)
    let ids = (1...7).map { DropID(seen: rig.wall, salt: $0).description }
    for id in ids { try rig.files.makeDirectory(rig.spool.path(.archive, id), mode: .stateDirectory) }
    var slices: [[String]] = []
    try rig.spool.eachSlice(in: .archive, of: 3) { names in
      slices.append(names)
      // What it was told of may go meanwhile.
      for name in names { try rig.spool.remove(name, from: .archive) }
      return true
    }
    #expect(slices.map(\.count) == [3, 3, 1] && slices.joined().sorted() == ids)
    #expect(try rig.spool.count(in: .archive) == 0 && rig.spool.count(in: .held) == 0)
    for id in ids { try rig.files.makeDirectory(rig.spool.path(.archive, id), mode: .stateDirectory) }
    var told = 0
    try rig.spool.eachSlice(in: .archive, of: 3) { names in
      told += names.count
      return told < 6
    }
    #expect(told == 6)
    #expect(throws: Own.self) { try rig.spool.eachSlice(in: .archive, of: 3) { _ in throw Own() } }
    #expect(try rig.spool.count(in: .archive) == 7)
    let nowhere = Spool<DropPlace>(root: rig.base.appending("nowhere"), files: rig.files)
    try nowhere.eachSlice(in: .archive, of: 3) { _ in throw Own() }
    #expect(try nowhere.count(in: .archive) == 0)
  }

  @Test("The archive keeps data for its time; the ledger and drop.json keep the knowledge")
  func sweeping() throws {
    let rig = try Rig { $0.archiveKeep = .seconds(86_400) }
    try rig.land("a.csv", Sample.table)
    try rig.run()
    let id = try rig.drops(.archive)[0]
    let parts = rig.spool.path(.archive, id).appending(DropPlan.partsName)
    rig.pass(.seconds(86_000))
    try rig.run(1)
    #expect(try rig.files.info(parts) != nil)
    rig.pass(.seconds(4_000))
    try rig.run(1)
    #expect(try rig.files.info(parts) == nil)
    #expect(try rig.plan(.archive, id).parts[0].sha256 != nil)
    #expect(rig.events.count(.placeSwept) == 1)
    try rig.land("again.csv", Sample.table)
    #expect(try rig.run().duplicates == 1)
    rig.pass(.seconds(401 * 86_400))
    try rig.run(1)
    #expect(try !rig.drops(.archive).contains(id))
    #expect(try rig.record(id)?.handedOverAt != nil)
  }

  @Test("The archive keeps to its size, but never sweeps the last day")
  func sweepingBySize() throws {
    let rig = try Rig { $0.archiveMaxBytes = 30 }
    for number in 1...3 {
      try rig.land("a\(number).csv", "id,text\n\(number),abcdef\n")
      try rig.run()
      rig.pass(.seconds(20 * 3_600))
    }
    try rig.run(1)
    let left = try rig.drops(.archive).filter {
      try rig.files.info(rig.spool.path(.archive, $0).appending(DropPlan.partsName)) != nil
    }
    #expect(try left.count == 1 && left.first == rig.drops(.archive).last)
  }

  @Test("Quarantine keeps what was refused for its own time, and what is held for ever; the reasons stay")
  func sweepingQuarantine() throws {
    let rig = try Rig { ($0.quarantineKeep, $0.archiveKeep) = (.seconds(10 * 86_400), .seconds(86_400)) }
    try rig.land("bad.csv", Sample.crooked)
    try rig.land("doubt.csv", "a\n\"x\\\"\ny\"\n")
    try rig.run()
    let (bad, held) = (try rig.drops(.quarantine)[0], try rig.drops(.held)[0])
    func hasData(_ place: DropPlace, _ id: String) throws -> Bool {
      try rig.files.info(rig.spool.path(place, id).appending(DropPlan.partsName)) != nil
    }
    rig.pass(.seconds(9 * 86_400))
    try rig.run(1)
    #expect(try hasData(.quarantine, bad))
    rig.pass(.seconds(2 * 86_400))
    try rig.run(1)
    #expect(try !hasData(.quarantine, bad) && hasData(.held, held))
    #expect(try rig.reasons(.quarantine, bad)[0].code == .columnCount)
    #expect(rig.events.count(.placeSwept) == 1)
  }

  @Test("New settings are taken over between passes")
  func reload() throws {
    let rig = try Rig()
    try rig.run(1)
    var changed = rig.settings
    changed.handoverName = "new-{name}"
    rig.engine.reload(changed)
    try rig.land("a.csv", Sample.table)
    try rig.run()
    #expect(try rig.handedOver == ["new-a.csv"])
  }

  @Test("The lane works when it is woken, and stops when it is told", .timeLimit(.minutes(1)))
  func lane() async throws {
    let rig = try Rig { $0.settle = .milliseconds(50) }
    try rig.land("a.csv", Sample.table)
    let clock = ContinuousClock()
    let start = clock.now
    let wall = rig.wall
    let (passes, told) = AsyncStream.makeStream(of: Int.self)
    let lane = FeedLane(
      rig.settings, state: rig.state, files: rig.files, ledger: rig.ledger, events: rig.events,
      runner: rig.runner(), clock: { Moment(wall: wall, uptime: start.duration(to: clock.now)) },
      report: { summary, _ in told.yield(summary.handedOver) })
    let running = Task { try await lane.run() }
    for await count in passes where count == 1 { break }
    try rig.land("b.csv", Sample.other)
    lane.wake()
    for await count in passes where count == 1 { break }
    lane.stop()
    try await running.value
    #expect(try rig.handedOver == ["a.csv", "b.csv"])
  }
}
