import CScan
import Core
import Testing

@testable import Formats

@Suite("Rows that are cut in one go")
struct RowCutTests {
  private static let cells = [
    "", "a", "1234567", "2026/03/12 05:00:00", "\"b\"", "\"\"", "\"a,b;c\"", "\"  \"", "é", "\"ü|\"", "b\r", "'",
    String(repeating: "x", count: 61), "\"" + String(repeating: "y,", count: 40) + "\"",
  ]
  /// Of which others may think otherwise.
  private static let odd = [
    "\"a\"\"b\"", "\"\"\"\"", "a\"b", "\"a\"b", "\"a\nb\"", "\"a\r\nb\"", "\"a\\\"b\"", "\"a\\\\\"", "a\\", "\"a\"\r",
    "\"",
    "\0", "\u{feff}", "\"a\" ", " \"a\"", "\n", "\r",
  ]

  private func text(_ delimiter: String, _ random: inout some RandomNumberGenerator) -> [UInt8] {
    var text = ""
    let odds = [0, 2, 20].randomElement(using: &random) ?? 0
    for _ in 0..<Int.random(in: 1...6, using: &random) {
      var row: [String] = []
      for _ in 0..<Int.random(in: 1...9, using: &random) {
        let isOdd = Int.random(in: 0..<100, using: &random) < odds
        row.append((isOdd ? Self.odd : Self.cells).randomElement(using: &random) ?? "")
      }
      text += row.joined(separator: delimiter) + (Bool.random(using: &random) ? "\n" : "\r\n")
    }
    return Array(text.utf8)
  }

  @Test("What is cut is what the plain way reads, row by row and cell by cell", arguments: [",", ";", "\t", ""])
  func alike(delimiter: String) {
    var random = SeededRandom(delimiter.utf8.count * 7 + 1)
    let byte = delimiter.utf8.first
    var (found, all) = (0, 0)
    for _ in 0..<6_000 {
      let bytes = text(delimiter, &random)
      bytes.withUnsafeBytes { stretch in
        let cut = RowCut(delimiter: byte, columns: 9)
        var walk = RecordWalk(stretch, dialect: .csv(), maxRecord: 1 << 20)
        var cells = RowCells(delimiter: byte)
        while true {
          let start = walk.offset
          let row = cut.row(in: stretch, at: start)
          guard let step = walk.next() else { break }
          all += 1
          guard let row else { continue }
          found += 1
          #expect(step.end == start + row.length && step.count == 1 && step.record.count == row.length)
          #expect(row.record.elementsEqual(step.record.withoutLineEnd))
          cells.read(row.record, columns: row.cells.count)
          #expect(cells.isClean && !cells.isOpen && !cells.hasEscapes && !cells.hasLooseQuote)
          #expect(cells.count == row.cells.count)
          for index in 0..<min(cells.count, row.cells.count) {
            #expect(
              cells.values[index].elementsEqual(row.cells[index]), "\(String(decoding: row.record, as: UTF8.self))")
          }
          #expect(row.isPlain == row.record.allSatisfy { (1..<128).contains($0) })
        }
      }
    }
    #expect(found * 10 > all * (delimiter.isEmpty ? 1 : 6) && found < all)
  }

  @Test("Every processor cuts alike")
  func narrow() {
    var random = SeededRandom(5)
    for _ in 0..<4_000 {
      let bytes = text(",", &random)
      let cutting = cs_cutting(delimited: true, delimiter: Alphabet.comma, most: 9)
      bytes.withUnsafeBufferPointer { text in
        guard let start = text.baseAddress else { return }
        var found: [[UInt32]] = []
        for cut in [cs_cut, cs_cut_narrow] {
          var cells = [cs_cell](repeating: cs_cell(), count: 9)
          var row = cs_row()
          let length = cut(start, text.count, cutting, &cells, &row)
          guard length > 0 else {
            found.append([])
            continue
          }
          found.append(
            [UInt32(length), row.end, row.plain ? 1 : 0] + cells.prefix(Int(row.cells)).flatMap { [$0.from, $0.to] })
        }
        #expect(found[0] == found[1])
      }
    }
  }

  @Test("Rows that are not simple are left to others")
  func closer() {
    for text in [
      "", "a", "\n", "\r\n", "a,b,c\n", "\"a\n", "\"a\"\"\",b\n", "a\"\n", "\"a\"b\n", "\"\\\"\n", "\u{feff}a\n",
      "\"a\"\rb\n",
    ] {
      Array(text.utf8).withUnsafeBytes {
        #expect(RowCut(delimiter: Alphabet.comma, columns: 2).row(in: $0, at: 0) == nil, "\(text)")
      }
    }
  }

  @Test("A row says what its cells say if it has no more delimiters than stand between them, and nothing that quotes")
  func unquoted() {
    for (text, delimiters, isPlain) in [
      ("a,b", 1, true), ("a,b", 2, false), ("a,b,c", 1, false), ("a", 0, true), ("a\"", 0, false), ("a\n", 0, false),
      ("\ra", 0, false), (String(repeating: "x", count: 63) + ",", 1, true),
      (String(repeating: ",", count: 130), 130, true),
      (String(repeating: "x", count: 64) + "\"", 0, false),
    ] {
      let found = Array(text.utf8).withUnsafeBufferPointer { bytes in
        bytes.baseAddress.map { cs_unquoted($0, bytes.count, Alphabet.comma, delimiters) }
      }
      #expect(found == isPlain, "\(text)")
    }
  }

  @Test("A shaped row is quoted where a value needs it, whatever the log's delimiter is")
  func shaped() throws {
    let names = ColumnNames(Array("id;one;two".utf8))
    let shape = ShapeRules([
      .init("_id", .text(ShapeText([.constant("x:"), .source(SourceColumn("id"))]))),
      .init("a", .source(SourceColumn("one"))),
      .init("again", .text(ShapeText([.shaped("_id"), .constant("-"), .shaped("a")]))),
      .init("b", .source(SourceColumn("two"))),
    ])
    let shaper = try RowShaper(shape, columns: names.names, zone: { _ in nil })
    var flow = RecordFlow(
      dialect: .csv(), maxRecord: 1_024, header: HeaderWatch(Array("id;one;two".utf8), mayChange: true),
      judge: RowJudge(
        header: names, names: [], rules: RecordRules(maxBytes: 60, id: "_id", timestamp: ""),
        replacement: ValueReplacement(), shaper: shaper), dates: nil)
    var (out, day, ids) = ([] as [UInt8], nil as Timestamp?, SeenIDs(most: 100))
    let text =
      "1;a;b\n2;a,a;b\r\n\"3\";\"a\"\"a\";b\n4;\"a;a\";b\rb\n5;\"a\na\";\"\"\n;a;b\n1;a;b\n6;a\n7;é;"
      + String(repeating: "z", count: 80) + "\n8;\(String(repeating: "y", count: 20));\n"
    let passed = Array(text.utf8).withUnsafeBytes {
      flow.pass(
        $0, limit: .init(bytes: .max, hasRows: false, now: Timestamp(seconds: 0)), day: &day, ids: &ids, into: &out)
    }
    #expect(
      String(decoding: out, as: UTF8.self)
        == "x:1,a,x:1-a,b\nx:2,\"a,a\",\"x:2-a,a\",b\nx:3,\"a\"\"a\",\"x:3-a\"\"a\",b\nx:4,a;a,x:4-a;a,\"b\rb\"\n"
        + "x:5,\"a\na\",\"x:5-a\na\",\n"
        + "x:8,\(String(repeating: "y", count: 20)),x:8-\(String(repeating: "y", count: 20)),\n")
    #expect(
      passed.aside.map(\.fault) == [
        RowFault(.missingValue, column: "_id"), RowFault(.duplicateKey, column: "_id"), RowFault(.columnCount),
        RowFault(.rowTooLong),
      ])
    #expect(passed.rows == 6 && passed.consumed == text.utf8.count)
  }
}
