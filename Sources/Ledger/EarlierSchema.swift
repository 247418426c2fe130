/// The steps by which a ledger of versions 1 to 8 becomes one of version 9, the last with strict tables. SQLite knows those since 3.37:
/// whoever has such a ledger has had such an SQLite.
enum EarlierSchema {
  static let steps: [String] = [
    """
    CREATE TABLE sources (
      id TEXT PRIMARY KEY, stream TEXT NOT NULL, path TEXT NOT NULL,
      device INTEGER NOT NULL, inode INTEGER NOT NULL, birth INTEGER, head_bytes INTEGER NOT NULL, head TEXT NOT NULL,
      seen_at INTEGER NOT NULL, cursor INTEGER NOT NULL DEFAULT 0, cursor_at INTEGER, gone_at INTEGER
    ) STRICT;
    CREATE INDEX sources_present ON sources (stream) WHERE gone_at IS NULL;
    CREATE INDEX sources_inode ON sources (stream, inode);

    CREATE TABLE batches (
      id TEXT PRIMARY KEY, stream TEXT NOT NULL, sequence INTEGER NOT NULL, key TEXT NOT NULL,
      rows INTEGER NOT NULL, bytes INTEGER NOT NULL, compressed_bytes INTEGER NOT NULL,
      sha256 TEXT NOT NULL, md5 TEXT NOT NULL, sealed_at INTEGER NOT NULL, delivered_at INTEGER
    ) STRICT;
    CREATE UNIQUE INDEX batches_sequence ON batches (stream, sequence);
    CREATE INDEX batches_key ON batches (key);
    CREATE INDEX batches_waiting ON batches (stream) WHERE delivered_at IS NULL;

    CREATE TABLE segments (
      batch TEXT NOT NULL, source TEXT NOT NULL, first INTEGER NOT NULL, past INTEGER NOT NULL,
      PRIMARY KEY (source, first)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX segments_batch ON segments (batch);

    CREATE TABLE deliveries (
      batch TEXT NOT NULL, store TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, next_at INTEGER NOT NULL,
      confirmed_at INTEGER, tag TEXT, fault TEXT, PRIMARY KEY (batch, store)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX deliveries_due ON deliveries (next_at) WHERE confirmed_at IS NULL;

    CREATE TABLE drops (
      id TEXT PRIMARY KEY, feed TEXT NOT NULL, seen_at INTEGER NOT NULL, names TEXT NOT NULL, bytes INTEGER NOT NULL,
      rows INTEGER, content TEXT, outcome TEXT, outcome_at INTEGER, handed_over_at INTEGER
    ) STRICT;
    CREATE INDEX drops_feed ON drops (feed, seen_at);
    CREATE INDEX drops_content ON drops (feed, content) WHERE handed_over_at IS NOT NULL;

    CREATE TABLE history (
      number INTEGER PRIMARY KEY, at INTEGER NOT NULL, subject TEXT NOT NULL, event TEXT NOT NULL, detail TEXT NOT NULL
    ) STRICT;
    CREATE INDEX history_subject ON history (subject, number);
    """,
    """
    ALTER TABLE batches ADD COLUMN manifest_key TEXT;
    ALTER TABLE batches ADD COLUMN held_at INTEGER;
    ALTER TABLE batches ADD COLUMN purged_at INTEGER;
    ALTER TABLE deliveries ADD COLUMN refused_at INTEGER;
    ALTER TABLE deliveries ADD COLUMN manifest_at INTEGER;
    CREATE TABLE store_waits (
      store TEXT PRIMARY KEY, attempts INTEGER NOT NULL, next_at INTEGER NOT NULL, fault TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
    // What a log is known by beside its head: the bytes before the cursor, its size when last seen, the header that it took over from
    // the log it was truncated from, and the source whose content it is a copy of.
    """
    ALTER TABLE sources ADD COLUMN tail TEXT;
    ALTER TABLE sources ADD COLUMN size INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE sources ADD COLUMN header TEXT;
    ALTER TABLE sources ADD COLUMN origin TEXT;
    CREATE INDEX sources_origin ON sources (origin) WHERE origin IS NOT NULL;
    """,
    // What an accepted drop's table was like.
    """
    ALTER TABLE drops ADD COLUMN shape TEXT;
    CREATE INDEX drops_accepted ON drops (feed, handed_over_at) WHERE handed_over_at IS NOT NULL;
    """,
    // How many batches were confirmed, and when: asked by each `status` and each look at the metrics.
    "CREATE INDEX batches_delivered ON batches (stream, delivered_at) WHERE delivered_at IS NOT NULL;",
    // When a drop's last byte came, why it was refused or held, and which due times of a feed are settled.
    """
    ALTER TABLE drops ADD COLUMN arrived_at INTEGER;
    ALTER TABLE drops ADD COLUMN reason TEXT;
    CREATE TABLE expectations (
      feed TEXT PRIMARY KEY, rule TEXT NOT NULL, since INTEGER NOT NULL, settled INTEGER NOT NULL,
      late INTEGER, missed INTEGER, extra INTEGER
    ) STRICT, WITHOUT ROWID;
    """,
    // What was fetched from stores, one row for each key, and how it stands with that.
    """
    CREATE TABLE pulled (
      feed TEXT NOT NULL, store TEXT NOT NULL, key TEXT NOT NULL, size INTEGER NOT NULL, tag TEXT, modified INTEGER,
      path TEXT NOT NULL, state TEXT NOT NULL, inode INTEGER, at INTEGER NOT NULL, listed_at INTEGER NOT NULL,
      drop_id TEXT, PRIMARY KEY (feed, store, key)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX pulled_placing ON pulled (feed) WHERE state = 'placing';
    CREATE INDEX pulled_landed ON pulled (feed, drop_id) WHERE state = 'landed';
    CREATE INDEX pulled_inode ON pulled (feed, inode) WHERE drop_id IS NULL;
    CREATE TABLE pulls (
      feed TEXT PRIMARY KEY, listed_at INTEGER, waiting INTEGER NOT NULL, fault TEXT
    ) STRICT, WITHOUT ROWID;
    """,
    // When a store last confirmed something: asked by each `status` and each look at the metrics.
    "CREATE INDEX deliveries_confirmed ON deliveries (store, confirmed_at) WHERE confirmed_at IS NOT NULL;",
    // What a ledger of years is asked for must not be counted anew each time, and what is old goes: see `Totals` and `Forgetting`.
    """
    CREATE TABLE totals (
      kind TEXT NOT NULL, lane TEXT NOT NULL, event TEXT NOT NULL, times INTEGER NOT NULL, rows INTEGER NOT NULL,
      bytes INTEGER NOT NULL, compressed_bytes INTEGER NOT NULL, last_at INTEGER NOT NULL,
      PRIMARY KEY (kind, lane, event)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO totals
    SELECT 'feed', d.feed, h.event, count(*), \(sumOf("d.rows", at: "drop_handed_over")),
      \(sumOf("d.bytes", at: "drop_handed_over")), 0, max(h.at)
    FROM history h JOIN drops d ON d.id = h.subject GROUP BY d.feed, h.event;
    INSERT INTO totals
    SELECT 'stream', b.stream, h.event, count(*), \(sumOf("b.rows", at: "batch_sealed")),
      \(sumOf("b.bytes", at: "batch_sealed")), \(sumOf("b.compressed_bytes", at: "batch_sealed")), max(h.at)
    FROM history h JOIN batches b ON b.id = h.subject GROUP BY b.stream, h.event;

    CREATE TABLE ended (
      kind TEXT NOT NULL, lane TEXT NOT NULL, count INTEGER NOT NULL, last_at INTEGER NOT NULL, PRIMARY KEY (kind, lane)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO ended SELECT 'feed', feed, count(*), max(handed_over_at) FROM drops
    WHERE handed_over_at IS NOT NULL GROUP BY feed;
    INSERT INTO ended SELECT 'stream', stream, count(*), max(delivered_at) FROM batches
    WHERE delivered_at IS NOT NULL GROUP BY stream;

    CREATE TABLE forgotten (
      stream TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (stream, first)
    ) STRICT, WITHOUT ROWID;
    DROP INDEX batches_waiting;
    CREATE INDEX batches_open ON batches (stream, sequence) WHERE delivered_at IS NULL AND purged_at IS NULL;
    CREATE INDEX batches_sealed ON batches (stream, sealed_at);
    CREATE INDEX sources_gone ON sources (stream, gone_at) WHERE gone_at IS NOT NULL;
    CREATE INDEX sources_headed ON sources (stream, seen_at) WHERE header IS NOT NULL;
    """,
  ]

  /// The sum over the lines of the history that tell of that event; see `TotalTable.bounded`.
  private static func sumOf(_ column: String, at event: String) -> String {
    "CAST(min(total(CASE h.event WHEN '\(event)' THEN \(column) END), 4e18) AS INTEGER)"
  }
}
