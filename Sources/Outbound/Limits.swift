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

  /// Looks in a row where each has saved something that the next one finds. What is saved by the last one is found by the next pass.
  static let looksAfterRescue = 3

  /// Where others rotate, a live log is taken for that much newer than it was found: what was rotated from it and is found later comes
  /// before it, some hundred thousand files of them.
  static let roomBeforeLive: Duration = .milliseconds(1)

  /// Headers of a stream's logs of which it is remembered that they were told of; logs of more kinds are told of again.
  static let headersTold = 64

  /// Bytes of a packed log that are read at a time: at most 16 MiB of text, by gzip's own bound.
  static let packedRead = 16 << 10

  /// Logs of one stream whose first write wakes it; others are looked at by the clock. A user has 8,192 watches on older kernels.
  static let growingLogs = 512

  /// A program that unpacks a log and moves no byte in so many looks hangs: less time than the agent has to stop.
  static let unpackLooks = 15
  /// Milliseconds of one of these looks.
  static let unpackLook: Int32 = 1_000

  /// Folders below a log folder that are looked through for logs that are missed, and names in each: a look stays short.
  static let foldersBelow = 64
  static let namesBelow = 10_000

  /// After so long without a look a log may have grown unseen before it went: two looks were due.
  static let blindAfter: Duration = .seconds(30)

  /// First bytes of a file that tell by what it is packed: as many as bzip2 needs to be told from text.
  static let packingBytes = 10
}
