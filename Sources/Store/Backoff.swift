import Core

/// How long to wait after a refusal: exponential with full jitter, so that many agents do not come back at one instant.
public struct Backoff: Hashable, Sendable {
  let base: Duration
  let cap: Duration
  /// The cap after `Limits.retryMany` refusals in a row.
  var lateCap: Duration?

  /// A store that was away, or busy. It is asked by one transfer at a time, so asking often costs little, and finds within seconds that
  /// it is back; only after some five minutes less often.
  public static let retry = Backoff(
    base: Limits.retryBase, cap: Limits.retryCap, lateCap: Limits.retryLateCap)
  /// A store that refuses us: a person must act, so asking often helps nobody.
  public static let refused = Backoff(base: Limits.refusedBase, cap: Limits.refusedCap)
  /// A disk that is full, a folder that is missing.
  public static let lane = Backoff(base: Limits.laneBase, cap: Limits.laneCap)

  /// - Parameters:
  ///   - attempt: from 1.
  ///   - random: evenly spread over all values.
  /// - Returns: between half a second and the cap.
  public func delay(attempt: Int, random: UInt64) -> Duration {
    let doublings = min(max(attempt - 1, 0), 20)
    let cap = attempt > Limits.retryMany ? lateCap ?? cap : cap
    let ceiling = min(cap.milliseconds, base.milliseconds << Int64(doublings))
    let jittered = Int64(random % UInt64(max(ceiling, 1)))
    return .milliseconds(max(Limits.shortestBackoff, jittered))
  }
}
