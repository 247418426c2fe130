import Core
import SystemPackage

/// The four kinds of places that batches go to.
enum StoreURL: Hashable {
  case s3(bucket: String, prefix: String)
  case folder(FilePath)
  case blob(account: String, container: String, prefix: String)
  case sftp(user: String, host: String, port: UInt16, folder: FilePath)

  var scheme: String {
    switch self {
    case .s3: "s3"
    case .folder: "file"
    case .blob: "azblob"
    case .sftp: "sftp"
    }
  }

  /// The shape for each scheme, as the error says it.
  static let shapes = [
    "s3": "s3://BUCKET/PREFIX (the bucket 3 to 63 of a-z 0-9 . -, the prefix of A-Z a-z 0-9 . _ - / = and optional)",
    "file": "file:///absolute/folder",
    "azblob":
      "azblob://ACCOUNT/CONTAINER/PREFIX (the account 3 to 24 of a-z 0-9, the container 3 to 63 of a-z 0-9 -)",
    "sftp": "sftp://USER@HOST:PORT/absolute/folder",
  ]

  init?(_ text: String) {
    guard let mark = text.firstRange(of: "://") else { return nil }
    let rest = text[mark.upperBound...]
    let slash = rest.firstIndex(of: "/") ?? rest.endIndex
    let authority = rest[..<slash]
    let path = rest[slash...]
    switch text[..<mark.lowerBound] {
    case "s3":
      guard Self.isBucket(authority), let prefix = Text.keyPrefix(path) else { return nil }
      self = .s3(bucket: String(authority), prefix: prefix)
    case "file":
      guard authority.isEmpty, let plain = Self.unescaped(path), let folder = Text.absolutePath(plain) else {
        return nil
      }
      self = .folder(folder)
    case "azblob":
      let parts = path.dropFirst().split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
      guard Self.isAccount(authority), let container = parts.first, Self.isContainer(container),
        let prefix = Text.keyPrefix(parts.count > 1 ? parts[1] : "")
      else { return nil }
      self = .blob(account: String(authority), container: String(container), prefix: prefix)
    case "sftp":
      guard let at = authority.lastIndex(of: "@"), let plain = Self.unescaped(path),
        let folder = plain == "/" ? "/" : Text.absolutePath(plain),
        let peer = HostPort(authority[authority.index(after: at)...])
      else { return nil }
      let user = authority[..<at]
      guard !user.isEmpty, !user.contains(":"), !user.contains("@") else { return nil }
      self = .sftp(user: String(user), host: peer.host, port: peer.port ?? 22, folder: folder)
    default: return nil
    }
  }

  /// S3's rules for names: 3 to 63 of lower-case letters, digits, dots and hyphens.
  private static func isBucket(_ text: Substring) -> Bool {
    (3...63).contains(text.utf8.count) && text.utf8.allSatisfy { Text.isNameByte($0) && !isUpperOrUnderscore($0) }
      && text.first?.isPunctuation == false && text.last?.isPunctuation == false && !text.contains("..")
  }

  private static func isUpperOrUnderscore(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) || byte == UInt8(ascii: "_")
  }

  /// Azure's rules: 3 to 24 lower-case letters and digits.
  private static func isAccount(_ text: Substring) -> Bool {
    (3...24).contains(text.utf8.count) && text.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) }
  }

  /// Azure's rules: 3 to 63 lower-case letters, digits and single hyphens; `$root` and `$web` are not for us.
  private static func isContainer(_ text: Substring) -> Bool {
    isBucket(text) && !text.contains(".") && !text.contains("--")
  }

  /// `%20` and the like; nil where a percent sign stands for nothing.
  private static func unescaped(_ text: Substring) -> String? {
    guard text.contains("%") else { return String(text) }
    return FileName(escaped: String(text)).flatMap { String(validating: $0.bytes, as: UTF8.self) }
  }
}

/// `host`, `host:port`, `[::1]:port`
struct HostPort: Hashable {
  let host: String
  let port: UInt16?

  init?(_ text: Substring) {
    var rest = text
    if rest.hasPrefix("["), let close = rest.firstIndex(of: "]") {
      let inside = rest[rest.index(after: rest.startIndex)..<close]
      guard inside.contains(":"), inside.utf8.allSatisfy({ Self.isAddressByte($0) }) else { return nil }
      host = String(rest[...close])
      rest = rest[rest.index(after: close)...]
    } else {
      let name = rest.prefix { $0 != ":" }
      guard !name.isEmpty, name.utf8.count <= 253, name.utf8.allSatisfy(Text.isNameByte) else { return nil }
      host = String(name)
      rest = rest.dropFirst(name.count)
    }
    guard !rest.isEmpty else {
      port = nil
      return
    }
    guard rest.hasPrefix(":"), let number = Quantities.integer(String(rest.dropFirst())), (1...65_535).contains(number)
    else { return nil }
    port = UInt16(number)
  }

  private static func isAddressByte(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".") || (48...57).contains(byte) || (97...102).contains(byte)
      || (65...70).contains(byte)
  }

  /// Such a host has no names below it, as `bucket.host` would need.
  var isAddress: Bool {
    host.hasPrefix("[")
      || (host.split(separator: ".").count == 4 && host.utf8.allSatisfy { (48...57).contains($0) || $0 == 46 })
  }
}

extension Kind where T == StoreURL {
  static var storeURL: Kind<StoreURL> {
    let all = "one of \(KeyText.choice(["s3", "azblob", "sftp", "file"].compactMap { StoreURL.shapes[$0] }))"
    return Kind<StoreURL>(all) { node, spot in
      var shape = all
      if case .scalar(let scalar) = node.value, let colon = scalar.text.firstIndex(of: ":"),
        let known = StoreURL.shapes[String(scalar.text[..<colon])]
      {
        shape = known
      }
      return Kind.scalar(shape) { Text.isLine($0) ? StoreURL($0) : nil }.read(node, spot)
    }.hushed
  }
}

extension Kind where T == String {
  /// Without a slash at its end.
  static func endpoint(path: Bool) -> Kind<String> {
    let shape = "https://HOST or https://HOST:PORT" + (path ? ", perhaps with a path" : "")
    return Kind<String>.scalar(shape) { text in
      guard let mark = text.firstRange(of: "://"), ["http", "https"].contains(text[..<mark.lowerBound]),
        Text.isLine(text)
      else { return nil }
      var text = text[...]
      while text.hasSuffix("/") { text.removeLast() }
      guard text.endIndex > mark.upperBound else { return nil }
      let rest = text[mark.upperBound...]
      let slash = rest.firstIndex(of: "/") ?? rest.endIndex
      guard HostPort(rest[..<slash]) != nil, slash == rest.endIndex || path,
        rest.utf8.allSatisfy({ $0 > 32 && $0 < 127 }),
        !rest.contains("?"), !rest.contains("#")
      else { return nil }
      return String(text)
    }.hushed
  }
}
