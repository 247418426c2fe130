import Core

/// Contents that are on their way to the hand-over folder, each with the drop that brings it.
struct ContentsInHand {
  private var drops: [Digest: DropID] = [:]

  /// Nil: none does.
  func drop(with content: Digest) -> DropID? { drops[content] }

  mutating func take(_ plan: DropPlan) { if let content = contentDigest(plan) { drops[content] = plan.id } }

  /// Its drop does not bring it any more, or has brought it.
  mutating func release(_ plan: DropPlan) {
    if let content = contentDigest(plan), drops[content] == plan.id { drops[content] = nil }
  }
}
