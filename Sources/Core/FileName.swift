/// One component of a path as the kernel sees it: bytes, not text. Its text form escapes what is not printable UTF-8 as `%XX`,
/// so that any name survives a JSON file and one line of a terminal.
public struct FileName: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let bytes: [UInt8]

  public init(bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }
  public init(_ text: String) { bytes = Array(text.utf8) }

  /// The name as a string where it is UTF-8 without control characters.
  public var plain: String? {
    guard let text = String(validating: bytes, as: UTF8.self),
      !text.unicodeScalars.contains(where: { $0.value < 32 || (0x7f..<0xa0).contains($0.value) })
    else { return nil }
    return text
  }

  public var description: String {
    if let plain, !bytes.contains(UInt8(ascii: "%")) { return plain }
    let printable = plain != nil
    var text: [UInt8] = []
    for byte in bytes {
      if byte == UInt8(ascii: "%") || byte < 32 || byte == 127 || (!printable && byte > 127) {
        text.append(UInt8(ascii: "%"))
        text.append(contentsOf: Hex.encode([byte]).utf8)
      } else {
        text.append(byte)
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  public init?(escaped text: String) {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard rest.count >= 2, let decoded = Hex.decode(String(decoding: rest.prefix(2), as: UTF8.self)) else {
        return nil
      }
      bytes.append(decoded[0])
      rest = rest.dropFirst(2)
    }
    self.bytes = bytes
  }

  /// `opens` and `csv` of `opens.csv`; a leading dot belongs to the stem.
  public var stemAndExtension: (stem: String, ext: String) {
    let text = description
    guard let dot = text.lastIndex(of: "."), dot != text.startIndex else { return (text, "") }
    return (String(text[..<dot]), String(text[text.index(after: dot)...]))
  }

  /// For the journal: a name that holds an `@` may hold an address, so only its shape is told.
  public var masked: String {
    guard bytes.contains(UInt8(ascii: "@")) else { return description }
    let (_, ext) = stemAndExtension
    return "‹masked, \(counted(bytes.count, "byte"))›" + (ext.isEmpty || ext.contains("@") ? "" : ".\(ext)")
  }

  public static func < (a: Self, b: Self) -> Bool { a.bytes.lexicographicallyPrecedes(b.bytes) }
}

/// Names that the program itself spells.
extension FileName: ExpressibleByStringLiteral {
  public init(stringLiteral text: String) { self.init(text) }
}

extension FileName: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let name = FileName(escaped: try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not an escaped file name")
    }
    self = name
  }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
