import Core

/// Every number that bounds the formats, with its reason; all are listed in `docs/state-folder.md`.
extension Limits {
  /// Text that is marked in one go: small enough to stay in the nearest cache between one look and the next.
  static let markedBytes = 16 * 1024

  /// zlib sees text in blocks of this size only, so that equal input gives equal bytes however it is cut into calls.
  /// It must never change: a batch that is made again has the same digest.
  static let deflateIn = 64 * 1024

  /// Packed bytes that are handed on at a time.
  static let deflateOut = 64 * 1024

  /// Unpacked bytes that are handed on at a time.
  static let inflateOut = 128 * 1024

  /// zlib counts its input in 32 bits: it gets no more at a time.
  static let inflateIn = 1 << 30

  /// Bytes of a rewritten table that are handed on at a time.
  static let rewriteOut = 64 * 1024

  /// The highest number of a part in a name: AEP's parts hold 5,000,000 rows each, so three digits are far more than
  /// enough.
  static let lastPart = 999

  /// A manifest: some 200 bytes for each part are thousands of parts, which are more than any export has.
  static let manifestBytes = 1 << 20

  /// Records are looked for in windows of this size first; most are shorter.
  static let recordWindow = 4_096

  /// A field that is looked at for the day of a row; no timestamp is longer.
  static let dateFieldBytes = 64

  /// Bytes behind the first line by which the delimiter is told: some hundred rows.
  static let sampleBytes = 16 * 1024

  /// First bytes by which a kind of file is told: room for a greeting before PGP data, and for the mark of a tar.
  static let sniffBytes = 1024

  /// As many of them as control characters are looked for in: further behind, they are a row's fault.
  static let magicBytes = 64

  /// Keys of an object of JSON that are compared one by one before a table of them is asked: most objects are like the one before.
  static let jsonSiblings = 8

  /// Keys of one object that lead nowhere and are compared one by one, for one that comes twice; beyond, a set of them is kept.
  static let jsonStrangeKeys = 32

  // MARK: Records of logs

  /// Rows behind a line with a quote that is not closed, after which it counts as one that was forgotten, while the log may still grow.
  static let rowsBehindQuote = 2

  /// As many of them are looked at.
  static let rowsLookedAt = 64

  /// Values of a shape's map that are remembered: what they are made of is numbers of a few kinds.
  static let mappedValues = 1_000

  /// Of them, short ones that are found again without a look at the others: a few kinds, each at a place that its bytes tell.
  static let recentValues = 64

  /// So far ahead of our clock a row's time may be: clocks differ, and what is sent is read minutes later.
  static let futureTolerance: Duration = .seconds(300)

  // MARK: Keys of rows, and bad ones

  /// Rows of 24 bytes that are sorted in memory before they go to the disk; as much again is needed to sort them.
  static let sortedRows = 131_072
  /// A row may be so many times as long as is allowed, and still be left out as a bad one: more is a quote that was never closed.
  static let longRows = 16

  /// Sorted stretches that are merged at a time: each has its share of the memory for sorting.
  static let mergedRuns = 512
}
