public import Core

/// Every number that bounds the lanes, with its reason; all are listed in `docs/state-folder.md`.
extension Limits {
  /// So long a lane that was woken for a free slot of a store has the first claim to it.
  public static let slotClaim: Duration = .seconds(2)

  /// So long may a lane compute while others wait.
  static let slice: Duration = .milliseconds(50)

  /// After so long without a sign, a lane's place among the workers is given to another.
  static let lostWorker: Duration = .seconds(1)

  /// Items that wait and are told with their reason; the others are counted.
  static let waitsTold = 20

  /// So often is something tried before it is believed that it will not help to try again: about two seconds.
  static let enoughAttempts = 3

  /// So often is an item looked for every few seconds. What nobody has mended by then (about a minute) need not wake
  /// an idle agent as often.
  static let quickAttempts = 10

  /// So many in one pass, and not one that went well: it is not their fault, but that of what they lie on.
  static let faultyItems = 32

  /// Milliseconds until an item is tried again, doubled each time: to look again is cheap, and whoever has mended it
  /// waits.
  static let itemFirstPause: Int64 = 500

  /// No longer does an item wait that anything wakes its lane for.
  static let itemPause: Duration = .seconds(8)

  /// No longer does an item that waits sleep on its own.
  static let itemWake: Duration = .seconds(60)

  /// Seconds at most until a lane tries the ledger again, after 2, 4, 8, …
  static let ledgerPause: Int64 = 60

  /// Bytes of a name of a thread: the kernel keeps no more.
  static let executorName = 15
}
