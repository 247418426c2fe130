import Config
import Core
import Files
import Inbound
import Ledger
import Spool
import SystemPackage
import Testing

@testable import FeedKit

@Suite("Handed over in another dialect")
struct RewritingTests {
  private static let table = "id,name\n1,\"van Dijk, Jr.\"\n2,Zoë\n"

  private func rig(_ change: (inout FeedSettings.Rewrite) -> Void = { _ in }) throws -> Rig {
    var rewrite = FeedSettings.Rewrite()
    change(&rewrite)
    return try Rig { $0.rewrite = rewrite }
  }

  @Test("The consumer gets the dialect it wants, and the archive keeps what came")
  func rewritten() throws {
    let rig = try rig()
    try rig.land("a.csv", Self.table)
    #expect(try rig.run().handedOver == 1)
    #expect(try rig.handed("a.csv") == "id\tname\n1\tvan Dijk, Jr.\n2\tZoë\n")
    let id = try rig.drops(.archive)[0]
    #expect(try rig.text(rig.spool.path(.archive, id).appending("parts/a.csv")) == Self.table)
    try rig.land("again.csv", Self.table)
    #expect(try rig.run().duplicates == 1)
    let info = try #require(try rig.files.info(rig.settings.handover.appending("a.csv")))
    #expect(info.mode.rawValue == 0o660)
  }

  @Test("Packed files are unpacked, and plain ones packed, and their names say so")
  func packing() throws {
    let plain = try rig()
    try plain.land("a.csv.gz", Sample.gzip(Sample.table))
    try plain.run()
    #expect(try plain.handed("a.csv") == Sample.table.replacing(",", with: "\t"))
    let packed = try rig { $0.compress = .gzip }
    try packed.land("a.csv", Sample.table)
    try packed.run()
    #expect(try packed.handedOver == ["a.csv.gz"])
    let bytes = try packed.files.contents(of: packed.settings.handover.appending("a.csv.gz"), limit: 1000)
    #expect(bytes.starts(with: [0x1f, 0x8b]))
  }

  @Test(
    "What cannot be written refuses the drop, by row and column; nothing of it is seen; a release cannot help, a setting can"
  )
  func refused() throws {
    let rig = try rig()
    try rig.land("a.csv", "id,name\n1,ok\n2,\"a\tb\"\n")
    #expect(try rig.run().quarantined == 1)
    let id = try #require(DropID(try rig.drops(.quarantine)[0]))
    let reason = try rig.reasons(.quarantine, id.description)[0]
    #expect(reason.code == .unwritable && reason.row == 2 && reason.column == 2 && reason.part == FileName("a.csv"))
    #expect(try rig.handedOver.isEmpty)
    #expect(throws: OperatorRefusal.lasting(id, [.unwritable])) {
      try rig.engine.release(id, by: Requester("j.doe", reason: "try"), at: rig.now)
    }
    #expect(try rig.run(1).quarantined == 0 && rig.drops(.quarantine) == [id.description], "nothing has changed")
    // Nor does one that somebody wrote by hand.
    try rig.put(rig.spool.path(.quarantine, id).appending(DropPlan.overrideName), Array("{}".utf8))
    try rig.engine.retry(id, at: rig.now)
    #expect(try rig.run(1).quarantined == 1)
    rig.settings.rewrite?.replacement = " "
    rig.engine.reload(rig.settings)
    try rig.engine.retry(id, at: rig.now)
    #expect(try rig.run(1).handedOver == 1)
    #expect(try rig.handed("a.csv") == "id\tname\n1\tok\n2\ta b\n")
  }

  @Test("A released drop that is no table goes as it came")
  func released() throws {
    let rig = try rig()
    try rig.land("a.csv", "id,name\n1,\"open\n")
    #expect(try rig.run().quarantined == 1)
    try rig.engine.release(
      try #require(DropID(try rig.drops(.quarantine)[0])), by: Requester("j.doe", reason: "as it is"), at: rig.now)
    #expect(try rig.run(1).handedOver == 1)
    #expect(try rig.handed("a.csv") == "id,name\n1,\"open\n")
  }

  @Test("A stop in the middle leaves nothing staged, and a later pass hands over")
  func stopped() throws {
    for patience in 8..<40 {
      let rig = try rig()
      let rows = (0..<25_000).map { "\($0),\"a, b\"" }.joined(separator: "\n")
      try rig.land("a.csv", "id,text\n" + rows + "\n")
      try rig.run(1)
      let asked = Counter()
      let summary = try rig.run(1) { asked.next() > patience }
      if summary.handedOver == 1 { return }
      #expect(try summary.wasStopped && rig.names(in: rig.settings.handover).isEmpty)
      #expect(try rig.run().handedOver == 1)
    }
    Issue.record("forty questions are more than one pass asks")
  }
}
