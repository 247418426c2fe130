import Core

/// What sets the keys of one header apart from those of another: `opens/dt=…` becomes `opens_s9f2c41ab/dt=…`. The first folder is another
/// one, so that the objects lie beside every folder of the others and below none: who reads those recursively does not meet them.
public enum KeyMark {
  /// Digits of the header's digest.
  public static let digits = Limits.keyMarkDigits

  public static func text(of header: String) -> String { "s\(header.prefix(digits))" }

  /// A key, or a template of keys. One without a folder gets one.
  public static func marked(_ key: String, by mark: String) -> String {
    guard !mark.isEmpty else { return key }
    guard let slash = key.firstIndex(of: "/") else { return "\(mark)/\(key)" }
    return "\(key[..<slash])_\(mark)\(key[slash...])"
  }

  /// The same key without its mark; as it is where it has none.
  public static func stripped(_ key: String) -> String {
    guard let slash = key.firstIndex(of: "/") else { return key }
    let first = key[..<slash]
    if isMark(first) { return String(key[key.index(after: slash)...]) }
    guard let line = first.lastIndex(of: "_"), isMark(first[first.index(after: line)...]) else { return key }
    return "\(first[..<line])\(key[slash...])"
  }

  private static func isMark(_ text: Substring) -> Bool {
    text.utf8.count == digits + 1 && text.first == "s"
      && text.utf8.dropFirst().allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
  }

  /// Whether the template itself names a folder by the header, so that nothing more is needed.
  public static func isMarked(_ template: String) -> Bool {
    template.split(separator: "/", omittingEmptySubsequences: false).dropLast().contains { $0.contains("{schema}") }
  }
}
