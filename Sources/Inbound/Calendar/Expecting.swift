import Config
import Core
import Ledger

/// Whether the drops of a feed come when they should: each due time is met by one drop, or is told as late and at last as missing.
///
/// - A due time is settled once: met, or missing. What is settled is never told again, whatever the clock does.
/// - A drop counts for the first due time that is not settled, if it is not too early for it; else it is one too many.
/// - What was due before the rule was in force is nobody's business.
///
/// A value without a disk or a clock: arrivals and looks go in, news come out. Its state is one line of the ledger.
struct Expecting: Hashable, Sendable {
  enum News: Hashable, Sendable {
    /// Its grace is over.
    case late(Timestamp)
    /// The time in which its drop could still have come is over too.
    case missing(Timestamp)
    /// After its grace, or after it was told as late.
    case arrived(Timestamp, at: Timestamp)
    case early(Timestamp, at: Timestamp)
    /// The second drop for one due time. Of a third nothing is said.
    case extra(Timestamp, at: Timestamp)
  }

  let calendar: ArrivalCalendar
  private(set) var state: Expectation
  /// The first due time that is not settled.
  private(set) var due: Timestamp

  /// A rule that is new, or of which nothing is known.
  init(_ calendar: ArrivalCalendar, rule: String, since now: Timestamp) {
    self.init(calendar, Expectation(rule: rule, since: now, settled: now))
  }

  init(_ calendar: ArrivalCalendar, _ state: Expectation) {
    (self.calendar, self.state) = (calendar, state)
    due = calendar.due(after: state.settled)
  }

  /// What the rule is called: another rule is another text.
  static func rule(_ expect: FeedSettings.Expect) -> String {
    let days = FeedSettings.Expect.Day.allCases.filter(expect.days.contains).map(\.rawValue).joined(separator: ",")
    let times = expect.by.map(\.description).joined(separator: ",")
    return "\(times) \(days) \(expect.timezone) \(expect.grace.milliseconds)"
  }

  var isLate: Bool { state.late == due }

  /// From then on, a drop counts for the due time that is not settled yet.
  var opening: Timestamp { calendar.opening(of: due) }

  /// When a look is next worth while.
  var next: Timestamp { isLate ? end : min(end, calendar.deadline(of: due)) }

  /// A drop has come that is not refused.
  mutating func take(_ arrived: Timestamp) -> [News] {
    var news: [News] = []
    forget(before: arrived - Limits.dueLookBack)
    while arrived > end { news.append(miss()) }
    guard arrived > calendar.opening(of: due) else {
      // Of the due time before: it has had its drop, or nobody waits for it.
      let last = state.settled
      guard last > state.since, state.extra != last else { return news }
      state.extra = last
      return news + [.extra(last, at: arrived)]
    }
    let met = due
    if arrived > calendar.deadline(of: met) || isLate {
      news.append(.arrived(met, at: arrived))
    } else if arrived < met - Limits.dueEarly {
      news.append(.early(met, at: arrived))
    }
    settle(met)
    (state.late, state.missed) = (nil, nil)
    return news
  }

  /// - Parameter now: whatever came before that was taken.
  mutating func look(at now: Timestamp) -> [News] {
    var news: [News] = []
    heed(now)
    forget(before: now - Limits.dueLookBack)
    while now >= end { news.append(miss()) }
    if now >= calendar.deadline(of: due), !isLate {
      state.late = due
      news.append(.late(due))
    }
    return news
  }

  /// Up to then, its drop could still come.
  private var end: Timestamp { calendar.handOver(to: calendar.due(after: due)) }

  private mutating func miss() -> News {
    let missed = due
    settle(missed)
    // What comes for it now is none too many.
    (state.late, state.missed, state.extra) = (nil, missed, missed)
    return .missing(missed)
  }

  private mutating func settle(_ time: Timestamp) {
    state.settled = time
    due = calendar.due(after: time)
  }

  private mutating func forget(before time: Timestamp) { if state.settled < time { settle(time) } }

  /// The clock may have been set back since it was last asked.
  private mutating func heed(_ now: Timestamp) {
    if state.settled > now + Limits.dueLookAhead || state.since > now + Limits.dueLookAhead {
      state = Expectation(rule: state.rule, since: now, settled: now)
      settle(now)
    }
    if let late = state.late, calendar.deadline(of: late) > now + Limits.dueSlack { state.late = nil }
  }
}
