import Core
import Formats
import Testing

@Suite("A table is passed or refused by what it holds")
struct TableInspectorTests {
  @Test("An audience file passes, with its rows, names and delimiter")
  func passes() {
    let found = inspect("first,last,email\nInes,Okafor,i@example.com\nBram,\"van Dijk, Jr.\",b@example.org\n")
    #expect(found.reasons.isEmpty && found.doubtful.isEmpty)
    #expect(found.rows == 2)
    #expect(found.header == ["first", "last", "email"])
    #expect(found.delimiter == UInt8(ascii: ","))
    #expect(found.rawBytes == found.textBytes)
    #expect(
      found.sha256
        == DigestHasher.digest(
          of: Array("first,last,email\nInes,Okafor,i@example.com\nBram,\"van Dijk, Jr.\",b@example.org\n".utf8)))
    #expect(found.headerDigest == DigestHasher.digest(of: Array("first,last,email".utf8)))
  }

  @Test(
    "Line ends, marks and empty last lines change nothing",
    arguments: [
      "a,b\n1,2\n3,4\n", "a,b\n1,2\n3,4", "a,b\r\n1,2\r\n3,4\r\n", "a,b\r\n1,2\r\n3,4", "\u{feff}a,b\n1,2\n3,4\n",
      "a,b\n1,2\n3,4\n\n\n", "a,b\r\n1,2\r\n3,4\r\n\r\n", "a,b\n1,\"x\ny\"\n3,\"\"\n", "\"a\",\"b\"\n1,2\n3,\"\"\"\"\n",
      "a,b\n1,2\n3,x\"y\n",
    ])
  func forms(_ text: String) {
    let found = inspect(text)
    #expect(found.reasons.isEmpty)
    #expect(found.rows == 2)
    #expect(found.header == ["a", "b"])
  }

  @Test("Rows are counted on the way, never too many, and without a digest where none is wanted")
  func countsOnTheWay() {
    // Under one reading of `\"` there are three rows, under the other fewer.
    let text = Array("a,b\n1,\"x\\\"\n\"2,y\"\n3,4\n".utf8)
    var inspector = TableInspector(rules: TableRules(), hashes: false)
    var counts = [inspector.rows]
    for byte in text {
      withUnsafeBytes(of: byte) { inspector.feed($0) }
      counts.append(inspector.rows)
    }
    let found = inspector.finish()
    #expect(counts == counts.sorted() && counts.allSatisfy { $0 <= found.rows })
    #expect(found.rows == inspect(String(decoding: text, as: UTF8.self)).rows)
    #expect(found.sha256 == DigestHasher.digest(of: []))
  }

  @Test("The delimiter is told from the header line, outside quotes")
  func delimiters() {
    func delimiter(_ header: String) -> String? {
      inspect(header + "\n").delimiter.map { String(UnicodeScalar($0)) }
    }
    #expect(delimiter("a\tb\tc") == "\t")
    #expect(delimiter("a;b;c") == ";")
    #expect(delimiter("a|b,c|d") == "|")
    #expect(delimiter("\"a;b;c;d\",e") == ",")
    #expect(delimiter("a:b") == ":")
    #expect(delimiter("xdm:a:b:c,d") == ",")
    #expect(delimiter("alone") == nil)
  }

  @Test("A table of one column needs no delimiter, and keeps empty values between rows")
  func oneColumn() {
    let found = inspect("id\n1\n\n3\n\n")
    #expect(found.reasons.isEmpty)
    #expect(found.rows == 3)
  }

  @Test("A row of another width is named by row and column, never by value")
  func columnCount() {
    let found = inspect("a,b,c\n1,2,3\nsecret,2\n1,2,3,4\n\n5,6,7\n")
    #expect(found.rows == 5)
    #expect(
      found.reasons == [
        Reason(.columnCount, "The row has 2 columns, the header 3", row: 2, line: 3, column: 3),
        Reason(.columnCount, "The row has 4 columns, the header 3", row: 3, line: 4, column: 4),
        Reason(.columnCount, "The row is empty", row: 4, line: 5, column: 1),
      ])
  }

  @Test("A broken file of many rows keeps a hundred reasons and a count")
  func manyReasons() {
    let found = inspect("a,b\n" + String(repeating: "1\n", count: 1_000))
    #expect(found.reasons.count == Limits.reasons + 1)
    #expect(found.reasons.last == Reason(.columnCount, "… and 900 more"))
    #expect(found.rows == 1_000)
  }

  @Test(
    "What is no text is refused by name",
    arguments: [
      ([], .empty), ([0xef, 0xbb, 0xbf], .empty), (Array("PK\u{3}\u{4}rest".utf8), .notText),
      (Array("-----BEGIN PGP MESSAGE-----\n\n".utf8), .encrypted),
      ([0x85, 0x01, 0x0c, 0x03] + Array(1...9), .encrypted),
      ([0xff, 0xfe, 0x61, 0, 0x0a, 0], .badEncoding), ([0x61, 0, 0x2c, 0, 0x62, 0, 0x0a, 0], .badEncoding),
      (Array("PAR1".utf8) + [0x15, 0x04], .notText), (Array("BZh91AY&SY1234".utf8), .notText),
      (Array("\na,b\n1,2\n".utf8), .noHeader),
    ] as [([UInt8], Reason.Code)])
  func refused(_ bytes: [UInt8], _ code: Reason.Code) {
    let found = inspect(bytes)
    #expect(found.reasons.map(\.code) == [code])
    #expect(found.rawBytes == UInt64(bytes.count))
    #expect(found.sha256 == DigestHasher.digest(of: bytes))
    #expect(inspect(bytes, chunk: 1) == found)
  }

  @Test("Lines are counted as an editor counts them: line breaks in values, the header's and a line “sep=” among them")
  func lines() {
    func lines(_ text: String, _ rules: TableRules = TableRules()) -> [Int?] {
      let found = inspect(text, rules).reasons.map(\.line)
      for chunk in [1, 7, 64, 1_000] { #expect(inspect(text, rules, chunk: chunk).reasons.map(\.line) == found) }
      return found
    }
    #expect(lines("a,\"b\nc\"\n1,\"x\n\ny\"\n2\n\n\n3,4,5\n") == [6, 7, 8, 9])
    #expect(lines("sep=;\na;b\n1;2\n3\n") == [4])
    #expect(lines("1,2\n\"3\n\",4\n5\n", rules { $0.header = false }) == [4])
    #expect(lines("a,b\r1,2\r3\r", rules { $0.lineEnd = .cr }) == [3])
    #expect(lines("a,b\n\"1\n1\",2\n\(String(repeating: "9", count: 300)),1\n", rules { $0.maxRowBytes = 200 }) == [4])
    // Over many stretches, with what opens in one and ends in another.
    let row = "1,\"" + String(repeating: "text\n", count: 50) + "\"\n"
    let many = "a,b\n" + String(repeating: row, count: 400)
    #expect(lines(many + "bad\n" + row + "\"never") == [2 + 400 * 51, 2 + 400 * 51 + 1 + 51])
    // In each reading of quotes.
    #expect(lines("a,b\n1,\"x\\\"\n,y\"\n2\n") == [4])
  }

  @Test("Bytes that are not UTF-8, and NUL, are refused with their row")
  func encoding() {
    let latin = Array("a,b\n1,2\ncaf".utf8) + [0xe9] + Array(",2\n".utf8)
    #expect(inspect(latin).reasons == [Reason(.badEncoding, "The text is not UTF-8", row: 2, line: 3)])
    #expect(inspect("a,b\n1,\u{0}\n").reasons == [Reason(.nulByte, "The text holds a NUL byte", row: 1, line: 2)])
    let cut = Array("a,b\n1,".utf8) + [0xe2, 0x82]
    #expect(inspect(cut).reasons == [Reason(.badEncoding, "The text ends inside a character", row: 1, line: 2)])
    #expect(inspect("a,b\n€,\u{1f600}\n").reasons.isEmpty)
  }

  @Test("NUL may be the quote of a table, and of no other")
  func nulQuote() {
    let found = inspect("a,b\n\u{0}1,\u{0},2\n", rules { $0.quote = 0 })
    #expect(found.reasons.isEmpty)
    #expect(found.rows == 1)
    #expect(inspect("a,b\n\"1,2\n", rules { $0.quote = nil }).reasons.isEmpty)
  }

  @Test("A header alone is told apart from too few rows")
  func headerOnly() {
    #expect(inspect("a,b\n").reasons.map(\.code) == [.headerOnly])
    #expect(inspect("a,b").reasons.map(\.code) == [.headerOnly])
    #expect(inspect("a,b\n1,2\n", rules { $0.minRows = 2 }).reasons.map(\.code) == [.tooFewRows])
    #expect(inspect("a,b\n1,2\n1,2\n", rules { $0.maxRows = 1 }).reasons.map(\.code) == [.tooManyRows])
  }

  @Test("Without a header the first row is data")
  func noHeader() {
    let found = inspect("1;2\n3;4\n5\n", rules { $0.header = false })
    #expect(found.header == nil)
    #expect(found.rows == 3)
    #expect(found.reasons.map(\.row) == [3])
    #expect(inspect("1;2", rules { $0.header = false }).rows == 1)
  }

  @Test("Required columns must be there, in any order or exactly")
  func requiredColumns() {
    let table = "b,a,c\n1,2,3\n"
    #expect(inspect(table, rules { $0.columns = ["a", "b"] }).reasons.isEmpty)
    #expect(
      inspect(table, rules { $0.columns = ["a", "z"] }).reasons
        == [Reason(.missingColumn, "The header has no column “z”")])
    let exact = inspect(table, rules { ($0.columns, $0.columnsExact) = (["b", "c"], true) })
    #expect(exact.reasons.map(\.column) == [2, 3])
    #expect(inspect(table, rules { ($0.columns, $0.columnsExact) = (["b", "a", "c"], true) }).reasons.isEmpty)
  }

  @Test("A column without a name is refused, a repeated one is for a person to see")
  func names() {
    #expect(inspect("a,,c\n1,2,3\n").reasons == [Reason(.noHeader, "The column has no name", column: 2)])
    let twice = inspect("a,b,a\n1,2,3\n")
    #expect(twice.reasons.isEmpty)
    #expect(
      twice.doubtful == [Reason(.duplicateColumn, "The column has the same name as column 1", column: 3)])
  }

  @Test("A quote that is never closed is found, wherever it opens")
  func openQuote() {
    #expect(
      inspect("a,b\n1,2\n3,\"x\n4,5\n").reasons == [
        Reason(.openQuote, "A quote that opens in this row is never closed", row: 2, line: 3)
      ])
    #expect(inspect("a,\"b\n1,2\n").reasons.map(\.code) == [.openQuote])
  }

  @Test("Long rows, long headers and long texts have bounds")
  func bounds() {
    let limited = rules { $0.maxRowBytes = 10 }
    #expect(inspect("a,b\n12345,7890\n", limited).reasons.isEmpty)
    #expect(inspect("a,b\r\n12345,7890\r\n", limited).reasons.isEmpty)
    #expect(inspect("a,b\n12345,78901\n1,2\n", limited).reasons.map(\.row) == [1])
    #expect(inspect("aaaaaaaaaaa,b\n1,2\n", limited).reasons.map(\.code) == [.rowTooLong])
    let small = inspect("a,b\n1,2\n3,4\n", rules { $0.maxBytes = 11 })
    #expect(small.reasons.map(\.code) == [.tooLarge])
    #expect(small.textBytes == 11)
    #expect(inspect("a,b\n1,2\n3,4\n", rules { $0.maxBytes = 12 }).reasons.isEmpty)
  }

  @Test("The reader learns when nothing more can change the refusal")
  func decided() {
    var inspector = TableInspector(rules: TableRules())
    Array("a,b\n1,2\n".utf8).withUnsafeBytes { inspector.feed($0) }
    Array(repeating: UInt8(ascii: "x"), count: 1_080).withUnsafeBytes { inspector.feed($0) }
    let before = inspector.isDecided
    #expect(!before)
    [UInt8(0xff)].withUnsafeBytes { inspector.feed($0) }
    let after = inspector.isDecided
    #expect(after)
    [UInt8(0x0a)].withUnsafeBytes { inspector.feed($0) }
    let found = inspector.finish()
    #expect(found.rawBytes == 1_090)
    #expect(found.reasons.map(\.code) == [.badEncoding])
  }
}
