import Config
import Core
import Files
import Inbound
import Lanes
import Ledger
import Spool
import Store
import SystemPackage
import TestKit
import Testing
import Threads

@testable import FeedKit
@testable import Pull

/// An object is fetched and handed over once, whatever is killed; it is deleted only after that.
@Suite("Pulling, killed at every step, power cut at every step")
struct PullCrashTests {
  private struct Broken: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }

  private static let landing = FilePath("/srv/landing")
  private static let handover = FilePath("/srv/import")
  private static let state = StateFolder("/state")
  private static let objects = ["audiences/a.csv": Sample.table, "audiences/vip/bad.csv": Sample.crooked]

  private final class World {
    let ledger: Ledger
    let store: SimStore
    let salts = Counter()
    let seconds = Counter()

    init(_ machine: SimMachine) throws {
      ledger = try Ledger(path: nil, gateForTests: machine.points.ledgerGate)
      store = SimStore(files: machine.files, gate: machine.points.storeGate)
      for (key, text) in PullCrashTests.objects { store.put(Array(text.utf8), at: key) }
    }
  }

  private static func settings(_ after: FeedSettings.Pull.After) throws -> Settings {
    var feed = FeedSettings(name: try #require(FeedName("audiences")), landing: landing, handover: handover)
    feed.settle = .seconds(1)
    feed.recursive = true
    // What is fetched twice would be seen.
    feed.duplicates = .deliver
    let store = try #require(StoreName("aep"))
    feed.pull = FeedSettings.Pull(store: store)
    feed.pull?.prefix = "audiences/"
    feed.pull?.every = .seconds(5)
    feed.pull?.after = after
    var settings = Settings()
    settings.state = state.root
    settings.limits.minFree = 0
    settings.stores = [StoreSettings(name: store, target: .folder("/nowhere"))]
    settings.feeds = [feed]
    return settings
  }

  private static func sweep(_ after: FeedSettings.Pull.After) -> CrashSweep<World> {
    CrashSweep(
      "pulling, after: \(after)",
      prepare: { machine in
        try machine.files.outside { disk in
          try disk.makeFolder(landing)
          try disk.makeFolder(handover)
          try disk.makeFolder(state.root)
        }
        return try World(machine)
      },
      life: { machine, world in
        let settings = try settings(after)
        let events = EventLog()
        var pull = try #require(
          PullWorker(
            settings.feeds[0], state: state, files: machine.files, ledger: world.ledger, events: events,
            minFree: settings.limits.minFree,
            slots: StoreSlots(settings.stores.reduce(into: [:]) { $0[$1.name] = $1.concurrency })))
        var engine = FeedWorker(
          settings.feeds[0], state: state, files: machine.files, ledger: world.ledger, events: events,
          salt: { world.salts.next() })
        for _ in 0..<6 {
          let seconds = Int64(world.seconds.next()) * 6
          let now = Moment(wall: Timestamp(seconds: 1_773_300_000 + seconds), uptime: .seconds(seconds))
          for work in try pull.pass(at: now).works {
            let pages = Locked<[[ListedObject]]>([])
            let end = await work.carryOut(in: world.store) { page, _ in pages.withLock { $0.append(page) } }
            if case .list(let list) = work {
              for page in pages.withLock({ $0 }) { try pull.note(page, of: list, at: now) }
            }
            pull.ended(work, at: now.uptime)
            try pull.note(try #require(end), at: now)
          }
          let summary = try engine.pass(at: now)
          if let why = summary.trouble { throw Broken("paused: \(why)") }
        }
        if machine.points.isAlive, pull.isWaiting { throw Broken("the puller waits: \(events.all.map(\.message))") }
      },
      check: { machine, world in try check(machine, world, after) })
  }

  private static func check(_ machine: SimMachine, _ world: World, _ after: FeedSettings.Pull.After) throws {
    let disk = machine.files.snapshot
    let left = disk.files(below: landing).keys
    guard left.isEmpty else { throw Broken("landing still has \(left)") }
    let handed = disk.files(below: handover).values.map { String(decoding: $0, as: UTF8.self) }
    guard handed == [Sample.table] else { throw Broken("handed over: \(handed.count) files") }
    let spool = Spool<DropPlace>(root: state.feed(try #require(FeedName("audiences"))), files: machine.files)
    let refused = try spool.entries(in: .quarantine)
    guard refused.count == 1 else { throw Broken("quarantine has \(refused)") }
    let kept = after == .keep ? objects.keys.sorted() : ["audiences/vip/bad.csv"]
    guard world.store.keys == kept else { throw Broken("the store has \(world.store.keys)") }
  }

  @Test("Kills", arguments: FeedSettings.Pull.After.allCases)
  func kills(after: FeedSettings.Pull.After) async {
    var sweep = Self.sweep(after)
    sweep.cutsPower = false
    let report = await sweep.run()
    #expect(report.failures.isEmpty, "\(report)")
    #expect(report.steps > 60)
  }

  @Test("Power cuts")
  func cuts() async {
    var sweep = Self.sweep(.delete)
    sweep.survivals = 5
    let report = await sweep.run()
    #expect(report.failures.isEmpty, "\(report)")
    #expect(report.runs > 40)
  }
}
