import Core

/// Every number that bounds the door to the disk, with its reason; all are listed in `docs/state-folder.md`.
extension Limits {
  /// From this many paths on one file system on, one `syncfs` is cheaper than an `fsync` each, though it also writes
  /// out what others have left dirty there. Below it, syncing 64 small files costs about as many barriers as there
  /// are files.
  static let fewPaths = 64

  /// Milliseconds after the first event of a burst: the others are on their way, and one wake is enough for all.
  static let watchPause: Int32 = 2

  /// One read of events: some thousand of them.
  static let watchBytes = 64 << 10

  /// Reads in a row: a writer faster than the reader cannot keep the wakes back.
  static let watchReads = 64

  /// The kernel copies so much in one call: between two calls it is said that a long copy gets on.
  static let kernelCopyBytes = 32 << 20

  /// A copy by hand moves so much at a time; more gains nothing.
  static let copyBytes = 256 << 10

  /// One read of the list of mounts.
  static let mountBytes = 16 << 10
}
