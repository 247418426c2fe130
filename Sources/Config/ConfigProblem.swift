/// A place in a configuration file; lines and columns count from 1, columns in characters.
struct ConfigPlace: Hashable, Sendable {
  var file: String
  var line: Int
  var column: Int

  static func start(of file: String) -> ConfigPlace { ConfigPlace(file: file, line: 1, column: 1) }
  var short: String { "\(file):\(line):\(column)" }
}

/// One thing that is wrong with the configuration, in words that never hold a secret or an expanded value.
public struct ConfigProblem: Error, Hashable, Sendable, CustomStringConvertible {
  /// Nil where no file is to blame, as for a folder that is missing.
  public let file: String?
  public let line: Int?
  public let column: Int?
  /// `streams.opens.batch.max_age`; empty where it concerns the whole.
  public let key: String
  public let message: String
  /// What to do, as a sentence without its full stop.
  public let remedy: String?

  public init(
    file: String? = nil, line: Int? = nil, column: Int? = nil, key: String, message: String, remedy: String? = nil
  ) {
    self.file = file
    self.line = line
    self.column = column
    self.key = key
    self.message = message
    self.remedy = remedy
  }

  init(at place: ConfigPlace?, key: String, _ message: String, remedy: String? = nil) {
    self.init(
      file: place?.file, line: place?.line, column: place?.column, key: key, message: message, remedy: remedy)
  }

  /// `/etc/navette/navette.yaml:12:5: streams.opens.batch.max_age: expected a time such as 30s, 15m or 4h, found a list`
  public var description: String {
    var place = file ?? ""
    if let line { place += ":\(line)" }
    if let column { place += ":\(column)" }
    let head = [place, key].filter { !$0.isEmpty }.map { $0 + ": " }.joined()
    return head + message + (remedy.map { ". \($0)" } ?? "")
  }
}

/// Everything that is wrong with a configuration, in the order of its places.
public struct ConfigProblems: Error, CustomStringConvertible {
  public let all: [ConfigProblem]
  public init(_ all: [ConfigProblem]) { self.all = all }
  public var description: String { all.map(\.description).joined(separator: "\n") }
}
