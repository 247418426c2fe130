public import Core

/// Makes a table of lines of JSON as they are read: a row for each object, a column for each path. Memory is bounded by the longest line.
///
/// The lines were checked before.
public struct JSONRewriter: ~Copyable {
  private var source: TextSource? = TextSource(.utf8)
  private var lines: LineCutter
  private var rows: Rows
  private var output = OutputBuffer()

  /// - Parameters:
  ///   - rules: those of the checks.
  ///   - table: columns and what stands for null. Its header is written as well.
  public init(_ rules: JSONRules, _ table: JSONTable, to target: RewriteRules) {
    lines = LineCutter(most: rules.maxRowBytes + 1)
    rows = Rows(table, target)
    if target.packs { output.pack() }
    rows.writeHeader(into: &output.bytes)
  }

  /// Rows so far; the header is none.
  public var count: Int { rows.count }
  /// Why values cannot be written: at most `Limits.reasons`.
  public var problems: [Reason] { rows.problems }
  /// The bytes could not be read as they were when they were checked.
  public var isDamaged: Bool { rows.isDamaged || isBroken }
  private var isBroken = false

  /// The file's next bytes, as they arrived. `emit` gets what is to be written; it is valid during the call only.
  public mutating func feed<E: Error>(
    _ raw: UnsafeRawBufferPointer, emit: (UnsafeRawBufferPointer) throws(E) -> Void
  ) throws(E) {
    guard var source = source.take() else { return }
    source.feed(raw) { read($0) }
    isBroken = source.isDamaged
    self.source = consume source
    try output.flush(emit)
  }

  public mutating func finish<E: Error>(emit: (UnsafeRawBufferPointer) throws(E) -> Void) throws(E) {
    if var source = source.take() {
      source.finish { read($0) }
      isBroken = source.isDamaged
    }
    var cutter = lines
    cutter.finish { rows.take($0, into: &output.bytes) }
    try output.finish(emit)
  }

  private mutating func read(_ text: UnsafeBufferPointer<UInt8>) {
    // Moved out, so that it is not copied.
    var cutter = lines
    lines = LineCutter(most: 0)
    cutter.feed(text) { rows.take($0, into: &output.bytes) }
    lines = cutter
  }
}

/// Objects in, rows out.
private struct Rows {
  private let columns: [PathColumn]
  private let numbers: [Int]
  private let isSplit: [Bool]
  private var object: JSONObject
  private let cell: JSONCell
  private var writer: FieldWriter
  private var field: [UInt8] = []
  private(set) var count = 0
  private(set) var problems: [Reason] = []
  private(set) var isDamaged = false

  init(_ table: JSONTable, _ target: RewriteRules) {
    columns = table.columns
    var tree = PathTree()
    numbers = columns.enumerated().map { tree.want($1.path, as: $0) }
    let wanted = tree.nodes.indices.filter { tree.nodes[$0].wanted != nil }
    let split = !table.isWhole ? [] : Set(wanted.filter { tree.hasChildren($0) }.compactMap { tree.nodes[$0].wanted })
    isSplit = numbers.map(split.contains)
    object = JSONObject(tree, count: columns.count, gathers: false)
    cell = JSONCell(table, replacement: target.replacement)
    writer = FieldWriter(target)
  }

  mutating func writeHeader(into out: inout [UInt8]) {
    for (index, column) in columns.enumerated() {
      if let obstacle = writer.append(Array(column.name.utf8)) { note(obstacle.message, column: index + 1) }
    }
    if let obstacle = writer.endRow(into: &out) { note(obstacle.message, column: 1) }
  }

  /// False: the line cannot be read any more.
  mutating func take(_ line: UnsafeBufferPointer<UInt8>?, into out: inout [UInt8]) -> Bool {
    guard let line else {
      isDamaged = true
      return false
    }
    if line.isEmpty || line.count == 1 && line[0] == 0x0d { return true }
    do throws(JSONObject.Fault) {
      try write(line, into: &out)
      return true
    } catch {
      isDamaged = true
      return false
    }
  }

  private mutating func write(_ line: UnsafeBufferPointer<UInt8>, into out: inout [UInt8]) throws(JSONObject.Fault) {
    try object.read(line)
    count += 1
    for index in numbers.indices {
      field.removeAll(keepingCapacity: true)
      let value = object[numbers[index]]
      if let obstacle = try cell.write(value, of: line, isSplit: isSplit[index], into: &field) {
        note(obstacle == .nested ? Self.nested : Self.join, column: index + 1)
      }
      if let obstacle = writer.append(field) { note(obstacle.message, column: index + 1) }
    }
    if let obstacle = writer.endRow(into: &out) { note(obstacle.message, column: 1) }
  }

  private static let nested =
    "The value is an object, or an array of more than single values; set rewrite.nested to json, or name paths below it"
  private static let join =
    "An element of the array holds the sign that joins elements; choose another one in rewrite.join"

  private mutating func note(_ message: String, column: Int) {
    guard problems.count < Limits.reasons else { return }
    problems.append(Reason(.unwritable, message, row: count > 0 ? count : nil, column: column))
  }
}
