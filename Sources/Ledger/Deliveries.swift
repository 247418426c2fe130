public import Core

/// One store's side of a batch.
public struct DeliveryRecord: Hashable, Sendable {
  public let batch: BatchID
  public let store: StoreName
  public let attempts: Int
  public let nextAt: Timestamp
  public let confirmedAt: Timestamp?
  /// When the store refused the batch for good.
  public let refusedAt: Timestamp?
  /// The last refusal, as people read it.
  public let fault: String?
}

/// How long a store that was away, busy or refusing us is left alone.
public struct StoreWait: Hashable, Sendable {
  /// Failures in a row, of whatever batches.
  public let attempts: Int
  public let nextAt: Timestamp
  public let fault: String
  public init(attempts: Int, nextAt: Timestamp, fault: String) {
    (self.attempts, self.nextAt, self.fault) = (attempts, nextAt, fault)
  }
}

/// Attempts and receipts. A delivery is finished when the store has confirmed the object, and the manifest where there is one.
public struct DeliveryTable: LedgerTable {
  public let transaction: Transaction
  public init(in transaction: Transaction) { self.transaction = transaction }
}

extension DeliveryTable {
  private static let isUnfinished =
    "(d.confirmed_at IS NULL OR (b.manifest_key IS NOT NULL AND d.manifest_at IS NULL))"
  static let isWaiting = "\(BatchTable.isOpen) AND b.held_at IS NULL AND d.refused_at IS NULL AND \(isUnfinished)"
  /// A wall clock that was set back must not stop a stream.
  static let isDue = "(d.next_at <= ? OR d.next_at > ? + \(Limits.longestWait.nanoseconds))"

  // MARK: - What there is to do

  /// Deliveries of the stream to the store that may begin now, oldest batch first.
  public func due(
    of stream: StreamName, to store: StoreName, at now: Timestamp, limit: Int
  ) throws(LedgerFault) -> [DeliveryRecord] {
    try list(
      "b.stream = ? AND d.store = ? AND \(Self.isWaiting) AND \(Self.isDue) ORDER BY b.sequence LIMIT ?",
      [Value(stream), Value(store), Value(now), Value(now), Value(limit)])
  }

  /// When the next delivery of the stream that is not due yet will be.
  public func nextDue(of stream: StreamName, after now: Timestamp) throws(LedgerFault) -> Timestamp? {
    var next: Timestamp?
    try connection.rows(
      """
      SELECT min(d.next_at) FROM batches b JOIN deliveries d ON d.batch = b.id
      WHERE b.stream = ? AND \(Self.isWaiting) AND NOT \(Self.isDue)
      """, [Value(stream), Value(now), Value(now)]
    ) { next = $0.optionalTime(0) }
    return next
  }

  /// Batches of the stream that all of their stores have confirmed, and that are not noted as delivered yet.
  public func finished(of stream: StreamName) throws(LedgerFault) -> [BatchID] {
    try ids(
      "stream = ? AND \(BatchTable.isOpen) AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.batch = b.id AND \(Self.isUnfinished))",
      stream)
  }

  /// Batches of the stream that wait only for stores that refused them for good, and are not held yet.
  public func stuck(of stream: StreamName) throws(LedgerFault) -> [BatchID] {
    try ids(
      """
      stream = ? AND \(BatchTable.isOpen) AND held_at IS NULL
      AND EXISTS (SELECT 1 FROM deliveries d WHERE d.batch = b.id AND \(Self.isUnfinished))
      AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.batch = b.id AND \(Self.isUnfinished) AND d.refused_at IS NULL)
      """, stream)
  }

  /// Batches of the stream that wait for a store, held ones left out.
  public func waiting(of stream: StreamName) throws(LedgerFault) -> [BatchID] {
    try ids(
      "stream = ? AND \(BatchTable.isOpen) AND EXISTS (SELECT 1 FROM deliveries d WHERE d.batch = b.id AND \(Self.isWaiting))",
      stream)
  }

  /// Whether a batch of the stream waits for the store, held ones left out.
  public func hasWaiting(of stream: StreamName, for store: StoreName) throws(LedgerFault) -> Bool {
    var isWaiting = false
    try connection.rows(
      "SELECT 1 FROM batches b JOIN deliveries d ON d.batch = b.id WHERE b.stream = ? AND d.store = ? AND \(Self.isWaiting) LIMIT 1",
      [Value(stream), Value(store)]
    ) { _ in isWaiting = true }
    return isWaiting
  }

  private func ids(_ condition: String, _ stream: StreamName) throws(LedgerFault) -> [BatchID] {
    var found: [BatchID] = []
    try connection.rows("SELECT b.id FROM batches b WHERE \(condition) ORDER BY b.sequence", [Value(stream)]) { row in
      if let id = BatchID(row.text(0)) { found.append(id) }
    }
    return found
  }

  public func list(of batch: BatchID) throws(LedgerFault) -> [DeliveryRecord] {
    try list("b.id = ? ORDER BY d.store", [Value(batch)])
  }

  private func list(_ condition: String, _ values: [Value]) throws(LedgerFault) -> [DeliveryRecord] {
    var found: [DeliveryRecord] = []
    try connection.rows(
      """
      SELECT d.batch, d.store, d.attempts, d.next_at, d.confirmed_at, d.refused_at, d.fault
      FROM batches b JOIN deliveries d ON d.batch = b.id WHERE \(condition)
      """, values
    ) { row in
      guard let batch = BatchID(row.text(0)), let store = StoreName(row.text(1)) else { return }
      found.append(
        DeliveryRecord(
          batch: batch, store: store, attempts: row.int(2), nextAt: row.time(3), confirmedAt: row.optionalTime(4),
          refusedAt: row.optionalTime(5), fault: row.optionalText(6)))
    }
    return found
  }

  // MARK: - What came of it

  public func noteAttempt(
    _ batch: BatchID, _ store: StoreName, next: Timestamp, fault: String
  ) throws(LedgerFault) {
    try connection.run(
      "UPDATE deliveries SET attempts = attempts + 1, next_at = ?, fault = ? WHERE batch = ? AND store = ?",
      [Value(next), .text(fault), Value(batch), Value(store)])
  }

  /// The store will not take the batch as it is, however often it is asked.
  public func noteRefused(
    _ batch: BatchID, _ store: StoreName, at time: Timestamp, fault: String
  ) throws(LedgerFault) {
    try noteAttempt(batch, store, next: time, fault: fault)
    try connection.run(
      "UPDATE deliveries SET refused_at = ? WHERE batch = ? AND store = ?", [Value(time), Value(batch), Value(store)])
  }

  /// There is nothing left of the batch that could be sent to those stores that still want it. No attempt.
  public func noteMissing(_ batch: BatchID, at time: Timestamp, fault: String) throws(LedgerFault) {
    try connection.run(
      """
      UPDATE deliveries AS d SET refused_at = ?, fault = ?
      WHERE batch = ? AND EXISTS (SELECT 1 FROM batches b WHERE b.id = d.batch AND \(Self.isUnfinished))
      """, [Value(time), Value(fault), Value(batch)])
  }

  /// The store has the object. Where there is a manifest, that is due next.
  public func noteConfirmed(
    _ batch: BatchID, _ store: StoreName, at time: Timestamp, _ receipt: ReceiptRecord
  ) throws(LedgerFault) {
    try connection.run(
      """
      UPDATE deliveries SET attempts = attempts + 1, confirmed_at = ?, next_at = ?, tag = ?, version = ?, modified = ?, fault = NULL
      WHERE batch = ? AND store = ? AND confirmed_at IS NULL
      """,
      [
        Value(time), Value(time), Value(receipt.tag), Value(receipt.version), Value(receipt.modified), Value(batch),
        Value(store),
      ])
  }

  /// The store has the batch's manifest.
  public func noteManifest(_ batch: BatchID, _ store: StoreName, at time: Timestamp) throws(LedgerFault) {
    try connection.run(
      "UPDATE deliveries SET manifest_at = ?, fault = NULL WHERE batch = ? AND store = ?",
      [Value(time), Value(batch), Value(store)])
  }

  public func noteDelivered(_ batch: BatchID, at time: Timestamp) throws(LedgerFault) {
    try transaction.totals.countEnd(.stream, batch.description, at: time)
    try connection.run(
      "UPDATE batches SET delivered_at = ?, held_at = NULL WHERE id = ? AND delivered_at IS NULL",
      [Value(time), Value(batch)])
    try connection.run(
      "UPDATE deliveries SET confirmed_at = ? WHERE batch = ? AND confirmed_at IS NULL", [Value(time), Value(batch)])
  }

  // MARK: - Held, and what people decide

  /// Said before the batch is moved to `held`: what is found in `ready` all the same was moved back.
  public func noteHeld(_ batch: BatchID, at time: Timestamp) throws(LedgerFault) {
    try connection.run("UPDATE batches SET held_at = ? WHERE id = ?", [Value(time), Value(batch)])
  }

  public func isHeld(_ batch: BatchID) throws(LedgerFault) -> Bool {
    var isHeld = false
    try connection.rows("SELECT 1 FROM batches WHERE id = ? AND held_at IS NOT NULL", [Value(batch)]) { _ in
      isHeld = true
    }
    return isHeld
  }

  /// Attempts and refusals are forgotten: what is unfinished of the batch is due now.
  public func forgive(_ batch: BatchID, at time: Timestamp) throws(LedgerFault) {
    try connection.run("UPDATE batches SET held_at = NULL WHERE id = ?", [Value(batch)])
    try connection.run(
      """
      UPDATE deliveries SET attempts = 0, next_at = ?, refused_at = NULL, fault = NULL
      WHERE batch = ? AND (confirmed_at IS NULL OR manifest_at IS NULL)
      """, [Value(time), Value(batch)])
  }

  /// Every waiting delivery of the stream's batches becomes due.
  public func makeDue(_ stream: StreamName, at time: Timestamp) throws(LedgerFault) {
    try connection.run(
      """
      UPDATE deliveries SET next_at = ? WHERE next_at > ? AND batch IN (SELECT id FROM batches WHERE stream = ? AND \(BatchTable.isOpen))
      """, [Value(time), Value(time), Value(stream)])
  }

  /// Every waiting delivery to the store becomes due: it takes something again.
  public func makeDue(_ store: StoreName, at time: Timestamp) throws(LedgerFault) {
    try connection.run(
      """
      UPDATE deliveries SET next_at = ? WHERE store = ? AND next_at > ? AND refused_at IS NULL
      AND batch IN (SELECT id FROM batches WHERE \(BatchTable.isOpen))
      """, [Value(time), Value(store), Value(time)])
  }

  /// The batch's object is gone for good; its records count as taken.
  public func notePurged(_ batch: BatchID, at time: Timestamp) throws(LedgerFault) {
    try connection.run(
      "UPDATE batches SET purged_at = ? WHERE id = ? AND purged_at IS NULL", [Value(time), Value(batch)])
  }

  // MARK: - Stores

  public func storeWaits() throws(LedgerFault) -> [StoreName: StoreWait] {
    var waits: [StoreName: StoreWait] = [:]
    try connection.rows("SELECT store, attempts, next_at, fault FROM store_waits") { row in
      guard let store = StoreName(row.text(0)) else { return }
      waits[store] = StoreWait(attempts: row.int(1), nextAt: row.time(2), fault: row.text(3))
    }
    return waits
  }

  /// - Parameter wait: nil: the store has answered.
  public func note(_ wait: StoreWait?, of store: StoreName) throws(LedgerFault) {
    guard let wait else { return try connection.run("DELETE FROM store_waits WHERE store = ?", [Value(store)]) }
    try connection.run(
      "INSERT OR REPLACE INTO store_waits (store, attempts, next_at, fault) VALUES (?, ?, ?, ?)",
      [Value(store), Value(wait.attempts), Value(wait.nextAt), .text(wait.fault)])
  }
}
