/// What of the program is there for its tests says so where it is used: its name ends in `ForTests`.
extension Rules {
  static func testHooks(_ path: String, _ text: SwiftText) -> [String] {
    guard path.hasPrefix("Sources/") else { return [] }
    return text.lines.enumerated().filter { _, line in
      holds(line, ["ests"])
        && line.contains(
          /\/\/\/? .*\b(?:[Ff]or (?:\w+ )?tests|so that tests?|so that a test|[Tt]ests only|[Oo]nly (?:for|by) tests)\b/
        )
    }.compactMap { index, _ in
      // The declaration, up to its brace.
      let below = text.code[index...].drop { $0.allSatisfy { $0 == " " } }
      let head =
        below.prefix(8).prefix { !holds($0, ["{"]) } + (below.prefix(8).first { holds($0, ["{"]) }.map { [$0] } ?? [])
      return head.contains { holds($0, ["ForTests"]) }
        ? nil : "\(path):\(index + 1): its name does not say that it is for tests"
    }
  }

  /// Names of what is for tests.
  static func hooks(_ text: SwiftText) -> Set<String> {
    Set(text.code.flatMap { $0.matches(of: /\w+ForTests\b/.wordBoundaryKind(.simple)).map { String($0.output) } })
  }
}
