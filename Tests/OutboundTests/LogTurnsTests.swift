import Core
import Files
import Ledger
import Spool
import SystemPackage
import TestKit
import Testing

@testable import Outbound

@Suite("A log that was in hand when the agent died")
struct LogTurnsTests {
  /// What the next life is told after a SIGKILL with this in hand.
  private func suspects(_ items: [Work.Item], _ world: World, step: Work.Step = .cut) throws -> Suspects {
    let folder = try TemporaryFolder()
    let path = folder.path.appending("in-hand")
    let life = InHandFile.Life(program: "1", boot: "b", invocation: "")
    let hands = InHandFile.open(path, life).0.begin()
    func past(_ left: ArraySlice<Work.Item>) throws -> InHandFile.Past {
      guard let item = left.first else {
        return InHandFile.past(try LinuxFiles().contents(of: path, limit: 1 << 20), boot: "b")
      }
      return try hands.holding(Work(.stream(world.settings.streams[0].name), step, item)) {
        try past(left.dropFirst())
      }
    }
    let suspects = Suspects(try past(items[...]), at: "/state/suspects.json", world.files)
    #expect(items.allSatisfy(suspects.wasInHand))
    return suspects
  }

  private func world(_ logs: [(name: String, text: String)]) throws -> (World, SimFiles) {
    let files = SimFiles()
    try files.makeDirectory("/logs", mode: .stateDirectory)
    for (name, text) in logs { try files.put(FilePath("/logs/\(name)"), "id,text\n\(text)") }
    return (try World(files), files)
  }

  /// One look, so that the ledger knows the logs. - Returns: their numbers, by what they are called.
  private func look(_ world: World) throws -> [String: SourceID] {
    var engine = world.makeEngine()
    _ = try engine.pass(at: world.now)
    let name = world.settings.streams[0].name
    let known = try world.ledger.read { (t) throws(LedgerFault) in try t.sources.list(of: name) }
    return Dictionary(known.map { (FilePath($0.path).name?.description ?? "", $0.id) }, uniquingKeysWith: { a, _ in a })
  }

  private func objects(_ world: World) throws -> [String] {
    try world.store.keys.map { try gunzip(world.store.bytes(at: $0) ?? []) }
  }

  @Test("is read last, by itself, when the others are on their way; and then it is like the others")
  func last() async throws {
    let (world, files) = try world([("a.csv", "1,a\n"), ("b.csv", "2,b\n"), ("c.csv", "3,c\n")])
    let known = try look(world)
    let suspects = try suspects([.source(try #require(known["a.csv"])), .source(try #require(known["b.csv"]))], world)
    var engine = world.makeEngine(suspects: suspects)
    engine.flush()
    let first = try engine.pass(at: world.now)
    #expect(first.uploads.count == 1 && engine.isCatchingUp)
    #expect(try files.list("/logs").prefix(2) == ["a.csv", "b.csv"], "untouched")
    for upload in first.uploads {
      let receipt = try await world.store.create(upload.file, at: upload.key)
      engine.ended(upload, at: world.now.uptime)
      try engine.note(UploadOutcome(upload: upload, result: .success(receipt), took: .zero), at: world.now)
    }
    #expect(try objects(world) == ["id,text\n3,c\n"])
    try await world.settle(&engine, every: .milliseconds(500))
    #expect(try objects(world) == ["id,text\n3,c\n", "id,text\n1,a\n", "id,text\n2,b\n"])
    #expect(suspects.inHand(of: .stream(world.settings.streams[0].name)).isEmpty)
    try files.put("/logs/a.csv", "id,text\n4,a\n")
    try files.put("/logs/b.csv", "id,text\n5,b\n")
    try await world.settle(&engine, flush: true)
    #expect(try objects(world).last == "id,text\n4,a\n5,b\n")
  }

  @Test("goes before what was written later under its name")
  func order() async throws {
    let (world, files) = try world([
      ("a.csv.20260312T050000Z.navette", "1,a\n"), ("a.csv", "2,a\n"), ("b.csv", "3,b\n"),
    ])
    let known = try look(world)
    let old = try #require(known["a.csv.20260312T050000Z.navette"])
    var engine = world.makeEngine(suspects: try suspects([.source(old)], world))
    try await world.settle(&engine, flush: true, every: .milliseconds(400))
    #expect(try objects(world) == ["id,text\n3,b\n", "id,text\n1,a\n", "id,text\n2,a\n"])
    #expect(try files.list("/logs").isEmpty)
  }

  @Test("is not even looked at before, where it was not known yet")
  func unknown() async throws {
    let (world, files) = try world([("a.csv", "1,a\n"), ("b.csv", "2,b\n")])
    let info = try #require(try files.info("/logs/a.csv"))
    let item = Work.Item.file(inode: info.inode, size: info.size)
    var engine = world.makeEngine(suspects: try suspects([item], world, step: .look))
    files.setKnobs { $0.faults = [SimInjection(.damaged, at: .open, below: "/logs/a.csv")] }
    try await world.settle(&engine, flush: true, passes: 1, every: .milliseconds(500))
    #expect(!engine.isInTrouble && world.events.all(.logWaiting).isEmpty)
    try await world.settle(&engine, every: .milliseconds(500))
    #expect(try objects(world).first == "id,text\n2,b\n")
    try await world.settle(&engine, flush: true)
    #expect(try objects(world) == ["id,text\n2,b\n", "id,text\n1,a\n"])
    #expect(world.events.all(.sourceGap).isEmpty)
  }

  @Test("is forgotten where it is gone")
  func gone() async throws {
    let (world, files) = try world([("a.csv", "1,a\n"), ("b.csv", "2,b\n")])
    let suspects = try suspects([.file(inode: 999_999, size: 7)], world, step: .look)
    var engine = world.makeEngine(suspects: suspects)
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n2,b\n")
    #expect(try files.list("/logs").isEmpty && suspects.inHand(of: .stream(world.settings.streams[0].name)).isEmpty)
  }
}
