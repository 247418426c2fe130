public import Core

/// What happened since the ledger was made. These figures only grow: what the ledger forgets stays in them, and a restart does not change
/// them.
///
/// They are kept in the transaction that records what they count, so that nobody has to read through a history of years.
public struct Tally: Hashable, Sendable {
  public struct Lane: Hashable, Sendable {
    /// How often each event was written into the history.
    public internal(set) var events: [String: Int] = [:]
    /// Of a feed: what was handed over. Of a stream: what was sealed.
    public internal(set) var rows = 0
    /// Of a stream: rows of its logs that nobody wants, and rows that were left out for a person.
    public internal(set) var rowsSkipped = 0
    public internal(set) var rowsLeftOut = 0
    public internal(set) var bytes: UInt64 = 0
    public internal(set) var compressedBytes: UInt64 = 0
    /// When a drop was last handed over, a batch last confirmed.
    public internal(set) var lastSuccess: Timestamp?
    public init() {}
  }

  public fileprivate(set) var feeds: [FeedName: Lane] = [:]
  public fileprivate(set) var streams: [StreamName: Lane] = [:]

  public init() {}
}

/// Rows of a stream that are in no batch, as they stand among what is counted.
public enum LeftRows: String, Sendable { case skipped = "rows_skipped", leftOut = "rows_left_out" }

extension Tally.Lane {
  /// From `event` on, as `tally()` asks for them.
  fileprivate mutating func add(_ row: Row) {
    let event = row.text(2)
    switch LeftRows(rawValue: event) {
    case .skipped: return rowsSkipped = row.int(4)
    case .leftOut: return rowsLeftOut = row.int(4)
    case nil: break
    }
    events[event] = row.int(3)
    rows +|= row.int(4)
    bytes +|= row.uint64(5)
    compressedBytes +|= row.uint64(6)
    if event == "drop_handed_over" || event == "batch_confirmed" { lastSuccess = row.time(7) }
  }
}

/// How many of a lane's drops or batches have come to their end: handed over, delivered.
struct Ended {
  var count = 0
  var last: Timestamp?
}

/// What has been counted since the beginning; it stays when what was counted is forgotten.
public struct TotalTable: LedgerTable {
  public let transaction: Transaction
  public init(in transaction: Transaction) { self.transaction = transaction }
}

extension TotalTable {
  /// Named like the column that holds the lane's name.
  enum LaneKind: String {
    case feed, stream
    var table: String { self == .feed ? "drops" : "batches" }
    var end: String { self == .feed ? "handed_over_at" : "delivered_at" }
  }

  public func all() throws(LedgerFault) -> Tally {
    var tally = Tally()
    try connection.rows("SELECT kind, lane, event, times, rows, bytes, compressed_bytes, last_at FROM totals") { row in
      switch LaneKind(rawValue: row.text(0)) {
      case .feed: if let name = FeedName(row.text(1)) { tally.feeds[name, default: Tally.Lane()].add(row) }
      case .stream: if let name = StreamName(row.text(1)) { tally.streams[name, default: Tally.Lane()].add(row) }
      case nil: break
      }
    }
    return tally
  }

  func ended(_ kind: LaneKind, _ name: String) throws(LedgerFault) -> Ended {
    var ended = Ended()
    // Whoever only reads may meet the ledger of an earlier version, which has none of these figures.
    let isThere = try connection.hasTable("ended")
    let counted = "SELECT count(\(kind.end)), max(\(kind.end)) FROM \(kind.table) WHERE \(kind.rawValue) = ?"
    try connection.rows(
      isThere ? "SELECT count, last_at FROM ended WHERE kind = '\(kind.rawValue)' AND lane = ?" : counted, [.text(name)]
    ) { ended = Ended(count: $0.int(0), last: $0.optionalTime(1)) }
    return ended
  }

  /// Each addend and each sum stay below 4e18, so that no sum of two leaves 64 bits.
  private static func bounded(_ expression: String) -> String { "min(max(\(expression), 0), 4000000000000000000)" }
  private static func sum(of column: String) -> String { bounded("\(column) + excluded.\(column)") }
  private static let upsert = """
    ON CONFLICT (kind, lane, event) DO UPDATE SET times = times + 1, rows = \(sum(of: "rows")), bytes = \(sum(of: "bytes")),
      compressed_bytes = \(sum(of: "compressed_bytes")), last_at = max(last_at, excluded.last_at)
    """

  /// A line of the history was written.
  func count(_ event: String, of subject: String, at time: Timestamp) throws(LedgerFault) {
    let values: [Value] = [.text(event), Value(time), .text(subject)]
    try connection.run(
      """
      INSERT INTO totals (kind, lane, event, times, rows, bytes, compressed_bytes, last_at)
      SELECT 'feed', feed, ?1, 1, CASE ?1 WHEN 'drop_handed_over' THEN \(Self.bounded("coalesce(rows, 0)")) ELSE 0 END,
        CASE ?1 WHEN 'drop_handed_over' THEN \(Self.bounded("bytes")) ELSE 0 END, 0, ?2
      FROM drops WHERE id = ?3 \(Self.upsert)
      """, values)
    try connection.run(
      """
      INSERT INTO totals (kind, lane, event, times, rows, bytes, compressed_bytes, last_at)
      SELECT 'stream', stream, ?1, 1, CASE ?1 WHEN 'batch_sealed' THEN \(Self.bounded("rows")) ELSE 0 END,
        CASE ?1 WHEN 'batch_sealed' THEN \(Self.bounded("bytes")) ELSE 0 END,
        CASE ?1 WHEN 'batch_sealed' THEN \(Self.bounded("compressed_bytes")) ELSE 0 END, ?2
      FROM batches WHERE id = ?3 \(Self.upsert)
      """, values)
  }

  /// Rows of logs that are in no batch.
  public func note(_ kind: LeftRows, _ rows: Int, of stream: StreamName, at time: Timestamp) throws(LedgerFault) {
    guard rows > 0 else { return }
    try connection.run(
      """
      INSERT INTO totals (kind, lane, event, times, rows, bytes, compressed_bytes, last_at)
      VALUES ('stream', ?1, ?2, 1, \(Self.bounded("?3")), 0, 0, ?4) \(Self.upsert)
      """, [.text(stream.text), .text(kind.rawValue), Value(rows), Value(time)])
  }

  /// How many so far.
  public func leftRows(of stream: StreamName) throws(LedgerFault) -> (skipped: Int, leftOut: Int) {
    guard try connection.hasTable("totals") else { return (0, 0) }
    var found = (skipped: 0, leftOut: 0)
    try connection.rows("SELECT event, rows FROM totals WHERE kind = 'stream' AND lane = ?", [.text(stream.text)]) {
      row in
      switch LeftRows(rawValue: row.text(0)) {
      case .skipped: found.skipped = row.int(1)
      case .leftOut: found.leftOut = row.int(1)
      case nil: break
      }
    }
    return found
  }

  /// To be said before the drop or batch itself is told, which it is once.
  func countEnd(_ kind: LaneKind, _ id: String, at time: Timestamp) throws(LedgerFault) {
    try connection.run(
      """
      INSERT INTO ended (kind, lane, count, last_at) SELECT '\(kind.rawValue)', \(kind.rawValue), 1, ? FROM \(kind.table)
      WHERE id = ? AND \(kind.end) IS NULL
      ON CONFLICT (kind, lane) DO UPDATE SET count = count + 1, last_at = max(last_at, excluded.last_at)
      """, [Value(time), .text(id)])
  }
}
