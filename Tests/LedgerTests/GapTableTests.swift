import Core
import SystemPackage
import TestKit
import Testing

@testable import Ledger

@Suite("What the ledger knows of gaps")
struct GapTableTests {
  private let stream: StreamName
  private let source: SourceID

  init() throws {
    stream = try #require(StreamName("opens"))
    source = try #require(SourceID("s0123456789abcdef"))
  }

  private func gap(_ reason: String, at seconds: Int64) -> GapRecord {
    GapRecord(
      stream: stream, source: source, reason: reason,
      at: Timestamp(nanoseconds: seconds * 1_000_000_000), path: "/logs/a",
      bytes: 7, since: Timestamp(nanoseconds: 1), detail: "in words")
  }

  @Test func eachOnceOldestFirstAndForgotten() throws {
    let ledger = try Ledger(path: nil)
    let gaps = [gap("vanished", at: 10), gap("packed", at: 20), gap("out_of_sight", at: 30)]
    try ledger.transact("test") { (t) throws(LedgerFault) in
      for gap in gaps + gaps { try t.gaps.note(gap) }
    }
    #expect(try ledger.read(GapTable.list(of:since:), stream, nil) == gaps)
    #expect(try ledger.read(GapTable.list(of:since:), stream, gaps[1].at) == Array(gaps[1...]))
    #expect(try ledger.read(GapTable.count(of:), stream) == 3)
    try ledger.transact("test") { (t) throws(LedgerFault) in
      #expect(try t.gaps.knows(source, of: stream, reason: "packed"))
      try t.gaps.close(source, of: stream, reason: "packed")
      #expect(try !t.gaps.knows(source, of: stream, reason: "packed"))
      try t.gaps.forget(of: stream, before: gaps[2].at)
    }
    #expect(try ledger.read(GapTable.list(of:since:), stream, nil) == [gaps[2]])
  }

  @Test func ledgerOfVersion10KnowsOfNone() throws {
    let folder = try TemporaryFolder()
    let path = folder.path.appending("l.sqlite")
    do {
      _ = try Ledger(path: path)
      let connection = try Connection(path: path.string, mode: .writing)
      try connection.script(
        """
        DROP TABLE gaps;
        ALTER TABLE deliveries DROP COLUMN removed_at;
        ALTER TABLE deliveries DROP COLUMN modified;
        ALTER TABLE deliveries DROP COLUMN version;
        PRAGMA user_version = 10
        """)
    }
    let reader = try Ledger(reading: path)
    #expect(try reader.read(GapTable.list(of:since:), stream, nil).isEmpty)
    #expect(try reader.read(GapTable.count(of:), stream) == 0)
    let ledger = try Ledger(path: path)
    let gap = gap("vanished", at: 1)
    try ledger.transact("test") { (t) throws(LedgerFault) in try t.gaps.note(gap) }
    #expect(try ledger.read(GapTable.count(of:), stream) == 1)
  }
}
