import Core
import Spool

/// A drop with its verdict.
struct Judged {
  var plan: DropPlan
  var verdict: Verdict
  /// The ledger has it already.
  let isRecorded: Bool
  /// In an earlier pass, before a person asked for another.
  let wasChecked: Bool
  /// A person lets it pass, as far as this says.
  let override: Override?
  /// There is nothing in it, whatever becomes of it.
  var emptiness: Reason.Code?
  /// An audience of which nobody can leave, as far as the file tells.
  var lacksMembershipStatus = false
  /// Columns that its feed has from then on, if it is accepted; nil: nothing changes.
  var keptColumns: [PathColumn]?
  /// It lies beside its final name, under a hidden one.
  var isStaged = false
}

extension DropPlan {
  /// Without what a pass wrote into it that was killed before its hand-over.
  var unstaged: DropPlan {
    var plan = self
    plan.staged = nil
    for number in plan.parts.indices { (plan.parts[number].finalName, plan.parts[number].stagedInode) = (nil, nil) }
    return plan
  }
}
