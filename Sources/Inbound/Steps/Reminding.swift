import Config
import Core
import Files
import Journal
import Ledger

/// What `expect` asks for: drops that are due at certain times.
///
/// - What is told is recorded before, in the transaction that records the drop which it is about.
/// - Nobody is told that something has not come before landing was looked at for as long as a file needs to settle.
struct Reminding {
  /// As in the ledger, where it is read when it is first asked for.
  private var kept: Expecting?
  private var lastLook: Look?

  /// The rule is another one.
  mutating func forget() { kept = nil }

  /// What comes from now on is not seen at once.
  mutating func lookAway() { lastLook = nil }

  /// After all that has come was taken and checked.
  mutating func run(in pass: inout FeedPass) throws {
    guard var expecting = try known(in: &pass) else { return }
    let look = Look(pass.now, after: lastLook)
    lastLook = look
    let since = look.since
    let isBlind = pass.feed.pause != nil || pass.fault != nil
    let hold = isBlind ? Limits.blindness : pass.summary.settling > 0 ? pass.settings.settle.answered : .zero
    guard pass.now.uptime >= since + hold else { return pass.summary.look(at: since + hold) }
    let before = expecting.state
    let news = expecting.look(at: pass.now.wall - hold)
    if expecting.state != before { try note(expecting.state, in: pass) }
    kept = expecting
    for one in news { tell(one, nil, in: pass) }
    let wait = max(expecting.next - (pass.now.wall - hold), .milliseconds(1))
    pass.summary.look(at: pass.now.uptime + wait)
  }

  /// Nil where nothing is expected.
  mutating func known(in pass: inout FeedPass) throws -> Expecting? {
    guard let expect = pass.settings.expect else { return nil }
    if let kept { return kept }
    guard let calendar = ArrivalCalendar(expect) else {
      throw FileFault(
        .missing, "Cannot tell when drops are due for feed", at: pass.settings.name.text,
        why: "this machine knows no time zone \(expect.timezone)", remedy: "Install tzdata, or correct `timezone`")
    }
    let (name, rule, wall) = (pass.settings.name, Expecting.rule(expect), pass.now.wall)
    let known = try pass.host.ledger.read { (t) throws(LedgerFault) in try t.expectations.find(of: name) }
    let expecting: Expecting
    if let known, known.rule == rule {
      expecting = Expecting(calendar, known)
    } else {
      expecting = try pass.host.ledger.transact("expect") { (t) throws(LedgerFault) in
        var new = Expecting(calendar, rule: rule, since: wall)
        // It may have come already.
        if let arrived = try t.expectations.firstArrival(name, after: new.opening) { _ = new.take(arrived) }
        try t.expectations.note(new.state, of: name)
        return new
      }
    }
    kept = expecting
    return expecting
  }

  private func note(_ state: Expectation, in pass: FeedPass) throws(LedgerFault) {
    let name = pass.settings.name
    try pass.host.ledger.transact("expected") { (t) throws(LedgerFault) in try t.expectations.note(state, of: name) }
  }

  /// Inside the transaction that records what became of these drops.
  func take(
    _ plans: [DropPlan], _ expecting: inout Expecting?, _ t: Transaction, in pass: FeedPass
  ) throws(LedgerFault) -> [(Expecting.News, DropPlan)] {
    guard var one = expecting, !plans.isEmpty else { return [] }
    var all: [(Expecting.News, DropPlan)] = []
    for plan in plans.sorted(by: { ($0.arrivedAt, $0.id) < ($1.arrivedAt, $1.id) }) {
      for news in one.take(plan.arrivedAt) {
        all.append((news, plan))
        guard news.isOfDrop else { continue }
        try t.history.note(plan.id, news.kind.rawValue, news.sentence(one.calendar), at: pass.now.wall)
      }
    }
    if one.state != expecting?.state { try t.expectations.note(one.state, of: pass.settings.name) }
    expecting = one
    return all
  }

  /// Once it is recorded.
  mutating func keep(_ expecting: Expecting?) { kept = expecting }

  func tell(_ news: Expecting.News, _ plan: DropPlan?, in pass: FeedPass) {
    guard let calendar = kept?.calendar else { return }
    let message = "Feed \(pass.settings.name): \(news.sentence(calendar))"
    let reason = "due \(news.due.iso())"
    guard let plan, news.isOfDrop else { return pass.report(news.kind, message, reason: reason) }
    var fields: [Event.Field: String] = [.reason: reason]
    if case .arrived(let due, let at) = news { fields[.durationMS] = String(max(0, (at - due).milliseconds)) }
    pass.report(news.kind, message, plan, fields)
  }
}

/// A pass that looked, and the uptime since when what lies in landing is known without a gap.
struct Look {
  let moment: Moment
  let since: Duration

  init(_ now: Moment, after last: Look?) {
    let drift = last.map { (now.wall - $0.moment.wall) - (now.uptime - $0.moment.uptime) } ?? .zero
    let isGapless = drift < Limits.clockJump && drift > .zero - Limits.clockJump
    (moment, since) = (now, isGapless ? last?.since ?? now.uptime : now.uptime)
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

  /// For people.
  func sentence(_ calendar: ArrivalCalendar) -> String {
    let due = calendar.shown(due)
    return switch self {
    case .late: "no drop that passed has come by \(due), nor in the time of grace after it"
    case .missing: "the drop that was due by \(due) has not come, and is not waited for any more"
    case .arrived(_, let at): "the drop that was due by \(due) came at \(at.iso())"
    case .early(_, let at): "the drop that is due by \(due) came early, at \(at.iso())"
    case .extra(_, let at): "one drop was due by \(due), and another one came at \(at.iso())"
    }
  }
}
