import Core

/// The tables. There is no column for the state of a drop or a batch: the place it lies in says that. The ledger says what was.
///
/// A number is a number and a text a text by checks, not by `STRICT`: Debian 11 and RHEL have an SQLite from before that (3.37).
enum Schema {
  /// A new ledger is made as it is now. An older one has its version's steps, is copied once, from version 9 to 10, and has what came later.
  static let version = copied + later.count

  /// The version from which on deliveries keep what the store said of the object.
  static let receipts = copied + 2

  private static let copied = EarlierSchema.steps.count + 1

  /// What makes a ledger of that version one of this.
  static func steps(from version: Int) -> [String] {
    if version == 0 { return [tables.map(\.creation).joined() + indexes + later.joined()] }
    return EarlierSchema.steps.dropFirst(version) + (version < copied ? [copying] : [])
      + later.dropFirst(max(version - copied, 0))
  }

  /// From version 10 on.
  private static let later = [
    // What of logs was never read, as far as that is known.
    TableForm(
      "gaps",
      """
      stream TEXT NOT NULL, source TEXT NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL, path TEXT NOT NULL,
      bytes INTEGER NOT NULL, since INTEGER NOT NULL, detail TEXT NOT NULL
      """, key: "stream, at, source, reason"
    ).creation,
    // What tells a confirmed object from another of its name, and when a person had it deleted in the store.
    """
    ALTER TABLE deliveries ADD COLUMN version TEXT CHECK (version IS NULL OR typeof(version) = 'text');
    ALTER TABLE deliveries ADD COLUMN modified INTEGER CHECK (modified IS NULL OR typeof(modified) = 'integer');
    ALTER TABLE deliveries ADD COLUMN removed_at INTEGER CHECK (removed_at IS NULL OR typeof(removed_at) = 'integer');

    """,
  ]

  /// Indexes go with their tables, and rows that come in their order keep it.
  private static let copying =
    tables.map { table in
      """
      \(table.named("\(table.name)_copy").creation)
      INSERT INTO \(table.name)_copy (\(table.names)) SELECT \(table.names) FROM \(table.name) \(table.hasRowID ? "ORDER BY rowid" : "");
      DROP TABLE \(table.name);
      ALTER TABLE \(table.name)_copy RENAME TO \(table.name);

      """
    }.joined() + indexes + coarseTimes

  /// Times that version 0.1 read from lists of SFTP servers; that they are of no other store, their whole minutes say as well as anything.
  private static let coarseTimes = """
    UPDATE pulled SET tag = '\(DropPart.Origin.coarse)'
      WHERE tag IS NULL AND modified IS NOT NULL AND modified % 60000000000 = 0;

    """

  private static let tables = [
    // `tail`, `size`, `header` and `origin`: what a log is known by beside its head. The bytes before the cursor, its size when last seen,
    // the header that it took over from the log it was truncated from, and the source whose content it is a copy of.
    TableForm(
      "sources",
      """
      id TEXT PRIMARY KEY, stream TEXT NOT NULL, path TEXT NOT NULL, device INTEGER NOT NULL, inode INTEGER NOT NULL,
      birth INTEGER, head_bytes INTEGER NOT NULL, head TEXT NOT NULL, seen_at INTEGER NOT NULL,
      cursor INTEGER NOT NULL DEFAULT 0, cursor_at INTEGER, gone_at INTEGER,
      tail TEXT, size INTEGER NOT NULL DEFAULT 0, header TEXT, origin TEXT
      """),
    TableForm(
      "batches",
      """
      id TEXT PRIMARY KEY, stream TEXT NOT NULL, sequence INTEGER NOT NULL, key TEXT NOT NULL, rows INTEGER NOT NULL,
      bytes INTEGER NOT NULL, compressed_bytes INTEGER NOT NULL, sha256 TEXT NOT NULL, md5 TEXT NOT NULL,
      sealed_at INTEGER NOT NULL, delivered_at INTEGER, manifest_key TEXT, held_at INTEGER, purged_at INTEGER
      """),
    TableForm(
      "segments",
      "batch TEXT NOT NULL, source TEXT NOT NULL, first INTEGER NOT NULL, past INTEGER NOT NULL", key: "source, first"),
    TableForm(
      "deliveries",
      """
      batch TEXT NOT NULL, store TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, next_at INTEGER NOT NULL,
      confirmed_at INTEGER, tag TEXT, fault TEXT, refused_at INTEGER, manifest_at INTEGER
      """, key: "batch, store"),
    TableForm(
      "store_waits",
      "store TEXT NOT NULL, attempts INTEGER NOT NULL, next_at INTEGER NOT NULL, fault TEXT NOT NULL", key: "store"),
    // `arrived_at` is when the drop's last byte came; `shape` what its table was like.
    TableForm(
      "drops",
      """
      id TEXT PRIMARY KEY, feed TEXT NOT NULL, seen_at INTEGER NOT NULL, names TEXT NOT NULL, bytes INTEGER NOT NULL,
      rows INTEGER, content TEXT, outcome TEXT, outcome_at INTEGER, handed_over_at INTEGER, shape TEXT,
      arrived_at INTEGER, reason TEXT
      """),
    // Which due times of a feed are settled.
    TableForm(
      "expectations",
      """
      feed TEXT NOT NULL, rule TEXT NOT NULL, since INTEGER NOT NULL, settled INTEGER NOT NULL, late INTEGER,
      missed INTEGER, extra INTEGER
      """, key: "feed"),
    // What was fetched from stores, one row for each key, and how it stands with that.
    TableForm(
      "pulled",
      """
      feed TEXT NOT NULL, store TEXT NOT NULL, key TEXT NOT NULL, size INTEGER NOT NULL, tag TEXT, modified INTEGER,
      path TEXT NOT NULL, state TEXT NOT NULL, inode INTEGER, at INTEGER NOT NULL, listed_at INTEGER NOT NULL, drop_id TEXT
      """, key: "feed, store, key"),
    TableForm(
      "pulls", "feed TEXT NOT NULL, listed_at INTEGER, waiting INTEGER NOT NULL, fault TEXT", key: "feed"),
    TableForm(
      "history",
      "number INTEGER PRIMARY KEY, at INTEGER NOT NULL, subject TEXT NOT NULL, event TEXT NOT NULL, detail TEXT NOT NULL"
    ),
    // What a ledger of years is asked for is not counted anew each time, and what is old goes: see `TotalTable` and `Forgetting`.
    TableForm(
      "totals",
      """
      kind TEXT NOT NULL, lane TEXT NOT NULL, event TEXT NOT NULL, times INTEGER NOT NULL, rows INTEGER NOT NULL,
      bytes INTEGER NOT NULL, compressed_bytes INTEGER NOT NULL, last_at INTEGER NOT NULL
      """, key: "kind, lane, event"),
    TableForm(
      "ended", "kind TEXT NOT NULL, lane TEXT NOT NULL, count INTEGER NOT NULL, last_at INTEGER NOT NULL",
      key: "kind, lane"),
    TableForm(
      "forgotten", "stream TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL", key: "stream, first"),
  ]

  private static let indexes = """
    CREATE INDEX sources_present ON sources (stream) WHERE gone_at IS NULL;
    CREATE INDEX sources_gone ON sources (stream, gone_at) WHERE gone_at IS NOT NULL;
    CREATE INDEX sources_inode ON sources (stream, inode);
    CREATE INDEX sources_headed ON sources (stream, seen_at) WHERE header IS NOT NULL;
    CREATE INDEX sources_origin ON sources (origin) WHERE origin IS NOT NULL;
    CREATE UNIQUE INDEX batches_sequence ON batches (stream, sequence);
    CREATE INDEX batches_key ON batches (key);
    CREATE INDEX batches_open ON batches (stream, sequence) WHERE delivered_at IS NULL AND purged_at IS NULL;
    CREATE INDEX batches_sealed ON batches (stream, sealed_at);
    CREATE INDEX batches_delivered ON batches (stream, delivered_at) WHERE delivered_at IS NOT NULL;
    CREATE INDEX segments_batch ON segments (batch);
    CREATE INDEX deliveries_due ON deliveries (next_at) WHERE confirmed_at IS NULL;
    CREATE INDEX deliveries_confirmed ON deliveries (store, confirmed_at) WHERE confirmed_at IS NOT NULL;
    CREATE INDEX drops_feed ON drops (feed, seen_at);
    CREATE INDEX drops_content ON drops (feed, content) WHERE handed_over_at IS NOT NULL;
    CREATE INDEX drops_accepted ON drops (feed, handed_over_at) WHERE handed_over_at IS NOT NULL;
    CREATE INDEX history_subject ON history (subject, number);
    CREATE INDEX pulled_placing ON pulled (feed) WHERE state = 'placing';
    CREATE INDEX pulled_landed ON pulled (feed, drop_id) WHERE state = 'landed';
    CREATE INDEX pulled_inode ON pulled (feed, inode) WHERE drop_id IS NULL;

    """
}
