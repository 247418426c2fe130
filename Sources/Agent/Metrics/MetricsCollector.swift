import Config
import Core
import Files
import Ledger
import Metrics
import Spool
import Store

/// What only the running agent knows, as its last passes told it.
struct LaneFacts: Hashable, Sendable {
  var feeds: [FeedName: MetricsSnapshot.Lane] = [:]
  var streams: [StreamName: MetricsSnapshot.Lane] = [:]
  var feedsInTrouble: Set<FeedName> = []
  var streamsInTrouble: Set<StreamName> = []
  var isSpoolFull = false
  var isConfigRefused = false

  /// All feeds in one, and all streams: passes are added, and the last pass is that of the lane that has been silent for longest.
  var directions: [MetricsSnapshot.Lane] {
    [Self.sum("inbound", Array(feeds.values)), Self.sum("outbound", Array(streams.values))]
  }

  private static func sum(_ name: String, _ lanes: [MetricsSnapshot.Lane]) -> MetricsSnapshot.Lane {
    var sum = MetricsSnapshot.Lane(name)
    sum.passes = lanes.total(\.passes)
    sum.passSeconds = lanes.reduce(0) { $0 + $1.passSeconds }
    sum.lastPass = lanes.contains { $0.lastPass == nil } ? nil : lanes.compactMap(\.lastPass).min()
    return sum
  }
}

/// Takes a snapshot: the present from `StatusReport`, the past from the totals that the ledger keeps.
struct MetricsCollector {
  let startedAt: Timestamp
  private var ledger: Ledger?
  private var tally = Tally()

  init(startedAt: Timestamp) { self.startedAt = startedAt }

  /// - Throws: faults of the disk and of the ledger.
  mutating func snapshot(
    _ settings: Settings, _ ends: Endings, _ facts: LaneFacts, _ events: [String: Int], at now: Timestamp
  ) throws -> MetricsSnapshot {
    let files = LinuxFiles(settings)
    let ledger = try reader(StateFolder(settings.state))
    tally = try ledger.read(TotalTable.all)
    let waits = try ledger.read(DeliveryTable.storeWaits)
    let report = try StatusReport(settings, files, ledger, ends, at: now)

    var snapshot = MetricsSnapshot(version: Version.text, startedAt: startedAt, takenAt: now)
    snapshot.isConfigRefused = facts.isConfigRefused
    snapshot.spoolBytes = report.spool.bytes
    snapshot.spoolLimitBytes = report.spool.maxBytes
    snapshot.isSpoolFull = facts.isSpoolFull
    snapshot.freeBytes = try? files.freeBytes(at: settings.state)
    snapshot.minFreeBytes = settings.limits.minFree
    snapshot.lanes = facts.directions
    snapshot.feeds = zip(settings.feeds, report.feeds).map { feed($0.name, $1, facts) }
    snapshot.streams = zip(settings.streams, report.streams).map { settings, report in
      var figures = stream(settings.name, report, facts)
      figures.keyDaysLeft = ends.keys.first { $0.stream == settings.name }?.daysLeft(now)
      return figures
    }
    snapshot.stores = settings.stores.map { store in
      var figures = MetricsSnapshot.Store(store.name.text)
      figures.failures = waits[store.name]?.attempts ?? 0
      let told = report.stores.first { $0.name == store.name.text }
      figures.due = told?.due ?? 0
      figures.secondsWithoutConfirmation = told?.secondsWithoutConfirmation ?? 0
      figures.credentialDaysLeft = ends.stores.first { $0.store == store.name }?.daysLeft(now)
      return figures
    }
    snapshot.events = events
    return snapshot
  }

  /// A connection of its own: reading here never makes a lane wait.
  private mutating func reader(_ state: StateFolder) throws(LedgerFault) -> Ledger {
    if let ledger { return ledger }
    let opened = try Ledger(reading: state.ledger)
    ledger = opened
    return opened
  }

  private func feed(_ name: FeedName, _ report: StatusReport.Feed, _ facts: LaneFacts) -> MetricsSnapshot.Feed {
    var figures = MetricsSnapshot.Feed(name.text)
    figures.lagSeconds = report.lagSeconds
    figures.drops = [
      "waiting": report.waiting, "held": report.held, "quarantine": report.quarantine, "damaged": report.damaged,
    ]
    (figures.blockedItems, figures.blockedSeconds) = (report.blocked.items, report.blocked.seconds)
    figures.isPaused = report.pausedSince != nil
    figures.isInTrouble = facts.feedsInTrouble.contains(name)
    figures.isLate = report.late
    let past = tally.feeds[name] ?? Tally.Lane()
    figures.totals = Self.outcomes(past.events, Self.dropEvents)
    (figures.rows, figures.bytes, figures.lastSuccess) = (past.rows, past.bytes, past.lastSuccess)
    return figures
  }

  private func stream(_ name: StreamName, _ report: StatusReport.Stream, _ facts: LaneFacts) -> MetricsSnapshot.Stream {
    var figures = MetricsSnapshot.Stream(name.text)
    (figures.lagSeconds, figures.lagBytes) = (report.lagSeconds, report.lagBytes)
    figures.batches = ["ready": report.waiting, "held": report.held, "damaged": report.damaged]
    (figures.blockedItems, figures.blockedSeconds) = (report.blocked.items, report.blocked.seconds)
    figures.isPaused = report.pausedSince != nil
    figures.isInTrouble = facts.streamsInTrouble.contains(name)
    let past = tally.streams[name] ?? Tally.Lane()
    figures.totals = Self.outcomes(past.events, Self.batchEvents)
    figures.retries = past.events["upload_retry"] ?? 0
    (figures.rows, figures.bytes, figures.compressedBytes) = (past.rows, past.bytes, past.compressedBytes)
    figures.lastSuccess = past.lastSuccess
    return figures
  }

  // MARK: - Outcomes by the names of the history's events

  static let dropEvents = [
    "drop_seen": "seen", "checked": "accepted", "drop_handed_over": "handed_over", "drop_duplicate": "duplicate",
    "feed_empty": "empty", "drop_held": "held", "drop_quarantined": "quarantined", "drop_released": "released",
    "drop_damaged": "damaged",
  ]
  static let batchEvents = [
    "batch_sealed": "sealed", "batch_confirmed": "confirmed", "batch_held": "held", "batch_purged": "purged",
    "batch_damaged": "damaged",
  ]

  private static func outcomes(_ events: [String: Int], _ names: [String: String]) -> [String: Int] {
    Dictionary(
      names.compactMap { event, outcome in events[event].map { (outcome, $0) } }, uniquingKeysWith: { $0 + $1 })
  }
}
