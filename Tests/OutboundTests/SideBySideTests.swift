import Config
import Core
import Store
import TestKit
import Testing

@testable import Outbound

@Suite("Two streams side by side, killed and cut off at every step")
struct SideBySideTests {
  /// They share the ledger, the store's one slot and the spool's limit, and each has its folder and its back-off.
  private func sweep() -> CrashSweep<World> {
    CrashSweep(
      "two streams",
      prepare: { machine in
        try machine.files.put("/logs/a.csv", "id,text\n1,a\n2,b\n3,c\n")
        try machine.files.put("/clicks/a.csv", "id,text\n1,x\n2,y\n")
        let world = try World(
          machine.files, ledgerGate: machine.points.ledgerGate, storeGate: machine.points.storeGate
        ) { settings in
          settings.limits.spoolMaxBytes = 60
          var clicks = StreamSettings(
            name: settings.streams[0].name, logs: ["/clicks/*.csv"], stores: settings.streams[0].stores)
          if let name = StreamName("clicks") { clicks.name = name }
          clicks.key = settings.streams[0].key
          settings.streams.append(clicks)
          for index in settings.streams.indices { settings.streams[index].batch.maxBytes = 16 }
        }
        world.store.expect(.refused(.unreachable), .replyLost)
        return world
      },
      life: { _, world in
        let shared = StreamsShared(world.settings)
        var engines = [world.makeEngine(0, shared: shared), world.makeEngine(1, shared: shared)]
        try await world.settle(&engines)
      },
      check: { machine, world in
        for (stream, records) in [("opens", "1,a\n2,b\n3,c\n"), ("clicks", "1,x\n2,y\n")] {
          let sent = try world.sent(below: "\(stream)/")
          guard sent == records else { throw Broken("sent of \(stream): \(sent)") }
        }
        let left = machine.files.files(below: "/logs").count + machine.files.files(below: "/clicks").count
        guard left == 0 else { throw Broken("logs left") }
        let batches = try world.ledger.read { (t) throws(LedgerFault) in try t.batches.list() }
        guard batches.allSatisfy({ $0.deliveredAt != nil }), Set(batches.map(\.id.stream.text)).count == 2 else {
          throw Broken("the ledger says \(batches.map(\.id))")
        }
      })
  }

  @Test("Each record is in one object of its own stream, whatever becomes of the other's")
  func exactlyOnce() async {
    let report = await sweep().run()
    #expect(report.failures.isEmpty, "\(report)")
    #expect(report.steps > 80)
  }
}
