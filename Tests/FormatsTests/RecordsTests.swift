import Testing

@testable import Formats

@Suite("Logs are cut at record ends only")
struct RecordsTests {
  func scan(
    _ text: String, _ dialect: RecordDialect = .csv(), maxRecords: Int = .max, maxBytes: Int = .max,
    maxRecord: Int = 1 << 20, isLast: Bool = false
  ) -> [Int] {
    let found = Array(text.utf8).withUnsafeBytes {
      Records.scan(
        $0, dialect: dialect, maxRecords: maxRecords, maxBytes: maxBytes, maxRecord: maxRecord, isLast: isLast)
    }
    return [found.records, found.end]
  }

  @Test("A line feed ends a line; an unfinished one stays")
  func lines() {
    #expect(scan("a\nb\r\nc", .line) == [2, 5])
    #expect(scan("a\rb", .line) == [0, 0])
    #expect(scan("", .line) == [0, 0])
    #expect(scan("\"a\nb\"\n", .line) == [2, 6])
  }

  @Test("Empty lines are passed over and are no records")
  func empty() {
    #expect(scan("\n\r\na\n\n\r\nb\n\n") == [2, 11])
    #expect(scan("\n\n") == [0, 2])
    let text = String(repeating: "\n", count: 63) + "\r\n" + String(repeating: "x\n\n\r\n", count: 50)
    for dialect in [RecordDialect.line, .csv()] { #expect(scan(text, dialect) == [50, text.utf8.count]) }
  }

  @Test("A quoted line break is data")
  func quoted() {
    #expect(scan("1,\"a\nb\"\n2,c\n") == [2, 12])
    #expect(scan("1,\"a\nb") == [0, 0])
    #expect(scan("1;\"a\r\nb\"\n") == [1, 9])
    #expect(scan("1,5\" disk\n2,x\n") == [2, 14])
    #expect(scan("1 \"a\n", .csv(delimiter: UInt8(ascii: " "))) == [0, 0])
    #expect(scan("1,\"say \"\"\n\"\"\"\n") == [1, 14])
  }

  @Test("Limits of records and bytes are kept")
  func limits() {
    #expect(scan("a\nb\nc\n", maxRecords: 2) == [2, 4])
    #expect(scan("a\nb\nc\n", maxBytes: 5) == [2, 4])
    #expect(scan("a\nb\nc\n", maxBytes: 1) == [0, 0])
    #expect(scan("a\nb\nc\n", maxRecords: 0) == [0, 0])
    let many = String(repeating: "\"x\",y\n", count: 100)
    #expect(scan(many, maxRecords: 33) == [33, 198])
    #expect(scan(many, maxBytes: 200) == [33, 198])
  }

  @Test("Both ways to escape a quote are cut alike where they agree")
  func agreement() {
    #expect(scan(#"Lea,"Rossi \"Lia\"",x"# + "\nb,c,d\n") == [2, 28])
    #expect(scan(#"Lea,"C:\",x"# + "\n\"b\",c\n") == [2, 18])
  }

  @Test("A stretch in dispute is never cut, and counts as the tidier reading says")
  func dispute() {
    // RFC 4180: the value ends at C:\ and two records follow. With backslashes it runs on to the next quote.
    let windows = "1,\"C:\\\",x\n2,\"b\",y\n3,c,z\n"
    #expect(scan(windows) == [3, 24])
    #expect(scan(windows, maxBytes: 12) == [0, 0])
    // Spark: a quote and a line break inside one value.
    let spark = "1,\"say \\\"a\nb\\\" now\",x\n2,b,y\n"
    #expect(scan(spark) == [2, spark.utf8.count])
    #expect(scan(spark, maxBytes: 12) == [0, 0])
  }

  @Test("Readings that never agree again are decided by the tidier one")
  func neverAgain() {
    let text = "1,\"C:\\\",x\n" + String(repeating: "2,b,y\n", count: 20)
    #expect(scan(text) == [0, 0])
    #expect(scan(text, isLast: true) == [21, text.utf8.count])
    #expect(scan(text, maxRecord: 40)[0] == 21)
    #expect(scan(text, maxRecords: 3, isLast: true)[0] == 3)
  }

  @Test("Cut anywhere and gone on from there, the records are the same", arguments: 0..<60)
  func restart(_ seed: Int) {
    var random = SeededRandom(seed + 77)
    let pieces = ["a", "\"", "\"\"", ",", ";", "\\", "\n", "\r\n", " ", "long text that fills the block a bit"]
    let text = Array(randomTable(&random, pieces: pieces.filter { $0 != "\\" }).utf8)
    let whole = text.withUnsafeBytes { Records.scan($0, dialect: .csv()) }
    var records = 0
    var end = 0
    // A reader that sees ever more of the file, with a bound on each cut.
    var seen = 0
    while seen < text.count {
      seen = min(text.count, seen + Int.random(in: 1...90, using: &random))
      while true {
        let found = text[end..<seen].withUnsafeBytes { Records.scan($0, dialect: .csv(), maxRecords: 3) }
        records += found.records
        end += found.end
        if found.end == 0 { break }
      }
    }
    #expect(records == whole.records)
    #expect(end == whole.end)
  }

  /// The rule in its plainest form: byte by byte, both readings, ends where both end.
  func slowly(_ text: [UInt8]) -> Int {
    var state = (0, 0)  // 0: a field begins, 1: plain, 2: quoted, 3: behind a quote, 4: behind a backslash
    func step(_ byte: UInt8, _ state: inout Int, _ backslash: Bool) -> Bool {
      let isQuote = byte == 0x22
      let isEnd = byte == 0x0a
      let separates = isEnd || byte == 0x2c || byte == 0x3b || byte == 0x7c || byte == 0x09
      switch state {
      case 4: state = 2
      case 2: state = isQuote ? 3 : backslash && byte == 0x5c ? 4 : 2
      case 0 where isQuote, 3 where isQuote: state = 2
      default:
        state = separates ? 0 : 1
        return isEnd
      }
      return false
    }
    var end = 0
    for (index, byte) in text.enumerated() {
      let ends = (step(byte, &state.0, false), step(byte, &state.1, true))
      if ends.0 && ends.1 { end = index + 1 }
    }
    return end
  }

  @Test("The fast scan finds what the plainest one finds", arguments: 0..<100)
  func model(_ seed: Int) {
    var random = SeededRandom(seed + 500)
    let pieces = ["a", "\"", "\"\"", ",", ";", "\\", "\\\"", "\n", "\r\n", "text to fill", "\",\"", "\"\n\""]
    var text = ""
    for _ in 0..<Int.random(in: 0...300, using: &random) { text += pieces.randomElement(using: &random) ?? "" }
    let bytes = Array(text.utf8)
    let found = bytes.withUnsafeBytes { Records.scan($0, dialect: .csv()) }
    #expect(found.end == slowly(bytes))
  }
}
