public import Core

/// What is known of a feed whose drops are due at certain times. One for each feed that has an `expect`.
public struct Expectation: Hashable, Sendable {
  /// The rule as it was then; another one begins anew.
  public let rule: String
  /// Since when it is in force.
  public let since: Timestamp
  /// Due times up to this one are met, or told as missing.
  public var settled: Timestamp
  /// The due time that was told as late.
  public var late: Timestamp?
  /// The last one that was told as missing, until a drop comes.
  public var missed: Timestamp?
  /// The last one of which was told that a drop too many has come.
  public var extra: Timestamp?

  public init(rule: String, since: Timestamp, settled: Timestamp) {
    (self.rule, self.since, self.settled) = (rule, since, settled)
  }
}

/// What is expected of feeds whose drops are due at certain times.
public struct ExpectationTable: LedgerTable {
  public let transaction: Transaction
  public init(in transaction: Transaction) { self.transaction = transaction }
}

extension ExpectationTable {
  public func find(of feed: FeedName) throws(LedgerFault) -> Expectation? {
    var found: Expectation?
    try connection.rows(
      "SELECT rule, since, settled, late, missed, extra FROM expectations WHERE feed = ?", [Value(feed)]
    ) { row in
      var one = Expectation(rule: row.text(0), since: row.time(1), settled: row.time(2))
      (one.late, one.missed, one.extra) = (row.optionalTime(3), row.optionalTime(4), row.optionalTime(5))
      found = one
    }
    return found
  }

  public func note(_ expectation: Expectation, of feed: FeedName) throws(LedgerFault) {
    try connection.run(
      """
      INSERT INTO expectations (feed, rule, since, settled, late, missed, extra) VALUES (?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (feed) DO UPDATE SET rule = excluded.rule, since = excluded.since, settled = excluded.settled,
        late = excluded.late, missed = excluded.missed, extra = excluded.extra
      """,
      [
        Value(feed), .text(expectation.rule), Value(expectation.since), Value(expectation.settled),
        Value(expectation.late), Value(expectation.missed), Value(expectation.extra),
      ])
  }

  /// Feeds of which something is expected, as far as the ledger knows.
  public func feeds() throws(LedgerFault) -> [FeedName] {
    var found: [FeedName] = []
    try connection.rows("SELECT feed FROM expectations ORDER BY feed") { row in
      if let feed = FeedName(row.text(0)) { found.append(feed) }
    }
    return found
  }

  /// Nothing is expected of the feed any more.
  public func forget(of feed: FeedName) throws(LedgerFault) {
    try connection.run("DELETE FROM expectations WHERE feed = ?", [Value(feed)])
  }

  /// When the first of the feed's drops came that came after that time and was not refused.
  public func firstArrival(_ feed: FeedName, after time: Timestamp) throws(LedgerFault) -> Timestamp? {
    var found: Timestamp?
    // What arrived after it was seen after it, too: that is what the index knows.
    try connection.rows(
      """
      SELECT min(coalesce(arrived_at, seen_at)) FROM drops
      WHERE feed = ? AND seen_at > ? AND coalesce(arrived_at, seen_at) > ? AND outcome IS NOT NULL
        AND (outcome <> 'quarantined' OR reason IN ('empty', 'header_only'))
      """, [Value(feed), Value(time), Value(time)]
    ) { found = $0.optionalTime(0) }
    return found
  }
}

extension DropRecord {
  /// Whether something has come that the feed's calendar counts: what was refused does not, but an empty drop is told as empty, and
  /// is not missing.
  public var counts: Bool {
    guard let outcome else { return false }
    return DropRecord.counts(outcome, reason)
  }

  public static func counts(_ outcome: DropOutcome, _ reason: Reason.Code?) -> Bool {
    // The rest of a drop that has counted.
    if outcome == .held, reason == .lateWrite { return false }
    return (outcome != .quarantined && outcome != .damaged) || reason == .empty || reason == .headerOnly
  }
}
