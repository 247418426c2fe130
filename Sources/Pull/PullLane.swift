public import Core
public import Files
public import Inbound
public import Lanes
import Ledger
public import Store
import Threads

/// When a feed's puller works, and what happens beside it: lists and downloads run while the worker rests, and their ends ask for the next
/// pass. Its passes take turns with those of its feed, on one thread: a name in landing is durable before the feed sees it.
public actor PullLane: Lane {
  public typealias Clock = @Sendable () -> Moment

  /// Of its feed.
  public nonisolated let name: FeedName
  public nonisolated let runner: LaneRunner
  public nonisolated var unownedExecutor: UnownedSerialExecutor { runner.executor.asUnownedSerialExecutor() }

  private var worker: PullWorker
  private let feed: FeedLane
  private let stores: [StoreName: any RemoteStore]
  private let hands: Hands
  private let clock: Clock
  private var tasks: [UInt64: (work: PullWork, task: Task<Void, Never>)] = [:]
  private var number: UInt64 = 0
  private var ended: [PullEnd] = []
  /// Of a page that could not be planned: the next pass meets it again.
  private var pageFault: LedgerFault?

  private struct Broken: Error {}

  /// - Parameter runner: on the feed's thread.
  public init(
    _ worker: PullWorker, of feed: FeedLane, stores: [StoreName: any RemoteStore], hands: Hands = .none,
    runner: LaneRunner, clock: @escaping Clock
  ) {
    precondition(runner.executor === feed.runner.executor, "a feed and its pull take turns on one thread")
    name = feed.name
    self.worker = worker
    self.worker.wake = { runner.wake() }
    self.feed = feed
    self.runner = runner
    self.stores = stores
    self.hands = hands
    self.clock = clock
  }

  public func work() throws(LedgerFault) -> Duration { max(try pass() - clock().uptime, Limits.pullLeastRest) }

  /// One pass now, its work started. - Returns: uptime of the next.
  @discardableResult public func pass() throws(LedgerFault) -> Duration {
    if let fault = pageFault {
      pageFault = nil
      throw fault
    }
    while let end = ended.first {
      // What a fault of the ledger keeps from being noted is found again.
      ended.removeFirst()
      let now = clock()
      try hands.holding(end.inHand) { () throws(LedgerFault) in try worker.note(end, at: now) }
    }
    let pass = try worker.pass(at: clock())
    for work in pass.works { start(work) }
    if pass.landed > 0 { feed.wake() }
    return pass.next
  }

  public struct Outcome: Sendable {
    /// Nothing is under way or due.
    public let isIdle: Bool
    /// Something could not be fetched or asked for.
    public let isWaiting: Bool
    public let progress: Int
    /// Whether its store answered in this life; nil: it was not asked.
    public let reached: Bool?
  }

  /// How it stands: for `run --once`.
  public var outcome: Outcome {
    Outcome(
      isIdle: tasks.isEmpty && ended.isEmpty && worker.isIdle, isWaiting: worker.isWaiting, progress: worker.progress,
      reached: worker.reached)
  }

  /// Downloads under way are begun anew in the next life.
  public func breakOff() async {
    for task in tasks.values { task.task.cancel() }
    for task in tasks.values { await task.task.value }
  }

  /// Its store is asked now. - Returns: whether it was left alone.
  public func askAgain() -> Bool {
    guard worker.askAgain(at: clock()) else { return false }
    runner.wake()
    return true
  }

  // MARK: - Work

  private func start(_ work: PullWork) {
    guard let store = stores[work.store] else { preconditionFailure("a checked configuration names no unknown store") }
    number += 1
    let mine = number
    let task = Task(executorPreference: hands.taking(work.inHand)) {
      [clock, slots = worker.slots, lane = worker.lane] in
      let end = await work.carryOut(in: store) { page, list in try await self.take(page, of: list) }
      slots.giveBack(work.store, of: lane, at: clock().uptime)
      await self.end(end, work, mine)
    }
    tasks[mine] = (work, task)
  }

  private func take(_ page: [ListedObject], of list: PullList) throws {
    if Task.isCancelled { throw Broken() }
    do throws(LedgerFault) {
      try worker.note(page, of: list, at: clock())
    } catch {
      pageFault = error
      throw Broken()
    }
  }

  private func end(_ end: PullEnd?, _ work: PullWork, _ mine: UInt64) {
    tasks[mine] = nil
    // What we broke off ourselves says nothing of the store.
    if let end, !Task.isCancelled { ended.append(end) } else { worker.drop(work, at: clock()) }
    runner.wake()
  }
}
