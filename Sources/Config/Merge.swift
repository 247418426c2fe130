/// Puts the files of one configuration together. Maps that collect things by name are merged; any other key, a lane or a store
/// may stand in one file only.
enum Merge {
  private static let merged = ["stores", "feeds", "streams", "limits", "metrics"]

  static func merge(_ roots: [YamlNode], _ walk: Walk) -> YamlNode {
    guard var result = roots.first else { return YamlNode(place: .start(of: ""), value: .map([])) }
    for root in roots.dropFirst() { result = join(result, root, path: "", walk) }
    return result
  }

  private static func join(_ first: YamlNode, _ second: YamlNode, path: String, _ walk: Walk) -> YamlNode {
    guard case .map(var entries) = asMap(first), case .map(let more) = asMap(second) else {
      // A root that is no map: reported, because the walk sees only one of them.
      if case .map = asMap(second) { return first }
      Spot(walk: walk, path: path, quiet: true).refuse(second, expected: "a map of keys")
      return first
    }
    for entry in more {
      guard let index = entries.firstIndex(where: { $0.key == entry.key }) else {
        entries.append(entry)
        continue
      }
      let keyPath = KeyText.path(path, entry.key)
      if path.isEmpty, merged.contains(entry.key) {
        entries[index].value = join(entries[index].value, entry.value, path: keyPath, walk)
      } else {
        walk.report(
          ConfigProblem(
            at: entry.place, key: keyPath, "this key stands in two files; first at \(entries[index].place.short)"))
      }
    }
    return YamlNode(place: first.place, value: .map(entries))
  }

  private static func asMap(_ node: YamlNode) -> YamlNode.Value { node.isNull ? .map([]) : node.value }
}
