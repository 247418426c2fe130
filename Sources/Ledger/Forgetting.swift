public import Core

/// One that is old enough to be forgotten, and the place from which the next ones are asked for.
public struct Forgettable<ID: Hashable & Sendable>: Sendable {
  public let id: ID
  /// When it was seen or sealed.
  public let at: Timestamp
  fileprivate let row: Int64
}

/// What is older than anything that the folders keep leaves the ledger: the history, and what it is of. What has been counted stays in the
/// totals. Kept for good is what somebody still asks for:
///
/// - of a feed the drop with which the next is compared; and drops whose objects are still to be deleted from
///   a store;
/// - of a stream its last batch, after which the next is numbered; the last one that each store has confirmed; what is still to be
///   sent; and the numbers of all that was forgotten, so that their objects are known and nothing of theirs is sent again;
/// - of logs that are gone the newest one that had a header, and those of which copies or batches are known.
///
/// Whoever forgets asks the places before: what lies in one is kept.
extension DropTable {
  /// Drops of the feed that were seen before that time and that nothing in the ledger needs, oldest first.
  public func forgettable(
    _ feed: FeedName, before: Timestamp, after last: Forgettable<DropID>?, limit: Int
  ) throws(LedgerFault) -> [Forgettable<DropID>] {
    var found: [Forgettable<DropID>] = []
    try connection.rows(
      """
      SELECT id, seen_at, rowid FROM drops d
      WHERE feed = ?1 AND seen_at < ?2 AND seen_at >= ?3 AND (seen_at > ?3 OR rowid > ?4)
        AND id IS NOT (\(Self.baselineQuery))
        AND NOT EXISTS (SELECT 1 FROM pulled p INDEXED BY pulled_landed
          WHERE p.feed = ?1 AND p.drop_id = d.id AND p.state = 'landed')
      ORDER BY seen_at, rowid LIMIT ?5
      """,
      [
        Value(feed), Value(before), Value(last?.at ?? Timestamp(nanoseconds: .min)), .int(last?.row ?? .min),
        Value(limit),
      ]
    ) { row in
      guard let id = DropID(row.text(0)) else { return }
      found.append(Forgettable(id: id, at: row.time(1), row: row.int64(2)))
    }
    return found
  }

  public func forget(_ drop: DropID) throws(LedgerFault) {
    try connection.run("DELETE FROM history WHERE subject = ?", [Value(drop)])
    try connection.run("DELETE FROM drops WHERE id = ?", [Value(drop)])
  }
}

extension PullTable {
  /// What was fetched from other stores than the one from which the feed fetches now (nil: from none), and last seen there before that
  /// time: a list that would forget it is never made again.
  public func forgettable(
    _ feed: FeedName, except store: StoreName?, listedBefore time: Timestamp, limit: Int
  ) throws(LedgerFault) -> [(store: String, key: String)] {
    var found: [(store: String, key: String)] = []
    for others in store == nil ? ["store >= ?2"] : ["store < ?2", "store > ?2"] {
      try connection.rows(
        """
        SELECT store, key FROM pulled
        WHERE feed = ?1 AND \(others) AND state <> 'placing' AND listed_at < ?3 LIMIT ?4
        """, [Value(feed), .text(store?.text ?? ""), Value(time), Value(limit)]
      ) { found.append(($0.text(0), $0.text(1))) }
    }
    return found
  }

  public func forget(_ feed: FeedName, _ store: String, key: String) throws(LedgerFault) {
    try connection.run(
      "DELETE FROM pulled WHERE feed = ? AND store = ? AND key = ?", [Value(feed), .text(store), .text(key)])
  }
}

extension BatchTable {
  /// Batches of the stream that were sealed, and delivered or purged, before that time, and that nothing in the ledger needs, oldest first.
  public func forgettable(
    _ stream: StreamName, before: Timestamp, after last: Forgettable<BatchID>?, limit: Int
  ) throws(LedgerFault) -> [Forgettable<BatchID>] {
    var found: [Forgettable<BatchID>] = []
    try connection.rows(
      """
      SELECT id, sealed_at, rowid FROM batches b
      WHERE stream = ?1 AND sealed_at < ?2 AND sealed_at >= ?3 AND (sealed_at > ?3 OR rowid > ?4)
        AND coalesce(delivered_at, purged_at) < ?2
        AND sequence < (SELECT max(sequence) FROM batches WHERE stream = ?1)
        AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.batch = b.id AND d.confirmed_at IS NOT NULL
          AND NOT EXISTS (SELECT 1 FROM batches c CROSS JOIN deliveries e ON e.batch = c.id
            WHERE c.stream = ?1 AND c.sequence > b.sequence AND e.store = d.store AND e.confirmed_at IS NOT NULL))
      ORDER BY sealed_at, rowid LIMIT ?5
      """,
      [
        Value(stream), Value(before), Value(last?.at ?? Timestamp(nanoseconds: .min)), .int(last?.row ?? .min),
        Value(limit),
      ]
    ) { row in
      guard let id = BatchID(row.text(0)) else { return }
      found.append(Forgettable(id: id, at: row.time(1), row: row.int64(2)))
    }
    return found
  }

  /// Its number stays known.
  public func forget(_ batch: BatchID) throws(LedgerFault) {
    for table in ["segments", "deliveries"] {
      try connection.run("DELETE FROM \(table) WHERE batch = ?", [Value(batch)])
    }
    try connection.run("DELETE FROM history WHERE subject = ?", [Value(batch)])
    try connection.run("DELETE FROM batches WHERE id = ?", [Value(batch)])
    try noteForgotten(batch)
  }

  /// As ranges, which are few: numbers come in their order, and what keeps one of them is rare.
  private func noteForgotten(_ batch: BatchID) throws(LedgerFault) {
    guard try !hasForgotten(batch) else { return }
    var (first, last) = (batch.sequence, batch.sequence)
    let beside = "SELECT first, last FROM forgotten WHERE stream = ? AND"
    try connection.rows("\(beside) first < ? ORDER BY first DESC LIMIT 1", [Value(batch.stream), Value(first)]) { row in
      if row.int(1) == first - 1 { first = row.int(0) }
    }
    try connection.rows("\(beside) first = ?", [Value(batch.stream), Value(last + 1)]) { last = $0.int(1) }
    try connection.run(
      "DELETE FROM forgotten WHERE stream = ? AND first BETWEEN ? AND ?",
      [Value(batch.stream), Value(first), Value(last)])
    try connection.run(
      "INSERT INTO forgotten (stream, first, last) VALUES (?, ?, ?)", [Value(batch.stream), Value(first), Value(last)])
  }

  /// Whether the batch came to its end so long ago that only its number is known.
  public func hasForgotten(_ batch: BatchID) throws(LedgerFault) -> Bool {
    guard try connection.hasTable("forgotten") else { return false }
    var isForgotten = false
    try connection.rows(
      "SELECT last FROM forgotten WHERE stream = ? AND first <= ? ORDER BY first DESC LIMIT 1",
      [Value(batch.stream), Value(batch.sequence)]
    ) { isForgotten = $0.int(0) >= batch.sequence }
    return isForgotten
  }
}

extension SourceTable {
  /// Sources of the stream that were gone before that time and that nothing needs.
  /// - Parameter kept: told of elsewhere: they would only be noted again.
  public func forgettable(
    of stream: StreamName, goneBefore time: Timestamp, except kept: Set<SourceID>, limit: Int
  ) throws(LedgerFault) -> [SourceID] {
    var found: [SourceID] = []
    try connection.rows(
      """
      SELECT id FROM sources s WHERE stream = ?1 AND gone_at < ?2
        AND NOT EXISTS (SELECT 1 FROM segments WHERE source = s.id)
        AND NOT EXISTS (SELECT 1 FROM sources c WHERE c.origin = s.id)
        AND id IS NOT (SELECT id FROM sources WHERE stream = ?1 AND header IS NOT NULL ORDER BY seen_at DESC LIMIT 1)
      ORDER BY gone_at LIMIT ?3
      """, [Value(stream), Value(time), Value(limit +| kept.count)]
    ) { if let id = SourceID($0.text(0)), !kept.contains(id) { found.append(id) } }
    return Array(found.prefix(limit))
  }

  public func forget(_ source: SourceID) throws(LedgerFault) {
    try connection.run("DELETE FROM sources WHERE id = ?", [Value(source)])
  }
}
