import Core

/// Every number that bounds the commands, with its reason; all are listed in `docs/state-folder.md`.
extension Limits {
  /// Between two drawings of a bar: more often nobody can read it.
  static let barPause: Duration = .milliseconds(100)

  /// Seconds, after which `status` says that a store confirms nothing.
  static let longSilence: Int64 = 120

  /// How often `status --watch` looks.
  static let watchPeriod: Duration = .seconds(2)

  /// Columns of a table, beyond which its last one is shortened.
  static let tableWidth = 100

  /// Drops or batches that a list shows where it is not said which: as many as a person reads, and the same after
  /// years.
  static let listed = 1_000
}
