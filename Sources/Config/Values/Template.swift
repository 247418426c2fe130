import Core
import Store

extension Kind where T == String {
  /// What makes the names has the word; here it is told in the words of a configuration.
  private static func template<Placeholder>(
    _ text: String, _ node: YamlNode, _ spot: Spot, of _: Placeholder.Type
  ) -> Template<Placeholder>? {
    let known = Placeholder.allCases.map { "{\($0.rawValue)}" }
    do {
      return try Template<Placeholder>(text)
    } catch {
      switch error.kind {
      case .unknown(let name):
        let near = KeyText.nearest(name, among: Placeholder.allCases.map(\.rawValue)).map { "Did you mean {\($0)}?" }
        spot.refuse(node, "expected only the placeholders \(KeyText.choice(known, "and"))", remedy: near)
      case .unbalanced, .other:
        spot.refuse(node, "a brace is not closed, or not opened", remedy: "Write placeholders as \(known[0])")
      }
      return nil
    }
  }

  /// The names of a stream's objects.
  static var keyTemplate: Kind<String> {
    let expected = "a template for object names such as \"{stream}/{host}_{utc}_{seq}.csv.gz\""
    return Kind(expected) { node, spot in
      guard let text = Kind<String>.text(expected).read(node, spot),
        let template = template(text, node, spot, of: KeyTemplate.Placeholder.self)
      else { return nil }
      guard template.holds(.seq) else {
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
        template(text, node, spot, of: NameTemplate.Placeholder.self) != nil
      else { return nil }
      guard text.utf8.count <= 200, (try? NameTemplate(text)) != nil else {
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
        template(text, node, spot, of: MarkerTemplate.Placeholder.self) != nil
      else { return nil }
      guard !text.contains("/"), text != "{name}" else {
        spot.refuse(node, "expected a name without slashes that differs from the drop's own")
        return nil
      }
      guard text.isEmpty || (try? MarkerTemplate(text)) != nil else {
        spot.refuse(
          node, "expected {name} or {stem}, so that each file has its own marker, and something that no file's name has"
        )
        return nil
      }
      return text
    }
  }
}
