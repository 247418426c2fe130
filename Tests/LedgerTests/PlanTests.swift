import Core
import Testing

@testable import Ledger

/// SQLite tells how it would answer. A scan or a sort of a table that holds years is what `status` and its like must not do.
@Suite("No question reads through a ledger of years")
struct PlanTests {
  private let ledger: Ledger
  private let feed: FeedName
  private let stream: StreamName
  private let store: StoreName

  init() throws {
    ledger = try Ledger(path: nil)
    feed = try #require(FeedName("in"))
    stream = try #require(StreamName("opens"))
    store = try #require(StoreName("aep"))
  }

  /// Steps that grow with the ledger, of all statements that `body` has made.
  private func slow(_ body: (Transaction) throws(LedgerFault) -> Void) throws -> [String] {
    try ledger.read { (t) throws(LedgerFault) in
      try body(t)
      var found: [String] = []
      for sql in t.connection.prepared where !sql.hasPrefix("EXPLAIN") && !sql.hasPrefix("PRAGMA") {
        var steps: [String] = []
        try t.connection.rows("EXPLAIN QUERY PLAN \(sql)") { steps.append($0.text(3)) }
        // From the end of an index, as far as a limit goes.
        let isBounded = sql.contains("DESC LIMIT") || sql.contains("SELECT max(")
        found += steps.filter { step in
          // `s` is the list of streams.
          let isScan = step.hasPrefix("SCAN") && !step.hasSuffix(" s") && !Self.small.contains { step.contains($0) }
          // All that a lane has ever had.
          let isLane =
            ["(stream=?)", "(feed=?)"].contains { step.hasSuffix($0) } && !Self.small.contains { step.contains($0) }
          return (isScan || isLane) && !isBounded || step.contains("AUTOMATIC")
        }.map { "\($0): \(sql)" }
      }
      return found
    }
  }

  private func expectQuick(_ body: (Transaction) throws(LedgerFault) -> Void) throws {
    let found = try slow(body)
    #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
  }

  /// Tables of a few rows, and an index that only holds what is still to be sent.
  private static let small = [
    "sqlite_master", "sqlite_schema", "totals", "ended", "store_waits", "expectations", "batches_open", "CONSTANT",
    "sources_present", "pulled_placing", "pulled_landed", "pulls",
    "SCAN (",
  ]

  @Test func whatStatusAndMetricsAsk() throws {
    let now = Timestamp(seconds: 1_000)
    try expectQuick { (t) throws(LedgerFault) in
      _ = try t.totals(of: feed)
      _ = try t.totals(of: stream)
      _ = try t.tally()
      _ = try t.spoolBytes()
      _ = try t.backlogs(of: [stream], at: now)
      _ = try t.confirmedBytes(of: stream, in: .seconds(300), count: 1, until: now)
      _ = try t.handedOverRows(of: feed, in: .seconds(300), count: 1, until: now)
      _ = try t.storeWaits()
      _ = try t.sources(of: stream)
      _ = try t.sources(of: stream, inode: 1)
      _ = try t.pullStanding(feed)
      _ = try t.expectation(of: feed)
    }
  }

  @Test func whatAPassAsks() throws {
    let (now, batch) = (Timestamp(seconds: 1_000), BatchID(stream: stream, sequence: 1))
    let source = SourceID(Digest(repeatElement(1, count: 32)))
    try expectQuick { (t) throws(LedgerFault) in
      _ = try t.due(of: stream, to: store, at: now, limit: 1)
      _ = try t.nextDue(of: stream, after: now)
      _ = try t.finished(of: stream)
      _ = try t.stuck(of: stream)
      _ = try t.waiting(of: stream)
      _ = try t.undelivered(of: source)
      _ = try t.isPresent(source)
      _ = try t.lastSequence(of: stream)
      _ = try t.lastConfirmed(of: stream, by: store)
      _ = try t.lastNoted()
      _ = try t.knows(batch)
      _ = try t.lastAccepted(feed)
      _ = try t.finished(feed, limit: 1)
      _ = try t.pulled(feed, in: .placing)
      _ = try t.accepted(feed, content: Digest(repeatElement(1, count: 32)), except: DropID(seen: now, salt: 1))
      _ = try t.forgettable(feed, before: now, after: nil, limit: 1)
      _ = try t.forgettable(stream, before: now, after: nil, limit: 1)
      _ = try t.forgettableSources(of: stream, goneBefore: now, except: [], limit: 1)
      _ = try t.forgettablePulled(feed, except: store, listedBefore: now, limit: 1)
    }
  }

  @Test func whatAPassWrites() throws {
    let (now, batch) = (Timestamp(seconds: 1_000), BatchID(stream: stream, sequence: 1))
    try expectQuick { (t) throws(LedgerFault) in
      let drop = DropID(seen: now, salt: 1)
      try t.noteHistory(drop, "drop_seen", "", at: now)
      try t.noteHandedOver(drop, at: now)
      try t.noteDelivered(batch, at: now)
      try t.noteConfirmed(batch, store, at: now, tag: nil)
      try t.noteAttempt(batch, store, next: now, fault: "")
      try t.makeDue(stream, at: now)
      try t.makeDue(store, at: now)
      try t.forget(drop)
      try t.forget(batch)
      try t.forget(SourceID(Digest(repeatElement(1, count: 32))))
      try t.forgetPulled(feed, store.text, key: "k")
    }
  }

  @Test func whatListsAsk() throws {
    let now = Timestamp(seconds: 1_000)
    try expectQuick { (t) throws(LedgerFault) in
      _ = try t.drops(since: now, limit: 10)
      _ = try t.drops(limit: 10)
      _ = try t.batches(since: now, limit: 10)
      _ = try t.batches(limit: 10)
      _ = try t.open()
      _ = try t.open(of: stream, since: now, after: nil, limit: 10)
      _ = try t.confirmed(of: stream, by: store, since: now, after: nil, limit: 10)
      _ = try t.knows(key: "k")
      _ = try t.history(of: "x")
      _ = try t.latestHistory(10)
    }
  }
}
