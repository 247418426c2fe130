/// What stands between two columns, told from a table's first line and the rows behind it.
struct DelimiterGuess {
  /// Why a person should look at it.
  enum Doubt: Hashable {
    /// The rows have it, the first line has not.
    case rowsOnly(UInt8)
    /// Both have it, and not the one that was said.
    case another(UInt8)
    /// Either fits.
    case either(UInt8, UInt8)
  }

  private struct Fit {
    let byte: UInt8
    /// Columns of the first line.
    var header = 1
    /// Rows with as many.
    var matching = 0
    var rows = 0
    /// What most rows have, where that is more than half of them.
    var usual: Int?

    var isMost: Bool { header > 1 && 2 * matching > rows }
    var isAll: Bool { header > 1 && rows > 0 && matching == rows }
  }

  static let candidates = [Alphabet.comma, Alphabet.tab, Alphabet.semicolon, Alphabet.pipe, Alphabet.colon]

  /// Nil: one column.
  private(set) var delimiter: UInt8?
  private(set) var doubt: Doubt?
  private let rules: TableRules

  /// - Parameters:
  ///   - line: the first line, without its end.
  ///   - sample: what follows it.
  ///   - isWhole: nothing follows the sample.
  init(_ line: [UInt8], _ sample: [UInt8], isWhole: Bool, _ rules: TableRules) {
    self.rules = rules
    let said = rules.delimiter
    delimiter = said
    // Names that are there decide, as the setting does.
    if let said, !rules.columns.isEmpty || columns(of: line, said, rules.readings[0]) > 1 { return }
    let fits = Self.candidates.map { fit($0, line, sample, isWhole) }
    if let said {
      doubt = fits.first { $0.byte != said && $0.byte != Alphabet.colon && $0.isAll }.map { .another($0.byte) }
      return
    }
    // In names, times and addresses a colon is data more often than not.
    let usual = fits.filter { $0.byte != Alphabet.colon && $0.header > 1 }
    let colon = fits.filter { $0.byte == Alphabet.colon && $0.header > 1 }
    let best = Self.best(usual.filter(\.isMost)) ?? Self.best(colon.filter(\.isMost)) ?? Self.best(usual) ?? colon.first
    delimiter = best?.byte
    if let best, best.isAll,
      let other = usual.first(where: { $0.byte != best.byte && $0.isAll && $0.header == best.header })
    {
      doubt = .either(best.byte, other.byte)
    } else if best == nil {
      let isComment = line.first == UInt8(ascii: "#")
      doubt = fits.first { ($0.usual ?? 1) > 1 && ($0.byte != Alphabet.colon || isComment) }.map { .rowsOnly($0.byte) }
    }
  }

  /// The one with the most columns; of several, the first.
  private static func best(_ fits: [Fit]) -> Fit? {
    fits.reduce(nil) { best, fit in best.map { fit.header > $0.header ? fit : $0 } ?? fit }
  }

  /// Under that reading of quotes in which most rows are like the first line.
  private func fit(_ byte: UInt8, _ line: [UInt8], _ sample: [UInt8], _ isWhole: Bool) -> Fit {
    let fits = rules.readings.map { reading in
      var fit = Fit(byte: byte)
      fit.header = columns(of: line, byte, reading)
      let widths = widths(of: sample, byte, reading, isWhole)
      fit.rows = widths.count
      fit.matching = widths.count { $0 == fit.header }
      let counts = Dictionary(widths.map { ($0, 1) }, uniquingKeysWith: +)
      fit.usual = counts.first { 2 * $0.value > widths.count }?.key
      return fit
    }
    return fits.dropFirst().reduce(fits[0]) { $1.matching > $0.matching ? $1 : $0 }
  }

  private func columns(of line: [UInt8], _ delimiter: UInt8, _ reading: QuoteReading) -> Int {
    var reading = reading
    return 1 + line.count { reading.step($0, isQuote: $0 == rules.quote, isStructural: $0 == delimiter) }
  }

  /// Of whole rows that are not empty.
  private func widths(of sample: [UInt8], _ delimiter: UInt8, _ reading: QuoteReading, _ isWhole: Bool) -> [Int] {
    var (reading, widths, width, length) = (reading, [Int](), 1, 0)
    for byte in sample {
      let isEnd = byte == rules.lineEnd.byte
      if reading.step(byte, isQuote: byte == rules.quote, isStructural: isEnd || byte == delimiter) {
        width += isEnd ? 0 : 1
        if isEnd {
          if length > 0 { widths.append(width) }
          (width, length) = (1, 0)
          continue
        }
      }
      if byte != rules.lineEnd.other { length += 1 }
    }
    if isWhole, length > 0 { widths.append(width) }
    return widths
  }
}

extension TableRules {
  /// Each way in which quotes may be read.
  var readings: [QuoteReading] {
    var escapes: [QuoteEscape] =
      switch escape {
      case .auto: [.double, .backslash, .apostrophe]
      case .backslash: [.backslash]
      case .apostrophe: [.apostrophe]
      case .double: [.double]
      }
    if let firstEscape, let index = escapes.firstIndex(of: firstEscape) {
      escapes.insert(escapes.remove(at: index), at: 0)
    }
    return escapes.map { QuoteReading($0, quotesByNUL: quote == 0, scalarOnlyForTests: scalarOnlyForTests) }
  }
}

extension DelimiterGuess.Doubt {
  var message: String {
    switch self {
    case .rowsOnly(let byte):
      "The rows are separated by \(named(byte)), and the first line is not; set format.delimiter, or take the line away"
    case .another(let byte):
      "First line and rows are separated by \(named(byte)), and not as format.delimiter says; set it, or name the column in require.columns"
    case .either(let one, let other):
      "The columns may be separated by \(named(one)) or by \(named(other)); set format.delimiter"
    }
  }
}

/// A delimiter, for people.
public func named(_ delimiter: UInt8) -> String {
  delimiter == Alphabet.tab ? "a tab" : "'\(Character(UnicodeScalar(delimiter)))'"
}
