internal import Core
internal import Threads

/// One call to a store, on a task of its own, and who waits for it. Whatever comes first lets the caller go on: the end of the work, or
/// the end of patience with it.
final class WatchedCall<Value: Sendable>: Sendable {
  typealias Outcome = Result<Value, any Error>

  private enum Stage: Sendable {
    case working
    /// Broken off, because it stood still or because the caller gave up.
    case brokenOff(isStall: Bool)
    /// Left behind: the caller has its answer.
    case leftBehind(isStall: Bool)
    case ended
  }

  private struct State: Sendable {
    var stage = Stage.working
    var caller: CheckedContinuation<Outcome, Never>?
    var task: Task<Void, Never>?
    var alarm: Timers.Alarm?
  }

  private let stall: Stall
  private let limits: CallLimits
  private let log: StallLog
  private let body: @Sendable (TransferWatch) async throws -> Value
  private let watch = TransferWatch()
  private let state = Locked(State())

  init(
    _ stall: Stall, _ limits: CallLimits, _ log: StallLog,
    _ body: @escaping @Sendable (TransferWatch) async throws -> Value
  ) {
    (self.stall, self.limits, self.log, self.body) = (stall, limits, log, body)
  }

  /// Once for each call.
  func result() async -> Outcome {
    await withTaskCancellationHandler {
      await withCheckedContinuation { begin($0) }
    } onCancel: {
      breakOff(isStall: false)
    }
  }

  private func begin(_ caller: CheckedContinuation<Outcome, Never>) {
    let isCancelled = state.withLock { state in
      state.caller = caller
      if case .working = state.stage { return false }
      return true
    }
    // On threads that are known to work for what the caller has in hand.
    let seat = Seat.current
    let executor: any TaskExecutor = seat == .none ? WorkerPool.shared : SeatExecutor(seat) {}
    let task = Task(executorPreference: executor) { [self] in
      let outcome: Outcome = await TransferWatch.$current.withValue(watch) {
        do { return .success(try await body(watch)) } catch { return .failure(error) }
      }
      end(outcome)
    }
    state.withLock { $0.task = task }
    if isCancelled { task.cancel() } else { look(after: limits.patience) }
  }

  private func end(_ outcome: Outcome) {
    let (caller, alarm, before) = state.withLock { state in
      let before = state.stage
      state.stage = .ended
      defer { (state.caller, state.task, state.alarm) = (nil, nil, nil) }
      return (state.caller, state.alarm, before)
    }
    if let alarm { Timers.shared.cancel(alarm) }
    switch before {
    case .leftBehind(isStall: true): log.ended(stall)
    case .brokenOff(isStall: true):
      // What broke it off is the reason, not that it was cancelled.
      if case .failure = outcome {
        caller?.resume(returning: .failure(stall.fault))
      } else {
        caller?.resume(returning: outcome)
      }
    default: caller?.resume(returning: outcome)
    }
  }

  // MARK: - What stands still

  private func look(after delay: Duration) {
    let alarm = Timers.shared.schedule(after: delay) { [self] in look() }
    // Only the latest: an alarm that is not needed any more would keep this call, and its store with all its threads, until it rings.
    let spare: Timers.Alarm? = state.withLock { state in
      if case .ended = state.stage { return alarm }
      defer { state.alarm = alarm }
      return state.alarm
    }
    if let spare { Timers.shared.cancel(spare) }
  }

  private func look() {
    let stage = state.withLock { $0.stage }
    switch stage {
    case .working:
      let silence = watch.silence(at: SystemClock.uptime())
      if silence < limits.patience { look(after: limits.patience - silence) } else { breakOff(isStall: true) }
    case .brokenOff: leaveBehind()
    case .leftBehind, .ended: break
    }
  }

  private func breakOff(isStall: Bool) {
    let (isMine, task) = state.withLock { state in
      guard case .working = state.stage else { return (false, state.task) }
      state.stage = .brokenOff(isStall: isStall)
      return (true, state.task)
    }
    guard isMine else { return }
    task?.cancel()
    look(after: limits.grace)
  }

  private func leaveBehind() {
    let (caller, isStall): (CheckedContinuation<Outcome, Never>?, Bool) = state.withLock { state in
      guard case .brokenOff(let isStall) = state.stage else { return (nil, false) }
      state.stage = .leftBehind(isStall: isStall)
      defer { state.caller = nil }
      return (state.caller, isStall)
    }
    if isStall { log.began(stall) }
    caller?.resume(returning: .failure(stall.fault))
  }
}
