public import Core

/// What of a lane cannot be worked on for a reason of its own (a file that may not be read, a folder that may not be listed, a drop for
/// which there is no room), until when, and why. The others go on.
///
/// A value without a disk; it remembers what waits, and nothing else.
public struct ItemWaits<Item: Hashable & Sendable>: Sendable {
  public struct Wait: Hashable, Sendable {
    public var attempts: Int
    /// Uptime. A pass that comes for another reason tries it from then on.
    public var until: Duration
    /// Uptime at which a pass must come for it; never before `until`.
    public var wake: Duration
    public let since: Timestamp
    public var kind: FileKind
    public var reason: String
  }

  /// So many in one pass, and not one that went well: it is not their fault, but that of what they lie on.
  public static var tooMany: Int { Limits.faultyItems }

  public private(set) var waits: [Item: Wait] = [:]
  /// In the pass under way.
  private var met: Set<Item> = []
  private var failed: Set<Item> = []

  public init() {}

  /// - Returns: whether it is new, or waits for another reason than before.
  public mutating func postpone(_ item: Item, _ fault: FileFault, at now: Moment) -> Bool {
    met.insert(item)
    failed.insert(item)
    let before = waits[item]
    let attempts = (before?.attempts ?? 0) + 1
    // Short: to look again is cheap, and whoever has mended it waits.
    let pause = min(Limits.itemPause, .milliseconds(Limits.itemFirstPause << min(attempts - 1, 4)))
    let late = min(max(attempts - Limits.quickAttempts, 0), 3)
    waits[item] = Wait(
      attempts: attempts, until: now.uptime + pause, wake: now.uptime + min(pause * (1 << late), Limits.itemWake),
      since: before?.since ?? now.wall, kind: fault.kind, reason: fault.description)
    return before?.kind != fault.kind
  }

  /// It was met in this pass, and its time has not come. Whoever woke the lane in between may have mended it: then the next pass comes
  /// as soon as it may be tried.
  public mutating func isPostponed(_ item: Item, at uptime: Duration) -> Bool {
    met.insert(item)
    guard let wait = waits[item], uptime < wait.until else { return false }
    if !failed.contains(item) { waits[item]?.wake = wait.until }
    return true
  }

  public mutating func forget(_ item: Item) { waits[item] = nil }

  /// Whether it has failed so often that it will not help to try again.
  public func isPersistent(_ item: Item) -> Bool { (waits[item]?.attempts ?? 0) >= Limits.enoughAttempts }

  /// A pass is through: what it did not meet is gone, and what it met, was due and did not fail is well again.
  /// - Returns: whether something is well again that waited.
  @discardableResult public mutating func endPass(at uptime: Duration) -> Bool {
    let before = waits.count
    waits = waits.filter { met.contains($0.key) && (failed.contains($0.key) || uptime < $0.value.until) }
    (met, failed) = ([], [])
    return waits.count < before
  }

  /// A person has mended something, as it seems: everything is due.
  public mutating func hurry(at uptime: Duration) {
    for item in waits.keys {
      waits[item]?.until = uptime
      waits[item]?.wake = uptime
    }
  }

  /// Uptime at which a pass must come for the first of them.
  public var next: Duration? { waits.values.map(\.wake).min() }
}

/// What keeps a whole feed or stream from going on: its folders, the disk. Whatever else fails is one item's own fault.
public struct LaneFault: Error {
  public let fault: FileFault
  public init(fault: FileFault) { self.fault = fault }
}
