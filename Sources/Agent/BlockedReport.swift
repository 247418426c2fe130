import Core
import Lanes
import Spool

extension StatusReport {
  /// What of a lane waits for a reason of its own, and what keeps the whole lane from going on. As its agent told it last; nothing where
  /// none runs.
  public struct Blocked: Sendable, Encodable {
    public struct Item: Sendable, Encodable {
      public let name: String
      public let reason: String
      public let since: String
    }

    public struct Reason: Sendable, Encodable {
      public let reason: String
      public let since: String
    }

    public let items: Int
    /// The one that waits for longest; null where none does.
    @OrNull public internal(set) var oldest: Item?
    public let reasons: [Reason]
    /// For how long the oldest item, or the lane itself, has been waiting.
    public let seconds: Int64

    enum CodingKeys: CodingKey { case items, oldest, reasons, seconds }

    init(_ report: LaneReport? = nil, at now: Timestamp = Timestamp(nanoseconds: 0)) {
      items = report?.count ?? 0
      oldest = report?.items.first.map { Item(name: $0.name, reason: $0.reason, since: $0.since.iso()) }
      reasons = (report?.reasons ?? []).map { Reason(reason: $0.reason, since: $0.since.iso()) }
      let since = [report?.items.first?.since, report?.reasons.first?.since].compactMap(\.self).min()
      seconds = since.map { max(0, now.seconds -| $0.seconds) } ?? 0
    }

    /// For people.
    public func words(of lane: String) -> [String] {
      var lines = reasons.map { "\(lane): stands since \($0.since): \($0.reason)" }
      if let oldest {
        let more = items > 1 ? "\(counted(items, "item")) wait; the oldest, \(oldest.name)," : "\(oldest.name) waits"
        lines.append("\(lane): \(more) since \(oldest.since): \(oldest.reason)")
      }
      return lines
    }
  }
}
