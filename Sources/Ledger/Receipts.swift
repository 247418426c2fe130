public import Core

/// What a store said of an object when it confirmed it: what tells this object from another of its name and size.
public struct ReceiptRecord: Hashable, Sendable {
  public var tag: String?
  /// Where the store keeps versions.
  public var version: String?
  /// By the store's clock, where nothing better is told.
  public var modified: Timestamp?

  public init(tag: String? = nil, version: String? = nil, modified: Timestamp? = nil) {
    (self.tag, self.version, self.modified) = (tag, version, modified)
  }
}

/// A batch that a store has confirmed, and holds as far as the ledger knows.
public struct ConfirmedBatch: Sendable {
  public let batch: BatchRecord
  public let confirmedAt: Timestamp
  public let receipt: ReceiptRecord
}

/// An object that a store holds, or may hold.
public struct SentObject: Hashable, Sendable {
  public let store: StoreName
  public let isConfirmed: Bool
  public let receipt: ReceiptRecord
}

extension DeliveryTable {
  /// A ledger that only an earlier version has used, and that is only looked at, has no such columns yet.
  func hasReceipts() throws(LedgerFault) -> Bool {
    var version = 0
    try connection.rows("PRAGMA user_version") { version = $0.int(0) }
    return version >= Schema.receipts
  }

  /// What stores hold of the batch, or may hold, since an attempt was made; what was deleted there on request is left out.
  public func objects(of batch: BatchID) throws(LedgerFault) -> [SentObject] {
    var found: [SentObject] = []
    try connection.rows(
      """
      SELECT store, confirmed_at, tag, version, modified FROM deliveries
      WHERE batch = ? AND (confirmed_at IS NOT NULL OR attempts > 0) AND removed_at IS NULL ORDER BY store
      """, [Value(batch)]
    ) { row in
      guard let store = StoreName(row.text(0)) else { return }
      found.append(
        SentObject(
          store: store, isConfirmed: !row.isNull(1),
          receipt: ReceiptRecord(tag: row.optionalText(2), version: row.optionalText(3), modified: row.optionalTime(4)))
      )
    }
    return found
  }

  /// The object is gone from the store, because a person asked for that.
  public func noteRemoved(_ batch: BatchID, _ store: StoreName, at time: Timestamp) throws(LedgerFault) {
    try connection.run(
      "UPDATE deliveries SET removed_at = ? WHERE batch = ? AND store = ? AND removed_at IS NULL",
      [Value(time), Value(batch), Value(store)])
  }

  /// From which stores the batch was deleted on request, and when.
  public func removals(of batch: BatchID) throws(LedgerFault) -> [StoreName: Timestamp] {
    guard try hasReceipts() else { return [:] }
    var found: [StoreName: Timestamp] = [:]
    try connection.rows(
      "SELECT store, removed_at FROM deliveries WHERE batch = ? AND removed_at IS NOT NULL", [Value(batch)]
    ) { row in
      if let store = StoreName(row.text(0)) { found[store] = row.time(1) }
    }
    return found
  }
}

extension BatchTable {
  /// Batches that the store has confirmed and that were not deleted there on request, in pages.
  public func confirmed(
    of stream: StreamName, by store: StoreName, since: Timestamp?, after: BatchID?, limit: Int
  ) throws(LedgerFault) -> [ConfirmedBatch] {
    let (columns, condition) = try receiptColumns()
    var found: [ConfirmedBatch] = []
    try connection.rows(
      """
      SELECT \(Self.batchColumns), d.confirmed_at, d.tag, \(columns) FROM batches b JOIN deliveries d ON d.batch = b.id
      WHERE b.stream = ? AND d.store = ? AND d.confirmed_at IS NOT NULL\(condition) AND +b.sealed_at >= ? AND b.sequence > ?
      ORDER BY b.sequence LIMIT ?
      """,
      [
        Value(stream), Value(store), Value(since ?? Timestamp(nanoseconds: .min)), Value(after?.sequence ?? 0),
        Value(limit),
      ]
    ) { row in
      guard let record = Self.batch(row) else { return }
      found.append(
        ConfirmedBatch(
          batch: record, confirmedAt: row.time(10),
          receipt: ReceiptRecord(
            tag: row.optionalText(11), version: row.optionalText(12), modified: row.optionalTime(13))))
    }
    return found
  }

  /// Of the same batches: how many they are, and their compressed bytes.
  public func confirmedTotal(
    of stream: StreamName, by store: StoreName, since: Timestamp?
  ) throws(LedgerFault) -> (objects: Int, bytes: UInt64) {
    let condition = try receiptColumns().condition
    var total = (objects: 0, bytes: UInt64(0))
    try connection.rows(
      """
      SELECT count(*), \(Self.sum("b.compressed_bytes")) FROM batches b JOIN deliveries d ON d.batch = b.id
      WHERE b.stream = ? AND d.store = ? AND d.confirmed_at IS NOT NULL\(condition) AND b.sealed_at >= ?
      """, [Value(stream), Value(store), Value(since ?? Timestamp(nanoseconds: .min))]
    ) { row in total = (row.int(0), row.uint64(1)) }
    return total
  }

  private func receiptColumns() throws(LedgerFault) -> (columns: String, condition: String) {
    try transaction.deliveries.hasReceipts()
      ? ("d.version, d.modified", " AND d.removed_at IS NULL") : ("NULL, NULL", "")
  }

  /// The key of the batch's manifest; nil where it has none, or nobody knows the batch.
  public func manifestKey(of batch: BatchID) throws(LedgerFault) -> String? {
    var key: String?
    try connection.rows("SELECT manifest_key FROM batches WHERE id = ?", [Value(batch)]) { key = $0.optionalText(0) }
    return key
  }
}
