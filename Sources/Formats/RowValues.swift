/// The values of one row, one behind the other.
public struct RowValues {
  private(set) var bytes: [UInt8] = []
  private var ends: [Int] = []

  public init() {}

  public var count: Int { ends.count }

  public subscript(index: Int) -> ArraySlice<UInt8> { bytes[(index == 0 ? 0 : ends[index - 1])..<ends[index]] }

  public mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
  }

  mutating func add(_ byte: UInt8) { bytes.append(byte) }
  mutating func add(_ piece: some Collection<UInt8>) { bytes.append(contentsOf: piece) }

  /// What was added is a value; the next begins.
  mutating func endValue() { ends.append(bytes.count) }

  mutating func append(_ value: some Collection<UInt8>) {
    add(value)
    endValue()
  }

  /// Each byte of some kind becomes others, in all values.
  mutating func replace(_ table: ByteReplacement) {
    guard bytes.contains(where: { table.by[Int($0)] != nil }) else { return }
    var (replaced, newEnds, start) = ([] as [UInt8], [] as [Int], 0)
    for end in ends {
      for byte in bytes[start..<end] {
        if let other = table.by[Int(byte)] { replaced += other } else { replaced.append(byte) }
      }
      newEnds.append(replaced.count)
      start = end
    }
    (bytes, ends) = (replaced, newEnds)
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
