/// The dialect that a table is rewritten into.
public struct RewriteRules: Hashable, Sendable {
  public enum Encoding: Hashable, Sendable { case utf8, latin1, latin9 }

  public var delimiter = UInt8(ascii: "\t")
  /// Nil: no value is quoted. Otherwise those that need it are, and a quote inside is doubled.
  public var quote: UInt8?
  public var endsInCRLF = false
  public var encoding = Encoding.utf8
  public var packs = false
  /// For each character that cannot be written; nil: the table is refused.
  public var replacement: Unicode.Scalar?

  public init() {}
}

/// One-byte encodings.
enum OneByte {
  /// What ISO-8859-15 has in the place of eight characters of ISO-8859-1.
  private static let latin9: [UInt32: UInt8] = [
    0x20ac: 0xa4, 0x160: 0xa6, 0x161: 0xa8, 0x17d: 0xb4, 0x17e: 0xb8, 0x152: 0xbc, 0x153: 0xbd, 0x178: 0xbe,
  ]
  private static let replaced = Set(latin9.values)

  static func byte(_ scalar: Unicode.Scalar, _ encoding: RewriteRules.Encoding) -> UInt8? {
    if encoding == .latin9, let byte = latin9[scalar.value] { return byte }
    guard let byte = UInt8(exactly: scalar.value), encoding != .latin9 || !replaced.contains(byte) else { return nil }
    return byte
  }
}
