public import Core
public import Threads

/// One feed, one stream or one pull. Whatever wakes it (the kernel, a timer, a person, an ended transfer) asks for a pass, and a pass does
/// whatever can be done now; what lies on the disk says what that is.
public protocol Lane: Actor {
  nonisolated var runner: LaneRunner { get }

  /// - Returns: how long to rest where nothing wakes the lane.
  /// - Throws: faults of the ledger. Whatever is the fault of less than that makes less wait.
  func work() throws(LedgerFault) -> Duration

  /// What is under way beside the passes is broken off.
  func breakOff() async throws(LedgerFault)
}

extension Lane {
  /// Asks for a pass. From any thread.
  public nonisolated func wake() { runner.wake() }

  /// Ends `run` after the step in hand. From any thread.
  public nonisolated func stop() { runner.stop() }

  /// Until `stop` is called or the task is cancelled.
  /// - Throws: a ledger that is damaged, or of another version. Whatever may heal by itself is tried again.
  public func run() async throws(LedgerFault) {
    while !runner.isStopped {
      let rest = try runner.attempt { () throws(LedgerFault) in try work() }
      if await runner.rest(atMost: rest) == .cancelled { break }
    }
    try await breakOff()
  }

  /// What people ask for comes before the work in hand: the pass under way ends soon, and is taken up again after it.
  public nonisolated func ahead<Result: Sendable>(
    _ body: @Sendable (isolated Self) async throws -> Result
  ) async rethrows -> Result {
    runner.ask()
    defer { runner.wake() }
    return try await perform(body)
  }

  private func perform<Result>(_ body: @Sendable (isolated Self) async throws -> Result) async rethrows -> Result {
    runner.answer()
    return try await body(self)
  }
}

/// What the loop of a lane needs, whoever's it is.
public final class LaneRunner: Sendable {
  private struct State {
    var isStopped = false
    /// What people have asked for and waits for its turn.
    var asked = 0
    /// Passes in a row that the ledger made impossible.
    var failures = 0
  }

  /// As people know it: `feed audiences`.
  public let name: String
  public let executor: LaneExecutor
  public let turn: Turn
  private let trouble: LedgerTrouble
  private let progress: @Sendable () -> Void
  private let waker = Waker()
  private let state = Locked(State())

  /// - Parameters:
  ///   - executor: nil: a thread of its own. Lanes that share one take turns.
  ///   - progress: told between the steps of a pass, and when one has failed: the lane is alive.
  public init(
    _ name: String, on executor: LaneExecutor? = nil, turn: Turn = .free(), trouble: LedgerTrouble,
    progress: @escaping @Sendable () -> Void = {}
  ) {
    self.name = name
    // As much as a thread's name may have.
    self.executor = executor ?? LaneExecutor(String(decoding: name.utf8.prefix(Limits.executorName), as: UTF8.self))
    self.turn = turn
    self.trouble = trouble
    self.progress = progress
  }

  public func wake() { waker.wake() }

  public func stop() {
    state.withLock { $0.isStopped = true }
    waker.wake()
  }

  public var isStopped: Bool { state.withLock { $0.isStopped } }

  /// To be asked between two pieces of work: whether the pass should end now, because the agent stops or somebody asks for something.
  /// Meanwhile others may have had their turn.
  public func mustEnd() -> Bool {
    progress()
    turn.breathe()
    return state.withLock { $0.isStopped || $0.asked > 0 }
  }

  func ask() { state.withLock { $0.asked += 1 } }
  func answer() { state.withLock { $0.asked -= 1 } }

  /// Until somebody wakes the lane, or the time is over.
  public func rest(atMost limit: Duration, isolation: isolated (any Actor)? = #isolation) async -> Waker.Reason {
    await waker.wait(atMost: limit)
  }

  func attempt(_ pass: () throws(LedgerFault) -> Duration) throws(LedgerFault) -> Duration {
    do throws(LedgerFault) {
      let rest = try pass()
      state.withLock { $0.failures = 0 }
      trouble.ended(for: name)
      return max(rest, .milliseconds(1))
    } catch {
      if [.damaged, .newer, .older].contains(error.kind) { throw error }
      progress()
      let failures = state.withLock { state in
        state.failures += 1
        return state.failures
      }
      trouble.met(error, by: name)
      return .seconds(min(Limits.ledgerPause, 1 << min(failures, 6)))
    }
  }
}
