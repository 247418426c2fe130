/// Swift source with strings and comments blanked out, line for line, so that rules look at code alone.
struct SwiftText {
  let lines: [String]
  let code: [String]

  init(_ text: String) {
    lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    var blanker = Blanker(text)
    code = blanker.run().split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  /// First line, name and length of every function; rough, by braces.
  func functions() -> [(line: Int, name: String, length: Int)] {
    var found: [(line: Int, name: String, length: Int)] = []
    for (index, line) in code.enumerated() {
      guard
        let head = line.firstMatch(of: /\b(?:func +(\S+?)[(<]|(init)[?!]?[(<]|(deinit)\b)/.wordBoundaryKind(.simple))
      else { continue }
      // A call such as `self.init(…)` or `super.init()` is no declaration.
      if head.range.lowerBound > line.startIndex, line[line.index(before: head.range.lowerBound)] == "." { continue }
      let name = String(head.output.1 ?? head.output.2 ?? head.output.3 ?? "")
      if let end = closing(from: index, at: head.range.lowerBound) {
        found.append((index + 1, name, end - index + 1))
      }
    }
    return found
  }

  /// The text between the first braces that open behind `start`, line by line with its index; nothing where none opens on that line.
  func block(from first: Int, after start: Range<String.Index>) -> [(Int, Substring)] {
    guard let open = code[first][start.upperBound...].firstIndex(of: "{") else { return [] }
    var depth = 0
    var found: [(Int, Substring)] = []
    for index in first..<code.count {
      let line = index == first ? code[index][open...] : code[index][...]
      for position in line.indices {
        if line[position] == "{" { depth += 1 }
        if line[position] == "}" { depth -= 1 }
        if depth == 0 { return found + [(index, line[..<position])] }
      }
      found.append((index, line))
    }
    return found
  }

  /// The line of the brace that closes the first one opened; nil where there is no body, as in a protocol.
  private func closing(from first: Int, at start: String.Index) -> Int? {
    var depth = 0
    var round = 0
    for index in first..<code.count {
      let line = index == first ? code[index][start...] : code[index][...]
      for character in line {
        switch character {
        case "(": round += 1
        case ")": round -= 1
        case "{": depth += 1
        case "}":
          depth -= 1
          if depth == 0 && round == 0 { return index }
          if depth < 0 { return nil }
        default: break
        }
      }
      let next = index + 1 < code.count ? code[index + 1].drop { $0 == " " } : ""
      let goesOn =
        next.hasPrefix("{") || next.hasPrefix(")") || next.hasPrefix("where") || next.hasPrefix("->")
        || next.hasPrefix("throws") || next.hasPrefix("async")
      if depth == 0 && round == 0 && !goesOn { return nil }
    }
    return nil
  }
}

/// Replaces what stands in strings and comments by blanks. What is interpolated goes too. Works on bytes: characters would
/// make it many times slower.
private struct Blanker {
  private let source: [UInt8]
  private var position = 0
  private var output: [UInt8] = []

  private static let quote = UInt8(ascii: "\"")
  private static let hash = UInt8(ascii: "#")
  private static let newline = UInt8(ascii: "\n")

  init(_ text: String) {
    source = Array(text.utf8)
    output.reserveCapacity(source.count)
  }

  mutating func run() -> String {
    while position < source.count {
      if starts("//") {
        while position < source.count, source[position] != Self.newline { blank() }
      } else if starts("/*") {
        comment()
      } else if let hashes = stringHashes() {
        string(hashes)
      } else {
        output.append(source[position])
        position += 1
      }
    }
    return String(decoding: output, as: UTF8.self)
  }

  private func starts(_ text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    guard position + count <= source.count else { return false }
    for offset in 0..<count where source[position + offset] != text.utf8Start[offset] { return false }
    return true
  }

  private func hashes(at start: Int) -> Int {
    var end = start
    while end < source.count, source[end] == Self.hash { end += 1 }
    return end - start
  }

  private mutating func blank(_ count: Int = 1) {
    for _ in 0..<count where position < source.count {
      output.append(source[position] == Self.newline ? Self.newline : UInt8(ascii: " "))
      position += 1
    }
  }

  private mutating func comment() {
    var depth = 0
    repeat {
      if starts("/*") {
        depth += 1
        blank(2)
      } else if starts("*/") {
        depth -= 1
        blank(2)
      } else {
        blank()
      }
    } while depth > 0 && position < source.count
  }

  /// How many `#` precede the quote where a string begins here.
  private func stringHashes() -> Int? {
    guard source[position] == Self.quote || source[position] == Self.hash else { return nil }
    let count = hashes(at: position)
    return position + count < source.count && source[position + count] == Self.quote ? count : nil
  }

  private mutating func string(_ count: Int) {
    blank(count)
    let isLong = starts("\"\"\"")
    let quotes = isLong ? 3 : 1
    blank(quotes)
    while position < source.count {
      if isLong ? starts("\"\"\"") : starts("\""), hashes(at: position + quotes) >= count {
        return blank(quotes + count)
      }
      if starts("\\"), hashes(at: position + 1) >= count {
        blank(1 + count)
        let isInterpolation = starts("(")
        blank()
        if isInterpolation { interpolation() }
      } else if source[position] == Self.newline, !isLong {
        return
      } else {
        blank()
      }
    }
  }

  private mutating func interpolation() {
    var depth = 1
    while position < source.count, depth > 0 {
      if let hashes = stringHashes() {
        string(hashes)
      } else {
        depth += starts("(") ? 1 : starts(")") ? -1 : 0
        blank()
      }
    }
  }
}
