import Core

/// What bytes are, told by the first of them. Names tell nothing: AEP's extensions for packed files are not documented.
public enum Sniff: Hashable, Sendable {
  case empty, gzip, pgp, utf16, utf8BOM, binary, text
  /// Another kind of file, which has a name.
  case other(ContentKind)

  /// As many first bytes as are looked at.
  public static let headBytes = Limits.sniffBytes

  static let armor = Array("-----BEGIN PGP ".utf8)
  private static let mark: [UInt8] = [0xef, 0xbb, 0xbf]

  /// - Parameter head: the first `headBytes` bytes, or all of a shorter file.
  public init(_ head: some Collection<UInt8>) {
    let head = Array(head.prefix(Self.headBytes))
    // A table's first lines may hold much; what a file begins with does not.
    let first = Array(head.prefix(Limits.magicBytes))
    if head.isEmpty {
      self = .empty
    } else if head.starts(with: [0x1f, 0x8b]) {
      self = .gzip
    } else if let kind = ContentKind(head) {
      self = .other(kind)
    } else if first.starts(with: [0xff, 0xfe]) || first.starts(with: [0xfe, 0xff]) {
      self = .utf16
    } else if Self.armorStart(head) != nil || Self.isPGPPacket(first) {
      self = .pgp
    } else if let kind = ContentKind(text: head.starts(with: Self.mark) ? head[3...] : head[...]) {
      self = .other(kind)
    } else if head.starts(with: Self.mark) {
      self = .utf8BOM
    } else if Self.looksUTF16(first) {
      self = .utf16
    } else {
      self = Self.looksBinary(first) ? .binary : .text
    }
  }

  /// Why it is refused where text was unpacked, whatever its encoding is.
  var otherThanText: Reason? {
    switch self {
    case .other(let kind): kind.reason
    case .gzip: Reason(.notText, "The gzip data holds gzip data: it was packed twice")
    default: nil
    }
  }

  /// Where armored PGP data begins: behind a byte order mark, blanks and other lines perhaps, such as a greeting.
  public static func armorStart(_ head: some Collection<UInt8>) -> Int? {
    let head = Array(head.prefix(headBytes))
    var isLineStart = true
    for (index, byte) in head.enumerated().dropFirst(head.starts(with: mark) ? 3 : 0) {
      if isLineStart, byte == armor[0], head[index...].starts(with: armor) { return index }
      isLineStart = byte == 0x0a || byte == 0x0d || isLineStart && (byte == 0x20 || byte == 0x09)
    }
    return nil
  }

  /// An OpenPGP message in its binary form begins (RFC 9580, sections 4.2 and 10.3) with a packet tag that has its high
  /// bit set: a session key (1, 3), encrypted data (18, 20; old 9), a signature (2, 4) or compressed data (8). Some of
  /// these bytes begin UTF-8 characters too, so the packet's version and its length must fit as well.
  private static func isPGPPacket(_ head: [UInt8]) -> Bool {
    let first = head[0]
    guard first & 0x80 != 0 else { return false }
    let isNew = first & 0x40 != 0
    let tag = isNew ? first & 0x3f : (first >> 2) & 0x0f
    var body = 1
    if isNew {
      guard head.count > 1 else { return false }
      body += head[1] < 192 || (224...254).contains(head[1]) ? 1 : head[1] < 224 ? 2 : 5
    } else {
      body += [1, 2, 4, 0][Int(first & 3)]
    }
    guard body < head.count else { return false }
    let version = head[body]
    // Where the first bytes are a character of UTF-8, text is the better guess.
    if isNew, (0x80...0xbf).contains(head[1]) { return false }
    switch tag {
    case 1: return version == 2 || version == 3 || version == 6
    case 2: return (2...6).contains(version)
    case 3: return (4...6).contains(version)
    case 4: return version == 3 || version == 6
    case 8: return version <= 3
    case 9: return true
    case 18: return version == 1 || version == 2
    case 20: return version == 1
    default: return false
    }
  }

  /// Without a byte order mark: every other byte is NUL, as in Latin text.
  private static func looksUTF16(_ head: [UInt8]) -> Bool {
    let pairs = head.count / 2
    guard pairs >= 2 else { return false }
    let high = (0..<pairs).count { head[2 * $0] == 0 && head[2 * $0 + 1] != 0 }
    let low = (0..<pairs).count { head[2 * $0] != 0 && head[2 * $0 + 1] == 0 }
    return max(high, low) * 10 >= pairs * 9
  }

  /// Control bytes that no table holds. A lone NUL is left to the check that names its row.
  private static func looksBinary(_ head: [UInt8]) -> Bool {
    head.contains { $0 < 0x20 && $0 != 0 && !(0x08...0x0d).contains($0) && $0 != 0x1b }
  }
}
