public import Core
public import SystemPackage

/// One inbound lane: where drops arrive, what they must be, where they go.
public struct FeedSettings: Hashable, Sendable {
  public var name: FeedName
  public var landing: FilePath
  public var handover: FilePath
  public var include: [String] = ["*"]
  public var exclude: [String] = []
  public var recursive = false
  public var handoverName = "{name}"
  public var mode: UInt32 = 0o660
  public var owner: String?
  public var group: String?
  public var collision = Collision.rename
  /// What is handed over packed has no more bytes than this once it is unpacked; 0: no bound. What is larger goes plain.
  public var packedMost: UInt64 = 4_000_000_000
  public var settle = Settle.auto
  public var manifest = Manifest.auto
  /// Whether `x_2.csv` belongs to `x.csv`.
  public var parts = Parts.auto
  /// A name with placeholders, waited for and removed after hand-over; empty: none.
  public var marker = ""
  /// An incomplete set is quarantined after this.
  public var timeout: Duration = .seconds(6 * 3_600)
  public var format = Format()
  public var require = Require()
  public var archiveKeep: Duration = .seconds(30 * 86_400)
  public var archiveMaxBytes: UInt64 = 50 << 30
  public var quarantineKeep: Duration = .seconds(90 * 86_400)
  public var duplicates = Duplicates.skip
  public var unique: Unique?
  public var rejects: Rejects?
  public var decrypt: Decrypt?
  public var rewrite: Rewrite?
  public var expect: Expect?
  public var pull: Pull?

  public init(name: FeedName, landing: FilePath, handover: FilePath) {
    self.name = name
    self.landing = landing
    self.handover = handover
  }

  /// How long size, inode and ctime must have been unchanged, by the monotonic clock, before a file counts as whole.
  public struct Settle: Hashable, Sendable {
    /// Where the kernel has told that nobody has it open for writing.
    public var answered: Duration
    /// Where it cannot be asked, so that silence is all there is to go by.
    public var unanswered: Duration

    public static let auto = Settle(answered: .seconds(2), unanswered: .seconds(30))
    public var isAuto: Bool { self == .auto }

    private init(answered: Duration, unanswered: Duration) {
      (self.answered, self.unanswered) = (answered, unanswered)
    }
    /// Somebody knows his uploads.
    public init(_ fixed: Duration) { self.init(answered: fixed, unanswered: fixed) }
    public static func seconds(_ count: Int) -> Settle { Settle(.seconds(count)) }
    public static func milliseconds(_ count: Int) -> Settle { Settle(.milliseconds(count)) }
  }

  public enum Collision: String, Hashable, Sendable, CaseIterable { case rename, replace, fail }
  public enum Duplicates: String, Hashable, Sendable, CaseIterable { case skip, quarantine, deliver }
  public enum Parts: String, Hashable, Sendable, CaseIterable { case auto, off }
  public enum Manifest: String, Hashable, Sendable, CaseIterable { case auto, required, off }
  public enum Encoding: String, Hashable, Sendable, CaseIterable {
    case utf8 = "utf-8", utf16 = "utf-16", latin1 = "iso-8859-1"
  }
  public enum Empty: String, Hashable, Sendable, CaseIterable { case quarantine, archive, deliver }

  public struct Format: Hashable, Sendable {
    public var type = ContentType.delimited
    /// Nil: told from the header line.
    public var delimiter: UInt8?
    /// Nil: no quoting.
    public var quote: UInt8? = UInt8(ascii: "\"")
    public var escape = Escape.auto
    public var lineEnd = LineEnd.auto
    public var encoding = Encoding.utf8
    public var header = true
    public enum ContentType: String, Hashable, Sendable, CaseIterable { case delimited, json, opaque }
    public enum LineEnd: String, Hashable, Sendable, CaseIterable { case auto, lf, crlf, cr }
    public enum Escape: String, Hashable, Sendable, CaseIterable {
      case auto, backslash = "\\", apostrophe = "'", double
    }
    public init() {}
  }

  public struct Require: Hashable, Sendable {
    public var columns: [String] = []
    public var columnsExact = false
    /// Held when header or delimiter differ from the feed's last accepted drop.
    public var rememberColumns = false
    public var empty = Empty.quarantine
    public var minRows = 1
    /// 0: no limit.
    public var maxRows = 0
    /// After decompression.
    public var maxBytes: UInt64 = 20 << 30
    public var maxRowBytes = 1 << 20
    /// In percent of the rows of the feed's last accepted drop; nil: not looked at.
    public var rowChange: Int?
    /// By the name of the column.
    public var types: [String: ValueType] = [:]
    /// Columns in which no value may be empty.
    public var notNull: [String] = []
    /// In characters, by the name of the column.
    public var length: [String: Int] = [:]
    /// A file whose header and delimiter drops must have.
    public var sample: FilePath?
    public init() {}
  }

  /// Columns whose values together no two rows of a drop may share.
  public struct Unique: Hashable, Sendable {
    public var columns: [String]
    /// Which of several rows with one key is handed over, where bad rows are left out.
    public var keep = Keep.none
    public enum Keep: String, Hashable, Sendable, CaseIterable { case none, first, last }
    public init(columns: [String]) { self.columns = columns }
  }

  /// Bad rows are left out of what is handed over, up to a bound.
  public struct Rejects: Hashable, Sendable {
    public var atMost: Bound
    public enum Bound: Hashable, Sendable {
      case rows(Int)
      /// Hundredths of a percent.
      case share(Int)
    }
    public init(atMost: Bound) { self.atMost = atMost }
  }

  public struct Decrypt: Hashable, Sendable {
    public var key: Secret
    public var passphrase: Secret?
    public init(key: Secret) { self.key = key }
  }

  /// The dialect that is handed over, where it is not the one that arrived.
  public struct Rewrite: Hashable, Sendable {
    public var delimiter = UInt8(ascii: "\t")
    /// Nil: no quoting.
    public var quote: UInt8?
    public var lineEnd = LineEnd.lf
    public var encoding = Encoding.utf8
    public enum Encoding: String, Hashable, Sendable, CaseIterable {
      case utf8 = "utf-8", latin1 = "iso-8859-1", latin9 = "iso-8859-15"
    }
    public var compress = Compression.none
    /// For what the dialect cannot write; nil: such a drop is refused.
    public var replacement: Character?
    /// How objects become rows; of feeds of JSON alone.
    public var objects = Objects()
    public enum LineEnd: String, Hashable, Sendable, CaseIterable { case lf, crlf }
    public enum Compression: String, Hashable, Sendable, CaseIterable { case none, gzip }
    public init() {}
  }

  /// How objects of JSON become rows of a table.
  public struct Objects: Hashable, Sendable {
    /// Nil: all paths, frozen with the first accepted drop.
    public var columns: [PathColumn]?
    public var newColumns = NewColumns.hold
    /// Between the keys of a path, in the name of a column that was found.
    public var separator = "."
    /// Between the elements of an array.
    public var join = ";"
    public var nested = Nested.refuse
    /// What stands for null, and where there is nothing.
    public var null = ""
    public var missing = ""
    /// What becomes of a drop with a path that is none of the columns.
    public enum NewColumns: String, Hashable, Sendable, CaseIterable { case hold, append, ignore }
    public enum Nested: String, Hashable, Sendable, CaseIterable { case refuse, json }
    public init() {}
  }

  /// When a drop should have come.
  public struct Expect: Hashable, Sendable {
    /// On each of the days, in order; at least one.
    public var by: [TimeOfDay]
    public var days = Set(Day.allCases)
    /// A name of the time zone database.
    public var timezone = "UTC"
    public var grace: Duration = .seconds(30 * 60)
    public enum Day: String, Hashable, Sendable, CaseIterable { case mon, tue, wed, thu, fri, sat, sun }
    public init(by: TimeOfDay...) { self.by = by }
    public init(by: [TimeOfDay]) { self.by = by }

    /// Of the times that follow each other around the clock, so many are the least apart; nil: one a day.
    public var leastGap: Duration? {
      guard by.count > 1, let first = by.first else { return nil }
      let minutes = by.map { $0.hour * 60 + $0.minute }
      let later = minutes.dropFirst() + [first.hour * 60 + first.minute + 24 * 60]
      return zip(minutes, later).map { .seconds(($1 - $0) * 60) }.filter { $0 > .zero }.min()
    }
  }

  /// Drops that are fetched from a store into the landing folder.
  public struct Pull: Hashable, Sendable {
    public var store: StoreName
    public var prefix = ""
    public var every: Duration = .seconds(5 * 60)
    public var after = After.keep
    public enum After: String, Hashable, Sendable, CaseIterable { case keep, delete }
    public init(store: StoreName) { self.store = store }
  }
}
