import Glibc
import SystemPackage

/// Patterns of `fnmatch(3)`.
enum Glob {
  /// A pattern for one name.
  static func isName(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= 255 && !text.contains("/") && Text.isLine(text) && isBalanced(text)
  }

  /// An absolute path with a pattern in its last component only.
  static func isLog(_ text: String) -> Bool {
    guard let path = Text.absolutePath(text), !text.hasSuffix("/"), let last = path.lastComponent else { return false }
    return isBalanced(last.string) && !isPattern(path.removingLastComponent().string)
  }

  static func isPattern(_ text: String) -> Bool { text.utf8.contains { "*?[".utf8.contains($0) } }

  /// Hidden names are matched only by a pattern that begins with a dot.
  static func matches(_ pattern: String, _ name: String) -> Bool { fnmatch(pattern, name, FNM_PERIOD) == 0 }

  /// Every `[` has its `]`; the one right after `[` or `[!` is an ordinary character.
  private static func isBalanced(_ text: String) -> Bool {
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "\\"), rest.popFirst() == nil { return false }
      guard byte == UInt8(ascii: "[") else { continue }
      if rest.first == UInt8(ascii: "!") || rest.first == UInt8(ascii: "^") { rest = rest.dropFirst() }
      guard let close = rest.dropFirst().firstIndex(of: UInt8(ascii: "]")) else { return false }
      rest = rest[(close + 1)...]
    }
    return true
  }
}

extension Kind where T == String {
  static var nameGlob: Kind<String> {
    .text("a pattern for a file's name, such as \"*.csv\", without a slash") { Glob.isName($0) }
  }
  static var logGlob: Kind<String> {
    .text("an absolute path such as /var/log/app/opens.csv, with *, ? and [ ] only after the last slash") {
      Glob.isLog($0)
    }
  }
}
