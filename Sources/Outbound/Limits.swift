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

  /// Different values of one column that are counted, for a person to read: there are a few kinds of rows.
  static let censusValues = 200

  /// Headers of a stream that are known, the newest: a hundred times as many as any real log has had. One that comes back after so many is new.
  static let schemasKept = 100

  /// Of a header, so much is looked at for the names of its columns: ten thousand of them, the most that AEP takes.
  static let headerLook = 256 << 10

  /// Columns that are told of by name; of the others their number is told.
  static let columnsTold = 20

  /// Of each log, so much is looked at by `check`: hundreds of records, in a moment.
  static let lintBytes = 256 << 10

  /// Logs of one stream that `check` looks into, the newest: they are of one kind.
  static let lintLogs = 8

  /// Columns that one line of `check` names.
  static let lintColumns = 8

  /// Days of which it is added up what was sent, for the size of a run.
  static let lintDays = 8

  /// One of them.
  static let lintDay: Duration = .seconds(86_400)

  /// Batches a day and sandbox that AEP takes well, a soft bound (guardrails of ingestion).
  static let aepBatchesPerDay = 90

  /// Runs of one dataflow a day: dozens of batches in one dataset are what AEP's job schedules call an anti-pattern.
  static let aepRunsOfDataset = 24

  /// A batch in AEP has so much at least, by AEP's advice.
  static let aepBatchBytes: UInt64 = 256_000_000

  /// AEP refuses events with more (hard).
  static let aepEventBytes = 10_000

  /// And rows of any kind with more (hard).
  static let aepRecordBytes = 100_000

  /// And rows with more fields.
  static let aepFields = 10_000

  /// Bytes of a packed log that are read at a time: at most 16 MiB of text, by gzip's own bound.
  static let packedRead = 16 << 10

  /// Logs of one stream whose first write wakes it; others are looked at by the clock. A user has 8,192 watches on older kernels.
  static let growingLogs = 512

  /// So long, in milliseconds, a stream waits for a program that encrypts at its worker's place; then others may have that.
  static let programFirstLook: Int32 = 20
  /// A program that unpacks or encrypts and moves no byte in so many looks hangs: less time than the agent has to stop.
  static let programLooks = 15
  /// Milliseconds of one of these looks.
  static let programLook: Int32 = 1_000
  /// So long such a program may take to end when it has said all.
  static let programEnd: Duration = .seconds(15)

  /// One read of what a program encrypts.
  static let encryptedRead = 64 << 10
  /// Of what GnuPG says of a key, more than it says of one with dozens of names.
  static let keyListBytes = 256 << 10
  /// AEP's keys for encrypted ingestion end so long after they were made (encrypt-data).
  static let aepKeyLife: Duration = .seconds(180 * 86_400)

  /// Folders below a log folder that are looked through for logs that are missed, and names in each: a look stays short.
  static let foldersBelow = 64
  static let namesBelow = 10_000

  /// After so long without a look a log may have grown unseen before it went: two looks were due.
  static let blindAfter: Duration = .seconds(30)

  /// First bytes of a file that tell by what it is packed: as many as bzip2 needs to be told from text.
  static let packingBytes = 10
}
