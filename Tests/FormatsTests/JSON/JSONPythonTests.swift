import Core
import Foundation
import TestKit
import Testing

@testable import Formats

@Suite("Python's json module reads the same lines")
struct JSONPythonTests {
  struct Reading: Decodable, Equatable {
    /// Rows that are no object, or have a key twice, or half a character.
    let bad: [Int]
    /// Of the others, the value at `a`, `p.q` and `t`, as it is written into a table.
    let cells: [[String]]
  }

  private static let script = """
    import json, sys
    class Spelled(str): pass
    class Twice(Exception): pass
    def pairs(items):
        if len({key for key, _ in items}) < len(items): raise Twice
        return dict(items)
    def refuse(word): raise ValueError(word)
    def text(value):
        if value is None: return "N"
        if isinstance(value, bool): return "true" if value else "false"
        if isinstance(value, list): return ";".join(text(one) for one in value)
        return str(value)
    def whole(value):
        if isinstance(value, str): return value.encode("utf-8").find(b"\\0") < 0
        if isinstance(value, list): return all([whole(one) for one in value])
        if isinstance(value, dict): return all([whole(one) for pair in value.items() for one in pair])
        return True
    found = []
    for raw in open(sys.argv[1], encoding="utf-8", newline="").read().split("\\u241e"):
        bad, cells = [], []
        for row, line in enumerate(raw.split("\\n"), 1):
            try:
                one = json.loads(line, object_pairs_hook=pairs, parse_constant=refuse, parse_int=Spelled, parse_float=Spelled)
                if not isinstance(one, dict) or not whole(one): raise ValueError
            except (ValueError, Twice, RecursionError):
                bad.append(row)
                continue
            inner = one.get("p")
            cell = lambda at, key: "-" if not isinstance(at, dict) or key not in at else text(at[key])
            cells.append([cell(one, "a"), cell(inner, "q"), cell(one, "t")])
        found.append({"bad": bad, "cells": cells})
    print(json.dumps(found))
    """

  private static let scalars = [
    "1", "-0.0", "1.50e+3", "123456789012345678901234567890", "true", "false", "null", #""""#, #""x""#, #""é😀""#,
    #""\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t""#, #"[]"#, #"[1, "x",null,true]"#,
  ]
  /// What is no JSON, or none that is taken.
  private static let faults = [
    "01", ".5", "1.", "+1", "NaN", "Infinity", "'x'", #""\x""#, #""\ud800""#, #""\u0000""#, "tru", #"{"k":1,"k":2}"#,
    #"[{"k":1,"\u006b":2}]"#, "[1,]", "\"\u{1}\"", "", "1 2",
  ]

  private static func line(_ random: inout SeededRandom) -> String {
    func value(_ random: inout SeededRandom) -> String {
      let all = Int.random(in: 0..<12, using: &random) == 0 ? faults : scalars
      return all.randomElement(using: &random) ?? ""
    }
    func blank(_ random: inout SeededRandom) -> String {
      ["", "", " ", "\t", "\r"].randomElement(using: &random) ?? ""
    }
    var members: [String] = []
    for key in ["a", "t", "other", "\\u0061b", "last"] where Bool.random(using: &random) {
      members.append("\"\(key)\"\(blank(&random)):\(blank(&random))\(value(&random))")
    }
    if Bool.random(using: &random) { members.append("\"p\":{\"q\":\(value(&random)),\"r\":\(value(&random))}") }
    if Int.random(in: 0..<15, using: &random) == 0 { members.append(#""\u0061":7"#) }
    members.shuffle(using: &random)
    let text = "{" + members.joined(separator: "\(blank(&random)),\(blank(&random))") + "}"
    guard Int.random(in: 0..<15, using: &random) == 0 else { return text }
    // Cut off, or with something behind it.
    return Bool.random(using: &random)
      ? String(text.dropLast(Int.random(in: 1...text.count, using: &random))) + "{" : text + "1"
  }

  @Test("Over thousands of generated lines: which are bad, and each value of the others")
  func agrees() async throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("navette-json-\(UUID())")
    defer { try? FileManager.default.removeItem(at: file) }
    var random = SeededRandom(77)
    var texts: [[String]] = []
    for _ in 0..<200 { texts.append((0..<20).map { _ in Self.line(&random) }) }
    try Data(texts.map { $0.joined(separator: "\n") }.joined(separator: "\u{241e}").utf8).write(to: file)
    let outcome = try await Spawn.run(["python3", "-c", Self.script, file.path], environment: Spawn.ownEnvironment)
    try #require(outcome.exitCode == 0, "\(outcome.stderr)")
    let theirs = try JSONDecoder().decode([Reading].self, from: Data(outcome.stdout.utf8))
    try #require(theirs.count == texts.count)
    #expect(theirs.contains { !$0.bad.isEmpty } && theirs.contains { $0.bad.count < 10 })
    for (lines, reading) in zip(texts, theirs) {
      let bad = Set(lines.indices.filter { !inspectJSON(lines[$0] + "\n", chunk: 9).reasons.isEmpty }.map { $0 + 1 })
      #expect(bad == Set(reading.bad), "\(bad.symmetricDifference(reading.bad).sorted().map { lines[$0 - 1] })")
      guard bad == Set(reading.bad) else { continue }
      let good = lines.indices.filter { !bad.contains($0 + 1) }.map { lines[$0] }
      let made = try tabulate(
        good.joined(separator: "\n"), [("a", "a"), ("q", "p.q"), ("t", "t")], chunk: 31,
        { ($0.null, $0.missing) = ("N", "-") },
        {
          $0.delimiter = 0x1f
          $0.quote = 0x1e
        })
      #expect(made.problems.isEmpty)
      // Quotes stand around line breaks alone here.
      let rows = made.table.replacing("\u{1e}", with: "").replacing("\n", with: "\u{1d}")
      let wanted = ([["a", "q", "t"]] + reading.cells).map { $0.joined(separator: "\u{1f}") + "\n" }.joined()
      #expect(rows == wanted.replacing("\n", with: "\u{1d}"))
    }
  }
}
