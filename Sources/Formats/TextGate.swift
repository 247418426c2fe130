/// Lets UTF-8 text without NUL through, in pieces of any size, and says where something else begins.
struct TextGate {
  enum Fault: Hashable { case notUTF8, nul }

  /// NUL is a quote of this table.
  let allowsNUL: Bool
  /// The bytes of a character that the last piece broke off: at most three.
  private var broken: [UInt8] = []

  init(allowsNUL: Bool) { self.allowsNUL = allowsNUL }

  /// The first fault and its offset in `bytes`; a broken character's is negative where it began in an earlier piece.
  mutating func check(_ bytes: UnsafeBufferPointer<UInt8>) -> (fault: Fault, offset: Int)? {
    var start = 0
    while !broken.isEmpty, start < bytes.count {
      broken.append(bytes[start])
      start += 1
      let length = Self.length(leading: broken[0])
      guard Self.mayContinue(broken, length) else { return (.notUTF8, start - broken.count) }
      if broken.count == length { broken.removeAll(keepingCapacity: true) }
    }
    let end = bytes.count - Self.brokenTail(bytes, from: start)
    let whole = UnsafeBufferPointer(rebasing: bytes[start..<end])
    var faultOffset: Int?
    do throws(UTF8.ValidationError) {
      _ = try UTF8Span(validating: whole.span)
    } catch {
      faultOffset = start + error.byteOffsets.lowerBound
    }
    if !allowsNUL, let nul = Bytes.first(0, in: UnsafeBufferPointer(rebasing: bytes[start..<(faultOffset ?? end)])) {
      return (.nul, start + nul)
    }
    if let faultOffset { return (.notUTF8, faultOffset) }
    broken.append(contentsOf: bytes[end...])
    return broken.isEmpty || Self.mayContinue(broken, Self.length(leading: broken[0])) ? nil : (.notUTF8, end)
  }

  /// How many bytes lie before the text's end in a character that is not complete; 0 where it ends well.
  var brokenBytes: Int { broken.count }

  /// Bytes at the end that begin a character which needs more of them.
  private static func brokenTail(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
    for back in 1...3 where back <= bytes.count - start {
      let byte = bytes[bytes.count - back]
      if byte & 0xc0 == 0x80 { continue }
      return byte >= 0xc2 && length(leading: byte) > back ? back : 0
    }
    return 0
  }

  private static func length(leading byte: UInt8) -> Int {
    switch byte {
    case 0xc2...0xdf: 2
    case 0xe0...0xef: 3
    case 0xf0...0xf4: 4
    default: 1
    }
  }

  /// Whether these bytes begin (or are) one character, by the table of well-formed sequences in the Unicode standard (3-7).
  private static func mayContinue(_ bytes: [UInt8], _ length: Int) -> Bool {
    guard length > 1 else { return false }
    if bytes.count > 1 {
      let second: ClosedRange<UInt8> =
        switch bytes[0] {
        case 0xe0: 0xa0...0xbf
        case 0xed: 0x80...0x9f
        case 0xf0: 0x90...0xbf
        case 0xf4: 0x80...0x8f
        default: 0x80...0xbf
        }
      guard second.contains(bytes[1]) else { return false }
    }
    return bytes.dropFirst(2).allSatisfy { (0x80...0xbf).contains($0) }
  }
}
