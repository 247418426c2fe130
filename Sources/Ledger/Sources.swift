public import Core

/// One log file as the ledger knows it.
public struct SourceRecord: Hashable, Sendable {
  public let id: SourceID
  public let stream: StreamName
  public var path: String
  public var identity: SourceIdentity
  public var seenAt: Timestamp
  /// All bytes before it are in sealed batches (or are a header).
  public var cursor: UInt64
  public var cursorAt: Timestamp?
  /// Digest of the last `Limits.headBytes` (or all, if fewer) before the cursor; nil where it is not known.
  public var tail: Digest?
  /// When it was last noted.
  public var size: UInt64
  /// Of the log that this one was truncated from, kept where
  /// it is known: a writer that knows nothing of it writes no header again.
  public var header: [UInt8]?
  /// The first source with this content, where this one is a copy of it; else nil.
  public var origin: SourceID?

  public init(
    id: SourceID, stream: StreamName, path: String, identity: SourceIdentity, seenAt: Timestamp, cursor: UInt64 = 0,
    cursorAt: Timestamp? = nil, tail: Digest? = nil, size: UInt64 = 0
  ) {
    self.id = id
    self.stream = stream
    self.path = path
    self.identity = identity
    self.seenAt = seenAt
    self.cursor = cursor
    self.cursorAt = cursorAt
    self.tail = tail
    self.size = size
  }
}

/// Sources: which logs are known, and how far each has been read.
public struct SourceTable: LedgerTable {
  public let transaction: Transaction
  public init(in transaction: Transaction) { self.transaction = transaction }
}

extension SourceTable {
  /// Sources of the stream that are not known to be gone, in the order they were seen.
  public func list(of stream: StreamName) throws(LedgerFault) -> [SourceRecord] {
    // Left to itself, SQLite takes the index by inode, and passes over every source that the stream has ever had.
    try list(of: stream, "gone_at IS NULL", [], index: "INDEXED BY sources_present")
  }

  /// Sources of the stream that have or had this inode, gone ones too.
  public func list(of stream: StreamName, inode: UInt64) throws(LedgerFault) -> [SourceRecord] {
    try list(of: stream, "inode = ?", [Value(inode)])
  }

  /// Sources of the stream whose head is at most so long, gone ones too.
  public func list(of stream: StreamName, headAtMost bytes: Int) throws(LedgerFault) -> [SourceRecord] {
    try list(of: stream, "head_bytes <= ?", [Value(bytes)])
  }

  /// Which of these streams has the same file among its sources that are not gone; nil: none.
  /// - Parameter aside: the end of the names under which logs are set aside and deleted: what was one of them, and is there still by a second
  ///   name, is that stream's as well.
  public func owner(
    of identity: SourceIdentity, among streams: [StreamName], aside: String
  ) throws(LedgerFault) -> StreamName? {
    for stream in streams {
      var isKnown = false
      try connection.rows(
        """
        SELECT 1 FROM sources INDEXED BY sources_inode
        WHERE stream = ?1 AND inode = ?2 AND device = ?3 AND birth IS ?4
          AND (gone_at IS NULL OR birth IS NOT NULL AND substr(path, -length(?5)) = ?5) LIMIT 1
        """, [Value(stream), Value(identity.inode), Value(identity.device), Value(identity.birth), .text(aside)]
      ) { _ in isKnown = true }
      if isKnown { return stream }
    }
    return nil
  }

  public func knows(_ source: SourceID) throws(LedgerFault) -> Bool {
    var known = false
    try connection.rows("SELECT 1 FROM sources WHERE id = ?", [Value(source)]) { _ in known = true }
    return known
  }

  private func list(
    of stream: StreamName, _ condition: String, _ values: [Value], index: String = ""
  ) throws(LedgerFault) -> [SourceRecord] {
    var found: [SourceRecord] = []
    try connection.rows(
      """
      SELECT id, path, device, inode, birth, head_bytes, head, seen_at, cursor, cursor_at, tail, size,
        header, origin FROM sources \(index)
      WHERE stream = ? AND \(condition) ORDER BY seen_at, id
      """, [Value(stream)] + values
    ) { row in
      guard let id = SourceID(row.text(0)), let head = Digest(hex: row.text(6)) else { return }
      let identity = SourceIdentity(
        device: row.uint64(2), inode: row.uint64(3), birth: row.isNull(4) ? nil : row.int64(4),
        headBytes: min(max(row.int(5), 0), Limits.headBytes),
        head: head)
      var record = SourceRecord(
        id: id, stream: stream, path: row.text(1), identity: identity, seenAt: row.time(7), cursor: row.uint64(8),
        cursorAt: row.optionalTime(9), tail: row.optionalText(10).flatMap { Digest(hex: $0) }, size: row.uint64(11))
      record.header = row.optionalText(12).flatMap { Hex.decode($0) }
      record.origin = row.optionalText(13).flatMap { SourceID($0) }
      found.append(record)
    }
    return found
  }

  /// Remembers a source, or what is newly known of it: where it is, a longer head. The cursor only moves forward.
  public func note(_ source: SourceRecord) throws(LedgerFault) {
    let i = source.identity
    try connection.run(
      """
      INSERT INTO sources (id, stream, path, device, inode, birth, head_bytes, head, seen_at, cursor, cursor_at, tail,
        size, header, origin)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET path = excluded.path, device = excluded.device, head_bytes = excluded.head_bytes,
        head = excluded.head, gone_at = NULL, size = excluded.size,
        header = coalesce(excluded.header, header), origin = coalesce(excluded.origin, origin),
        cursor_at = CASE WHEN excluded.cursor > cursor THEN excluded.cursor_at ELSE cursor_at END,
        tail = CASE WHEN excluded.cursor > cursor THEN excluded.tail ELSE tail END,
        cursor = max(cursor, excluded.cursor)
      """,
      [
        Value(source.id), Value(source.stream), .text(source.path), Value(i.device), Value(i.inode), Value(i.birth),
        Value(i.headBytes), Value(i.head), Value(source.seenAt), Value(source.cursor), Value(source.cursorAt),
        source.tail.map { Value($0) } ?? .null, Value(source.size),
        source.header.map { .text(Hex.encode($0)) } ?? .null,
        source.origin.map { Value($0) } ?? .null,
      ])
  }

  /// How far a sealed batch has read of it, forward only. What else is known of the source stays as it is: a plan knows less, and knew it
  /// earlier. One that is not known becomes so.
  public func noteRead(_ source: SourceRecord) throws(LedgerFault) {
    if try !knows(source.id) { return try note(source) }
    try connection.run(
      """
      UPDATE sources SET cursor = ?2, cursor_at = ?3, tail = ?4 WHERE id = ?1 AND cursor < ?2
      """,
      [
        Value(source.id), Value(source.cursor), Value(source.cursorAt), source.tail.map { Value($0) } ?? .null,
      ])
  }

  /// The file is gone for good: whatever gets its inode next is another source.
  public func noteGone(_ source: SourceID, at time: Timestamp) throws(LedgerFault) {
    try connection.run("UPDATE sources SET gone_at = ? WHERE id = ? AND gone_at IS NULL", [Value(time), Value(source)])
  }

  /// Whether the source, or a copy of what it held, is known and not gone.
  public func isPresent(_ source: SourceID) throws(LedgerFault) -> Bool {
    var present = false
    try connection.rows(
      """
      SELECT 1 FROM sources a JOIN sources b ON b.id = coalesce(a.origin, a.id)
      WHERE a.id = ?1 AND b.origin IS NULL AND b.gone_at IS NULL
      UNION ALL SELECT 1 FROM sources a JOIN sources b ON b.origin = coalesce(a.origin, a.id)
      WHERE a.id = ?1 AND b.gone_at IS NULL
      """, [Value(source)]
    ) { _ in present = true }
    return present
  }

  /// How many batches hold records of it.
  public func batches(of source: SourceID) throws(LedgerFault) -> Int {
    var count = 0
    try connection.rows("SELECT count(DISTINCT batch) FROM segments WHERE source = ?", [Value(source)]) {
      count = $0.int(0)
    }
    return count
  }

  /// Batches with records of the source that are neither delivered nor purged.
  public func undelivered(of source: SourceID) throws(LedgerFault) -> Int {
    var count = 0
    try connection.rows(
      """
      SELECT count(DISTINCT b.id) FROM segments s JOIN batches b ON b.id = s.batch
      WHERE s.source = ? AND b.delivered_at IS NULL AND b.purged_at IS NULL
      """, [Value(source)]
    ) { count = $0.int(0) }
    return count
  }
}
