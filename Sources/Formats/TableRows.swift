/// The data of a table under one reading of its quotes, or under two at once where the escape is to be found out.
struct TableRows {
  let alphabet: Alphabet
  /// Holds `both` while the two readings are at one: the second is split off only where they part, and joined again
  /// where they meet.
  private var first: TableReading
  private var second: TableReading?
  /// How many strays the backslash reading has more than the first, while it is joined.
  private var strayGap = 0
  private let isAuto: Bool
  private var offset = 0
  /// A delimiter or line end counted in one reading only.
  private(set) var differed = false

  init(rules: TableRules, delimiter: UInt8?, columns: Int, maxProblems: Int) {
    alphabet = Alphabet(quote: rules.quote, separators: delimiter.map { [$0] } ?? [], lineEnd: rules.lineEnd)
    isAuto = rules.escape == .auto
    first = TableReading(
      quotes: QuoteReading(backslash: rules.escape == .backslash, scalarOnlyForTests: rules.scalarOnlyForTests),
      columns: columns, lineEnd: rules.lineEnd, maxRowBytes: rules.maxRowBytes, maxProblems: maxProblems)
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
    var index = 0
    while index < marked.blocks {
      if second == nil {
        let good = first.readGood(
          marked, from: index, at: offset, watchesBackslash: isAuto || first.quotes.backslash)
        index += good
        offset += good * Block.size
        if index == marked.blocks { break }
      }
      let block = marked[index]
      if isAuto, second != nil || mayPart(block) {
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
    guard let row = first.tooLong(at: offset) else { return nil }
    guard isAuto, let second else { return row }
    return second.tooLong(at: offset) == nil ? nil : row
  }

  /// The row being read.
  var currentRow: Int { first.currentRow }
  /// Rows so far; where the readings differ, the smaller count.
  var rows: Int { min(first.rows, second?.rows ?? first.rows) }

  struct Outcome {
    var rows: Int
    var problems: [TableReading.Problem]
    var problemCount: Int
    /// Both readings fit, and differ.
    var isDoubtful: Bool
    /// The reading that was chosen.
    var backslash: Bool
  }

  /// A reading fits where every row is right; it fits well where, besides, no text follows a closing quote.
  mutating func finish() -> Outcome {
    first.finish(at: offset)
    second?.finish(at: offset)
    guard isAuto else { return outcome(first) }
    let second = self.second ?? twin()
    let fits = (first: first.problemCount == 0, second: second.problemCount == 0)
    let well = (first: fits.first && first.quotes.strays == 0, second: fits.second && second.quotes.strays == 0)
    switch (well.first || !well.second && fits.first, well.second || !well.first && fits.second) {
    case (true, true): return outcome(first, isDoubtful: differed)
    case (true, false): return outcome(first)
    case (false, true): return outcome(second)
    case (false, false): return outcome(second.problemCount < first.problemCount ? second : first)
    }
  }

  private func outcome(_ reading: TableReading, isDoubtful: Bool = false) -> Outcome {
    Outcome(
      rows: reading.rows, problems: reading.problems, problemCount: reading.problemCount, isDoubtful: isDoubtful,
      backslash: reading.quotes.backslash)
  }

  /// They part at a backslash inside quotes only; a block that has both marks might hold one.
  @inline(__always)
  private func mayPart(_ block: Block) -> Bool {
    guard block.quotes != 0 || first.quotes.state == .quoted else { return false }
    return block.backslashes != 0
  }

  private mutating func readApart(_ block: Block) {
    var other = second ?? twin()
    let one = first.read(block, at: offset)
    let two = other.read(block, at: offset)
    if one != two { differed = true }
    if first.hasMet(other) {
      strayGap = other.quotes.strays - first.quotes.strays
      second = nil
    } else {
      second = other
    }
  }

  private func twin() -> TableReading {
    var twin = first
    twin.quotes = QuoteReading(backslash: true, scalarOnlyForTests: first.quotes.scalarOnlyForTests)
    twin.quotes.state = first.quotes.state
    twin.quotes.strays = first.quotes.strays + strayGap
    return twin
  }
}
