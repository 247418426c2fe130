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
          // `s` is the list of streams, which an SQLite before 3.36 calls a subquery; what that scans is a step of its own.
          let isScan =
            step.hasPrefix("SCAN") && !step.hasSuffix(" s") && !step.hasPrefix("SCAN SUBQUERY")
            && !Self.small.contains { step.contains($0) }
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
      _ = try t.drops.totals(of: feed)
      _ = try t.batches.totals(of: stream)
      _ = try t.totals.all()
      _ = try t.batches.spoolBytes()
      _ = try t.deliveries.backlogs(of: [stream], at: now)
      _ = try t.batches.confirmedBytes(of: stream, in: .seconds(300), count: 1, until: now)
      _ = try t.drops.handedOverRows(of: feed, in: .seconds(300), count: 1, until: now)
      _ = try t.deliveries.storeWaits()
      _ = try t.sources.list(of: stream)
      _ = try t.sources.list(of: stream, inode: 1)
      _ = try t.pulls.standing(feed)
      _ = try t.expectations.find(of: feed)
    }
  }

  @Test func whatAPassAsks() throws {
    let (now, batch) = (Timestamp(seconds: 1_000), BatchID(stream: stream, sequence: 1))
    let source = SourceID(Digest(repeatElement(1, count: 32)))
    try expectQuick { (t) throws(LedgerFault) in
      _ = try t.deliveries.due(of: stream, to: store, at: now, limit: 1)
      _ = try t.deliveries.nextDue(of: stream, after: now)
      _ = try t.deliveries.finished(of: stream)
      _ = try t.deliveries.stuck(of: stream)
      _ = try t.deliveries.waiting(of: stream)
      _ = try t.sources.undelivered(of: source)
      _ = try t.sources.isPresent(source)
      _ = try t.batches.lastSequence(of: stream)
      _ = try t.batches.lastConfirmed(of: stream, by: store)
      _ = try t.history.lastTime()
      _ = try t.batches.knows(batch)
      _ = try t.drops.baseline(of: feed)
      _ = try t.pulls.finished(feed, limit: 1)
      _ = try t.pulls.list(feed, in: .placing)
      _ = try t.drops.accepted(feed, content: Digest(repeatElement(1, count: 32)), except: DropID(seen: now, salt: 1))
      _ = try t.drops.forgettable(feed, before: now, after: nil, limit: 1)
      _ = try t.batches.forgettable(stream, before: now, after: nil, limit: 1)
      _ = try t.sources.forgettable(of: stream, goneBefore: now, except: [], limit: 1)
      _ = try t.pulls.forgettable(feed, except: store, listedBefore: now, limit: 1)
    }
  }

  @Test func whatAPassWrites() throws {
    let (now, batch) = (Timestamp(seconds: 1_000), BatchID(stream: stream, sequence: 1))
    try expectQuick { (t) throws(LedgerFault) in
      let drop = DropID(seen: now, salt: 1)
      try t.history.note(drop, "drop_seen", "", at: now)
      try t.drops.noteHandedOver(drop, at: now)
      try t.deliveries.noteDelivered(batch, at: now)
      try t.deliveries.noteConfirmed(batch, store, at: now, ReceiptRecord())
      try t.deliveries.noteAttempt(batch, store, next: now, fault: "")
      try t.deliveries.makeDue(stream, at: now)
      try t.deliveries.makeDue(store, at: now)
      try t.drops.forget(drop)
      try t.batches.forget(batch)
      try t.sources.forget(SourceID(Digest(repeatElement(1, count: 32))))
      try t.pulls.forget(feed, store.text, key: "k")
    }
  }

  @Test func whatListsAsk() throws {
    let now = Timestamp(seconds: 1_000)
    try expectQuick { (t) throws(LedgerFault) in
      _ = try t.drops.list(since: now, limit: 10)
      _ = try t.drops.list(limit: 10)
      _ = try t.batches.list(since: now, limit: 10)
      _ = try t.batches.list(limit: 10)
      _ = try t.batches.open()
      _ = try t.batches.open(of: stream, since: now, after: nil, limit: 10)
      _ = try t.batches.confirmed(of: stream, by: store, since: now, after: nil, limit: 10)
      _ = try t.batches.knows(key: "k")
      _ = try t.history.lines(of: "x")
      _ = try t.history.latest(10)
    }
  }
}
