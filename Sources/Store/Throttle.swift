public import Core
internal import Threads

/// One allowance of bytes per second for all transfers together: a bucket that fills at the rate and holds a tenth of a second of it.
public final class Throttle: Sendable {
  private struct State: Sendable {
    /// Below zero: what was granted ahead, and must be waited for.
    var bytes: Double = 0
    var at: Duration?
  }

  private let rate: @Sendable (Timestamp) -> UInt64?
  private let state = Locked(State())

  /// - Parameter rate: bytes per second at a time of the wall clock; nil: no limit then.
  public init(rate: @escaping @Sendable (Timestamp) -> UInt64?) { self.rate = rate }

  /// How many of `wanted` bytes may be sent, at least one, and how long to wait before they are.
  /// Waits add up fairly: who asks first is served first.
  public func take(_ wanted: Int, at now: Moment) -> (bytes: Int, wait: Duration) {
    guard wanted > 0, let rate = rate(now.wall), rate > 0 else { return (wanted, .zero) }
    let perSecond = Double(rate)
    let most = max(perSecond / 10, 1)
    let granted = min(Double(wanted), max(most, 1).rounded(.down))
    let left = state.withLock { state in
      let passed = state.at.map { Double(max(0, (now.uptime - $0).nanoseconds)) / 1e9 } ?? 0
      // What was granted ahead at a higher rate is not held against this one for long.
      state.bytes = max(min(state.bytes + passed * perSecond, most), -64 * most)
      state.at = now.uptime
      state.bytes -= granted
      return state.bytes
    }
    return (Int(granted), left >= 0 ? .zero : .nanoseconds(Int64(-left / perSecond * 1e9)))
  }
}
