import CScan
import Core

/// Looks at the cells that rules are for, row after row, and tells of each row whether it is good.
///
/// It follows a `TableReading` block by block and takes structure from it: what is a row, and which rows are odd, that decides.
///
/// What each cell touches is not checked for exclusive access while it runs, which would cost as much as the look itself: one reader
/// feeds one text, from one thread at a time, and nothing that is called from here comes back.
final class CellReader {
  @exclusivity(unchecked) private var check: RowCheck
  private let columns: Int
  private let mayHaveReturn: Bool
  private let quote: UInt8?
  private let reading: QuoteReading
  private let sink: (any RowSink)?
  private let maxProblems: Int
  /// Of `check.wanted`, and one that no row has.
  private let wanted: [Int]

  /// Faults of cells, of the first rows that have any; never more than `maxProblems`.
  private(set) var problems: [BadRow] = []
  private(set) var problemCount = 0
  /// Rows that are not good, whatever the reason.
  private(set) var badRows = 0

  @exclusivity(unchecked) private var rows = 0
  @exclusivity(unchecked) private var blanks = 0
  /// Offsets count from where the data begins.
  @exclusivity(unchecked) private var rowStart = 0
  @exclusivity(unchecked) private var column = 0
  /// Of `wanted`.
  @exclusivity(unchecked) private var next = 0
  /// What of the cell being read came in earlier stretches.
  @exclusivity(unchecked) private var carry: [UInt8] = []
  @exclusivity(unchecked) private var cellStart = 0
  @exclusivity(unchecked) private var fault: (kind: CellFault, column: Int)?
  private var scratch: [UInt8] = []
  @exclusivity(unchecked) private var lastByte: UInt8 = 0

  init(
    _ check: RowCheck, columns: Int, rules: TableRules, reading: QuoteReading, sink: (any RowSink)?, maxProblems: Int
  ) {
    (self.check, self.columns, self.sink, self.maxProblems) = (check, columns, sink, maxProblems)
    (mayHaveReturn, quote, self.reading) = (rules.lineEnd.mayHaveReturn, rules.quote, reading)
    wanted = check.wanted + [.max]
  }

  /// Blocks all of whose rows are as they must be, told by what was carried before them.
  func passGood(
    _ marked: MarkedText, _ lines: inout LineCount, from index: Int, count: Int, _ carried: QuoteReading.Carried
  ) {
    var inside = carried.inside
    var none: [TableReading.Problem] = []
    for number in index..<(index + count) {
      let block = marked.marks[number]
      let within = block.within ^ inside
      inside = 0 &- within >> 63
      pass(
        (block.ends | block.separators) & ~within, ends: block.ends, at: number * Block.size, of: marked.text,
        &lines, &none)
    }
  }

  /// - Parameters:
  ///   - start: of the block, in the stretch.
  ///   - odd: what the reading has found in rows since it was asked last; they are taken out.
  func pass(
    _ structure: UInt64, ends: UInt64, at start: Int, of text: UnsafeBufferPointer<UInt8>, _ lines: inout LineCount,
    _ odd: inout [TableReading.Problem]
  ) {
    var bits = structure
    while bits != 0 {
      let place = start &+ bits.trailingZeroBitCount
      let isEnd = ends & bits & (0 &- bits) != 0
      bits &= bits &- 1
      if column == wanted[next] {
        // A place is known in this stretch, so it is not empty and has an address.
        let bytes = text.baseAddress.unsafelyUnwrapped
        endCell(UnsafeBufferPointer(start: bytes + cellStart, count: place - cellStart), isLast: isEnd)
      }
      if isEnd {
        endRow(at: lines.offset + place, text, &lines, &odd)
        (column, next) = (0, 0)
      } else {
        column &+= 1
      }
      if column == wanted[next] { cellStart = place &+ 1 }
    }
    odd.removeAll(keepingCapacity: true)
  }

  /// What was not ended is kept for the next stretch.
  func endStretch(_ text: UnsafeBufferPointer<UInt8>) {
    if column == wanted[next] {
      carry.append(contentsOf: text[cellStart...])
    }
    cellStart = 0
    lastByte = text.last ?? lastByte
  }

  /// The text ends at `offset`, perhaps in a row.
  func finish(at offset: Int, _ lines: inout LineCount, _ odd: inout [TableReading.Problem]) {
    let empty = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
    if column == wanted[next] { endCell(empty, isLast: true) }
    if offset > rowStart {
      let isBlank = offset - rowStart == 1 && mayHaveReturn && lastByte == Alphabet.carriageReturn
      finishRow(isBlank: isBlank, &lines, &odd)
    }
    tell(&odd, upTo: .max, &lines)
  }

  // MARK: Cells

  private func endCell(_ piece: UnsafeBufferPointer<UInt8>, isLast: Bool) {
    guard carry.isEmpty else {
      carry.append(contentsOf: piece)
      carry.withUnsafeBufferPointer { take($0, isLast: isLast) }
      return carry.removeAll(keepingCapacity: true)
    }
    take(piece, isLast: isLast)
  }

  @inline(__always)
  private func take(_ raw: UnsafeBufferPointer<UInt8>, isLast: Bool) {
    var cell = raw
    if isLast, mayHaveReturn, cell.last == Alphabet.carriageReturn {
      cell = UnsafeBufferPointer(rebasing: cell.dropLast())
    }
    if let quote, cell.first == quote { return takeQuoted(cell, quote) }
    judge(cell)
  }

  private func takeQuoted(_ cell: UnsafeBufferPointer<UInt8>, _ quote: UInt8) {
    if cell.count > 1, cell[cell.count - 1] == quote {
      let inner = UnsafeBufferPointer(rebasing: cell[1..<(cell.count - 1)])
      let escape = reading.escape.byte
      if Bytes.first(quote, in: inner) == nil, escape.flatMap({ Bytes.first($0, in: inner) }) == nil {
        return judge(inner)
      }
    }
    scratch.removeAll(keepingCapacity: true)
    var reading = reading
    for byte in cell {
      let before = reading.state
      _ = reading.step(byte, isQuote: byte == quote, isStructural: false)
      switch (before, reading.state) {
      case (.fieldStart, .quoted), (.quoted, .quoteSeen), (.quoted, .escaped): break
      case (.escaped, _): scratch += reading.escape.bytes(before: byte, quote: quote)
      default: scratch.append(byte)
      }
    }
    scratch.withUnsafeBufferPointer { judge($0) }
  }

  @inline(__always)
  private func judge(_ cell: UnsafeBufferPointer<UInt8>) {
    if let found = check.check(next, cell), fault == nil { fault = (found, column + 1) }
    next &+= 1
  }

  // MARK: Rows

  private func endRow(
    at end: Int, _ text: UnsafeBufferPointer<UInt8>, _ lines: inout LineCount, _ odd: inout [TableReading.Problem]
  ) {
    let length = end - rowStart
    var isBlank = length == 0
    if length == 1, mayHaveReturn {
      let place = end - lines.offset - 1
      isBlank = (place >= 0 ? text[place] : lastByte) == Alphabet.carriageReturn
    }
    finishRow(isBlank: isBlank, &lines, &odd)
    rowStart = end + 1
  }

  private func finishRow(isBlank: Bool, _ lines: inout LineCount, _ odd: inout [TableReading.Problem]) {
    let (key, found) = (check.endRow(), fault)
    fault = nil
    if isBlank {
      blanks += 1
      return
    }
    if blanks > 0 { passBlanks(&lines, &odd) }
    rows += 1
    if tell(&odd, upTo: rows, &lines) { return }
    if let found {
      tell(
        BadRow(BadRow.Kind(found.kind), row: rows, line: lines.line(of: rowStart), column: found.column), isOfCell: true
      )
    } else if let key {
      sink?.has(key, row: rows)
    }
  }

  /// In a table of one column they are rows of an empty value; else the reading has told of each.
  private func passBlanks(_ lines: inout LineCount, _ odd: inout [TableReading.Problem]) {
    for back in (1...blanks).reversed() {
      rows += 1
      if tell(&odd, upTo: rows, &lines) || wanted[0] != 0 { continue }
      let found = check.check(0, UnsafeBufferPointer(start: nil, count: 0))
      _ = check.endRow()
      if let found {
        tell(BadRow(BadRow.Kind(found), row: rows, line: lines.line(of: rowStart) - back, column: 1), isOfCell: true)
      }
    }
    blanks = 0
  }

  /// What the reading has found in rows up to this one. - Returns: whether this one is among them.
  @discardableResult
  private func tell(_ odd: inout [TableReading.Problem], upTo row: Int, _ lines: inout LineCount) -> Bool {
    var last = 0
    while let problem = odd.first, problem.row <= row {
      odd.removeFirst()
      guard problem.row != last else { continue }
      last = problem.row
      let place = lines.line(of: problem.start) - problem.linesBack
      switch problem.kind {
      case .columns(let found):
        tell(BadRow(.columns, row: problem.row, line: place, column: min(found, columns) + 1), isOfCell: false)
      case .blank: tell(BadRow(.columns, row: problem.row, line: place, column: 1), isOfCell: false)
      case .tooLong: tell(BadRow(.tooLong, row: problem.row, line: place), isOfCell: false)
      case .openQuote, .lineEnd, .nul: break
      }
    }
    return last == row
  }

  private func tell(_ row: BadRow, isOfCell: Bool) {
    badRows += 1
    sink?.isBad(row)
    guard isOfCell else { return }
    problemCount += 1
    if problems.count < maxProblems { problems.append(row) }
  }
}
