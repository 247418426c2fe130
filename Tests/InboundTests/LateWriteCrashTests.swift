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
import Threads

@testable import FeedKit

/// A sender writes on right after his file was handed over.
@Suite("Killed and cut off while what came late is kept")
struct LateWriteCrashTests {
  private struct Broken: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }

  private static let landing = FilePath("/srv/landing")
  private static let handover = FilePath("/srv/import")
  private static let state = StateFolder("/state")
  private static let late = Sample.table + "4,d\n"

  private final class World {
    let ledger: Ledger
    let salts = Counter()
    let seconds = Counter()
    let inode: UInt64
    let wrote = Locked(false)

    init(_ machine: SimMachine, _ inode: UInt64) throws {
      ledger = try Ledger(path: nil, gateForTests: machine.points.ledgerGate)
      self.inode = inode
    }
  }

  private static func sweep(copies: Bool) -> CrashSweep<World> {
    CrashSweep(
      "late, \(copies ? "copied" : "renamed")",
      prepare: { machine in
        let path = landing.appending("a.csv")
        try machine.files.put(path, Sample.table)
        try machine.files.outside { disk in
          try disk.makeFolder(handover)
          try disk.makeFolder(state.root)
          if copies { disk.knobs.mounts = [landing, handover, state.root] }
        }
        return try World(machine, try #require(machine.files.snapshot.inode(of: path)))
      },
      life: { machine, world in
        var settings = FeedSettings(name: try #require(FeedName("audiences")), landing: landing, handover: handover)
        settings.settle = .seconds(1)
        var engine = FeedWorker(
          settings, state: state, files: machine.files, ledger: world.ledger, events: EventLog(),
          salt: { world.salts.next() })
        for _ in 0..<8 {
          let seconds = Int64(world.seconds.next()) * 5
          let now = Moment(wall: Timestamp(seconds: 1_773_300_000 + seconds), uptime: .seconds(seconds))
          let summary = try engine.pass(at: now)
          if let why = summary.trouble { throw Broken("paused: \(why)") }
          guard summary.handedOver > 0, !world.wrote.withLock({ $0 }) else { continue }
          world.wrote.withLock { $0 = true }
          let inode = world.inode
          machine.files.outside { $0.append(to: inode, "4,d\n") }
        }
      },
      check: { machine, world in
        let disk = machine.files.snapshot
        guard disk.names(in: landing).isEmpty else { throw Broken("landing has \(disk.names(in: landing))") }
        let handed = disk.files(below: handover).values.map { String(decoding: $0, as: UTF8.self) }
        guard handed == [Sample.table] else { throw Broken("handed over: \(handed)") }
        let spool = Spool<DropPlace>(root: state.feed(try #require(FeedName("audiences"))), files: machine.files)
        for place in [DropPlace.gathering, .claimed, .handover, .quarantine, .damaged] {
          let left = try spool.entries(in: place)
          guard left.isEmpty else { throw Broken("\(place.rawValue) has \(left)") }
        }
        let held = disk.files(below: spool.path(.held)).filter { $0.key.string.contains("/parts/") }.values
        guard held.allSatisfy({ String(decoding: $0, as: UTF8.self) == late }), held.count <= 1 else {
          throw Broken("held: \(held.count)")
        }
        let archive = disk.files(below: spool.path(.archive))
        guard !archive.keys.contains(where: { $0.lastComponent == "restoring" }) else { throw Broken("left over") }
        let kept = archive.filter { $0.key.string.contains("/parts/") }.values.map {
          String(decoding: $0, as: UTF8.self)
        }
        // A process that was ended before it had seen it cannot tell: then the archive has what came late.
        let isRestored = copies || !held.isEmpty
        guard kept.count == 1, isRestored ? kept == [Sample.table] : kept[0].hasPrefix(Sample.table) else {
          throw Broken("the archive has \(kept), held are \(held.count)")
        }
      })
  }

  @Test("Nothing is handed over that nobody released, and nothing is left half", arguments: [true, false])
  func late(copies: Bool) async {
    var sweep = Self.sweep(copies: copies)
    sweep.survivals = 6
    let report = await sweep.run()
    #expect(report.failures.isEmpty, "\(report)")
    #expect(report.steps > 50)
  }
}
