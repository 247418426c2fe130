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
    act: @escaping (World) -> Void = { _ in }, more: @escaping (SimMachine, World) throws -> Void = { _, _ in }
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
        try more(machine, world)
        let left = machine.files.files(below: "/logs")
        guard left.isEmpty else { throw Broken("logs left: \(left.keys)") }
        for place in [BatchPlace.building, .ready, .held] {
          guard try world.places(place).isEmpty else { throw Broken("batches left in \(place)") }
        }
        let batches = try world.ledger.read { (t) throws(LedgerFault) in try t.batches.list() }
        guard batches.map(\.id.description) == (try world.places(.delivered)),
          batches.allSatisfy({ $0.deliveredAt != nil })
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
    sweep.stride = 7
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

  @Test("… with rows that are skipped or left out, broken quotes, and a header in the middle of a log")
  func leftOut() async {
    let rows = [
      "id,kind\n", "1,a\n", "2,skip\n", "3,strange\n", "4,\"a\n", "5,a\n", "6,a\n", "id,kind\n", "7,skip\n",
      "kind,id,more\n",
      "a,8,x\n", "strange,9,x\n",
    ]
    let map = ValueMap(
      from: [SourceColumn("kind")], [(.init(["a"]), .value("good")), (.init(["skip"]), .skip)])
    var sweep = CrashSweep(
      "outbound, rows left out",
      prepare: { machine in
        machine.files.outside { $0.now = World.start.nanoseconds }
        try machine.files.put("/logs/a.csv", rows.joined())
        return try World(
          machine.files, ledgerGate: machine.points.ledgerGate, storeGate: machine.points.storeGate
        ) { settings in
          settings.streams[0].batch.maxRows = 2
          settings.streams[0].rows.shape = ShapeRules([
            .init("id", .source(SourceColumn("id"))), .init("kind", .map(map)),
          ])
        }
      },
      life: { _, world in
        var engine = world.makeEngine()
        try await world.settle(&engine, flush: true)
      },
      check: { machine, world in
        let sent = try world.sent(header: "id,kind")
        guard sent == "1,good\n5,good\n6,good\n8,good\n" else { throw Broken("sent \(sent)") }
        let kept = machine.files.files(below: "/state/streams/opens/aside").filter { $0.key.string.hasSuffix(".csv") }
        let lines = kept.values.flatMap { String(decoding: $0, as: UTF8.self).split(separator: "\n") }
        guard lines.filter({ !$0.contains("kind") }).sorted() == ["3,strange", "4,\"a", "strange,9,x"] else {
          throw Broken("aside: \(lines)")
        }
        let left = machine.files.files(below: "/logs")
        guard left.isEmpty else { throw Broken("logs left: \(left.keys)") }
      })
    let one = await sweep.run()
    #expect(one.failures.isEmpty, "\(one)")
    sweep.depth = 2
    sweep.cutsPower = false
    sweep.stride = 11
    let two = await sweep.run()
    #expect(two.failures.isEmpty, "\(two)")
  }

  @Test("… with manifests, and logs that go into the archive, by rename and by copy")
  func manifestsAndArchive() async {
    for isForeign in [false, true] {
      var sweep = sweep(
        "outbound, archive",
        change: {
          $0.streams[0].batch.maxBytes = 1_000
          $0.streams[0].manifest = "manifests"
          $0.streams[0].after = .archive
          $0.streams[0].archiveKeep = .seconds(86_400)
        },
        act: { world in
          guard isForeign, let files = world.files as? SimFiles else { return }
          files.setKnobs { $0.mounts = ["/logs", "/state"] }
        },
        more: { machine, _ in
          let kept = machine.files.files(below: "/state/streams/opens/archive")
          guard Set(kept.values) == [Array(Self.first.utf8), Array(Self.later.utf8)], kept.count == 2 else {
            throw Broken("archived: \(kept.keys)")
          }
        })
      let one = await sweep.run()
      #expect(one.failures.isEmpty, "\(one)")
      sweep.depth = 2
      sweep.cutsPower = false
      sweep.stride = 97
      let two = await sweep.run()
      #expect(two.failures.isEmpty, "\(two)")
    }
  }

  @Test("… with two stores, each confirmed by itself")
  func twoStores() async {
    let report = await sweep(
      "outbound, two stores", stores: ["shelf", "second"], change: { $0.streams[0].batch.maxBytes = 1_000 }
    ).run()
    #expect(report.failures.isEmpty, "\(report)")
  }
}

@Suite("Outbound, killed and cut off while people ask for something")
struct OperatingCrashTests {
  private func sweep(
    _ name: String, act: @escaping (inout StreamWorker, World) throws -> Void, check: @escaping (World) throws -> Void
  ) -> CrashSweep<World> {
    CrashSweep(
      name,
      prepare: { machine in
        try machine.files.put("/logs/a.csv", "id,text\n1,a\n2,b\n")
        let world = try World(
          machine.files, ledgerGate: machine.points.ledgerGate, storeGate: machine.points.storeGate
        ) { $0.streams[0].batch.maxBytes = 12 }
        world.store.expect(.refused(.refused))
        return world
      },
      life: { _, world in
        var engine = world.makeEngine()
        try await world.settle(&engine, flush: true)
        try act(&engine, world)
        try await world.settle(&engine, flush: true)
      },
      check: { machine, world in
        try check(world)
        let left = machine.files.files(below: "/logs")
        guard left.isEmpty else { throw Broken("logs left: \(left.keys)") }
        for place in [BatchPlace.building, .ready, .held] {
          guard try world.places(place).isEmpty else { throw Broken("batches left in \(place)") }
        }
      })
  }

  @Test("A retry, killed at any step, is done or can be asked for again")
  func retry() async {
    var sweep = sweep(
      "retry", act: { engine, world in _ = try engine.retry(nil, at: world.now) },
      check: { world in
        guard try world.sent() == "1,a\n2,b\n" else { throw Broken("sent \(try world.sent())") }
      })
    let one = await sweep.run()
    #expect(one.failures.isEmpty, "\(one)")
    sweep.depth = 2
    sweep.stride = 71
    sweep.cutsPower = false
    let two = await sweep.run()
    #expect(two.failures.isEmpty, "\(two)")
  }

  @Test("A purge, killed at any step, is finished by the next life: the object is gone, and its records are never sent")
  func purge() async throws {
    let stream = try #require(StreamName("opens"))
    let id = BatchID(stream: stream, sequence: 1)
    var sweep = sweep(
      "purge",
      act: { engine, world in
        guard try engine.withdraw(id) else { return }
        _ = try engine.purge(id, by: "j.doe", reason: "request", at: world.now)
      },
      check: { world in
        let record = try world.ledger.read { (t) throws(LedgerFault) in try t.batches.find(id) }
        guard record?.purgedAt != nil else { throw Broken("not purged") }
        let object: FilePath = "/state/streams/opens/delivered/opens-000001/object.csv.gz"
        guard try world.files.info(object) == nil else { throw Broken("the object is there") }
        // A batch whose refusal was not recorded may be sent once more before it is purged; nothing is ever sent twice.
        let sent = try world.sent()
        guard sent == "2,b\n" || sent == "1,a\n2,b\n" else { throw Broken("sent \(sent)") }
      })
    let one = await sweep.run()
    #expect(one.failures.isEmpty, "\(one)")
    sweep.depth = 2
    sweep.stride = 71
    sweep.cutsPower = false
    let two = await sweep.run()
    #expect(two.failures.isEmpty, "\(two)")
  }

  @Test("A pause holds from the moment it was answered, also after a power cut")
  func pause() async throws {
    let sweep = CrashSweep<World>(
      "pause",
      prepare: { machine in
        try machine.files.put("/logs/a.csv", "id,text\n1,a\n")
        return try World(machine.files, ledgerGate: machine.points.ledgerGate, storeGate: machine.points.storeGate)
      },
      life: { _, world in
        var engine = world.makeEngine()
        _ = try engine.pause(by: Requester("mia", reason: "test"), at: world.now)
        try await world.settle(&engine, flush: true)
      },
      check: { machine, world in
        guard world.store.keys.isEmpty, machine.files.text(of: "/logs/a.csv") != nil else { throw Broken("it went on") }
      })
    let report = await sweep.run()
    #expect(report.failures.isEmpty, "\(report)")
  }
}
