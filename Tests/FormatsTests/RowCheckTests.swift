import Core
import Testing

@testable import Formats

private func holds(_ type: ValueType, _ text: String) -> Bool {
  Array(text.utf8).withUnsafeBufferPointer { type.holds($0) }
}

@Suite struct RowCheckTests {
  @Test(
    "A type takes what is written so, and nothing else",
    arguments: [
      (
        "email", ["a@b.de", "first.last+tag@sub.example.com", "o'hara@x-y.org", "a_b@1.2.co"],
        [
          "a", "a@b", "@b.de", "a@", ".a@b.de", "a.@b.de", "a..b@b.de", "a@b..de", "a@-b.de", "a@b-.de", "a b@c.de",
          "a@b.de ",
          "a@b.12", "a@b@c.de", "\"a\"@b.de", "ä@b.de", "a@b.de.", String(repeating: "a", count: 65) + "@b.de",
        ]
      ),
      (
        "date", ["2026-03-12", "2024-02-29", "2000-02-29", "0001-01-01"],
        [
          "2026-3-12", "2026-02-29", "1900-02-29", "2026-00-10", "2026-13-01", "2026-04-31", "2026-01-00", "12.03.2026",
          "2026-03-12T00:00",
          "2026/03/12", "20260312", "2026-03-1x",
        ]
      ),
      (
        "datetime",
        [
          "2026-03-12T06:00", "2026-03-12 06:00:00", "2026-03-12t06:00:00.123456z", "2026-03-12T06:00:00+01:00",
          "2026-03-12T06:00:60Z", "2026-03-12T06:00-0530", "2026-03-12T06:00+02",
        ],
        [
          "2026-03-12", "2026-03-12T24:00", "2026-03-12T06:60", "2026-03-12T06:00:61", "2026-02-30T06:00",
          "2026-03-12T06:00:",
          "2026-03-12T06:00:00.", "2026-03-12T06:00 Z", "2026-03-12T06:00+1", "2026-03-12T06:00+25:00",
          "2026-03-12X06:00",
        ]
      ),
      (
        "number", ["0", "-12", "+1.5", ".5", "1e9", "-1.5E-3", "007"],
        ["", "-", ".", "1.", "1,5", "1e", "1e+", "0x10", "NaN", "inf", " 1", "1 ", "1.2.3", "--1"]
      ),
      ("integer", ["0", "-12", "+7", "123456789012345678901234567890"], ["-", "1.0", "1e3", "1_000", " 1", "a"]),
      ("boolean", ["true", "FALSE", "True", "0", "1"], ["yes", "t", "2", "01", "true "]),
    ])
  func types(word: String, good: [String], bad: [String]) throws {
    let type = try #require(ValueType(word: word))
    for text in good { #expect(holds(type, text), "\(text) should be of type \(word)") }
    for text in bad where !text.isEmpty { #expect(!holds(type, text), "\(text) should not be of type \(word)") }
  }

  private static let names = ["id", "email", "birth", "id"]

  private func rules(_ change: (inout RowRules) -> Void) -> RowRules {
    var rules = RowRules()
    change(&rules)
    return rules
  }

  private func faults(_ check: inout RowCheck, _ row: [String]) -> [CellFault?] {
    check.wanted.indices.map { index in
      Array(row[check.wanted[index]].utf8).withUnsafeBufferPointer { check.check(index, $0) }
    }
  }

  @Test("Only the columns that rules name are looked at, the first of two with one name, and missing ones are told")
  func wanted() {
    let check = RowCheck(
      rules {
        $0.values = ["birth": .init(.date), "id": .init(isRequired: true), "phone": .init(.number)]
        $0.unique = ["mail", "email"]
      }, names: Self.names, seed: KeySeed(1, 2))
    #expect(check.wanted == [0, 1, 2])
    #expect(check.missing == ["phone", "mail"])
  }

  @Test("An empty value is of every type and length, and is told where a value is required")
  func empty() {
    var check = RowCheck(
      rules {
        $0.values = [
          "birth": .init(.date, maxLength: 1), "id": .init(isRequired: true), "email": .init(.email, isRequired: true),
        ]
      }, names: Self.names, seed: KeySeed(1, 2))
    #expect(faults(&check, ["1", "a@b.de", "", ""]) == [nil, nil, nil])
    #expect(faults(&check, ["", "", "", ""]) == [.null, .null, nil])
    #expect(check.endRow() == nil)
  }

  @Test("Lengths count characters, not bytes")
  func lengths() {
    var check = RowCheck(rules { $0.values = ["id": .init(maxLength: 3)] }, names: Self.names, seed: KeySeed(1, 2))
    for (text, isGood) in [("abc", true), ("äöü", true), ("日本語", true), ("äöüx", false), ("abcd", false)] {
      #expect(faults(&check, [text, "", "", ""]) == [isGood ? nil : .length], "of \(text)")
    }
  }

  @Test("Keys are alike where all their values are, and only then")
  func keys() {
    var check = RowCheck(rules { $0.unique = ["email", "id"] }, names: Self.names, seed: KeySeed(3, 4))
    func key(_ id: String, _ email: String) -> RowKey? {
      _ = faults(&check, [id, email, "", ""])
      return check.endRow()
    }
    let one = key("1", "a@b.de")
    #expect(one != nil && one == key("1", "a@b.de"))
    #expect(one != key("1a", "@b.de"))
    #expect(one != key("", "1a@b.de"))
    #expect(key("", "") == nil)
    #expect(key("", "x") != key("x", ""))
    var other = RowCheck(rules { $0.unique = ["email", "id"] }, names: Self.names, seed: KeySeed(3, 5))
    _ = faults(&other, ["1", "a@b.de", "", ""])
    #expect(other.endRow() != one, "another seed gives other digests")
  }

  @Test(
    "The digest is SipHash-2-4 with 128 bits, as its authors publish it",
    arguments: [
      (0, "a3817f04ba25a8e66df67214c7550293"), (1, "da87c1d86b99af44347659119b22fc45"),
      (2, "8177228da4a45dc7fca38bde f60affe4"),
    ])
  func sipHash(count: Int, expected: String) {
    let seed = KeySeed(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908)
    let key = (0..<UInt8(count)).map { $0 }.withUnsafeBytes { KeyHasher.hash($0, seed) }
    let bytes = [key.high, key.low].flatMap { word in withUnsafeBytes(of: word.littleEndian) { Array($0) } }
    #expect(Hex.encode(bytes) == expected.filter { $0 != " " })
  }
}

@Suite struct ValuePatternTests {
  private func matches(_ pattern: String, _ text: String) throws -> Bool {
    let pattern = try ValuePattern(pattern)
    return Array(text.utf8).withUnsafeBufferPointer { pattern.matches($0) }
  }

  @Test(
    "A pattern is for the whole value",
    arguments: [
      (
        "[A-Z]{3}-[0-9]{7}", ["ABC-1234567"],
        ["ABC-123456", "ABC-12345678", "xABC-1234567", "abc-1234567", "ABC-1234567 "]
      ),
      ("^a$", ["a"], ["aa", "^a$"]),
      ("a|bc", ["a", "bc"], ["abc", "ac", "b"]),
      ("(a|b)*c", ["c", "abbac"], ["abba", "ca"]),
      ("(a|aa)+b", ["ab", "aaaaaaaaaaaaaaaaaaaaaaaaaaaab"], ["aaaaaaaaaaaaaaaaaaaaaaaaaaaa"]),
      ("x{2,4}", ["xx", "xxx", "xxxx"], ["x", "xxxxx"]),
      ("x{2,}", ["xx", "xxxxxxx"], ["x", ""]),
      ("x{0,1}y?", ["", "x", "y", "xy"], ["xx", "yx"]),
      (#"\d+(\.\d{1,2})?"#, ["1", "1.5", "12.25"], ["1.", ".5", "1.255", "1,5"]),
      (#"\w\s\t\\\.\["#, ["a \t\\.["], ["- \t\\.["]),
      ("[^,;]+", ["abc", "äöü", "😀"], ["a,b", ";"]),
      ("[]a-c-]+", ["]", "a-b]", "c"], ["d"]),
      ("[äö]x", ["äx", "öx"], ["üx", "x"]),
      (".{2}", ["ab", "äö", "a😀", "日本"], ["a", "äöü", "a\u{1F600}b"]),
      ("Müller|Straße.*", ["Müller", "Straße", "Straße 1"], ["Muller", "MüllerX"]),
      ("(foo|foobar)(bar|z)?", ["foo", "foobar", "foobarbar", "fooz"], ["fo", "foobarb"]),
      ("a(b(c)?)?", ["a", "ab", "abc"], ["ac", "abcc"]),
      ("()|a", ["", "a"], ["b"]),
    ])
  func whole(pattern: String, good: [String], bad: [String]) throws {
    for text in good { #expect(try matches(pattern, text), "\(pattern) should take \(text)") }
    for text in bad { #expect(try !matches(pattern, text), "\(pattern) should not take \(text)") }
  }

  @Test(
    "What is no pattern, or too large a one, is refused and told",
    arguments: [
      "", "a{", "a{,3}", "a{3,2}", "a{0}", "a**", "(a", "a)", "[a", "[z-a]", "a\\", "\\q", "\\b", "(?i)a", "*a", "a|+",
      "[^ä]", "[ä-ü]", "a$b",
      "a{9999999999999999999}", "(a{100}){100}", "((a?){50}){50}", "(a|b)*a(a|b){12}", ".{1000}",
      String(repeating: "(", count: 60) + "a" + String(repeating: ")", count: 60),
    ])
  func refused(pattern: String) {
    #expect(throws: PatternFault.self) { try ValuePattern(pattern) }
  }

  @Test("Any pattern that is taken agrees with the regular expressions of Swift")
  func oracle() throws {
    var random = SeededRandom(7)
    let items = ["a", "b", "[ab]", "[^a]", ".", "c"]
    let counts = ["", "", "", "?", "*", "+", "{2}", "{1,2}"]
    func some(_ depth: Int) -> String {
      let parts = (0..<Int.random(in: 1...3, using: &random)).map { _ in
        let item =
          depth > 0 && Bool.random(using: &random)
          ? "(" + some(depth - 1) + ")" : items.randomElement(using: &random) ?? "a"
        return item + (counts.randomElement(using: &random) ?? "")
      }
      return parts.joined() + (Int.random(in: 0..<4, using: &random) == 0 ? "|" + some(0) : "")
    }
    var taken = 0
    for _ in 0..<200 {
      let text = some(2)
      // Some are too large.
      guard let pattern = try? ValuePattern(text) else { continue }
      taken += 1
      let oracle = try Regex("(?:\(text))")
      for _ in 0..<20 {
        let value = String(
          (0..<Int.random(in: 0...6, using: &random)).map { _ in "abc".randomElement(using: &random) ?? "a" })
        let isMatch = Array(value.utf8).withUnsafeBufferPointer { pattern.matches($0) }
        #expect(isMatch == (try oracle.wholeMatch(in: value) != nil), "\(text) on \(value)")
      }
    }
    #expect(taken > 150)
  }
}

/// A spill in memory.
final class MemorySpill: RowSpill {
  private(set) var bytes: [UInt8] = []
  func append(_ more: UnsafeRawBufferPointer) throws(FileFault) { bytes += more }
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(FileFault) {
    buffer.copyBytes(from: bytes[Int(offset)..<(Int(offset) + buffer.count)])
  }
}

@Suite struct RowKeysTests {
  @Test(
    "Rows with the key of another are found, in memory or over the disk, whichever of them is kept",
    arguments: [RowRules.Keep.none, .first, .last], [(1_000, 4, 700), (16, 4, 700), (16, 16, 3_000), (8, 2, 2_000)])
  func found(keep: RowRules.Keep, sizes: (capacity: Int, runs: Int, rows: Int)) throws {
    var random = SeededRandom(sizes.rows + sizes.capacity)
    let spill = MemorySpill()
    var keys = RowKeys(keep, RowSorter(spill, capacity: sizes.capacity, mostRuns: sizes.runs))
    var rows: [Int: [UInt64]] = [:]
    for row in 1...UInt64(sizes.rows) {
      let key = Int.random(in: 0..<sizes.rows, using: &random)
      rows[key, default: []].append(row)
      // Some share their upper half.
      let high = key % 3 == 0 ? UInt64.max / 2 : UInt64(key) &* 0x9e37_79b9_7f4a_7c15
      try keys.add(RowKey(high: high, low: UInt64(key)), row: row)
    }
    var found: [UInt64] = []
    try keys.finish { found.append($0) }
    let expected = rows.values.filter { $0.count > 1 }.flatMap { rows in
      switch keep {
      case .none: rows[...]
      case .first: rows.dropFirst()
      case .last: rows.dropLast()
      }
    }
    #expect(found.sorted() == expected.sorted())
    #expect(spill.bytes.isEmpty == (sizes.capacity >= sizes.rows))
  }
}
