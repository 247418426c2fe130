public import Core

/// How the checks of a drop ended.
public enum DropOutcome: String, Hashable, Sendable, Codable {
  case accepted, duplicate, archived, held, quarantined
  /// It could not be worked on: its plan cannot be read, or the agent crashed on it.
  case damaged
}

/// One drop as the ledger knows it.
public struct DropRecord: Hashable, Sendable {
  public let id: DropID
  public let feed: FeedName
  public let seenAt: Timestamp
  /// When its last byte came to landing.
  public let arrivedAt: Timestamp
  /// Names of the parts, escaped, one a line.
  public let names: [String]
  public let bytes: UInt64
  public let rows: Int?
  public let outcome: DropOutcome?
  public let outcomeAt: Timestamp?
  /// The first of those for which it was refused, held or put away.
  public let reason: Reason.Code?
  public let handedOverAt: Timestamp?
}

extension DropRecord {
  /// Of a drop that the ledger does not know.
  public init(_ plan: DropPlan) {
    self.init(
      id: plan.id, feed: plan.feed, seenAt: plan.seenAt, arrivedAt: plan.arrivedAt,
      names: (plan.data.isEmpty ? plan.parts : plan.data).map(\.name.description), bytes: plan.bytes, rows: plan.rows,
      outcome: nil, outcomeAt: nil, reason: nil, handedOverAt: plan.handedOverAt)
  }
}

public struct FeedTotals: Hashable, Sendable {
  public var handedOver = 0
  public var lastHandedOver: Timestamp?
}

/// Drops: what has come in, and what became of it.
public struct DropTable: LedgerTable {
  public let transaction: Transaction
  public init(in transaction: Transaction) { self.transaction = transaction }
}

extension DropTable {
  /// Said again, it changes nothing.
  public func noteSeen(_ plan: DropPlan) throws(LedgerFault) {
    try connection.run(
      "INSERT INTO drops (id, feed, seen_at, names, bytes, arrived_at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
      [
        Value(plan.id), Value(plan.feed), Value(plan.seenAt),
        .text(Self.names(plan.data.isEmpty ? plan.parts : plan.data)), Value(plan.bytes), Value(plan.arrivedAt),
      ])
    try transaction.pulls.noteOrigins(plan)
  }

  private static func names(_ parts: [DropPart]) -> String { names(parts.map(\.name)) }
  private static func names(_ names: [FileName]) -> String { names.map(\.description).joined(separator: "\n") }

  /// Whether the feed has taken a drop of these files, in this order, of so many bytes together; nil: of any.
  public func hasSeen(
    _ feed: FeedName, names: [FileName], bytes: UInt64?, since: Timestamp
  ) throws(LedgerFault) -> Bool {
    var found = false
    try connection.rows(
      "SELECT 1 FROM drops WHERE feed = ? AND seen_at >= ? AND names = ? AND bytes = coalesce(?, bytes) LIMIT 1",
      [Value(feed), Value(since), .text(Self.names(names)), bytes.map { Value($0) } ?? .null]
    ) { _ in found = true }
    return found
  }

  /// - Parameters:
  ///   - content: one digest over the digests of the parts.
  ///   - shape: of the header and the delimiter.
  ///   - reason: the first of those that stand in `reasons.json`.
  public func noteOutcome(
    _ drop: DropID, _ outcome: DropOutcome, content: Digest?, shape: Digest? = nil, rows: Int?,
    reason: Reason.Code? = nil, at time: Timestamp
  ) throws(LedgerFault) {
    try connection.run(
      """
      UPDATE drops SET outcome = ?, content = coalesce(?, content), shape = coalesce(?, shape),
        rows = coalesce(?, rows), reason = ?, outcome_at = ? WHERE id = ?
      """,
      [
        .text(outcome.rawValue), Value(content), Value(shape), Value(rows), reason.map { .text($0.rawValue) } ?? .null,
        Value(time), Value(drop),
      ])
  }

  /// In the history of a drop that a person released, and with which later ones are compared all the same.
  public static let baselineEvent = "baseline"

  /// The feed (`?1`)'s last drop that was handed over and not released by a person, who lets exceptions pass.
  static let baselineQuery = """
    SELECT id FROM drops b WHERE b.feed = ?1 AND b.handed_over_at IS NOT NULL
      AND (NOT EXISTS (SELECT 1 FROM history h WHERE h.subject = b.id AND h.event = 'drop_released')
        OR EXISTS (SELECT 1 FROM history h WHERE h.subject = b.id AND h.event = '\(baselineEvent)'))
    ORDER BY b.handed_over_at DESC, b.id DESC LIMIT 1
    """

  /// What the drop was like with which the feed's next one is compared.
  public func baseline(of feed: FeedName) throws(LedgerFault) -> (shape: Digest?, rows: Int?)? {
    var found: (Digest?, Int?)?
    try connection.rows(
      "SELECT shape, rows FROM drops WHERE id = (\(Self.baselineQuery))", [Value(feed)]
    ) { found = ($0.optionalText(0).flatMap { Digest(hex: $0) }, $0.optionalInt(1)) }
    return found
  }

  public func noteHandedOver(_ drop: DropID, at time: Timestamp) throws(LedgerFault) {
    try transaction.totals.countEnd(.feed, drop.description, at: time)
    try connection.run(
      "UPDATE drops SET handed_over_at = ? WHERE id = ? AND handed_over_at IS NULL", [Value(time), Value(drop)])
  }

  /// Left to itself, SQLite takes the index by time, and passes over every drop that the feed has ever had.
  static let acceptedQuery = """
    SELECT id FROM drops INDEXED BY drops_content
    WHERE feed = ? AND content = ? AND id <> ? AND handed_over_at IS NOT NULL ORDER BY handed_over_at DESC LIMIT 1
    """

  /// An accepted drop of the feed with the same content, other than this one.
  public func accepted(_ feed: FeedName, content: Digest, except drop: DropID) throws(LedgerFault) -> DropID? {
    var found: DropID?
    try connection.rows(Self.acceptedQuery, [Value(feed), Value(content), Value(drop)]) { found = DropID($0.text(0)) }
    return found
  }

  public func knows(_ drop: DropID) throws(LedgerFault) -> Bool {
    var known = false
    try connection.rows("SELECT 1 FROM drops WHERE id = ?", [Value(drop)]) { _ in known = true }
    return known
  }

  public func find(_ id: DropID) throws(LedgerFault) -> DropRecord? { try dropRows("id = ?", [Value(id)]).first }

  /// In the order in which they were seen.
  /// - Parameters:
  ///   - since: seen at or after.
  ///   - limit: so many of the newest.
  public func list(since: Timestamp? = nil, limit: Int = .max) throws(LedgerFault) -> [DropRecord] {
    guard let since else {
      return try dropRows("id IN (SELECT id FROM drops ORDER BY id DESC LIMIT ?)", [Value(limit)])
    }
    // A drop's name begins with the second in which it was seen: names are in an order that needs no index of its own.
    return try dropRows(
      "id IN (SELECT id FROM drops WHERE id >= ? AND seen_at >= ? ORDER BY id DESC LIMIT ?)",
      [.text(since.compact), Value(since), Value(limit)])
  }

  public func count() throws(LedgerFault) -> Int {
    var count = 0
    try connection.rows("SELECT count(*) FROM drops") { count = $0.int(0) }
    return count
  }

  private func dropRows(_ condition: String, _ values: [Value]) throws(LedgerFault) -> [DropRecord] {
    var found: [DropRecord] = []
    try connection.rows(
      """
      SELECT id, feed, seen_at, names, bytes, rows, outcome, outcome_at, handed_over_at,
        coalesce(arrived_at, seen_at), reason FROM drops
      WHERE \(condition) ORDER BY seen_at, id
      """, values
    ) { row in
      guard let id = DropID(row.text(0)), let feed = FeedName(row.text(1)) else { return }
      found.append(
        DropRecord(
          id: id, feed: feed, seenAt: row.time(2), arrivedAt: row.time(9),
          names: row.text(3).split(separator: "\n").map(String.init),
          bytes: row.uint64(4), rows: row.optionalInt(5), outcome: row.optionalText(6).flatMap(DropOutcome.init),
          outcomeAt: row.optionalTime(7), reason: row.optionalText(10).flatMap(Reason.Code.init),
          handedOverAt: row.optionalTime(8)))
    }
    return found
  }

  public func totals(of feed: FeedName) throws(LedgerFault) -> FeedTotals {
    let ended = try transaction.totals.ended(.feed, feed.text)
    return FeedTotals(handedOver: ended.count, lastHandedOver: ended.last)
  }
}
