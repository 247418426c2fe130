public import Core

/// Writes a table anew in another dialect as it is read: row for row, value for value. Memory is bounded by the longest row.
///
/// The table was checked before: what its delimiter is, and how its quotes are read, is known.
public struct TableRewriter: ~Copyable {
  private let rules: TableRules
  private let delimiter: UInt8?
  private let quote: UInt8?
  private var writer: FieldWriter
  private var reading: QuoteReading
  /// The line being read is no part of the table.
  private var isLeftOut: Bool
  private var source: TextSource?
  private var output = OutputBuffer()
  private let special: [Bool]

  private var mark: [UInt8]? = []
  private var field: [UInt8] = []
  private var column = 1
  private var lineBytes = 0
  private var lastByte: UInt8 = 0
  private var blanks = 0
  private var lines = 0

  /// Why values cannot be written: at most `Limits.reasons`.
  public private(set) var problems: [Reason] = []
  /// The bytes could not be read as they were when they were checked.
  public private(set) var isDamaged = false

  /// - Parameters:
  ///   - delimiter: as the checks found it; nil for a table of one column.
  ///   - escape: as they found it, too.
  ///   - leavesOut: the first line is no part of the table.
  public init(
    _ rules: TableRules, delimiter: UInt8?, escape: QuoteEscape, leavesOut: Bool = false, to target: RewriteRules
  ) {
    isLeftOut = leavesOut
    (self.rules, self.delimiter, quote) = (rules, delimiter, rules.quote)
    writer = FieldWriter(target)
    reading = QuoteReading(escape)
    source = TextSource(rules.encoding)
    if target.packs { output.pack() }
    var special = [Bool](repeating: false, count: 256)
    for byte in [delimiter, quote, rules.lineEnd.byte, escape.byte].compactMap({ $0 }) {
      special[Int(byte)] = true
    }
    self.special = special
  }

  /// Rows of data so far: not the header, not empty lines at the end.
  public var rows: Int { max(0, lines - (rules.header ? 1 : 0)) }

  /// The file's next bytes, as they arrived. `emit` gets what is to be written; it is valid during the call only.
  public mutating func feed<E: Error>(
    _ raw: UnsafeRawBufferPointer, emit: (UnsafeRawBufferPointer) throws(E) -> Void
  ) throws(E) {
    guard var source = source.take() else { return }
    source.feed(raw) { readMarked($0) }
    isDamaged = source.isDamaged
    self.source = consume source
    try output.flush(emit)
  }

  public mutating func finish<E: Error>(emit: (UnsafeRawBufferPointer) throws(E) -> Void) throws(E) {
    if var source = source.take() {
      source.finish { readMarked($0) }
      isDamaged = source.isDamaged
    }
    if let mark {
      self.mark = nil
      mark.withUnsafeBufferPointer { read($0) }
    }
    if lineBytes > 0 { endLine() }
    try output.finish(emit)
  }

  // MARK: From text to rows

  /// A byte order mark is not part of the text.
  private mutating func readMarked(_ bytes: UnsafeBufferPointer<UInt8>) {
    guard var mark else { return read(bytes) }
    let part = bytes.prefix(3 - mark.count)
    mark.append(contentsOf: part)
    self.mark = mark
    guard mark.count == 3 else { return }
    self.mark = nil
    if mark != [0xef, 0xbb, 0xbf] { mark.withUnsafeBufferPointer { read($0) } }
    read(UnsafeBufferPointer(rebasing: bytes.dropFirst(part.count)))
  }

  private mutating func read(_ bytes: UnsafeBufferPointer<UInt8>) {
    var index = 0
    while index < bytes.count {
      if reading.state == .plain || reading.state == .quoted {
        var end = index
        while end < bytes.count, !special[Int(bytes[end])] { end += 1 }
        if end > index {
          field.append(contentsOf: bytes[index..<end])
          lineBytes += end - index
          lastByte = bytes[end - 1]
          index = end
          continue
        }
      }
      take(bytes[index])
      index += 1
    }
  }

  private mutating func take(_ byte: UInt8) {
    let before = reading.state
    let isEnd = byte == rules.lineEnd.byte
    if reading.step(byte, isQuote: byte == quote, isStructural: isEnd || byte == delimiter) {
      if isEnd { return endLine() }
      endField()
      lineBytes += 1
      lastByte = byte
      return
    }
    lineBytes += 1
    lastByte = byte
    switch (before, reading.state) {
    case (.fieldStart, .quoted), (.quoted, .quoteSeen), (.quoted, .escaped): return
    case (.escaped, _):
      field += reading.escape.bytes(before: byte, quote: quote)
    default: field.append(byte)
    }
  }

  private mutating func endField() {
    if !isLeftOut, let obstacle = writer.append(field) { note(obstacle, column: column) }
    field.removeAll(keepingCapacity: true)
    column += 1
  }

  private mutating func endLine() {
    if rules.lineEnd.mayHaveReturn, lastByte == Alphabet.carriageReturn, lineBytes > 0 {
      lineBytes -= 1
      if field.last == Alphabet.carriageReturn { field.removeLast() }
    }
    defer { (lineBytes, lastByte, column) = (0, 0, 1) }
    if isLeftOut {
      isLeftOut = false
      return field.removeAll(keepingCapacity: true)
    }
    if lineBytes == 0 {
      field.removeAll(keepingCapacity: true)
      blanks += 1
      return
    }
    for _ in 0..<blanks {
      lines += 1
      if let obstacle = writer.endRow(into: &output.bytes) { note(obstacle, column: 1) }
    }
    blanks = 0
    endField()
    lines += 1
    if let obstacle = writer.endRow(into: &output.bytes) { note(obstacle, column: 1) }
  }

  private mutating func note(_ obstacle: FieldWriter.Obstacle, column: Int) {
    guard problems.count < Limits.reasons else { return }
    // While a row is read, `lines` and `blanks` count those before it, the header among them.
    let row = lines + (obstacle == .emptyRow ? 0 : blanks + 1) - (rules.header ? 1 : 0)
    problems.append(Reason(.unwritable, obstacle.message, row: row > 0 ? row : nil, column: column))
  }
}
