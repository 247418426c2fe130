public import Config
public import Core
public import Files
public import Journal
public import Ledger
public import Spool
public import SystemPackage
import Threads

/// When the inbound engine works: after each wake, when it asked to look again, and once a minute anyway.
public actor InboundLane {
  /// A watch can lose events, and some folders cannot be watched at all.
  private static let rescan = Duration.seconds(60)
  /// Where no event comes at all.
  private static let poll = Duration.seconds(5)

  public typealias Clock = @Sendable () -> Moment
  /// Told of each finished pass: feeds the watchdog and the snapshot.
  public typealias Report = @Sendable (PassSummary, Moment) -> Void

  /// Also the puller's: the two take turns.
  let executor = LaneExecutor("inbound")
  public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  private nonisolated let waker = Waker()
  private nonisolated let isStopped = Locked(false)
  private nonisolated let isPolling = Locked(false)
  /// What people have asked for and waits for its turn.
  private nonisolated let asked = Locked(0)
  private var engine: InboundEngine
  private let events: any EventSink
  private let clock: Clock
  private let report: Report
  private let progress: @Sendable () -> Void
  /// Passes in a row that the ledger made impossible.
  private var failures = 0

  /// - Parameter progress: told between the steps of a pass, and when one has failed: the lane is alive.
  public init(
    feeds: [FeedSettings], state: StateFolder, files: any Files, ledger: Ledger, events: any EventSink,
    hands: Hands = .none, suspects: Suspects = .none, trust: ClockTrust = .trusting, minFree: UInt64 = 0,
    clock: @escaping Clock, report: @escaping Report = { _, _ in },
    progress: @escaping @Sendable () -> Void = {}
  ) {
    // A random start, then one more each time: unique in any second, and not the same after a restart within it.
    let salt = Locked(UInt32.random(in: 0...0xff_ffff))
    engine = InboundEngine(
      feeds: feeds, state: state, files: files, ledger: ledger, events: events, hands: hands, suspects: suspects,
      clock: trust, minFree: minFree
    ) {
      salt.withLock { value in
        value &+= 1
        return value
      }
    }
    self.events = events
    self.clock = clock
    self.report = report
    self.progress = progress
  }

  /// Asks for a pass. From any thread.
  public nonisolated func wake() { waker.wake() }

  /// Whether some folder cannot be watched, so that only looking every few seconds finds what arrives there. From any thread.
  public nonisolated func poll(_ isNeeded: Bool) {
    let isNew = isPolling.withLock { isPolling in
      defer { isPolling = isNeeded }
      return isNeeded && !isPolling
    }
    if isNew { waker.wake() }
  }

  /// Ends `run` after the step in hand. From any thread.
  public nonisolated func stop() {
    isStopped.withLock { $0 = true }
    waker.wake()
  }

  /// Folders in which something new should wake the lane.
  public var folders: [FilePath] { engine.folders }

  /// What people ask for comes before the work in hand: the pass under way ends soon, and is taken up again after it.
  public nonisolated func ahead<Result: Sendable>(
    _ body: @Sendable (isolated InboundLane) throws -> Result
  ) async rethrows -> Result {
    asked.withLock { $0 += 1 }
    defer { waker.wake() }
    return try await perform(body)
  }

  private func perform<Result>(_ body: @Sendable (isolated InboundLane) throws -> Result) rethrows -> Result {
    asked.withLock { $0 -= 1 }
    return try body(self)
  }

  // What people ask for; see the engine. Each wakes the lane.

  public func release(_ id: DropID, by who: Requester) throws {
    try engine.release(id, by: who, at: clock())
    waker.wake()
  }

  public func retry(_ id: DropID) throws {
    try engine.retry(id, at: clock())
    waker.wake()
  }

  public func retryAll() throws -> Int {
    defer { waker.wake() }
    return try engine.retryAll(at: clock())
  }

  public func purge(_ id: DropID, by who: Requester) throws { try engine.purge(id, by: who, at: clock()) }

  public func purge(_ feed: FeedName, before time: Timestamp, by who: Requester) throws -> Int {
    try engine.purge(feed, before: time, by: who, at: clock())
  }

  public func pause(_ feed: FeedName, by who: Requester) throws -> Bool { try engine.pause(feed, by: who, at: clock()) }

  public func resume(_ feed: FeedName, by who: Requester) throws -> Bool {
    defer { waker.wake() }
    return try engine.resume(feed, by: who)
  }

  /// One pass now. For `run --once`, which decides itself when it is over.
  public func pass() throws(LedgerFault) -> PassSummary {
    let began = clock()
    var summary = try engine.pass(
      at: began,
      stop: { [isStopped, asked, progress] in
        progress()
        return isStopped.withLock { $0 } || asked.withLock { $0 } > 0
      })
    let ended = clock()
    summary.took = ended.uptime - began.uptime
    report(summary, ended)
    return summary
  }

  /// Until `stop` is called or the task is cancelled.
  /// - Throws: a ledger that is damaged, or of a newer version. Whatever may heal by itself is retried.
  public func run() async throws(LedgerFault) {
    while !isStopped.withLock({ $0 }) {
      let wait = try passOrPause()
      if await waker.wait(atMost: wait) == .cancelled { return }
    }
  }

  private func passOrPause() throws(LedgerFault) -> Duration {
    do throws(LedgerFault) {
      let summary = try pass()
      if failures > 0 { events.record(.laneResumed, "The inbound lane goes on") }
      failures = 0
      let rest = isPolling.withLock { $0 } ? Self.poll : Self.rescan
      // It gave way to somebody.
      if summary.wasStopped { return .milliseconds(1) }
      let next = summary.next.map { max($0 - clock().uptime, .milliseconds(1)) } ?? rest
      return min(next, rest)
    } catch {
      if error.kind == .damaged || error.kind == .newer { throw error }
      progress()
      failures += 1
      if failures == 1 {
        events.record(.lanePaused, "The inbound lane is paused: \(error)", [.reason: error.description])
      }
      return .seconds(min(60, 1 << min(failures, 6)))
    }
  }
}
