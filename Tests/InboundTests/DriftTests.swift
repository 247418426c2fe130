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
    "Edge case 10: a jump in the number of rows holds the drop, in both directions, and a release with --baseline makes it the rule"
  )
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
    try rig.engine.release(id, by: who, asBaseline: true, at: rig.now)
    #expect(try rig.run(1).handedOver == 1)
    try rig.land("e.csv", rows(11))
    #expect(try rig.run().handedOver == 1)
  }

  private let who = Requester("j.doe", reason: "agreed with the sender")

  private func release(_ place: DropPlace, in rig: Rig, asBaseline: Bool = false) throws {
    let id = try #require(DropID(try rig.drops(place)[0]))
    try rig.engine.release(id, by: who, asBaseline: asBaseline, at: rig.now)
  }

  @Test(
    "A drop that was released is not the measure of the next one, also for another process or a ledger made anew",
    arguments: [false, true])
  func exception(remembersColumns: Bool) throws {
    let rig = try Rig {
      ($0.require.rowChange, $0.require.rememberColumns) = (remembersColumns ? nil : 50, remembersColumns)
    }
    try rig.land("a.csv", rows(100))
    try rig.run()
    try rig.land("odd.csv", remembersColumns ? rows(100, "id,mail") : rows(3))
    #expect(try rig.run().held == 1)
    try release(.held, in: rig)
    #expect(try rig.run(1).handedOver == 1)
    try rig.land("b.csv", rows(101))
    #expect(try rig.run().handedOver == 1, "it is like the one before the exception")
    rig.restart()
    try rig.land("c.csv", remembersColumns ? rows(102, "id,mail") : rows(4))
    #expect(try rig.run().held == 1, "one exception is no rule")
    try release(.held, in: rig)
    #expect(try rig.run(1).handedOver == 1)
    rig.restart(ledger: try Ledger(path: nil))
    try rig.land("d.csv", rows(104))
    #expect(try rig.run().handedOver == 1)
  }

  @Test("What an earlier version has released is an exception, too")
  func earlier() throws {
    let rig = try Rig { $0.require.rowChange = 50 }
    try rig.land("a.csv", rows(100))
    try rig.run()
    try rig.land("b.csv", rows(3))
    try rig.run()
    let id = try rig.drops(.held)[0]
    // As version 0.1 wrote it, and moved the drop.
    let path = rig.spool.path(.held, id).appending(DropPlan.overrideName)
    try rig.put(path, Array(#"{"by":"j.doe","reason":"r","passes":["rows_changed"]}"#.utf8))
    try rig.files.move(rig.spool.path(.held, id), to: rig.spool.path(.claimed, id))
    #expect(try rig.run(1).handedOver == 1)
    try rig.land("c.csv", rows(99))
    #expect(try rig.run().handedOver == 1)
  }

  @Test("One release covers what the table is, what it is unlike, and what is doubtful in it")
  func oneRelease() throws {
    let rig = try Rig {
      ($0.require.rowChange, $0.require.rememberColumns, $0.duplicates) = (50, true, .quarantine)
    }
    try rig.land("a.csv", rows(100))
    try rig.run()
    try rig.land("b.csv", "id,email,email\n1,a,b\n2\n")
    #expect(try rig.run().quarantined == 1)
    let codes = try rig.reasons(.quarantine, rig.drops(.quarantine)[0]).map(\.code)
    #expect(codes == [.columnCount, .duplicateColumn, .columnsChanged, .rowsChanged])
    try release(.quarantine, in: rig)
    #expect(try rig.run(1).handedOver == 1)
    #expect(try rig.drops(.held).isEmpty && rig.drops(.quarantine).isEmpty)
  }

  @Test("What could not be read to its end has no number of rows to be compared, before a release and after it")
  func cutOff() throws {
    let rig = try Rig { ($0.require.rowChange, $0.require.rememberColumns) = (50, true) }
    try rig.land("a.csv", rows(100))
    try rig.run()
    try rig.land("b.csv", Array(rows(3).utf8) + [0xff, 0xfe] + Array(rows(97).utf8))
    #expect(try rig.run().quarantined == 1)
    #expect(try rig.reasons(.quarantine, rig.drops(.quarantine)[0]).map(\.code) == [.badEncoding])
    try release(.quarantine, in: rig)
    #expect(try rig.run(1).handedOver == 1)
    try rig.land("empty.csv", "id,email\n")
    #expect(try rig.run().quarantined == 1)
    #expect(try rig.reasons(.quarantine, rig.drops(.quarantine)[0]).map(\.code) == [.headerOnly, .rowsChanged])
    try release(.quarantine, in: rig)
    #expect(try rig.run(1).handedOver == 1)
  }

  @Test("A duplicate that is refused for something else says that it is one; a release covers both")
  func refusedDuplicate() throws {
    let rig = try Rig { ($0.duplicates, $0.require.minRows) = (.quarantine, 3) }
    try rig.land("a.csv", rows(3))
    try rig.run()
    rig.settings.require.minRows = 4
    rig.engine.reload(rig.settings)
    try rig.land("b.csv", rows(3))
    #expect(try rig.run().quarantined == 1)
    #expect(try rig.reasons(.quarantine, rig.drops(.quarantine)[0]).map(\.code) == [.tooFewRows, .duplicate])
    try release(.quarantine, in: rig)
    #expect(try rig.run(1).handedOver == 1)
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
