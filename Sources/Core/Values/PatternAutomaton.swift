/// A pattern as a table of states (Glushkov's positions, then subsets of them).
struct PatternAutomaton: Sendable {
  /// Bytes that no part of the pattern tells apart have one class.
  private let classOf: [UInt8]
  private let classes: Int
  /// By state and class: where the row of the next state begins; row 0 is the end of all hope.
  private let next: [UInt32]
  private let accepts: [Bool]

  func matches(_ cell: UnsafeBufferPointer<UInt8>) -> Bool {
    let row = classOf.withUnsafeBufferPointer { classOf in
      next.withUnsafeBufferPointer { next in
        var row = UInt32(truncatingIfNeeded: classes)
        for byte in cell {
          row = next[Int(row &+ UInt32(classOf[Int(byte)]))]
          if row == 0 { break }
        }
        return row
      }
    }
    return accepts[Int(row) / classes]
  }

  init(_ node: PatternNode) throws(PatternFault) {
    var positions = Positions()
    let whole = try positions.add(node)
    (classOf, classes) = Self.classes(positions.sets)
    // One byte of each class.
    var samples = [UInt8](repeating: 0, count: classes)
    for byte in 0...UInt8.max { samples[Int(classOf[Int(byte)])] = byte }

    var states: [[Int]] = [[], whole.first.sorted()]
    var known: [[Int]: Int] = [[]: 0]
    var accepts = [false, whole.isNullable]
    var next = [UInt16](repeating: 0, count: 2 * classes)
    let last = Set(whole.last)
    // The start is no place behind a byte, so a subset that looks like it is another state.
    var state = 1
    while state < states.count {
      for (number, byte) in samples.enumerated() {
        let hit = states[state].filter { positions.sets[$0].contains(byte) }
        if hit.isEmpty { continue }
        let key = [-1] + hit
        if known[key] == nil {
          guard states.count < Limits.patternStates else {
            throw PatternFault(description: "it needs more than \(Limits.patternStates) states; make it simpler")
          }
          known[key] = states.count
          var reached: Set<Int> = []
          for position in hit { reached.formUnion(positions.follow[position]) }
          states.append(reached.sorted())
          accepts.append(hit.contains { last.contains($0) })
          next += [UInt16](repeating: 0, count: classes)
        }
        next[state * classes + number] = UInt16(truncatingIfNeeded: known[key] ?? 0)
      }
      state += 1
    }
    let width = UInt32(classes)
    self.next = next.map { UInt32($0) * width }
    self.accepts = accepts
  }

  private static func classes(_ sets: [ByteSet]) -> ([UInt8], Int) {
    let distinct = Array(Set(sets))
    var numbers: [[Bool]: UInt8] = [:]
    let classOf = (0...UInt8.max).map { byte in
      let member = distinct.map { $0.contains(byte) }
      let number = numbers[member] ?? UInt8(truncatingIfNeeded: numbers.count)
      numbers[member] = number
      return number
    }
    return (classOf, numbers.count)
  }

  /// Each byte of the pattern, and which may follow it.
  private struct Positions {
    var sets: [ByteSet] = []
    var follow: [Set<Int>] = []
    private var links = 0

    struct Part {
      var isNullable = true
      var first: [Int] = []
      var last: [Int] = []
    }

    mutating func add(_ node: PatternNode) throws(PatternFault) -> Part {
      switch node {
      case .empty: return Part()
      case .bytes(let set):
        sets.append(set)
        follow.append([])
        return Part(isNullable: false, first: [sets.count - 1], last: [sets.count - 1])
      case .choice(let ways):
        var whole = Part(isNullable: false)
        for way in ways {
          let part = try add(way)
          whole.isNullable = whole.isNullable || part.isNullable
          whole.first += part.first
          whole.last += part.last
        }
        return whole
      case .star(let inner):
        var part = try add(inner)
        try link(part.last, part.first)
        part.isNullable = true
        return part
      case .sequence(let nodes):
        var whole = Part()
        for node in nodes {
          let part = try add(node)
          try link(whole.last, part.first)
          if whole.isNullable { whole.first += part.first }
          whole.last = part.isNullable ? whole.last + part.last : part.last
          whole.isNullable = whole.isNullable && part.isNullable
        }
        return whole
      }
    }

    private mutating func link(_ from: [Int], _ to: [Int]) throws(PatternFault) {
      links += from.count * to.count
      guard links <= Limits.patternLinks else {
        throw PatternFault(description: "it is too large once its repeats are written out")
      }
      for position in from { follow[position].formUnion(to) }
    }
  }
}
