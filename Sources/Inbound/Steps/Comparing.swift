import Core
import Ledger
import Spool

/// Accepted drops beside those before them: the same content once more, or one too unlike the last.
struct Comparing {
  /// What the next drop is compared with: accepted, but perhaps not handed over yet.
  private var accepted: Baseline?

  mutating func run(_ judged: inout [Judged], in pass: inout FeedPass) throws {
    try findDuplicates(&judged, in: &pass)
    try findDrift(&judged, in: &pass)
  }

  /// The same content as one that was handed over, or that is on its way there.
  private func findDuplicates(_ judged: inout [Judged], in pass: inout FeedPass) throws(LedgerFault) {
    guard pass.settings.duplicates != .deliver else { return }
    for index in judged.indices where judged[index].verdict == .accepted && judged[index].override == nil {
      let plan = judged[index].plan
      guard let content = contentDigest(plan) else { continue }
      let earlier = try pass.host.ledger.read { (t) throws(LedgerFault) in
        try t.drops.accepted(pass.settings.name, content: content, except: plan.id)
      }
      guard let twin = earlier ?? pass.feed.inHand.drop(with: content), twin != plan.id else {
        pass.feed.inHand.take(plan)
        continue
      }
      judged[index].verdict =
        pass.settings.duplicates == .skip
        ? .duplicate(of: twin) : .quarantined([Reason(.duplicate, "The same content as drop \(twin)")])
    }
  }

  /// Unlike the feed's last accepted drop, where that is looked at.
  private mutating func findDrift(_ judged: inout [Judged], in pass: inout FeedPass) throws(LedgerFault) {
    guard pass.settings.require.rememberColumns || pass.settings.require.rowChange != nil else { return }
    let name = pass.settings.name
    let before = try pass.host.ledger.read { (t) throws(LedgerFault) in
      try t.drops.lastAccepted(name).map { Baseline($0) }
    }
    var last = accepted ?? before
    for index in judged.indices where judged[index].verdict == .accepted && !judged[index].isRecorded {
      let (plan, override) = (judged[index].plan, judged[index].override)
      let doubts = drift(of: plan, from: last, pass.settings.require).filter { override?.lets($0.code) != true }
      if doubts.isEmpty {
        last = Baseline((plan.shape, plan.rows))
      } else {
        judged[index].verdict = .held(doubts)
        pass.feed.inHand.release(plan)
      }
    }
    accepted = last
  }
}
