import Core

/// Parts a table into its good rows and its bad ones, each as it was, byte for byte; both begin with the header.
///
/// The table was checked before, and which rows are bad is known. Memory is bounded by what is fed at a time.
public struct TableSplitter: ~Copyable {
  private let rules: TableRules
  private let delimiter: UInt8?
  private var source: TextSource
  private var output: SplitOutput
  private var reading: QuoteReading
  private let special: [Bool]
  /// Lines before the first row: the header, and a line `sep=`.
  private var headLines: Int
  private var mark = 0

  /// What of the line being read came in earlier pieces is out already.
  private var isAtStart = true
  private var isBad = false
  private var lastByte: UInt8 = 0
  /// At a line's start: a CR that may be all there is of an empty line.
  private var hasReturn = false
  /// Empty lines that are rows only where another row follows; whether each ends in CRLF, as runs.
  private var blanks: [(isCRLF: Bool, count: Int)] = []

  /// Rows of data so far: not the header, not empty lines at the end.
  public private(set) var rows = 0
  /// The line that is being read.
  private var line = 1
  /// The line in which the row being read begins.
  private var rowLine = 1
  private let next: (_ row: Int, _ line: Int) -> Bool
  public var isDamaged: Bool { source.isDamaged }

  /// - Parameters:
  ///   - delimiter: as the checks found it; nil for a table of one column.
  ///   - escape: as they found it, too.
  ///   - leavesOut: the first line is no part of the table.
  ///   - repacks: good rows that came packed are packed again.
  ///   - isBad: asked of each row once, in order.
  public init(
    _ rules: TableRules, delimiter: UInt8?, escape: QuoteEscape, leavesOut: Bool = false,
    repacks: Bool = false, isBad next: @escaping (_ row: Int, _ line: Int) -> Bool
  ) {
    (self.rules, self.delimiter, self.next) = (rules, delimiter, next)
    source = TextSource(rules.encoding)
    output = SplitOutput(repacks: repacks)
    reading = QuoteReading(escape)
    headLines = (rules.header ? 1 : 0) + (leavesOut ? 1 : 0)
    var special = [Bool](repeating: false, count: 256)
    for byte in [delimiter, rules.quote, rules.lineEnd.byte, escape.byte].compactMap({ $0 }) {
      special[Int(byte)] = true
    }
    self.special = special
  }

  /// The file's next bytes, as they arrived. What is emitted is valid during the call only.
  public mutating func feed<E: Error>(
    _ raw: UnsafeRawBufferPointer, good: (UnsafeRawBufferPointer) throws(E) -> Void,
    bad: (UnsafeRawBufferPointer) throws(E) -> Void
  ) throws(E) {
    var text: [UInt8] = []
    source.feed(raw) { text += $0 }
    try read(text, good, bad)
  }

  public mutating func finish<E: Error>(
    good: (UnsafeRawBufferPointer) throws(E) -> Void, bad: (UnsafeRawBufferPointer) throws(E) -> Void
  ) throws(E) {
    var text: [UInt8] = []
    source.finish { text += $0 }
    try read(text, good, bad)
    // Nothing follows them: they are no rows.
    for run in blanks { for _ in 0..<run.count { output.good.bytes += end(run.isCRLF) } }
    if hasReturn, isAtStart { output.good.bytes.append(Alphabet.carriageReturn) }
    try output.finish(isPacked: source.isPacked, good: good, bad: bad)
  }

  private mutating func read<E: Error>(
    _ text: [UInt8], _ good: (UnsafeRawBufferPointer) throws(E) -> Void,
    _ bad: (UnsafeRawBufferPointer) throws(E) -> Void
  ) throws(E) {
    var start = 0
    while start < text.count {
      // In pieces, so that no more than that is held.
      let stop = min(text.count, start + Limits.rewriteOut)
      text[start..<stop].withUnsafeBufferPointer { take($0) }
      start = stop
      try output.flush(isPacked: source.isPacked, good: good, bad: bad)
    }
  }

  // MARK: Rows

  private mutating func take(_ bytes: UnsafeBufferPointer<UInt8>) {
    var index = 0
    while index < bytes.count {
      // The mark goes with the header; it is no part of the first line.
      if mark < 3 {
        if bytes[index] == [0xef, 0xbb, 0xbf][mark] {
          put(bytes[index])
          (mark, index) = (mark + 1, index + 1)
          continue
        }
        // What began like one and is none cannot be in text that was checked.
        mark = 3
      }
      if isAtStart, beginLine(bytes[index]) {
        index += 1
        continue
      }
      if reading.state == .plain || reading.state == .quoted {
        var end = index
        while end < bytes.count, !special[Int(bytes[end])] { end += 1 }
        if end > index {
          put(bytes[index..<end])
          lastByte = bytes[end - 1]
          index = end
          continue
        }
      }
      step(bytes[index])
      index += 1
    }
  }

  /// - Returns: whether the byte was used up: it is, or may be, of an empty line.
  private mutating func beginLine(_ byte: UInt8) -> Bool {
    if headLines > 0 {
      (isAtStart, rowLine) = (false, line)
      return false
    }
    if byte == rules.lineEnd.byte {
      addBlank(isCRLF: hasReturn)
      hasReturn = false
      line += 1
      return true
    }
    if byte == Alphabet.carriageReturn, rules.lineEnd.mayHaveReturn, !hasReturn {
      hasReturn = true
      return true
    }
    passBlanks()
    rows += 1
    rowLine = line
    isBad = next(rows, line)
    isAtStart = false
    if hasReturn {
      hasReturn = false
      step(Alphabet.carriageReturn)
    }
    return false
  }

  private mutating func addBlank(isCRLF: Bool) {
    if let last = blanks.last, last.isCRLF == isCRLF {
      blanks[blanks.count - 1].count += 1
    } else {
      blanks.append((isCRLF, 1))
    }
  }

  private mutating func passBlanks() {
    guard !blanks.isEmpty else { return }
    var from = line - blanks.reduce(0) { $0 + $1.count }
    for run in blanks {
      for _ in 0..<run.count {
        rows += 1
        if next(rows, from) { output.bad.bytes += end(run.isCRLF) } else { output.good.bytes += end(run.isCRLF) }
        from += 1
      }
    }
    blanks.removeAll()
  }

  private func end(_ isCRLF: Bool) -> [UInt8] {
    isCRLF ? [Alphabet.carriageReturn, rules.lineEnd.byte] : [rules.lineEnd.byte]
  }

  private mutating func step(_ byte: UInt8) {
    put(byte)
    lastByte = byte
    let isEnd = byte == rules.lineEnd.byte
    if isEnd { line += 1 }
    guard reading.step(byte, isQuote: byte == rules.quote, isStructural: isEnd || byte == delimiter), isEnd else {
      return
    }
    isAtStart = true
    if headLines > 0 { headLines -= 1 }
  }

  private mutating func put(_ byte: UInt8) {
    if headLines > 0 || !isBad { output.good.bytes.append(byte) }
    if headLines > 0 && mark >= 3 || headLines == 0 && isBad { output.bad.bytes.append(byte) }
  }

  private mutating func put(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) {
    if headLines > 0 || !isBad { output.good.bytes += bytes }
    if headLines > 0 || isBad { output.bad.bytes += bytes }
  }
}
