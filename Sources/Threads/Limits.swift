internal import Core

/// Every number that bounds the threads, with its reason; all are listed in `docs/state-folder.md`.
extension Limits {
  /// Microseconds until it is looked for the first time whether a child has ended, twice as long each time.
  static let childFirstLook: UInt32 = 1_000

  /// Microseconds between two such looks at most: programs that are run are short.
  static let childLook: UInt32 = 50_000

  /// Timers that were cancelled and are still kept, beyond those that are set: to look for each at once would cost
  /// more.
  static let cancelledTimers = 64
}
