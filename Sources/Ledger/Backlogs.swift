public import Core

/// Deliveries that could begin, and since when a store has confirmed none although there were some.
public struct StoreBacklog: Hashable, Sendable {
  /// Deliveries that are due now: under way, or waiting for a turn.
  public var due: Int
  /// The later of two times: when the oldest of them became due, and when the store last confirmed anything.
  public var nothingConfirmedSince: Timestamp
}

extension DeliveryTable {
  /// Of the stores for which something of these streams is due.
  public func backlogs(of streams: [StreamName], at now: Timestamp) throws(LedgerFault) -> [StoreName: StoreBacklog] {
    var backlogs: [StoreName: StoreBacklog] = [:]
    for stream in streams {
      try connection.rows(
        """
        SELECT d.store, count(*), min(d.next_at) FROM batches b JOIN deliveries d ON d.batch = b.id
        WHERE b.stream = ? AND \(Self.isWaiting) AND \(Self.isDue) GROUP BY d.store
        """, [Value(stream), Value(now), Value(now)]
      ) { row in
        guard let store = StoreName(row.text(0)) else { return }
        let mine = StoreBacklog(due: row.int(1), nothingConfirmedSince: min(row.time(2), now))
        guard let others = backlogs[store] else { return backlogs[store] = mine }
        backlogs[store] = StoreBacklog(
          due: others.due + mine.due,
          nothingConfirmedSince: min(others.nothingConfirmedSince, mine.nothingConfirmedSince))
      }
    }
    for (store, backlog) in backlogs {
      try connection.rows(
        "SELECT max(confirmed_at) FROM deliveries WHERE store = ? AND confirmed_at IS NOT NULL", [Value(store)]
      ) { row in
        guard let last = row.optionalTime(0) else { return }
        backlogs[store]?.nothingConfirmedSince = min(max(backlog.nothingConfirmedSince, last), now)
      }
    }
    return backlogs
  }
}
