import Config
import Core
import Files
import Journal
import Ledger
import Store
import SystemPackage
import TestKit
import Testing

@testable import Outbound

@Suite("Outbound, killed and cut off at every step")
struct OutboundCrashTests {
  static let first = "id,text\n1,a\n2,\"b\nb\"\n3,c\n"
  static let later = "id,text\n4,d\n5,e\n"

  /// Two logs, three batches: set aside, cut, sealed, sent, delivered, deleted.
  private func sweep(
    _ name: String, stores: [String] = ["shelf"], change: @escaping (inout Settings) -> Void = { _ in },
    act: @escaping (World) -> Void = { _ in }
  ) -> CrashSweep<World> {
    CrashSweep(
      name,
      prepare: { machine in
        try machine.files.put("/logs/a.csv", Self.first)
        try machine.files.put("/logs/b.csv", Self.later)
        let world = try World(
          machine.files, stores: stores, ledgerGate: machine.points.ledgerGate, storeGate: machine.points.storeGate
        ) { settings in
          settings.streams[0].batch.maxBytes = 24
          change(&settings)
        }
        act(world)
        return world
      },
      life: { _, world in
        var engine = world.makeEngine()
        try await world.settle(&engine, flush: true)
      },
      check: { machine, world in
        let expected = ["1,a", "2,\"b\nb\"", "3,c", "4,d", "5,e"].map { $0 + "\n" }
        for store in stores.map({ $0 == "second" ? world.second : world.store }) {
          let sent = try world.sent(in: store)
          guard sent == expected.joined() else { throw Broken("sent \(sent)") }
        }
        let left = machine.files.files(below: "/logs")
        guard left.isEmpty else { throw Broken("logs left: \(left.keys)") }
        for place in [BatchPlace.building, .ready, .held] {
          guard try world.places(place).isEmpty else { throw Broken("batches left in \(place)") }
        }
        let batches = try world.ledger.read { (t) throws(LedgerFault) in try t.batches(of: nil) }
        guard batches.map(\.id.description) == (try world.places(.delivered)), batches.allSatisfy({ $0.deliveredAt != nil })
        else { throw Broken("the ledger says \(batches.map(\.id)), the places \(try world.places(.delivered))") }
      })
  }

  @Test("Every record is in exactly one object, one crash deep, by kill and by power cut")
  func oneDeep() async {
    let report = await sweep("outbound").run()
    #expect(report.failures.isEmpty, "\(report)")
    #expect(report.steps > 40)
  }

  @Test("… and two kills deep")
  func twoDeep() async {
    var sweep = sweep("outbound, two deep", change: { $0.streams[0].batch.maxBytes = 1_000 })
    sweep.depth = 2
    sweep.cutsPower = false
    let report = await sweep.run()
    #expect(report.failures.isEmpty, "\(report)")
  }

  @Test("… with a store whose reply is lost, and one that is away at first")
  func lostReplies() async {
    let sweep = sweep(
      "outbound, lost reply", change: { $0.streams[0].batch.maxBytes = 1_000 },
      act: { $0.store.expect(.replyLost, .refused(.unreachable), .refused(.throttled(afterMilliseconds: 10))) })
    let report = await sweep.run()
    #expect(report.failures.isEmpty, "\(report)")
  }

  @Test("… with two stores, each confirmed by itself")
  func twoStores() async {
    let report = await sweep(
      "outbound, two stores", stores: ["shelf", "second"], change: { $0.streams[0].batch.maxBytes = 1_000 }
    ).run()
    #expect(report.failures.isEmpty, "\(report)")
  }
}
