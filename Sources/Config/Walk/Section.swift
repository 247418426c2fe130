import Core

/// One map of the configuration while it is read: each key is asked for once, and what nobody asked for is unknown.
final class Section {
  let spot: Spot
  /// Of the key that holds the map.
  let place: ConfigPlace
  private let entries: [YamlNode.Entry]
  private var asked: [String] = []

  /// Nothing counts as an empty map, so that all lines under a key may be comments. Anything else is reported and read as
  /// empty; `isBroken` then.
  init(_ node: YamlNode, place: ConfigPlace, spot: Spot) {
    self.spot = spot
    self.place = place
    switch node.value {
    case .map(let entries):
      self.entries = entries
      isBroken = false
    case .scalar(let scalar) where scalar.isNull:
      entries = []
      isBroken = false
    case .scalar(let scalar):
      entries = []
      isBroken = true
      let glued = scalar.plain && scalar.text.contains(":")
      spot.hushed.refuse(
        node, "expected a map of keys, found a text", remedy: glued ? "Put a space after the colon of a key" : nil)
    case .list, .broken, .absent:
      entries = []
      isBroken = true
      spot.refuse(node, expected: "a map of keys")
    }
  }

  let isBroken: Bool

  func has(_ key: String) -> Bool { entries.contains { $0.key == key } }

  func read<T>(_ key: String, _ kind: Kind<T>) -> T? {
    asked.append(key)
    let spot = self.spot.child(key)
    spot.walk.know(spot.path, kind.expected)
    guard let entry = entries.first(where: { $0.key == key }) else { return nil }
    spot.walk.note(entry.value.place, of: spot.path)
    return kind.read(entry.value, spot)
  }

  func read<T>(_ key: String, _ kind: Kind<T>, into value: inout T) {
    if let read = read(key, kind) { value = read }
  }

  func read<T>(_ key: String, _ kind: Kind<T>, into value: inout T?) {
    if let read = read(key, kind) { value = read }
  }

  /// Reports a key that is not there.
  func require<T>(_ key: String, _ kind: Kind<T>) -> T? {
    if !has(key), !isBroken {
      let spot = self.spot.child(key)
      spot.walk.report(ConfigProblem(at: place, key: spot.path, "this key is missing: give \(kind.expected)"))
    }
    return read(key, kind)
  }

  /// A map below this one; nil where the key is not there.
  func section(_ key: String) -> Section? {
    asked.append(key)
    guard let entry = entries.first(where: { $0.key == key }) else { return nil }
    let spot = self.spot.child(key)
    spot.walk.note(entry.place, of: spot.path)
    return Section(entry.value, place: entry.place, spot: spot)
  }

  /// The entries of a map whose keys are names that the user chose.
  func each<Of>(_ key: String, quiet: Bool = false, _ body: (Name<Of>, Section) -> Void) {
    guard let map = section(key) else { return }
    for entry in map.entries {
      let path = KeyText.path(map.spot.path, entry.key)
      guard let name = Name<Of>(entry.key) else {
        spot.walk.report(
          ConfigProblem(
            at: entry.place, key: path,
            "expected a name of 1 to 64 letters, digits, dots, underscores and hyphens that begins with a letter or digit"
          ))
        continue
      }
      spot.walk.note(entry.place, of: path)
      body(name, Section(entry.value, place: entry.place, spot: Spot(walk: spot.walk, path: path, quiet: quiet)))
    }
  }

  /// The entries of a map whose keys are texts that the user chose, in order.
  func eachEntry(_ body: (String, YamlNode, Spot) -> Void) {
    for entry in entries {
      asked.append(entry.key)
      let spot = self.spot.child(entry.key)
      spot.walk.note(entry.place, of: spot.path)
      body(entry.key, entry.value, spot)
    }
  }

  /// Reports the keys that nobody asked for. `elsewhere`: keys that are known in another case, and which.
  func finish(elsewhere: [String: String] = [:]) {
    for entry in entries where !asked.contains(entry.key) {
      let path = KeyText.path(spot.path, entry.key)
      if let other = elsewhere[entry.key] {
        spot.walk.report(
          ConfigProblem(at: entry.place, key: path, "this key has no meaning here: it belongs to \(other)"))
        continue
      }
      let left = asked.filter { !has($0) }
      let near = KeyText.nearest(entry.key, among: left) ?? KeyText.nearest(entry.key, among: asked)
      let remedy = near.map { "Did you mean \($0)?" } ?? "Known here: \(KeyText.choice(asked, "and"))"
      spot.walk.report(ConfigProblem(at: entry.place, key: path, "unknown key", remedy: remedy))
    }
  }
}
