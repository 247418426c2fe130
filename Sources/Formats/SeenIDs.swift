/// The ids of the last rows: one that comes again is no new event. Constant in size; what is older is forgotten.
///
/// Ids of a batch count once it is sealed: what is cut again is no repetition. Each id takes some 30 bytes: in a ring, and
/// in the table that finds it there.
public struct SeenIDs {
  private let most: Int
  private let seed: KeySeed
  /// Of batches that are sealed, and of the one in hand.
  private var known: KeyRing
  private var fresh: KeyRing
  /// Where a key lies: in `known`, or so many behind it in `fresh`.
  private var table = KeyTable()

  /// - Parameter most: ids that are remembered, of the batch in hand and as many of those before it.
  public init(most: Int, seed: KeySeed = .random()) {
    (self.most, self.seed) = (most, seed)
    known = KeyRing(most)
    fresh = KeyRing(most)
  }

  /// How many were added since the last batch, taken back ones left out.
  private(set) var added = 0

  /// - Returns: false where it was seen before.
  mutating func add(_ id: UnsafeRawBufferPointer) -> Bool {
    guard most > 0 else { return true }
    let key = KeyHasher.hash(id, seed)
    guard !table.contains(key, where: { place in key == (place < most ? known[place] : fresh[place - most]) }) else {
      return false
    }
    if fresh.isFull, let (old, place) = fresh.popFirst() { table.remove(old, at: most + place) }
    table.insert(key, at: most + fresh.append(key))
    added += 1
    return true
  }

  /// The row of the id that was added last has found no room in the batch: it comes again.
  mutating func takeBackLast() {
    guard let (key, place) = fresh.popLast() else { return }
    table.remove(key, at: most + place)
    added -= 1
  }

  /// The rows since the last call are sealed.
  public mutating func keep() {
    while let (key, place) = fresh.popFirst() {
      if known.isFull, let (old, place) = known.popFirst() { table.remove(old, at: place) }
      table.move(key, from: most + place, to: known.append(key))
    }
    added = 0
  }

  /// They will be cut again.
  public mutating func drop() {
    while let (key, place) = fresh.popLast() { table.remove(key, at: most + place) }
    added = 0
  }
}

/// Keys in the order in which they came; each stays in its place until it goes.
private struct KeyRing {
  private let most: Int
  private var keys: [RowKey] = []
  private var first = 0
  private var count = 0

  init(_ most: Int) { self.most = most }

  var isFull: Bool { count == most }
  subscript(place: Int) -> RowKey { keys[place] }

  /// There must be room. - Returns: its place.
  mutating func append(_ key: RowKey) -> Int {
    let place = place(count)
    if place == keys.count { keys.append(key) } else { keys[place] = key }
    count += 1
    return place
  }

  mutating func popFirst() -> (key: RowKey, place: Int)? {
    guard count > 0 else { return nil }
    defer { (first, count) = (count == 1 ? 0 : place(1), count - 1) }
    return (keys[first], first)
  }

  mutating func popLast() -> (key: RowKey, place: Int)? {
    guard count > 0 else { return nil }
    count -= 1
    return (keys[place(count)], place(count))
  }

  /// Of the key that came as the so many-th, from 0.
  private func place(_ index: Int) -> Int {
    let place = first + index
    return place >= most ? place - most : place
  }
}

/// Where keys lie, by their digest: 32 bits of it and the place in each slot. Who looks for a key compares the whole of it.
private struct KeyTable {
  /// Zero: empty. Never more than two thirds are not.
  private var slots: [UInt64] = []
  private var used = 0

  func contains(_ key: RowKey, where isSame: (Int) -> Bool) -> Bool {
    guard !slots.isEmpty else { return false }
    let tag = Self.slot(key, 0)
    var index = home(tag)
    while slots[index] != 0 {
      if slots[index] >> 32 == tag >> 32, isSame(Self.place(slots[index])) { return true }
      index = next(index)
    }
    return false
  }

  mutating func insert(_ key: RowKey, at place: Int) {
    if (used + 1) * 3 > slots.count * 2 { grow() }
    put(Self.slot(key, place))
    used += 1
  }

  /// It must be there.
  mutating func move(_ key: RowKey, from place: Int, to other: Int) {
    slots[find(Self.slot(key, place))] = Self.slot(key, other)
  }

  /// It must be there. What lies behind it moves up, so that no search ends too early.
  mutating func remove(_ key: RowKey, at place: Int) {
    var hole = find(Self.slot(key, place))
    var index = next(hole)
    while slots[index] != 0 {
      let home = home(slots[index])
      let isFoundThere = hole <= index ? home <= hole || home > index : home <= hole && home > index
      if isFoundThere {
        slots[hole] = slots[index]
        hole = index
      }
      index = next(index)
    }
    slots[hole] = 0
    used -= 1
  }

  private func find(_ slot: UInt64) -> Int {
    var index = home(slot)
    while slots[index] != slot {
      precondition(slots[index] != 0, "a key that is remembered is in the table")
      index = next(index)
    }
    return index
  }

  private mutating func put(_ slot: UInt64) {
    var index = home(slot)
    while slots[index] != 0 { index = next(index) }
    slots[index] = slot
  }

  private mutating func grow() {
    let old = slots
    slots = [UInt64](repeating: 0, count: max(64, old.count * 3 / 2))
    for slot in old where slot != 0 { put(slot) }
  }

  private static func slot(_ key: RowKey, _ place: Int) -> UInt64 {
    key.high & 0xffff_ffff_0000_0000 | UInt64(truncatingIfNeeded: place + 1) & 0xffff_ffff
  }

  private static func place(_ slot: UInt64) -> Int { Int(slot & 0xffff_ffff) - 1 }

  private func home(_ slot: UInt64) -> Int { Int(((slot >> 32) &* UInt64(slots.count)) >> 32) }
  private func next(_ index: Int) -> Int { index + 1 == slots.count ? 0 : index + 1 }
}
