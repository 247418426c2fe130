public import Core
public import SystemPackage

/// One outbound lane: which logs, how they rotate, how they are cut, where the batches go.
public struct StreamSettings: Hashable, Sendable {
  public var name: StreamName
  /// Globs; `*`, `?` and `[…]` in the last component only.
  public var logs: [String]
  public var stores: [StoreName]
  public var rotation = Rotation.rename
  /// Into which others rotate the logs, where that is another folder.
  public var olddir: [FilePath] = []
  public var start = Start.beginning
  /// Run after a rename, without a shell; empty: nothing.
  public var reopen: [String] = []
  public var header = Header.firstLine
  /// Column names are made of letters, digits and underscore.
  public var headerSanitize = false
  public var headerRename: [String: String] = [:]
  /// One of its stores is read by AEP.
  public var isForAEP = false
  public var record = Record.csv
  /// Of logs that are closed.
  public var encoding = FeedSettings.Encoding.utf8
  public var rows = RowSettings()
  public var batch = Batch()
  /// Times of day at which batches are sealed, instead of `batch.maxAge`; empty: none.
  public var schedule: [TimeOfDay] = []
  /// Of `schedule`, a name of the time zone database.
  public var timezone = "UTC"
  /// A column with timestamps, for `{date}`; empty: the time of sealing.
  public var partitionBy = ""
  /// zlib, 1 to 9.
  public var compressionLevel = 6
  /// Nil: nothing is encrypted.
  public var encrypt: Encrypt?
  /// What an object holds, encrypted or not, is gzip.
  public var packsObjects: Bool { encrypt.map { $0.compress == .gzip } ?? true }
  public var key = Self.defaultKey(.gz)
  /// Prefix for one JSON per batch; empty: none.
  public var manifest = ""
  /// Of a log that is wholly sent. Nil: what was set aside is deleted, and files that are closed are left alone.
  public var after: After?
  public var archiveKeep: Duration = .seconds(7 * 86_400)
  public var deliveredKeep: Duration = .seconds(2 * 86_400)

  /// How often a dataflow of Adobe Experience Platform reads what was sent; nil: not stated.
  public var dataflowEvery: Duration?
  /// What becomes of a batch under another header than the one before; nil: it is held where a store is for AEP, and goes
  /// where all others go elsewhere.
  public var schema: SchemaRule?

  public init(name: StreamName, logs: [String], stores: [StoreName]) {
    self.name = name
    self.logs = logs
    self.stores = stores
  }

  public enum Rotation: String, Hashable, Sendable, CaseIterable { case rename, copytruncate, follow, closed }
  public enum Start: String, Hashable, Sendable, CaseIterable { case beginning, end }
  public enum Record: String, Hashable, Sendable, CaseIterable { case csv, line }
  /// Closed files, which are others', are taken away only where that is stated.
  public var takesClosedAway: Bool { rotation == .closed && (after == .delete || after == .archive) }

  public enum After: String, Hashable, Sendable, CaseIterable { case delete, archive, keep }

  /// Beside the prefix of the others it goes in either case.
  public enum SchemaRule: String, Hashable, Sendable, CaseIterable { case hold, auto }

  /// Objects are encrypted for whoever holds the other half of a key, by OpenPGP.
  public struct Encrypt: Hashable, Sendable {
    /// The recipient's public key: with its armour, or in Base64 as AEP gives it.
    public var key: Secret
    /// What is within.
    public var compress = Compress.none
    public init(key: Secret) { self.key = key }

    public enum Compress: String, Hashable, Sendable, CaseIterable { case none, gzip }

    /// Whether the name of an object says that it is encrypted.
    public static func isSaid(by key: String) -> Bool { key.hasSuffix(".gpg") || key.hasSuffix(".pgp") }
  }

  enum Suffix: String { case gz = ".csv.gz", gpg = ".csv.gpg", gzGpg = ".csv.gz.gpg" }

  static func defaultKey(_ suffix: Suffix) -> String {
    "{stream}/dt={date}/{host}_{stream}_{utc}_{seq}\(suffix.rawValue)"
  }

  public enum Header: Hashable, Sendable {
    case firstLine, none
    case columns([String])
  }

  public struct Batch: Hashable, Sendable {
    /// Of uncompressed data, header included.
    public var maxBytes: UInt64 = 256 << 20
    public var maxAge: Duration = .seconds(4 * 3_600)
    /// 0: no limit.
    public var maxRows = 0
    public var maxRecord = 1 << 20
    public init() {}
  }
}
