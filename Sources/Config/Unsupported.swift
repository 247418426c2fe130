import Core

/// What the configuration describes and the agent cannot do yet. A setting is refused as long as it stands here, unless it
/// has its documented default; to build the behaviour is to delete the rule.
enum Unsupported {
  struct Rule {
    /// `*` stands for the name of a store or lane.
    let key: String
    /// What works today, for the error.
    let today: String
    /// Also true for what the walk has refused already.
    let accepts: (YamlNode) -> Bool
  }

  static var rules: [Rule] {
    [
      never("feeds.*.decrypt"),
      never("feeds.*.pull"),
    ]
  }

  /// Reports every setting of the tree that a rule refuses.
  static func check(_ root: YamlNode, _ walk: Walk) {
    for rule in rules {
      visit(root, rule.key.split(separator: ".").map(String.init)[...], path: "") { entry, path in
        guard !rule.accepts(entry.value) else { return }
        walk.report(
          ConfigProblem(at: entry.place, key: path, "this is not supported yet: \(rule.today)", remedy: "Leave it out"))
      }
    }
  }

  private static func visit(
    _ node: YamlNode, _ steps: ArraySlice<String>, path: String, _ body: (YamlNode.Entry, String) -> Void
  ) {
    guard let step = steps.first, case .map(let entries) = node.value else { return }
    for entry in entries where step == "*" || entry.key == step {
      let path = KeyText.path(path, entry.key)
      if steps.count == 1 { body(entry, path) } else { visit(entry.value, steps.dropFirst(), path: path, body) }
    }
  }

  private static func never(_ key: String) -> Rule {
    Rule(key: key, today: "the agent works without it today") { _ in false }
  }
}
