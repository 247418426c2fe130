/// Every number that bounds something, with its reason.
public enum Limits {
  /// A log is known by this many first bytes. More than any header, so that two logs with one header differ soon; little
  /// enough to read at each look.
  public static let headBytes = 4096

  /// One read. Larger gains nothing (measured in `docs/decisions/0002`), smaller costs system calls.
  public static let chunkBytes = 256 * 1024

  /// Columns of a log that one map of a shape looks at: more would be a language.
  public static let mapColumns = 3

  /// Packed data is unpacked so much at a time: at most 8 MiB of text between two looks at whether others wait.
  public static let packedBytes = 8 * 1024

  /// `batch.json` grows with its segments, some 300 bytes each.
  public static let planBytes = 8 * 1024 * 1024

  /// Reasons kept for one drop: enough to see the pattern, and a broken file of a million rows stays small.
  public static let reasons = 100

  /// What is refused is read to its end all the same, for its digest, where it is no larger.
  public static let readAnyway: UInt64 = 64 << 20

  /// Parts of one drop: AEP's largest exports have hundreds. Bounds `drop.json`.
  public static let parts = 20_000

  /// Sources merged into one batch: bounds `batch.json` and open files.
  public static let segmentsPerBatch = 10_000

  /// The kernel's bound for one name.
  public static let nameBytes = 255

  /// S3's and Azure's bound for a key (1,024 bytes UTF-8).
  public static let keyBytes = 1024

  /// Batches that one stream seals before others have their turn and transfers begin.
  public static let batchesPerPass = 4

  /// How often logs are looked at when nothing wakes the lane: of appends only the first one to a log that is all sent is told. Longer
  /// than ten seconds, so that an idle agent's own timers stay below one wake-up in that time (`docs/decisions/0013`).
  public static let logPoll: Duration = .seconds(15)

  /// A log of another user, set aside: unchanged for this long, it counts as closed.
  public static let restBeforeFinal: Duration = .seconds(30)

  /// No back-off is longer: what is due later than this was set by a wall clock that has jumped since.
  public static let longestWait: Duration = .seconds(3_600)

  /// Until logs are looked at again that moved while they were read: whoever rotates them is about to be done.
  public static let movedPause: Duration = .milliseconds(100)

  /// A rotation makes a handful of renames at once; more looks than this at a folder that does not rest would only burn time.
  public static let looksThatAgree = 8

  /// After a death of the agent, before a log that was in hand is touched again: time for the others to be looked at.
  public static let othersFirst: Duration = .seconds(1)

  /// Logs kept open against their being deleted; the descriptors of a process are few.
  public static let openLogs = 128

  /// How often it is tried to catch the writer of a log between two writes, to empty the log. The first few times what was carried
  /// over is made durable before.
  public static let truncations = 24
  public static let carefulTruncations = 3

  /// How often retention is looked at.
  public static let sweepEvery: Duration = .seconds(600)

  /// Of a record larger than `batch.max_record`, so many first bytes are kept, or sixteen times as many as that: enough to see what it is.
  public static let asideBytes = 64 << 20
  /// So much of it is read before others have their turn.
  public static let skipBytes: UInt64 = 256 << 20

  /// How long records are kept that are larger than `batch.max_record`: time for a person to look, and no longer, for they are about
  /// people.
  public static let asideKeep: Duration = .seconds(30 * 86_400)

  /// Adobe Experience Platform splits an export after so many rows (destination guardrails): a last part of exactly this many means
  /// that another one is due.
  public static let rowsPerPart = 5_000_000

  /// Files of one landing folder that are known at a time. A hundred thousand that come at once are taken in turns: some 700 bytes
  /// are kept for each, and each turn costs one settle time.
  public static let landingLook = 10_000

  /// How long a drop's plan stays after its data, and the least time for which the ledger knows of what has come to its end. More than a
  /// year: a yearly list that comes twice is still known.
  public static let remembered: Duration = .seconds(400 * 86_400)

  /// Of what is older, so much leaves the ledger at a time, while nobody else can use it; and so much in all at each look at
  /// retention. A million are gone after some days, and a look takes a second for it.
  public static let forgetSlice = 500
  public static let forgetPerSweep = 4_000

  /// Drops of one place that leave it between two looks at the others' work, and that a look holds twice: some 100 bytes each.
  public static let sweepLook = 4_096

  /// Folders below a landing folder that are looked into: AEP makes one level, and a loop of mounts must end somewhere.
  public static let landingDepth = 8

  /// Objects of one feed that wait to be fetched: what is found beyond is found again, and memory stays small.
  public static let pullWindow = 1_000

  /// Objects of one feed that could not be fetched and are tried again, each in its own time; with more the feed itself waits.
  public static let pullHeld = 10_000
  /// Versions of one object, told by lists while it cannot be fetched, that are tried at once; with more they wait as one.
  public static let pullVersions = 4
  /// Objects without right to them that are told one by one, until another one is fetched: what follows is one trouble.
  public static let pullTold = 10
  /// Names of a store that can be no file's and are told and remembered, in one life.
  public static let pullRefused = 10_000

  /// What was fetched is remembered for so long after the store has last shown it: a list that lacks it for a while does not make it
  /// new. It outlives Adobe's Data Landing Zone, which keeps objects for seven days.
  public static let pullMemory: Duration = .seconds(8 * 86_400)

  /// How often a name in landing is looked at that is taken, and how often the puller looks when nothing is due.
  public static let pullRetry: Duration = .seconds(10)
  public static let pullRest: Duration = .seconds(60)

  /// Packed text may always unpack to so much, and to more only as far as `packRatio` goes: tables of real people pack to a tenth,
  /// of one repeated row to a five-hundredth; gzip's own bound is 1,032.
  public static let trustedTextBytes: UInt64 = 1 << 30
  public static let packRatio: UInt64 = 500

  /// A file of the time zone database has some kilobytes.
  public static let zoneBytes = 256 * 1024

  /// The highest number of a batch: more than anybody will ever seal, and far from what overflows.
  public static let lastSequence = 999_999_999_999_999

  /// Objects and arrays of JSON inside each other: AEP's schemas have a dozen. Bounds the stack.
  public static let jsonDepth = 64

  /// Columns of a table that is made of JSON: no import has so many, and a map whose keys are people's is told by it.
  public static let jsonColumns = 10_000

  /// Bytes that a pattern for values stands for, its repeats written out: a value of a thousand characters.
  static let patternBytes = 2_048
  /// Groups within groups: each level is a call.
  static let patternDepth = 50
  /// States of a pattern's table: at most 2 MiB of it.
  static let patternStates = 2_000
  /// Pairs of bytes that may follow each other in a pattern.
  static let patternLinks = 50_000
}
