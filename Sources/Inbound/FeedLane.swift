public import Config
public import Core
public import Files
public import Journal
public import Lanes
public import Ledger
public import Spool
import Threads

/// When a feed's worker works: after each wake, when it asked to look again, and once a minute anyway.
public actor FeedLane: Lane {
  public typealias Clock = @Sendable () -> Moment
  /// Told of each finished pass: feeds the watchdog and the metrics.
  public typealias Report = @Sendable (PassSummary, Moment) -> Void

  public nonisolated let name: FeedName
  public nonisolated let runner: LaneRunner
  public nonisolated var unownedExecutor: UnownedSerialExecutor { runner.executor.asUnownedSerialExecutor() }

  private nonisolated let isPolling = Locked(false)
  private nonisolated let spool: Spool<DropPlace>
  private var worker: FeedWorker
  private let clock: Clock
  private let report: Report

  public init(
    _ settings: FeedSettings, state: StateFolder, files: any Files, ledger: Ledger, events: any EventSink,
    hands: Hands = .none, suspects: Suspects = .none, trust: ClockTrust = .trusting, minFree: UInt64 = 0,
    taken: TakenFiles = TakenFiles(), runner: LaneRunner, clock: @escaping Clock, report: @escaping Report = { _, _ in }
  ) {
    name = settings.name
    spool = Spool(root: state.feed(settings.name), files: files)
    self.runner = runner
    worker = FeedWorker(
      settings, state: state, files: files, ledger: ledger, events: events, hands: hands, suspects: suspects,
      clock: trust, turn: runner.turn, minFree: minFree, taken: taken, salt: { DropSalt.next() })
    self.clock = clock
    self.report = report
  }

  /// Whether some folder cannot be watched, so that only looking every few seconds finds what arrives there. From any thread.
  public nonisolated func poll(_ isNeeded: Bool) {
    let isNew = isPolling.withLock { isPolling in
      defer { isPolling = isNeeded }
      return isNeeded && !isPolling
    }
    if isNew { runner.wake() }
  }

  /// Whether the drop lies in one of its places. From any thread.
  public nonisolated func holds(_ drop: DropID) throws(FileFault) -> Bool { try spool.place(of: drop) != nil }

  /// One pass now. For `run --once`, which decides itself when it is over.
  public func pass() throws(LedgerFault) -> PassSummary {
    let began = clock()
    var summary = try worker.pass(at: began, stop: { [runner] in runner.mustEnd() })
    let ended = clock()
    summary.took = ended.uptime - began.uptime
    report(summary, ended)
    return summary
  }

  public func work() throws(LedgerFault) -> Duration {
    let summary = try pass()
    // It gave way to somebody.
    if summary.wasStopped { return .milliseconds(1) }
    let rest = isPolling.withLock { $0 } ? Limits.feedPoll : Limits.feedRescan
    return min(summary.next.map { max($0 - clock().uptime, .milliseconds(1)) } ?? rest, rest)
  }

  public func breakOff() {}

  // What people ask for; see the worker.

  public func release(_ id: DropID, by who: Requester, asBaseline: Bool) throws {
    try worker.release(id, by: who, asBaseline: asBaseline, at: clock())
  }
  public func retry(_ id: DropID) throws { try worker.retry(id, at: clock()) }
  public func retryAll() throws -> Int { try worker.retryAll(at: clock()) }
  public func purge(_ id: DropID, by who: Requester) throws { try worker.purge(id, by: who, at: clock()) }
  public func purge(before time: Timestamp, by who: Requester) throws -> Int {
    try worker.purge(before: time, by: who, at: clock())
  }
  public func pause(by who: Requester) throws -> Bool { try worker.pause(by: who, at: clock()) }
  public func resume(by who: Requester) throws -> Bool { try worker.resume(by: who) }
}

/// Tells apart drops of all feeds that were seen in one second: a random start, then one more each time, so unique in any second and not the
/// same after a restart within it.
enum DropSalt {
  private static let last = Locked(UInt32.random(in: 0...0xff_ffff))

  static func next() -> UInt32 {
    last.withLock { value in
      value &+= 1
      return value
    }
  }
}
