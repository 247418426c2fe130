import Core

/// Tells a quote that was never closed from a value with line breaks.
///
/// Such a quote makes one record of several: those behind it stand in a field, up to the next quote, wherever that is. So a record of
/// several lines is looked at closer where it is not what a row of this log is (another number of columns, or text behind a closing
/// quote): if the line behind its first one is a row by itself, the first line is what is broken.
public struct OpenQuote {
  /// As the header has them; nil: not known.
  private let columns: Int?
  private var cells: RowCells

  public init(delimiter: UInt8?, columns: Int?) {
    self.columns = columns
    cells = RowCells(delimiter: delimiter)
  }

  /// Of a complete record.
  /// - Returns: how long its first line is, with its line end, where the quote that opens there was never meant to reach further; else nil.
  public mutating func broken(_ record: UnsafeRawBufferPointer) -> Int? {
    guard let (first, rest) = Self.lines(record), !rest.isEmpty else { return nil }
    if isRow(record.withoutLineEnd, alone: false) { return nil }
    let next = Self.lines(rest)?.first ?? rest
    guard opens(first), isRow(next.withoutLineEnd, alone: true) else { return nil }
    return first.count
  }

  /// Of what lies at the end of a log, and is no complete record.
  /// - Parameter isFinal: nobody can add to it: then a quote that opens in the first line has no end.
  /// - Returns: how long the first line is, with its line end if it has one, where it is broken; nil: the rest may still come.
  public mutating func broken(tail: UnsafeRawBufferPointer, isFinal: Bool) -> Int? {
    guard let (first, rest) = Self.lines(tail) else { return isFinal && opens(tail) ? tail.count : nil }
    guard opens(first) else { return nil }
    if isFinal { return first.count }
    // As many rows behind it as cannot be lines of a value by chance.
    var (left, seen) = (rest, 0)
    while let (line, behind) = Self.lines(left), seen < Limits.rowsLookedAt {
      guard isRow(line.withoutLineEnd, alone: true) else { return nil }
      (left, seen) = (behind, seen + 1)
    }
    return seen >= Limits.rowsBehindQuote ? first.count : nil
  }

  /// Whether a quote opens in the first line of what is no complete record.
  public mutating func isOpen(_ tail: UnsafeRawBufferPointer) -> Bool { opens(Self.lines(tail)?.first ?? tail) }

  /// - Parameter alone: as one line, where one column says nothing: any line is a row of one.
  private mutating func isRow(_ record: UnsafeRawBufferPointer, alone: Bool) -> Bool {
    cells.read(record, columns: columns)
    guard cells.isClean, !alone || !cells.hasLooseQuote && !record.isEmpty else { return false }
    guard let columns else { return !alone || cells.count > 1 }
    return cells.count == columns && !(alone && columns == 1)
  }

  /// Whether a quote of the line is not closed in it, however it is read.
  private mutating func opens(_ line: UnsafeRawBufferPointer) -> Bool {
    cells.read(line.withoutLineEnd, columns: columns)
    return cells.isOpen
  }

  /// The first line with its line end, and what is behind it; nil where no line ends.
  private static func lines(
    _ bytes: UnsafeRawBufferPointer
  ) -> (first: UnsafeRawBufferPointer, rest: UnsafeRawBufferPointer)? {
    guard let end = Bytes.first(Alphabet.lineFeed, in: bytes.assumingMemoryBound(to: UInt8.self)) else { return nil }
    return (
      UnsafeRawBufferPointer(rebasing: bytes[...end]), UnsafeRawBufferPointer(rebasing: bytes[(end + 1)...])
    )
  }
}
