import Config
import Core
import Files
import Inbound
import Journal
import Ledger
import Spool
import SystemPackage
import TestKit
import Testing

@testable import FeedKit

/// What was due is told once at most, and never where it came, whatever is killed.
@Suite("Due drops, killed at every step")
struct ExpectingCrashTests {
  private struct Broken: Error, CustomStringConvertible { let description: String }

  private final class World {
    let ledger: Ledger
    let events = EventLog()
    let salts = Counter()
    let seconds = Counter()
    init(_ machine: SimMachine) throws { ledger = try Ledger(path: nil, gateForTests: machine.points.ledgerGate) }
  }

  private static let landing = FilePath("/srv/landing")
  private static let handover = FilePath("/srv/import")
  private static let state = StateFolder("/state")
  /// The simulated disk's clock begins at 22:13:20.
  private static let due = Timestamp(.init(year: 2023, month: 11, day: 14, hour: 22, minute: 30))

  private static func pass(_ machine: SimMachine, _ world: World, at wall: Timestamp, passes: Int) throws {
    var settings = FeedSettings(name: try #require(FeedName("audiences")), landing: landing, handover: handover)
    settings.settle = .seconds(1)
    settings.expect = FeedSettings.Expect(by: try #require(TimeOfDay(hour: 22, minute: 30)))
    var engine = FeedWorker(
      settings, state: state, files: machine.files, ledger: world.ledger, events: world.events,
      salt: { world.salts.next() })
    for _ in 0..<passes {
      let seconds = Int64(world.seconds.next()) * 5
      let summary = try engine.pass(at: Moment(wall: wall + .seconds(seconds), uptime: .seconds(seconds)))
      if let why = summary.trouble { throw Broken(description: "paused: \(why)") }
    }
  }

  private static func sweep(comes: Bool) -> CrashSweep<World> {
    CrashSweep(
      comes ? "a drop in time" : "no drop",
      prepare: { machine in
        if comes { try machine.files.put(landing.appending("a.csv"), Sample.table) }
        try machine.files.outside { disk in
          for folder in [landing, handover, state.root] { try disk.makeFolder(folder) }
          disk.knobs.mounts = [landing, handover, state.root]
        }
        let world = try World(machine)
        // The rule is in force before.
        let name = try #require(FeedName("audiences"))
        let yesterday = due + .seconds(-86_400)
        let made = Expectation(
          rule: "22:30 mon,tue,wed,thu,fri,sat,sun UTC 1800000", since: yesterday, settled: yesterday)
        try world.ledger.transact("rule") { (t) throws(LedgerFault) in try t.expectations.note(made, of: name) }
        return world
      },
      life: { machine, world in
        // With a drop, before it is due; without, when it is late.
        let wall = comes ? due + .seconds(-900) : due + .seconds(1_900)
        try pass(machine, world, at: wall, passes: 2)
      },
      check: { machine, world in
        try pass(machine, world, at: due + .seconds(3_600), passes: 2)
        let told = world.events.all.map(\.kind.rawValue).filter { $0.hasPrefix("feed_") }
        let name = try #require(FeedName("audiences"))
        let state = try world.ledger.read { (t) throws(LedgerFault) in try t.expectations.find(of: name) }
        if comes {
          guard told.isEmpty, state?.settled == due else {
            throw Broken(description: "told \(told), settled \(state as Any)")
          }
        } else {
          guard told.count <= 1, told.allSatisfy({ $0 == "feed_late" }), state?.late == due else {
            throw Broken(description: "told \(told), late \(state as Any)")
          }
        }
      })
  }

  @Test("A drop that came in time is never late, and no alarm is told twice", arguments: [true, false])
  func swept(comes: Bool) async {
    var sweep = Self.sweep(comes: comes)
    sweep.survivals = 3
    let report = await sweep.run()
    #expect(report.failures.isEmpty, "\(report)")
    #expect(report.steps > (comes ? 40 : 8))
  }
}
