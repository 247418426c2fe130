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

  public init() {}

  fileprivate mutating func add(_ row: Row) {
    number = max(number, row.int(9))
    if let feed = row.optionalText(1).flatMap({ FeedName($0) }) { feeds[feed, default: Lane()].add(row) }
    if let stream = row.optionalText(2).flatMap({ StreamName($0) }) { streams[stream, default: Lane()].add(row) }
  }
}

extension Tally.Lane {
  fileprivate mutating func add(_ row: Row) {
    let event = row.text(0)
    events[event, default: 0] += row.int(3)
    // A row is of a drop or of a batch: what belongs to the other is 0.
    if event == "drop_handed_over" || event == "batch_sealed" {
      rows += row.int(4) + row.int(6)
      bytes += row.uint64(5) + row.uint64(7)
      compressedBytes += row.uint64(8)
    }
    if event == "drop_handed_over" || event == "batch_confirmed" {
      lastSuccess = max(lastSuccess ?? row.time(10), row.time(10))
    }
  }
}

extension Transaction {
  /// With what the history holds beyond what was counted already: the first time all of it, then little.
  public func counted(since tally: Tally) throws(LedgerFault) -> Tally {
    var counted = tally
    try connection.rows(
      """
      SELECT h.event, d.feed, b.stream, count(*), coalesce(sum(d.rows), 0), coalesce(sum(d.bytes), 0),
        coalesce(sum(b.rows), 0), coalesce(sum(b.bytes), 0), coalesce(sum(b.compressed_bytes), 0),
        max(h.number), max(h.at)
      FROM history h LEFT JOIN drops d ON d.id = h.subject LEFT JOIN batches b ON b.id = h.subject
      WHERE h.number > ? GROUP BY h.event, d.feed, b.stream
      """, [Value(tally.number)]
    ) { counted.add($0) }
    return counted
  }
}
