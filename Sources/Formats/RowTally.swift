public import Core

/// All that is found in the rows of one drop, part after part, in constant memory.
public final class RowTally: RowSink {
  private var keys: RowKeys?
  private let bad: RowSorter
  /// Each reading of a part has a number of its own, which is larger than those before it; nil: it does not count.
  private var readings: [Int?] = []
  /// What went wrong while rows were put by. From then on nothing is.
  public private(set) var fault: FileFault?

  /// - Parameter spill: a new one each time.
  public init(_ rules: RowRules, spill: () -> any RowSpill) {
    keys = rules.unique.isEmpty ? nil : RowKeys(rules.keep, spill: spill())
    bad = RowSorter(spill())
  }

  /// What comes next is of this part.
  public func begin(_ part: Int) { readings.append(part) }

  /// What has come since `begin` does not count: the part is read again.
  public func discard() { readings[readings.count - 1] = nil }

  public func isBad(_ row: BadRow) { note { () throws(FileFault) in try bad.add(entry(row)) } }

  public func has(_ key: RowKey, row: Int) {
    note { () throws(FileFault) in
      try keys?.add(key, row: Self.number(readings.count - 1, row))
    }
  }

  /// Every bad row, duplicates among them, in the order of parts and rows. To be called once.
  public func finish(_ body: (_ part: Int, BadRow) throws(FileFault) -> Void) throws(FileFault) {
    if let fault { throw fault }
    try findDuplicates()
    try bad.sorted { (entry) throws(FileFault) in
      guard let part = readings[Int(entry.first >> 48)] else { return }
      let kind = BadRow.Kind(rawValue: UInt8(truncatingIfNeeded: entry.second >> 32)) ?? .columns
      try body(
        part,
        BadRow(
          kind, row: Int(entry.first & 0xffff_ffff_ffff), line: Int(entry.third),
          column: Int(entry.second & 0xffff_ffff)))
    }
  }

  private func findDuplicates() throws(FileFault) {
    try keys?.finish(where: { readings[Int($0 >> 48)] != nil }) { (number) throws(FileFault) in
      try bad.add(RowEntry(first: number, second: UInt64(BadRow.Kind.duplicate.rawValue) << 32, third: 0))
    }
  }

  /// Its reading above its number in it: rows are sorted as they were read.
  private static func number(_ reading: Int, _ row: Int) -> UInt64 { UInt64(reading) << 48 | UInt64(row) }

  private func entry(_ row: BadRow) -> RowEntry {
    RowEntry(
      first: Self.number(readings.count - 1, row.row), second: UInt64(row.kind.rawValue) << 32 | UInt64(row.column),
      third: UInt64(row.line))
  }

  private func note(_ body: () throws(FileFault) -> Void) {
    guard fault == nil else { return }
    do throws(FileFault) { try body() } catch { fault = error }
  }
}
