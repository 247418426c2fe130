import Core
import Testing

@testable import Formats

@Suite("Where NUL quotes, it is nothing but a quote")
struct NulQuoteTests {
  private func inspectNul(_ text: String, _ escape: TableRules.Escape = .auto) -> Inspection {
    var rules = rules {
      $0.quote = 0
      $0.escape = escape
    }
    let found = inspect(text, rules)
    for chunk in [1, 2, 3, 63, 64, 65] { #expect(inspect(text, rules, chunk: chunk) == found) }
    rules.scalarOnlyForTests = true
    #expect(inspect(text, rules) == found)
    return found
  }

  @Test(
    "Around a value it is taken away",
    arguments: [
      "id,a\n1,\0x,y\0\n", "id,a\n1,\0\0\n", "\0id\0,\0a\0\n\01\0,\0x\0\n", "id,a\n1,\0x\ny\0\n", "id,a\n1,\0x\"y\0",
    ])
  func around(_ text: String) {
    for tail in ["", String(repeating: "more,\0of, it\0\n", count: 40)] where tail.isEmpty || text.hasSuffix("\n") {
      let found = inspectNul(text + tail)
      #expect(found.reasons.isEmpty && found.doubtful.isEmpty && found.rows > 0)
    }
  }

  @Test(
    "In a value it is refused, doubled and escaped as well: nobody can load it",
    arguments: [
      "x\0", "x\0y", "\0x\0\0y\0", "\0x\0y\0z\0", "\0\0\0\0", "x\0\0",
    ])
  func inside(_ value: String) {
    for before in [0, 1, 30, 61, 62, 63, 64, 200] {
      let text = "id,a\n" + String(repeating: "v", count: before) + ",w\n2,\(value)\n3,\0x\0\n"
      for long in [text, text + String(repeating: "more,\0of, it\0\n", count: 40)] {
        let found = inspectNul(long)
        #expect(found.reasons.map(\.code) == [.nulByte] && found.reasons.map(\.row) == [2])
      }
    }
  }

  @Test("Escaped it is refused, too")
  func escaped() {
    let found = inspectNul("id,a\n1,\0x\\\0y\0\n", .backslash)
    #expect(found.reasons.map(\.code) == [.nulByte] && found.reasons.map(\.row) == [1])
    #expect(inspectNul("id,a\n1,\0x\\\\\0\n", .backslash).reasons.isEmpty)
  }

  @Test("A name that holds one is refused")
  func name() {
    for text in ["i\0d,a\n1,2\n", "id,\0a\0\0b\0\n1,2\n"] {
      #expect(inspectNul(text).reasons.map(\.code) == [.nulByte])
    }
  }
}
