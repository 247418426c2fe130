import Core
import Files
import SystemPackage
import TestKit
import Testing

@testable import Ledger

@Suite("Ledger")
struct LedgerTests {
  private let stream: StreamName

  init() throws { stream = try #require(StreamName("opens")) }

  private func source(_ cursor: UInt64) -> SourceRecord {
    let identity = SourceIdentity(
      device: 1, inode: .max, birth: 5, headBytes: 0, head: Digest(repeatElement(0, count: 32)))
    return SourceRecord(
      id: SourceID(Digest(repeatElement(1, count: 32))), stream: stream, path: "/a", identity: identity,
      seenAt: Timestamp(seconds: 1), cursor: cursor, cursorAt: Timestamp(seconds: 2))
  }

  @Test("The journal is WAL and every commit is synced")
  func durability() throws {
    let folder = try TemporaryFolder()
    let ledger = try Ledger(path: folder.path.appending("l.sqlite"))
    #expect(try ledger.pragmaForTests("journal_mode") == "wal")
    #expect(try ledger.pragmaForTests("synchronous") == "2")
  }

  @Test("Whether a content is known is looked up by content, however many drops a feed has had")
  func byContent() throws {
    let ledger = try Ledger(path: nil)
    let plan = try ledger.read { (t) throws(LedgerFault) in
      var plan: [String] = []
      try t.connection.rows("EXPLAIN QUERY PLAN " + DropTable.acceptedQuery, [nil, nil, nil]) {
        plan.append($0.text(3))
      }
      return plan
    }
    #expect(plan.first?.contains("drops_content (feed=? AND content=?)") == true, "\(plan)")
  }

  @Test("A cursor only moves forward")
  func forward() throws {
    let ledger = try Ledger(path: nil)
    try ledger.transact("a", SourceTable.note(_:), source(100))
    try ledger.transact("b", SourceTable.note(_:), source(40))
    let known = try ledger.read(SourceTable.list(of:), stream)
    #expect(known.map(\.cursor) == [100])
    #expect(known.map(\.identity.inode) == [.max])
  }

  @Test("A ledger with strict tables is refused by an older SQLite, and not taken for damaged")
  func strict() throws {
    for version: Int in [1, 8, EarlierSchema.steps.count] {
      let fault = #expect(throws: LedgerFault.self) { try Ledger.refuseStrict(version, 3_034_001, "/l") }
      #expect(fault?.kind == .newer)
      try Ledger.refuseStrict(version, 3_040_001, "/l")
    }
    for version in [0, Schema.version, Schema.version + 1] { try Ledger.refuseStrict(version, 3_034_001, "/l") }
  }

  @Test("A text is no number and a number no text, in each column of each table")
  func types() throws {
    let ledger = try Ledger(path: nil)
    try ledger.transact("a") { (t) throws(LedgerFault) in
      var tables: [String] = []
      try t.connection.rows("SELECT name FROM sqlite_master WHERE type = 'table'") { tables.append($0.text(0)) }
      #expect(tables.count == 14)
      for table in tables {
        var columns: [(name: String, type: String)] = []
        try t.connection.rows("SELECT name, type FROM pragma_table_info('\(table)')") {
          columns.append(($0.text(0), $0.text(1)))
        }
        let names = columns.map(\.name).joined(separator: ", ")
        for wrong in columns.indices {
          // The second would be taken for a text by a column of texts, were it no blob.
          let values = columns.indices.map {
            (columns[$0].type == "TEXT") == ($0 == wrong) ? ($0 == wrong ? "x'00'" : "1") : "'a'"
          }
          #expect(throws: LedgerFault.self, "\(table).\(columns[wrong].name)") {
            try t.connection.run("INSERT INTO \(table) (\(names)) VALUES (\(values.joined(separator: ", ")))")
          }
        }
        let right = columns.map { $0.type == "TEXT" ? "'a'" : "1" }.joined(separator: ", ")
        try t.connection.run("INSERT INTO \(table) (\(names)) VALUES (\(right))")
      }
    }
  }

  @Test("What fails inside a transaction leaves nothing behind")
  func atomic() throws {
    let ledger = try Ledger(path: nil)
    #expect(throws: LedgerFault.self) {
      try ledger.transact("a") { (t) throws(LedgerFault) in
        try t.sources.note(source(100))
        throw LedgerFault(.io, "A fault", at: "here")
      }
    }
    #expect(try ledger.read(SourceTable.list(of:), stream).isEmpty)
  }

  @Test("A file that is no ledger is damaged, one of a later version is newer: neither is touched")
  func refusals() throws {
    let folder = try TemporaryFolder()
    let files = LinuxFiles()
    let path = folder.path.appending("l.sqlite")
    let garbage = (0..<8_192).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    try files.write(garbage, to: path)
    let damaged = #expect(throws: LedgerFault.self) { _ = try Ledger(path: path) }
    #expect(damaged?.kind == .damaged)
    #expect(try files.contents(of: path, limit: 1 << 20) == garbage)

    let newer = folder.path.appending("n.sqlite")
    let connection = try Connection(path: newer.string, mode: .writing)
    try connection.run("PRAGMA user_version = 99")
    let fault = #expect(throws: LedgerFault.self) { _ = try Ledger(path: newer) }
    #expect(fault?.kind == .newer)
  }

  @Test("Opened to read, nothing can be written")
  func readOnly() throws {
    let folder = try TemporaryFolder()
    let path = folder.path.appending("l.sqlite")
    let writer = try Ledger(path: path)
    try writer.transact("a", SourceTable.note(_:), source(7))
    let reader = try Ledger(reading: path)
    #expect(try reader.read(SourceTable.list(of:), stream).count == 1)
    #expect(throws: LedgerFault.self) { try reader.transact("b", SourceTable.note(_:), source(9)) }
  }

  @Test("Totals are kept as the history is written")
  func tally() throws {
    let feed = try #require(FeedName("in"))
    let drop = try #require(DropID("20260312T060000Z-9f2c41"))
    let ledger = try Ledger(path: nil)
    try ledger.transact("history") { (t) throws(LedgerFault) in
      try t.drops.noteSeen(DropPlan(id: drop, feed: feed, seenAt: Timestamp(seconds: 1), parts: []))
      try t.drops.noteOutcome(drop, .accepted, content: nil, rows: 10, at: Timestamp(seconds: 2))
      for second in 1...5 { try t.history.note(drop, "drop_held", "", at: Timestamp(seconds: Int64(second))) }
      try t.history.note(drop, "drop_handed_over", "", at: Timestamp(seconds: 100))
      try t.drops.noteHandedOver(drop, at: Timestamp(seconds: 100))
    }
    let whole = try ledger.read(TotalTable.all)
    #expect(whole.feeds[feed]?.events == ["drop_held": 5, "drop_handed_over": 1])
    #expect(whole.feeds[feed]?.rows == 10 && whole.feeds[feed]?.lastSuccess == Timestamp(seconds: 100))
    try ledger.transact("more") { (t) throws(LedgerFault) in
      try t.history.note(drop, "drop_held", "", at: Timestamp(seconds: 200))
      try t.drops.noteHandedOver(drop, at: Timestamp(seconds: 200))
    }
    let (more, totals) = try ledger.read { (t) throws(LedgerFault) in (try t.totals.all(), try t.drops.totals(of: feed))
    }
    #expect(more.feeds[feed]?.events["drop_held"] == 6)
    #expect(
      totals == FeedTotals(handedOver: 1, lastHandedOver: Timestamp(seconds: 100)), "once, whatever is told again")

    let steps = try ledger.read { (t) throws(LedgerFault) in
      try t.drops.handedOverRows(of: feed, in: .seconds(60), count: 3, until: Timestamp(seconds: 150))
    }
    #expect(steps == [0, 0, 10])
    let latest = try ledger.read { (t) throws(LedgerFault) in try t.history.latest(2).map(\.line.at.seconds) }
    #expect(latest == [200, 100])
  }
}
