/// What a row must be to be sent, where somebody asks for it.
public struct RecordRules: Hashable, Sendable {
  /// Of a row, its line end left out.
  public var maxBytes: Int
  /// The column that tells rows apart, as it is called in what is sent; empty: none.
  public var id: String
  /// The column with the time of the event, likewise.
  public var timestamp: String
  public init(maxBytes: Int, id: String, timestamp: String) {
    (self.maxBytes, self.id, self.timestamp) = (maxBytes, id, timestamp)
  }
}

/// What stands for bytes in values that AEP has no rule for; nil: they stay.
public struct ValueReplacement: Hashable, Sendable {
  public var backslash: String?
  public var lineBreak: String?
  public init() {}
  public var isEmpty: Bool { backslash == nil && lineBreak == nil }
}

/// The ids of the last rows: one that comes again is no new event. Constant in size; what is older is forgotten.
///
/// Ids of a batch count once it is sealed: what is cut again is no repetition.
public struct SeenIDs {
  private let most: Int
  private let seed: KeySeed
  /// In the order in which they came, from `oldest` on.
  private var ring: [RowKey] = []
  private var oldest = 0
  private var known: Set<RowKey> = []
  private var fresh: [RowKey] = []
  /// Where those begin that still count.
  private var first = 0
  private var freshSet: Set<RowKey> = []

  /// - Parameter most: ids that are remembered, of the batch in hand and of those before it.
  public init(most: Int, seed: KeySeed = .random()) { (self.most, self.seed) = (most, seed) }

  /// How many were added since the last batch, taken back ones left out.
  private(set) var added = 0

  /// - Returns: false where it was seen before.
  mutating func add(_ id: ArraySlice<UInt8>) -> Bool {
    guard most > 0 else { return true }
    let key = id.withUnsafeBytes { KeyHasher.hash($0, seed) }
    guard !known.contains(key), freshSet.insert(key).inserted else { return false }
    fresh.append(key)
    added += 1
    if fresh.count - first > most {
      freshSet.remove(fresh[first])
      first += 1
      if first >= most {
        fresh.removeFirst(first)
        first = 0
      }
    }
    return true
  }

  /// The row of the id that was added last has found no room in the batch: it comes again.
  mutating func takeBackLast() {
    guard let key = fresh.popLast() else { return }
    freshSet.remove(key)
    added -= 1
  }

  /// The rows since the last call are sealed.
  public mutating func keep() {
    for key in fresh[first...] {
      if ring.count < most {
        ring.append(key)
      } else {
        known.remove(ring[oldest])
        ring[oldest] = key
        oldest = (oldest + 1) % most
      }
      known.insert(key)
    }
    drop()
  }

  /// They will be cut again.
  public mutating func drop() {
    fresh.removeAll(keepingCapacity: true)
    (first, added) = (0, 0)
    freshSet.removeAll(keepingCapacity: true)
  }
}
