import Config
import Core
import Files
import Inbound
import Ledger
import Spool
import SystemPackage
import TestKit
import Testing

@testable import FeedKit

@Suite("Two feeds side by side, killed and cut off at every step")
struct SideBySideTests {
  private struct Broken: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }

  private final class World {
    let ledger: Ledger
    let salts = Counter()
    let seconds = Counter()
    init(_ machine: SimMachine) throws { ledger = try Ledger(path: nil, gateForTests: machine.points.ledgerGate) }
  }

  private static let feeds = ["audiences", "profiles"]
  private static func landing(_ feed: String) -> FilePath { FilePath("/srv/landing/\(feed)") }
  private static func handover(_ feed: String) -> FilePath { FilePath("/srv/import/\(feed)") }

  /// They share the ledger; a good file of the one has the content of a good file of the other, which makes it no duplicate.
  private func sweep() -> CrashSweep<World> {
    CrashSweep(
      "two feeds",
      prepare: { machine in
        for feed in Self.feeds {
          try machine.files.put(Self.landing(feed).appending("a.csv"), Sample.table)
          try machine.files.outside { try $0.makeFolder(Self.handover(feed)) }
        }
        try machine.files.put(Self.landing("profiles").appending("bad.csv"), Sample.crooked)
        try machine.files.outside { try $0.makeFolder("/state") }
        return try World(machine)
      },
      life: { machine, world in
        var workers = try Self.feeds.map { name in
          var settings = FeedSettings(
            name: try #require(FeedName(name)), landing: Self.landing(name), handover: Self.handover(name))
          settings.settle = .seconds(1)
          return FeedWorker(
            settings, state: StateFolder("/state"), files: machine.files, ledger: world.ledger, events: EventLog(),
            salt: { world.salts.next() })
        }
        for _ in 0..<2 {
          let seconds = Int64(world.seconds.next()) * 5
          let now = Moment(wall: Timestamp(seconds: 1_773_300_000 + seconds), uptime: .seconds(seconds))
          for index in workers.indices {
            let summary = try workers[index].pass(at: now)
            if let why = summary.trouble { throw Broken("paused: \(why)") }
          }
        }
      },
      check: { machine, _ in
        for feed in Self.feeds {
          let left = machine.files.files(below: Self.landing(feed))
          guard left.isEmpty else { throw Broken("landing of \(feed) still has \(left.keys)") }
          let there = machine.files.files(below: Self.handover(feed)).values.map { String(decoding: $0, as: UTF8.self) }
          guard there == [Sample.table] else { throw Broken("handed over by \(feed): \(there.count)") }
          let spool = Spool<DropPlace>(
            root: StateFolder("/state").feed(try #require(FeedName(feed))), files: machine.files)
          let ends = try [DropPlace.gathering, .claimed, .handover, .held, .archive, .quarantine]
            .map { try spool.entries(in: $0).count }
          guard ends == [0, 0, 0, 0, 1, feed == "profiles" ? 1 : 0] else { throw Broken("places of \(feed): \(ends)") }
        }
      })
  }

  @Test("Each drop comes to its end in its own feed, once")
  func exactlyOnce() async {
    let report = await sweep().run()
    #expect(report.failures.isEmpty, "\(report)")
    #expect(report.steps > 100)
  }
}
