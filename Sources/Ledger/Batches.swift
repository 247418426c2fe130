public import Core

/// One batch as the ledger knows it, for lists and `verify`.
public struct BatchRecord: Hashable, Sendable {
  public let id: BatchID
  public let key: String
  public let rows: Int
  public let bytes: UInt64
  public let compressedBytes: UInt64
  public let sha256: Digest
  /// 32 hex digits.
  public let md5: String
  public let sealedAt: Timestamp
  public let deliveredAt: Timestamp?
  /// When its object was deleted on request, sent or not.
  public let purgedAt: Timestamp?
  /// It is still to be sent.
  public var isOpen: Bool { deliveredAt == nil && purgedAt == nil }
}

public struct StreamTotals: Hashable, Sendable {
  public var confirmed = 0
  public var held = 0
  public var waitingBytes: UInt64 = 0
  public var oldestWaiting: Timestamp?
  public var lastFault: String?
  public var lastConfirmed: Timestamp?
  public init() {}
}

/// Batches: what was sealed, and how far each of them has come.
public struct BatchTable: LedgerTable {
  public let transaction: Transaction
  public init(in transaction: Transaction) { self.transaction = transaction }
}

extension BatchTable {
  /// SQLite's own sum of integers ends the statement where it does not fit; this one ends at what fits.
  static func sum(_ column: String) -> String { "CAST(min(total(\(column)), 9e18) AS INTEGER)" }

  /// The batch, its segments, and one delivery due now for each of its stores. Said again, it changes nothing.
  public func note(_ plan: BatchPlan, due: Timestamp) throws(LedgerFault) {
    try connection.run(
      """
      INSERT INTO batches (id, stream, sequence, key, manifest_key, rows, bytes, compressed_bytes, sha256, md5, sealed_at)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING
      """,
      [
        Value(plan.id), Value(plan.stream), Value(plan.id.sequence), .text(plan.key), Value(plan.manifestKey),
        Value(plan.rows),
        Value(plan.bytes),
        Value(plan.compressedBytes), Value(plan.sha256), .text(plan.md5), Value(plan.sealedAt),
      ])
    for segment in plan.segments {
      try connection.run(
        "INSERT INTO segments (batch, source, first, past) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [Value(plan.id), Value(segment.source), Value(segment.from), Value(segment.to)])
    }
    for store in plan.stores {
      try connection.run(
        "INSERT INTO deliveries (batch, store, next_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        [Value(plan.id), Value(store), Value(due)])
    }
  }

  /// Also where all but its number was forgotten: nothing of it may be sent again.
  public func knows(_ batch: BatchID) throws(LedgerFault) -> Bool {
    var known = false
    try connection.rows("SELECT 1 FROM batches WHERE id = ?", [Value(batch)]) { _ in known = true }
    if known { return true }
    return try hasForgotten(batch)
  }

  public func lastSequence(of stream: StreamName) throws(LedgerFault) -> Int {
    var last = 0
    try connection.rows("SELECT max(sequence) FROM batches WHERE stream = ?", [Value(stream)]) { last = $0.int(0) }
    return min(max(last, 0), BatchID.lastSequence)
  }

  /// By stream and number.
  /// - Parameters:
  ///   - since: sealed at or after.
  ///   - limit: so many of those that were sealed last.
  public func list(since: Timestamp? = nil, limit: Int = .max) throws(LedgerFault) -> [BatchRecord] {
    var found: [BatchRecord] = []
    for stream in try streams() {
      found += try batchRows(
        "id IN (SELECT id FROM batches WHERE stream = ? AND sealed_at >= ? ORDER BY sealed_at DESC, sequence DESC LIMIT ?)",
        [Value(stream), Value(since ?? Timestamp(nanoseconds: .min)), Value(limit)])
    }
    guard found.count > limit else { return found }
    let newest = found.sorted { ($0.sealedAt, $0.id) > ($1.sealedAt, $1.id) }.prefix(limit)
    return newest.sorted { $0.id < $1.id }
  }

  /// Of which there are batches; one step for each, however many batches there are.
  private func streams() throws(LedgerFault) -> [StreamName] {
    var found: [StreamName] = []
    try connection.rows(
      """
      WITH RECURSIVE s(stream) AS (SELECT min(stream) FROM batches
        UNION ALL SELECT (SELECT min(b.stream) FROM batches b WHERE b.stream > s.stream) FROM s WHERE s.stream IS NOT NULL)
      SELECT stream FROM s WHERE stream IS NOT NULL
      """
    ) { if let stream = StreamName($0.text(0)) { found.append(stream) } }
    return found
  }

  public func count() throws(LedgerFault) -> Int {
    var count = 0
    try connection.rows("SELECT count(*) FROM batches") { count = $0.int(0) }
    return count
  }

  public func find(_ id: BatchID) throws(LedgerFault) -> BatchRecord? { try batchRows("id = ?", [Value(id)]).first }

  /// - Parameter limit: -1: none.
  private func batchRows(
    _ condition: String, _ values: [Value], limit: Int = -1
  ) throws(LedgerFault) -> [BatchRecord] {
    var found: [BatchRecord] = []
    try connection.rows(
      """
      SELECT \(Self.batchColumns) FROM batches b WHERE \(condition) ORDER BY stream, sequence LIMIT ?
      """, values + [Value(limit)]
    ) { row in
      if let record = Self.batch(row) { found.append(record) }
    }
    return found
  }

  static let batchColumns =
    "b.id, b.key, b.rows, b.bytes, b.compressed_bytes, b.sha256, b.sealed_at, b.delivered_at, b.purged_at, b.md5"

  static func batch(_ row: Row) -> BatchRecord? {
    guard let id = BatchID(row.text(0)), let digest = Digest(hex: row.text(5)) else { return nil }
    return BatchRecord(
      id: id, key: row.text(1), rows: row.int(2), bytes: row.uint64(3), compressedBytes: row.uint64(4), sha256: digest,
      md5: row.text(9), sealedAt: row.time(6), deliveredAt: row.optionalTime(7), purgedAt: row.optionalTime(8))
  }

  /// The plan of a batch as far as the ledger knows it: all of it but the digests of its header and of the ends of its segments.
  public func plan(of id: BatchID, host: String) throws(LedgerFault) -> BatchPlan? {
    guard let batch = try find(id) else { return nil }
    var segments: [Segment] = []
    try connection.rows(
      """
      SELECT s.source, s.first, s.past, o.path, o.device, o.inode, o.birth, o.head_bytes, o.head
      FROM segments s JOIN sources o ON o.id = s.source WHERE s.batch = ? ORDER BY o.seen_at, s.source, s.first
      """, [Value(id)]
    ) { row in
      guard let source = SourceID(row.text(0)), let head = Digest(hex: row.text(8)), row.uint64(1) < row.uint64(2)
      else {
        return
      }
      let identity = SourceIdentity(
        device: row.uint64(4), inode: row.uint64(5), birth: row.isNull(6) ? nil : row.int64(6),
        headBytes: min(max(row.int(7), 0), Limits.headBytes), head: head)
      segments.append(
        Segment(source: source, path: row.text(3), identity: identity, from: row.uint64(1), to: row.uint64(2)))
    }
    var (md5, manifestKey): (String, String?) = ("", nil)
    try connection.rows("SELECT md5, manifest_key FROM batches WHERE id = ?", [Value(id)]) {
      (md5, manifestKey) = ($0.text(0), $0.optionalText(1))
    }
    let stores = try transaction.deliveries.list(of: id).map(\.store)
    return BatchPlan(
      id: id, host: host, key: batch.key, manifestKey: manifestKey, stores: stores, header: Digest.ofNothing,
      segments: segments, rows: batch.rows, bytes: batch.bytes, compressedBytes: batch.compressedBytes,
      sha256: batch.sha256, md5: md5, sealedAt: batch.sealedAt)
  }

  /// Batches that are still to be sent, held ones too, in pages.
  public func open(
    of stream: StreamName, since: Timestamp?, after: BatchID?, limit: Int
  ) throws(LedgerFault) -> [BatchRecord] {
    try batchRows(
      // By number: of what is to be sent there is little.
      "stream = ? AND \(Self.isOpen) AND +sealed_at >= ? AND sequence > ?",
      [Value(stream), Value(since ?? Timestamp(nanoseconds: .min)), Value(after?.sequence ?? 0)], limit: limit)
  }

  /// The same of all streams.
  public func open() throws(LedgerFault) -> [BatchRecord] { try batchRows(Self.isOpen, []) }

  /// The last batch that the store has confirmed.
  public func lastConfirmed(of stream: StreamName, by store: StoreName) throws(LedgerFault) -> BatchRecord? {
    try batchRows(
      """
      id = (SELECT c.id FROM batches c CROSS JOIN deliveries d ON d.batch = c.id
        WHERE c.stream = ? AND d.store = ? AND d.confirmed_at IS NOT NULL ORDER BY c.sequence DESC LIMIT 1)
      """, [Value(stream), Value(store)]
    ).first
  }

  public func knows(key: String) throws(LedgerFault) -> Bool {
    var known = false
    try connection.rows("SELECT 1 FROM batches WHERE key = ?", [.text(key)]) { _ in known = true }
    return known
  }

  /// Compressed bytes of all batches that are neither delivered nor purged.
  public func spoolBytes() throws(LedgerFault) -> UInt64 {
    var sum: UInt64 = 0
    try connection.rows("SELECT \(Self.sum("compressed_bytes")) FROM batches WHERE \(Self.isOpen)") {
      sum = $0.uint64(0)
    }
    return sum
  }

  /// Of a batch that is still to be sent: not delivered, not purged.
  static let isOpen = "delivered_at IS NULL AND purged_at IS NULL"

  public func totals(of stream: StreamName) throws(LedgerFault) -> StreamTotals {
    var totals = StreamTotals()
    let ended = try transaction.totals.ended(.stream, stream.text)
    (totals.confirmed, totals.lastConfirmed) = (ended.count, ended.last)
    try connection.rows(
      "SELECT \(Self.sum("bytes")), min(sealed_at), count(held_at) FROM batches WHERE stream = ? AND \(Self.isOpen)",
      [Value(stream)]
    ) { row in
      totals.waitingBytes = row.uint64(0)
      totals.oldestWaiting = row.optionalTime(1)
      totals.held = row.int(2)
    }
    try connection.rows(
      """
      SELECT d.fault FROM deliveries d JOIN batches b ON b.id = d.batch
      WHERE b.stream = ? AND \(Self.isOpen) AND d.fault IS NOT NULL ORDER BY b.sequence LIMIT 1
      """, [Value(stream)]
    ) { totals.lastFault = $0.text(0) }
    return totals
  }
}
