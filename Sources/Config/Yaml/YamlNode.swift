/// A YAML value that remembers where it stands.
struct YamlNode: Hashable, Sendable {
  var place: ConfigPlace
  var value: Value

  indirect enum Value: Hashable, Sendable {
    case scalar(Scalar)
    case list([YamlNode])
    case map([Entry])
    /// Already reported: whoever meets it says nothing more.
    case broken
    /// A value from outside that cannot be had here. Who needs no secrets goes on without; anybody else reports it.
    case absent(ConfigProblem)
  }

  struct Scalar: Hashable, Sendable {
    var text: String
    /// Written without quotes.
    var plain: Bool
    /// Holds something that came from the environment or a file, so that it must not be shown.
    var expanded = false

    var isNull: Bool { plain && !expanded && (text.isEmpty || text == "~" || text == "null") }
  }

  struct Entry: Hashable, Sendable {
    var key: String
    /// Of the key.
    var place: ConfigPlace
    var value: YamlNode
  }

  var isNull: Bool {
    guard case .scalar(let scalar) = value else { return false }
    return scalar.isNull
  }
}
