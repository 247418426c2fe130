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

  /// It is complete at the first line end that every reading takes for one, or one of them that has met nothing odd.
  mutating func feed(_ bytes: UnsafeBufferPointer<UInt8>) -> Progress {
    for index in bytes.indices {
      let byte = bytes[index]
      let isEnd = byte == rules.lineEnd.byte
      var (ended, isWell) = (isEnd, false)
      for reading in readings.indices {
        let isStructure = readings[reading].step(
          byte, isQuote: byte == rules.quote, isStructural: isEnd || alphabet.separators.contains(byte))
        ended = ended && isStructure
        isWell = isWell || isEnd && isStructure && readings[reading].strays == 0
      }
      ended = ended || isWell
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
    let isOther = byte == rules.lineEnd.other && (isClosed || readings.contains { !$0.isOpen && $0.strays == 0 })
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

  /// Under every reading.
  var isOpen: Bool { readings.allSatisfy { $0.isOpen } }
  private var isClosed: Bool { !readings.contains { $0.isOpen } }

  /// The line under one reading.
  struct Parsed {
    let escape: QuoteEscape
    /// Without quotes and escapes.
    var fields: [String] = []
    var strays = 0
    var escapes = 0
    var isOpen = false
  }

  /// Under each reading; first the one that leaves the least text behind closing quotes.
  func parsed(delimiter: UInt8?) -> [Parsed] {
    let all = rules.readings.map { parse(delimiter, $0) }
    let best = all.indices.min {
      (all[$0].isOpen ? 1 : 0, all[$0].strays, $0) < (all[$1].isOpen ? 1 : 0, all[$1].strays, $1)
    }
    return best.map { best in [all[best]] + all.indices.filter { $0 != best }.map { all[$0] } } ?? []
  }

  private func parse(_ delimiter: UInt8?, _ start: QuoteReading) -> Parsed {
    var reading = start
    var fields: [[UInt8]] = [[]]
    for byte in line {
      let before = reading.state
      if reading.step(byte, isQuote: byte == rules.quote, isStructural: byte == delimiter) {
        fields.append([])
        continue
      }
      switch (before, reading.state) {
      case (.fieldStart, .quoted), (.quoted, .quoteSeen), (.quoted, .escaped): break
      case (.escaped, _): fields[fields.count - 1] += reading.escape.bytes(before: byte, quote: rules.quote)
      default: fields[fields.count - 1].append(byte)
      }
    }
    return Parsed(
      escape: start.escape, fields: fields.map { String(decoding: $0, as: UTF8.self) }, strays: reading.strays,
      escapes: reading.escapes, isOpen: reading.isOpen)
  }
}
