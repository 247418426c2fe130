-- A ledger of version 8, as 0.2.0 had it before totals were kept: `sqlite3 ledger.sqlite .dump` after two drops and a batch.
CREATE TABLE sources (
  id TEXT PRIMARY KEY, stream TEXT NOT NULL, path TEXT NOT NULL,
  device INTEGER NOT NULL, inode INTEGER NOT NULL, birth INTEGER, head_bytes INTEGER NOT NULL, head TEXT NOT NULL,
  seen_at INTEGER NOT NULL, cursor INTEGER NOT NULL DEFAULT 0, cursor_at INTEGER, gone_at INTEGER
, tail TEXT, size INTEGER NOT NULL DEFAULT 0, header TEXT, origin TEXT) STRICT;
INSERT INTO sources VALUES('saa9aad4973fd9c12','opens','/srv/log/opens.csv',65024,16351293,1795955964876067755,4,'3e3e9f340fc73d6880cb340c7c16a48bc5a9ced4f8885f1da29ce501eb65569f',1795955964986577984,0,NULL,NULL,NULL,4,'682c6b',NULL);
INSERT INTO sources VALUES('sa8cd90bf10cbf2ca','opens','/srv/log/opens.csv.1.20261129T123924Z.navette',65024,16351292,1795955964873036484,8,'effb534f754436b8b8322247d197274fd7d89958478d9dcd54dd5df5d432f3dd',1795955964986577985,8,1795955964986577984,1795955965079855207,'effb534f754436b8b8322247d197274fd7d89958478d9dcd54dd5df5d432f3dd',8,'682c6b',NULL);
CREATE TABLE batches (
  id TEXT PRIMARY KEY, stream TEXT NOT NULL, sequence INTEGER NOT NULL, key TEXT NOT NULL,
  rows INTEGER NOT NULL, bytes INTEGER NOT NULL, compressed_bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL, md5 TEXT NOT NULL, sealed_at INTEGER NOT NULL, delivered_at INTEGER
, manifest_key TEXT, held_at INTEGER, purged_at INTEGER) STRICT;
INSERT INTO batches VALUES('opens-000001','opens',1,'opens/dt=2026-11-29/acc_opens_20261129T123924Z_000001.csv.gz',1,8,28,'80b673ecb6f4d388951b3b7840b38b91887b85cdc67429db6c56cd88821232f0','fab616b1be4cca0a6f01f0039d0fec16',1795955964986577984,1795955965079855207,NULL,NULL,NULL);
CREATE TABLE segments (
  batch TEXT NOT NULL, source TEXT NOT NULL, first INTEGER NOT NULL, past INTEGER NOT NULL,
  PRIMARY KEY (source, first)
) STRICT, WITHOUT ROWID;
INSERT INTO segments VALUES('opens-000001','sa8cd90bf10cbf2ca',0,8);
CREATE TABLE deliveries (
  batch TEXT NOT NULL, store TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, next_at INTEGER NOT NULL,
  confirmed_at INTEGER, tag TEXT, fault TEXT, refused_at INTEGER, manifest_at INTEGER, PRIMARY KEY (batch, store)
) STRICT, WITHOUT ROWID;
INSERT INTO deliveries VALUES('opens-000001','shelf',1,1795955965079044216,1795955965079044216,NULL,NULL,NULL,NULL);
CREATE TABLE drops (
  id TEXT PRIMARY KEY, feed TEXT NOT NULL, seen_at INTEGER NOT NULL, names TEXT NOT NULL, bytes INTEGER NOT NULL,
  rows INTEGER, content TEXT, outcome TEXT, outcome_at INTEGER, handed_over_at INTEGER
, shape TEXT, arrived_at INTEGER, reason TEXT) STRICT;
INSERT INTO drops VALUES('20261129T123925Z-6788bc','audience',1795955965987336429,'aud-1.csv',17,2,'54cf6f60e24ddd1d51d88a3971d5d60f40857a3ea93ee4ca761943c94d972ec9','accepted',1795955965987336429,1795955965987336429,'f027c3886293a4eabda4591757f4b392e499765a524fae27dfec693ca52fff71',1795955964873036484,NULL);
INSERT INTO drops VALUES('20261129T123925Z-6788bd','audience',1795955965987336429,'empty.csv',9,0,'7022a77b3ade759a41c2acaf5395d4de0f575214e466b20f196e4072753964ac','quarantined',1795955965987336429,NULL,'f027c3886293a4eabda4591757f4b392e499765a524fae27dfec693ca52fff71',1795955964873036484,'header_only');
CREATE TABLE history (
  number INTEGER PRIMARY KEY, at INTEGER NOT NULL, subject TEXT NOT NULL, event TEXT NOT NULL, detail TEXT NOT NULL
) STRICT;
INSERT INTO history VALUES(1,1795955964986577984,'opens-000001','batch_sealed','1 row, 28 bytes');
INSERT INTO history VALUES(2,1795955965079044216,'opens-000001','batch_confirmed','by shelf');
INSERT INTO history VALUES(3,1795955965987336429,'20261129T123925Z-6788bc','drop_seen','17 bytes from landing');
INSERT INTO history VALUES(4,1795955965987336429,'20261129T123925Z-6788bd','drop_seen','9 bytes from landing');
INSERT INTO history VALUES(5,1795955965987336429,'20261129T123925Z-6788bc','checked','passed its checks');
INSERT INTO history VALUES(6,1795955965987336429,'20261129T123925Z-6788bd','drop_quarantined','quarantined: There is a header and no row');
INSERT INTO history VALUES(7,1795955965987336429,'20261129T123925Z-6788bc','drop_handed_over','handed over as aud-1.csv');
CREATE TABLE store_waits (
  store TEXT PRIMARY KEY, attempts INTEGER NOT NULL, next_at INTEGER NOT NULL, fault TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE expectations (
  feed TEXT PRIMARY KEY, rule TEXT NOT NULL, since INTEGER NOT NULL, settled INTEGER NOT NULL,
  late INTEGER, missed INTEGER, extra INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE pulled (
  feed TEXT NOT NULL, store TEXT NOT NULL, key TEXT NOT NULL, size INTEGER NOT NULL, tag TEXT, modified INTEGER,
  path TEXT NOT NULL, state TEXT NOT NULL, inode INTEGER, at INTEGER NOT NULL, listed_at INTEGER NOT NULL,
  drop_id TEXT, PRIMARY KEY (feed, store, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE pulls (
  feed TEXT PRIMARY KEY, listed_at INTEGER, waiting INTEGER NOT NULL, fault TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX sources_present ON sources (stream) WHERE gone_at IS NULL;
CREATE INDEX sources_inode ON sources (stream, inode);
CREATE UNIQUE INDEX batches_sequence ON batches (stream, sequence);
CREATE INDEX batches_key ON batches (key);
CREATE INDEX batches_waiting ON batches (stream) WHERE delivered_at IS NULL;
CREATE INDEX segments_batch ON segments (batch);
CREATE INDEX deliveries_due ON deliveries (next_at) WHERE confirmed_at IS NULL;
CREATE INDEX drops_feed ON drops (feed, seen_at);
CREATE INDEX drops_content ON drops (feed, content) WHERE handed_over_at IS NOT NULL;
CREATE INDEX history_subject ON history (subject, number);
CREATE INDEX sources_origin ON sources (origin) WHERE origin IS NOT NULL;
CREATE INDEX drops_accepted ON drops (feed, handed_over_at) WHERE handed_over_at IS NOT NULL;
CREATE INDEX batches_delivered ON batches (stream, delivered_at) WHERE delivered_at IS NOT NULL;
CREATE INDEX pulled_placing ON pulled (feed) WHERE state = 'placing';
CREATE INDEX pulled_landed ON pulled (feed, drop_id) WHERE state = 'landed';
CREATE INDEX pulled_inode ON pulled (feed, inode) WHERE drop_id IS NULL;
CREATE INDEX deliveries_confirmed ON deliveries (store, confirmed_at) WHERE confirmed_at IS NOT NULL;
PRAGMA user_version = 8;
