import Core
public import Journal
internal import Threads

/// The ledger is everybody's: where it cannot be used, every lane waits, and it is said once.
public final class LedgerTrouble: Sendable {
  private let events: any EventSink
  private let lanes = Locked<Set<String>>([])

  public init(_ events: any EventSink) { self.events = events }

  func met(_ fault: LedgerFault, by lane: String) {
    let isFirst = lanes.withLock { lanes in
      defer { lanes.insert(lane) }
      return lanes.isEmpty
    }
    guard isFirst else { return }
    events.record(.lanePaused, "Feeds and streams wait: \(fault)", [.reason: "\(fault.kind)"])
  }

  func ended(for lane: String) {
    let isLast = lanes.withLock { $0.remove(lane) != nil && $0.isEmpty }
    if isLast { events.record(.laneResumed, "The ledger can be used again: feeds and streams go on") }
  }
}
