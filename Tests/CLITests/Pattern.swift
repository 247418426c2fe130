/// Compares what was printed with what a transcript expects; remembers what `{name}` matched.
struct Pattern {
  private(set) var captured: [String: String] = [:]
  /// `$DIR` and `$NAVETTE`, which stand for themselves in expected lines.
  let places: [String: String]

  init(places: [String: String] = [:]) { self.places = places }

  /// Whether all lines match; only then are captures kept.
  mutating func matches(_ expected: [String], _ found: [String]) -> Bool {
    guard let captures = match(expected[...], found[...], captured) else { return false }
    captured = captures
    return true
  }

  /// The command with captured values put in.
  func filled(_ command: String) -> String {
    captured.reduce(command) { text, capture in text.replacing("{\(capture.key)}", with: capture.value) }
  }

  private typealias Captures = [String: String]

  private enum Token {
    case text(Substring)
    case anything
    case capture(String)
  }

  private func match(
    _ expected: ArraySlice<String>, _ found: ArraySlice<String>, _ captures: Captures
  ) -> Captures? {
    guard let first = expected.first else { return found.isEmpty ? captures : nil }
    if first == "…" {
      for start in found.startIndex...found.endIndex {
        if let all = match(expected.dropFirst(), found[start...], captures) { return all }
      }
      return nil
    }
    guard let line = found.first, let more = match(tokens(first)[...], line[...], captures) else { return nil }
    return match(expected.dropFirst(), found.dropFirst(), more)
  }

  private func match(_ tokens: ArraySlice<Token>, _ text: Substring, _ captures: Captures) -> Captures? {
    guard let token = tokens.first else { return text.isEmpty ? captures : nil }
    let rest = tokens.dropFirst()
    switch token {
    case .text(let literal):
      return text.hasPrefix(literal) ? match(rest, text.dropFirst(literal.count), captures) : nil
    case .anything:
      for end in ends(of: text, from: 0) {
        if let all = match(rest, text[end...], captures) { return all }
      }
    case .capture(let name):
      if let known = captures[name] {
        return text.hasPrefix(known) ? match(rest, text.dropFirst(known.count), captures) : nil
      }
      for end in ends(of: text, from: 1) where Self.fits(text[..<end], name) {
        var more = captures
        more[name] = String(text[..<end])
        if let all = match(rest, text[end...], more) { return all }
      }
    }
    return nil
  }

  /// The longest first: a word ends where the text after it begins.
  private func ends(of text: Substring, from minimum: Int) -> [Substring.Index] {
    var all = Array(text.indices) + [text.endIndex]
    all.removeFirst(min(minimum, all.count))
    return all.reversed()
  }

  private func tokens(_ line: String) -> [Token] {
    var line = line
    for (name, value) in places { line = line.replacing(name, with: value) }
    var tokens: [Token] = []
    var rest = line[...]
    while let hit = rest.firstMatch(of: /…|\{([a-z][a-z_0-9]*)\}/) {
      if hit.range.lowerBound > rest.startIndex { tokens.append(.text(rest[..<hit.range.lowerBound])) }
      tokens.append(hit.output.1.map { .capture(String($0)) } ?? .anything)
      rest = rest[hit.range.upperBound...]
    }
    if !rest.isEmpty { tokens.append(.text(rest)) }
    return tokens
  }

  private static func fits(_ text: Substring, _ name: String) -> Bool {
    if name.hasPrefix("time") { return text.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/) != nil }
    if name.hasPrefix("utc") { return text.wholeMatch(of: /\d{8}T\d{6}Z/) != nil }
    if name.hasPrefix("pid") || name == "n" || name.wholeMatch(of: /n\d+/) != nil {
      return text.allSatisfy { $0.isASCII && $0.isNumber }
    }
    if name.hasPrefix("hex") { return text.wholeMatch(of: /[0-9a-f]+/) != nil }
    return !text.contains(where: \.isWhitespace)
  }
}
