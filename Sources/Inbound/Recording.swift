import Core
import Files
import Formats
import Journal
import Ledger
import Spool
import SystemPackage

// The end of step 2: what the checks have said becomes durable, is recorded, and is carried out.
extension FeedPass {
  /// What was found goes into the drop, then into the ledger.
  mutating func record(_ judged: [Judged]) throws {
    let changed = judged.filter { !$0.isRecorded || $0.verdict != .accepted || $0.isStaged }
    guard !changed.isEmpty else { return }
    var written: [(bytes: [UInt8], path: FilePath)] = []
    for one in changed {
      let id = one.plan.id
      written.append((encodePlan(one.isStaged ? one.plan : one.plan.unstaged), planPath(.claimed, id)))
      if one.verdict.outcome == .held || one.verdict.outcome == .quarantined {
        written.append((encodePlan(one.verdict.reasons), reasonsPath(.claimed, id)))
      } else if one.wasChecked, one.override == nil {
        // It passes now: what was found before is no longer so.
        try removeIfThere(reasonsPath(.claimed, id))
      }
    }
    let staged = judged.filter(\.isStaged).flatMap { one in one.plan.dataIndices.map { stagedPath(one.plan, $0) } }
    try files.write(written, with: staged.isEmpty ? [] : staged + [handover])
    try sync(changed.map { spool.path(.claimed, $0.plan.id) })
    let new = changed.filter { !$0.isRecorded || $0.verdict != .accepted }
    if new.isEmpty { return }
    let now = now.wall
    let known = try expecting()
    let (news, expecting) = try host.ledger.transact("verdicts") { (t) throws(LedgerFault) in
      var expecting = known
      var counted: [DropPlan] = []
      for one in new {
        let (id, outcome, reason) = (one.plan.id, one.verdict.outcome, one.verdict.reasons.first?.code)
        let before = try t.drop(id)
        try t.noteOutcome(
          id, outcome, content: contentDigest(one.plan), shape: one.plan.shape, rows: one.plan.rows, reason: reason,
          at: now)
        // Said twice where a stop came between this and the move.
        if before?.outcome != outcome { try t.noteHistory(id, one.verdict.eventName, one.verdict.summary, at: now) }
        if before?.counts != true, DropRecord.counts(outcome, reason), one.verdict != .confirmed {
          counted.append(one.plan)
        }
      }
      return (try take(counted, &expecting, t), expecting)
    }
    feed.expecting = expecting
    for (one, plan) in news { tell(one, plan) }
    if let one = new.first(where: { $0.lacksMembershipStatus && $0.verdict == .accepted }) {
      try warnOfLeavers(one.plan)
    }
  }

  /// The names of the columns are never told. A custom one may mean the status, too: then nothing is said.
  static func lacksMembershipStatus(_ finding: PartFinding) -> Bool {
    guard DropName(finding.part.name).segment != nil, let header = finding.inspection.header else { return false }
    return !header.contains { $0.lowercased().contains("status") }
  }

  /// Once for each feed.
  private mutating func warnOfLeavers(_ plan: DropPlan) throws(LedgerFault) {
    guard !feed.knowsLeavers else { return }
    let (subject, event, now) = ("feed \(settings.name)", EventKind.leaversAbsent.rawValue, now.wall)
    let isNew = try host.ledger.transact("leavers") { (t) throws(LedgerFault) in
      if try t.history(of: subject).contains(where: { $0.event == event }) { return false }
      try t.noteHistory(subject, event, "First seen in drop \(plan.id)", at: now)
      return true
    }
    feed.knowsLeavers = true
    guard isNew else { return }
    let why = "it has no column for the status of its members"
    report(.leaversAbsent, "\(plan.shown) of feed \(settings.name): \(why)", plan, [.reason: why])
  }

  mutating func carryOut(_ judged: [Judged]) throws(FileFault) {
    for place in [DropPlace.archive, .held, .quarantine] {
      try spool.move(judged.filter { $0.verdict.place == place }.map(\.plan.id), from: .claimed, to: place)
    }
    for one in judged { announce(one.plan, one.verdict, one.emptiness) }
  }

  private mutating func announce(_ plan: DropPlan, _ verdict: Verdict, _ emptiness: Reason.Code? = nil) {
    let message = "\(plan.shown) of feed \(settings.name): \(verdict.summary)"
    if let emptiness {
      let what = emptiness == .empty ? "zero bytes" : "a header and no row"
      let text = "\(plan.shown) of feed \(settings.name) has \(what): \(verdict.fate)"
      report(.feedEmpty, text, plan, [.reason: emptiness.rawValue])
    }
    switch verdict {
    case .accepted, .confirmed: return
    case .archived: summary.archived += 1
    case .duplicate:
      summary.duplicates += 1
      report(.dropDuplicate, message, plan, [.reason: verdict.code])
    case .held:
      summary.held += 1
      report(.dropHeld, message, plan, [.reason: verdict.code])
    case .quarantined:
      summary.quarantined += 1
      report(.dropQuarantined, message, plan, [.reason: verdict.code])
    }
  }
}

extension Verdict {
  var eventName: String {
    switch self {
    case .accepted, .confirmed: "checked"
    case .archived: EventKind.feedEmpty.rawValue
    case .duplicate: EventKind.dropDuplicate.rawValue
    case .held: EventKind.dropHeld.rawValue
    case .quarantined: EventKind.dropQuarantined.rawValue
    }
  }

  /// Where it goes, for people.
  var fate: String {
    switch self {
    case .accepted: "handed over, as the feed's rule says"
    case .archived, .confirmed: "archived"
    case .duplicate: "archived: the same content was handed over before"
    case .held: "held"
    case .quarantined: "quarantined"
    }
  }

  /// For the journal's `NAVETTE_REASON`.
  var code: String { reasons.first?.code.rawValue ?? outcome.rawValue }

  /// One line for people.
  var summary: String {
    func all(_ reasons: [Reason]) -> String {
      guard let first = reasons.first else { return "no reason" }
      let row = first.row.map { " (row \($0))" } ?? ""
      let isOfSet = [.incomplete, .sizeMismatch, .manifestUnreadable].contains(first.code)
      let part = isOfSet ? first.part.map { "\($0.masked): " } ?? "" : ""
      return part + first.message + row + (reasons.count > 1 ? ", and \(reasons.count - 1) more" : "")
    }
    switch self {
    case .accepted: return "passed its checks"
    case .archived(let reason): return "archived: \(reason.message)"
    case .confirmed: return "a manifest whose files were taken before it came"
    case .duplicate(let twin): return "archived: the same content as drop \(twin)"
    case .held(let reasons): return "held: \(all(reasons))"
    case .quarantined(let reasons): return "quarantined: \(all(reasons))"
    }
  }
}
