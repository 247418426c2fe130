/// Text with placeholders in braces, of a closed list: `{stream}/{seq}.csv.gz`.
public struct Template<Placeholder>: Sendable
where Placeholder: RawRepresentable & CaseIterable & Hashable & Sendable, Placeholder.RawValue == String {
  public enum Piece: Sendable {
    case text(String)
    case value(Placeholder)
  }

  public let pieces: [Piece]

  public init(_ text: String) throws(TemplateComplaint) {
    var pieces: [Piece] = []
    var rest = text[...]
    while let mark = rest.firstIndex(where: { $0 == "{" || $0 == "}" }) {
      if mark > rest.startIndex { pieces.append(.text(String(rest[..<mark]))) }
      guard rest[mark] == "{" else { throw TemplateComplaint("a “}” without its “{”", .unbalanced) }
      let inside = rest[rest.index(after: mark)...]
      guard let close = inside.firstIndex(of: "}") else {
        throw TemplateComplaint("a “{” without its “}”", .unbalanced)
      }
      let name = String(inside[..<close])
      if name.contains("{") { throw TemplateComplaint("a “{” without its “}”", .unbalanced) }
      guard let placeholder = Placeholder(rawValue: name) else {
        let known = Placeholder.allCases.map { "{\($0.rawValue)}" }.joined(separator: " ")
        throw TemplateComplaint("the placeholder {\(name)}; known are \(known)", .unknown(name))
      }
      pieces.append(.value(placeholder))
      rest = inside[inside.index(after: close)...]
    }
    if !rest.isEmpty { pieces.append(.text(String(rest))) }
    self.pieces = pieces
  }

  /// Every placeholder replaced by what `value` says.
  public func filled(_ value: (Placeholder) -> String) -> String {
    pieces.map { piece in
      switch piece {
      case .text(let text): text
      case .value(let placeholder): value(placeholder)
      }
    }.joined()
  }

  public func holds(_ placeholder: Placeholder) -> Bool {
    pieces.contains { if case .value(let value) = $0 { value == placeholder } else { false } }
  }
}

/// Why a template, or what it makes, cannot be used; reads on from "it holds" or "because of".
public struct TemplateComplaint: Error, Hashable, CustomStringConvertible {
  public enum Kind: Hashable, Sendable {
    case unbalanced
    /// A placeholder that there is not, by its name.
    case unknown(String)
    case other
  }

  public let kind: Kind
  public let description: String
  public init(_ description: String, _ kind: Kind = .other) { (self.description, self.kind) = (description, kind) }
}
