import Core

/// How long to wait after a refusal: exponential with full jitter, so that many agents do not come back at one instant.
public struct Backoff: Hashable, Sendable {
  let base: Duration
  let cap: Duration

  /// A store that was away, or busy.
  public static let retry = Backoff(base: .seconds(1), cap: .seconds(300))
  /// A store that refuses us: a person must act, so asking often helps nobody.
  public static let refused = Backoff(base: .seconds(30), cap: .seconds(900))
  /// A disk that is full, a folder that is missing.
  public static let lane = Backoff(base: .seconds(2), cap: .seconds(60))

  /// - Parameters:
  ///   - attempt: from 1.
  ///   - random: evenly spread over all values.
  /// - Returns: between half a second and `cap`.
  public func delay(attempt: Int, random: UInt64) -> Duration {
    let doublings = min(max(attempt - 1, 0), 20)
    let ceiling = min(cap.milliseconds, base.milliseconds << Int64(doublings))
    let jittered = Int64(random % UInt64(max(ceiling, 1)))
    return .milliseconds(max(500, jittered))
  }
}
