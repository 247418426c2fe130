import Core
import Files
import Journal
import Lanes
import Ledger
import Spool
import SystemPackage

/// What a person lets pass: `override.json` beside the drop. The ledger learns of it before the drop is checked, whoever wrote it.
struct Overrides {
  func path(_ place: DropPlace, _ id: DropID, in pass: FeedPass) -> FilePath {
    pass.spool.path(place, id).appending(DropPlan.overrideName)
  }

  /// Nil: there is none. One that cannot be understood lets everything pass: somebody wrote it by hand.
  func find(_ place: DropPlace, _ id: DropID, in pass: FeedPass) throws(FileFault) -> Override? {
    do {
      return try pass.files.readPlan(Override.self, at: path(place, id, in: pass))
    } catch {
      if error.kind == .missing { return nil }
      if error.kind == .damaged || pass.feed.waits.isPersistent(.drop(id)),
        try pass.files.info(path(place, id, in: pass)) != nil
      {
        return Override()
      }
      throw error
    }
  }

  func reasons(_ place: DropPlace, _ id: DropID, in pass: FeedPass) throws(FileFault) -> [Reason] {
    do {
      return try pass.files.readPlan([Reason].self, at: pass.reasonsPath(place, id))
    } catch {
      if error.kind != .exhausted { return [] }
      throw error
    }
  }

  /// Drops in `claimed` that have an override of which the ledger does not know yet.
  func run(_ plans: [DropPlan], in pass: inout FeedPass) throws {
    var released: [(plan: DropPlan, override: Override)] = []
    for plan in plans {
      let found = try pass.each(.drop(plan.id)) { pass in .done(try find(.claimed, plan.id, in: pass)) }
      guard let override = found.value ?? nil else { continue }
      released.append((plan, override))
    }
    guard !released.isEmpty else { return }
    let (news, now) = (released, pass.now.wall)
    let told = try pass.host.ledger.transact("released") { (t) throws(LedgerFault) in
      var told: Set<DropID> = []
      for (plan, override) in news {
        try t.drops.noteSeen(plan)
        if try note(override, of: plan.id, at: now, t) { told.insert(plan.id) }
      }
      return told
    }
    for (plan, override) in released where told.contains(plan.id) {
      let sentence = Self.sentence(override)
      pass.report(.dropReleased, "\(plan.shown) of feed \(pass.settings.name): \(sentence)", plan, [.reason: sentence])
    }
  }

  /// - Returns: false where the ledger knows of it.
  @discardableResult
  func note(_ override: Override, of id: DropID, at time: Timestamp, _ t: Transaction) throws(LedgerFault) -> Bool {
    let (event, sentence) = (EventKind.dropReleased.rawValue, Self.sentence(override))
    let known = try t.history.lines(of: id)
    if known.contains(where: { $0.event == event && $0.detail == sentence }) { return false }
    try t.history.note(id, event, sentence, at: time)
    if override.baseline == true {
      try t.history.note(id, DropTable.baselineEvent, "Drops that come later are compared with it", at: time)
    }
    return true
  }

  private static func sentence(_ override: Override) -> String {
    let when = override.at.map { " at \($0.iso())" } ?? ""
    let why = override.reason.map { ": \($0)" } ?? ""
    return "Released by \(override.by ?? "hand")\(when)\(why)"
  }
}
