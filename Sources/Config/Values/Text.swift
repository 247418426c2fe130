import Core
import SystemPackage

/// What alphabets and paths look like.
enum Text {
  static func isLine(_ text: String) -> Bool {
    text.utf8.count <= 1_000 && !text.unicodeScalars.contains { $0.properties.generalCategory == .control }
  }

  /// `A-Z a-z 0-9 . _ -`
  static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }

  /// The alphabet of the names of remote objects.
  static func isKeyByte(_ byte: UInt8) -> Bool {
    isNameByte(byte) || byte == UInt8(ascii: "/") || byte == UInt8(ascii: "=")
  }

  /// A prefix for object keys without slashes at its ends; nil for other characters, `//`, `.` and `..`. Empty is empty.
  static func keyPrefix(_ text: some StringProtocol) -> String? {
    var text = Substring(text)
    while text.hasSuffix("/") { text.removeLast() }
    while text.hasPrefix("/") { text.removeFirst() }
    guard !text.isEmpty else { return "" }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard text.utf8.count <= Limits.keyBytes, text.utf8.allSatisfy(isKeyByte),
      !parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." })
    else { return nil }
    return String(text)
  }

  /// The kernel takes 4,095 bytes, and the names that are put below need some of them.
  static func absolutePath(_ text: String) -> FilePath? {
    guard text.hasPrefix("/"), text.utf8.count <= 2_048, isPath(text) else { return nil }
    let path = FilePath(text)
    guard !path.components.isEmpty, path.components.allSatisfy({ $0.kind == .regular && $0.string.utf8.count <= 255 })
    else { return nil }
    return path
  }

  private static func isPath(_ text: String) -> Bool {
    !text.unicodeScalars.contains { $0.properties.generalCategory == .control }
  }

  /// A host's name, made of the alphabet of object names; `localhost` where nothing is left.
  static func safeHost(_ name: String) -> String {
    let bytes = name.utf8.prefix(64).map { isNameByte($0) ? $0 : UInt8(ascii: "-") }
    let text = String(decoding: bytes.drop { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }, as: UTF8.self)
    return text.isEmpty ? "localhost" : text
  }
}
