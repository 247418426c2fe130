import Core
import Threads

/// Passes events on, with repeats of one fault folded; see `EventKind.folds`. It has no timer of its own: call `expire` now
/// and then, after each pass say, and `finish` before the process ends.
public final class FoldingSink: EventSink {
  private let next: any EventSink
  private let uptime: @Sendable () -> Duration
  private let folding: Locked<Folding>
  private let counts: EventCounts?

  /// - Parameters:
  ///   - counts: told of each event, repeats too.
  ///   - uptime: the monotonic clock.
  public init(
    _ next: any EventSink, window: Duration = Limits.foldingWindow, counts: EventCounts? = nil,
    uptime: @escaping @Sendable () -> Duration
  ) {
    self.counts = counts
    self.next = next
    self.uptime = uptime
    folding = Locked(Folding(length: window))
  }

  public func record(_ event: Event) {
    counts?.note(event.kind)
    pass { $0.take(event, at: $1) }
  }

  /// Says the counts of windows that are over.
  public func expire() { pass { $0.expire(at: $1) } }

  /// Says every count that is left.
  public func finish() { pass { $0.finish(at: $1) } }

  /// The lock is held while the events go out, so that a count never overtakes the event that it counts.
  private func pass(_ step: (inout Folding, Duration) -> [Event]) {
    folding.withLock { folding in
      for event in step(&folding, uptime()) { next.record(event) }
    }
  }
}
