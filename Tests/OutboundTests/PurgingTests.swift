import Config
import Core
import Files
import Ledger
import Spool
import SystemPackage
import TestKit
import Testing

@testable import Outbound

private func changed(_ files: any Files, _ change: (inout Settings) -> Void) throws -> World {
  try World(files, change: change)
}

@Suite("Outbound, where records of a purged batch are left")
struct PurgingTests {
  private let opens: StreamName
  init() throws { opens = try #require(StreamName("opens")) }
  private func id(_ sequence: Int) -> BatchID { BatchID(stream: opens, sequence: sequence) }

  private func purge(_ number: Int, _ engine: inout StreamWorker, _ world: World) throws -> Purged {
    #expect(try engine.withdraw(id(number)))
    return try #require(try engine.purge(id(number), by: "j.doe", reason: "request", at: world.now))
  }

  /// Everything on the disk but ledgers of the test.
  private func holds(_ text: String, _ files: SimFiles) -> [String] {
    files.files(below: "/").filter { String(decoding: $0.value, as: UTF8.self).contains(text) }.map(\.key.string)
  }

  @Test("A log that was set aside goes with its batch, whatever after says, once all of it is confirmed or purged")
  func setAside() async throws {
    for after in [StreamSettings.After.keep, .archive, .delete] {
      let files = SimMachine().files
      try files.put("/logs/a.csv", "id,text\n1,secret\n2,other\n")
      let world = try changed(files) {
        $0.streams[0].after = after
        $0.streams[0].batch.maxRows = 1
      }
      world.store.expect(.refused(.refused), .refused(.refused))
      var engine = world.makeEngine()
      try await world.settle(&engine, flush: true)
      #expect(try world.places(.held).count == 2)

      let first = try purge(1, &engine, world)
      #expect(first.logs.map(\.why) == [.unsent], "\(after)")
      #expect(first.logs.first?.path.hasSuffix(".navette") == true && !holds("secret", files).isEmpty)
      // By another life, too.
      engine = world.makeEngine()
      _ = try engine.retry(nil, at: world.now)
      try await world.settle(&engine, flush: true)
      #expect(try world.sent() == "2,other\n")
      #expect(holds("secret", files) == [], "\(after)")
      #expect(try files.list("/logs").isEmpty)
    }
  }

  @Test("Of a delivered batch, the kept log and the archived one go at once; a batch that is not purged keeps its log")
  func delivered() async throws {
    for after in [StreamSettings.After.keep, .archive] {
      let files = SimMachine().files
      try files.put("/logs/a.csv", "id,text\n1,secret\n")
      let world = try changed(files) { $0.streams[0].after = after }
      var engine = world.makeEngine()
      try await world.settle(&engine, flush: true)
      try files.put("/logs/a.csv", "id,text\n2,other\n")
      try await world.settle(&engine, flush: true)
      #expect(holds("secret", files).count == 1)
      let purged = try purge(1, &engine, world)
      #expect(purged.logs == [] && purged.place == .delivered)
      #expect(holds("secret", files) == [])
      #expect(holds("other", files).count == 1)
    }
  }

  @Test(
    "A log of others stays, and so does one that its writer has open: both are told, by the path where they lie now")
  func told() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,secret\n")
    let follow = try changed(files) { $0.streams[0].rotation = .follow }
    var engine = follow.makeEngine()
    try await follow.settle(&engine, flush: true)
    // Rotated since it was read.
    try files.outside { try $0.rename("/logs/a.csv", to: "/logs/a.csv.1") }
    try files.put("/logs/a.csv", "id,text\n")
    try await follow.settle(&engine)
    let left1 = try purge(1, &engine, follow)
    #expect(left1.logs == [Purged.Log(path: "/logs/a.csv.1", why: .notOurs)])

    let others = SimMachine().files
    try others.put("/logs/a.csv", "id,text\n1,secret\n")
    let rename = try World(others)
    var second = rename.makeEngine()
    rename.store.expect(.refused(.refused))
    try await rename.settle(&second, flush: true)
    let aside = try #require(others.files(below: "/logs").keys.first)
    others.setKnobs { $0.openForWriting = [aside] }
    let left2 = try purge(1, &second, rename)
    #expect(left2.logs == [Purged.Log(path: aside.string, why: .open)])
    others.setKnobs { $0.openForWriting = [] }
    try await rename.settle(&second)
    #expect(holds("secret", others) == [])
  }

  @Test("Records too large to send that stood between those of the batch go with it")
  func aside() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n2,b\n")
    let world = try World(files)
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    let plan = try files.batchPlan(of: id(1), in: "/state/streams/opens/delivered/opens-000001")
    let source = try #require(plan.segments.first?.source)
    // Between its records, behind them, and of another log; the simulated disk has no times that `Sweeping` would believe.
    let other = String(source.description.reversed())
    for name in ["\(source)-12-16", "\(source)-900-999", "\(other)-12-16"] {
      try files.put(FilePath("/state/streams/opens/aside/\(name)"), "large")
    }
    _ = try purge(1, &engine, world)
    let left = try files.list("/state/streams/opens/aside").map(\.description).sorted()
    #expect(!left.contains("\(source)-12-16") && left.count == 2)
  }
}

@Suite("Outbound, what a flush leaves")
struct FlushTests {
  private func world(_ change: (inout Settings) -> Void = { _ in }) throws -> (World, SimFiles) {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    return (try World(files, change: change), files)
  }

  private func flush(_ engine: inout StreamWorker, _ world: World) throws -> [String] {
    engine.flush()
    repeat { _ = try engine.pass(at: world.now) } while engine.isCatchingUp
    return engine.leftByFlush
  }

  @Test("Nothing is said where all is sealed")
  func nothing() throws {
    let (world, _) = try world()
    var engine = world.makeEngine()
    let left3 = try flush(&engine, world)
    #expect(left3 == [])
    #expect(try world.places(.ready).count == 1)
  }

  @Test("A paused stream, a full spool, a log that waits and a folder that is away are said, and why")
  func said() async throws {
    var (world, files) = try self.world()
    var engine = world.makeEngine()
    _ = try engine.pause(by: Requester("mia", reason: "test"), at: world.now)
    #expect(
      try flush(&engine, world) == ["it is paused: it rotates, seals and sends nothing until `navette resume opens`"])

    (world, files) = try self.world { $0.limits.spoolMaxBytes = 1 }
    engine = world.makeEngine()
    world.store.expect(.refused(.unreachable))
    _ = try flush(&engine, world)
    try files.put("/logs/b.csv", "id,text\n2,b\n")
    let left4 = try flush(&engine, world)
    #expect(left4.first?.hasPrefix("the spool is full (limits.spool_max_bytes)") == true)

    (world, files) = try self.world { $0.streams[0].headerSanitize = true }
    try files.put("/logs/b.csv", "a-b,a_b\n2,b\n")
    engine = world.makeEngine()
    let left = try flush(&engine, world)
    #expect(left.count == 1 && left[0].contains("waits:") && left[0].contains("would have one name"))

    world = try World(files, root: "/other", logs: ["/nowhere/*.csv"])
    engine = world.makeEngine()
    let left5 = try flush(&engine, world)
    #expect(left5.first?.contains("Cannot list the log folder") == true)
  }
}
