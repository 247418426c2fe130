import Config
import Core
import Files
import Inbound
import Ledger
import Spool
import SystemPackage
import Testing

@testable import FeedKit

@Suite("A drop unlike the last one waits for a person")
struct DriftTests {
  private func rows(_ count: Int, _ header: String = "id,email") -> String {
    header + "\n" + (0..<count).map { "\($0),\(count)\n" }.joined()
  }

  @Test(
    "Edge case 10: a jump in the number of rows holds the drop, in both directions, and a release makes it the rule")
  func rowChange() throws {
    let rig = try Rig { $0.require.rowChange = 50 }
    try rig.land("a.csv", rows(100))
    #expect(try rig.run().handedOver == 1)
    try rig.land("b.csv", rows(150))
    #expect(try rig.run().handedOver == 1, "50 % is not more than 50 %")
    rig.restart()
    try rig.land("c.csv", rows(10))
    #expect(try rig.run().held == 1)
    let id = try #require(DropID(try rig.drops(.held)[0]))
    #expect(try rig.reasons(.held, id.description).map(\.code) == [.rowsChanged])
    try rig.land("d.csv", rows(300))
    #expect(try rig.run().held == 1)
    try rig.engine.release(id, by: Requester("j.doe", reason: "a small month"), at: rig.now)
    #expect(try rig.run(1).handedOver == 1)
    try rig.land("e.csv", rows(11))
    #expect(try rig.run().handedOver == 1)
  }

  @Test("Edge case 12: another header or delimiter holds the drop where the feed remembers columns")
  func columns() throws {
    let rig = try Rig { $0.require.rememberColumns = true }
    try rig.land("a.csv", rows(3))
    #expect(try rig.run().handedOver == 1)
    try rig.land("b.csv", rows(4, "id,mail"))
    try rig.land("c.csv", rows(5).replacing(",", with: ";"))
    try rig.land("d.csv", rows(6).replacing("\n", with: "\r\n"))
    let summary = try rig.run()
    #expect(summary.held == 2 && summary.handedOver == 1, "line ends are no columns")
    for id in try rig.drops(.held) { #expect(try rig.reasons(.held, id).map(\.code) == [.columnsChanged]) }
    rig.restart(ledger: try Ledger(path: nil))
    try rig.land("e.csv", rows(7, "id,mail"))
    #expect(try rig.run().held == 1, "a ledger made anew remembers them, too")
  }

  @Test("Parts of one set have the same columns, where the feed remembers them")
  func parts() throws {
    let rig = try Rig { $0.require.rememberColumns = true }
    try rig.land("x.csv", rows(3))
    try rig.land("x_2.csv", rows(3, "id,mail"))
    #expect(try rig.run().held == 1)
  }

  @Test("Drops that come together are compared one after another, and a twin is no drift")
  func together() throws {
    let rig = try Rig { $0.require.rowChange = 20 }
    for (name, count) in [("a", 100), ("b", 110), ("c", 130), ("d", 100)] { try rig.land("\(name).csv", rows(count)) }
    let summary = try rig.run()
    #expect(summary.handedOver == 3 && summary.duplicates == 1)
  }

  @Test("What a feed's encoding says is what is checked")
  func encoding() throws {
    let rig = try Rig { $0.format.encoding = .latin1 }
    let bytes = "id,email\n1,Zoë\n".unicodeScalars.map { UInt8($0.value) }
    try rig.land("a.csv", bytes)
    #expect(try rig.run().handedOver == 1)
    #expect(try rig.files.contents(of: rig.settings.handover.appending("a.csv"), limit: 100) == bytes)
  }
}
