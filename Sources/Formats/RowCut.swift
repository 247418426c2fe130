import CScan

/// Cuts a log's rows into cells where everybody reads them alike, as most rows are: fast, for each byte is looked at once. A row that is
/// not so is none for it, and is read by `RecordWalk` and `RowCells`, which come to the same wherever this does.
final class RowCut {
  struct Row {
    /// Without its line end.
    let record: UnsafeRawBufferPointer
    /// With it.
    let length: Int
    let cells: RowView
    /// All of it is ASCII and not NUL.
    let isPlain: Bool
  }

  private let cutting: cs_cutting
  private let room: UnsafeMutablePointer<cs_cell>

  /// - Parameters:
  ///   - delimiter: nil: one cell is all.
  ///   - columns: rows with more cells are not cut.
  init(delimiter: UInt8?, columns: Int) {
    let most = max(1, columns)
    cutting = cs_cutting(
      delimited: delimiter != nil, delimiter: delimiter ?? 0, most: UInt32(clamping: most))
    room = .allocate(capacity: most)
  }

  deinit { room.deallocate() }

  /// The row that stands there; valid until the next call. Nil: a closer look is needed.
  @inline(__always)
  func row(in stretch: UnsafeRawBufferPointer, at start: Int) -> Row? {
    guard start < stretch.count, let base = stretch.baseAddress else { return nil }
    let text = (base + start).assumingMemoryBound(to: UInt8.self)
    // The mark that some programs begin a file with is no part of a row.
    guard text[0] != 0xef else { return nil }
    var row = cs_row()
    let length = cs_cut(text, min(stretch.count - start, Int(UInt32.max)), cutting, room, &row)
    guard length > 0 else { return nil }
    return Row(
      record: UnsafeRawBufferPointer(start: text, count: Int(row.end)), length: length,
      cells: RowView(
        text: UnsafeBufferPointer(start: text, count: Int(row.end)),
        cells: UnsafeBufferPointer(start: room, count: Int(row.cells))),
      isPlain: row.plain)
  }
}
