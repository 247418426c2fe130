public import Core

/// Writes a table anew in another dialect as it is read: row for row, value for value. Memory is bounded by the longest row.
///
/// The table was checked before: what its delimiter is, and how its quotes are read, is known.
public struct TableRewriter: ~Copyable {
  private static let outBytes = Limits.rewriteOut

  private let rules: TableRules
  private let delimiter: UInt8?
  private let quote: UInt8?
  private var writer: FieldWriter
  private var reading: QuoteReading
  /// The line being read is no part of the table.
  private var isLeftOut: Bool
  private var head: [UInt8]? = []
  private var inflater: Inflater?
  private var transcoder: Transcoder?
  private var deflater: Deflater?
  private var converted: [UInt8] = []
  private let special: [Bool]

  private var mark: [UInt8]? = []
  private var field: [UInt8] = []
  private var column = 1
  private var lineBytes = 0
  private var lastByte: UInt8 = 0
  private var blanks = 0
  private var lines = 0
  private var out: [UInt8] = []

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
    switch rules.encoding {
    case .utf8: break
    case .utf16: transcoder = Transcoder(.utf16)
    case .latin1: transcoder = Transcoder(.latin1)
    }
    if target.packs { deflater = Deflater(level: 6) }
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
    guard var head else {
      unpack(raw)
      return try flush(atLeast: Self.outBytes, emit)
    }
    let part = raw.prefix(2 - head.count)
    head.append(contentsOf: part)
    self.head = head
    guard head.count == 2 else { return }
    begin(head)
    unpack(UnsafeRawBufferPointer(rebasing: raw.dropFirst(part.count)))
    try flush(atLeast: Self.outBytes, emit)
  }

  public mutating func finish<E: Error>(emit: (UnsafeRawBufferPointer) throws(E) -> Void) throws(E) {
    if let head { begin(head) }
    do throws(GzipFault) { try inflater?.finish() } catch { isDamaged = true }
    transcoder?.finish(into: &converted)
    readConverted()
    if let mark {
      self.mark = nil
      mark.withUnsafeBufferPointer { read($0) }
    }
    if lineBytes > 0 { endLine() }
    try flush(atLeast: 0, emit)
    if var live = deflater.take() { try live.finish(emit: emit) }
  }

  private mutating func begin(_ head: [UInt8]) {
    self.head = nil
    if Sniff(head) == .gzip { inflater = Inflater() }
    head.withUnsafeBytes { unpack($0) }
  }

  private mutating func flush<E: Error>(
    atLeast bytes: Int, _ emit: (UnsafeRawBufferPointer) throws(E) -> Void
  ) throws(E) {
    guard !out.isEmpty, out.count >= bytes else { return }
    let ready = out
    out.removeAll(keepingCapacity: true)
    guard var live = deflater.take() else {
      return try ready.withUnsafeBufferPointer { (bytes) throws(E) in try emit(UnsafeRawBufferPointer(bytes)) }
    }
    try ready.withUnsafeBufferPointer { (bytes) throws(E) in
      try live.write(UnsafeRawBufferPointer(bytes), emit: emit)
    }
    deflater = consume live
  }

  // MARK: From bytes to text

  private mutating func unpack(_ raw: UnsafeRawBufferPointer) {
    guard !isDamaged else { return }
    guard var live = inflater.take() else { return decode(raw) }
    do throws(GzipFault) {
      try live.write(raw) { piece in
        decode(piece)
        return true
      }
    } catch {
      isDamaged = true
    }
    inflater = consume live
  }

  private mutating func decode(_ raw: UnsafeRawBufferPointer) {
    raw.withMemoryRebound(to: UInt8.self) { bytes in
      guard transcoder != nil else { return readMarked(bytes) }
      transcoder?.feed(bytes, into: &converted)
    }
    readConverted()
  }

  private mutating func readConverted() {
    if transcoder?.fault != nil { isDamaged = true }
    guard !converted.isEmpty else { return }
    let text = converted
    converted.removeAll(keepingCapacity: true)
    text.withUnsafeBufferPointer { readMarked($0) }
  }

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

  // MARK: From text to rows

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
      if let obstacle = writer.endRow(into: &out) { note(obstacle, column: 1) }
    }
    blanks = 0
    endField()
    lines += 1
    if let obstacle = writer.endRow(into: &out) { note(obstacle, column: 1) }
  }

  private mutating func note(_ obstacle: FieldWriter.Obstacle, column: Int) {
    guard problems.count < Limits.reasons else { return }
    // While a row is read, `lines` and `blanks` count those before it, the header among them.
    let row = lines + (obstacle == .emptyRow ? 0 : blanks + 1) - (rules.header ? 1 : 0)
    problems.append(Reason(.unwritable, obstacle.message, row: row > 0 ? row : nil, column: column))
  }
}
