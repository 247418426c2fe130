import Testing

@testable import Config

@Suite("The YAML tree")
struct YamlParserTests {
  private func problems(_ text: String) -> [String] {
    YamlParser.parse(Array(text.utf8), file: "f").problems.map(\.description)
  }

  @Test("knows the line and column of every key and value, counted from 1 in characters")
  func places() throws {
    let root = try #require(YamlParser.parse(Array("# c\nä: [é, {b: 2}]\nlong:\n  - x\n".utf8), file: "f").root)
    guard case .map(let entries) = root.value, case .list(let items) = entries[0].value.value,
      case .map(let inner) = items[1].value, case .list(let block) = entries[1].value.value
    else {
      Issue.record("not the expected shape")
      return
    }
    #expect(entries[0].place == ConfigPlace(file: "f", line: 2, column: 1))
    #expect(items[0].place == ConfigPlace(file: "f", line: 2, column: 5))
    #expect(inner[0].value.place == ConfigPlace(file: "f", line: 2, column: 12))
    #expect(block[0].place == ConfigPlace(file: "f", line: 4, column: 5))
  }

  @Test("takes an empty file for an empty map", arguments: ["", "# only a comment\n", "---\n", "\u{FEFF}"])
  func empty(text: String) throws {
    let (root, problems) = YamlParser.parse(Array(text.utf8), file: "f")
    #expect(problems.isEmpty)
    let node = try #require(root)
    #expect(node.value == .map([]) || node.isNull)
  }

  @Test(
    "refuses what a configuration has no use for, at its place",
    arguments: [
      ("a: &x 1\n", "f:1:4: anchors (&name) are not allowed. Write the value out where it is used"),
      ("a: *x\n", "f:1:4: aliases (*name) are not allowed. Write the value out"),
      ("a: !!str 1\n", "f:1:4: tags (!name) are not allowed. Leave the tag out"),
      ("a: 1\n---\nb: 2\n", "f:2:1: a second document begins here. Put everything into one document, or into conf.d"),
      ("? [a]\n: 1\n", "f:1:3: expected a name as key, found a list or a map"),
      (
        "a:\n\t- 1\n",
        "f:2:1: not valid YAML: found character that cannot start any token while scanning for the next token"
          + " that begins at line 2. Indent with spaces, not with tabs"
      ),
      (
        "a: [1\n",
        "f:2:1: not valid YAML: did not find expected ',' or ']' while parsing a flow sequence that begins at line 1"
      ),
      ("a: b: c\n", "f:1:5: not valid YAML: mapping values are not allowed in this context"),
    ])
  func refusals(text: String, expected: String) {
    #expect(problems(text) == [expected])
  }

  @Test("reports every key that stands twice, with its path and both places, and goes on")
  func duplicates() {
    #expect(
      problems("a: 1\nb: {c: 1, c: 2}\na: 3\n") == [
        "f:2:11: b.c: this key stands here twice; first at f:2:5",
        "f:3:1: a: this key stands here twice; first at f:1:1",
      ])
  }

  @Test("refuses nesting that no configuration has, long before the stack ends")
  func depth() {
    let deep = String(repeating: "[", count: 100_000)
    #expect(problems(deep) == ["f:1:17: nested more than 16 levels deep"])
    #expect(problems(String(repeating: "[", count: 16) + String(repeating: "]", count: 16)).isEmpty)
  }

  @Test("refuses a file of more than 1 MiB, and bytes that are no text")
  func bytes() {
    #expect(problems(String(repeating: "#", count: 1 << 20)).isEmpty)
    #expect(
      problems(String(repeating: "#", count: 1 << 20 | 1)) == [
        "f: expected a file of at most 1 MiB, found 1048577 bytes"
      ])
    let latin1 = YamlParser.parse(Array("a: 1\nb: caf".utf8) + [0xe9, 0x0a], file: "f").problems
    #expect(latin1.map(\.description) == ["f:2: not text: incomplete UTF-8 octet sequence. Save the file as UTF-8"])
  }
}
