import Core
import Testing

@testable import Formats

@Suite("A verdict does not depend on how the bytes arrive")
struct ChunkTests {
  static let pieces = [
    "a", "bc", ",", "\"", "\"\"", "\\\"", "\\", "'", "'\"", "\n", "\r\n", "é", "€", "😀", " ",
    "0123456789012345678901234567890123456789",
  ]
  static let chunks = [1, 2, 3, 7, 64, 4096, Int.max]

  @Test("Whole or in pieces, fast or byte by byte, plain or packed: the same", arguments: 0..<60)
  func independent(_ seed: Int) {
    var random = SeededRandom(seed)
    for escape in [TableRules.Escape.auto, .double, .backslash, .apostrophe] {
      let lineEnd = [TableRules.LineEnd.auto, .auto, .lf, .crlf, .cr].randomElement(using: &random) ?? .auto
      let text = Array(randomTable(&random, pieces: Self.pieces + (lineEnd == .auto ? [] : ["\r"])).utf8)
      var rules = rules {
        $0.escape = escape
        $0.lineEnd = lineEnd
        $0.maxRowBytes = 200
        $0.columns = ["c0", "c3"]
      }
      let fast = inspect(text, rules)
      for chunk in Self.chunks { #expect(alike(inspect(text, rules, chunk: chunk), fast)) }
      let packed = inspect(gzip(text), rules, chunk: Int.random(in: 1...100, using: &random))
      #expect(packed.reasons == fast.reasons && packed.rows == fast.rows && packed.doubtful == fast.doubtful)
      let isRead = fast.reasons.first.map { $0.code != .rowTooLong && $0.code != .lineEnd } ?? true
      #expect(packed.compression == .gzip && (!isRead || packed.textBytes == fast.textBytes))
      rules.scalarOnlyForTests = true
      #expect(alike(inspect(text, rules), fast))
    }
  }

  @Test("Any bytes at all get one verdict", arguments: 0..<60)
  func noise(_ seed: Int) {
    var random = SeededRandom(seed + 1_000)
    let alphabet: [UInt8] = Array("ab,;'\n\r\"\\".utf8) + [0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f]
    var bytes = Array("a,b\n".utf8)
    let isText = Bool.random(using: &random)
    for _ in 0..<Int.random(in: 0...600, using: &random) {
      bytes.append(alphabet[Int.random(in: 0..<(isText ? 9 : alphabet.count), using: &random)])
    }
    if seed.isMultiple(of: 7) { bytes.append(0) }
    var rules = rules {
      $0.maxRowBytes = 90
      $0.lineEnd = [.auto, .lf, .crlf, .cr][seed % 4]
    }
    let whole = inspect(bytes, rules)
    for chunk in Self.chunks { #expect(alike(inspect(bytes, rules, chunk: chunk), whole)) }
    rules.scalarOnlyForTests = true
    #expect(alike(inspect(bytes, rules, chunk: 13), whole))
  }

  /// How far a row that is too long was read depends on the pieces; nothing else does.
  private func alike(_ one: Inspection, _ other: Inspection) -> Bool {
    var one = one
    if let code = other.reasons.first?.code, code == .rowTooLong || code == .lineEnd { one.textBytes = other.textBytes }
    return one == other
  }

  @Test("A fault just behind the first line's bound is told the same way in any pieces")
  func atTheBound() {
    let name = Array(repeating: UInt8(ascii: "m"), count: 101)
    for rest in [[0xed, 0x6d], [0x0d, 0x0a, 0xe1, 0x0d], [0xe2, 0x82, 0xac, 0x0a, 0xff]] as [[UInt8]] {
      for dropped in 0...2 {
        let bytes = Array(name.dropLast(dropped)) + rest
        let rules = rules { $0.maxRowBytes = 100 }
        let whole = inspect(bytes, rules)
        for chunk in Self.chunks { #expect(inspect(bytes, rules, chunk: chunk) == whole) }
      }
    }
  }

  @Test("A long table of every kind of row counts right past many blocks")
  func long() {
    var text = "id,name,note\n"
    for row in 0..<20_000 {
      switch row % 4 {
      case 0: text += "\(row),plain,\n"
      case 1: text += "\(row),\"with, comma\",\"two\nlines\"\n"
      case 2: text += "\(row),\"\"\"quoted\"\"\",é\n"
      default: text += "\(row),\"a \\\"b\\\"\",x\n"
      }
    }
    for chunk in [63, 64, 65, 1000, 1 << 18] {
      let found = inspect(text, chunk: chunk)
      #expect(found.rows == 20_000)
      #expect(found.reasons.isEmpty && found.doubtful.isEmpty)
    }
  }
}
