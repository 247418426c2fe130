/// Every metric there is. `docs/monitoring/metrics.md` holds the same list; a test keeps the two equal, and the alert rules and the
/// dashboard within it.
extension MetricFamily {
  public static let all: [MetricFamily] = agent + feeds + streams + stores

  /// What may become of a drop: `seen` is ours, `accepted` has passed its checks.
  public static let dropOutcomes = [
    "seen", "accepted", "handed_over", "duplicate", "empty", "held", "quarantined", "released", "damaged",
  ]
  public static let batchOutcomes = ["sealed", "confirmed", "held", "purged", "damaged"]

  private static func flag(_ isSo: Bool) -> Double { isSo ? 1 : 0 }

  private static let agent: [MetricFamily] = [
    MetricFamily("build_info", "Which navette this is; always 1.", labels: ["version"]) {
      [Sample(labels: [("version", $0.version)], value: 1)]
    },
    one("start_timestamp_seconds", unit: "seconds", "When the agent started, seconds since 1970.") {
      Double($0.startedAt.seconds)
    },
    one("collected_timestamp_seconds", unit: "seconds", "When these figures were taken, seconds since 1970.") {
      Double($0.takenAt.seconds)
    },
    one("config_refused", "1 where the last reload was refused and the old configuration stays.") {
      flag($0.isConfigRefused)
    },
    MetricFamily(
      "pass_duration_seconds", kind: .summary, unit: "seconds", "Finished passes of a lane, and how long they took.",
      labels: ["lane"]
    ) {
      $0.lanes.flatMap { lane in
        [
          Sample(suffix: "_count", labels: [("lane", lane.name)], value: Double(lane.passes)),
          Sample(suffix: "_sum", labels: [("lane", lane.name)], value: lane.passSeconds),
        ]
      }
    },
    each(
      "lane", { $0.lanes }, { $0.name }, "last_pass_timestamp_seconds", unit: "seconds",
      "When a lane last finished a pass, seconds since 1970."
    ) { $0.lastPass.map { Double($0.seconds) } },
    MetricFamily("events", kind: .counter, "Events told since the agent started.", labels: ["event"]) {
      $0.events.sorted { $0.key < $1.key }.map {
        Sample(suffix: "_total", labels: [("event", $0.key)], value: Double($0.value))
      }
    },
    one("spool_bytes", unit: "bytes", "Sealed batches that are not confirmed yet, compressed.") {
      Double($0.spoolBytes)
    },
    one("spool_limit_bytes", unit: "bytes", "limits.spool_max_bytes.") { Double($0.spoolLimitBytes) },
    one("spool_full", "1 while rotation stands still because the spool is full.") { flag($0.isSpoolFull) },
    one("state_free_bytes", unit: "bytes", "Free on the file system of the state folder.") {
      $0.freeBytes.map { Double($0) }
    },
    one("state_min_free_bytes", unit: "bytes", "limits.min_free.") { Double($0.minFreeBytes) },
  ]

  private typealias Feed = MetricsSnapshot.Feed
  private static func feed(
    _ name: String, kind: Kind = .gauge, unit: String? = nil, _ help: String,
    _ value: @escaping @Sendable (Feed) -> Double?
  ) -> MetricFamily { each("feed", { $0.feeds }, { $0.name }, name, kind: kind, unit: unit, help, value) }

  private static let feeds: [MetricFamily] = [
    feed("feed_lag_seconds", unit: "seconds", "For how long the oldest file or drop of a feed has been waiting.") {
      Double($0.lagSeconds)
    },
    split(
      "feed", { $0.feeds }, { $0.name }, by: "state", ["waiting", "held", "quarantine", "damaged"], "feed_drops",
      "Drops of a feed now; waiting includes files in landing."
    ) { $0.drops },
    feed("feed_paused", "1 while a person has paused the feed.") { flag($0.isPaused) },
    feed("feed_in_trouble", "1 while the feed waits for a fault to pass.") { flag($0.isInTrouble) },
    feed("feed_blocked_items", "Files, folders and drops of a feed that wait for a reason of their own.") {
      Double($0.blockedItems)
    },
    feed(
      "feed_blocked_seconds", unit: "seconds", "For how long the oldest of them, or the feed itself, has been waiting."
    ) {
      Double($0.blockedSeconds)
    },
    feed("feed_late", "1 while a drop that was expected has not come.") { flag($0.isLate) },
    split(
      "feed", { $0.feeds }, { $0.name }, by: "outcome", dropOutcomes, "drops", kind: .counter,
      "What became of drops, as the ledger has it."
    ) { $0.totals },
    feed("drop_rows", kind: .counter, "Rows that were handed over.") { Double($0.rows) },
    feed("drop_bytes", kind: .counter, unit: "bytes", "Bytes that were handed over, as they arrived.") {
      Double($0.bytes)
    },
    feed(
      "feed_last_success_timestamp_seconds", unit: "seconds", "When a drop was last handed over, seconds since 1970."
    ) { $0.lastSuccess.map { Double($0.seconds) } },
  ]

  private typealias Stream = MetricsSnapshot.Stream
  private static func stream(
    _ name: String, kind: Kind = .gauge, unit: String? = nil, _ help: String,
    _ value: @escaping @Sendable (Stream) -> Double?
  ) -> MetricFamily { each("stream", { $0.streams }, { $0.name }, name, kind: kind, unit: unit, help, value) }

  private static let streams: [MetricFamily] = [
    stream("stream_lag_seconds", unit: "seconds", "For how long the oldest record has not been confirmed.") {
      Double($0.lagSeconds)
    },
    stream("stream_lag_bytes", unit: "bytes", "Log bytes that are not in a confirmed batch.") { Double($0.lagBytes) },
    split(
      "stream", { $0.streams }, { $0.name }, by: "state", ["ready", "held", "damaged"], "stream_batches",
      "Sealed batches of a stream that are not confirmed yet."
    ) { $0.batches },
    stream("stream_paused", "1 while a person has paused the stream.") { flag($0.isPaused) },
    stream("stream_in_trouble", "1 while the stream waits for a fault to pass.") { flag($0.isInTrouble) },
    stream("stream_blocked_items", "Logs and log folders of a stream that wait for a reason of their own.") {
      Double($0.blockedItems)
    },
    stream(
      "stream_blocked_seconds", unit: "seconds",
      "For how long the oldest of them, or the stream itself, has been waiting."
    ) {
      Double($0.blockedSeconds)
    },
    split(
      "stream", { $0.streams }, { $0.name }, by: "outcome", batchOutcomes, "batches", kind: .counter,
      "What became of batches, as the ledger has it; confirmed counts once for each store."
    ) { $0.totals },
    stream("batch_rows", kind: .counter, "Rows that were sealed into batches.") { Double($0.rows) },
    stream("batch_bytes", kind: .counter, unit: "bytes", "Bytes that were sealed into batches, before compression.") {
      Double($0.bytes)
    },
    stream(
      "batch_compressed_bytes", kind: .counter, unit: "bytes", "Bytes that were sealed into batches, after compression."
    ) { Double($0.compressedBytes) },
    stream("upload_retries", kind: .counter, "Transfers that failed and are tried again.") { Double($0.retries) },
    stream(
      "stream_last_success_timestamp_seconds", unit: "seconds",
      "When a store last confirmed a batch, seconds since 1970."
    ) { $0.lastSuccess.map { Double($0.seconds) } },
    stream(
      "stream_key_days_left", "Days until the key that a stream encrypts for ends; only for streams that encrypt."
    ) { $0.keyDaysLeft },
  ]

  private static let stores: [MetricFamily] = [
    each(
      "store", { $0.stores }, { $0.name }, "store_failures",
      "Failures of a store in a row, since it last took something."
    ) { Double($0.failures) },
    each(
      "store", { $0.stores }, { $0.name }, "store_due_batches",
      "Batches that a store could be sent now, those that are under way among them."
    ) { Double($0.due) },
    each(
      "store", { $0.stores }, { $0.name }, "store_without_confirmation_seconds", unit: "seconds",
      "For how long a store has confirmed nothing although batches were due; 0 where none is."
    ) { Double($0.secondsWithoutConfirmation) },
    each(
      "store", { $0.stores }, { $0.name }, "store_credential_days_left",
      "Days until the access to a store ends by itself; only for stores that tell."
    ) { $0.credentialDaysLeft },
  ]
}
