import CScan
import Core

/// One line of JSON at a time: whether it is an object (RFC 8259), and where the wanted values lie in it. Nothing is copied; memory grows
/// with the paths, not with the text.
///
/// The bytes are UTF-8 already.
struct JSONObject {
  enum Fault: Error, Hashable {
    case notObject, syntax, ends, behind, tooDeep, repeatedKey, halfCharacter, nul
    /// Only where paths are gathered.
    case tooManyPaths
  }

  /// Where a value lies in the line. Of a string what is between its quotes.
  struct Value {
    enum Kind: UInt8 { case missing, null, word, number, plain, escaped, array, object }
    var kind = Kind.missing
    var range = 0..<0
    fileprivate var line = 0
  }

  private(set) var tree: PathTree
  /// Whether paths that are not wanted are gathered.
  private let gathersPaths: Bool
  /// Arrays that are open: what lies in them has no column of its own, unless it is named.
  private var arrays = 0
  private var gathers: Bool { gathersPaths && arrays == 0 }
  private var values: [Value]
  private var lines = 0
  private var objects: UInt64 = 0
  /// In the line: keys that lead nowhere, of the objects that are open.
  private var strangeRanges: [Range<Int>] = []
  private var key: [UInt8] = []

  init(_ tree: PathTree, count: Int, gathers: Bool) {
    (self.tree, gathersPaths) = (tree, gathers)
    values = Array(repeating: Value(), count: count)
  }

  /// Of the line that was read last.
  @inline(__always)
  subscript(wanted: Int) -> Value {
    let value = values[wanted]
    return value.line == lines ? value : Value()
  }

  /// - Parameter line: without its end.
  mutating func read(_ line: UnsafeBufferPointer<UInt8>) throws(Fault) {
    lines += 1
    tree.beginRow()
    var reader = Cursor(line)
    reader.skipBlanks()
    guard reader.next == UInt8(ascii: "{") else { throw .notObject }
    strangeRanges.removeAll(keepingCapacity: true)
    arrays = 0
    try readObject(&reader, PathTree.root, depth: 1)
    reader.skipBlanks()
    guard reader.isAtEnd else { throw .behind }
    if gathersPaths, tree.isFull { throw .tooManyPaths }
  }

  /// The line that was read last is bad: what it alone has is no path.
  mutating func forgetLine() { tree.forgetRow() }

  // MARK: Values

  /// - Parameter node: nil: it leads nowhere.
  private mutating func readValue(_ reader: inout Cursor, _ node: Int?, depth: Int) throws(Fault) {
    let start = reader.at
    switch reader.next {
    case UInt8(ascii: "\""):
      let isEscaped = try reader.skipString()
      note(node, isEscaped ? .escaped : .plain, start + 1..<reader.at - 1)
    case UInt8(ascii: "{"):
      try readObject(&reader, node, depth: depth + 1)
      if let node, gathers { tree.noteObject(node) }
      note(node, .object, start..<reader.at)
    case UInt8(ascii: "["):
      try readArray(&reader, node, depth: depth + 1)
      note(node, .array, start..<reader.at)
    case UInt8(ascii: "t"):
      try reader.skip("true")
      note(node, .word, start..<reader.at)
    case UInt8(ascii: "f"):
      try reader.skip("false")
      note(node, .word, start..<reader.at)
    case UInt8(ascii: "n"):
      try reader.skip("null")
      note(node, .null, start..<reader.at)
    case nil: throw .ends
    default:
      try reader.skipNumber()
      note(node, .number, start..<reader.at)
    }
  }

  @inline(__always)
  private mutating func note(_ node: Int?, _ kind: Value.Kind, _ range: Range<Int>) {
    guard let node else { return }
    if gathers, kind != .null, kind != .object { tree.noteValue(node) }
    guard let wanted = tree.nodes[node].wanted else { return }
    values[wanted] = Value(kind: kind, range: range, line: lines)
  }

  private mutating func readArray(_ reader: inout Cursor, _ node: Int?, depth: Int) throws(Fault) {
    guard depth <= Limits.jsonDepth else { throw .tooDeep }
    // Nobody counts elements of which none is wanted.
    let counted = node.flatMap { tree.hasChildren($0) ? $0 : nil }
    var index = 0
    arrays += 1
    defer { arrays -= 1 }
    reader.advance()
    reader.skipBlanks()
    if reader.take(UInt8(ascii: "]")) { return }
    while true {
      let element = counted.flatMap { parent in
        Array(String(index).utf8).withUnsafeBufferPointer { tree.child($0, below: parent, guess: nil) }
      }
      try readValue(&reader, element, depth: depth)
      index += 1
      reader.skipBlanks()
      if reader.take(UInt8(ascii: ",")) {
        reader.skipBlanks()
      } else if reader.take(UInt8(ascii: "]")) {
        return
      } else {
        throw reader.isAtEnd ? .ends : .syntax
      }
    }
  }

  private mutating func readObject(_ reader: inout Cursor, _ node: Int?, depth: Int) throws(Fault) {
    guard depth <= Limits.jsonDepth else { throw .tooDeep }
    objects += 1
    let (object, firstStrange) = (objects, strangeRanges.count)
    var strangeSet: Set<[UInt8]>?
    var guess = node.flatMap { tree.nodes[$0].firstChild }
    defer { strangeRanges.removeSubrange(firstStrange...) }
    reader.advance()
    reader.skipBlanks()
    if reader.take(UInt8(ascii: "}")) { return }
    while true {
      let start = reader.at
      guard reader.next == UInt8(ascii: "\"") else { throw reader.isAtEnd ? .ends : .syntax }
      let isEscaped = try reader.skipString()
      let range = start + 1..<reader.at - 1
      var child: Int?
      if isEscaped {
        key.removeAll(keepingCapacity: true)
        try JSONString.unescape(reader.slice(range), into: &key)
        child = try key.withUnsafeBufferPointer { (key) throws(Fault) in try find(key, below: node, guess) }
        if child == nil {
          // Keys of this kind lie in no line.
          if strangeSet == nil { strangeSet = Set(strangeRanges[firstStrange...].map { Array(reader.slice($0)) }) }
          guard strangeSet?.insert(key).inserted == true else { throw .repeatedKey }
        }
      } else {
        child = try find(reader.slice(range), below: node, guess)
        if child == nil { try noteStrange(range, reader, since: firstStrange, &strangeSet) }
      }
      if let child {
        guard tree.visit(child, in: object, gathers: gathers) else { throw .repeatedKey }
        guess = tree.nodes[child].nextSibling
      }
      reader.skipBlanks()
      guard reader.take(UInt8(ascii: ":")) else { throw reader.isAtEnd ? .ends : .syntax }
      reader.skipBlanks()
      try readValue(&reader, child, depth: depth)
      reader.skipBlanks()
      if reader.take(UInt8(ascii: ",")) {
        reader.skipBlanks()
      } else if reader.take(UInt8(ascii: "}")) {
        return
      } else {
        throw reader.isAtEnd ? .ends : .syntax
      }
    }
  }

  @inline(__always)
  private mutating func find(
    _ key: UnsafeBufferPointer<UInt8>, below node: Int?, _ guess: Int?
  ) throws(Fault) -> Int? {
    guard let node else { return nil }
    if let known = tree.child(key, below: node, guess: guess) { return known }
    return gathers ? tree.discover(key, below: node) : nil
  }

  private mutating func noteStrange(
    _ range: Range<Int>, _ reader: Cursor, since first: Int, _ set: inout Set<[UInt8]>?
  ) throws(Fault) {
    let key = reader.slice(range)
    if set == nil, strangeRanges.count - first >= Limits.jsonStrangeKeys {
      set = Set(strangeRanges[first...].map { Array(reader.slice($0)) })
    }
    if set != nil {
      guard set?.insert(Array(key)).inserted == true else { throw .repeatedKey }
      return
    }
    for other in strangeRanges[first...] where Bytes.areEqual(reader.slice(other), key) { throw .repeatedKey }
    strangeRanges.append(range)
  }
}
