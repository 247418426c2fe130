/// Knows a log's header where it comes again, and another version of it: a line that holds more than half of its names.
public struct HeaderWatch: Hashable, Sendable {
  public enum Kind: Hashable, Sendable { case row, same, other }

  private let line: [UInt8]
  private let names: [[UInt8]]
  public let delimiter: UInt8?
  /// Of names.
  public var columns: Int { names.count }
  /// Whether a line that looks like another header counts as one.
  private let mayChange: Bool
  /// A bit for each length that a name has; the highest is for all longer ones.
  private let lengths: UInt64

  /// - Parameters:
  ///   - line: as it stands in the log, without its line end.
  ///   - mayChange: false: the names are the settings', and the log has none.
  public init(_ line: [UInt8], mayChange: Bool) {
    let names = ColumnNames(line)
    self.line = line
    self.names = names.names.map { Array($0.utf8) }
    delimiter = names.delimiter
    self.mayChange = mayChange
    lengths = self.names.reduce(0) { $0 | Self.bit($1.count) }
  }

  /// - Parameter record: with or without its line end.
  public func kind(of record: UnsafeRawBufferPointer) -> Kind {
    let record = record.withoutLineEnd
    guard !record.isEmpty, !line.isEmpty else { return .row }
    if record.count == line.count, record.elementsEqual(line) { return .same }
    // Its first or its last cell is one of the names: a quick look, for there are many rows.
    guard mayChange, names.count > 1, let delimiter, isName(first(record, delimiter)) || isName(last(record, delimiter))
    else { return .row }
    let cells = ColumnNames.split(Array(record), at: delimiter).map(ColumnNames.unquoted)
    if cells == names { return .same }
    let known = Set(names)
    return Set(cells).intersection(known).count * 2 > known.count ? .other : .row
  }

  private static func bit(_ length: Int) -> UInt64 { 1 << UInt64(min(length, 63)) }

  /// Whether a row that is cut is no header at first sight. Where not, `kind` tells.
  @inline(__always)
  func isRow(_ row: RowCut.Row) -> Bool {
    guard !line.isEmpty else { return true }
    if row.record.count == line.count, row.record.elementsEqual(line) { return false }
    guard mayChange, names.count > 1, delimiter != nil else { return true }
    return !mayBeName(row.cells[0]) && !mayBeName(row.cells[row.cells.count - 1])
  }

  @inline(__always)
  private func mayBeName(_ cell: UnsafeBufferPointer<UInt8>) -> Bool {
    lengths & Self.bit(cell.count) != 0 && isName(UnsafeRawBufferPointer(cell))
  }

  private func first(_ record: UnsafeRawBufferPointer, _ delimiter: UInt8) -> UnsafeRawBufferPointer {
    if record.first == Alphabet.doubleQuote {
      let inner = UnsafeRawBufferPointer(rebasing: record.dropFirst())
      let end = Bytes.first(Alphabet.doubleQuote, in: inner.assumingMemoryBound(to: UInt8.self)) ?? inner.count
      return UnsafeRawBufferPointer(rebasing: inner[..<end])
    }
    let end = Bytes.first(delimiter, in: record.assumingMemoryBound(to: UInt8.self)) ?? record.count
    return UnsafeRawBufferPointer(rebasing: record[..<end])
  }

  private func last(_ record: UnsafeRawBufferPointer, _ delimiter: UInt8) -> UnsafeRawBufferPointer {
    if record.last == Alphabet.doubleQuote {
      let inner = UnsafeRawBufferPointer(rebasing: record.dropLast())
      let start = inner.lastIndex(of: Alphabet.doubleQuote).map { $0 + 1 } ?? 0
      return UnsafeRawBufferPointer(rebasing: inner[start...])
    }
    let start = record.lastIndex(of: delimiter).map { $0 + 1 } ?? 0
    return UnsafeRawBufferPointer(rebasing: record[start...])
  }

  private func isName(_ cell: UnsafeRawBufferPointer) -> Bool {
    names.contains { $0.count == cell.count && cell.elementsEqual($0) }
  }
}
