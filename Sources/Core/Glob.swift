/// A pattern for one component of a path: `*`, `?` (one character of UTF-8, else one byte) and `[a-z]`, `[!a-z]` (one
/// byte). A backslash takes the next byte literally. As in a shell, a name that begins with a dot matches only a
/// pattern that does.
public struct Glob: Hashable, Sendable, CustomStringConvertible {
  enum Piece: Hashable {
    case byte(UInt8)
    case anyOne
    case anyRun
    case oneOf([ClosedRange<UInt8>], negated: Bool)
  }

  public let description: String
  let pieces: [Piece]

  public init(_ pattern: String) {
    description = pattern
    var pieces: [Piece] = []
    var rest = Array(pattern.utf8)[...]
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "*"):
        if pieces.last != .anyRun { pieces.append(.anyRun) }
      case UInt8(ascii: "?"): pieces.append(.anyOne)
      case UInt8(ascii: "["):
        if let set = Self.set(&rest) { pieces.append(set) } else { pieces.append(.byte(byte)) }
      case UInt8(ascii: "\\"): pieces.append(.byte(rest.popFirst() ?? byte))
      default: pieces.append(.byte(byte))
      }
    }
    self.pieces = pieces
  }

  public static func isPattern(_ text: String) -> Bool { text.utf8.contains { "*?[".utf8.contains($0) } }

  /// What in the pattern would be read otherwise than it looks; nil: nothing. A configuration refuses it.
  public static func complaint(about pattern: String) -> String? {
    var rest = Array(pattern.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "\\"), rest.popFirst() == nil { return "a backslash at the end takes nothing" }
      guard byte == UInt8(ascii: "[") else { continue }
      var ahead = rest
      guard set(&ahead) != nil else { return "a [ has no ]" }
      let inside = rest[..<ahead.startIndex]
      let isClass = inside.first.map { ":.=".utf8.contains($0) } ?? false
      if isClass || inside.contains(UInt8(ascii: "[")) {
        return "a class such as [[:digit:]] is not known: write [0-9]"
      }
      guard inside.allSatisfy({ $0 < 0x80 }) else { return "[ ] takes single characters of ASCII" }
      guard !isBackward(inside) else { return "a range runs backwards" }
      rest = ahead
    }
    return nil
  }

  private static func isBackward(_ set: ArraySlice<UInt8>) -> Bool {
    let set = Array(set)
    return set.indices.dropFirst().dropLast().contains { index in
      set[index] == UInt8(ascii: "-") && set[index + 1] != UInt8(ascii: "]") && set[index - 1] > set[index + 1]
        && ![UInt8(ascii: "!"), UInt8(ascii: "^")].contains(set[index - 1])
    }
  }

  public func matches(_ name: some Collection<UInt8>) -> Bool {
    let name = Array(name)
    let dot = UInt8(ascii: ".")
    if name.first == dot, pieces.first != .byte(dot) { return false }
    var at = 0
    var piece = 0
    // Where to go on when a guess about the last `*` was wrong: it takes one byte more.
    var retry: (piece: Int, at: Int)?
    while at < name.count {
      if piece < pieces.count, case .anyRun = pieces[piece] {
        retry = (piece + 1, at)
        piece += 1
      } else if piece < pieces.count, let used = Self.used(pieces[piece], name, at) {
        at += used
        piece += 1
      } else if let last = retry {
        retry = (last.piece, last.at + 1)
        (piece, at) = (last.piece, last.at + 1)
      } else {
        return false
      }
    }
    return pieces[piece...].allSatisfy { $0 == .anyRun }
  }

  private static func used(_ piece: Piece, _ name: [UInt8], _ at: Int) -> Int? {
    switch piece {
    case .byte(let byte): return name[at] == byte ? 1 : nil
    case .oneOf(let ranges, let negated): return ranges.contains { $0.contains(name[at]) } != negated ? 1 : nil
    case .anyRun: return nil
    case .anyOne:
      let length = name[at] < 0xc2 ? 1 : name[at] < 0xe0 ? 2 : name[at] < 0xf0 ? 3 : name[at] < 0xf5 ? 4 : 1
      let character = name[at...].prefix(length)
      return String(validating: character, as: UTF8.self) == nil ? 1 : character.count
    }
  }

  /// Behind `[`; nil, and nothing taken, where the set is never closed.
  private static func set(_ rest: inout ArraySlice<UInt8>) -> Piece? {
    var ahead = rest
    let negated = ahead.first == UInt8(ascii: "!") || ahead.first == UInt8(ascii: "^")
    if negated { ahead.removeFirst() }
    var ranges: [ClosedRange<UInt8>] = []
    while let low = ahead.popFirst() {
      // A bracket that comes first is a member.
      if low == UInt8(ascii: "]"), !ranges.isEmpty {
        rest = ahead
        return .oneOf(ranges, negated: negated)
      }
      if ahead.first == UInt8(ascii: "-"), let high = ahead.dropFirst().first, high != UInt8(ascii: "]") {
        ahead = ahead.dropFirst(2)
        // A range that runs backwards matches nothing but its ends.
        ranges += low <= high ? [low...high] : [low...low, high...high]
      } else {
        ranges.append(low...low)
      }
    }
    return nil
  }
}
