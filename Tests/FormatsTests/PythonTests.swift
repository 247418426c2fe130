import Core
import Foundation
import TestKit
import Testing

@testable import Formats

@Suite("Python's csv module reads the same rows")
struct PythonTests {
  struct Reading: Decodable, Equatable {
    let header: [String]
    let rows: Int
    let bad: [Int]
  }

  /// Reads every file of a folder; a row is bad where its width is not the header's.
  static let script = """
    import csv, json, os, sys
    escape = sys.argv[2] == "backslash"
    found = []
    for name in sorted(os.listdir(sys.argv[1])):
        with open(os.path.join(sys.argv[1], name), newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file, escapechar="\\\\" if escape else None))
        while rows and not rows[-1]:
            rows.pop()
        header, data = rows[0], rows[1:]
        bad = [n for n, row in enumerate(data, 1) if len(row or [""]) != len(header)]
        found.append({"header": header, "rows": len(data), "bad": bad})
    print(json.dumps(found))
    """

  static func python(_ folder: URL, _ escape: String) async throws -> [Reading] {
    let outcome = try await Spawn.run(
      ["python3", "-c", script, folder.path, escape], environment: Spawn.ownEnvironment)
    try #require(outcome.exitCode == 0, "\(outcome.stderr)")
    return try JSONDecoder().decode([Reading].self, from: Data(outcome.stdout.utf8))
  }

  static func ours(_ text: String, _ escape: TableRules.Escape) -> Reading {
    let rules = rules {
      $0.delimiter = UInt8(ascii: ",")
      $0.escape = escape
    }
    let found = inspect(text, rules, chunk: 101)
    let bad = found.reasons.filter { $0.code == .columnCount }.compactMap(\.row)
    return Reading(header: found.header ?? [], rows: found.rows, bad: bad)
  }

  @Test(
    "Over hundreds of generated tables", arguments: [("double", TableRules.Escape.double), ("backslash", .backslash)])
  func agrees(_ name: String, _ escape: TableRules.Escape) async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("navette-python-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    var random = SeededRandom(name.utf8.count)
    // A quoted field holds nothing that would close it, so that both readers stay within the grammar.
    let pieces = [
      "a", "bc", ",", escape == .double ? "\"\"" : "\\\"", "\n", "\r\n", "é", "😀", " ", "long enough for a block",
    ]
    var texts: [String] = []
    for index in 0..<300 {
      var text = randomTable(&random, pieces: pieces)
      if index.isMultiple(of: 5) { text = "\u{feff}" + text }
      if index.isMultiple(of: 3), text.hasSuffix("\n") { text.removeLast() }
      if index.isMultiple(of: 11) { text += "\n\n" }
      try Data(text.utf8).write(to: folder.appendingPathComponent(String(10_000 + index)))
      texts.append(text)
    }
    let theirs = try await Self.python(folder, name)
    try #require(theirs.count == texts.count)
    #expect(theirs.contains { !$0.bad.isEmpty } && theirs.contains { $0.bad.isEmpty && $0.rows > 10 })
    for (text, reading) in zip(texts, theirs) {
      let own = Self.ours(text, escape)
      #expect(own.header == reading.header)
      #expect(own.rows == reading.rows)
      #expect(own.bad == reading.bad)
    }
  }
}
