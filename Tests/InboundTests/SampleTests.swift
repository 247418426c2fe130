import Config
import Core
import Files
import Inbound
import Spool
import SystemPackage
import Testing

@testable import FeedKit

@Suite("What Campaign's import was made for")
struct SampleTests {
  private func rig(_ sample: String, _ change: (inout FeedSettings) -> Void = { _ in }) throws -> Rig {
    let rig = try Rig()
    rig.settings.require.sample = rig.base.appending("sample.csv")
    change(&rig.settings)
    rig.engine.reload(rig.settings)
    try rig.put(rig.base.appending("sample.csv"), Array(sample.utf8))
    return rig
  }

  @Test(
    "Drops have the columns of the sample, in their order, and its delimiter",
    arguments: [
      ("id;email\n", ["id;email\n1;a\n"], ["email;id\na;1\n", "id;email;x\n1;a;b\n", "id\n1\n", "id,email\n1,a\n"]),
      (
        "\u{feff}id,email\r\n1,a\r\n", ["id,email\n1,a\n", "\"id\",email\r\n1,a\r\n"],
        ["ID,email\n1,a\n", "id;email\n1;a\n"]
      ),
      ("id\n1\n", ["id\n7\n"], ["id,b\n1,2\n"]),
    ])
  func columns(sample: String, good: [String], bad: [String]) throws {
    for text in good {
      let rig = try rig(sample)
      try rig.land("a.csv", text)
      #expect(try rig.run().handedOver == 1, "\(text)")
    }
    for text in bad {
      let rig = try rig(sample)
      try rig.land("a.csv", text)
      #expect(try rig.run().quarantined == 1, "\(text)")
      #expect(try rig.reasons(.quarantine, rig.drops(.quarantine)[0])[0].code == .missingColumn)
    }
  }

  @Test(
    "A sample whose first line is no header, or has no end, keeps drops waiting; nothing of it is told, and no name of a good one"
  )
  func strange() throws {
    for sample in ["", "\n", String(repeating: "x", count: 70_000) + "\n", String(repeating: "y", count: 600_000)] {
      let rig = try rig(sample)
      try rig.land("a.csv", Sample.table)
      #expect(try rig.run().handedOver == 0)
      #expect(try rig.drops(.claimed).count == 1)
      let told = try #require(rig.events.first(.dropWaiting)?.message)
      #expect(told.contains("sample.csv") && told.utf8.count < 1_000)
    }
    // Somebody's values, where a header should be.
    let rig = try rig("17,jane.doe\n")
    try rig.land("a.csv", Sample.table)
    #expect(try rig.run().quarantined == 1)
    #expect(try rig.reasons(.quarantine, rig.drops(.quarantine)[0]).allSatisfy { !$0.message.contains("jane") })
    #expect(!rig.events.all.contains { $0.message.contains("jane") })
  }

  @Test("What is handed over is compared, not what came")
  func rewritten() throws {
    let rig = try rig("id\temail\n") { $0.rewrite = FeedSettings.Rewrite() }
    try rig.land("a.csv", "id,email\n1,a\n")
    #expect(try rig.run().handedOver == 1)
  }

  @Test("A change of the sample holds for the next drop; one that cannot be read makes drops wait")
  func changes() throws {
    let rig = try rig("id,email\n")
    try rig.put(rig.base.appending("sample.csv"), Array("id,mail\n".utf8))
    try rig.land("a.csv", "id,mail\n1,a\n")
    #expect(try rig.run().handedOver == 1)
    try rig.files.remove(rig.base.appending("sample.csv"))
    try rig.land("b.csv", "id,mail\n2,a\n")
    #expect(try rig.run().handedOver == 0)
    #expect(try rig.drops(.claimed).count == 1)
    #expect(rig.events.first(.dropWaiting)?.message.contains("sample.csv") == true)
    try rig.put(rig.base.appending("sample.csv"), Array("id,mail\n".utf8))
    rig.pass(.seconds(60))
    #expect(try rig.run(1).handedOver == 1)
  }

  @Test("Packed tables that unpack to more than the consumer loads are handed over plain, and it is told")
  func plain() throws {
    let rig = try rig("id,email\n") { $0.packedMost = 20 }
    try rig.land("a.csv.gz", Sample.gzip("id,email\n1,a\n"))
    try rig.land("b.csv.gz", Sample.gzip("id,email\n1,a\n2,b\n3,c\n"))
    #expect(try rig.run().handedOver == 2)
    #expect(try rig.handedOver == ["a.csv.gz", "b.csv"])
    #expect(try rig.handed("b.csv") == "id,email\n1,a\n2,b\n3,c\n")
    #expect(
      rig.events.all.contains {
        $0.message.hasSuffix("handed over as b.csv, unpacked, for it has more than packed_max_bytes")
      })
  }

  @Test("The same of what would be packed, and of what is left once bad rows are out")
  func plainRewritten() throws {
    let rig = try rig("id,email\n") {
      $0.packedMost = 20
      $0.rewrite = FeedSettings.Rewrite()
      $0.rewrite?.delimiter = UInt8(ascii: ",")
      $0.rewrite?.compress = .gzip
    }
    try rig.land("a.csv", "id,email\n1,a\n2,b\n3,c\n")
    #expect(try rig.run().handedOver == 1)
    #expect(try rig.handed("a.csv") == "id,email\n1,a\n2,b\n3,c\n")
    let split = try self.rig("id,email\n") {
      $0.packedMost = 19
      $0.require.notNull = ["email"]
      $0.rejects = FeedSettings.Rejects(atMost: .rows(1))
    }
    try split.land("a.csv.gz", Sample.gzip("id,email\n1,a\n2,b\n3,\n"))
    #expect(try split.run().handedOver == 1)
    #expect(try split.handed("a.csv") == "id,email\n1,a\n2,b\n")
  }

  @Test("A drop of rows or columns names what in AEP makes such")
  func causes() throws {
    let rig = try Rig {
      ($0.require.rowChange, $0.require.rememberColumns) = (50, true)
      $0.require.columns = ["id"]
    }
    try rig.land("a.csv", "id,email\n1,a\n2,b\n3,c\n4,d\n")
    #expect(try rig.run().handedOver == 1)
    try rig.land("b.csv", "id,mail\n1,a\n")
    #expect(try rig.run().held == 1)
    let held = try rig.reasons(.held, rig.drops(.held)[0])
    #expect(held.first { $0.code == .rowsChanged }?.message.contains("mandatory attribute or consent") == true)
    #expect(held.first { $0.code == .columnsChanged }?.message.contains("no longer mapped") == true)
    try rig.land("c.csv", "ident,mail\n1,a\n")
    #expect(try rig.run().quarantined == 1)
    #expect(try rig.reasons(.quarantine, rig.drops(.quarantine)[0])[0].message.contains("no longer mapped"))
  }
}
