import Core

/// What one power cut leaves of the operations that no sync had made durable.
public struct Survival: Sendable, CustomStringConvertible {
  enum Bytes: CaseIterable { case lost, whole, part }
  /// By position in the disk's pending changes.
  var kept: Set<Int>
  var bytes: [Int: Bytes]
  public let description: String
}

extension SimDisk {
  // MARK: making durable

  mutating func sync(_ id: Int) {
    guard nodes[id]?.kind == .directory else {
      if let data = nodes[id]?.data { nodes[id]?.durableData = data }
      nodes[id]?.isDirty = false
      return
    }
    for index in pending.indices { pending[index].awaiting.remove(id) }
    commitSettled()
  }

  public mutating func syncAll() {
    for id in nodes.keys { sync(id) }
  }

  /// Makes the changes durable whose directories are all synced, and those before them without which they could not have happened.
  private mutating func commitSettled() {
    var due = Set(pending.indices.filter { pending[$0].awaiting.isEmpty })
    for index in pending.indices.reversed() where due.contains(index) {
      for earlier in 0..<index where depends(pending[index], on: pending[earlier]) { due.insert(earlier) }
    }
    if due.isEmpty { return }
    for index in due.sorted() {
      let change = pending[index]
      var entries: [Int: [FileName: Int]] = [:]
      for id in change.slots.map(\.directory) + [change.gone?.node].compactMap(\.self) {
        entries[id] = nodes[id]?.durableEntries
      }
      _ = SimDisk.apply(change, to: &entries)
      for (id, names) in entries { nodes[id]?.durableEntries = names }
    }
    pending = pending.enumerated().filter { !due.contains($0.offset) }.map(\.element)
  }

  private func depends(_ change: NameChange, on earlier: NameChange) -> Bool {
    if !Set(change.slots).isDisjoint(with: earlier.slots) { return true }
    // A directory goes only once it is empty.
    guard change.come == nil, let gone = change.gone?.node else { return false }
    return earlier.slots.contains { $0.directory == gone }
  }

  /// False, and nothing done, where what it rests on is not there.
  private static func apply(_ change: NameChange, to entries: inout [Int: [FileName: Int]]) -> Bool {
    if let gone = change.gone {
      guard entries[gone.slot.directory]?[gone.slot.name] == gone.node else { return false }
      if change.come == nil, entries[gone.node]?.isEmpty == false { return false }
    }
    if let come = change.come, !change.mayReplace, entries[come.slot.directory]?[come.slot.name] != nil { return false }
    if let gone = change.gone { entries[gone.slot.directory]?[gone.slot.name] = nil }
    if let come = change.come { entries[come.slot.directory, default: [:]][come.slot.name] = come.node }
    return true
  }

  // MARK: power cuts

  /// Every outcome when at most 6 operations are unsynced; else none, all, each single one lost, each single one kept, and 32
  /// random ones; never more than `most`. Outcomes that look alike are given once. The first is that nothing survived, the second
  /// that everything did.
  public func survivals(most: Int = 256, seed: UInt64 = 1) -> [Survival] {
    let dirty = nodes.filter { $0.value.isDirty && $0.value.links > 0 && $0.value.data != $0.value.durableData }
      .keys.sorted()
    var seen: Set<Int> = []
    var found: [Survival] = []
    for digits in choices(dirty, seed: seed) where found.count < most {
      let survival = survival(digits, dirty)
      if seen.insert(after(survival).fingerprint).inserted { found.append(survival) }
    }
    return found
  }

  /// One digit per pending change (0 lost, 1 kept), then one per dirty file (0 lost, 1 whole, 2 part).
  private func choices(_ dirty: [Int], seed: UInt64) -> [[Int]] {
    let radix = pending.map { _ in 2 } + dirty.map { _ in 3 }
    let none = radix.map { _ in 0 }
    let all = radix.map { _ in 1 }
    var choices = [none, all]
    if radix.count <= 6 {
      var digits = none
      while let index = digits.indices.first(where: { digits[$0] + 1 < radix[$0] }) {
        for lower in 0..<index { digits[lower] = 0 }
        digits[index] += 1
        choices.append(digits)
      }
      return choices
    }
    for index in radix.indices {
      for digit in 0..<radix[index] {
        choices.append(all.replacing(index, with: digit))
        choices.append(none.replacing(index, with: digit))
      }
    }
    var random = SplitMix64(seed: seed)
    for _ in 0..<32 { choices.append(radix.map { Int.random(in: 0..<$0, using: &random) }) }
    return choices
  }

  private func survival(_ digits: [Int], _ dirty: [Int]) -> Survival {
    let kept = Set(pending.indices.filter { digits[$0] == 1 })
    let fates = digits[pending.count...].map { Survival.Bytes.allCases[$0] }
    let lost = pending.indices.filter { !kept.contains($0) }.map { pending[$0].label }
    let torn = zip(dirty, fates).filter { $0.1 != .whole }.map { "\($0.1) bytes of \(path(of: $0.0))" }
    let text = lost + torn
    return Survival(
      kept: kept, bytes: Dictionary(uniqueKeysWithValues: zip(dirty, fates)),
      description: text.isEmpty ? "everything survived" : "lost: " + text.joined(separator: ", "))
  }

  /// The disk as the next start finds it.
  public func after(_ survival: Survival) -> SimDisk {
    var entries = nodes.mapValues(\.durableEntries)
    for (index, change) in pending.enumerated() where survival.kept.contains(index) {
      _ = SimDisk.apply(change, to: &entries)
    }
    var disk = self
    disk.pending = []
    for id in nodes.keys {
      disk.nodes[id]?.entries = entries[id] ?? [:]
      disk.nodes[id]?.data = bytes(of: id, survival)
    }
    disk.settle()
    return disk
  }

  private func bytes(of id: Int, _ survival: Survival) -> [UInt8] {
    guard let node = nodes[id] else { return [] }
    guard node.isDirty else { return node.data }
    switch survival.bytes[id] ?? .lost {
    case .lost: return node.durableData
    case .whole: return node.data
    case .part:
      // Appended to: some of the new bytes. Rewritten: some of the new contents.
      let safe = node.data.starts(with: node.durableData) ? node.durableData.count : min(node.floor, node.data.count)
      return Array(node.data[..<(safe + (node.data.count - safe) / 2)])
    }
  }

  /// After a power cut what is there is durable; what has no name is gone.
  private mutating func settle() {
    var links: [Int: Int] = [SimDisk.root: 1]
    var next = [SimDisk.root]
    while let id = next.popLast() {
      for child in (nodes[id]?.entries ?? [:]).values {
        if links[child] == nil { next.append(child) }
        links[child, default: 0] += 1
      }
    }
    nodes = nodes.filter { links[$0.key] != nil }
    for (id, count) in links {
      guard var node = nodes[id] else { continue }
      (node.links, node.isDirty, node.durableData, node.durableEntries) = (count, false, node.data, node.entries)
      nodes[id] = node
    }
  }

  private func path(of id: Int) -> String {
    for (_, node) in nodes {
      if let name = node.entries.first(where: { $0.value == id })?.key { return name.description }
    }
    return "an open file"
  }

  /// Equal for disks on which a program could not see a difference.
  var fingerprint: Int {
    var hasher = Hasher()
    func visit(_ id: Int) {
      guard let node = nodes[id] else { return }
      hasher.combine(id)
      hasher.combine(node.data)
      for (name, child) in node.entries.sorted(by: { $0.key < $1.key }) {
        hasher.combine(name)
        visit(child)
      }
      hasher.combine("/")
    }
    visit(SimDisk.root)
    return hasher.finalize()
  }
}

/// Sebastiano Vigna's splitmix64, a published algorithm: the same numbers for the same seed on every machine.
public struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64
  public init(seed: UInt64) { state = seed }
  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

extension [Int] {
  fileprivate func replacing(_ index: Int, with value: Int) -> [Int] {
    var copy = self
    copy[index] = value
    return copy
  }
}
