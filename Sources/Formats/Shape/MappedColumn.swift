import Core

/// A column that is made by a map; what was looked up is remembered, for there are few values.
final class MappedColumn {
  enum Found {
    /// Of `texts`.
    case value(Int)
    case skip, aside
  }

  private struct Recent {
    var key: UInt128 = 0
    var found = Found.aside
  }

  let texts: [[UInt8]]
  private let map: ValueMap
  private let cells: [Int]
  private var known: [[UInt8]: Found] = [:]
  /// What was found for short values, at a place told by them.
  private let recent = UnsafeMutablePointer<Recent>.allocate(capacity: Limits.recentValues)

  init(_ map: ValueMap, _ cells: [Int]) {
    (self.map, self.cells) = (map, cells)
    var texts: [[UInt8]] = []
    for result in map.entries.map(\.result) + [map.otherwise] {
      if case .value(let text) = result, !texts.contains(Array(text.utf8)) { texts.append(Array(text.utf8)) }
    }
    self.texts = texts
    recent.initialize(repeating: Recent(), count: Limits.recentValues)
  }

  deinit { recent.deallocate() }

  func result(of row: RowView) -> Found {
    guard let key = key(of: row) else { return look(row) }
    let mixed = UInt64(truncatingIfNeeded: key ^ key >> 64) &* 0x9e37_79b9_7f4a_7c15
    let place = Int(mixed >> 32) % Limits.recentValues
    if recent[place].key == key { return recent[place].found }
    let found = look(row)
    recent[place] = Recent(key: key, found: found)
    return found
  }

  /// The values themselves, where they are short. Never zero.
  private func key(of row: RowView) -> UInt128? {
    var (key, left) = (1 as UInt128, 15)
    for cell in cells {
      let value = row[cell]
      left -= value.count + 1
      guard left >= 0 else { return nil }
      for byte in value { key = key << 8 | UInt128(byte) }
      // No text holds it.
      key = key << 8 | 0xff
    }
    return key
  }

  private func look(_ row: RowView) -> Found {
    var key: [UInt8] = []
    for cell in cells {
      key += row[cell]
      key.append(0xff)
    }
    if let found = known[key] { return found }
    let values = cells.map { String(decoding: row[$0], as: UTF8.self) }
    let found: Found =
      switch map.result(of: values) {
      case .value(let text): texts.firstIndex(of: Array(text.utf8)).map { .value($0) } ?? .aside
      case .skip: .skip
      case .aside: .aside
      }
    // A column of ids under a map must not fill the memory.
    if known.count < Limits.mappedValues { known[key] = found }
    return found
  }
}
