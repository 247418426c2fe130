import Core

/// A reader for what S3 answers: elements and text, one event at a time, over bytes that may be anything. No attributes, no
/// document types, no entities but the five and numbers; so nothing can be fetched or made to grow. It never traps: at damage it ends and
/// says so in `isDamaged`.
struct XMLReader {
  enum Event: Hashable {
    case open(String)
    case close(String)
    case text(String)
  }

  private var rest: ArraySlice<UInt8>
  private var openNames: [String] = []
  private var closing: String?
  private var seenRoot = false
  private(set) var isDamaged = false

  init(_ bytes: [UInt8]) {
    rest = bytes[...]
    if rest.starts(with: [0xef, 0xbb, 0xbf]) { rest = rest.dropFirst(3) }
  }

  /// Nil at the end.
  mutating func next() -> Event? {
    if let name = closing {
      closing = nil
      return close(name)
    }
    while !isDamaged, let first = rest.first {
      guard first == UInt8(ascii: "<") else {
        let text = XMLReader.plain(take(until: UInt8(ascii: "<")))
        if let text, openNames.isEmpty, text.allSatisfy(\.isWhitespace) { continue }
        guard let text, !openNames.isEmpty else { return fail() }
        return .text(text)
      }
      if take("<![CDATA[") {
        guard let text = take(through: "]]>"), !openNames.isEmpty else { return fail() }
        return .text(String(decoding: text, as: UTF8.self))
      }
      if take("<?") {
        guard take(through: "?>") != nil else { return fail() }
      } else if take("<!--") {
        guard take(through: "-->") != nil else { return fail() }
      } else {
        return tag()
      }
    }
    // The end is the end of the document only where everything is closed.
    if !openNames.isEmpty || !seenRoot { isDamaged = true }
    return nil
  }

  private mutating func tag() -> Event? {
    rest = rest.dropFirst()
    let isEnd = take("/")
    var name = rest.prefix { !XMLReader.endsName($0) }
    rest = rest[name.endIndex...]
    guard !name.isEmpty, name.first != UInt8(ascii: "!") else { return fail() }
    if let colon = name.lastIndex(of: UInt8(ascii: ":")) { name = name[(colon + 1)...] }
    let text = String(decoding: name, as: UTF8.self)
    // Attributes are passed over; a `>` may stand in their quotes.
    var quote: UInt8?
    var last: UInt8 = 0
    while let byte = rest.popFirst() {
      if let open = quote {
        if byte == open { quote = nil }
      } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
        quote = byte
      } else if byte == UInt8(ascii: ">") {
        if isEnd { return close(text) }
        guard openNames.count < Limits.xmlDepth, !openNames.isEmpty || !seenRoot else { return fail() }
        seenRoot = true
        openNames.append(text)
        if last == UInt8(ascii: "/") { closing = text }
        return .open(text)
      } else if byte == UInt8(ascii: "<") {
        return fail()
      }
      last = byte
    }
    return fail()
  }

  private mutating func close(_ name: String) -> Event? {
    guard openNames.popLast() == name else { return fail() }
    return .close(name)
  }

  private mutating func fail() -> Event? {
    isDamaged = true
    rest = []
    return nil
  }

  private mutating func take(_ text: String) -> Bool {
    guard rest.starts(with: text.utf8) else { return false }
    rest = rest.dropFirst(text.utf8.count)
    return true
  }

  private mutating func take(until mark: UInt8) -> ArraySlice<UInt8> {
    let head = rest.prefix { $0 != mark }
    rest = rest[head.endIndex...]
    return head
  }

  private mutating func take(through end: StaticString) -> ArraySlice<UInt8>? {
    let mark = end.withUTF8Buffer { Array($0) }
    var at = rest.startIndex
    while at + mark.count <= rest.endIndex {
      if rest[at] == mark[0], rest[at..<(at + mark.count)].elementsEqual(mark) {
        let head = rest[..<at]
        rest = rest[(at + mark.count)...]
        return head
      }
      at += 1
    }
    return nil
  }

  private static func endsName(_ byte: UInt8) -> Bool {
    byte <= 32 || byte == UInt8(ascii: "/") || byte == UInt8(ascii: ">") || byte == UInt8(ascii: "<")
  }

  /// Text with its references resolved; nil where one is unknown.
  private static func plain(_ bytes: ArraySlice<UInt8>) -> String? {
    guard bytes.contains(UInt8(ascii: "&")) else { return String(decoding: bytes, as: UTF8.self) }
    var text: [UInt8] = []
    var rest = bytes
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "&") else {
        text.append(byte)
        continue
      }
      let name = rest.prefix(12).prefix { $0 != UInt8(ascii: ";") }
      guard name.endIndex < rest.endIndex, rest[name.endIndex] == UInt8(ascii: ";"),
        let scalar = reference(String(decoding: name, as: UTF8.self))
      else { return nil }
      text += Array(String(Character(scalar)).utf8)
      rest = rest[(name.endIndex + 1)...]
    }
    return String(decoding: text, as: UTF8.self)
  }

  private static func reference(_ name: String) -> Unicode.Scalar? {
    switch name {
    case "amp": return "&"
    case "lt": return "<"
    case "gt": return ">"
    case "quot": return "\""
    case "apos": return "'"
    default:
      guard name.first == "#" else { return nil }
      let digits = name.dropFirst()
      let value = digits.first == "x" ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
      return value.flatMap { Unicode.Scalar($0) }
    }
  }
}
