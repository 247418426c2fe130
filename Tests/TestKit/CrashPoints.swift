public import Core
internal import Threads

/// Counts what a program does to the world, and kills it at a chosen count.
///
/// Every change made through `SimFiles`, the ledger and the store passes a gate just before its effect. At step n the program is
/// dead: that step and all later ones throw and have no effect. Killed just after an effect is the same world as killed before the
/// next step, so one gate per effect is enough; the driver adds a last step at the end of a life.
///
/// Reads have no effect: they are not counted, and fail once the program is dead.
public final class CrashPoints: Sendable {
  private struct State: Sendable {
    var killAt: Int?
    var count = 0
    var life = 0
    var fatal: String?
  }

  private let state = Locked(State())

  public init() {}

  /// A new life of the program, which dies at that step (from 0), or not at all.
  public func begin(killAt: Int? = nil) {
    state.withLock { $0 = State(killAt: killAt, life: $0.life + 1) }
  }

  /// Whether the program lives on; called just before an effect.
  public func step(_ label: @autoclosure () -> String) -> Bool {
    state.withLock { state in
      guard state.fatal == nil else { return false }
      if state.count == state.killAt {
        state.fatal = label()
        return false
      }
      state.count += 1
      return true
    }
  }

  public var isAlive: Bool { state.withLock { $0.fatal == nil } }
  /// Steps done in this life.
  public var count: Int { state.withLock { $0.count } }
  public var life: Int { state.withLock { $0.life } }
  /// What the program was about to do when it died.
  public var fatal: String? { state.withLock { $0.fatal } }

  public var ledgerGate: @Sendable (String) throws(LedgerFault) -> Void {
    { (label) throws(LedgerFault) in
      if !self.step("ledger: \(label)") { throw LedgerFault(.io, "Killed before", at: label) }
    }
  }

  public var storeGate: @Sendable (String) throws(StoreFault) -> Void {
    { (label) throws(StoreFault) in
      if !self.step("store: \(label)") { throw StoreFault(.unreachable, "Killed before", at: label) }
    }
  }
}
