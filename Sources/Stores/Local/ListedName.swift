import Core
import Files
import SystemPackage

/// How names of files that others chose stand in keys: as they are where they are text, whatever signs it has; else escaped as `%XX`,
/// since no key has control characters, or bytes that are no text. Each name has one such form, and each form is of one name.
enum ListedName {
  static func component(of name: FileName) -> String {
    if let plain = name.plain, self.name(of: plain) == name { return plain }
    return name.description
  }

  static func name(of component: some StringProtocol) -> FileName {
    let text = String(component)
    // What is escaped is longer than what it stands for, so this ends.
    guard text.utf8.contains(UInt8(ascii: "%")), let name = FileName(escaped: text), self.component(of: name) == text
    else { return FileName(text) }
    return name
  }
}

extension FilePath {
  /// Where an object lies below a folder. Nil for a key that leads elsewhere.
  func appending(key: some StringProtocol) -> FilePath? {
    var path = self
    for component in key.split(separator: "/", omittingEmptySubsequences: false) {
      let name = ListedName.name(of: component)
      guard !name.bytes.isEmpty, name.bytes != [46], name.bytes != [46, 46], !name.bytes.contains(0),
        !name.bytes.contains(UInt8(ascii: "/"))
      else { return nil }
      path = path.appending(name)
    }
    return path
  }
}
