import Testing

@testable import Config

@Suite("What does not work yet")
struct UnsupportedTests {
  /// For each rule: lines that are refused, and lines that say the default. Nil where there is none.
  static let cases: [String: (refused: String, fine: String?)] = [
    "feeds.*.decrypt": ("decrypt: {key: x}", nil),
    "feeds.*.pull": ("pull: {store: shelf, prefix: a/, every: 5m, after: delete}", nil),
  ]

  private func bench(_ rule: String, _ lines: String) -> Bench {
    switch rule.split(separator: ".").first {
    case "stores": return Lane.s3(lines)
    case "feeds": return Bench(Lane.feedHead + Lane.indented(lines) + Lane.shelf)
    case "streams": return Lane.stream(lines)
    default: return Bench(lines)
    }
  }

  @Test("is refused, once, by the key's own name; its default is fine", arguments: cases.keys.sorted())
  func rule(key: String) throws {
    let (refused, fine) = try #require(Self.cases[key])
    let name = try #require(key.split(separator: ".").last)
    let problems = bench(key, refused).problems().filter { $0.contains("not supported yet") }
    #expect(problems.count == 1)
    #expect(problems.first?.contains(".\(name): this is not supported yet: ") == true)
    #expect(problems.first?.hasSuffix(". Leave it out") == true)
    if let fine { #expect(bench(key, fine).problems() == []) }
  }

  @Test("every rule has its case here")
  func complete() {
    #expect(Set(Unsupported.rules.map(\.key)) == Set(Self.cases.keys))
  }

  @Test("a wrong value is told as wrong, not as early")
  func wrong() {
    #expect(
      Lane.stream("rotation: folow").problems() == [
        "8:15: streams.out.rotation: expected rename, copytruncate, follow or closed, found \"folow\". Did you mean follow?"
      ])
  }

  @Test("keys that belong together are checked all the same")
  func later() throws {
    #expect(
      Lane.feed("decrypt: {passphrase: x}").problems().contains(
        "5:5: feeds.in.decrypt.key: this key is missing: give a secret, best as ${credential:NAME} or ${file:/path}"))
    #expect(
      Lane.feed("expect: {by: \"6\", days: [monday]}").problems().contains(
        "5:30: feeds.in.expect.days[0]: expected mon, tue, wed, thu, fri, sat or sun, found \"monday\""))
    #expect(
      Lane.feed("pull: {store: nope}").problems().contains(
        "5:19: feeds.in.pull.store: there is no store of this name. Describe it under stores"))
  }
}
