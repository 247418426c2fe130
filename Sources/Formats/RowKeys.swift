public import Core

/// Which rows of a drop have the key of another one. Exact, up to a digest of 128 bits; memory is constant.
public struct RowKeys {
  private let sorter: RowSorter
  private let keep: RowRules.Keep

  public init(_ keep: RowRules.Keep, spill: any RowSpill) { self.init(keep, RowSorter(spill)) }

  init(_ keep: RowRules.Keep, _ sorter: RowSorter) { (self.keep, self.sorter) = (keep, sorter) }

  /// - Parameter row: its number, which is larger with each row, over all parts of the drop.
  public mutating func add(_ key: RowKey, row: UInt64) throws(FileFault) {
    try sorter.add(RowEntry(first: key.high, second: key.low, third: row))
  }

  /// The rows that do not count as good, each once, in no order. To be called once.
  /// - Parameter counts: false of rows that are as if they had never come.
  public mutating func finish(
    where counts: (UInt64) -> Bool = { _ in true }, _ duplicate: (UInt64) throws(FileFault) -> Void
  ) throws(FileFault) {
    var (before, isFirst): (RowEntry?, Bool) = (nil, true)
    let keep = keep
    try sorter.sorted { (entry) throws(FileFault) in
      guard counts(entry.third) else { return }
      if let one = before, one.first == entry.first, one.second == entry.second {
        if keep == .last || keep == .none && isFirst { try duplicate(one.third) }
        if keep != .last { try duplicate(entry.third) }
        isFirst = false
      } else {
        isFirst = true
      }
      before = entry
    }
  }
}
