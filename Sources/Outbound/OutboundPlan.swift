import Config
import Core

/// What the planner knows of one log.
struct LogView: Hashable, Sendable {
  let source: SourceID
  let role: Role
  /// Bytes behind the cursor that are not a header.
  let unread: UInt64
  /// Complete records among them, counted only where the stream has a `max_rows`.
  let rows: Int
  /// Since when the oldest unread byte has been waiting.
  let since: Timestamp

  enum Role: Hashable, Sendable { case live, aside }
}

struct StreamView: Hashable, Sendable {
  let logs: [LogView]
  /// An operator, or the end of `run --once`, wants everything sealed now.
  let flush: Bool
  /// No store of the stream takes anything now, and a batch waits that will find out when one does.
  var isAway = false
}

/// What to do with one stream now.
struct StreamPlan: Hashable, Sendable {
  enum Seal: Hashable, Sendable {
    case nothing
    /// Only batches that are full.
    case full
    /// All complete records.
    case everything
  }

  var rotate: [SourceID] = []
  var seal = Seal.nothing
  /// When the oldest unread record will be due by age.
  var due: Timestamp?
}

/// Pure: the same view and settings give the same plan, and a plan that was carried out leaves nothing to plan.
/// - Parameter zone: of the schedule.
func plan(
  _ view: StreamView, _ settings: StreamSettings, zone: ClockZone = .utc, at now: Timestamp
) -> StreamPlan {
  var plan = StreamPlan()
  let unread = view.logs.filter { $0.unread > 0 }
  guard let oldest = unread.map(\.since).min() else { return plan }
  let bytes = unread.reduce(0 as UInt64) { $0 + $1.unread }
  let rows = unread.reduce(0) { $0 + $1.rows }

  let isFull = bytes >= settings.batch.maxBytes || (settings.batch.maxRows > 0 && rows >= settings.batch.maxRows)
  // A wall clock that was set back must not keep records waiting: a `since` in the future counts as now.
  let times = settings.schedule.map { (hour: $0.hour, minute: $0.minute) }
  let due = zone.next(times, after: min(oldest, now)) ?? min(oldest, now) + settings.batch.maxAge
  if view.flush || now >= due && !view.isAway {
    plan.seal = .everything
  } else if isFull {
    plan.seal = .full
  } else {
    // What waits for a store has no time of its own: the lane is woken when it answers.
    plan.due = view.isAway && now >= due ? nil : due
    return plan
  }
  if settings.rotation == .rename {
    plan.rotate = unread.filter { $0.role == .live }.map(\.source)
  }
  return plan
}
