import Core
import Testing

@testable import Formats

@Suite("A line's end is what the settings say, or the table is refused")
struct LineEndTests {
  private static let table = "id,email\r1,a\r2,\"b\rc\"\r3,\"d\ne\"\r"
  private static let chunks = [1, 2, 3, 63, 64, 65, .max]

  private func codes(_ text: String, _ lineEnd: TableRules.LineEnd = .auto) -> [Reason.Code] {
    let found = inspect(text, rules { $0.lineEnd = lineEnd })
    for chunk in Self.chunks { #expect(inspect(text, rules { $0.lineEnd = lineEnd }, chunk: chunk) == found) }
    return found.reasons.map(\.code)
  }

  @Test(
    "Lines that end in CR alone are never an empty table, whatever the header ends in",
    arguments: [
      "id,email\r1,a\r2,b\r", "id,email\r1,a", "id\r1\r2\r", "id\n1\r2\r3\r", "id,email\n1,a\r2,b\n",
      "id\r\n1\r2\r\n3\r\n",
      "\u{feff}id\r1\r", "\"id\"\r\"1\"\r", "id,email\n1,\"a\"\r2,\"b\"\r", "id\r\r\n1\n", "\rid\r1\r",
    ])
  func returns(_ text: String) {
    for lineEnd in [TableRules.LineEnd.auto, .lf, .crlf] where !text.contains("\n") || lineEnd == .auto {
      #expect(codes(text, lineEnd).first == .lineEnd)
    }
    #expect(inspect(text, rules { $0.header = false }).reasons.map(\.code).contains(.lineEnd))
  }

  @Test("They are read where the settings say so")
  func read() {
    for chunk in Self.chunks {
      let found = inspect(Self.table, rules { $0.lineEnd = .cr }, chunk: chunk)
      #expect(found.reasons.isEmpty && found.rows == 3 && found.header == ["id", "email"])
    }
    // Empty lines at the end, and none.
    #expect(inspect("id\r1\r\r2\r\r\r", rules { $0.lineEnd = .cr }).rows == 3)
    #expect(inspect("id,x\r1,a", rules { $0.lineEnd = .cr }).rows == 1)
    #expect(inspect("id,x\r1\r1,2\r", rules { $0.lineEnd = .cr }).reasons.map(\.row) == [1])
    // A row, and what follows the last CR.
    #expect(codes("id,x\r\n1,a\r\n", .cr) == [.lineEnd, .lineEnd])
    #expect(codes("id,x\r1,a\r2,b\n\r3,c\r", .cr) == [.lineEnd])
  }

  @Test("Of CR and LF the settings let no other through, and a CR elsewhere is data where they are said outright")
  func strict() {
    #expect(codes("a,b\n1,x\ry\n2,z\n", .lf).isEmpty)
    #expect(codes("a,b\r\n1,x\ry\r\n2,z\r\n", .crlf).isEmpty)
    #expect(codes("a,b\r\n1,2\r\n", .lf) == [.lineEnd])
    #expect(codes("a,b\n1,2\r\n3,4\n", .lf) == [.lineEnd])
    #expect(codes("a,b\n1,2\n", .crlf) == [.lineEnd])
    #expect(codes("a,b\r\n1,2\r\n3,4\n5,6\r\n", .crlf) == [.lineEnd])
    #expect(codes("a,b\r\n1,\"2\n3\"\r\n4,5", .crlf).isEmpty)
    #expect(codes("a,b\n1,\"2\r\n3\"\n4,5\n", .lf).isEmpty)
    let found = inspect("a,b\n1,2\n3,x\ry\n5,6\n")
    #expect(found.reasons.map(\.code) == [.lineEnd] && found.reasons.map(\.row) == [2])
  }

  @Test("A table without a header is read with every line end, and what its first row ends in is told with that row")
  func headerless() {
    for (lineEnd, end) in [(TableRules.LineEnd.auto, "\r\n"), (.auto, "\n"), (.lf, "\n"), (.crlf, "\r\n"), (.cr, "\r")]
    {
      let rules = rules {
        $0.lineEnd = lineEnd
        $0.header = false
      }
      for text in [
        "1,x\(end)2,y\(end)", "1,x\(end)2,y", "1,x\(end)", "1,\"x\(end)y\"\(end)2,z\(end)", "1\(end)\(end)2\(end)",
      ] {
        for chunk in Self.chunks {
          let found = inspect(text, rules, chunk: chunk)
          #expect(found.reasons.isEmpty && found.doubtful.isEmpty && found.rows > 0)
        }
      }
      let other = lineEnd == .crlf || lineEnd == .cr ? "\n" : "\r"
      let strange = inspect("1,x\(other)2,y\(end)", rules)
      #expect(strange.reasons.map(\.code) == [.lineEnd] && strange.reasons.map(\.row) == [1])
    }
    func first(_ text: String, _ limit: Int = 1_000) -> Reason? {
      inspect(
        text,
        rules {
          $0.header = false
          $0.maxRowBytes = limit
        }
      ).reasons.first
    }
    #expect(first("1,\u{0}\n")?.row == 1 && first("1,\"x\n")?.row == 1 && first("1,xxxxxxxxx\n", 5)?.row == 1)
    #expect(inspect(Array("1,".utf8) + [0xff, 10], rules { $0.header = false }).reasons.map(\.row) == [1])
    // Of a file that is no table nothing is told by rows.
    #expect(inspect([0xff, 0xfe, 49, 0, 10, 0], rules { $0.header = false }).reasons.map(\.row) == [nil])
    #expect(
      first("")?.row == nil && first("-----BEGIN PGP MESSAGE-----\n")?.row == nil && first("{\"a\": 1}\n")?.row == nil)
  }

  @Test("An empty row ends as the others do, or is told; at the end of the text there is none")
  func emptyRows() {
    #expect(codes("id\r\n1\r\n\r\n2\r\n", .crlf).isEmpty)
    #expect(codes("id\r\n1\r\n\n2\r\n", .crlf) == [.lineEnd])
    #expect(codes("id\r\n1\r\n\n\r\n\n2\r\n", .crlf) == [.lineEnd, .lineEnd])
    #expect(codes("id\n1\n\r\n2\n", .lf) == [.lineEnd])
    #expect(codes("id\r\n1\r\n\n", .crlf).isEmpty)
    let found = inspect("id\r\n1\r\n\r\n\n2\r\n", rules { $0.lineEnd = .crlf })
    #expect(found.rows == 4 && found.reasons.map(\.row) == [3])
    // Before a row that never ends, too.
    let open = inspect("id\n1\n\n\"2\n")
    #expect(open.rows == 2 && open.reasons.map(\.row) == [3])
    let blank = inspect("id,a\n1,2\n\n\"2\n")
    #expect(blank.reasons.map(\.code) == [.columnCount, .openQuote] && blank.reasons.map(\.row) == [2, 3])
  }

  @Test("Each place of a block is looked at, in fast and slow reading")
  func places() {
    for length in 1...140 {
      let value = String(repeating: "v", count: length)
      for (text, lineEnd, row) in [
        ("a,b\nx,y\n\(value)\rw,z\np,q\n", .auto, 2), ("a,b\nx,y\n\(value),w\r\np,q\n", .lf, 2),
        ("a,b\r\nx,y\r\n\(value),w\np,q\r\n", .crlf, 2), ("a,b\rx,y\r\(value)\nw,z\rp,q\r", .cr, 2),
      ] as [(String, TableRules.LineEnd, Int)] {
        let end = lineEnd == .cr ? "\r" : lineEnd == .lf ? "\n" : "\r\n"
        let long = text + (0..<20).map { "\($0),some more text" }.joined(separator: end)
        var rules = rules { $0.lineEnd = lineEnd }
        let found = inspect(text, rules)
        #expect(found.reasons.map(\.code) == [.lineEnd] && found.reasons.map(\.row) == [row])
        #expect(inspect(long, rules).reasons.map(\.row) == [row])
        let fast = inspect(long, rules)
        rules.scalarOnlyForTests = true
        #expect(inspect(long, rules) == fast)
      }
    }
  }

  @Test("A long file of such lines is told by its first, not as a row that is too long")
  func long() {
    let rows = String(repeating: "1,a\r", count: 10_000)
    let limited = rules { $0.maxRowBytes = 1_000 }
    for text in ["id,email\r" + rows, "id,email\n" + rows] {
      let found = inspect(text, limited)
      #expect(found.reasons.map(\.code) == [.lineEnd])
      for chunk in [7, 1_001, 4_096] { #expect(inspect(text, limited, chunk: chunk).reasons == found.reasons) }
    }
  }

  @Test("Rewriting takes it")
  func rewritten() {
    var target = RewriteRules()
    let one = rewrite(Array("id,email\r1,a\r\r".utf8), rules { $0.lineEnd = .cr }, target)
    #expect(String(decoding: one.bytes, as: UTF8.self) == "id\temail\n1\ta\n" && one.rows == 1)
    target.quote = UInt8(ascii: "\"")
    for chunk in Self.chunks {
      let found = rewrite(Array(Self.table.utf8), rules { $0.lineEnd = .cr }, target, chunk: chunk)
      #expect(String(decoding: found.bytes, as: UTF8.self) == "id\temail\n1\ta\n2\t\"b\rc\"\n3\t\"d\ne\"\n")
    }
    let strict = rewrite(Array("a,b\n1,x\ry\n".utf8), rules { $0.lineEnd = .lf }, target)
    #expect(String(decoding: strict.bytes, as: UTF8.self) == "a\tb\n1\t\"x\ry\"\n")
  }
}
