import Core

/// What lists have brought: objects that are new, and those that may still grow. A value without a store.
struct ListMemory: Sendable {
  /// Of the list under way.
  private(set) var found: [PullCandidate] = []
  /// More than may wait at a time were found: the rest is found again.
  private(set) var hasMore = false
  /// Uptime since when an object that may still grow has been as it is; of the last list, and of the one under way.
  private var observed: [DropPart.Origin: Duration] = [:]
  private var observing: [DropPart.Origin: Duration] = [:]

  /// The next list is due soon.
  var isSettling: Bool { !observed.isEmpty || hasMore }

  mutating func begin() { (found, hasMore, observing) = ([], false, [:]) }

  mutating func observe(_ source: DropPart.Origin, at uptime: Duration) {
    if observing.count < Limits.pullWindow { observing[source] = observed[source] ?? uptime }
  }

  /// Whether the object has been seen as it is for one settle time.
  func isAtRest(_ source: DropPart.Origin, at uptime: Duration, settle: Duration) -> Bool {
    observed[source].map { uptime - $0 >= settle } ?? false
  }

  mutating func take(_ candidates: [PullCandidate]) {
    found += candidates
    guard found.count > 2 * Limits.pullWindow else { return }
    found = inOrder(found, most: Limits.pullWindow)
    hasMore = true
  }

  /// - Returns: what was found, the oldest first, as much as may wait.
  mutating func end() -> [PullCandidate] {
    if found.count > Limits.pullWindow { hasMore = true }
    let oldest = inOrder(found, most: Limits.pullWindow)
    (found, observed, observing) = ([], observing, [:])
    return oldest
  }
}
