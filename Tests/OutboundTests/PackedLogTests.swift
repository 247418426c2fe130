import Config
import Core
import Formats
import Spool
import SystemPackage
import TestKit
import Testing

@testable import Outbound

@Suite("Outbound, what is known of packed logs")
struct PackedLogTests {
  private let log = FilePath("/logs/a.csv")

  @Test(
    "What a sealed batch tells of a packed log, in a ledger that was lost or in one that knows it: the rest of it is read",
    arguments: [true, false])
  func packedAndLearned(isLost: Bool) async throws {
    let files = SimMachine().files
    try files.put(log, "id,text\n1,a\n2,b\n3,c\n")
    let change: @Sendable (inout Settings) -> Void = {
      $0.streams[0].rotation = .follow
      $0.streams[0].batch.maxRows = 3
    }
    let first = try World(files, change: change)
    var engine = first.makeEngine()
    try await first.settle(&engine)
    try files.append(to: log, "4,d\n5,e\n6,f\n7,g\n")
    let packed = try gzip(files.text(of: log) ?? "")
    try files.outside { try $0.put("/logs/a.csv.1.gz", packed) }
    try files.take(log)
    try files.put(log, "id,text\n")
    try await first.settle(&engine, passes: 3, every: .seconds(1))
    #expect(try first.sent() == "1,a\n2,b\n3,c\n4,d\n5,e\n6,f\n")
    let world = isLost ? try World(files, change: change) : first
    try OutboundRebuild(state: StateFolder("/state"), files: files).fill(world.ledger, at: world.now.wall)
    if !isLost {
      let plan = try files.readPlan(
        BatchPlan.self, at: "/state/streams/opens/delivered/opens-000002/batch.json")
      try world.ledger.transact("test") { (t) throws(LedgerFault) in try t.batches.advance(plan) }
    }
    var next = world.makeEngine()
    try await world.settle(&next, flush: true)
    #expect(try first.sent() + (isLost ? world.sent() : "") == "1,a\n2,b\n3,c\n4,d\n5,e\n6,f\n7,g\n")
    #expect(world.events.all(.sourceGap).isEmpty)
  }
}

func gzip(_ text: String) throws -> [UInt8] { try gzip(Array(text.utf8)) }

func gzip(_ bytes: [UInt8]) throws -> [UInt8] {
  var packed: [UInt8] = []
  var deflater = Deflater(level: 6)
  bytes.withUnsafeBufferPointer { all in
    deflater.write(UnsafeRawBufferPointer(all)) { packed.append(contentsOf: $0) }
  }
  deflater.finish { packed.append(contentsOf: $0) }
  return packed
}
