/// The data of a table under one reading of its quotes, or under all at once where the escape is to be found out.
struct TableRows {
  /// What the first line says of one reading.
  struct FirstLine {
    /// Its columns are those of the table.
    var isPossible = true
    var strays = 0
    var escapes = 0
  }

  /// Another reading beside the first. It is split off only where the two part, and joined again where they meet.
  private struct Other {
    let escape: QuoteEscape
    /// Nil while they are at one.
    var reading: TableReading?
    /// How many strays and escapes it has more than the first, while it is joined.
    var strays = 0
    var escapes = 0
  }

  let alphabet: Alphabet
  private var first: TableReading
  private var others: [Other]
  /// How many are split off.
  private var apart = 0
  private let firstLine: [QuoteEscape: FirstLine]
  private var offset = 0
  /// Line ends before the stretch being read.
  private var lines: Int
  private let watch: EscapeWatch
  private let cells: CellReader?
  private let mayReject: Bool

  /// - Parameters:
  ///   - firstLine: of each reading; none: the first line is a row, and comes with the others.
  ///   - linesBefore: of the file, before the data.
  ///   - cells: looks at cells as the first reading has them.
  init(
    rules: TableRules, delimiter: UInt8?, columns: Int, firstLine: [QuoteEscape: FirstLine] = [:], linesBefore: Int = 0,
    maxProblems: Int, cells: CellReader? = nil
  ) {
    let readings = rules.readings
    let escapes = readings.map(\.escape)
    alphabet = Alphabet(
      quote: rules.quote, separators: delimiter.map { [$0] } ?? [], lineEnd: rules.lineEnd,
      hasApostrophes: escapes.contains(.apostrophe))
    first = TableReading(
      quotes: readings[0], columns: columns, lineEnd: rules.lineEnd, maxRowBytes: rules.maxRowBytes,
      mostRowBytes: rules.mostRowBytes, maxProblems: maxProblems)
    first.tellsAll = cells != nil
    first.rowLine = linesBefore + 1
    watch = EscapeWatch(escapes, quotesByNUL: readings[0].quotesByNUL)
    (lines, self.cells, mayReject) = (linesBefore, cells, rules.mayReject)
    others = escapes.dropFirst().map { Other(escape: $0) }
    self.firstLine = firstLine
  }

  mutating func feed(_ bytes: UnsafeBufferPointer<UInt8>, in room: MarkRoom) {
    var rest = bytes
    while !rest.isEmpty {
      let marked = MarkedText(rest, alphabet, in: room)
      feed(marked)
      rest = UnsafeBufferPointer(rebasing: rest[marked.text.count...])
    }
  }

  private mutating func feed(_ marked: MarkedText) {
    let start = offset
    read(marked)
    cells?.endStretch(marked.text)
    countLines(of: marked, at: start)
  }

  /// Lines are counted by the stretch, and where a row begins only where that is asked for.
  private mutating func countLines(of marked: MarkedText, at start: Int) {
    countLines(of: &first, marked, at: start)
    for index in others.indices where apart > 0 && others[index].reading != nil {
      guard var reading = others[index].reading.take() else { continue }
      countLines(of: &reading, marked, at: start)
      others[index].reading = reading
    }
    lines += marked.lines
  }

  private func countLines(of reading: inout TableReading, _ marked: MarkedText, at start: Int) {
    if reading.problemCount > 0 {
      var count = LineCount(marked, at: start, before: lines, openLine: reading.rowLine)
      reading.countLines(&count)
    }
    guard reading.rowStart >= start else { return }
    reading.rowLine = lines + marked.lines - marked.lineEnds(from: reading.rowStart - start, to: marked.text.count) + 1
  }

  private mutating func read(_ marked: MarkedText) {
    var count = LineCount(marked, at: offset, before: lines, openLine: first.rowLine)
    var index = 0
    while index < marked.blocks {
      if apart == 0 {
        let carried = first.quotes.carried
        let good = first.readGood(marked, from: index, at: offset, watch)
        cells?.passGood(marked, &count, from: index, count: good, carried)
        index += good
        offset += good * Block.size
        if index == marked.blocks { break }
      }
      let block = marked[index]
      if apart > 0 || others.contains(where: { mayPart($0, block) }) {
        readApart(block, of: marked.text, &count)
      } else {
        let structure = first.read(block, at: offset)
        cells?.pass(structure, ends: block.ends, at: offset - count.offset, of: marked.text, &count, &first.fresh)
      }
      index += 1
      offset += block.count
    }
  }

  /// The first row that is longer than it may be, under whichever reading. Nothing that follows can make the table good.
  var tooLong: TableReading.Problem? {
    guard first.tooLong(at: offset) != nil else { return nil }
    let isLong = others.allSatisfy { $0.reading.map { $0.tooLong(at: offset) != nil } ?? true }
    return isLong ? leading.tooLong(at: offset) : nil
  }

  /// The row being read.
  var currentRow: Int { leading.currentRow }
  /// The reading that fits best so far: what ends the table is told with its rows.
  private var leading: TableReading {
    others.compactMap(\.reading).reduce(first) { fit($1) < fit($0) ? $1 : $0 }
  }

  private func fit(_ reading: TableReading) -> (Int, Int, Int) {
    let line = line(reading)
    return (line.isPossible ? 0 : 1, reading.problemCount, reading.quotes.strays + line.strays)
  }
  /// The line that the text has come to.
  var currentLine: Int { lines + 1 }
  /// Rows so far; where the readings differ, the smallest count.
  var rows: Int { others.reduce(first.rows) { min($0, $1.reading?.rows ?? $0) } }

  struct Outcome {
    var rows: Int
    var problems: [TableReading.Problem]
    var problemCount: Int
    /// Several readings fit, and differ in a value.
    var isDoubtful: Bool
    /// The reading that was chosen.
    var escape: QuoteEscape
    /// It is the one whose cells were looked at.
    var isFirst: Bool
    /// A row of it, the last one perhaps, that is longer than any that could be left out.
    var tooLong: TableReading.Problem?
  }

  /// A reading fits where every row is right; it fits well where, besides, no text follows a closing quote.
  ///
  /// An escape is a sign for one reading, and data for all others: two that fit differ where one of them has met any.
  mutating func finish() -> Outcome {
    var readings = [first] + others.map { $0.reading ?? twin($0) }
    for index in readings.indices {
      readings[index].finish(at: offset)
      var count = LineCount(nil, at: .max, before: lines, openLine: readings[index].rowLine)
      readings[index].countLines(&count)
    }
    if let cells {
      var count = LineCount(nil, at: .max, before: lines, openLine: first.rowLine)
      cells.finish(at: offset, &count, &readings[0].fresh)
    }
    let fitting = readings.filter { $0.problemCount == 0 && line($0).isPossible }
    let well = fitting.filter { $0.quotes.strays + line($0).strays == 0 }
    let chosen = well.isEmpty ? fitting : well
    guard let best = chosen.first else {
      let possible = readings.filter { line($0).isPossible }
      let least = possible.dropFirst().reduce(possible.first ?? first) {
        $1.problemCount < $0.problemCount ? $1 : $0
      }
      // Where bad rows are left out, it matters which they are.
      let alike = possible.filter { $0.problemCount == least.problemCount }
      let differs = alike.contains { $0.quotes.escapes + line($0).escapes > 0 }
      return outcome(least, isDoubtful: mayReject && alike.count > 1 && differs)
    }
    let hasEscapes = chosen.contains { $0.quotes.escapes + line($0).escapes > 0 }
    return outcome(best, isDoubtful: chosen.count > 1 && hasEscapes)
  }

  private func line(_ reading: TableReading) -> FirstLine { firstLine[reading.quotes.escape] ?? FirstLine() }

  private func outcome(_ reading: TableReading, isDoubtful: Bool = false) -> Outcome {
    Outcome(
      rows: reading.rows, problems: reading.problems, problemCount: reading.problemCount, isDoubtful: isDoubtful,
      escape: reading.quotes.escape,
      isFirst: reading.quotes.escape == first.quotes.escape || reading.quotes.escapes + line(reading).escapes == 0,
      tooLong: mayReject ? reading.tooLong(at: offset) : nil)
  }

  /// They part at an escape inside quotes only.
  @inline(__always)
  private func mayPart(_ other: Other, _ block: Block) -> Bool {
    guard block.quotes != 0 || first.quotes.state == .quoted else { return false }
    return block.escapes(other.escape) | block.escapes(first.quotes.escape) != 0
  }

  private mutating func readApart(_ block: Block, of text: UnsafeBufferPointer<UInt8>, _ count: inout LineCount) {
    for index in others.indices where others[index].reading == nil && mayPart(others[index], block) {
      others[index].reading = twin(others[index])
      apart += 1
    }
    let structure = first.read(block, at: offset)
    cells?.pass(structure, ends: block.ends, at: offset - count.offset, of: text, &count, &first.fresh)
    for index in others.indices {
      // Moved out, so that it is not copied.
      guard var reading = others[index].reading.take() else { continue }
      _ = reading.read(block, at: offset)
      if first.hasMet(reading) {
        others[index].strays = reading.quotes.strays - first.quotes.strays
        others[index].escapes = reading.quotes.escapes
        apart -= 1
      } else {
        others[index].reading = reading
      }
    }
  }

  private func twin(_ other: Other) -> TableReading {
    var twin = first
    (twin.tellsAll, twin.fresh) = (false, [])
    twin.quotes = first.quotes.twin(other.escape, strays: other.strays, escapes: other.escapes)
    return twin
  }
}
