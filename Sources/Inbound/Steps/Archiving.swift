import Core
import Journal
import Ledger
import Spool
import SystemPackage

/// What was handed over goes into the ledger, then to `archive`.
struct Archiving {
  func run(_ done: [Published], in pass: inout FeedPass) throws {
    guard !done.isEmpty else { return }
    try record(done, in: &pass)
    try pass.spool.move(done.map(\.plan.id), from: .handover, to: .archive)
  }

  private func record(_ done: [Published], in pass: inout FeedPass) throws {
    let now = pass.now.wall
    let news = try pass.host.ledger.transact("handed over") { (t) throws(LedgerFault) in
      var news: Set<DropID> = []
      for one in done where try t.drops.find(one.plan.id)?.handedOverAt == nil {
        let plan = one.plan
        news.insert(plan.id)
        try t.drops.noteHandedOver(plan.id, at: plan.handedOverAt ?? now)
        try t.history.note(plan.id, EventKind.dropHandedOver.rawValue, one.sentence, at: now)
        if plan.rejected > 0 {
          try t.history.note(plan.id, EventKind.rowsRejected.rawValue, plan.rejectedWords, at: now)
        }
      }
      return news
    }
    for one in done {
      let plan = one.plan
      pass.feed.inHand.release(plan)
      pass.feed.reported[plan.id] = nil
      guard news.contains(plan.id) else { continue }
      pass.summary.handedOver += 1
      var fields: [Event.Field: String] = [:]
      if let name = plan.parts.first?.finalName {
        fields[.path] = pass.handover(of: plan).appending(FileName(name.masked)).shown
      }
      fields[.durationMS] = String(max(0, ((plan.handedOverAt ?? now) - plan.seenAt).milliseconds))
      pass.report(
        .dropHandedOver, "\(plan.shown) of feed \(pass.settings.name): \(one.sentence)", plan, fields)
      if plan.rejected > 0 { try reportRejects(plan, in: pass) }
    }
  }
}

extension Archiving {
  private func reportRejects(_ plan: DropPlan, in pass: FeedPass) throws(FileFault) {
    try SpillFolder(pass).remove(plan.id)
    let path = pass.rejectFolder(of: plan.id).path.shown
    pass.report(
      .rowsRejected, "\(plan.shown) of feed \(pass.settings.name): \(plan.rejectedWords); they lie in \(path)", plan,
      [.path: path, .reason: String(plan.rejected)])
  }
}

extension DropPlan {
  /// For people.
  fileprivate var rejectedWords: String { "\(counted(rejected, "row")) of \(rows ?? 0) left out as bad" }
}

extension Published {
  /// For people.
  fileprivate var sentence: String {
    let names = plan.parts.compactMap { $0.finalName?.masked }.joined(separator: ", ")
    let isPlain = plan.data.contains { $0.goesPlain == true }
    let what = "handed over as \(names)" + (isPlain ? ", unpacked, for it has more than packed_max_bytes" : "")
    return isInferred ? what + ", as it seems: its staged file is gone, and so is the name; the archive has it" : what
  }
}
