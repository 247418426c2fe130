import Config
import Core
import Files
import Inbound
import Journal
import Ledger
import Spool
import SystemPackage
import Testing

@testable import FeedKit

/// What dataset exports and cloud destinations write besides tables.
@Suite("Feeds of JSON")
struct ObjectsTests {
  private func rig(
    _ columns: [(String, String)]? = nil, _ change: (inout FeedSettings) -> Void = { _ in }
  ) throws -> Rig {
    try Rig { settings in
      settings.format.type = .json
      var rewrite = FeedSettings.Rewrite()
      rewrite.delimiter = UInt8(ascii: ",")
      rewrite.objects.columns = columns.map {
        $0.compactMap { pair in ValuePath(pair.1).map { PathColumn(pair.0, $0) } }
      }
      settings.rewrite = rewrite
      change(&settings)
    }
  }

  @Test("Named columns become a table; the archive keeps what came; the same objects come once")
  func named() throws {
    let rig = try rig([("email", "personalEmail.address"), ("id", "id")])
    let text = #"{"id":1,"personalEmail":{"address":"a"}}"# + "\n" + #"{"id":2}"# + "\n"
    try rig.land("part-0.json.gz", Sample.gzip(text))
    #expect(try rig.run().handedOver == 1)
    #expect(try rig.handed("part-0.csv") == "email,id\na,1\n,2\n")
    let id = try rig.drops(.archive)[0]
    #expect(try rig.plan(.archive, id).rows == 2)
    try rig.land("again.json", text)
    #expect(try rig.run().duplicates == 1)
  }

  @Test("Without rewrite the lines go as they came, and what is wrong with one refuses the drop by its row")
  func plain() throws {
    let rig = try rig { $0.rewrite = nil }
    try rig.land("a.json", "{\"a\":1}\n")
    try rig.land("b.json", "{\"a\":1}\n{\"a\":\n")
    let summary = try rig.run()
    #expect(summary.handedOver == 1 && summary.quarantined == 1)
    #expect(try rig.handed("a.json") == "{\"a\":1}\n")
    let reason = try rig.reasons(.quarantine, rig.drops(.quarantine)[0])[0]
    #expect(reason.code == .badJSON && reason.row == 2 && reason.part == FileName("b.json"))
    try rig.land("c.json", "{\"a\":1}\n{\"b\":")
    try rig.run()
    let broken = try rig.reasons(.quarantine, rig.drops(.quarantine)[1])[0]
    #expect(broken.message.hasSuffix("so the upload may have broken off"))
  }

  @Test("Columns that are found stay: in their order, empty where missing; a new path holds the drop")
  func found() throws {
    let rig = try rig()
    try rig.land("a.json", #"{"b":1,"p":{"x":"q"}}"# + "\n")
    #expect(try rig.run().handedOver == 1)
    #expect(try rig.handed("a.csv") == "b,p.x\n1,q\n")
    #expect(rig.events.count(.columnsKept) == 1)
    try rig.land("b.json", #"{"p":{"x":"r"}}"# + "\n")
    #expect(try rig.run().handedOver == 1)
    #expect(try rig.handed("b.csv") == "b,p.x\n,r\n")
    try rig.land("c.json", #"{"b":2,"new":1}"# + "\n")
    #expect(try rig.run().held == 1)
    let id = try #require(DropID(try rig.drops(.held)[0]))
    let reason = try rig.reasons(.held, id.description)[0]
    #expect(reason.code == .newColumn && !reason.message.contains("new\""))
    rig.restart()
    // A person lets it pass: what is no column is left out.
    try rig.engine.release(id, by: Requester("j.doe", reason: "fine"), at: rig.now)
    #expect(try rig.run().handedOver == 1)
    #expect(try rig.handed("c.csv") == "b,p.x\n2,\n")
    try rig.land("d.json", #"{"b":3,"new":2}"# + "\n")
    #expect(try rig.run().held == 1)
    let next = try #require(DropID(try rig.drops(.held)[0]))
    try rig.engine.release(next, by: Requester("j.doe", reason: "from now on"), asBaseline: true, at: rig.now)
    #expect(try rig.run().handedOver == 1)
    #expect(try rig.handed("d.csv") == "b,p.x,new\n3,,2\n")
    try rig.land("e.json", #"{"new":5}"# + "\n")
    #expect(try rig.run().handedOver == 1)
    #expect(try rig.handed("e.csv") == "b,p.x,new\n,,5\n")
    #expect(rig.events.count(.columnsKept) == 2)
  }

  @Test("Null in place of an object is no column, whatever other rows, parts and drops have")
  func nullForObject() throws {
    let rig = try rig()
    try rig.land("a.json", "{\"k\":1,\"o\":{\"x\":1}}\n")
    try rig.land("a_2.json", "{\"k\":2,\"o\":null}\n")
    #expect(try rig.run().handedOver == 1)
    #expect(try rig.handed("a_2.csv") == "k,o.x\n2,\n")
    try rig.land("b.json", "{\"k\":3,\"o\":null}\n")
    #expect(try rig.run().handedOver == 1)
    try rig.land("c.json", "{\"k\":3,\"o\":7}\n")
    #expect(try rig.run().held == 1)
  }

  @Test("Drops that come together: each sees what the one before it has decided")
  func together() throws {
    let rig = try rig()
    for name in ["a", "b", "c"] { try rig.land("\(name).json", "{\"id\":0,\"\(name)\":1}\n") }
    let summary = try rig.run()
    #expect(summary.handedOver == 1 && summary.held == 2)
    let more = try self.rig { $0.rewrite?.objects.newColumns = .append }
    for name in ["a", "b", "c"] { try more.land("\(name).json", "{\"id\":0,\"\(name)\":1}\n") }
    #expect(try more.run().handedOver == 3)
    #expect(try more.handed("c.csv") == "id,a,b,c\n0,,,1\n")
    let fewer = try self.rig { $0.rewrite?.objects.newColumns = .ignore }
    for name in ["a", "b"] { try fewer.land("\(name).json", "{\"id\":0,\"\(name)\":1}\n") }
    #expect(try fewer.run().handedOver == 2)
    #expect(try fewer.handed("b.csv") == "id,a\n0,\n")
  }

  @Test("Names are joined as wanted, and two paths of one name refuse the drop")
  func separator() throws {
    let rig = try rig { $0.rewrite?.objects.separator = "_" }
    try rig.land("a.json", #"{"p":{"x":1}}"# + "\n")
    try rig.run()
    #expect(try rig.handed("a.csv") == "p_x\n1\n")
    let clash = try self.rig()
    try clash.land("a.json", #"{"p":{"x":1},"p.x":2}"# + "\n")
    #expect(try clash.run().quarantined == 1)
    #expect(try clash.reasons(.quarantine, clash.drops(.quarantine)[0]).map(\.code) == [.duplicateColumn])
  }

  @Test("What cannot be written refuses the drop by row and column, before anything is seen of it")
  func unwritable() throws {
    let rig = try rig([("a", "a")])
    try rig.land("a.json", "{\"a\":1}\n{\"a\":{\"b\":1}}\n")
    #expect(try rig.run().quarantined == 1)
    let reason = try rig.reasons(.quarantine, rig.drops(.quarantine)[0])[0]
    #expect(reason.code == .unwritable && reason.row == 2 && reason.column == 1)
    #expect(try rig.handedOver.isEmpty)
  }

  @Test("A list of columns that cannot be read keeps drops of this feed waiting, and says what to do")
  func damagedList() throws {
    let rig = try rig()
    try rig.files.ensureDirectory(rig.spool.root)
    let path = rig.spool.root.appending("columns.json")
    try rig.put(path, Array("{}".utf8))
    try rig.land("a.json", "{\"a\":1}\n")
    let summary = try rig.run()
    #expect(summary.handedOver == 0 && summary.blocked == 1)
    #expect(rig.events.first(.dropWaiting)?.message.contains("columns.json") == true)
    try rig.files.remove(path)
    rig.pass(.seconds(60))
    #expect(try rig.run(3).handedOver == 1)
  }

  @Test("A feed that was one of tables: what was checked as a table is checked again")
  func becameJSON() throws {
    let rig = try Rig()
    try rig.land("a.json", "{\"a\":1}\n")
    #expect(try rig.run().quarantined == 1)
    let id = try #require(DropID(try rig.drops(.quarantine)[0]))
    rig.settings.format.type = .json
    rig.engine.reload(rig.settings)
    try rig.engine.retry(id, at: rig.now)
    #expect(try rig.run().handedOver == 1)
  }
}

@Suite("Exports of datasets")
struct ExportFolderTests {
  private let time = "exportTime=202607010600"

  private func rig(_ change: (inout FeedSettings) -> Void = { _ in }) throws -> Rig {
    let rig = try Rig { settings in
      settings.format.type = .json
      settings.recursive = true
      settings.handoverName = "{folder}_{name}"
      settings.timeout = .seconds(600)
      change(&settings)
    }
    try rig.files.ensureDirectory(rig.settings.landing.appending("5f0a"))
    try rig.files.ensureDirectory(rig.settings.landing.appending("5f0a").appending(time))
    return rig
  }

  private func name(_ part: Int) -> String { "part-0000\(part)-tid-77-c000.json" }
  private func land(_ part: Int, _ rig: Rig) throws {
    try rig.put(
      rig.settings.landing.appending("5f0a/\(time)").appending(name(part)), Array("{\"a\":\(part)}\n".utf8))
  }
  private func landManifest(_ parts: [Int], _ rig: Rig) throws {
    let files = parts.map { "{\"name\":\"\(name($0))\",\"size\":8}" }.joined(separator: ",")
    try rig.put(
      rig.settings.landing.appending("5f0a/\(time)/manifest-x-y.json"),
      Array("{\"flowRunId\":\"r\",\"exportResults\":[\(files)]}".utf8))
  }

  @Test("With its manifest, all parts are one drop; not before the last one is there")
  func listed() throws {
    let rig = try rig()
    try land(0, rig)
    try landManifest([0, 1], rig)
    #expect(try rig.run(3).handedOver == 0)
    try land(1, rig)
    #expect(try rig.run(3).handedOver == 1)
    #expect(try rig.handedOver.count == 2)
    #expect(try rig.plan(.archive, rig.drops(.archive)[0]).data.count == 2)
  }

  @Test("Without one, it is complete when nothing has changed for ready.timeout, and is no fault then")
  func rested() throws {
    let rig = try rig()
    try land(0, rig)
    try rig.run(3)
    rig.pass(.seconds(400))
    try land(1, rig)
    try rig.run(3)
    rig.pass(.seconds(400))
    #expect(try rig.run(2).handedOver == 0, "the second part began the time anew")
    #expect(rig.events.count(.dropWaiting) >= 1)
    rig.pass(.seconds(200))
    #expect(try rig.run(2).handedOver == 1)
    let plan = try rig.plan(.archive, rig.drops(.archive)[0])
    #expect(plan.data.count == 2 && plan.incomplete == nil)
    // Another export of the same dataset is another drop.
    try rig.files.ensureDirectory(rig.settings.landing.appending("5f0a/exportTime=202607010900"))
    try rig.put(rig.settings.landing.appending("5f0a/exportTime=202607010900/part-0.json"), Array("{\"a\":9}\n".utf8))
    try rig.run(3)
    rig.pass(.seconds(601))
    #expect(try rig.run(2).handedOver == 1)
  }

  @Test("With ready.manifest: required it is refused then; with ready.parts: off each file goes by itself")
  func otherRules() throws {
    let strict = try rig { $0.manifest = .required }
    try land(0, strict)
    try strict.run(3)
    strict.pass(.seconds(601))
    #expect(try strict.run(2).quarantined == 1)
    let single = try rig { $0.parts = .off }
    try land(0, single)
    try land(1, single)
    #expect(try single.run(3).handedOver == 2)
  }
}

@Suite("Opaque feeds")
struct OpaqueTests {
  private let content = Array("PAR1".utf8) + [0x15, 0x00, 0xff] + Array("PAR1".utf8)

  @Test("Complete, once, archived, handed over byte for byte")
  func parquet() throws {
    let rig = try Rig { $0.format.type = .opaque }
    try rig.land("a.gz.parquet", content)
    #expect(try rig.run().handedOver == 1)
    #expect(try rig.files.contents(of: rig.settings.handover.appending("a.gz.parquet"), limit: 100) == content)
    let plan = try rig.plan(.archive, rig.drops(.archive)[0])
    #expect(plan.rows == nil && plan.data[0].sha256 != nil && plan.data[0].dialect == nil)
    try rig.land("b.parquet", content)
    #expect(try rig.run().duplicates == 1)
    // The same packed is something else here: nobody looks inside.
    try rig.land("c.gz", Sample.gzip("PAR1"))
    #expect(try rig.run().handedOver == 1)
  }

  @Test("An empty file, and one that is too large, packed or not")
  func refused() throws {
    let rig = try Rig {
      $0.format.type = .opaque
      $0.require.maxBytes = 20
    }
    try rig.land("empty", "")
    try rig.land("large.gz", Sample.gzip(String(repeating: "x", count: 30)))
    #expect(try rig.run().quarantined == 2)
    let codes = try rig.drops(.quarantine).map { try rig.reasons(.quarantine, $0)[0].code }
    #expect(Set(codes) == [.empty, .tooLarge])
  }

  @Test("Lists of what waits count no rows, and drift is not looked at")
  func rows() throws {
    let rig = try Rig { $0.format.type = .opaque }
    for number in 0..<3 { try rig.land("\(number)", "x\(number)") }
    #expect(try rig.run().handedOver == 3)
  }
}
