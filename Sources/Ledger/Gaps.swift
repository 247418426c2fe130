public import Core

/// What of a log was never read, as far as that is known.
public struct GapRecord: Hashable, Sendable {
  public let stream: StreamName
  public let source: SourceID
  /// `vanished`, `out_of_sight`, `packed`.
  public let reason: String
  /// When it was found out.
  public let at: Timestamp
  public let path: String
  /// So many at least.
  public let bytes: UInt64
  /// Since when it may have been written to.
  public let since: Timestamp
  /// In words.
  public let detail: String

  public init(
    stream: StreamName, source: SourceID, reason: String, at: Timestamp, path: String,
    bytes: UInt64, since: Timestamp,
    detail: String
  ) {
    (self.stream, self.source, self.reason, self.at, self.path) = (stream, source, reason, at, path)
    (self.bytes, self.since, self.detail) = (bytes, since, detail)
  }
}

/// Records that were never read.
public struct GapTable: LedgerTable {
  public let transaction: Transaction
  public init(in transaction: Transaction) { self.transaction = transaction }
}

extension Transaction {
  public var gaps: GapTable { GapTable(in: self) }
}

extension GapTable {
  public func note(_ gap: GapRecord) throws(LedgerFault) {
    try connection.run(
      """
      INSERT OR IGNORE INTO gaps (stream, source, reason, at, path, bytes, since, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
      """,
      [
        Value(gap.stream), Value(gap.source), .text(gap.reason), Value(gap.at), .text(gap.path),
        Value(gap.bytes),
        Value(gap.since), .text(gap.detail),
      ])
  }

  /// Whether that was told of the source before.
  public func knows(_ source: SourceID, of stream: StreamName, reason: String) throws(LedgerFault)
    -> Bool
  {
    var known = false
    try connection.rows(
      "SELECT 1 FROM gaps WHERE stream = ? AND source = ? AND reason = ? LIMIT 1",
      [Value(stream), Value(source), .text(reason)]
    ) { _ in known = true }
    return known
  }

  /// What could not be read then was read after all.
  public func close(_ source: SourceID, of stream: StreamName, reason: String) throws(LedgerFault) {
    try connection.run(
      "DELETE FROM gaps WHERE stream = ? AND source = ? AND reason = ?",
      [Value(stream), Value(source), .text(reason)])
  }

  /// The oldest first. - Parameter since: found out at or after; nil: all.
  public func list(of stream: StreamName, since: Timestamp?) throws(LedgerFault) -> [GapRecord] {
    // Whoever only reads may meet a ledger of an earlier version.
    guard try connection.hasTable("gaps") else { return [] }
    var found: [GapRecord] = []
    try connection.rows(
      """
      SELECT source, reason, at, path, bytes, since, detail FROM gaps WHERE stream = ? AND at >= ? ORDER BY at, source
      """, [Value(stream), Value(since ?? Timestamp(nanoseconds: .min))]
    ) { row in
      guard let source = SourceID(row.text(0)) else { return }
      found.append(
        GapRecord(
          stream: stream, source: source, reason: row.text(1), at: row.time(2), path: row.text(3),
          bytes: row.uint64(4),
          since: row.time(5), detail: row.text(6)))
    }
    return found
  }

  public func count(of stream: StreamName) throws(LedgerFault) -> Int {
    guard try connection.hasTable("gaps") else { return 0 }
    var count = 0
    try connection.rows("SELECT count(*) FROM gaps WHERE stream = ?", [Value(stream)]) {
      count = $0.int(0)
    }
    return count
  }

  public func forget(of stream: StreamName, before time: Timestamp) throws(LedgerFault) {
    try connection.run(
      "DELETE FROM gaps WHERE stream = ? AND at < ?", [Value(stream), Value(time)])
  }
}
