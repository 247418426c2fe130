/// How a quote stands inside of a quoted value. Doubled it is a quote in each of them.
public enum QuoteEscape: Hashable, Sendable {
  /// Twice, and in no other way (RFC 4180).
  case double
  /// `\"`, as Spark has it.
  case backslash
  /// `'"`, which AEP offers too.
  case apostrophe

  /// What stands before it; nil: a quote.
  public var byte: UInt8? {
    switch self {
    case .double: nil
    case .backslash: Alphabet.backslash
    case .apostrophe: Alphabet.apostrophe
    }
  }

  /// What it and the byte behind it are, inside of quotes: before a quote or itself it is none of the value.
  func bytes(before byte: UInt8, quote: UInt8?) -> [UInt8] {
    byte == quote || byte == self.byte ? [byte] : [self.byte, byte].compactMap(\.self)
  }
}
