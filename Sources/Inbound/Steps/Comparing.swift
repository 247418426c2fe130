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

  /// The same content as one that was handed over, or that is on its way there. Of what is refused or held for something else it is
  /// said as well, so that whoever releases it knows.
  private func findDuplicates(_ judged: inout [Judged], in pass: inout FeedPass) throws(LedgerFault) {
    guard pass.settings.duplicates != .deliver else { return }
    for index in judged.indices where judged[index].override == nil {
      let (plan, verdict) = (judged[index].plan, judged[index].verdict)
      let isAccepted = verdict == .accepted
      guard isAccepted || (pass.settings.duplicates == .quarantine && verdict.waitsForRelease) else { continue }
      let contents = contentDigests(plan)
      guard !contents.isEmpty else { continue }
      let earlier = try pass.host.ledger.read { (t) throws(LedgerFault) -> DropID? in
        for content in contents {
          if let one = try t.drops.accepted(pass.settings.name, content: content, except: plan.id) { return one }
        }
        return nil
      }
      guard let twin = earlier ?? contents.lazy.compactMap(pass.feed.inHand.drop).first, twin != plan.id else {
        if isAccepted { pass.feed.inHand.take(plan) }
        continue
      }
      let reason = Reason(.duplicate, "The same content as drop \(twin)")
      judged[index].verdict =
        switch (isAccepted, pass.settings.duplicates) {
        case (true, .skip): .duplicate(of: twin)
        case (true, _): .quarantined([reason])
        case (false, _): verdict.adding([reason])
        }
    }
  }

  /// Unlike the feed's last accepted drop, where that is looked at. What was refused or held for something else is compared as well: one
  /// release is to cover all.
  private mutating func findDrift(_ judged: inout [Judged], in pass: inout FeedPass) throws(LedgerFault) {
    guard pass.settings.require.rememberColumns || pass.settings.require.rowChange != nil else { return }
    let name = pass.settings.name
    let before = try pass.host.ledger.read { (t) throws(LedgerFault) in
      try t.drops.baseline(of: name).map { Baseline($0) }
    }
    var last = accepted ?? before
    for index in judged.indices where judged[index].isComparable {
      let (plan, override) = (judged[index].plan, judged[index].override)
      let doubts = drift(of: plan, from: last, pass.settings.require).filter { override?.lets($0.code) != true }
      if !doubts.isEmpty {
        judged[index].verdict = judged[index].verdict.adding(doubts)
        pass.feed.inHand.release(plan)
      } else if judged[index].verdict == .accepted, override == nil || override?.baseline == true {
        // What a person let pass is an exception, unless they say that drops are so from now on.
        last = Baseline((plan.shape, plan.rows))
      }
    }
    accepted = last
  }
}

extension Verdict {
  fileprivate var waitsForRelease: Bool {
    switch self {
    case .held, .quarantined: true
    case .accepted, .archived, .duplicate, .confirmed: false
    }
  }
}

extension Judged {
  /// Its rows are known to the last, and there is somewhere to go from what is found.
  fileprivate var isComparable: Bool {
    guard !isRecorded, verdict == .accepted || verdict.waitsForRelease else { return false }
    return emptiness != nil || plan.data.allSatisfy { $0.dialect != nil }
  }
}
