/// Why a pattern is none, as the rest of a sentence.
public struct PatternFault: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String
}

/// A small language of patterns for whole values: text, `.`, `[A-Z_]`, `[^,]`, `\d \w \s`, groups, `|`, `? * +` and `{2,5}`.
///
/// It becomes a table of states: each byte of a value costs one look, whatever the pattern. What would need too many states is refused.
public struct ValuePattern: Hashable, Sendable, CustomStringConvertible {
  /// As it was written.
  public let description: String
  private let automaton: PatternAutomaton

  public init(_ text: String) throws(PatternFault) {
    description = text
    var parser = PatternParser(text)
    automaton = try PatternAutomaton(try parser.parse())
  }

  public static func == (one: ValuePattern, other: ValuePattern) -> Bool { one.description == other.description }
  public func hash(into hasher: inout Hasher) { hasher.combine(description) }

  /// All of a value, which is valid UTF-8.
  public func matches(_ cell: UnsafeBufferPointer<UInt8>) -> Bool { automaton.matches(cell) }
}

/// What a pattern is made of. A character beyond ASCII is the sequence of its bytes.
indirect enum PatternNode: Sendable {
  /// One byte among these.
  case bytes(ByteSet)
  case empty
  case sequence([PatternNode])
  case choice([PatternNode])
  case star(PatternNode)

  /// One character beyond ASCII, whichever: in valid text its first byte says how many follow, and none of them begins another.
  static let anyWide = PatternNode.sequence([
    .bytes(ByteSet(0xc0...0xff)), .bytes(ByteSet(0x80...0xbf)), .star(.bytes(ByteSet(0x80...0xbf))),
  ])

  static func optional(_ node: PatternNode) -> PatternNode { .choice([node, .empty]) }
}

struct ByteSet: Hashable, Sendable {
  private(set) var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

  init() {}
  init(_ range: ClosedRange<UInt8>) { for byte in range { insert(byte) } }
  init(_ bytes: some Sequence<UInt8>) { for byte in bytes { insert(byte) } }

  mutating func insert(_ byte: UInt8) {
    let bit: UInt64 = 1 << UInt64(byte & 63)
    switch byte >> 6 {
    case 0: words.0 |= bit
    case 1: words.1 |= bit
    case 2: words.2 |= bit
    default: words.3 |= bit
    }
  }

  func contains(_ byte: UInt8) -> Bool {
    let word = byte < 64 ? words.0 : byte < 128 ? words.1 : byte < 192 ? words.2 : words.3
    return word >> UInt64(byte & 63) & 1 == 1
  }

  /// The other bytes of ASCII.
  var otherASCII: ByteSet { ByteSet((0...127).filter { !contains($0) }) }

  mutating func formUnion(_ other: ByteSet) {
    for byte in 0...UInt8.max where other.contains(byte) { insert(byte) }
  }

  static func == (one: ByteSet, other: ByteSet) -> Bool { one.words == other.words }
  func hash(into hasher: inout Hasher) {
    for word in [words.0, words.1, words.2, words.3] { hasher.combine(word) }
  }
}
