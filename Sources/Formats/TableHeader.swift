/// Gathers a table's first line, which tells the number of columns.
struct TableHeader {
  let rules: TableRules
  /// The line so far, without its end once it is complete.
  private(set) var line: [UInt8] = []
  private var readings: [QuoteReading]
  private let alphabet: Alphabet
  /// The last byte is a CR outside of quotes.
  private var isReturnOpen = false

  init(rules: TableRules) {
    self.rules = rules
    alphabet = Alphabet(quote: rules.quote, separators: rules.delimiter.map { [$0] } ?? DelimiterGuess.candidates)
    readings = rules.readings
  }

  enum Progress: Equatable {
    case more
    /// This many bytes of the text belonged to it, its line end included.
    case complete(used: Int)
    case tooLong(used: Int)
    /// Its end is another than it should be.
    case strangeEnd(used: Int)
  }

  /// It is complete at the first line end that every reading takes for one.
  mutating func feed(_ bytes: UnsafeBufferPointer<UInt8>) -> Progress {
    for index in bytes.indices {
      let byte = bytes[index]
      let isEnd = byte == rules.lineEnd.byte
      var ended = isEnd
      for reading in readings.indices {
        let isStructure = readings[reading].step(
          byte, isQuote: byte == rules.quote, isStructural: isEnd || alphabet.separators.contains(byte))
        ended = ended && isStructure
      }
      if isStrange(byte, ended: ended) { return .strangeEnd(used: index + 1) }
      if ended {
        end()
        return .complete(used: index + 1)
      }
      line.append(byte)
      // One more, which may be the CR.
      if line.count > rules.maxRowBytes + 1 { return .tooLong(used: index + 1) }
    }
    return .more
  }

  private mutating func isStrange(_ byte: UInt8, ended: Bool) -> Bool {
    let isOther = byte == rules.lineEnd.other && !isOpen
    if rules.lineEnd == .cr { return isOther }
    defer { isReturnOpen = isOther }
    switch rules.lineEnd {
    case .auto, .cr: return isReturnOpen && !ended
    case .lf: return isReturnOpen
    case .crlf: return isReturnOpen != ended
    }
  }

  /// The text ended on this line.
  mutating func end() {
    if rules.lineEnd != .cr, line.last == Alphabet.carriageReturn { line.removeLast() }
  }

  var isOpen: Bool { readings.contains { $0.isOpen } }

  /// The line's fields, without quotes and escapes. With `auto`, the backslash reading where only it leaves no text
  /// behind a closing quote.
  func fields(delimiter: UInt8?) -> [String] {
    let plain = split(delimiter, backslash: rules.escape == .backslash)
    guard rules.escape == .auto, plain.strays > 0 else { return plain.fields }
    let escaping = split(delimiter, backslash: true)
    return escaping.strays < plain.strays ? escaping.fields : plain.fields
  }

  private func split(_ delimiter: UInt8?, backslash: Bool) -> (fields: [String], strays: Int) {
    var reading = QuoteReading(backslash: backslash)
    var fields: [[UInt8]] = [[]]
    for byte in line {
      let before = reading.state
      if reading.step(byte, isQuote: byte == rules.quote, isStructural: byte == delimiter) {
        fields.append([])
        continue
      }
      switch (before, reading.state) {
      case (.fieldStart, .quoted), (.quoted, .quoteSeen), (.quoted, .escaped): break
      default: fields[fields.count - 1].append(byte)
      }
    }
    return (fields.map { String(decoding: $0, as: UTF8.self) }, reading.strays)
  }
}
