public import Core
public import Files
public import Journal
public import Store
import Threads

/// When the puller works, and what happens beside it: lists and downloads run while the engine rests, and their ends ask for the next
/// pass. Its passes take turns with those of the inbound lane, on one thread: a name in landing is durable before that lane sees it.
public actor PullLane {
  public typealias Clock = @Sendable () -> Moment

  private let executor: LaneExecutor
  public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  private nonisolated let waker = Waker()
  private nonisolated let isStopped = Locked(false)
  private var engine: PullEngine
  private let inbound: InboundLane
  private let stores: [StoreName: any RemoteStore]
  private let events: any EventSink
  private let hands: Hands
  private let clock: Clock
  private var tasks: [UInt64: (work: PullWork, task: Task<Void, Never>)] = [:]
  private var number: UInt64 = 0
  private var ended: [PullEnd] = []
  /// Of a page that could not be planned: the next pass meets it again.
  private var pageFault: LedgerFault?
  private var failures = 0

  private struct Broken: Error {}

  public init(
    _ engine: PullEngine, beside inbound: InboundLane, stores: [StoreName: any RemoteStore], events: any EventSink,
    hands: Hands = .none, clock: @escaping Clock
  ) {
    self.engine = engine
    self.inbound = inbound
    executor = inbound.executor
    self.stores = stores
    self.events = events
    self.hands = hands
    self.clock = clock
  }

  /// Asks for a pass. From any thread.
  public nonisolated func wake() { waker.wake() }

  /// Ends `run`. From any thread. Downloads under way are broken off, and begun anew in the next life.
  public nonisolated func stop() {
    isStopped.withLock { $0 = true }
    waker.wake()
  }

  /// Until `stop` is called.
  /// - Throws: a ledger that is damaged, or of a newer version. Whatever may heal by itself is retried.
  public func run() async throws(LedgerFault) {
    while !isStopped.withLock({ $0 }) { _ = await waker.wait(atMost: try passOrPause()) }
    await breakOff()
  }

  private func passOrPause() throws(LedgerFault) -> Duration {
    do throws(LedgerFault) {
      let next = try pass()
      failures = 0
      return max(next - clock().uptime, .milliseconds(5))
    } catch {
      if error.kind == .damaged || error.kind == .newer { throw error }
      // The inbound lane uses the same ledger and tells of it.
      failures += 1
      return .seconds(min(60, 1 << min(failures, 6)))
    }
  }

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
      try hands.holding(end.inHand) { () throws(LedgerFault) in try engine.note(end, at: now) }
    }
    let pass = try engine.pass(at: clock())
    for work in pass.works { start(work) }
    if pass.landed > 0 { inbound.wake() }
    return pass.next
  }

  public struct Outcome: Sendable {
    /// Nothing is under way or due.
    public let isIdle: Bool
    /// Something could not be fetched or asked for.
    public let isWaiting: Bool
    public let progress: Int
    public let reached: [StoreName: Bool]
  }

  /// How it stands: for `run --once`.
  public var outcome: Outcome {
    Outcome(
      isIdle: tasks.isEmpty && ended.isEmpty && engine.isIdle, isWaiting: engine.isWaiting, progress: engine.progress,
      reached: engine.reached)
  }

  public func breakOff() async {
    for task in tasks.values { task.task.cancel() }
    for task in tasks.values { await task.task.value }
  }

  // MARK: - Work

  private func start(_ work: PullWork) {
    guard let store = stores[work.store] else { preconditionFailure("a checked configuration names no unknown store") }
    number += 1
    let mine = number
    let task = Task(executorPreference: hands.taking(work.inHand)) {
      let end = await work.carryOut(in: store) { page, list in try await self.take(page, of: list) }
      await self.end(end, work, mine)
    }
    tasks[mine] = (work, task)
  }

  private func take(_ page: [ListedObject], of list: PullList) throws {
    if Task.isCancelled { throw Broken() }
    do throws(LedgerFault) {
      try engine.note(page, of: list, at: clock())
    } catch {
      pageFault = error
      throw Broken()
    }
  }

  private func end(_ end: PullEnd?, _ work: PullWork, _ mine: UInt64) {
    tasks[mine] = nil
    // What we broke off ourselves says nothing of the store.
    if let end, !Task.isCancelled { ended.append(end) } else { engine.drop(work) }
    waker.wake()
  }
}
