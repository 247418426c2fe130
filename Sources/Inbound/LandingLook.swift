import Core
import Formats

/// The data files that one look at a landing folder takes in: all of them, or where there are too many, those whose names come first,
/// in whole sets. Names go in as they are read from the disk; at most twice `limit` are held.
struct LandingLook {
  private struct Candidate {
    /// The name of the first part of the largest set that it can belong to.
    let set: FileName
    let name: FileName
  }

  private let limit: Int
  private var candidates: [Candidate] = []
  /// Sets from this one on are left for later.
  private var bound: FileName?

  init(limit: Int = Limits.landingLook) { self.limit = limit }

  var isCut: Bool { bound != nil }

  mutating func add(_ name: FileName) {
    var set = name
    while let sequel = DropName.sequel(set) { set = sequel.first }
    if let bound, !(set < bound) { return }
    candidates.append(Candidate(set: set, name: name))
    if candidates.count >= 2 * limit { cut() }
  }

  /// In no order.
  mutating func finish() -> [FileName] {
    if candidates.count > limit { cut() }
    return candidates.map(\.name)
  }

  /// A set is never cut in two: what is behind the bound looks as if it were not there.
  private mutating func cut() {
    candidates.sort { ($0.set, $0.name) < ($1.set, $1.name) }
    var end = limit
    let first = candidates[limit].set
    while end > 0, candidates[end - 1].set == first { end -= 1 }
    // Larger than the limit by itself: it comes whole.
    if end == 0 { end = candidates.firstIndex { $0.set != first } ?? candidates.count }
    guard end < candidates.count else { return }
    bound = candidates[end].set
    candidates.removeSubrange(end...)
  }
}
