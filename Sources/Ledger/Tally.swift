public import Core

/// What happened since the ledger was made, counted from the history, which only grows: so these figures only grow too, and a
/// restart does not change them.
public struct Tally: Hashable, Sendable {
  public struct Lane: Hashable, Sendable {
    /// How often each event is in the history.
    public internal(set) var events: [String: Int] = [:]
    /// Of a feed: what was handed over. Of a stream: what was sealed.
    public internal(set) var rows = 0
    public internal(set) var bytes: UInt64 = 0
    public internal(set) var compressedBytes: UInt64 = 0
    /// When a drop was last handed over, a batch last confirmed.
    public internal(set) var lastSuccess: Timestamp?
    public init() {}
  }

  public private(set) var feeds: [FeedName: Lane] = [:]
  public private(set) var streams: [StreamName: Lane] = [:]
  /// The last line of the history that is counted.
  fileprivate var number = 0
  /// Whether all of the history is counted.
  public fileprivate(set) var isThrough = false

  public init() {}

  fileprivate mutating func add(_ row: Row) {
    if let feed = row.optionalText(1).flatMap({ FeedName($0) }) { feeds[feed, default: Lane()].add(row) }
    if let stream = row.optionalText(2).flatMap({ StreamName($0) }) { streams[stream, default: Lane()].add(row) }
  }
}

extension Tally.Lane {
  fileprivate mutating func add(_ row: Row) {
    let event = row.text(0)
    events[event, default: 0] +|= row.int(3)
    // A row is of a drop or of a batch: what belongs to the other is 0.
    if event == "drop_handed_over" || event == "batch_sealed" {
      rows +|= row.int(4) +| row.int(6)
      bytes +|= row.uint64(5) +| row.uint64(7)
      compressedBytes +|= row.uint64(8)
    }
    if event == "drop_handed_over" || event == "batch_confirmed" {
      lastSuccess = max(lastSuccess ?? row.time(9), row.time(9))
    }
  }
}

extension Transaction {
  /// With what the history holds beyond what was counted already, one slice of it: a ledger of years is read for seconds the first
  /// time, and must be free to tidy up behind itself meanwhile.
  public func counted(since tally: Tally, most: Int = 50_000) throws(LedgerFault) -> Tally {
    var (counted, last) = (tally, 0)
    try connection.rows("SELECT coalesce(max(number), 0) FROM history") { last = $0.int(0) }
    counted.number = min(last, tally.number + most)
    counted.isThrough = counted.number == last
    try connection.rows(
      """
      SELECT h.event, d.feed, b.stream, count(*), \(Self.sum("d.rows")), \(Self.sum("d.bytes")),
        \(Self.sum("b.rows")), \(Self.sum("b.bytes")), \(Self.sum("b.compressed_bytes")),
        max(h.at)
      FROM history h LEFT JOIN drops d ON d.id = h.subject LEFT JOIN batches b ON b.id = h.subject
      WHERE h.number > ? AND h.number <= ? GROUP BY h.event, d.feed, b.stream
      """, [Value(tally.number), Value(counted.number)]
    ) { counted.add($0) }
    return counted
  }
}
