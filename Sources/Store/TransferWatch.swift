internal import Core
internal import Synchronization
internal import Threads

/// When a call to a store last got on. Whoever works for the call says so: the transfer with each piece that moved, the queue while the
/// call waits in it.
public final class TransferWatch: Sendable {
  /// That of the call under way in this task.
  @TaskLocal public static var current: TransferWatch?

  /// Nanoseconds of the monotonic clock.
  private let last = Atomic(SystemClock.uptime().nanoseconds)
  /// Answers that are being looked at by the caller, who may take any time.
  private let pauses = Atomic(0)
  private let queue = Locked<TransferWatch?>(nil)

  public init() {}

  public func moved() { last.store(SystemClock.uptime().nanoseconds, ordering: .relaxed) }

  /// From now on, until `begins`, it gets on for as long as others of that queue do.
  public func waits(in queue: TransferWatch) {
    moved()
    self.queue.withLock { $0 = queue }
  }

  public func begins() {
    queue.withLock { $0 = nil }
    moved()
  }

  func pause() { pauses.add(1, ordering: .relaxed) }
  func resume() {
    moved()
    pauses.subtract(1, ordering: .relaxed)
  }

  /// For how long nothing has moved.
  func silence(at uptime: Duration) -> Duration {
    if pauses.load(ordering: .relaxed) > 0 { return .zero }
    let queue = queue.withLock { $0 }
    let latest = max(last.load(ordering: .relaxed), queue?.last.load(ordering: .relaxed) ?? 0)
    return max(.zero, uptime - .nanoseconds(latest))
  }
}
