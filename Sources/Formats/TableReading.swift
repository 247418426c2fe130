import CScan
import Core

/// The rows of a table as one reading of its quotes sees them.
struct TableReading {
  /// What is wrong with one row. Rows count from 1.
  struct Problem: Equatable {
    enum Kind: Hashable { case columns(Int), blank, tooLong, openQuote, lineEnd, nul }
    let kind: Kind
    let row: Int
    /// Where the row begins, or the row behind it where it is an empty line, which is `linesBack` before that.
    let start: Int
    var linesBack = 0
    /// In which the row begins; 0 while that is not counted.
    var line = 0

    static func == (one: Problem, other: Problem) -> Bool { (one.kind, one.row) == (other.kind, other.row) }
  }

  var quotes: QuoteReading
  let columns: Int
  let lineEnd: TableRules.LineEnd
  let maxRowBytes: Int
  /// At most this many problems are kept.
  /// No row may be longer, whatever becomes of those that are too long.
  let mostRowBytes: Int
  let maxProblems: Int
  /// What is found is put into `fresh` as well, all of it.
  var tellsAll = false
  var fresh: [Problem] = []
  /// The line in which the row being read begins.
  var rowLine = 1

  /// Offsets count from where the data begins.
  private(set) var rowStart = 0
  private(set) var separators = 0
  private(set) var rows = 0
  private(set) var problems: [Problem] = []
  private(set) var problemCount = 0
  /// The first row that is longer than it may be, if one has ended.
  private var endedTooLong: Problem?
  /// Empty lines since the last row: nothing at the end of the text, rows of one empty field elsewhere.
  private var blanks = 0
  /// Of these, which end otherwise than they should; what comes next tells whether they count.
  private var strangeBlanks: [Int] = []
  private var lastByte: UInt8 = 0
  /// Where the row being read holds a line end that is none.
  private var strangeAt: Int?
  /// It holds a NUL that quotes nothing.
  private var hasNUL = false
  /// The last byte is a CR outside of quotes, and what follows tells what it is.
  private var isReturnOpen = false

  init(
    quotes: QuoteReading, columns: Int, lineEnd: TableRules.LineEnd = .auto, maxRowBytes: Int, mostRowBytes: Int? = nil,
    maxProblems: Int
  ) {
    self.quotes = quotes
    self.columns = columns
    self.lineEnd = lineEnd
    self.maxRowBytes = maxRowBytes
    self.mostRowBytes = mostRowBytes ?? maxRowBytes
    self.maxProblems = maxProblems
  }

  /// The row being read, if any of it was.
  var currentRow: Int { rows + blanks + 1 }

  /// Reads blocks from `index` on, as long as they are full and all in them is as it must be. Returns how many; `read` comes to
  /// the same with each of them, and is for all others.
  mutating func readGood(_ marked: MarkedText, from index: Int, at offset: Int, _ escapes: EscapeWatch) -> Int {
    // With `lf`, a CR that the block before ended in may belong to the first line end.
    let isAfterReturn = lineEnd == .lf && lastByte == Alphabet.carriageReturn
    guard !quotes.scalarOnlyForTests, quotes.state != .escaped, blanks == 0, strangeAt == nil, !hasNUL, !isReturnOpen,
      !isAfterReturn
    else {
      return 0
    }
    let lineEnds = LineEndWatch(lineEnd)
    let (marks, blocks) = (marked.marks + index, marked.fullBlocks - index)
    let (wanted, longest) = (columns - 1, maxRowBytes)
    // Counted from here, and in copies: what is stored with each block costs more than what is found in it.
    var start = rowStart &- offset
    var (separators, rows) = (separators, rows)
    var carried = quotes.carried
    var count = 0
    while count < blocks {
      let block = marks[count]
      guard let structure = carried.structure(of: block, escapes, lineEnds) else { break }
      var (ends, between) = (block.ends & structure, block.separators & structure)
      if ends == 0 {
        separators &+= between.nonzeroBitCount
      } else {
        var (found, begun, ended) = (separators, start, 0)
        repeat {
          let upTo = ends ^ (ends &- 1)
          let end = count &* Block.size &+ ends.trailingZeroBitCount
          let length = end &- begun
          guard found &+ (between & upTo).nonzeroBitCount == wanted, length > 1, length <= longest else { break }
          (found, begun) = (0, end &+ 1)
          ended &+= 1
          between &= ~upTo
          ends &= ends &- 1
        } while ends != 0
        guard ends == 0 else { break }
        start = begun
        rows &+= ended
        separators = between.nonzeroBitCount
      }
      carried.pass(block, structure)
      count &+= 1
    }
    guard count > 0 else { return 0 }
    rowStart = start &+ offset
    (self.separators, self.rows) = (separators, rows)
    quotes.carried = carried
    lastByte = marked.text[(index &+ count) &* Block.size &- 1]
    return count
  }

  /// Reads a block at `offset`; the answer marks what it took for structure.
  @inline(__always)
  mutating func read(_ block: Block, at offset: Int) -> UInt64 {
    let structure = quotes.advance(block)
    var ends = structure & block.ends
    var between = structure & block.separators
    var alone = othersAlone(in: block, at: offset, structure)
    var nuls = quotes.nuls
    while ends != 0 {
      let place = ends.trailingZeroBitCount
      let below: UInt64 = (1 << UInt64(place)) - 1
      let found = separators + (between & below).nonzeroBitCount + 1
      let end = offset + place
      let length = end - rowStart
      let endsInCR = (place > 0 ? block.bytes[place - 1] : lastByte) == Alphabet.carriageReturn
      if alone & below != 0 {
        noteStrange(at: offset + alone.trailingZeroBitCount)
      } else if lineEnd == .lf && endsInCR || lineEnd == .crlf && !endsInCR {
        noteStrange(at: end)
      }
      alone &= ~below
      if nuls & below != 0 { hasNUL = true }
      nuls &= ~below
      if found == columns, length > 1, length <= maxRowBytes, blanks == 0, strangeAt == nil, !hasNUL {
        rows += 1
      } else {
        endOddRow(found, length: length, endsInCR: endsInCR)
      }
      rowStart = end + 1
      separators = 0
      between &= ~below
      ends &= ends &- 1
    }
    if alone != 0 { noteStrange(at: offset + alone.trailingZeroBitCount) }
    if nuls != 0 { hasNUL = true }
    separators += between.nonzeroBitCount
    lastByte = block.bytes[block.count - 1]
    return structure
  }

  /// Outside of quotes: what others take for a line end, and this reading does not.
  @inline(__always)
  private mutating func othersAlone(in block: Block, at offset: Int, _ structure: UInt64) -> UInt64 {
    guard lineEnd == .auto || lineEnd == .cr, block.others != 0 || isReturnOpen else { return 0 }
    let others = block.others & quotes.outside
    if lineEnd == .cr { return others }
    if isReturnOpen, block.ends & structure & 1 == 0 { noteStrange(at: offset - 1) }
    isReturnOpen = others & block.last != 0
    return others & ~(block.ends >> 1) & ~block.last
  }

  private mutating func noteStrange(at offset: Int) { strangeAt = strangeAt ?? offset }

  /// The text ends at `offset`.
  mutating func finish(at offset: Int) {
    if quotes.isOpen {
      countBlanks()
      note(.openQuote)
    } else if offset > rowStart {
      endOddRow(separators + 1, length: offset - rowStart, endsInCR: lastByte == Alphabet.carriageReturn)
    }
  }

  @inline(never)
  private mutating func endOddRow(_ found: Int, length: Int, endsInCR: Bool) {
    let text = length - (endsInCR && lineEnd.mayHaveReturn ? 1 : 0)
    defer { (strangeAt, hasNUL) = (nil, false) }
    guard text > 0 else {
      if strangeAt != nil, columns == 1, strangeBlanks.count < maxProblems { strangeBlanks.append(blanks) }
      blanks += 1
      return
    }
    countBlanks()
    if strangeAt != nil {
      note(.lineEnd, row: rows + 1)
    } else if found != columns {
      note(.columns(found), row: rows + 1)
    } else if hasNUL {
      note(.nul, row: rows + 1)
    }
    if text > maxRowBytes {
      note(.tooLong, row: rows + 1)
      if text > mostRowBytes, endedTooLong == nil { endedTooLong = tooLong(row: rows + 1) }
    }
    rows += 1
  }

  /// Something follows them, so they are rows.
  private mutating func countBlanks() {
    for blank in 0..<blanks {
      if columns != 1 { note(.blank, row: rows + 1, linesBack: blanks - blank) }
      if strangeBlanks.contains(blank) { note(.lineEnd, row: rows + 1, linesBack: blanks - blank) }
      rows += 1
    }
    (blanks, strangeBlanks) = (0, [])
  }

  /// The first row that is longer than it may be, ended or not, where the text goes on to `offset`. The last byte of one that is open may
  /// be half of its line end.
  func tooLong(at offset: Int) -> Problem? {
    endedTooLong ?? (offset - rowStart > mostRowBytes +| 1 ? tooLong(row: currentRow, line: rowLine) : nil)
  }

  /// Where line ends are not what they should be, that is why.
  private func tooLong(row: Int, line: Int = 0) -> Problem {
    let isStrange = strangeAt.map { $0 - rowStart <= mostRowBytes } ?? false
    return Problem(kind: isStrange ? .lineEnd : .tooLong, row: row, start: rowStart, line: line)
  }

  private mutating func note(_ kind: Problem.Kind, row: Int? = nil, linesBack: Int = 0) {
    problemCount += 1
    guard problems.count < maxProblems || tellsAll else { return }
    let problem = Problem(kind: kind, row: row ?? currentRow, start: rowStart, linesBack: linesBack)
    if problems.count < maxProblems { problems.append(problem) }
    if tellsAll { fresh.append(problem) }
  }

  /// For what was found in this stretch.
  mutating func countLines(_ lines: inout LineCount) {
    if endedTooLong?.line == 0, let start = endedTooLong?.start { endedTooLong?.line = lines.line(of: start) }
    for index in problems.indices.reversed() {
      if problems[index].line > 0 { return }
      problems[index].line = lines.line(of: problems[index].start) - problems[index].linesBack
    }
  }

  /// Whether both have come to the same, and so will go on alike until the next escape.
  func hasMet(_ other: TableReading) -> Bool {
    quotes.state == other.quotes.state && rowStart == other.rowStart && separators == other.separators
      && rows == other.rows && blanks == other.blanks && problemCount == other.problemCount
      && problems == other.problems && strangeAt == other.strangeAt && isReturnOpen == other.isReturnOpen
      && hasNUL == other.hasNUL && strangeBlanks == other.strangeBlanks
  }
}
