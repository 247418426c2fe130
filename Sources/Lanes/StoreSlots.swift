public import Core
internal import Threads

/// How many transfers of each store are under way, over all lanes that use it: at most its `concurrency`.
///
/// A slot goes to the lane that has the fewest under way there, of equals to the one that has waited longest. A lane that was told of a free
/// slot and does not come for it, because it is blocked, is not waited for.
public final class StoreSlots: Sendable {
  public static let patience = Limits.slotClaim

  private struct Waiting {
    let wake: @Sendable () -> Void
    /// Uptime at which it was told that something is free.
    var wokenAt: Duration?
  }

  private struct Slots {
    var busy: [String: Int] = [:]
    var waiting: [String: Waiting] = [:]
    /// Of each lane, the number of the last slot that it was given.
    var last: [String: Int] = [:]
    var given = 0

    var total: Int { busy.values.reduce(0, +) }
    func rank(of lane: String) -> (Int, Int) { (busy[lane] ?? 0, last[lane] ?? 0) }
  }

  public enum Answer: Hashable, Sendable {
    case taken
    /// It is woken when one is free.
    case none
    /// Others have the first claim on what is free; to be asked again after `patience`, if it is not woken before.
    case othersFirst
  }

  private let concurrency: [StoreName: Int]
  private let slots = Locked<[StoreName: Slots]>([:])

  public init(_ concurrency: [StoreName: Int]) { self.concurrency = concurrency }

  public func concurrency(of store: StoreName) -> Int { concurrency[store] ?? 1 }

  /// The lane looks anew at what it wants: what it wanted before counts no more.
  public func forget(_ lane: String) {
    slots.withLock { slots in for store in slots.keys { slots[store]?.waiting[lane] = nil } }
  }

  /// - Parameters:
  ///   - most: how many may be under way in all; nil: the store's `concurrency`.
  ///   - wake: called, on any thread, when there may be a slot for the lane.
  public func take(
    _ store: StoreName, for lane: String, most: Int? = nil, at uptime: Duration, wake: @escaping @Sendable () -> Void
  ) -> Answer {
    slots.withLock { all in
      var slots = all[store] ?? Slots()
      defer { all[store] = slots }
      let limit = min(most ?? .max, concurrency(of: store))
      guard slots.total < limit else {
        slots.waiting[lane] = Waiting(wake: wake)
        return .none
      }
      let rank = slots.rank(of: lane)
      let first = slots.waiting.count { other, waiting in
        if other == lane || slots.rank(of: other) >= rank { return false }
        return waiting.wokenAt.map { uptime < $0 + Self.patience } ?? false
      }
      if limit - slots.total <= first {
        slots.waiting[lane] = Waiting(wake: wake)
        return .othersFirst
      }
      slots.waiting[lane] = nil
      slots.busy[lane, default: 0] += 1
      slots.given += 1
      slots.last[lane] = slots.given
      return .taken
    }
  }

  public func giveBack(_ store: StoreName, of lane: String, at uptime: Duration) {
    let wakes = slots.withLock { all in
      guard var slots = all[store], let busy = slots.busy[lane] else { return [@Sendable () -> Void]() }
      slots.busy[lane] = busy > 1 ? busy - 1 : nil
      // Once: who does not come is not given more time by each slot that is free.
      for other in slots.waiting.keys where slots.waiting[other]?.wokenAt == nil {
        slots.waiting[other]?.wokenAt = uptime
      }
      all[store] = slots
      return slots.waiting.values.map(\.wake)
    }
    for wake in wakes { wake() }
  }
}
