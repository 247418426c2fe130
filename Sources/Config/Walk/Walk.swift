import Core

/// What one reading of a configuration has found so far.
final class Walk {
  private(set) var problems: [ConfigProblem] = []
  /// Where each value stands, by its key's path, for checks that look at several at once.
  private(set) var places: [String: ConfigPlace] = [:]
  /// Every key that was asked for, and what it takes: the manual page is held to it.
  private(set) var known: [(path: String, expected: String)] = []
  /// Every store that has an entry, also one with errors: so that a stream does not complain about it a second time.
  var storeNames: Set<String> = []
  /// Secrets that are not there, and need not be.
  private(set) var unread: [ConfigProblem] = []

  func report(_ problem: ConfigProblem) { problems.append(problem) }
  func report(_ more: [ConfigProblem]) { problems += more }
  func goOn(without problem: ConfigProblem) { unread.append(problem) }
  func know(_ path: String, _ expected: String) { known.append((path, expected)) }
  func note(_ place: ConfigPlace, of path: String) { places[path] = place }

  /// By file in the order they were read, then by line and column; the same words about the same place once.
  func sorted(files: [String]) -> [ConfigProblem] {
    let order = Dictionary(files.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    func rank(_ problem: ConfigProblem) -> (Int, Int, Int, String) {
      (problem.file.flatMap { order[$0] } ?? -1, problem.line ?? 0, problem.column ?? 0, problem.key)
    }
    var seen: Set<ConfigProblem> = []
    return problems.filter { seen.insert($0).inserted }.sorted { rank($0) < rank($1) }
  }
}

/// Where a value is being read: for its errors.
struct Spot {
  let walk: Walk
  let path: String
  /// The text of values is not shown, because it may hold a secret.
  let quiet: Bool

  func child(_ key: String) -> Spot { Spot(walk: walk, path: KeyText.path(path, key), quiet: quiet) }
  func child(_ index: Int) -> Spot { Spot(walk: walk, path: "\(path)[\(index)]", quiet: quiet) }
  var hushed: Spot { Spot(walk: walk, path: path, quiet: true) }

  func refuse(_ node: YamlNode, expected: String, words: [String] = []) {
    refuse(node, "expected \(expected), found \(found(node))", remedy: slip(node, words))
  }

  func refuse(_ node: YamlNode, _ message: String, remedy: String? = nil) {
    switch node.value {
    case .broken: return
    case .absent(let problem): walk.report(problem)
    case .scalar, .list, .map: walk.report(ConfigProblem(at: node.place, key: path, message, remedy: remedy))
    }
  }

  private func found(_ node: YamlNode) -> String {
    guard case .scalar(let scalar) = node.value else {
      if case .list = node.value { return "a list" }
      return "a map"
    }
    if scalar.isNull { return "nothing" }
    if scalar.text.isEmpty { return "an empty text" }
    if scalar.expanded { return "another value (not shown: it comes from ${…})" }
    let shown = FoundText.shown(scalar.text)
    return quiet || shown == nil ? "another text (not shown)" : shown ?? ""
  }

  private func slip(_ node: YamlNode, _ words: [String]) -> String? {
    guard case .scalar(let scalar) = node.value, !scalar.expanded, !scalar.text.isEmpty, scalar.text.utf8.count < 32
    else { return nil }
    return KeyText.nearest(scalar.text, among: words).map { "Did you mean \($0)?" }
  }
}

enum FoundText {
  /// In quotes, cut to one short line; nil for what may hold an address or a password.
  static func shown(_ text: String) -> String? {
    guard !text.contains("@"), !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
    else { return nil }
    return "\"\(text.prefix(Limits.shownValueCharacters))\(text.count > Limits.shownValueCharacters ? "…" : "")\""
  }
}
