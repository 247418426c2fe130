public import Core
import Ledger
import Threads

/// What is known of the stores, over all streams: which are left alone for a while, which refuse us, which have answered. Which of them wait
/// is in the ledger, too, where it is read at the first pass.
public final class StoreStates: Sendable {
  private struct State {
    var waits: [StoreName: StoreWait] = [:]
    var isLoaded = false
    /// Stores whose credentials were refused and that have not answered since: said once.
    var refusing: Set<StoreName> = []
    /// Batches that may not be written to a store, by stream: said once, until all of them were.
    var forbidden: [StoreName: [StreamName: Set<BatchID>]] = [:]
    /// True: it answered in this life; false: it could not be reached.
    var reached: [StoreName: Bool] = [:]
    var wakes: [@Sendable () -> Void] = []
    /// In this life, of all streams.
    var confirmations = 0
  }

  private let state = Locked(State())

  public init() {}

  /// - Parameter wake: called, on any thread, when a store takes something again.
  public func onRecovery(_ wake: @escaping @Sendable () -> Void) { state.withLock { $0.wakes.append(wake) } }

  func load(_ ledger: Ledger) throws(LedgerFault) {
    if state.withLock({ $0.isLoaded }) { return }
    let known = try ledger.read { (t) throws(LedgerFault) in try t.deliveries.storeWaits() }
    state.withLock { state in
      guard !state.isLoaded else { return }
      (state.waits, state.isLoaded) = (known, true)
    }
  }

  func wait(of store: StoreName) -> StoreWait? { state.withLock { $0.waits[store] } }

  /// Transfers of all streams that were confirmed in this life.
  var confirmations: Int { state.withLock { $0.confirmations } }

  func confirmed() { state.withLock { $0.confirmations += 1 } }

  /// It is well: what was said of it is over. - Returns: whether it was left alone.
  func answered(_ store: StoreName, refuses: Bool = false) -> Bool {
    let (wasWaiting, wakes) = state.withLock { state in
      if !refuses { state.refusing.remove(store) }
      state.reached[store] = true
      return (state.waits.removeValue(forKey: store) != nil, state.wakes)
    }
    if wasWaiting { for wake in wakes { wake() } }
    return wasWaiting
  }

  /// A person wants it tried now.
  func forget(_ stores: [StoreName]) {
    let wakes = state.withLock { state in
      for store in stores { state.waits[store] = nil }
      return state.wakes
    }
    for wake in wakes { wake() }
  }

  func failed(_ store: StoreName, isUnreachable: Bool) {
    state.withLock { state in
      if !isUnreachable {
        state.reached[store] = true
      } else if state.reached[store] == nil {
        state.reached[store] = false
      }
    }
  }

  /// - Returns: whether it is news that the store refuses us.
  func refuses(_ store: StoreName) -> Bool { state.withLock { $0.refusing.insert(store).inserted } }

  /// - Returns: whether it is news that something of the stream may not be written there.
  func forbids(_ store: StoreName, _ batch: BatchID) -> Bool {
    state.withLock { state in
      let isNews = state.forbidden[store]?[batch.stream]?.isEmpty ?? true
      state.forbidden[store, default: [:]][batch.stream, default: []].insert(batch)
      return isNews
    }
  }

  /// It was written, or is gone.
  func permits(_ store: StoreName, _ batch: BatchID) {
    state.withLock { state in
      // Most have nothing to forget.
      guard state.forbidden[store] != nil else { return }
      state.forbidden[store]?[batch.stream]?.remove(batch)
    }
  }

  /// Makes the whole store wait. Transfers that began together and fail together are one failure.
  /// - Parameter failures: in a row, when the transfer began.
  func leaveAlone(
    _ store: StoreName, after failures: Int, _ made: StoreWait
  ) -> StoreWait {
    state.withLock { state in
      if let known = state.waits[store], known.attempts > failures { return known }
      state.waits[store] = made
      return made
    }
  }

  /// Which stores answered in this life (true) or could not be reached (false).
  public var reached: [StoreName: Bool] { state.withLock { $0.reached } }
}
