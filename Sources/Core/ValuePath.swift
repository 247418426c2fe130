/// Where a value lies in an object of JSON: the keys that lead to it, from the outside in. Elements of an array have numbers, from 0.
///
/// As text, keys are joined by dots; a dot or backslash of a key stands behind a backslash, and `\e` is a key without characters.
public struct ValuePath: Hashable, Sendable, CustomStringConvertible {
  /// UTF-8, and compared so: two spellings of one character are two keys. At least one.
  public let keys: [[UInt8]]

  /// - Parameter keys: at least one.
  public init(keys: [[UInt8]]) {
    precondition(!keys.isEmpty, "a path leads somewhere")
    self.keys = keys
  }

  /// Nil: a key is empty and does not say so, a backslash has no meaning, or there are more than `Limits.jsonDepth` keys.
  public init?(_ text: String) {
    var keys: [[UInt8]] = []
    var rest = Array(text.utf8)[...]
    repeat {
      guard let key = Self.key(&rest) else { return nil }
      keys.append(key)
    } while rest.popFirst() == Self.dot
    guard keys.count <= Limits.jsonDepth else { return nil }
    self.keys = keys
  }

  /// Up to a dot or the end.
  private static func key(_ rest: inout ArraySlice<UInt8>) -> [UInt8]? {
    if rest.starts(with: empty), rest.dropFirst(empty.count).first ?? dot == dot {
      rest = rest.dropFirst(empty.count)
      return []
    }
    var key: [UInt8] = []
    while let byte = rest.first, byte != dot {
      rest = rest.dropFirst()
      guard byte == backslash else {
        key.append(byte)
        continue
      }
      guard let escaped = rest.popFirst(), escaped == dot || escaped == backslash else { return nil }
      key.append(escaped)
    }
    return key.isEmpty ? nil : key
  }

  public var description: String {
    let keys = keys.map { key in
      key.isEmpty ? Self.empty : key.flatMap { $0 == Self.dot || $0 == Self.backslash ? [Self.backslash, $0] : [$0] }
    }
    return String(decoding: Array(keys.joined(separator: [Self.dot])), as: UTF8.self)
  }

  private static let empty = Array("\\e".utf8)
  private static let dot = UInt8(ascii: ".")
  private static let backslash = UInt8(ascii: "\\")
}

/// A column of the table that lines of JSON become.
public struct PathColumn: Hashable, Sendable {
  public let name: String
  public let path: ValuePath

  public init(_ name: String, _ path: ValuePath) { (self.name, self.path) = (name, path) }
}
