import Config
import Core
import Files
import Ledger
import Spool
import Store
import SystemPackage
import TestKit
import Testing

@testable import Outbound

@Suite("Outbound, what stores hold of a purged batch")
struct RemovingTests {
  private let opens: StreamName
  private let shelf: StoreName

  init() throws {
    opens = try #require(StreamName("opens"))
    shelf = try #require(StoreName("shelf"))
  }

  private func id(_ sequence: Int) -> BatchID { BatchID(stream: opens, sequence: sequence) }

  private func sent(_ change: (inout Settings) -> Void = { _ in }) async throws -> (World, StreamWorker, SimFiles) {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,secret\n")
    let world = try World(files, change: change)
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    return (world, engine, files)
  }

  private func purge(_ engine: inout StreamWorker, _ world: World) throws {
    #expect(try engine.withdraw(id(1)))
    _ = try #require(try engine.purge(id(1), by: "j.doe", reason: "request", at: world.now))
  }

  private func note(_ engine: inout StreamWorker, _ world: World) throws {
    try engine.noteRemoved(id(1), from: shelf, by: "j.doe", reason: "request", at: world.now)
  }

  private func confirmed(_ ledger: Ledger) throws -> [BatchID] {
    try ledger.read { (t) throws(LedgerFault) in
      try t.batches.confirmed(of: opens, by: shelf, since: nil, after: nil, limit: 10).map(\.batch.id)
    }
  }

  @Test("object and manifest go, the ledger keeps the fact, and nobody misses them; also in a ledger that is made anew")
  func removes() async throws {
    var (world, engine, files) = try await sent { $0.streams[0].manifest = "manifests" }
    #expect(world.store.keys.count == 2)
    #expect(try engine.remoteObjects(of: id(1)) == nil, "it was not purged")
    try purge(&engine, world)
    #expect(try confirmed(world.ledger) == [id(1)])
    let object = try #require(try engine.remoteObjects(of: id(1))?.first)
    #expect(try await object.remove(from: world.store) == .deleted)
    #expect(world.store.keys == [])
    // Killed here, it is asked for again.
    #expect(try await object.remove(from: world.store) == .absent)
    try note(&engine, world)
    #expect(try engine.remoteObjects(of: id(1))?.isEmpty == true)
    #expect(try confirmed(world.ledger) == [])
    let told = world.events.all(.batchPurged).last
    #expect(told?.fields[.store] == "shelf" && told?.fields[.reason] == "request")
    let (removals, history) = try world.ledger.read { (t) throws(LedgerFault) in
      (try t.deliveries.removals(of: id(1)), try t.history.lines(of: id(1).description))
    }
    #expect(
      removals == [shelf: world.now.wall] && history.contains { $0.detail.contains("from store shelf, by j.doe") })

    let anew = try Ledger(path: nil)
    try OutboundRebuild(state: StateFolder("/state"), files: files).fill(anew, at: world.now.wall)
    #expect(try confirmed(anew) == [])
    #expect(try anew.read(DeliveryTable.removals(of:), id(1)).keys.map(\.text) == ["shelf"])
  }

  @Test("another object under its name stays")
  func another() async throws {
    var (world, engine, _) = try await sent()
    let key = try #require(world.store.keys.first)
    let size = try #require(world.store.bytes(at: key)?.count)
    try purge(&engine, world)
    let object = try #require(try engine.remoteObjects(of: id(1))?.first)
    for bytes in [[1, 2, 3], [UInt8](repeating: 7, count: size)] as [[UInt8]] {
      world.store.put(bytes, at: key)
      guard case .left(let why) = try await object.remove(from: world.store) else {
        Issue.record("it was deleted")
        continue
      }
      #expect(why.contains("another object has its name") && world.store.bytes(at: key) == bytes)
    }
  }

  @Test("what may have arrived is looked for, too; what was never sent is not")
  func perhaps() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,secret\n")
    let world = try World(files)
    world.store.expect(.replyLost)
    var engine = world.makeEngine()
    engine.flush()
    let pass = try engine.pass(at: world.now)
    let upload = try #require(pass.uploads.first)
    do throws(StoreFault) { _ = try await world.store.create(upload.file, at: upload.key) } catch {
      try engine.note(UploadOutcome(upload: upload, result: .failure(error), took: .zero), at: world.now)
    }
    try purge(&engine, world)
    let object = try #require(try engine.remoteObjects(of: id(1))?.first)
    #expect(!object.sent.isConfirmed)
    #expect(try await object.remove(from: world.store) == .deleted)
    #expect(world.store.keys == [])
  }
}
