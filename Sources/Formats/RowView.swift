import CScan

/// One row, and where its cells lie in it: valid as long as the memory of both is.
struct RowView {
  let text: UnsafeBufferPointer<UInt8>
  let cells: UnsafeBufferPointer<cs_cell>

  var count: Int { cells.count }

  @inline(__always)
  subscript(index: Int) -> UnsafeBufferPointer<UInt8> { text.cell(cells[index]) }
}

extension UnsafeBufferPointer<UInt8> {
  @inline(__always)
  func cell(_ cell: cs_cell) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: baseAddress.map { $0 + Int(cell.from) }, count: Int(cell.to &- cell.from))
  }
}
