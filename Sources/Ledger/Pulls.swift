public import Core

/// One version of an object that a feed has fetched, or decided not to.
public struct PulledRecord: Hashable, Sendable {
  /// | State | The object… |
  /// | --- | --- |
  /// | placing | lies in landing under its hidden name, whole and durable; one rename gives it its own |
  /// | landed | has its name in landing, or has gone on from there |
  /// | refused | cannot be a file's name: it is never fetched |
  /// | done | is not asked for any more: it was deleted, or another version has its key |
  public enum State: String, Hashable, Sendable, Codable { case placing, landed, refused, done }

  public var source: DropPart.Origin
  /// Below landing, its components escaped and joined by slashes.
  public var path: String
  public var state: State
  /// Of the file that was fetched.
  public var inode: UInt64?
  public var at: Timestamp
  /// When it was last seen in the store, to the day where the store tells tags.
  public var listedAt: Timestamp
  public var drop: DropID?

  public init(
    _ source: DropPart.Origin, path: String, state: State, inode: UInt64? = nil, at: Timestamp, listedAt: Timestamp,
    drop: DropID? = nil
  ) {
    (self.source, self.path, self.state, self.inode) = (source, path, state, inode)
    (self.at, self.listedAt, self.drop) = (at, listedAt, drop)
  }
}

/// How it stands between a feed and its store.
public struct PullStanding: Hashable, Sendable {
  public var listedAt: Timestamp?
  /// Objects to be fetched.
  public var waiting: Int
  public var fault: String?

  public init(listedAt: Timestamp?, waiting: Int, fault: String?) {
    (self.listedAt, self.waiting, self.fault) = (listedAt, waiting, fault)
  }
}

/// What was fetched from stores, and how it stands with them.
public struct PullTable: LedgerTable {
  public let transaction: Transaction
  public init(in transaction: Transaction) { self.transaction = transaction }
}

extension PullTable {
  // MARK: - What was fetched

  public func find(_ feed: FeedName, _ store: StoreName, key: String) throws(LedgerFault) -> PulledRecord? {
    try rows("feed = ? AND store = ? AND key = ?", [Value(feed), Value(store), .text(key)]).first
  }

  public func list(_ feed: FeedName, in state: PulledRecord.State) throws(LedgerFault) -> [PulledRecord] {
    // Few are being placed, and each pass asks for them.
    if state == .placing { return try rows("feed = ? AND state = 'placing'", [Value(feed)], index: "pulled_placing") }
    return try rows("feed = ? AND state = ?", [Value(feed), .text(state.rawValue)])
  }

  /// Where a file in landing came from; nil: from elsewhere.
  public func origin(_ feed: FeedName, path: String, inode: UInt64) throws(LedgerFault) -> DropPart.Origin? {
    try rows(
      "feed = ? AND inode = ? AND path = ? AND drop_id IS NULL",
      [Value(feed), .int(Int64(bitPattern: inode)), .text(path)]
    ).first?.source
  }

  /// Objects whose drops have come to their end, so that nothing more is needed of them.
  public func finished(_ feed: FeedName, limit: Int) throws(LedgerFault) -> [PulledRecord] {
    try rows(
      """
      feed = ? AND state = 'landed' AND drop_id IN (SELECT id FROM drops d WHERE d.id = drop_id
        AND (d.handed_over_at IS NOT NULL OR d.outcome IN ('duplicate', 'archived'))) LIMIT ?
      """, [Value(feed), Value(limit)], index: "pulled_landed")
  }

  /// Replaces what is known of an earlier version at the key.
  public func note(_ record: PulledRecord, _ feed: FeedName) throws(LedgerFault) {
    try connection.run(
      """
      INSERT OR REPLACE INTO pulled (feed, store, key, size, tag, modified, path, state, inode, at, listed_at, drop_id)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """,
      [
        Value(feed), Value(record.source.store), .text(record.source.key), .int(Int64(bitPattern: record.source.size)),
        Value(record.source.tag), Value(record.source.modified), .text(record.path), .text(record.state.rawValue),
        record.inode.map { .int(Int64(bitPattern: $0)) } ?? .null, Value(record.at), Value(record.listedAt),
        record.drop.map { Value($0) } ?? .null,
      ])
  }

  /// Of this version, if it is in that state; of another nothing is said.
  public func note(
    _ state: PulledRecord.State, of source: DropPart.Origin, _ feed: FeedName, from: PulledRecord.State
  ) throws(LedgerFault) {
    try connection.run(
      """
      UPDATE pulled SET state = ? WHERE feed = ? AND store = ? AND key = ? AND state = ?
        AND size = ? AND tag IS ? AND modified IS ?
      """,
      [
        .text(state.rawValue), Value(feed), Value(source.store), .text(source.key), .text(from.rawValue),
        Value(source.size), Value(source.tag), Value(source.modified),
      ])
  }

  public func noteListed(_ source: DropPart.Origin, _ feed: FeedName, at time: Timestamp) throws(LedgerFault) {
    try connection.run(
      "UPDATE pulled SET listed_at = ? WHERE feed = ? AND store = ? AND key = ?",
      [Value(time), Value(feed), Value(source.store), .text(source.key)])
  }

  /// The drop that its parts went into; also what a ledger that was made anew learns of them.
  func noteOrigins(_ plan: DropPlan) throws(LedgerFault) {
    for part in plan.parts {
      guard let source = part.origin else { continue }
      let known = try find(plan.feed, source.store, key: source.key)
      if let known, known.source != source || known.drop != nil {
        // Another version since, or said before; of two in old plans the later one counts.
        guard let drop = known.drop, drop < plan.id, known.source != source else { continue }
      }
      var record =
        known
        ?? PulledRecord(
          source, path: part.name.description, state: .landed, inode: part.inode, at: plan.seenAt, listedAt: plan.seenAt
        )
      (record.source, record.drop, record.state) = (source, plan.id, .landed)
      try note(record, plan.feed)
    }
  }

  /// What has not been in the store since that time.
  /// - Parameter nameless: the same for what nothing but its size is known of: it must not hide what comes under its name.
  public func forget(
    _ feed: FeedName, _ store: StoreName, listedBefore time: Timestamp, nameless: Timestamp
  ) throws(LedgerFault) {
    try connection.run(
      """
      DELETE FROM pulled WHERE feed = ? AND store = ? AND state <> 'placing'
        AND listed_at < CASE WHEN tag IS NULL AND modified IS NULL THEN ? ELSE ? END
      """,
      [Value(feed), Value(store), Value(nameless), Value(time)])
  }

  private func rows(
    _ condition: String, _ values: [Value], index: String? = nil
  ) throws(LedgerFault) -> [PulledRecord] {
    var found: [PulledRecord] = []
    try connection.rows(
      """
      SELECT store, key, size, tag, modified, path, state, inode, at, listed_at, drop_id
      FROM pulled \(index.map { "INDEXED BY \($0)" } ?? "") WHERE \(condition)
      """, values
    ) { row in
      guard let store = StoreName(row.text(0)), let state = PulledRecord.State(rawValue: row.text(6)) else { return }
      let source = DropPart.Origin(
        store: store, key: row.text(1), size: row.uint64(2), tag: row.optionalText(3), modified: row.optionalTime(4))
      found.append(
        PulledRecord(
          source, path: row.text(5), state: state, inode: row.isNull(7) ? nil : row.uint64(7), at: row.time(8),
          listedAt: row.time(9), drop: row.optionalText(10).flatMap { DropID($0) }))
    }
    return found
  }

  // MARK: - How it stands

  public func note(_ standing: PullStanding, _ feed: FeedName) throws(LedgerFault) {
    try connection.run(
      "INSERT OR REPLACE INTO pulls (feed, listed_at, waiting, fault) VALUES (?, ?, ?, ?)",
      [Value(feed), Value(standing.listedAt), Value(standing.waiting), Value(standing.fault)])
  }

  public func standing(_ feed: FeedName) throws(LedgerFault) -> PullStanding? {
    var found: PullStanding?
    try connection.rows("SELECT listed_at, waiting, fault FROM pulls WHERE feed = ?", [Value(feed)]) { row in
      found = PullStanding(listedAt: row.optionalTime(0), waiting: row.int(1), fault: row.optionalText(2))
    }
    return found
  }
}
