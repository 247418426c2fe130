import Config
import Core
import Files
import Formats
import Journal
import Ledger
import Spool
import Store
import SystemPackage
import TestKit
import Testing

@testable import Outbound

@Suite("Outbound, batches under another header")
struct SchemaTests {
  private static func settings(_ rule: StreamSettings.SchemaRule?) -> (inout Settings) -> Void {
    { settings in
      guard let shelf = StoreName("shelf") else { return }
      var store = StoreSettings(name: shelf, target: .folder("/shelf"))
      store.reader = .aep
      settings.stores = [store]
      settings.streams[0].schema = rule
    }
  }

  private func world(_ files: any Files, _ rule: StreamSettings.SchemaRule? = nil) throws -> World {
    try World(files, change: Self.settings(rule))
  }

  private static func mark(_ header: String) -> String {
    KeyMark.text(of: DigestHasher.digest(of: Array(header.utf8)).description)
  }

  private func send(_ text: String, _ engine: inout StreamWorker, _ world: World, _ files: SimFiles) async throws {
    try files.put("/logs/a.csv", text)
    try await world.settle(&engine, flush: true)
  }

  private let opens: StreamName
  init() throws { opens = try #require(StreamName("opens")) }
  private func id(_ number: Int) -> BatchID { BatchID(stream: opens, sequence: number) }

  @Test(
    "They wait, in order, beside the folder of the others, which go on; a release lets them go there, and all that come later"
  )
  func held() async throws {
    let files = SimMachine().files
    let world = try world(files)
    var engine = world.makeEngine()
    try await send("id,text\n1,a\n", &engine, world, files)
    try await send("id,text,lang\n2,b,fr\n", &engine, world, files)
    try await send("id,text,lang\n3,c,fr\n", &engine, world, files)
    try await send("id,text\n4,d\n", &engine, world, files)
    #expect(world.store.keys == ["opens/000001.csv.gz", "opens/000004.csv.gz"])
    #expect(try world.places(.held) == ["opens-000002", "opens-000003"])
    let told = world.events.all(.schemaChanged)
    #expect(told.count == 1 && world.events.all(.batchHeld).count == 1)
    let mark = Self.mark("id,text,lang")
    #expect(
      told.first?.message
        == "The columns of stream opens have changed with batch opens-000002: new: lang. Batches before lie below opens/, these below opens_\(mark)/; it waits in held until `navette release opens-000002`"
    )

    // No retry decides.
    let retried = try engine.retry(nil, at: world.now)
    #expect(retried.batches == [] && retried.undecided == [id(2), id(3)])
    let mia = Requester("mia", reason: "the dataflow is there")
    let refused = try engine.release(id(1), by: mia, at: world.now)
    #expect(refused == .refused("it does not lie in damaged"))
    let released = try engine.release(id(3), by: mia, at: world.now)
    #expect(released == .schema([id(2), id(3)]))
    try await send("id,text,lang\n5,e,fr\n", &engine, world, files)
    #expect(
      world.store.keys.filter { $0.hasPrefix("opens_\(mark)/") }.map { $0.suffix(13) } == [
        "000002.csv.gz", "000003.csv.gz", "000005.csv.gz",
      ])
    #expect(try world.places(.held).isEmpty)
    let two = id(2)
    let history = try world.ledger.read { (t) throws(LedgerFault) in try t.history.lines(of: two.description) }
    #expect(history.contains { $0.detail == "by mia: the dataflow is there" })
  }

  @Test("The same holds for every life, with a ledger that was lost, and for what somebody moves back by hand")
  func lives() async throws {
    let files = SimMachine().files
    var world = try world(files)
    var engine = world.makeEngine()
    try await send("id,text\n1,a\n", &engine, world, files)
    try await send("id,lang\n2,fr\n", &engine, world, files)
    world = try self.world(files)
    try OutboundRebuild(state: StateFolder("/state"), files: files).fill(world.ledger, at: world.now.wall)
    try files.outside {
      try $0.rename("/state/streams/opens/held/opens-000002", to: "/state/streams/opens/ready/opens-000002")
    }
    engine = world.makeEngine()
    try await send("id,lang\n3,fr\n", &engine, world, files)
    #expect(world.store.keys.isEmpty)
    #expect(try world.places(.held) == ["opens-000002", "opens-000003"])
    #expect(world.events.all(.schemaChanged).isEmpty && world.events.all(.batchHeld).count == 1)
    let other = try self.world(files, .auto)
    try OutboundRebuild(state: StateFolder("/state"), files: files).fill(other.ledger, at: other.now.wall)
    var auto = other.makeEngine()
    try await other.settle(&auto, flush: true)
    #expect(other.store.keys.count == 2 && other.store.keys.allSatisfy { $0.hasPrefix("opens_s") })
  }

  @Test("With auto they go at once, told; without a store for AEP nothing is compared, and no book is kept")
  func auto() async throws {
    let files = SimMachine().files
    let world = try world(files, .auto)
    var engine = world.makeEngine()
    try await send("id,text\n1,a\n", &engine, world, files)
    try await send("id,lang\n2,fr\n", &engine, world, files)
    #expect(world.store.keys.count == 2 && world.store.keys.contains("opens_\(Self.mark("id,lang"))/000002.csv.gz"))
    #expect(world.events.all(.schemaChanged).map { $0.fields[.reason] } == ["auto"])

    let plain = SimMachine().files
    let other = try World(plain)
    var second = other.makeEngine()
    try await send("id,text\n1,a\n", &second, other, plain)
    try await send("id,lang\n2,fr\n", &second, other, plain)
    #expect(other.store.keys == ["opens/000001.csv.gz", "opens/000002.csv.gz"])
    #expect(try plain.info("/state/streams/opens/schemas.json") == nil)
  }

  @Test("A stream that has sent before goes on where it went, under the header of its newest batch")
  func existing() async throws {
    let files = SimMachine().files
    let before = try World(files)
    var engine = before.makeEngine()
    try await send("old\n1\n", &engine, before, files)
    try await send("id,text\n2,b\n", &engine, before, files)
    let world = try world(files)
    try OutboundRebuild(state: StateFolder("/state"), files: files).fill(world.ledger, at: world.now.wall)
    engine = world.makeEngine()
    try await send("id,text\n3,c\n", &engine, world, files)
    #expect(world.store.keys == ["opens/000003.csv.gz"])
    try await send("old\n4\n", &engine, world, files)
    #expect(try world.places(.held) == ["opens-000004"])
  }

  @Test("A key that names a folder by the header keeps it, and a key without a folder gets one")
  func keys() {
    #expect(KeyMark.marked("opens/dt=1/x.gz", by: "s00ff00ff") == "opens_s00ff00ff/dt=1/x.gz")
    #expect(KeyMark.marked("x.gz", by: "s00ff00ff") == "s00ff00ff/x.gz")
    for key in ["opens/dt=1/x.gz", "x.gz", "a_b/x.gz"] {
      #expect(KeyMark.stripped(KeyMark.marked(key, by: "s00ff00ff")) == key && KeyMark.stripped(key) == key)
    }
    #expect(KeyMark.isMarked("{stream}/{schema}/{seq}.gz") && !KeyMark.isMarked("{stream}/{schema}_{seq}.gz"))
  }

  @Test("What a first line holds that is no header is told by its place alone")
  func values() {
    #expect(SchemaDifference(from: ["id", "a"], to: ["id", "b"]).text == "new: b; gone: a")
    #expect(SchemaDifference(from: ["id", "a", "c"], to: ["id", "mia@x.org", "c"]).text == "new: column 2; gone: a")
    #expect(
      SchemaDifference(from: ["id", "a"], to: ["17", "Mia"]).text == "new: column 1, column 2; gone: column 1, column 2"
    )
    #expect(
      SchemaDifference(from: ["a", "b"], to: ["b", "a"]).text
        == "the same columns in another order, or written in another way")
    #expect(SchemaDifference(from: nil, to: ["a"]).text.hasPrefix("1 column, and those before are not known"))
  }

  @Test("A later state of the folder is noticed by what it has sent beside the others, too")
  func rollback() throws {
    let template = try KeyTemplate(StoreAgeTests.settings.key)
    var check = RollbackCheck(
      StoreAgeTests.settings, template, host: "acc", last: 3, sealed: StoreAgeTests.sealed, isMarked: true,
      at: StoreAgeTests.sealed)
    #expect(check.prefixes.last == "opens_s")
    try check.see(KeyMark.marked(StoreAgeTests.key(4), by: "s00ff00ff")) { _ in nil }
    #expect(check.newer == 4)
  }

  @Test(
    "Killed and cut off at every step: nothing under the new header is sent before somebody says so, and nothing is lost"
  )
  func crashes() async {
    var sweep = CrashSweep<World>(
      "schema",
      prepare: { machine in
        try machine.files.outside { try $0.makeFolder("/state") }
        try machine.files.put("/logs/a.csv", "id,text\n1,a\n")
        try machine.files.put("/logs/b.csv", "id,lang\n2,fr\n3,de\n")
        return try World(
          machine.files, ledgerGate: machine.points.ledgerGate, storeGate: machine.points.storeGate,
          change: Self.settings(nil))
      },
      life: { _, world in
        var engine = world.makeEngine()
        try await world.settle(&engine, flush: true)
      },
      check: { machine, world in
        guard world.store.keys.allSatisfy({ !$0.hasPrefix("opens_") }) else { throw Broken("sent before its release") }
        var engine = world.makeEngine()
        try await world.settle(&engine, flush: true)
        let held = try world.places(.held).compactMap { BatchID($0) }
        guard let first = held.first else { throw Broken("nothing is held") }
        let released = try engine.release(first, by: Requester("mia", reason: "test"), at: world.now)
        guard released == .schema(held) else { throw Broken("released \(released)") }
        try await world.settle(&engine, flush: true)
        let (old, new) = (try world.sent(below: "opens/"), try world.sent(header: "id,lang", below: "opens_"))
        guard old == "1,a\n", new == "2,fr\n3,de\n" else { throw Broken("sent \(old) and \(new)") }
      })
    sweep.stride = 5
    let report = await sweep.run()
    #expect(report.failures.isEmpty, "\(report)")
    #expect(report.steps > 15)
  }
}
