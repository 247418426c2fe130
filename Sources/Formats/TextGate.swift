/// Lets UTF-8 text without NUL through, in pieces of any size, and says where something else begins.
struct TextGate {
  enum Fault: Hashable { case notUTF8, nul }

  /// NUL is a quote of this table.
  let allowsNUL: Bool
  /// The bytes of a character that the last piece broke off: at most three.
  private var broken: [UInt8] = []

  init(allowsNUL: Bool) { self.allowsNUL = allowsNUL }

  /// What of a piece is good text: a character that earlier pieces began, then a stretch of the piece itself. Behind
  /// them comes the fault, or a character that is not complete yet and is kept for the next piece.
  struct Passed {
    var completed: [UInt8] = []
    var good: Range<Int>
    var fault: Fault?
  }

  mutating func check(_ bytes: UnsafeBufferPointer<UInt8>) -> Passed {
    var passed = Passed(good: 0..<0)
    var start = 0
    while !broken.isEmpty, start < bytes.count {
      broken.append(bytes[start])
      start += 1
      let length = Self.length(leading: broken[0])
      guard Self.mayContinue(broken, length) else {
        passed.fault = .notUTF8
        return passed
      }
      if broken.count == length {
        passed.completed = broken
        broken.removeAll()
      }
    }
    var end = bytes.count - Self.brokenTail(bytes, from: start)
    broken.append(contentsOf: bytes[end...])
    if let first = broken.first, !Self.mayContinue(broken, Self.length(leading: first)) { passed.fault = .notUTF8 }
    // What is plain needs no closer look.
    let plain = start + Bytes.plain(UnsafeBufferPointer(rebasing: bytes[start..<end]))
    do throws(UTF8.ValidationError) {
      _ = try UTF8Span(validating: UnsafeBufferPointer(rebasing: bytes[plain..<end]).span)
    } catch {
      end = plain + error.byteOffsets.lowerBound
      passed.fault = .notUTF8
    }
    if !allowsNUL, let nul = Bytes.first(0, in: UnsafeBufferPointer(rebasing: bytes[plain..<end])) {
      end = plain + nul
      passed.fault = .nul
    }
    passed.good = start..<end
    return passed
  }

  /// Bytes kept back, of a character that is not complete; 0 where the text so far ends well.
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

  /// Whether these bytes begin (or are) one character, by the table of well-formed sequences in the Unicode standard
  /// (3-7).
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
