/// The names that a pattern matches, as an automaton, and where others rotate, the names that rotation makes of them.
public struct NameSet: Sendable {
  enum Step: Hashable, Sendable {
    case piece(Glob.Piece)
    /// Any number of these bytes.
    case run(Set<UInt8>)
  }

  /// Each takes names of its own.
  let ways: [[Step]]

  /// - Parameter rotated: `opens.csv.1`, `opens-20260312.csv.gz` and the like are meant, too.
  public init(_ glob: Glob, rotated: Bool = false) {
    let plain = glob.pieces.map { Step.piece($0) }
    guard rotated else {
      ways = [plain]
      return
    }
    var ways = [plain, plain + Self.tag]
    // The tag before the extension.
    if let dot = plain.lastIndex(of: .piece(.byte(UInt8(ascii: ".")))), dot > 0 {
      ways.append(plain[..<dot] + Self.tag + plain[dot...])
    }
    self.ways = ways + ways.flatMap { way in PackedName.suffixes.map { way + $0.map { .piece(.byte($0)) } } }
  }

  /// A separator, a digit, and what else stands in dates and times.
  private static let tag: [Step] = [
    .piece(.oneOf([byte("-"), byte("."), byte("_")], negated: false)), .piece(.oneOf([48...57], negated: false)),
    .run(Set("0123456789-._TZ".utf8)),
  ]

  private static func byte(_ character: Unicode.Scalar) -> ClosedRange<UInt8> {
    UInt8(ascii: character)...UInt8(ascii: character)
  }

  /// A name that is in both, one of the shortest; nil: there is none.
  public func meeting(_ other: NameSet) -> String? {
    var best: [UInt8]?
    for mine in ways {
      for theirs in other.ways {
        guard let name = Meeting(mine, theirs).name else { continue }
        if best.map({ name.count < $0.count }) ?? true { best = name }
      }
    }
    return best.map { String(decoding: $0, as: UTF8.self) }
  }
}

/// How programs that pack logs call what they make.
public enum PackedName {
  public static let suffixes = [".gz", ".xz", ".zst", ".bz2"].map { Array($0.utf8) }
}

/// The search through two automata at a time, breadth first.
private struct Meeting {
  /// Where one automaton stands.
  private struct Place: Hashable {
    var step = 0
    /// Of a character that a `?` takes, what has come of it.
    var begun: [UInt8] = []
    /// A `?` took its first byte alone: with what follows it must not become a character, which the `?` would have taken whole.
    var lone: [UInt8] = []
  }

  private struct Node {
    let places: [Place]
    let parent: Int
    let byte: UInt8
  }

  private let ways: [[NameSet.Step]]
  private let bytes: [UInt8]

  init(_ one: [NameSet.Step], _ other: [NameSet.Step]) {
    ways = [one, other]
    bytes = Self.kinds(Set(one + other))
  }

  /// One byte for all that no step tells apart; one that people read well, where there is a choice.
  private static func kinds(_ steps: Set<NameSet.Step>) -> [UInt8] {
    let steps = Array(steps)
    var kinds: Set<[Int]> = []
    let pleasant = Array("abcdefghijklmnopqrstuvwxyz0123456789".utf8)
    let all = pleasant + (1...255).filter { $0 != UInt8(ascii: "/") && !pleasant.contains($0) }
    return all.filter { byte in kinds.insert(steps.map { takes($0, byte) ? 1 : 0 } + [role(byte)]).inserted }
  }

  private static func takes(_ step: NameSet.Step, _ byte: UInt8) -> Bool {
    switch step {
    case .run(let set): set.contains(byte)
    case .piece(.byte(let own)): own == byte
    case .piece(.oneOf(let ranges, let negated)): ranges.contains { $0.contains(byte) } != negated
    case .piece(.anyOne), .piece(.anyRun): true
    }
  }

  /// In UTF-8, with the lead bytes that bound what follows them apart.
  private static func role(_ byte: UInt8) -> Int {
    let firsts: [UInt8] = [
      UInt8(ascii: "."), UInt8(ascii: ".") + 1, 0x80, 0x90, 0xa0, 0xc0, 0xc2, 0xe0, 0xe1, 0xed, 0xee, 0xf0, 0xf1, 0xf4,
      0xf5,
    ]
    return firsts.count { $0 <= byte }
  }

  var name: [UInt8]? {
    var nodes = [Node(places: [Place(), Place()], parent: -1, byte: 0)]
    // The empty name is none: where it stands is not seen yet.
    var seen: Set<[Place]> = []
    var next = 0
    while next < nodes.count {
      let node = nodes[next]
      for byte in bytes where next > 0 || byte != UInt8(ascii: ".") || ways.allSatisfy(Self.beginsWithDot) {
        for one in after(node.places[0], byte, ways[0]) {
          for other in after(node.places[1], byte, ways[1]) where seen.insert([one, other]).inserted {
            nodes.append(Node(places: [one, other], parent: next, byte: byte))
            if isEnd(one, ways[0]), isEnd(other, ways[1]) { return spelled(nodes) }
          }
        }
      }
      next += 1
    }
    return nil
  }

  private func spelled(_ nodes: [Node]) -> [UInt8] {
    var name: [UInt8] = []
    var index = nodes.count - 1
    while index > 0 {
      name.append(nodes[index].byte)
      index = nodes[index].parent
    }
    return name.reversed()
  }

  private static func beginsWithDot(_ way: [NameSet.Step]) -> Bool { way.first == .piece(.byte(UInt8(ascii: "."))) }

  private func isEnd(_ place: Place, _ way: [NameSet.Step]) -> Bool {
    place.begun.isEmpty && way[place.step...].allSatisfy { Self.mayBeNothing($0) }
  }

  private static func mayBeNothing(_ step: NameSet.Step) -> Bool {
    switch step {
    case .run, .piece(.anyRun): true
    case .piece: false
    }
  }

  private func after(_ place: Place, _ byte: UInt8, _ way: [NameSet.Step]) -> [Place] {
    var lone: [UInt8] = []
    if !place.lone.isEmpty {
      let taken = place.lone + [byte]
      if Self.isCharacter(taken) { return [] }
      if Self.mayBecome(taken) { lone = taken }
    }
    if !place.begun.isEmpty {
      let taken = place.begun + [byte]
      if Self.isCharacter(taken) { return [Place(step: place.step + 1)] }
      return Self.mayBecome(taken) ? [Place(step: place.step, begun: taken)] : []
    }
    var found: [Place] = []
    for step in place.step..<way.count {
      if Self.takes(way[step], byte) {
        if Self.mayBeNothing(way[step]) {
          found.append(Place(step: step, lone: lone))
        } else if way[step] == .piece(.anyOne), Self.mayBecome([byte]) {
          found.append(Place(step: step, begun: [byte]))
          found.append(Place(step: step + 1, lone: [byte]))
        } else {
          found.append(Place(step: step + 1, lone: lone))
        }
      }
      guard Self.mayBeNothing(way[step]) else { break }
    }
    return found
  }

  /// Of more than one byte.
  private static func isCharacter(_ bytes: [UInt8]) -> Bool {
    bytes.count > 1 && bytes.count == length(bytes[0]) && String(validating: bytes, as: UTF8.self) != nil
  }

  private static func mayBecome(_ bytes: [UInt8]) -> Bool {
    bytes.count < length(bytes[0]) && bytes.dropFirst().allSatisfy { (0x80...0xbf).contains($0) }
  }

  private static func length(_ lead: UInt8) -> Int {
    lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 1
  }
}
