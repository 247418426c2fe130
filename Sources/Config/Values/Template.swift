import Core

/// A text with `{placeholders}`.
struct Template {
  enum Piece: Hashable {
    case text(String)
    case placeholder(String)
  }
  let pieces: [Piece]

  /// Nil where a brace has no partner.
  init?(_ text: String) {
    var pieces: [Piece] = []
    var rest = text[...]
    while let open = rest.firstIndex(where: { $0 == "{" || $0 == "}" }) {
      guard rest[open] == "{", let close = rest[open...].firstIndex(of: "}") else { return nil }
      let name = rest[rest.index(after: open)..<close]
      guard !name.contains("{") else { return nil }
      if open > rest.startIndex { pieces.append(.text(String(rest[..<open]))) }
      pieces.append(.placeholder(String(name)))
      rest = rest[rest.index(after: close)...]
    }
    if !rest.isEmpty { pieces.append(.text(String(rest))) }
    self.pieces = pieces
  }

  var placeholders: [String] {
    pieces.compactMap { piece in
      if case .placeholder(let name) = piece { name } else { nil }
    }
  }

  /// Every placeholder replaced by what `value` says.
  func filled(_ value: (String) -> String) -> String {
    pieces.map { piece in
      switch piece {
      case .text(let text): text
      case .placeholder(let name): value(name)
      }
    }.joined()
  }

  /// Whether it names the file that it stands for, and adds something of its own.
  var isMarker: Bool {
    let fixed = pieces.compactMap { if case .text(let text) = $0 { text } else { nil } }.joined()
    return placeholders.contains { $0 == "name" || $0 == "stem" } && fixed.contains { $0 != "." }
  }

  static let inKeys = ["stream", "date", "host", "utc", "seq", "schema"]
  static let inNames = ["name", "stem", "ext", "feed", "drop", "utc"]

  /// The longest key that a template can give.
  static func longestKey(_ template: String, stream: String, host: String) -> String {
    let longest = [
      "stream": stream, "host": host, "date": "2026-03-12", "utc": "20260312T060000Z", "seq": "\(Int.max)",
      "schema": String(repeating: "f", count: 16),
    ]
    return Template(template)?.filled { longest[$0] ?? "" } ?? ""
  }
}

extension Kind where T == String {
  private static func template(
    _ text: String, _ node: YamlNode, _ spot: Spot, known: [String]
  ) -> Template? {
    guard let template = Template(text) else {
      spot.refuse(node, "a brace is not closed, or not opened", remedy: "Write placeholders as {\(known[0])}")
      return nil
    }
    for name in template.placeholders where !known.contains(name) {
      let near = KeyText.nearest(name, among: known).map { "Did you mean {\($0)}?" }
      spot.refuse(
        node, "expected only the placeholders \(KeyText.choice(known.map { "{\($0)}" }, "and"))", remedy: near)
      return nil
    }
    return template
  }

  /// The names of a stream's objects.
  static var keyTemplate: Kind<String> {
    let expected = "a template for object names such as \"{stream}/{host}_{utc}_{seq}.csv.gz\""
    return Kind(expected) { node, spot in
      guard let text = Kind<String>.text(expected).read(node, spot),
        let template = template(text, node, spot, known: Template.inKeys)
      else { return nil }
      guard template.placeholders.contains("seq") else {
        spot.refuse(node, "expected {seq} in the template: without it two batches could get one name")
        return nil
      }
      let filled = template.filled { _ in "x" }
      guard filled.utf8.allSatisfy(Text.isKeyByte), Text.keyPrefix(filled) == filled else {
        spot.refuse(
          node, "expected only A-Z a-z 0-9 . _ - = and single slashes between the parts, with no part . or ..")
        return nil
      }
      return text
    }
  }

  /// The names of files in the hand-over folder.
  static var nameTemplate: Kind<String> {
    let expected = "a template for file names such as \"{stem}_{utc}.{ext}\""
    return Kind(expected) { node, spot in
      guard let text = Kind<String>.text(expected).read(node, spot),
        template(text, node, spot, known: Template.inNames) != nil
      else { return nil }
      guard !text.contains("/"), !text.hasPrefix("."), text.utf8.count <= 200 else {
        spot.refuse(node, "expected a name without slashes that does not begin with a dot")
        return nil
      }
      return text
    }
  }

  /// The name of the file that says a drop is complete; empty: none.
  static var markerTemplate: Kind<String> {
    let expected = "a name such as \"{name}.done\", or \"\""
    return Kind(expected) { node, spot in
      guard let text = Kind<String>.text(expected, empty: true).read(node, spot),
        template(text, node, spot, known: ["name", "stem", "ext"]) != nil
      else { return nil }
      guard !text.contains("/"), text != "{name}" else {
        spot.refuse(node, "expected a name without slashes that differs from the drop's own")
        return nil
      }
      guard let template = Template(text), text.isEmpty || template.isMarker else {
        spot.refuse(
          node, "expected {name} or {stem}, so that each file has its own marker, and something that no file's name has"
        )
        return nil
      }
      return text
    }
  }
}
