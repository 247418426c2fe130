import Config
import Core
import Files
import Journal
import Ledger

// What `expect` asks for: drops that are due at certain times.
//
// - What is told is recorded before, in the transaction that records the drop which it is about.
// - Nobody is told that something has not come before landing was looked at for as long as a file needs to settle.
extension FeedPass {
  /// Where the feed cannot be looked at (a landing folder that is not mounted yet), so long nothing is concluded from it.
  private static let benefit = Duration.seconds(60)
  /// Clocks that differ by more since the last pass: one was set, or the machine slept.
  private static let jump = Duration.seconds(60)

  /// After all that has come was taken and checked.
  mutating func remind() throws {
    guard var expecting = try expecting() else { return }
    let since = watchedSince()
    let isBlind = feed.pause != nil || fault != nil
    let hold = isBlind ? Self.benefit : summary.settling > 0 ? settings.settle : .zero
    guard now.uptime >= since + hold else { return summary.look(at: since + hold) }
    let before = expecting.state
    let news = expecting.look(at: now.wall - hold)
    if expecting.state != before { try note(expecting.state) }
    feed.expecting = expecting
    for one in news { tell(one, nil) }
    let wait = max(expecting.next - (now.wall - hold), .milliseconds(1))
    summary.look(at: now.uptime + wait)
  }

  /// Uptime since when what lies in landing is known without a gap.
  private mutating func watchedSince() -> Duration {
    let (last, now) = (feed.lastLook, now)
    let drift = last.map { (now.wall - $0.moment.wall) - (now.uptime - $0.moment.uptime) } ?? .zero
    let isGapless = drift < Self.jump && drift > .zero - Self.jump
    let since = isGapless ? last?.since ?? now.uptime : now.uptime
    feed.lastLook = FeedCommon.Look(moment: now, since: since)
    return since
  }

  /// Nil where nothing is expected.
  mutating func expecting() throws -> Expecting? {
    guard let expect = settings.expect else { return nil }
    if let known = feed.expecting { return known }
    guard let calendar = ArrivalCalendar(expect) else {
      throw FileFault(
        .missing, "Cannot tell when drops are due for feed", at: settings.name.text,
        why: "this machine knows no time zone \(expect.timezone)", remedy: "Install tzdata, or correct `timezone`")
    }
    let (name, rule, wall) = (settings.name, Expecting.rule(expect), now.wall)
    let known = try host.ledger.read { (t) throws(LedgerFault) in try t.expectation(of: name) }
    let expecting: Expecting
    if let known, known.rule == rule {
      expecting = Expecting(calendar, known)
    } else {
      expecting = try host.ledger.transact("expect") { (t) throws(LedgerFault) in
        var new = Expecting(calendar, rule: rule, since: wall)
        // It may have come already.
        if let arrived = try t.firstArrival(name, after: new.opening) { _ = new.take(arrived) }
        try t.note(new.state, of: name)
        return new
      }
    }
    feed.expecting = expecting
    return expecting
  }

  private func note(_ state: Expectation) throws(LedgerFault) {
    let name = settings.name
    try host.ledger.transact("expected") { (t) throws(LedgerFault) in try t.note(state, of: name) }
  }

  /// Inside the transaction that records what became of these drops.
  func take(
    _ plans: [DropPlan], _ expecting: inout Expecting?, _ t: Transaction
  ) throws(LedgerFault) -> [(Expecting.News, DropPlan)] {
    guard var one = expecting, !plans.isEmpty else { return [] }
    var all: [(Expecting.News, DropPlan)] = []
    for plan in plans.sorted(by: { ($0.arrivedAt, $0.id) < ($1.arrivedAt, $1.id) }) {
      for news in one.take(plan.arrivedAt) {
        all.append((news, plan))
        guard news.isOfDrop else { continue }
        try t.noteHistory(plan.id, news.kind.rawValue, sentence(news, one.calendar), at: now.wall)
      }
    }
    if one.state != expecting?.state { try t.note(one.state, of: settings.name) }
    expecting = one
    return all
  }

  func tell(_ news: Expecting.News, _ plan: DropPlan?) {
    guard let calendar = feed.expecting?.calendar else { return }
    let message = "Feed \(settings.name): \(sentence(news, calendar))"
    let reason = "due \(news.due.iso())"
    guard let plan, news.isOfDrop else { return report(news.kind, message, reason: reason) }
    var fields: [Event.Field: String] = [.reason: reason]
    if case .arrived(let due, let at) = news { fields[.durationMS] = String(max(0, (at - due).milliseconds)) }
    report(news.kind, message, plan, fields)
  }

  private func sentence(_ news: Expecting.News, _ calendar: ArrivalCalendar) -> String {
    let due = calendar.shown(news.due)
    return switch news {
    case .late: "no drop that passed has come by \(due), nor in the time of grace after it"
    case .missing: "the drop that was due by \(due) has not come, and is not waited for any more"
    case .arrived(_, let at): "the drop that was due by \(due) came at \(at.iso())"
    case .early(_, let at): "the drop that is due by \(due) came early, at \(at.iso())"
    case .extra(_, let at): "one drop was due by \(due), and another one came at \(at.iso())"
    }
  }
}

extension Expecting.News {
  var due: Timestamp {
    switch self {
    case .late(let due), .missing(let due), .arrived(let due, _), .early(let due, _), .extra(let due, _): due
    }
  }

  var kind: EventKind {
    switch self {
    case .late: .feedLate
    case .missing: .feedMissing
    case .arrived: .feedArrived
    case .early: .feedEarly
    case .extra: .feedExtra
    }
  }

  var isOfDrop: Bool {
    switch self {
    case .late, .missing: false
    case .arrived, .early, .extra: true
    }
  }
}
