import Core

/// One line of `check`: what, where, why, and what to do. Never a value.
public struct LintNote: Hashable, Sendable, CustomStringConvertible {
  /// The key of the settings that it is about.
  public let key: String
  public let text: String
  /// AEP surely refuses that, or ingests what is wrong.
  public let isRefusal: Bool

  init(_ key: String, _ text: String, isRefusal: Bool = false) {
    (self.key, self.text, self.isRefusal) = (key, text, isRefusal)
  }

  public var description: String { "\(key): \(text)" }

  /// `columns 2 and 5`, `columns 1, 2, 3 and 4 more`; with their names where these are names.
  static func columns(_ numbers: [Int], _ names: [String]) -> String {
    func shown(_ index: Int) -> String {
      guard names.indices.contains(index), ColumnText.isPlain(names[index]) else { return "\(index + 1)" }
      return "\(index + 1) (\(names[index]))"
    }
    let first = numbers.prefix(Limits.lintColumns).map(shown)
    let more = numbers.count - first.count
    let list =
      first.count > 1 && more == 0
      ? first.dropLast().joined(separator: ", ") + " and " + (first.last ?? "") : first.joined(separator: ", ")
    return (numbers.count == 1 ? "column " : "columns ") + list + (more > 0 ? " and \(more) more" : "")
  }
}
