/// From the text of a pattern to what it is made of, by descent: alternatives, then sequences, then repeated items.
struct PatternParser {
  private let scalars: [Unicode.Scalar]
  private var index = 0
  private var depth = 0
  /// Bytes that the pattern stands for, repeats written out.
  private var size = 0

  init(_ text: String) { scalars = Array(text.unicodeScalars) }

  mutating func parse() throws(PatternFault) -> PatternNode {
    if scalars.isEmpty { throw PatternFault(description: "it is empty") }
    // Values are compared whole, with or without the marks for it.
    if peek == "^" { index += 1 }
    let node = try choice()
    if peek == "$", index == scalars.count - 1 { index += 1 }
    guard index == scalars.count else { throw fault("“\(scalars[index])” is not expected") }
    return node
  }

  private var peek: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

  private func fault(_ why: String) -> PatternFault {
    PatternFault(description: "\(why) at character \(index + 1)")
  }

  private mutating func grow(by count: Int) throws(PatternFault) {
    size += count
    if size > Limits.patternBytes {
      throw PatternFault(description: "it is too large once its repeats are written out")
    }
  }

  private mutating func choice() throws(PatternFault) -> PatternNode {
    var ways = [try sequence()]
    while peek == "|" {
      index += 1
      ways.append(try sequence())
    }
    return ways.count == 1 ? ways[0] : .choice(ways)
  }

  private mutating func sequence() throws(PatternFault) -> PatternNode {
    var items: [PatternNode] = []
    while let next = peek, next != "|", next != ")" {
      if next == "$", index == scalars.count - 1 { break }
      items.append(try repeated())
    }
    return items.isEmpty ? .empty : items.count == 1 ? items[0] : .sequence(items)
  }

  private mutating func repeated() throws(PatternFault) -> PatternNode {
    let before = size
    let item = try item()
    let cost = size - before
    guard let (low, high) = try count() else { return item }
    if let next = peek, "?*+{".unicodeScalars.contains(next) { throw fault("one repeat follows another; use a group") }
    try grow(by: cost * (max(low, high ?? low + 1) - 1))
    var nodes = [PatternNode](repeating: item, count: low)
    if let high {
      // Nested, so that each one is only looked for behind the one before it.
      var tail = PatternNode.empty
      for _ in low..<high { tail = .optional(.sequence([item, tail])) }
      nodes.append(tail)
    } else {
      nodes.append(.star(item))
    }
    return .sequence(nodes)
  }

  /// How often; no upper bound: nil. Nil: no repeat stands here.
  private mutating func count() throws(PatternFault) -> (Int, Int?)? {
    switch peek {
    case "?":
      index += 1
      return (0, 1)
    case "*":
      index += 1
      return (0, nil)
    case "+":
      index += 1
      return (1, nil)
    case "{":
      index += 1
      let low = try number()
      var high: Int? = low
      if peek == "," {
        index += 1
        high = peek == "}" ? nil : try number()
      }
      guard peek == "}" else { throw fault("a count is {2}, {2,5} or {2,}, which is not what stands") }
      index += 1
      if let high, high < low || high == 0 { throw fault("a count goes up, and to at least 1, which it does not") }
      return (low, high)
    default: return nil
    }
  }

  private mutating func number() throws(PatternFault) -> Int {
    var value: Int?
    while let next = peek, ("0"..."9").contains(next) {
      value = (value ?? 0) * 10 + Int(next.value) - 48
      if value ?? 0 > Limits.patternBytes { throw fault("the count is too large") }
      index += 1
    }
    guard let value else { throw fault("a count is {2}, {2,5} or {2,}, which is not what stands") }
    return value
  }

  private mutating func item() throws(PatternFault) -> PatternNode {
    guard let next = peek else { throw fault("something is missing") }
    switch next {
    case "(":
      index += 1
      depth += 1
      // Each level is a call.
      if depth > Limits.patternDepth { throw fault("groups are nested too deep") }
      if peek == "?" { throw fault("groups with ? are not known") }
      let inner = try choice()
      guard peek == ")" else { throw fault("a group is not closed") }
      index += 1
      depth -= 1
      return inner
    case "[": return try set()
    case ".":
      index += 1
      try grow(by: 4)
      return .choice([.bytes(ByteSet(0...127)), .anyWide])
    case "\\":
      index += 1
      let bytes = try escaped()
      try grow(by: 1)
      return .bytes(bytes)
    case "?", "*", "+", "{", "^", "$", "]", "}":
      throw fault("“\(next)” stands for itself only as \\\(next), which is missing")
    default:
      index += 1
      return try literal(next)
    }
  }

  private mutating func literal(_ scalar: Unicode.Scalar) throws(PatternFault) -> PatternNode {
    let bytes = Array(String(Character(scalar)).utf8)
    try grow(by: bytes.count)
    let nodes = bytes.map { PatternNode.bytes(ByteSet([$0])) }
    return nodes.count == 1 ? nodes[0] : .sequence(nodes)
  }

  /// Behind a backslash.
  private mutating func escaped() throws(PatternFault) -> ByteSet {
    guard let next = peek, next.isASCII else { throw fault("a backslash stands before nothing that it changes") }
    index += 1
    let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
    switch next {
    case "d": return ByteSet(48...57)
    case "w": return ByteSet(letters + (48...57) + [UInt8(ascii: "_")])
    case "s": return ByteSet([9, 10, 11, 12, 13, 32])
    case "t": return ByteSet([9])
    case "A"..."Z", "a"..."z", "0"..."9":
      index -= 1
      throw fault("\\\(next) is not known; \\d, \\w, \\s and \\t are")
    default: return ByteSet([UInt8(truncatingIfNeeded: next.value)])
    }
  }

  /// `[A-Z]`, `[^,]`
  private mutating func set() throws(PatternFault) -> PatternNode {
    index += 1
    let isOther = peek == "^"
    if isOther { index += 1 }
    var (bytes, wide, isFirst) = (ByteSet(), [PatternNode](), true)
    while let next = peek, next != "]" || isFirst {
      isFirst = false
      index += 1
      guard next.isASCII else {
        if isOther || peek == "-" { throw fault("beyond ASCII a set may list characters only, without ^ and ranges,") }
        wide.append(try literal(next))
        continue
      }
      var one = ByteSet([UInt8(truncatingIfNeeded: next.value)])
      if next == "\\" { one = try escaped() }
      if peek == "-", index + 1 < scalars.count, scalars[index + 1] != "]" {
        index += 1
        one = try range(from: next, to: scalars[index])
      }
      bytes.formUnion(one)
    }
    guard peek == "]" else { throw fault("a set is not closed") }
    index += 1
    try grow(by: 4)
    if isOther { return .choice([.bytes(bytes.otherASCII), .anyWide]) }
    return wide.isEmpty ? .bytes(bytes) : .choice([.bytes(bytes)] + wide)
  }

  private mutating func range(from first: Unicode.Scalar, to last: Unicode.Scalar) throws(PatternFault) -> ByteSet {
    guard last.isASCII, first != "\\", last != "\\", first.value <= last.value else {
      throw fault("a range goes up, and from one character of ASCII to another, which it does not")
    }
    index += 1
    return ByteSet(UInt8(truncatingIfNeeded: first.value)...UInt8(truncatingIfNeeded: last.value))
  }
}
