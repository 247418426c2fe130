import CScan

/// A place in one line of JSON.
struct Cursor {
  private let text: UnsafeBufferPointer<UInt8>
  private(set) var at = 0

  init(_ text: UnsafeBufferPointer<UInt8>) { self.text = text }

  @inline(__always)
  var isAtEnd: Bool { at >= text.count }
  @inline(__always)
  var next: UInt8? { at < text.count ? text[at] : nil }

  @inline(__always)
  func slice(_ range: Range<Int>) -> UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(rebasing: text[range]) }

  @inline(__always)
  mutating func advance() { at += 1 }

  @inline(__always)
  mutating func take(_ byte: UInt8) -> Bool {
    guard at < text.count, text[at] == byte else { return false }
    at += 1
    return true
  }

  /// A CR is one as well: lines may end in CRLF.
  @inline(__always)
  mutating func skipBlanks() {
    while at < text.count, text[at] == 0x20 || text[at] == 0x09 || text[at] == 0x0d { at += 1 }
  }

  mutating func skip(_ word: StaticString) throws(JSONObject.Fault) {
    for index in 0..<word.utf8CodeUnitCount {
      guard let byte = next else { throw .ends }
      guard byte == word.utf8Start[index] else { throw .syntax }
      at += 1
    }
  }

  mutating func skipNumber() throws(JSONObject.Fault) {
    _ = take(UInt8(ascii: "-"))
    if !take(UInt8(ascii: "0")) { try skipDigits() }
    if take(UInt8(ascii: ".")) { try skipDigits() }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      if !take(UInt8(ascii: "-")) { _ = take(UInt8(ascii: "+")) }
      try skipDigits()
    }
  }

  private mutating func skipDigits() throws(JSONObject.Fault) {
    let start = at
    while at < text.count, text[at] &- 0x30 < 10 { at += 1 }
    if at == start { throw isAtEnd ? .ends : .syntax }
  }

  /// From one quote past the other.
  /// - Returns: whether something is escaped in it.
  @inline(__always)
  mutating func skipString() throws(JSONObject.Fault) -> Bool {
    at += 1
    guard let start = text.baseAddress else { throw .ends }
    at += cs_json_plain(start + at, text.count - at)
    if at < text.count, text[at] == UInt8(ascii: "\"") {
      at += 1
      return false
    }
    try skipEscaped(start)
    return true
  }

  private mutating func skipEscaped(_ start: UnsafePointer<UInt8>) throws(JSONObject.Fault) {
    var high: UInt32?
    var highEnd = 0
    while true {
      let from = at
      at += cs_json_plain(start + at, text.count - at)
      guard at < text.count else { throw .ends }
      if high != nil, at > from || text[at] != UInt8(ascii: "\\") || highEnd != at { throw .halfCharacter }
      switch text[at] {
      case UInt8(ascii: "\""):
        at += 1
        return
      case UInt8(ascii: "\\"):
        at += 1
        guard let escape = next else { throw .ends }
        at += 1
        if escape != UInt8(ascii: "u") {
          if high != nil { throw .halfCharacter }
          guard "\"\\/bfnrt".utf8.contains(escape) else { throw .syntax }
          continue
        }
        let unit = try skipHex()
        if unit == 0 { throw .nul }
        switch (high, unit) {
        case (nil, 0xd800...0xdbff): (high, highEnd) = (unit, at)
        case (nil, 0xdc00...0xdfff): throw .halfCharacter
        case (nil, _): break
        case (_, 0xdc00...0xdfff): high = nil
        default: throw .halfCharacter
        }
      default: throw .syntax
      }
    }
  }

  private mutating func skipHex() throws(JSONObject.Fault) -> UInt32 {
    var unit: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = next else { throw .ends }
      guard let digit = JSONString.hex(byte) else { throw .syntax }
      unit = unit << 4 | digit
      at += 1
    }
    return unit
  }
}

enum JSONString {
  static func hex(_ byte: UInt8) -> UInt32? {
    switch byte {
    case 0x30...0x39: UInt32(byte - 0x30)
    case 0x41...0x46: UInt32(byte - 0x41 + 10)
    case 0x61...0x66: UInt32(byte - 0x61 + 10)
    default: nil
    }
  }

  /// Of a string whose escapes were found to be right.
  static func unescape(_ text: UnsafeBufferPointer<UInt8>, into out: inout [UInt8]) throws(JSONObject.Fault) {
    var at = 0
    var high: UInt32?
    while at < text.count {
      guard text[at] == UInt8(ascii: "\\"), at + 1 < text.count else {
        out.append(text[at])
        at += 1
        continue
      }
      let escape = text[at + 1]
      at += 2
      switch escape {
      case UInt8(ascii: "b"): out.append(0x08)
      case UInt8(ascii: "f"): out.append(0x0c)
      case UInt8(ascii: "n"): out.append(0x0a)
      case UInt8(ascii: "r"): out.append(0x0d)
      case UInt8(ascii: "t"): out.append(0x09)
      case UInt8(ascii: "u"):
        guard at + 4 <= text.count else { throw .syntax }
        let unit = text[at..<at + 4].reduce(0 as UInt32) { $0 << 4 | (hex($1) ?? 0) }
        at += 4
        if (0xd800...0xdbff).contains(unit) {
          high = unit
          continue
        }
        let value = high.map { 0x10000 + (($0 - 0xd800) << 10) + (unit &- 0xdc00) } ?? unit
        high = nil
        guard let scalar = Unicode.Scalar(value) else { throw .halfCharacter }
        out += UTF8.encode(scalar).map(Array.init) ?? []
      default: out.append(escape)
      }
    }
  }
}
