/// How a log file is known again under another name or after a restart: the inode, its birth where the file system tells it,
/// and a digest of its first bytes. The device is kept for people; it may change at a reboot, so it decides nothing.
public struct SourceIdentity: Hashable, Sendable, Codable {
  public var device: UInt64
  public var inode: UInt64
  /// Nanoseconds since 1970; nil where the file system does not tell.
  public var birth: Int64?
  /// How many first bytes `head` covers: all of a short file, at most `Limits.headBytes`.
  public var headBytes: Int
  public var head: Digest

  public init(device: UInt64, inode: UInt64, birth: Int64?, headBytes: Int, head: Digest) {
    self.device = device
    self.inode = inode
    self.birth = birth
    self.headBytes = headBytes
    self.head = head
  }
}

/// A closed stretch of one source. It begins and ends on a record boundary.
public struct Segment: Hashable, Sendable, Codable {
  public let source: SourceID
  /// Where the source was when the segment was cut. For people, and for a rebuilt ledger to look first.
  public let path: String
  public let identity: SourceIdentity
  public let from: UInt64
  public let to: UInt64
  /// Of the last bytes before `to`, as many as `Limits.headBytes` or all: tells apart logs that begin alike. Older plans have none.
  public let tail: Digest?

  public init(
    source: SourceID, path: String, identity: SourceIdentity, from: UInt64, to: UInt64, tail: Digest? = nil
  ) {
    precondition(from < to, "a segment is never empty")
    self.source = source
    self.path = path
    self.identity = identity
    self.from = from
    self.to = to
    self.tail = tail
  }

  public var bytes: UInt64 { to -| from }
}

/// `batch.json`: everything about a batch that never changes. What a lost ledger is made anew from.
public struct BatchPlan: Hashable, Sendable, Codable {
  public static let fileName: FileName = "batch.json"
  public static let objectName: FileName = "object.csv.gz"

  public var schema = 1
  public let id: BatchID
  public let host: String
  /// The object's name in every store of the stream, below the store's prefix.
  public let key: String
  /// Of the batch's manifest, in every store, below the store's prefix; nil: there is none.
  public let manifestKey: String?
  public let stores: [StoreName]
  /// Digest of the header line that the object begins with; of nothing where there is none.
  public let header: Digest
  public let segments: [Segment]
  public let rows: Int
  /// Uncompressed, header included.
  public let bytes: UInt64
  public let compressedBytes: UInt64
  /// Of the object's own (compressed) bytes.
  public let sha256: Digest
  /// Of the same bytes, 32 hex digits: what S3 shows as ETag and Azure as Content-MD5.
  public let md5: String
  public let sealedAt: Timestamp

  public var stream: StreamName { id.stream }

  public init(
    id: BatchID, host: String, key: String, manifestKey: String? = nil, stores: [StoreName], header: Digest,
    segments: [Segment], rows: Int, bytes: UInt64, compressedBytes: UInt64, sha256: Digest, md5: String,
    sealedAt: Timestamp
  ) {
    self.id = id
    self.host = host
    self.key = key
    self.manifestKey = manifestKey
    self.stores = stores
    self.header = header
    self.segments = segments
    self.rows = rows
    self.bytes = bytes
    self.compressedBytes = compressedBytes
    self.sha256 = sha256
    self.md5 = md5
    self.sealedAt = sealedAt
  }
}

/// One file of a drop, from landing to hand-over.
public struct DropPart: Hashable, Sendable, Codable {
  /// What else can belong to a drop than its data. It leaves landing with the data and goes no further than the archive.
  public enum Role: String, Hashable, Sendable, Codable { case manifest, marker }

  /// Its name in landing, and below `parts/`.
  public let name: FileName
  /// The folder it was found in.
  public let landing: String
  public var size: UInt64
  public let inode: UInt64
  /// Nil in older plans.
  public var device: UInt64?
  /// Nanoseconds since 1970. With inode and size it tells whether what lies in landing is still what was claimed.
  public let changed: Int64
  /// Nil: data.
  public let role: Role?
  /// The object it was fetched from; nil where others put it into landing.
  public var origin: Origin?
  /// Of the part's bytes as they arrived; set by the checks.
  public var sha256: Digest?
  /// What was found inside of its encryption; nil where it has none, or was not decrypted.
  public var clear: Clear?
  /// Of its text, where that is neither the part's own bytes nor what was decrypted: unpacked, without a byte order mark, as UTF-8.
  /// Nil in older plans.
  public var text: Digest?
  public var rows: Int?
  /// How many of them are bad, and not handed over. Nil in older plans, and where there are none.
  public var rejected: Int?
  /// Of the header line and the delimiter: what another drop's table must have to be like this one.
  public var shape: Digest?
  /// How the checks read it; nil where it is no table.
  public var dialect: Dialect?
  /// It came packed, or would be packed, and unpacks to more than its consumer loads: it is handed over plain. Nil in older plans.
  public var goesPlain: Bool?
  /// The name in the hand-over folder, chosen once.
  public var finalName: FileName?
  /// The staged file's inode: where a restart finds it under `finalName`, it was handed over.
  public var stagedInode: UInt64?

  /// One version of an object in a store.
  public struct Origin: Hashable, Sendable, Codable {
    public let store: StoreName
    public let key: String
    public let size: UInt64
    /// Where the store tells it.
    public let tag: String?
    /// To the millisecond: what `drop.json` keeps of it.
    public let modified: Timestamp?

    public init(store: StoreName, key: String, size: UInt64, tag: String?, modified: Timestamp?) {
      (self.store, self.key, self.size, self.tag) = (store, key, size, tag)
      self.modified = modified.map { Timestamp(nanoseconds: $0.nanoseconds / 1_000_000 * 1_000_000) }
    }

    /// Whether more than the size tells it from another version.
    public var isTold: Bool { tag != nil || modified != nil }

    public func isSame(as other: Origin) -> Bool {
      guard (store, key, size) == (other.store, other.key, other.size) else { return false }
      if tag == Self.coarse, other.tag == nil { return isNear(other) }
      return tag == other.tag && modified == other.modified
    }

    /// What stands for the tag where the time is as version 0.1 read it from lists of SFTP servers: to the minute, or to the day where it was
    /// months old, and in the server's zone. Its ledger's rows have it until a list tells the time to the second.
    public static let coarse = "to the minute"

    public var isCoarse: Bool { tag == Self.coarse }

    private func isNear(_ other: Origin) -> Bool {
      guard let one = modified, let two = other.modified else { return modified == other.modified }
      let (minute, hour, day): (Int64, Int64, Int64) = (60, 3_600, 86_400)
      let seconds = (two.nanoseconds - one.nanoseconds) / 1_000_000_000
      // No zone is further away; all lie by whole quarters of an hour.
      let zone = 14 * hour
      if one.nanoseconds % (day * 1_000_000_000) == 0, (-zone..<day + zone).contains(seconds) { return true }
      return (-zone...zone + minute).contains(seconds) && (seconds + zone) % (15 * minute) < minute
    }
  }

  public struct Clear: Hashable, Sendable, Codable {
    public let sha256: Digest
    public let size: UInt64

    public init(sha256: Digest, size: UInt64) { (self.sha256, self.size) = (sha256, size) }
  }

  public struct Dialect: Hashable, Sendable, Codable {
    /// As ASCII; nil for a table of one column.
    public let delimiter: UInt8?
    /// Whether `\"` is a quote.
    public let backslash: Bool
    /// Whether `'"` is a quote. Nil in older plans, too.
    public let apostrophe: Bool?
    /// True where the first line is `sep=;`, and no part of the table. Nil in older plans, too.
    public let separatorLine: Bool?
    /// True where it is lines of JSON: all else says nothing then. Nil in older plans, too.
    public let json: Bool?

    public static let jsonLines = Dialect(delimiter: nil, backslash: false, json: true)

    public init(
      delimiter: UInt8?, backslash: Bool, apostrophe: Bool = false, separatorLine: Bool = false, json: Bool = false
    ) {
      (self.delimiter, self.backslash) = (delimiter, backslash)
      self.json = json ? true : nil
      self.apostrophe = apostrophe ? true : nil
      self.separatorLine = separatorLine ? true : nil
    }
  }

  public var isData: Bool { role == nil }

  public init(name: FileName, landing: String, size: UInt64, inode: UInt64, changed: Int64, role: Role? = nil) {
    self.name = name
    self.role = role
    self.landing = landing
    self.size = size
    self.inode = inode
    self.changed = changed
  }
}

/// `drop.json`: what a drop consists of and, once checked, what was found and under which names it is handed over.
public struct DropPlan: Hashable, Sendable, Codable {
  public static let fileName: FileName = "drop.json"
  public static let reasonsName: FileName = "reasons.json"
  public static let overrideName: FileName = "override.json"
  public static let partsName: FileName = "parts"

  public var schema = 1
  public let id: DropID
  public let feed: FeedName
  public let seenAt: Timestamp
  public var parts: [DropPart]
  /// Why it was taken although it was not complete: its time was over.
  public var incomplete: [Reason]?
  public var checkedAt: Timestamp?
  public var handedOverAt: Timestamp?
  /// Whether a file system of its own was mounted on the landing folder: where none is now, the folder is away.
  public var landingIsMount: Bool?
  /// Where it was staged for its hand-over.
  public var staged: Staged?
  /// The drop after which its sender wrote on: this one is the whole file as it was then.
  public var restOf: DropID?

  public struct Staged: Hashable, Sendable, Codable {
    public let folder: String
    public let isMount: Bool
    /// Nil in older plans.
    public let at: Timestamp?

    public init(folder: String, isMount: Bool, at: Timestamp) {
      (self.folder, self.isMount, self.at) = (folder, isMount, at)
    }
  }

  /// When a drop that lies in the archive was handed over; nil where it was not. Only what was staged and not handed over at once has
  /// the time written into its plan.
  public var archivedAsHandedOverAt: Timestamp? { handedOverAt ?? staged?.at }

  public init(id: DropID, feed: FeedName, seenAt: Timestamp, parts: [DropPart]) {
    self.id = id
    self.feed = feed
    self.seenAt = seenAt
    self.parts = parts
  }

  /// When its last byte came: a file's ctime cannot be set by its sender, and none comes after we saw it.
  public var arrivedAt: Timestamp {
    let last = parts.map(\.changed).max() ?? seenAt.nanoseconds
    return min(seenAt, Timestamp(nanoseconds: last))
  }

  /// In the order of their hand-over.
  public var data: [DropPart] { parts.filter(\.isData) }
  /// Nil before the checks, and where parts differ.
  public var shape: Digest? {
    let shapes = Set(data.map(\.shape))
    return shapes.count == 1 ? shapes.first ?? nil : nil
  }
  public var dataIndices: [Int] { parts.indices.filter { parts[$0].isData } }
  public var bytes: UInt64 { data.total(\.size) }
  public var rows: Int? { data.reduce(0) { sum, part in sum.flatMap { s in part.rows.map { s +| $0 } } } }
}

/// One line of `reasons.json`: why a drop was refused or held. Never a value of a row.
public struct Reason: Hashable, Sendable, Codable {
  public let code: Code
  public let message: String
  public var part: FileName?
  /// From 1, the header not counted.
  public var row: Int?
  /// Of the file, in which the row begins, from 1. Nil in older plans.
  public var line: Int?
  /// From 1.
  public var column: Int?

  public init(
    _ code: Code, _ message: String, part: FileName? = nil, row: Int? = nil, line: Int? = nil, column: Int? = nil
  ) {
    self.code = code
    self.message = message
    self.part = part
    self.row = row
    self.line = line
    self.column = column
  }

  /// A closed list; `docs/state-folder.md` explains each.
  public enum Code: String, Hashable, Sendable, Codable, CaseIterable {
    case empty, headerOnly = "header_only", notText = "not_text", badEncoding = "bad_encoding", nulByte = "nul_byte"
    case noHeader = "no_header", missingColumn = "missing_column", duplicateColumn = "duplicate_column"
    case ambiguousEscape = "ambiguous_escape", lineEnd = "line_end"
    case delimiterUnsure = "delimiter_unsure", separatorLine = "separator_line"
    case badType = "bad_type", missingValue = "missing_value", valueTooLong = "value_too_long"
    case duplicateKey = "duplicate_key", tooManyRejects = "too_many_rejects"
    case columnCount = "column_count", rowTooLong = "row_too_long", openQuote = "open_quote"
    case tooFewRows = "too_few_rows", tooManyRows = "too_many_rows", tooLarge = "too_large"
    case gzipDamaged = "gzip_damaged", gzipTruncated = "gzip_truncated", gzipTrailing = "gzip_trailing"
    case encrypted, changedInFlight = "changed_in_flight", nameTaken = "name_taken", badName = "bad_name"
    case duplicate, unreadable
    case badJSON = "bad_json", missingKey = "missing_key", repeatedKey = "repeated_key"
    case newColumn = "new_column", tooManyColumns = "too_many_columns"
    case incomplete, sizeMismatch = "size_mismatch", manifestUnreadable = "manifest_unreadable"
    case pgpNoKey = "pgp_no_key", pgpPassphrase = "pgp_passphrase", pgpDamaged = "pgp_damaged"
    case pgpUnprotected = "pgp_unprotected", pgpSeveral = "pgp_several"
    case columnsChanged = "columns_changed", rowsChanged = "rows_changed", unwritable
    case damaged, crashedAgent = "crashed_agent"
    case lateWrite = "late_write", schemaChanged = "schema_changed"
    case unclosedQuote = "unclosed_quote", unknownValue = "unknown_value"
    case badTime = "bad_time", noSuchTime = "no_such_time", ambiguousTime = "ambiguous_time", futureTime = "future_time"

    /// No release helps: what cannot be read, decrypted, written or named cannot be handed over, whoever says so.
    public var isLasting: Bool {
      switch self {
      case .unreadable, .unwritable, .pgpNoKey, .pgpPassphrase, .pgpDamaged, .pgpUnprotected, .pgpSeveral, .nameTaken,
        .badName:
        true
      default: false
      }
    }
  }
}
