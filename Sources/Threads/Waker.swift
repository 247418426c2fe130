internal import Core

/// Asks a lane for a pass. Any number of wakes before the lane looks are one wake, so a burst of events costs one pass and no
/// memory; a wake that comes during a pass is kept for the wait after it.
public final class Waker: Sendable {
  public enum Reason: Hashable, Sendable {
    case woken, due
    /// The waiting task was cancelled.
    case cancelled
  }

  private struct State: Sendable {
    var isAsked = false
    /// Tells a late timer from the wait that it belonged to.
    var round = 0
    var sleeper: CheckedContinuation<Reason, Never>?
  }

  private let state = Locked(State())

  public init() {}

  /// From any thread; never blocks for long.
  public func wake() { finish(.woken, round: nil) }

  /// Waits for a wake, or until the time is over. One task at a time.
  /// - Parameters:
  ///   - limit: nil waits for a wake alone.
  ///   - isolation: the waiter's, so that a wait costs no change of thread.
  public func wait(atMost limit: Duration?, isolation: isolated (any Actor)? = #isolation) async -> Reason {
    let round = state.withLock { state in
      precondition(state.sleeper == nil, "two tasks wait on one waker")
      state.round += 1
      return state.round
    }
    let alarm = limit.map { limit in Timers.shared.schedule(after: limit) { self.finish(.due, round: round) } }
    defer { if let alarm { Timers.shared.cancel(alarm) } }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let early: Reason? = state.withLock { state in
          if state.isAsked {
            state.isAsked = false
            return .woken
          }
          // The timer or the cancellation may have been faster.
          if state.round != round { return Task.isCancelled ? .cancelled : .due }
          state.sleeper = continuation
          return nil
        }
        if let early { continuation.resume(returning: early) }
      }
    } onCancel: {
      finish(.cancelled, round: round)
    }
  }

  /// - Parameter round: nil is a wake, which is kept where nobody waits.
  private func finish(_ reason: Reason, round: Int?) {
    let sleeper: CheckedContinuation<Reason, Never>? = state.withLock { state in
      if let round, state.round != round { return nil }
      if round != nil { state.round += 1 }
      guard let sleeper = state.sleeper else {
        if round == nil { state.isAsked = true }
        return nil
      }
      state.sleeper = nil
      return sleeper
    }
    sleeper?.resume(returning: reason)
  }
}
