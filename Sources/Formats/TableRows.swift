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

  /// - Parameter firstLine: of each reading; none: the first line is a row, and comes with the others.
  init(
    rules: TableRules, delimiter: UInt8?, columns: Int, firstLine: [QuoteEscape: FirstLine] = [:], maxProblems: Int
  ) {
    let readings = rules.readings
    let escapes = readings.map(\.escape)
    alphabet = Alphabet(
      quote: rules.quote, separators: delimiter.map { [$0] } ?? [], lineEnd: rules.lineEnd,
      hasApostrophes: escapes.contains(.apostrophe))
    first = TableReading(
      quotes: readings[0], columns: columns, lineEnd: rules.lineEnd, maxRowBytes: rules.maxRowBytes,
      maxProblems: maxProblems)
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
    let watch = EscapeWatch(
      [first.quotes.escape] + others.map(\.escape), quotesByNUL: first.quotes.quotesByNUL)
    var index = 0
    while index < marked.blocks {
      if apart == 0 {
        let good = first.readGood(marked, from: index, at: offset, watch)
        index += good
        offset += good * Block.size
        if index == marked.blocks { break }
      }
      let block = marked[index]
      if apart > 0 || others.contains(where: { mayPart($0, block) }) {
        readApart(block)
      } else {
        _ = first.read(block, at: offset)
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
  }

  /// A reading fits where every row is right; it fits well where, besides, no text follows a closing quote.
  ///
  /// An escape is a sign for one reading, and data for all others: two that fit differ where one of them has met any.
  mutating func finish() -> Outcome {
    var readings = [first] + others.map { $0.reading ?? twin($0) }
    for index in readings.indices { readings[index].finish(at: offset) }
    let fitting = readings.filter { $0.problemCount == 0 && line($0).isPossible }
    let well = fitting.filter { $0.quotes.strays + line($0).strays == 0 }
    let chosen = well.isEmpty ? fitting : well
    guard let best = chosen.first else {
      let possible = readings.filter { line($0).isPossible }
      let least = possible.dropFirst().reduce(possible.first ?? first) {
        $1.problemCount < $0.problemCount ? $1 : $0
      }
      return outcome(least)
    }
    let hasEscapes = chosen.contains { $0.quotes.escapes + line($0).escapes > 0 }
    return outcome(best, isDoubtful: chosen.count > 1 && hasEscapes)
  }

  private func line(_ reading: TableReading) -> FirstLine { firstLine[reading.quotes.escape] ?? FirstLine() }

  private func outcome(_ reading: TableReading, isDoubtful: Bool = false) -> Outcome {
    Outcome(
      rows: reading.rows, problems: reading.problems, problemCount: reading.problemCount, isDoubtful: isDoubtful,
      escape: reading.quotes.escape)
  }

  /// They part at an escape inside quotes only.
  @inline(__always)
  private func mayPart(_ other: Other, _ block: Block) -> Bool {
    guard block.quotes != 0 || first.quotes.state == .quoted else { return false }
    return block.escapes(other.escape) != 0
  }

  private mutating func readApart(_ block: Block) {
    for index in others.indices where others[index].reading == nil && mayPart(others[index], block) {
      others[index].reading = twin(others[index])
      apart += 1
    }
    _ = first.read(block, at: offset)
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
    twin.quotes = first.quotes.twin(other.escape, strays: other.strays, escapes: other.escapes)
    return twin
  }
}
