import Config
import Core
import Files
import Ledger
import Spool
import TestKit
import Testing

@testable import Outbound

@Suite("What was sent long ago is forgotten, but for its number")
struct ForgettingTests {
  @Test func afterItsTimeAndNotBefore() async throws {
    let files = SimMachine().files
    let world = try World(files)
    var engine = world.makeEngine()
    for number in 1...3 {
      try files.put("/logs/a.csv", "id,text\n\(number),a\n")
      try await world.settle(&engine, flush: true)
    }
    func known() throws -> [Int] {
      try world.ledger.read { (t) throws(LedgerFault) in try t.batches.list().map(\.id.sequence) }
    }
    world.wait(.seconds(399 * 86_400))
    try await world.settle(&engine)
    #expect(try known() == [1, 2, 3])
    world.wait(.seconds(2 * 86_400))
    try await world.settle(&engine)
    #expect(try known() == [3] && world.places(.delivered) == ["opens-000003"])
    let stream = world.settings.streams[0].name
    let (isKnown, confirmed, sources) = try world.ledger.read { (t) throws(LedgerFault) in
      (
        try t.batches.knows(BatchID(stream: stream, sequence: 1)), try t.batches.totals(of: stream).confirmed,
        try t.sources.list(of: stream, headAtMost: Limits.headBytes).count
      )
    }
    #expect(isKnown && confirmed == 3)
    #expect(sources <= 2, "that of the last batch, and the live one")

    try files.put("/logs/a.csv", "id,text\n4,a\n")
    var next = world.makeEngine()
    try await world.settle(&next, flush: true)
    #expect(try known() == [3, 4] && world.sent() == "1,a\n2,a\n3,a\n4,a\n")
  }

  @Test func aBatchThatComesBackIsNotSentAgain() async throws {
    let files = SimMachine().files
    let world = try World(files)
    var engine = world.makeEngine()
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    try await world.settle(&engine, flush: true)
    let folder = StateFolder(world.settings.state).stream(world.settings.streams[0].name)
    let plan = try files.contents(
      of: folder.appending("delivered").appending("opens-000001").appending("batch.json"), limit: 1 << 20)
    let object = try files.contents(
      of: folder.appending("delivered").appending("opens-000001").appending(BatchPlan.objectName), limit: 1 << 20)
    try files.put("/logs/a.csv", "id,text\n2,a\n")
    try await world.settle(&engine, flush: true)
    world.wait(.seconds(401 * 86_400))
    try await world.settle(&engine)
    let sent = world.store.keys
    let back = folder.appending("ready").appending("opens-000001")
    try files.ensureDirectory(back)
    try files.write(plan, to: back.appending("batch.json"))
    try files.write(object, to: back.appending(BatchPlan.objectName))
    var next = world.makeEngine()
    let pass = try next.pass(at: world.now)
    #expect(pass.uploads.isEmpty && world.store.keys == sent)
  }
}
