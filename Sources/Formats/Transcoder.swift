import Core

/// Turns UTF-16 or ISO-8859-1 into UTF-8, in pieces of any size.
struct Transcoder {
  enum Source: Hashable { case utf16, latin1 }

  private let source: Source
  /// The first bytes, until there are enough to tell what they are.
  private var head: [UInt8]? = []
  private var isBigEndian = false
  /// Half a unit of UTF-16.
  private var odd: UInt8?
  /// Half a character of UTF-16.
  private var high: UInt16?
  /// Why the text cannot be read; then nothing more is.
  private(set) var fault: Reason?

  init(_ source: Source) { self.source = source }

  /// Appends what the bytes mean. After a fault, what comes before it has been appended.
  mutating func feed(_ bytes: UnsafeBufferPointer<UInt8>, into out: inout [UInt8]) {
    guard fault == nil else { return }
    guard var head else { return convert(bytes, &out) }
    let part = bytes.prefix(Sniff.headBytes - head.count)
    head.append(contentsOf: part)
    self.head = head
    guard head.count == Sniff.headBytes else { return }
    begin(&out)
    if fault == nil { convert(UnsafeBufferPointer(rebasing: bytes.dropFirst(part.count)), &out) }
  }

  mutating func finish(into out: inout [UInt8]) {
    if fault == nil, head != nil { begin(&out) }
    if fault == nil, odd != nil || high != nil { fault = Reason(.badEncoding, "The text ends inside a character") }
  }

  private mutating func begin(_ out: inout [UInt8]) {
    guard let first = head else { return }
    head = nil
    var skipped = 0
    let kind = Sniff(first)
    if let other = kind.otherThanText { return fault = other }
    if kind == .pgp { return fault = Reason(.encrypted, "The content is PGP data") }
    switch source {
    case .latin1:
      if first.starts(with: [0xef, 0xbb, 0xbf]) { fault = Self.wrong("UTF-8, not ISO-8859-1") }
      if kind == .utf16 { fault = Self.wrong("UTF-16, not ISO-8859-1") }
    case .utf16:
      if first.isEmpty { return }
      if first.starts(with: [0xff, 0xfe]) || first.starts(with: [0xfe, 0xff]) {
        (isBigEndian, skipped) = (first[0] == 0xfe, 2)
      } else {
        // Without a mark: in most writing some of the first characters are Latin ones, which have NUL for a half.
        let nuls = first.indices.filter { first[$0] == 0 }
        isBigEndian = nuls.count(where: { $0.isMultiple(of: 2) }) * 2 > nuls.count
        if nuls.isEmpty { fault = Self.wrong("not UTF-16") }
      }
    }
    guard fault == nil else { return }
    first[skipped...].withUnsafeBufferPointer { convert($0, &out) }
  }

  private static func wrong(_ what: String) -> Reason { Reason(.badEncoding, "The text is \(what)") }

  private mutating func convert(_ bytes: UnsafeBufferPointer<UInt8>, _ out: inout [UInt8]) {
    switch source {
    case .latin1:
      for byte in bytes {
        if byte < 0x80 { out.append(byte) } else { out += [0xc0 | byte >> 6, 0x80 | byte & 0x3f] }
      }
    case .utf16:
      for byte in bytes {
        guard let first = odd else {
          odd = byte
          continue
        }
        odd = nil
        let unit = isBigEndian ? UInt16(first) << 8 | UInt16(byte) : UInt16(byte) << 8 | UInt16(first)
        guard take(unit, &out) else {
          return fault = Self.wrong("not UTF-16: half a character stands alone")
        }
      }
    }
  }

  private mutating func take(_ unit: UInt16, _ out: inout [UInt8]) -> Bool {
    switch (high, unit) {
    case (nil, 0xd800...0xdbff): high = unit
    case (nil, 0xdc00...0xdfff): return false
    case (nil, _): Self.append(UInt32(unit), &out)
    case (let first?, 0xdc00...0xdfff):
      high = nil
      Self.append(0x10000 + (UInt32(first - 0xd800) << 10 | UInt32(unit - 0xdc00)), &out)
    default: return false
    }
    return true
  }

  private static func append(_ scalar: UInt32, _ out: inout [UInt8]) {
    func tail(_ shift: UInt32) -> UInt8 { UInt8(0x80 | scalar >> shift & 0x3f) }
    switch scalar {
    case ..<0x80: out.append(UInt8(scalar))
    case ..<0x800: out += [UInt8(0xc0 | scalar >> 6), tail(0)]
    case ..<0x10000: out += [UInt8(0xe0 | scalar >> 12), tail(6), tail(0)]
    default: out += [UInt8(0xf0 | scalar >> 18), tail(12), tail(6), tail(0)]
    }
  }
}
