import Core
import Foundation
import TestKit
import Testing

@testable import Formats

func rewrite(
  _ bytes: [UInt8], _ rules: TableRules, _ target: RewriteRules, chunk: Int = .max
) -> (bytes: [UInt8], rows: Int, problems: [Reason], isDamaged: Bool) {
  let found = inspect(bytes, rules)
  var rewriter = TableRewriter(
    rules, delimiter: found.delimiter, escape: found.escape,
    leavesOut: found.hasSeparatorLine, to: target)
  var out: [UInt8] = []
  var start = 0
  while start < bytes.count {
    let end = start + min(chunk, bytes.count - start)
    bytes[start..<end].withUnsafeBytes { piece in rewriter.feed(piece) { out += $0 } }
    start = end
  }
  rewriter.finish { out += $0 }
  return (out, rewriter.rows, rewriter.problems, rewriter.isDamaged)
}

@Suite("A table is rewritten row for row")
struct RewriterTests {
  private func target(_ change: (inout RewriteRules) -> Void = { _ in }) -> RewriteRules {
    var rules = RewriteRules()
    change(&rules)
    return rules
  }

  private func text(_ input: String, _ target: RewriteRules, _ rules: TableRules = TableRules()) -> String {
    String(decoding: rewrite(Array(input.utf8), rules, target).bytes, as: UTF8.self)
  }

  @Test("What Spark writes becomes what Campaign imports best")
  func spark() {
    let input = "\u{feff}name,city\r\nLea,\"Rossi \\\"Lia\\\"\"\r\nBram,\"van Dijk, Jr.\"\r\n,\"\""
    let rules = rules { $0.escape = .backslash }
    #expect(text(input, target(), rules) == "name\tcity\nLea\tRossi \"Lia\"\nBram\tvan Dijk, Jr.\n\t\n")
  }

  @Test("With quotes, only values that need them get them, and quotes inside are doubled")
  func quotes() {
    let target = target { ($0.delimiter, $0.quote, $0.endsInCRLF) = (UInt8(ascii: ";"), UInt8(ascii: "\""), true) }
    let input = "a,b\n\"x;y\",\"1\n2\"\nplain,\"say \"\"hi\"\"\"\n"
    #expect(text(input, target) == "a;b\r\n\"x;y\";\"1\n2\"\r\nplain;\"say \"\"hi\"\"\"\r\n")
  }

  @Test("What cannot be written without quotes is named by row and column, or replaced")
  func unwritable() {
    let input = "a,b\n1,\"x\ty\"\n2,\"p\nq\"\n3,ok\n"
    let found = rewrite(Array(input.utf8), TableRules(), target())
    #expect(found.problems.map(\.code) == [.unwritable, .unwritable])
    #expect(found.problems.map(\.row) == [1, 2] && found.problems.map(\.column) == [2, 2])
    #expect(text(input, target { $0.replacement = " " }) == "a\tb\n1\tx y\n2\tp q\n3\tok\n")
    let head = rewrite(Array("\"a\tb\",c\n1,2\n".utf8), TableRules(), target())
    #expect(head.problems.map(\.row) == [nil] && head.problems.map(\.column) == [1])
  }

  @Test("Encodings of one byte: the euro sign and its neighbours, and what they do not have")
  func encodings() {
    let latin9 = target { $0.encoding = .latin9 }
    #expect(rewrite(Array("a\nŠ€é\n".utf8), TableRules(), latin9).bytes == [97, 10, 0xa6, 0xa4, 0xe9, 10])
    #expect(rewrite(Array("a\n¤\n".utf8), TableRules(), latin9).problems.map(\.code) == [.unwritable])
    let latin1 = target { ($0.encoding, $0.replacement) = (.latin1, "?") }
    #expect(rewrite(Array("a\n¤€\n".utf8), TableRules(), latin1).bytes == [97, 10, 0xa4, 63, 10])
  }

  @Test("Empty rows of a table of one column stay rows")
  func emptyRows() {
    let quoted = target { $0.quote = UInt8(ascii: "\"") }
    #expect(text("id\n1\n\n2\n\"\"\n\n\n", quoted) == "id\n1\n\"\"\n2\n\"\"\n")
    #expect(rewrite(Array("id\n1\n\n2\n".utf8), TableRules(), target()).problems.map(\.row) == [2])
    #expect(text("id\n1\n\n2\n\"\"\n\n\n", target { $0.replacement = "?" }) == "id\n1\n?\n2\n?\n")
  }

  @Test("Damage that came after the checks is seen")
  func damaged() {
    let packed = gzip(Array("a,b\n1,2\n".utf8))
    #expect(rewrite(packed.dropLast(3), TableRules(), target()).isDamaged)
    #expect(!rewrite(packed, TableRules(), target()).isDamaged)
  }

  // MARK: against Python

  private struct Job: Encodable {
    let source, target: String
    let delimiter, quote, encoding: String
    let escape: String
    let toDelimiter, toQuote, toEncoding: String
    /// As the checks found them.
    let rows: Int
    let header: [String]
  }

  private static let script = """
    import csv, gzip, io, json, os, sys
    def read(path, delimiter, quote, escape, encoding):
        data = open(path, "rb").read()
        if data[:2] == b"\\x1f\\x8b":
            data = gzip.decompress(data)

        text = data.decode(encoding)
        if quote == "\\0":
            # The module takes no NUL for a quote.
            text, quote = text.replace("\\0", "\\1"), "\\1"
        text = io.StringIO(text, newline="")
        if quote:
            rows = list(csv.reader(text, delimiter=delimiter, quotechar=quote, escapechar=escape or None))
        else:
            rows = list(csv.reader(text, delimiter=delimiter, quoting=csv.QUOTE_NONE))
        while rows and not rows[-1]:
            rows.pop()
        return [row or [""] for row in rows]
    csv.field_size_limit(1 << 24)
    bad = []
    for index, job in enumerate(json.load(sys.stdin)):
        one = read(job["source"], job["delimiter"], job["quote"], job["escape"], job["encoding"])
        two = read(job["target"], job["toDelimiter"], job["toQuote"], "", job["toEncoding"])
        if one != two or len(one) != job["rows"] + 1 or one[0] != job["header"]:
            bad.append(index)
    print(json.dumps(bad))
    """

  private static func check(_ jobs: [Job]) async throws -> [Int] {
    let outcome = try await Spawn.run(
      ["python3", "-c", script], environment: Spawn.ownEnvironment, input: Array(JSONEncoder().encode(jobs)))
    try #require(outcome.exitCode == 0, "\(outcome.stderr)")
    return try JSONDecoder().decode([Int].self, from: Data(outcome.stdout.utf8))
  }

  private struct Made {
    var rules: TableRules
    var bytes: [UInt8]
    var cells: [[String]]
    var encoding: String
  }

  private func make(_ random: inout SeededRandom) -> Made {
    let latin = Bool.random(using: &random)
    let pieces = [
      "a", "bc", ",", ";", "\t", "|", "\"", "\\", "'", "\n", "\r\n", "é", latin ? "ß" : "😀", " ", "some longer text",
    ]
    let delimiter = [",", ";", "\t", "|", ":"].randomElement(using: &random) ?? ","
    let escape = ["", "", "\\", "\\", "'"].randomElement(using: &random) ?? ""
    let hasQuotes = Int.random(in: 0..<4, using: &random) > 0
    let mark = Int.random(in: 0..<4, using: &random) == 0 ? "\0" : "\""
    let (columns, count) = (Int.random(in: 2...5, using: &random), Int.random(in: 1...40, using: &random))
    var cells = [(0..<columns).map { "column \($0)" }]
    for _ in 0..<count {
      cells.append(
        (0..<columns).map { _ in
          let made = (0..<Int.random(in: 0...4, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }
          let value = made.joined()
          guard hasQuotes else {
            return value.filter { !["\n", "\r\n", "\r", "\""].contains($0) && String($0) != delimiter }
          }
          return value
        })
    }
    let end = Bool.random(using: &random) ? "\n" : "\r\n"
    let lines = cells.map { row in
      row.map { cell in
        guard hasQuotes,
          cell.contains(where: { ["\"", "\n", "\r\n", "\\", "'"].contains($0) || String($0) == delimiter })
        else {
          return cell
        }
        let inner =
          !escape.isEmpty
          ? cell.replacing(escape, with: escape + escape).replacing(mark, with: "\(escape)\(mark)")
          : cell.replacing(mark, with: mark + mark)
        return mark + inner + mark
      }.joined(separator: delimiter)
    }
    let text = lines.joined(separator: end) + (Bool.random(using: &random) ? end : "")
    var made = Made(rules: TableRules(), bytes: Array(text.utf8), cells: cells, encoding: "utf-8-sig")
    made.rules.delimiter = delimiter.utf8.first
    made.rules.escape = escape.isEmpty || !hasQuotes ? .double : escape == "'" ? .apostrophe : .backslash
    made.rules.quote = hasQuotes ? mark.utf8.first : nil
    switch Int.random(in: 0..<5, using: &random) {
    case 0 where latin:
      (made.rules.encoding, made.encoding) = (.latin1, "latin-1")
      made.bytes = text.unicodeScalars.map { UInt8($0.value) }
    case 1:
      (made.rules.encoding, made.encoding) = (.utf16, "utf-16")
      made.bytes = [0xff, 0xfe] + text.utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
    case 4:
      (made.rules.encoding, made.encoding) = (.utf16, "utf-16")
      made.bytes = [0xfe, 0xff] + text.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }
    case 2: made.bytes = [0xef, 0xbb, 0xbf] + made.bytes
    default: break
    }
    if Int.random(in: 0..<4, using: &random) == 0 { made.bytes = gzip(made.bytes) }
    return made
  }

  @Test("Python reads the same rows before and after, in every dialect; what is refused could not be written")
  func python() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("navette-rewrite-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    var random = SeededRandom(20_260_312)
    var jobs: [Job] = []
    var refused = 0
    for index in 0..<600 {
      let made = make(&random)
      let to = target {
        $0.delimiter = [UInt8(ascii: "\t"), UInt8(ascii: ";"), UInt8(ascii: ",")].randomElement(using: &random) ?? 9
        $0.quote = Bool.random(using: &random) ? UInt8(ascii: "\"") : nil
        $0.endsInCRLF = Bool.random(using: &random)
        $0.encoding = [.utf8, .utf8, .latin9].randomElement(using: &random) ?? .utf8
        $0.packs = Int.random(in: 0..<4, using: &random) == 0
      }
      let found = rewrite(made.bytes, made.rules, to, chunk: [1, 7, 64, 1000, .max].randomElement(using: &random) ?? 1)
      #expect(!found.isDamaged && found.rows == made.cells.count - 1)
      let checked = inspect(made.bytes, made.rules, chunk: [1, 61, 4096, .max].randomElement(using: &random) ?? 1)
      #expect(checked.reasons.isEmpty && checked.rows == made.cells.count - 1)
      // Left to find out the delimiter and the escape, the checks find the same, or say that they doubt.
      var open = made.rules
      (open.delimiter, open.escape) = (nil, .auto)
      let told = inspect(made.bytes, open)
      #expect(told.delimiter == made.rules.delimiter)
      if told.doubtful.isEmpty && told.reasons.isEmpty {
        #expect(told.rows == checked.rows && rewrite(made.bytes, open, to).bytes == found.bytes)
      }
      let mark = Character(UnicodeScalar(to.delimiter))
      let cannot = made.cells.joined().contains { cell in
        (to.quote == nil && cell.contains { $0 == mark || $0 == "\n" || $0 == "\r\n" })
          || (to.encoding != .utf8 && cell.contains("😀"))
      }
      #expect(found.problems.isEmpty != cannot)
      guard found.problems.isEmpty else {
        refused += 1
        continue
      }
      let (source, target) = (folder.appendingPathComponent("s\(index)"), folder.appendingPathComponent("t\(index)"))
      try Data(made.bytes).write(to: source)
      try Data(found.bytes).write(to: target)
      jobs.append(
        Job(
          source: source.path, target: target.path,
          delimiter: made.rules.delimiter.map { String(UnicodeScalar($0)) } ?? "",
          quote: made.rules.quote.map { $0 == 0 ? "\0" : "\"" } ?? "", encoding: made.encoding,
          escape: made.rules.escape == .backslash ? "\\" : made.rules.escape == .apostrophe ? "'" : "",
          toDelimiter: String(mark), toQuote: to.quote == nil ? "" : "\"",
          toEncoding: to.encoding == .utf8 ? "utf-8" : "iso-8859-15", rows: checked.rows, header: checked.header ?? []))
    }
    #expect(refused > 50 && jobs.count > 200)
    #expect(try await Self.check(jobs).isEmpty)
  }
}
