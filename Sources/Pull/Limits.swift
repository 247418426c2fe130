import Core

/// What bounds the work of a pull, with the reasons. What several modules share is in `Core`.
extension Limits {
  /// Between two passes, whatever wakes the lane: what ends at once is noted together.
  static let pullLeastRest: Duration = .milliseconds(5)
  /// Where a list leaves something open, the next one comes no sooner.
  static let pullSoonest: Duration = .milliseconds(100)
  /// An object without right to it is not asked for again before: a person must act.
  static let pullDenied: Duration = .seconds(30)
  /// The shortest rest of an object that failed, in milliseconds: with a settle time of none it would be asked for without end.
  static let pullShortest: Int64 = 500
  /// Characters that are shown of a key that is longer than a name may be.
  static let shownCharacters = 100

  /// How often it is noted that a store still shows what was fetched: a day's precision is enough, so that a list of what is known
  /// writes nothing.
  static let pullSeen: Duration = .seconds(86_400)
}
