import Core

/// Numbers that bound what only streams do, each with its reason.
extension Limits {
  /// Numbers of batches that were given and never reached a store (held, purged) leave gaps; a longer one is no continuation of ours.
  static let longestGap = 50

  /// Days whose keys a store is asked for one by one, a month; more are asked for with one longer listing.
  static let daysListed = 31

  /// What is due by the wall clock is looked at no sooner than so long from now: a clock that was just read is not read again at once.
  static let soonestDue: Duration = .milliseconds(10)

  /// Between two passes of one stream, whatever asks for them: others have the ledger in between.
  static let leastRest: Duration = .milliseconds(5)

  /// Due batches are read so many times as a store has slots, so that those under way do not hide the others.
  static let dueForEachSlot = 2
}
