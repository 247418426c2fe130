import Core
public import SystemPackage

/// What one pass over a feed did, and what it left.
public struct PassSummary: Hashable, Sendable {
  /// Uptime at which to look again; nil: only when something changes.
  public var next: Duration?
  /// Files in landing that count and have not been taken yet.
  public var settling = 0
  /// Drops that are ours and not at an end: still being taken, checked, or handed over.
  public var waiting = 0
  /// Done in this pass.
  public var handedOver = 0, duplicates = 0, archived = 0, held = 0, quarantined = 0, damaged = 0
  /// Files, folders and drops that wait for a reason of their own.
  public var blocked = 0
  /// Why the feed cannot go on; nil: it can.
  public var trouble: String?
  /// Folders below landing in which files may arrive.
  public var folders: Set<FilePath> = []
  /// Uptime until which files rest of which nobody can say who writes them; nil: there are none.
  public internal(set) var unansweredUntil: Duration?
  /// A person has paused it.
  public var isPaused = false
  /// More lies in a landing folder than one look takes in.
  public var isCut = false
  /// It was asked to stop before it was through.
  public var wasStopped = false
  /// Set by the lane.
  public internal(set) var took: Duration = .zero

  public init() {}

  /// Some drop has come to its end.
  public var hasEnded: Bool { handedOver + duplicates + archived + held + quarantined + damaged > 0 }

  mutating func look(at uptime: Duration) { next = next.map { min($0, uptime) } ?? uptime }
}
