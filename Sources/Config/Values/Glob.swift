import Core
import SystemPackage

extension Glob {
  /// A pattern for one name.
  static func isName(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= 255 && !text.contains("/") && Text.isLine(text)
      && complaint(about: text) == nil
  }

  /// An absolute path with a pattern in its last component only.
  static func isLog(_ text: String) -> Bool {
    guard let path = Text.absolutePath(text), !text.hasSuffix("/"), let last = path.lastComponent else { return false }
    return complaint(about: last.string) == nil && !isPattern(path.removingLastComponent().string)
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
