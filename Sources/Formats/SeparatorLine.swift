/// `sep=;` in a first line: what Excel takes for the delimiter, and nobody else knows.
struct SeparatorLine {
  let delimiter: UInt8

  /// Nil: the line is another.
  init?(_ line: [UInt8]) {
    var text = line[...]
    if text.count > 2, text.first == Alphabet.doubleQuote, text.last == Alphabet.doubleQuote {
      text = text.dropFirst().dropLast()
    }
    guard text.count == 5, text.prefix(4).map({ $0 | 0x20 }) == Array("sep".utf8) + [UInt8(ascii: "=") | 0x20],
      let last = text.last, !Character(UnicodeScalar(last)).isLetter, !Character(UnicodeScalar(last)).isNumber
    else { return nil }
    delimiter = last
  }

  var isKnown: Bool { DelimiterGuess.candidates.contains(delimiter) }
}
