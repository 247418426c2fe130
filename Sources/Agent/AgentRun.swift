import Config
import Core
import Files
import Inbound
import Journal
import Ledger
import Outbound
import Spool
import Store
import Stores
import SystemPackage
import Threads

/// An agent that holds its state folder: lock taken, ledger open. A process has one; a reload makes new lanes in it.
final class AgentRun: Sendable {
  let files: any Files
  let ledger: Ledger
  let events: any EventSink
  let state: StateFolder
  /// Of an agent; a command's is told to nobody.
  let hands: Hands
  /// What it crashed on before.
  let suspects: Suspects
  let clock: ClockTrust
  private let lock: AgentLock

  /// - Parameter isAgent: a life that is told of; false: a command that works without one.
  /// - Throws: `Failure`, where another agent holds the folder, it is another machine's, or it cannot be read or written.
  init(_ settings: Settings, events: any EventSink, adopt: Bool = false, isAgent: Bool = false) throws {
    files = LinuxFiles(settings)
    self.events = events
    state = StateFolder(settings.state)
    var begun: (hands: Hands, suspects: Suspects)?
    do {
      try files.ensureDirectory(state.root)
      try StateOwnership.becomeOwner(of: state, files)
      lock = try AgentRun.takeLock(state)
      begun = isAgent ? LastLife.begin(state, files, events) : nil
      (hands, suspects) = begun ?? (.none, .none)
      try StateOwnership.checkMachine(state, files, adopt: adopt)
      if adopt { try OutboundEngine.adopt(settings.streams, state, files) }
      try RequestQueue(state: state, files: files).prepare()
      ledger = try LedgerKeeper.open(settings, files, events, at: SystemClock.now())
      clock = ClockTrust(
        at: state.clock, files, events,
        lastKnown: try ledger.read { (t) throws(LedgerFault) in try t.lastNoted() })
    } catch {
      let failure = Failure.of(error)
      begun?.hands.end(code: (failure as? Failure)?.code.rawValue ?? ExitCode.stateUnusable.rawValue)
      throw failure
    }
  }

  /// - Throws: `Failure`: to try again later where another agent holds it.
  static func takeLock(_ state: StateFolder) throws -> AgentLock {
    do {
      return try AgentLock(state: state.root)
    } catch {
      throw Failure(error.kind == .exists ? .later : .stateUnusable, error.description)
    }
  }
}

/// Both lanes for one configuration, and the watches that wake them.
final class Lanes: Sendable {
  let inbound: InboundLane
  let outbound: OutboundLane
  /// Nil where no feed pulls.
  let pull: PullLane?
  let settings: Settings
  let ends: [AccessEnd]
  let clock: ClockTrust
  let suspects: Suspects
  private let events: any EventSink

  /// Told of finished passes; set before the lanes run.
  private let watch = Locked<LaneWatch?>(nil)
  /// For the inbound lane to wake; empty once they stop, so that neither keeps the other.
  private let puller = Locked<PullLane?>(nil)

  /// - Parameters:
  ///   - notice: told how the lanes stand.
  ///   - metrics: told of each pass.
  ///   - sending: false: no store will be asked, so none is made, and no secret is needed.
  init(
    _ run: AgentRun, _ settings: Settings, notice: ServiceNotice? = nil, metrics: MetricsKeeper? = nil,
    sending: Bool = true
  ) {
    self.settings = settings
    events = run.events
    (clock, suspects) = (run.clock, run.suspects)
    let watch = watch
    let generation = notice?.begin() ?? 0
    let puller = puller
    inbound = InboundLane(
      feeds: settings.feeds, state: run.state, files: LinuxFiles(settings) { notice?.progressed(.inbound) },
      ledger: run.ledger,
      events: run.events, hands: run.hands, suspects: run.suspects, trust: run.clock,
      minFree: settings.limits.minFree, clock: SystemClock.now,
      report: { pass, now in
        watch.withLock { $0 }?.passedInbound(pass)
        metrics?.passed(pass, at: now)
        // A name in landing may be free, and an object done with.
        if pass.hasEnded { puller.withLock { $0 }?.wake() }
        notice?.passed(.inbound, of: generation, ServiceNotice.describe(pass, feeds: settings.feeds.count))
      }, progress: { notice?.progressed(.inbound) })
    let stores = sending ? Self.stores(settings, run, notice) : [:]
    ends = stores.compactMap { store in store.value.traits.expires.map { AccessEnd(store: store.key, at: $0) } }
    let beside = inbound
    if let engine = PullEngine(settings: settings, files: LinuxFiles(settings), ledger: run.ledger, events: run.events)
    {
      pull = PullLane(
        engine, beside: beside, stores: stores, events: run.events, hands: run.hands, clock: SystemClock.now)
    } else {
      pull = nil
    }
    let made = pull
    puller.withLock { $0 = made }
    outbound = OutboundLane(
      settings: settings, files: LinuxFiles(settings) { notice?.progressed(.outbound) }, ledger: run.ledger,
      events: run.events,
      hands: run.hands, suspects: run.suspects, trust: run.clock, stores: stores.mapValues { $0 },
      reopen: Reopening.run, clock: SystemClock.now,
      report: { pass, now in
        watch.withLock { $0 }?.passedOutbound(pass)
        metrics?.passed(pass, at: now)
        notice?.passed(.outbound, of: generation, ServiceNotice.describe(pass, streams: settings.streams.count))
      }, progress: { notice?.progressed(.outbound) })
    notice?.heed { [inbound, outbound] lane in
      switch lane {
      case .inbound: inbound.wake()
      case .outbound: outbound.wake()
      }
    }
  }

  private static func stores(
    _ settings: Settings, _ run: AgentRun, _ notice: ServiceNotice?
  ) -> [StoreName: any RemoteStore] {
    // Those of this configuration: the run may have begun with another.
    let files = LinuxFiles(settings)
    var stores: [StoreName: any RemoteStore] = [:]
    let throttle = throttle(settings.limits.bandwidth)
    let stalls = stallLog(notice, run.events)
    for store in settings.stores {
      // What has been checked can still have gone by now; that concerns this store alone.
      stores[store.name] = MendingStore.store { () throws(StoreFault) in
        try makeStore(
          store, files: files, agent: "navette/\(Version.text)", throttle: throttle,
          stalls: stalls, memory: FolderMemory(run.state.store(store.name), files: files), clock: SystemClock.wall)
      }
    }
    return stores
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

  func report(to watch: LaneWatch) { self.watch.withLock { $0 = watch } }

  func wake() {
    inbound.wake()
    pull?.wake()
    outbound.wake()
  }

  func stop() {
    watch.withLock { $0 = nil }
    puller.withLock { $0 = nil }
    inbound.stop()
    pull?.stop()
    outbound.stop()
  }

  /// Until `stop`, or until a ledger fault ends one of them, which ends both.
  func run() async throws {
    let expiry = Task.onPool { [ends, events] in await AccessEnd.watch(ends, events) }
    defer { expiry.cancel() }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await self.inbound.run() }
      group.addTask { try await self.outbound.run() }
      if let pull { group.addTask { try await pull.run() } }
      defer { stop() }
      for try await _ in group {}
    }
  }
}
