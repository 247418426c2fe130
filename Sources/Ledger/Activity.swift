public import Core

/// What happened lately, for people who look: of a ledger of years only the end is read.
extension BatchTable {
  /// Uncompressed bytes of the stream's batches by when they were confirmed, in `count` equal steps that end now.
  public func confirmedBytes(
    of stream: StreamName, in step: Duration, count: Int, until now: Timestamp
  ) throws(LedgerFault) -> [UInt64] {
    try connection.steps(
      "SELECT delivered_at, bytes FROM batches WHERE stream = ? AND delivered_at > ?", Value(stream), step, count, now)
  }
}

extension DropTable {
  /// Rows of the feed's drops by when they were handed over, in `count` equal steps that end now.
  public func handedOverRows(
    of feed: FeedName, in step: Duration, count: Int, until now: Timestamp
  ) throws(LedgerFault) -> [UInt64] {
    try connection.steps(
      "SELECT handed_over_at, coalesce(rows, 0) FROM drops WHERE feed = ? AND handed_over_at > ?", Value(feed), step,
      count, now)
  }
}

extension Connection {
  fileprivate func steps(
    _ sql: String, _ lane: Value, _ step: Duration, _ count: Int, _ now: Timestamp
  ) throws(LedgerFault) -> [UInt64] {
    let start = now - step * count
    var sums = [UInt64](repeating: 0, count: count)
    try rows(sql, [lane, Value(start)]) { row in
      // A clock that was set back since: counted as now.
      let index = min(count - 1, Int((row.time(0) - start).nanoseconds / step.nanoseconds))
      sums[index] += row.uint64(1)
    }
    return sums
  }
}

extension HistoryTable {
  /// The last lines of the whole history, newest first, each with the drop or batch that it is of.
  public func latest(_ limit: Int) throws(LedgerFault) -> [(subject: String, line: HistoryLine)] {
    var lines: [(String, HistoryLine)] = []
    try connection.rows(
      "SELECT subject, at, event, detail FROM history ORDER BY number DESC LIMIT ?", [Value(limit)]
    ) { lines.append(($0.text(0), HistoryLine(at: $0.time(1), event: $0.text(2), detail: $0.text(3)))) }
    return lines
  }
}
