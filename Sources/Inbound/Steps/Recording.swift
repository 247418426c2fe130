import Core
import Files
import Formats
import Journal
import Ledger
import Spool
import SystemPackage

/// What the checks have said becomes durable, then goes into the ledger.
struct Recording {
  /// It was told, now or earlier, that its exports do not tell who has left.
  private var knowsLeavers = false

  /// What was found goes into the drop, then into the ledger.
  mutating func run(_ judged: [Judged], _ reminding: inout Reminding, in pass: inout FeedPass) throws {
    let changed = judged.filter { !$0.isRecorded || $0.verdict != .accepted || $0.isStaged }
    guard !changed.isEmpty else { return }
    var written: [(bytes: [UInt8], path: FilePath)] = []
    for one in changed {
      let id = one.plan.id
      try pass.files.writePlan(one.isStaged ? one.plan : one.plan.unstaged, to: pass.planPath(.claimed, id))
      if one.verdict.outcome == .held || one.verdict.outcome == .quarantined {
        written.append((encodePlan(one.verdict.reasons), pass.reasonsPath(.claimed, id)))
      } else if one.wasChecked, one.override == nil {
        // It passes now: what was found before is no longer so.
        try pass.files.removeIfThere(pass.reasonsPath(.claimed, id))
      }
    }
    let staged = judged.filter(\.isStaged).flatMap { one in one.plan.dataIndices.map { pass.stagedPath(one.plan, $0) } }
    // A plan may be on the disk before what it names: in `claimed` nothing rests on that.
    let plans = changed.map { pass.planPath(.claimed, $0.plan.id) }
    try pass.files.write(written, with: plans + (staged.isEmpty ? [] : staged + [pass.handover]))
    try pass.sync(changed.map { pass.spool.path(.claimed, $0.plan.id) })
    let new = changed.filter { !$0.isRecorded || $0.verdict != .accepted }
    if new.isEmpty { return }
    let now = pass.now.wall
    let known = try reminding.known(in: &pass)
    let (news, expecting) = try pass.host.ledger.transact("verdicts") { (t) throws(LedgerFault) in
      var expecting = known
      var counted: [DropPlan] = []
      for one in new {
        let (id, outcome, reason) = (one.plan.id, one.verdict.outcome, one.verdict.reasons.first?.code)
        let before = try t.drops.find(id)
        try t.drops.noteOutcome(
          id, outcome, content: contentDigest(one.plan), shape: one.plan.shape, rows: one.plan.rows, reason: reason,
          at: now)
        // Said twice where a stop came between this and the move.
        if before?.outcome != outcome { try t.history.note(id, one.verdict.eventName, one.verdict.summary, at: now) }
        if before?.counts != true, DropRecord.counts(outcome, reason), one.verdict != .confirmed {
          counted.append(one.plan)
        }
      }
      return (try reminding.take(counted, &expecting, t, in: pass), expecting)
    }
    reminding.keep(expecting)
    for (one, plan) in news { reminding.tell(one, plan, in: pass) }
    if let one = new.first(where: { $0.lacksMembershipStatus && $0.verdict == .accepted }) {
      try warnOfLeavers(one.plan, in: &pass)
    }
  }

  /// Once for each feed.
  private mutating func warnOfLeavers(_ plan: DropPlan, in pass: inout FeedPass) throws(LedgerFault) {
    guard !knowsLeavers else { return }
    let (subject, event, now) = ("feed \(pass.settings.name)", EventKind.leaversAbsent.rawValue, pass.now.wall)
    let isNew = try pass.host.ledger.transact("leavers") { (t) throws(LedgerFault) in
      if try t.history.lines(of: subject).contains(where: { $0.event == event }) { return false }
      try t.history.note(subject, event, "First seen in drop \(plan.id)", at: now)
      return true
    }
    knowsLeavers = true
    guard isNew else { return }
    let why = "it has no column for the status of its members"
    pass.report(.leaversAbsent, "\(plan.shown) of feed \(pass.settings.name): \(why)", plan, [.reason: why])
  }
}
