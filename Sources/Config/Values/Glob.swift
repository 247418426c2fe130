import Core
import SystemPackage

extension Kind where T == String {
  static var nameGlob: Kind<String> {
    glob("a pattern for a file's name, such as \"*.csv\", without a slash", name: { $0 }) { text in
      !text.isEmpty && text.utf8.count <= 255 && !text.contains("/") && Text.isLine(text)
    }
  }

  /// An absolute path with a pattern in its last component only.
  static var logGlob: Kind<String> {
    glob(
      "an absolute path such as /var/log/app/opens.csv, with *, ? and [ ] only after the last slash",
      name: { FilePath($0).lastComponent?.string ?? "" }
    ) { text in
      guard let path = Text.absolutePath(text), !text.hasSuffix("/"), path.lastComponent != nil else { return false }
      return !Glob.isPattern(path.removingLastComponent().string)
    }
  }

  /// - Parameter name: the part of the text that is a pattern.
  private static func glob(
    _ expected: String, name: @escaping (String) -> String, where holds: @escaping (String) -> Bool
  ) -> Kind<String> {
    Kind(expected) { node, spot in
      guard let text = Kind<String>.text(expected, where: holds).read(node, spot) else { return nil }
      guard let complaint = Glob.complaint(about: name(text)) else { return text }
      spot.refuse(node, "the pattern cannot be used: \(complaint)")
      return nil
    }
  }
}
