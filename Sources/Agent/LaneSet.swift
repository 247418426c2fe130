import Config
import Control
import Core
import Files
import Inbound
import Journal
import Lanes
import Ledger
import Outbound
import Pull
import Spool
import Store
import Stores
import SystemPackage
import Threads

/// A lane for each feed, stream and pull of one configuration.
final class LaneSet: RequestedLanes {
  let feeds: [FeedLane]
  let streams: [StreamLane]
  let pulls: [PullLane]
  let settings: Settings
  let ends: Endings
  let clock: ClockTrust
  let suspects: Suspects
  /// What streams know of their stores.
  let storeStates: StoreStates
  private let ledger: Ledger
  private let events: any EventSink
  private let notice: ServiceNotice?
  private let generation: Int
  private let reporter: LaneReporter
  /// Ends `run` where there is no lane at all.
  private let ending = Waker()

  /// - Parameters:
  ///   - notice: told how the lanes stand.
  ///   - metrics: told of each pass.
  ///   - sending: false: no store will be asked, so none is made, and no secret is needed.
  init(
    _ run: AgentRun, _ settings: Settings, notice: ServiceNotice? = nil, metrics: MetricsKeeper? = nil,
    sending: Bool = true
  ) {
    self.settings = settings
    (ledger, events, self.notice) = (run.ledger, run.events, notice)
    (clock, suspects) = (run.clock, run.suspects)
    generation = notice?.begin(settings.feeds.map { $0.name.lane } + settings.streams.map { $0.name.lane }) ?? 0
    let stores = sending ? Self.stores(settings, run, notice) : [:]
    ends = Endings(
      stores: stores.compactMap { store in store.value.traits.expires.map { AccessEnd(store: store.key, at: $0) } },
      keys: sending ? KeyEnd.all(settings) : [])
    let reporter = LaneReporter(settings, notice, metrics, generation)
    self.reporter = reporter
    let maker = LaneMaker(run, settings, stores, notice, reporter)
    (feeds, pulls) = maker.feeds()
    reporter.use(pulls)
    (streams, storeStates) = maker.streams()
    let runners = feeds.map(\.runner) + streams.map(\.runner)
    let wakes = Dictionary(runners.map { ($0.name, $0) }, uniquingKeysWith: { a, _ in a })
    notice?.heed { lane in wakes[lane]?.wake() }
  }

  /// Before the lanes run.
  func report(to watch: LaneWatch) { reporter.use(watch) }

  func wake() {
    for lane in feeds { lane.wake() }
    for lane in pulls { lane.wake() }
    for lane in streams { lane.wake() }
  }

  /// Asks every stream to seal everything.
  func flush() { for lane in streams { lane.flush() } }

  func fetchAgain() async -> Int {
    var count = 0
    for lane in pulls where await lane.askAgain() { count += 1 }
    return count
  }

  /// A reload comes mostly because somebody mended something: every store is asked at once.
  func askAgain() async {
    for lane in streams { await lane.askAgain() }
  }

  func stop() {
    reporter.leave()
    for lane in feeds { lane.stop() }
    for lane in pulls { lane.stop() }
    for lane in streams { lane.stop() }
    ending.wake()
  }

  /// Before the first pass: what the ledger holds of feeds that are configured no more.
  func tidy() throws(LedgerFault) {
    let names = Set(settings.feeds.map(\.name))
    do throws(LedgerFault) {
      try FeedWorker.forgetExpectations(in: ledger) { !names.contains($0) }
    } catch {
      // What may heal by itself is the lanes' to tell; the next start or reload tidies.
      if [.damaged, .newer, .older].contains(error.kind) { throw error }
    }
  }

  /// Until `stop`, or until a ledger fault ends one of them, which ends all.
  func run() async throws {
    try tidy()
    let expiry = Task.onPool { [ends, events] in await ends.watch(events) }
    defer { expiry.cancel() }
    if feeds.isEmpty, streams.isEmpty { notice?.settled(generation, LaneStandings(settings).words) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { _ = await self.ending.wait(atMost: nil) }
      for lane in feeds { group.addTask { try await lane.run() } }
      for lane in pulls { group.addTask { try await lane.run() } }
      for lane in streams { group.addTask { try await lane.run() } }
      defer { stop() }
      // Whichever ends first, ends all.
      for try await _ in group { stop() }
    }
  }
}

// MARK: - Stores

extension LaneSet {
  private static func stores(
    _ settings: Settings, _ run: AgentRun, _ notice: ServiceNotice?
  ) -> [StoreName: any RemoteStore] {
    // Those of this configuration: the run may have begun with another.
    let files = LinuxFiles(settings)
    var stores: [StoreName: any RemoteStore] = [:]
    let throttle = throttle(settings.limits.bandwidth)
    let stalls = stallLog(notice, run.events)
    for store in settings.stores {
      let isSentTo = settings.streams.contains { $0.stores.contains(store.name) }
      let host = settings.host
      // What has been checked can still have gone by now; that concerns this store alone.
      stores[store.name] = MendingStore.store { () throws(StoreFault) in
        let made = try makeStore(
          store, files: files, agent: "navette/\(Version.text)", throttle: throttle,
          stalls: stalls, memory: FolderMemory(run.state.store(store.name), files: files), clock: SystemClock.wall)
        return isSentTo ? try proven(made, store, host: host, state: run.state, files) : made
      }
    }
    return stores
  }

  private static func proven(
    _ made: any RemoteStore, _ store: StoreSettings, host: String, state: StateFolder, _ files: any Files
  ) throws(StoreFault) -> any RemoteStore {
    try ProvenStore(
      made, store, host: host, folder: state.probes(for: store.name),
      memory: ProofMemory(state.proof(of: store.name), files: files), files: files, clock: SystemClock.wall)
  }

  private static func stallLog(_ notice: ServiceNotice?, _ events: any EventSink) -> StallLog {
    StallLog { stall, isNew, count in
      notice?.stalled(count)
      guard isNew else { return }
      events.record(
        .transferStalled,
        "Store \(stall.store): a transfer (\(stall.what)) moved no byte for \(stall.patience.components.seconds) s, was broken off, "
          + "and does not end. The agent goes on without it. This is a fault of navette: please report it",
        [.store: stall.store.text, .reason: "stalled"])
    }
  }

  /// The windows are those of the machine's own clock.
  private static func throttle(_ bandwidth: LimitSettings.Bandwidth) -> Throttle? {
    if bandwidth == .unlimited { return nil }
    let zone = SystemZone.local()
    return Throttle { LimitSettings.rate(bandwidth, at: zone.local($0)) }
  }
}
