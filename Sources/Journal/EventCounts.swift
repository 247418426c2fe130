import Core
import Threads

/// How often each event happened in this life of the process.
public final class EventCounts: Sendable {
  private let counts = Locked<[EventKind: Int]>([:])

  public init() {}

  public func note(_ kind: EventKind) { counts.withLock { $0[kind, default: 0] += 1 } }

  /// Every event by its name, those that have not happened as 0.
  public var all: [String: Int] {
    let counts = counts.withLock { $0 }
    return Dictionary(
      EventKind.allCases.map { ($0.rawValue, counts[$0] ?? 0) }, uniquingKeysWith: { first, _ in first })
  }
}
