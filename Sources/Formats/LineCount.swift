import CScan

/// In which line of the file a row begins: line ends are counted wherever they stand, inside of quotes, too.
struct LineCount {
  /// Nil behind the last one.
  private let marked: MarkedText?
  /// Of the stretch, from where the data begins.
  let offset: Int
  /// Line ends before the stretch.
  private let before: Int
  /// The line of the row that was open when the stretch began.
  private let openLine: Int
  /// Rows are asked for one after another: so far it was counted.
  private var place = 0
  private var passed = 0

  init(_ marked: MarkedText?, at offset: Int, before: Int, openLine: Int) {
    (self.marked, self.offset, self.before, self.openLine) = (marked, offset, before, openLine)
  }

  mutating func line(of start: Int) -> Int {
    guard start >= offset else { return openLine }
    let wanted = start - offset
    if wanted < place { (place, passed) = (0, 0) }
    passed += marked?.lineEnds(from: place, to: wanted) ?? 0
    place = wanted
    return before + passed + 1
  }
}

extension MarkedText {
  /// Between two places of the stretch.
  func lineEnds(from start: Int, to end: Int) -> Int {
    var (place, count) = (start, 0)
    while place < end {
      let (block, first) = (place / Block.size, place % Block.size)
      let most = min(Block.size, first + end - place)
      count += (marks[block].ends & Block.lowest(most) & ~Block.lowest(first)).nonzeroBitCount
      place += most - first
    }
    return count
  }
}
