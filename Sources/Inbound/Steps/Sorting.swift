import Core
import Journal
import Lanes
import Spool

/// What is not handed over leaves `claimed` for the place that its verdict says, and people hear of it.
struct Sorting {
  /// Done: what is handed over next.
  func run(_ judged: [Judged], in pass: inout FeedPass) throws(FileFault) -> [ItemOutcome<DropPlan>] {
    for place in [DropPlace.archive, .held, .quarantine] {
      try pass.spool.move(judged.filter { $0.verdict.place == place }.map(\.plan.id), from: .claimed, to: place)
    }
    for one in judged {
      if one.verdict != .accepted, one.plan.rejected > 0 { try SpillFolder(pass).remove(one.plan.id) }
      announce(one.plan, one.verdict, one.emptiness, in: &pass)
    }
    return judged.map { one in
      switch one.verdict {
      case .accepted where one.isStaged: .done(one.plan)
      case .accepted: .waits(until: pass.now.uptime, why: "it is not staged")
      case .archived, .duplicate, .confirmed: .gone
      case .held(let reasons), .quarantined(let reasons): .setAside(reasons.first ?? Reason(.damaged, "no reason"))
      }
    }
  }

  private func announce(
    _ plan: DropPlan, _ verdict: Verdict, _ emptiness: Reason.Code?, in pass: inout FeedPass
  ) {
    let message = "\(plan.shown) of feed \(pass.settings.name): \(verdict.summary)"
    if let emptiness {
      let what =
        plan.data.isEmpty ? "no file that it lists" : emptiness == .empty ? "zero bytes" : "a header and no row"
      let text = "\(plan.shown) of feed \(pass.settings.name) has \(what): \(verdict.fate)"
      pass.report(.feedEmpty, text, plan, [.reason: emptiness.rawValue])
    }
    switch verdict {
    case .accepted, .confirmed: return
    case .archived: pass.summary.archived += 1
    case .duplicate:
      pass.summary.duplicates += 1
      pass.report(.dropDuplicate, message, plan, [.reason: verdict.code])
    case .held:
      pass.summary.held += 1
      pass.report(.dropHeld, message, plan, [.reason: verdict.code])
    case .quarantined:
      pass.summary.quarantined += 1
      pass.report(.dropQuarantined, message, plan, [.reason: verdict.code])
    }
  }
}
