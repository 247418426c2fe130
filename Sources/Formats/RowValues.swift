import CScan

/// The values of one row, one behind the other.
public struct RowValues {
  private(set) var bytes: [UInt8] = []
  private var cells: [cs_cell] = []
  /// Where the value begins that is being added to.
  private var start: UInt32 = 0

  public init() {}

  init(_ row: RowView) {
    for index in 0..<row.count { append(row[index]) }
  }

  public var count: Int { cells.count }

  public subscript(index: Int) -> ArraySlice<UInt8> { bytes[Int(cells[index].from)..<Int(cells[index].to)] }

  public mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    cells.removeAll(keepingCapacity: true)
    start = 0
  }

  mutating func add(_ byte: UInt8) { bytes.append(byte) }
  mutating func add(_ piece: UnsafeBufferPointer<UInt8>) { bytes.append(contentsOf: piece) }
  mutating func add(_ piece: [UInt8]) { bytes.append(contentsOf: piece) }

  /// What was added is a value; the next begins.
  mutating func endValue() {
    let end = UInt32(clamping: bytes.count)
    cells.append(cs_cell(from: start, to: end))
    start = end
  }

  mutating func append(_ value: UnsafeBufferPointer<UInt8>) {
    add(value)
    endValue()
  }

  func withView<R>(_ body: (RowView) -> R) -> R {
    bytes.withUnsafeBufferPointer { text in
      cells.withUnsafeBufferPointer { body(RowView(text: text, cells: $0)) }
    }
  }

  /// Each byte of some kind becomes others, in all values.
  mutating func replace(_ table: ByteReplacement) {
    guard bytes.contains(where: { table.by[Int($0)] != nil }) else { return }
    let before = self
    removeAll()
    for index in 0..<before.count {
      for byte in before[index] {
        if let other = table.by[Int(byte)] { add(other) } else { add(byte) }
      }
      endValue()
    }
  }

  /// As a row of CSV: what needs quotes is quoted, and a quote is doubled.
  func write(delimiter: UInt8, into out: inout [UInt8]) {
    for index in 0..<count {
      if index > 0 { out.append(delimiter) }
      let value = self[index]
      guard value.contains(where: { $0 == delimiter || $0 == 0x22 || $0 == 0x0a || $0 == 0x0d }) else {
        out += value
        continue
      }
      out.append(Alphabet.doubleQuote)
      for byte in value {
        if byte == Alphabet.doubleQuote { out.append(byte) }
        out.append(byte)
      }
      out.append(Alphabet.doubleQuote)
    }
    // An empty line would be no row.
    if count == 1, self[0].isEmpty { out += [Alphabet.doubleQuote, Alphabet.doubleQuote] }
    out.append(Alphabet.lineFeed)
  }
}

/// What stands for bytes that are not to be sent.
struct ByteReplacement {
  fileprivate(set) var by = [[UInt8]?](repeating: nil, count: 256)
  let isEmpty: Bool

  /// - Parameters: nil: it stays.
  init(backslash: [UInt8]?, lineBreak: [UInt8]?) {
    isEmpty = backslash == nil && lineBreak == nil
    by[Int(Alphabet.backslash)] = backslash
    by[Int(Alphabet.lineFeed)] = lineBreak
    // Of CRLF one is enough.
    by[Int(Alphabet.carriageReturn)] = lineBreak.map { _ in [] }
  }
}
