import Core
import Testing

@testable import Formats

final class Listener: RowSink {
  private(set) var bad: [BadRow] = []
  private(set) var keys: [Int: RowKey] = [:]
  func isBad(_ row: BadRow) { bad.append(row) }
  func has(_ key: RowKey, row: Int) { keys[row] = key }
}

private func read(_ text: String, _ rules: TableRules, chunk: Int = .max) -> (Inspection, Listener) {
  let listener = Listener()
  var inspector = TableInspector(rules: rules, sink: listener)
  let bytes = Array(text.utf8)
  var start = 0
  while start < bytes.count {
    let end = start + min(chunk, bytes.count - start)
    bytes[start..<end].withUnsafeBytes { inspector.feed($0) }
    start = end
  }
  return (inspector.finish(), listener)
}

private func typed(_ change: (inout TableRules) -> Void = { _ in }) -> TableRules {
  rules {
    $0.rows.values = [
      "id": .init(.integer, isRequired: true), "note": .init(maxLength: 4),
      "mail": .init(.email),
    ]
    $0.mayReject = true
    change(&$0)
  }
}

@Suite struct CellReaderTests {
  @Test("Each bad row is told once, with row, line, column and why")
  func told() {
    let text = """
      id,note,mail
      1,ok,a@b.de
      x,"two
      lines",nobody
      ,ok,
      4
      5,"a""b,c",a@b.de
      6,"a\n\n\n\nb",a@b.de

      8,ok,"a@b.de"
      9,toolong,a@b
      """
    for chunk in [1, 2, 7, 64, .max] {
      let (inspection, listener) = read(text, typed(), chunk: chunk)
      #expect(
        listener.bad == [
          BadRow(.type, row: 2, line: 3, column: 1), BadRow(.null, row: 3, line: 5, column: 1),
          BadRow(.columns, row: 4, line: 6, column: 2), BadRow(.length, row: 5, line: 7, column: 2),
          BadRow(.length, row: 6, line: 8, column: 2), BadRow(.columns, row: 7, line: 13, column: 1),
          BadRow(.length, row: 9, line: 15, column: 2),
        ], "in pieces of \(chunk)")
      #expect(inspection.rows == 9)
      #expect(inspection.badRows == 7)
      #expect(
        inspection.reasons.map(\.code) == [
          .badType, .missingValue, .columnCount, .valueTooLong, .valueTooLong, .columnCount, .valueTooLong,
        ])
      #expect(inspection.reasons.map(\.line) == [3, 5, 6, 7, 8, 13, 15])
      #expect(!inspection.reasons.contains { $0.message.contains("toolong") || $0.message.contains("nobody") })
    }
  }

  @Test("A rule for a column that the table lacks refuses it")
  func missing() {
    let (inspection, listener) = read("id,note\n1,a\n", typed { $0.rows.unique = ["id", "who"] })
    #expect(inspection.reasons.map(\.code) == [.missingColumn, .missingColumn])
    #expect(inspection.reasons.map(\.message).allSatisfy { $0.contains("mail") || $0.contains("who") })
    #expect(listener.bad.isEmpty)
  }

  @Test("Where another escape fits than the one by which cells were read, it is asked for")
  func another() {
    let text = "id,note,mail\n1,\"a\\\"b,c\",a@b.de\n"
    let (first, _) = read(text, typed())
    #expect(first.needsReadingWith == .backslash)
    let (second, listener) = read(text, typed { $0.escape = .backslash })
    #expect(second.needsReadingWith == nil)
    #expect(listener.bad == [BadRow(.length, row: 1, line: 2, column: 2)])
  }

  @Test("A row that is too long is a bad row where rows may be left out, and a fault of the table beyond that")
  func tooLong() {
    func text(_ count: Int) -> String { "id,note,mail\n1,a,\n\(String(repeating: "9", count: count)),b,\n3,c,\n" }
    let long = typed { $0.maxRowBytes = 100 }
    let (inspection, listener) = read(text(200), long)
    #expect(listener.bad == [BadRow(.tooLong, row: 2, line: 3)])
    #expect(inspection.rows == 3)
    let (other, _) = read(text(2_000), long)
    #expect(other.reasons.map(\.code) == [.rowTooLong] && other.rows == 1)
    let strict = typed { ($0.maxRowBytes, $0.mayReject) = (100, false) }
    #expect(read(text(200), strict).0.rows == 1)
  }

  @Test("Keys are told of good rows alone, whatever the quotes and line ends")
  func keys() {
    let table = "id,note,mail\r\n1,a,a@b.de\r\n2,a,\"a@b.de\"\r\nx,a,a@b.de\r\n4,a,\r\n5,a,a@b.de"
    for chunk in [1, 3, .max] {
      let (_, listener) = read(table, typed { $0.rows.unique = ["mail"] }, chunk: chunk)
      #expect(listener.keys.keys.sorted() == [1, 2, 5])
      #expect(Set(listener.keys.values).count == 1)
    }
  }

  @Test("Empty lines are rows of a table of one column")
  func oneColumn() {
    let one = rules {
      $0.rows.values = ["id": .init(.integer, isRequired: true)]
      $0.mayReject = true
    }
    let (inspection, listener) = read("id\n1\n\n\n4\nx\n\n", one)
    #expect(
      listener.bad == [
        BadRow(.null, row: 2, line: 3, column: 1), BadRow(.null, row: 3, line: 4, column: 1),
        BadRow(.type, row: 5, line: 6, column: 1),
      ])
    #expect(inspection.rows == 5)
  }

  private struct Made {
    var text = ""
    var bad: [BadRow] = []
    var rows = 0
  }

  private func quoted(_ cell: String, _ random: inout SeededRandom) -> String {
    let must = cell.contains { ",\"\n\r".contains($0) || $0 == "\r\n" }
    guard must || Int.random(in: 0..<4, using: &random) == 0 else { return cell }
    return "\"" + cell.replacing("\"", with: "\"\"") + "\""
  }

  private func made(_ seed: Int, end: String) -> Made {
    var random = SeededRandom(seed)
    var made = Made(text: "id,note,mail" + end)
    var line = 2
    for row in 1...Int.random(in: 1...300, using: &random) {
      var cells = [
        ["7", "123456789", "x", "", "1\n2"].randomElement(using: &random) ?? "",
        ["", "abcd", "äöüß", "a\"b", "a,b", "\n\n", "abcde", "日本語です", "\"\"\"\"\"", "\\"].randomElement(using: &random)
          ?? "",
        ["", "a@b.de", String(repeating: "x", count: Int.random(in: 1...200, using: &random)) + "@b.de", "a"]
          .randomElement(using: &random) ?? "",
      ]
      if Int.random(in: 0..<3, using: &random) > 0 { cells = ["7", "abcd", "a@b.de"] }
      let width = Int.random(in: 0..<20, using: &random)
      if width == 0 { cells.removeLast() } else if width == 1 { cells.append("") }
      let text = cells.map { quoted($0, &random) }.joined(separator: ",")
      if cells.count != 3 {
        made.bad.append(BadRow(.columns, row: row, line: line, column: min(cells.count, 3) + 1))
      } else if cells[0].isEmpty {
        made.bad.append(BadRow(.null, row: row, line: line, column: 1))
      } else if cells[0] == "x" || cells[0] == "1\n2" {
        made.bad.append(BadRow(.type, row: row, line: line, column: 1))
      } else if cells[1].unicodeScalars.count > 4 {
        made.bad.append(BadRow(.length, row: row, line: line, column: 2))
      } else if cells[2] == "a" || cells[2].utf8.count > 69 {
        made.bad.append(BadRow(.type, row: row, line: line, column: 3))
      }
      made.text += text + end
      made.rows += 1
      line += 1 + text.unicodeScalars.count { $0 == "\n" }
    }
    return made
  }

  @Test("Made-up tables are read as they were made, however they are cut", arguments: ["\n", "\r\n"])
  func madeUp(end: String) {
    for seed in 1...60 {
      let made = made(seed, end: end)
      for chunk in [1 + seed % 90, 16_384, .max] {
        let (inspection, listener) = read(made.text, typed { $0.escape = .double }, chunk: chunk)
        #expect(listener.bad == made.bad, "seed \(seed), pieces of \(chunk)")
        #expect(inspection.rows == made.rows)
        let slow = read(made.text, typed { ($0.escape, $0.scalarOnlyForTests) = (.double, true) }, chunk: chunk)
        #expect(slow.1.bad == made.bad)
      }
    }
  }
}
