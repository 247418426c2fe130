import Core
import Files
import Spool
import SystemPackage
import TestKit
import Testing
import Threads

@testable import Outbound

@Suite("Batches that lie in ready and are not recorded yet")
struct AdoptingTests {
  @Test("While one cannot be recorded, the logs that its records are from are not read: no record is sent twice")
  func unrecorded() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    let batch: FilePath = "/state/streams/opens/ready/opens-000001"
    let left = Locked(2)
    let disk = ShakyFiles(files) { (call) throws(FileFault) in
      guard call == "sync", (try? files.info(batch)) != nil else { return }
      let fails = left.withLock { left in
        left -= 1
        return left >= 0
      }
      if fails { throw FileFault(.io, "Cannot sync", at: batch, why: "it is a test") }
    }
    let world = try World(disk)
    var engine = world.makeEngine()
    // Sealed, but not known to be durable; then not adopted; then it waits for its time.
    for _ in 0..<3 {
      engine.flush()
      _ = try engine.pass(at: world.now)
      #expect(try world.places(.ready) == ["opens-000001"] && world.events.all(.batchSealed).isEmpty)
    }
    #expect(left.withLock { $0 } == 0)
    world.wait(.seconds(20))
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n" && world.store.keys.count == 1)
  }
}
