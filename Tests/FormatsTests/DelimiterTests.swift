import Core
import Testing

@testable import Formats

@Suite("A delimiter is told from the first line and the rows, or the table is held")
struct DelimiterTests {
  private static let chunks = [1, 7, 64, 4_096]

  private func found(_ text: String, _ change: (inout TableRules) -> Void = { _ in }) -> Inspection {
    let found = inspect(text, rules(change))
    for chunk in Self.chunks { #expect(inspect(text, rules(change), chunk: chunk) == found) }
    return found
  }

  @Test(
    "A first line without it is no header",
    arguments: [
      "# exported\nid,email\n1,a\n", "Audience\nid;email\n1;a\n2;b\n", "title\nid\temail\n1\ta\n", "x\nid|email\n1|a\n",
      "# exported\nid:email\n1:a\n", "exported\r\nid,email\r\n1,a\r\n", "name\nDoe, Jane\nRoe, Jim",
      "# exported\nid,email\n1,a\n2,b,c\n3,d\n", "\u{feff}# exported\n\"id\",\"e,mail\"\n\"1\",\"a\"\n",
    ])
  func comment(_ text: String) {
    #expect(found(text).doubtful.map(\.code) == [.delimiterUnsure])
    #expect(found(text) { $0.header = false }.doubtful.map(\.code) == [.delimiterUnsure])
  }

  @Test(
    "A table of one column is one",
    arguments: [
      "email\na@x\nb@y\n", "url\nhttp://a\nhttp://b\n", "time\n10:20\n11:30\n", "id\n1\n\n3\n\n", "id\n", "id",
      "name\n\"Doe, Jane\"\n\"Roe, Jim\"\n", "note\na, b\nc\nd\n",
    ])
  func oneColumn(_ text: String) {
    let found = found(text)
    #expect(found.reasons.allSatisfy { $0.code == .headerOnly } && found.doubtful.isEmpty)
    #expect(found.header?.count == 1 && found.delimiter == nil)
  }

  @Test(
    "The rows decide between two that the first line has",
    arguments: [
      ("SKU (new, change);Name (max, 100)\n1;x\n", ";", 2), ("id;price,eur;qty\n1;2,5;3\n", ";", 3),
      ("name (a|b|c),id\nx,1\n", ",", 2), ("Name (max, 100):id\nx:1\n", ":", 2), ("id,at:utc\n1,10:20\n", ",", 2),
      ("a,b,c\n1,2,3\n1,2\n4,5,6\n", ",", 3), ("a;b,c\nno,such;row,at;all\n", ",", 2),
    ] as [(String, String, Int)])
  func rows(_ text: String, _ delimiter: String, _ columns: Int) {
    let found = found(text)
    #expect(found.delimiter == delimiter.utf8.first && found.header?.count == columns)
    #expect(found.doubtful.isEmpty)
  }

  @Test("Where two fit alike, the setting decides")
  func either() {
    let text = "id;price, eur\n1;2,50\n2;3,20\n"
    #expect(found(text).doubtful.map(\.code) == [.delimiterUnsure])
    let said = found(text) { $0.delimiter = Alphabet.semicolon }
    #expect(said.doubtful.isEmpty && said.reasons.isEmpty && said.header?.count == 2)
  }

  @Test("A delimiter that is said and nowhere to be found is doubted, unless the column is named")
  func another() {
    let text = "id,email\n1,a\n2,b\n"
    #expect(found(text) { $0.delimiter = Alphabet.semicolon }.doubtful.map(\.code) == [.delimiterUnsure])
    #expect(found("name\nDoe, Jane\n") { $0.delimiter = Alphabet.pipe }.doubtful.isEmpty)
    let named = found("Last, First\nDoe, Jane\n") {
      ($0.delimiter, $0.columns) = (Alphabet.pipe, ["Last, First"])
    }
    #expect(named.doubtful.isEmpty && named.reasons.isEmpty && named.rows == 1)
  }

  @Test("What follows the sample is checked as what is in it, and faults in it have their rows")
  func sample() {
    let rows = (0..<5_000).map { "\($0),b\n" }.joined()
    let text = "id,email\n" + rows + "1,2,3\n"
    #expect(found(text).reasons.map(\.row) == [5_001])
    let early = Array("id,email\n1,a\n2,".utf8) + [0xff] + Array("\n".utf8)
    let one = inspect(early)
    #expect(one.reasons.map(\.row) == [2] && one.reasons.map(\.code) == [.badEncoding])
    for chunk in Self.chunks { #expect(inspect(early, chunk: chunk) == one) }
    #expect(found("id,email\n1,a\n2,abcdefghijklmnop\n") { $0.maxRowBytes = 10 }.reasons.map(\.row) == [2])
  }

  @Test(
    "Excel's line names the delimiter, and is no header",
    arguments: [
      ("sep=;\nid;email\n1;a\n", ";"), ("SEP=,\r\nid,email\r\n1,a\r\n", ","), ("\"sep=|\"\nid|email\n1|a\n", "|"),
      ("\u{feff}sep=\t\nid\temail\n1\ta\n", "\t"), ("sep=;\nid;e,mail\n1;a,b\n", ";"),
    ])
  func separatorLine(_ text: String, _ delimiter: String) {
    let kept = found(text)
    #expect(kept.delimiter == delimiter.utf8.first && kept.rows == 1 && kept.header?.count == 2)
    #expect(kept.reasons.isEmpty && kept.doubtful.map(\.code) == [.separatorLine])
    let left = found(text) { $0.dropsSeparatorLine = true }
    #expect(left.reasons.isEmpty && left.doubtful.isEmpty && left.hasSeparatorLine)
    let written = rewrite(Array(text.utf8), rules { $0.dropsSeparatorLine = true }, RewriteRules())
    #expect(String(decoding: written.bytes, as: UTF8.self).hasPrefix("id\te") && written.rows == 1)
    #expect(String(decoding: written.bytes, as: UTF8.self).split(whereSeparator: \.isNewline).count == 2)
  }

  @Test("A line that only looks like it, or that contradicts, is told")
  func separatorLineOdd() {
    #expect(found("sep=;").reasons.map(\.code) == [.empty])
    #expect(found("sep=;\r\n").reasons.map(\.code) == [.empty])
    #expect(found("sep=;\nid;email\n").reasons.map(\.code) == [.headerOnly])
    #expect(found("sep=a\nx\n").header == ["sep=a"])
    #expect(found("sep=^\nid^email\n1^a\n").doubtful.map(\.code).contains(.delimiterUnsure))
    let other = found("sep=;\nid,email\n1,a\n") { ($0.delimiter, $0.dropsSeparatorLine) = (Alphabet.comma, true) }
    #expect(other.doubtful.map(\.code) == [.delimiterUnsure] && other.rows == 1)
  }
}
