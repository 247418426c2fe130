public import Config
public import Core
public import Ledger

/// When a feed's drop is due and whether it is late, as seen from outside the agent: it writes nothing, and tells the same whether an
/// agent runs or not.
public struct DueSurvey: Hashable, Sendable {
  /// The next due time, or the one that is overdue.
  public let due: Timestamp
  public let isLate: Bool
  /// The last due time for which nothing came, until a drop comes.
  public let missed: Timestamp?
  /// For people.
  public let words: String

  /// Nil where nothing is expected.
  /// - Parameter isSure: false where something has come that no agent has looked at.
  public init?(_ settings: FeedSettings, ledger: Ledger?, at now: Timestamp, isSure: Bool) throws(LedgerFault) {
    guard let expect = settings.expect, let calendar = ArrivalCalendar(expect) else { return nil }
    let (name, rule) = (settings.name, Expecting.rule(expect))
    let known = try ledger?.read { (t) throws(LedgerFault) in try t.expectations.find(of: name) } ?? nil
    var expecting: Expecting
    if let known, known.rule == rule {
      expecting = Expecting(calendar, known)
    } else {
      expecting = Expecting(calendar, rule: rule, since: now)
    }
    if isSure { _ = expecting.look(at: now) }
    due = expecting.due
    isLate = expecting.isLate && expecting.due <= now
    missed = expecting.state.missed
    let overdue = isLate ? "late: a drop was due by " : "the next drop is due by "
    let before = missed.map { "; the one due by \(calendar.shown($0)) is missing" } ?? ""
    words = overdue + calendar.shown(due) + " (\(due.iso()))" + before
  }
}
