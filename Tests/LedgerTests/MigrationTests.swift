import CSQLite
import Core
import Foundation
import SystemPackage
import TestKit
import Testing

@testable import Ledger

@Suite(
  "A ledger of an earlier version is brought up to date, and nothing in it is lost",
  .enabled(
    if: sqlite3_libversion_number() >= 3_037_000, "Earlier versions were made by an SQLite that knows strict tables"))
struct MigrationTests {
  private let folder: TemporaryFolder
  private let path: FilePath
  private let feed: FeedName
  private let stream: StreamName

  init() throws {
    folder = try TemporaryFolder()
    path = folder.path.appending("l.sqlite")
    feed = try #require(FeedName("audience"))
    stream = try #require(StreamName("opens"))
    let fixture = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/ledger-8.sql")
    let connection = try Connection(path: path.string, mode: .writing)
    try connection.script(try String(contentsOf: fixture, encoding: .utf8))
  }

  private func expectTotals(_ ledger: Ledger) throws {
    let (drops, batches) = try ledger.read { (t) throws(LedgerFault) in
      (try t.drops.totals(of: feed), try t.batches.totals(of: stream))
    }
    #expect(drops.handedOver == 1 && drops.lastHandedOver != nil)
    #expect(batches.confirmed == 1 && batches.lastConfirmed != nil && batches.waitingBytes == 0)
  }

  @Test func whatWasCountedBeforeIsInTheTotals() throws {
    let ledger = try Ledger(path: path)
    #expect(try ledger.pragmaForTests("user_version") == "\(Schema.version)")
    try expectTotals(ledger)
    let tally = try ledger.read(TotalTable.all)
    #expect(
      tally.feeds[feed]?.events == ["drop_seen": 2, "checked": 1, "drop_quarantined": 1, "drop_handed_over": 1])
    #expect(tally.feeds[feed]?.rows == 2 && tally.feeds[feed]?.bytes == 17)
    #expect(tally.streams[stream]?.events == ["batch_sealed": 1, "batch_confirmed": 1])
    #expect(tally.streams[stream]?.rows == 1 && tally.streams[stream]?.compressedBytes == 28)
    let (drops, batch) = try ledger.read { (t) throws(LedgerFault) in
      (try t.drops.list(), try t.batches.lastSequence(of: stream))
    }
    #expect(drops.count == 2 && batch == 1)
  }

  @Test func timesToTheMinuteAreKnownAsThat() throws {
    let connection = try Connection(path: path.string, mode: .writing)
    let minute = 1_773_295_260_000_000_000
    for (key, tag, time) in [("a", "NULL", minute), ("b", "NULL", minute + 1_000_000_000), ("c", "'t'", minute)] {
      try connection.script(
        "INSERT INTO pulled VALUES ('audience', 'partner', '\(key)', 1, \(tag), \(time), '\(key)', 'landed', 1, 1, 1, NULL);"
      )
    }
    let ledger = try Ledger(path: path)
    let store = try #require(StoreName("partner"))
    let tags = try ledger.read { (t) throws(LedgerFault) in
      var tags: [String?] = []
      for key in ["a", "b", "c"] { tags.append(try t.pulls.find(feed, store, key: key)?.source.tag) }
      return tags
    }
    #expect(tags == [DropPart.Origin.coarse, nil, "t"])
  }

  @Test func whoOnlyReadsItNeedNotWaitForTheNextStart() throws {
    let reader = try Ledger(reading: path)
    try expectTotals(reader)
    #expect(
      try reader.read(BatchTable.hasForgotten(_:), BatchID(stream: stream, sequence: 1)) == false)
  }

  /// Whatever way it came: the same columns, in whatever order, with the same checks, and the same indexes.
  @Test func itIsLikeANewOne() throws {
    func form(_ ledger: Ledger) throws -> [String] {
      try ledger.read { (t) throws(LedgerFault) in
        var found: [String] = []
        try t.connection.rows("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY 1, 2") {
          found.append("\($0.text(0)) \($0.text(1)): \($0.text(2).replacing("\"", with: ""))")
        }
        return found
      }
    }
    let new = try form(Ledger(path: nil))
    #expect(try form(Ledger(path: path)) == new)
    #expect(new.count > 30 && !new.contains { $0.contains("STRICT") })
  }

  @Test func totalsGoOnFromThere() throws {
    let ledger = try Ledger(path: path)
    let batch = BatchID(stream: stream, sequence: 1)
    try ledger.transact("more") { (t) throws(LedgerFault) in
      try t.history.note(batch, "batch_confirmed", "", at: Timestamp(seconds: 4_000_000_000))
      try t.deliveries.noteDelivered(batch, at: Timestamp(seconds: 4_000_000_000))
    }
    let lane = try ledger.read(TotalTable.all).streams[stream]
    #expect(lane?.events["batch_confirmed"] == 2 && lane?.lastSuccess == Timestamp(seconds: 4_000_000_000))
    try expectTotals(ledger)
  }
}
