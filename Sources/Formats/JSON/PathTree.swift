import CScan
import Core

/// The keys that lead to what is wanted of an object, and where paths are gathered, those that were found.
///
/// Nodes are numbers, and lie in arrays side by side: a row asks for many of them.
struct PathTree {
  static let root = 0

  struct Node {
    let parent: Int
    /// In `keyBytes`.
    let key: Range<Int>
    var firstChild: Int?
    var lastChild: Int?
    var nextSibling: Int?
    /// Which of the wanted values lies here.
    var wanted: Int?
    /// When it was first seen, counted from 0; nil: not yet.
    var order: Int?
    /// Something other than an object and null was seen here.
    var hasValue = false
    /// An object was seen here that holds something.
    var hasObject = false
    /// The object in which the key was last seen.
    var seenIn: UInt64 = 0
  }

  private struct Edge: Hashable {
    let parent: Int
    let key: [UInt8]
  }

  private(set) var nodes: [Node] = [Node(parent: -1, key: 0..<0)]
  private var keyBytes: [UInt8] = []
  /// For objects whose keys do not come in the order in which they were first seen.
  private var edges: [Edge: Int] = [:]
  private var seen = 0
  /// What the row being read has found first, to be taken back where the row is bad.
  private var news: [(node: Int, what: WritableKeyPath<Node, Bool>?)] = []
  /// More paths were found than are gathered.
  private(set) var isFull = false

  /// - Returns: the path's number; the same for the same path.
  mutating func want(_ path: ValuePath, as number: Int) -> Int {
    let node = path.keys.reduce(Self.root) { add($1, below: $0) }
    if let known = nodes[node].wanted { return known }
    nodes[node].wanted = number
    return number
  }

  /// A node that is there already, or a new one.
  mutating func add(_ key: [UInt8], below parent: Int) -> Int {
    let edge = Edge(parent: parent, key: key)
    if let known = edges[edge] { return known }
    let start = keyBytes.count
    keyBytes += key
    let node = nodes.count
    nodes.append(Node(parent: parent, key: start..<keyBytes.count))
    if let last = nodes[parent].lastChild {
      nodes[last].nextSibling = node
    } else {
      nodes[parent].firstChild = node
    }
    nodes[parent].lastChild = node
    edges[edge] = node
    return node
  }

  /// The same while paths are gathered. Nil: there are too many.
  mutating func discover(_ key: UnsafeBufferPointer<UInt8>, below parent: Int) -> Int? {
    // Each column may lie a few levels down.
    guard nodes.count < 2 * Limits.jsonColumns else {
      isFull = true
      return nil
    }
    return add(Array(key), below: parent)
  }

  /// - Parameter guess: the child that comes next if this object is like the one before.
  @inline(__always)
  func child(_ key: UnsafeBufferPointer<UInt8>, below parent: Int, guess: Int?) -> Int? {
    if let guess, isKey(key, of: guess) { return guess }
    return search(key, below: parent)
  }

  @inline(never)
  private func search(_ key: UnsafeBufferPointer<UInt8>, below parent: Int) -> Int? {
    var node = nodes[parent].firstChild
    var left = Limits.jsonSiblings
    while let one = node, left > 0 {
      if isKey(key, of: one) { return one }
      node = nodes[one].nextSibling
      left -= 1
    }
    return node == nil ? nil : edges[Edge(parent: parent, key: Array(key))]
  }

  @inline(__always)
  private func isKey(_ key: UnsafeBufferPointer<UInt8>, of node: Int) -> Bool {
    let range = nodes[node].key
    guard range.count == key.count else { return false }
    return keyBytes.withUnsafeBufferPointer { Bytes.areEqual(UnsafeBufferPointer(rebasing: $0[range]), key) }
  }

  /// - Parameter gathers: whether the path counts as found.
  /// - Returns: false: this object has had the key already.
  @inline(__always)
  mutating func visit(_ node: Int, in object: UInt64, gathers: Bool) -> Bool {
    if nodes[node].seenIn == object { return false }
    nodes[node].seenIn = object
    if gathers, nodes[node].order == nil {
      nodes[node].order = seen
      seen += 1
      news.append((node, nil))
    }
    return true
  }

  @inline(__always)
  mutating func noteValue(_ node: Int) {
    if !nodes[node].hasValue { note(node, \.hasValue) }
  }
  @inline(__always)
  mutating func noteObject(_ node: Int) {
    if !nodes[node].hasObject { note(node, \.hasObject) }
  }

  private mutating func note(_ node: Int, _ what: WritableKeyPath<Node, Bool>) {
    nodes[node][keyPath: what] = true
    news.append((node, what))
  }

  mutating func beginRow() {
    if !news.isEmpty { news.removeAll(keepingCapacity: true) }
  }

  /// The row is bad: what it alone has is no path.
  mutating func forgetRow() {
    for (node, what) in news {
      if let what { nodes[node][keyPath: what] = false } else { nodes[node].order = nil }
    }
    news.removeAll(keepingCapacity: true)
  }

  func hasChildren(_ node: Int) -> Bool { nodes[node].firstChild != nil }

  /// Paths at which a value was found, in the order in which they were first seen. Nil alone is no value where an object was found as well.
  var found: [ValuePath] {
    nodes.indices.dropFirst().filter { nodes[$0].order != nil && (nodes[$0].hasValue || !nodes[$0].hasObject) }
      .sorted { (nodes[$0].order ?? 0) < (nodes[$1].order ?? 0) }.map(path)
  }

  /// Of them, where nothing but null was found.
  var nullOnly: Set<ValuePath> {
    Set(
      nodes.indices.dropFirst().filter { nodes[$0].order != nil && !nodes[$0].hasValue && !nodes[$0].hasObject }.map(
        path))
  }

  private func path(_ node: Int) -> ValuePath {
    var keys: [[UInt8]] = []
    var node = node
    while node != Self.root {
      keys.append(Array(keyBytes[nodes[node].key]))
      node = nodes[node].parent
    }
    return ValuePath(keys: keys.reversed())
  }
}
