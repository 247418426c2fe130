import Core

/// Complete records, one by one, as `Records` has told where they end.
public struct RecordWalk {
  /// One record of the stretch.
  public struct Step {
    /// With its line end, without the empty lines before it.
    public let record: UnsafeRawBufferPointer
    /// Where in the stretch what was passed ends.
    public let end: Int
    /// As many records as it counts for: none, where it is blank; more than one, where readings differ and it must stay whole.
    public let count: Int
  }

  private let bytes: UnsafeRawBufferPointer
  private let dialect: RecordDialect
  /// Without quotes, each line feed ends a record.
  private let areLines: Bool
  private let maxRecord: Int
  /// Where the next record begins, or empty lines before it.
  private(set) var offset = 0

  /// - Parameter bytes: so many complete records, valid while this walks.
  public init(_ bytes: UnsafeRawBufferPointer, dialect: RecordDialect, maxRecord: Int) {
    (self.bytes, self.dialect, self.maxRecord) = (bytes, dialect, maxRecord)
    areLines =
      switch dialect {
      case .line: true
      case .csv(let quote, _): Bytes.first(quote, in: bytes.assumingMemoryBound(to: UInt8.self)) == nil
      }
  }

  public mutating func next() -> Step? {
    guard offset < bytes.count else { return nil }
    let start = offset
    let found = areLines ? line(from: start) : record(from: start)
    offset = start + found.length
    var record = UnsafeRawBufferPointer(rebasing: bytes[start..<offset])
    // Lines with nothing on them are no records.
    while let skipped = Self.blank(record) { record = UnsafeRawBufferPointer(rebasing: record[skipped...]) }
    return Step(record: record, end: offset, count: record.isEmpty ? 0 : max(1, found.count))
  }

  /// A record that somebody else has found.
  mutating func pass(_ length: Int) { offset += length }

  private func line(from start: Int) -> (length: Int, count: Int) {
    let rest = UnsafeRawBufferPointer(rebasing: bytes[start...]).assumingMemoryBound(to: UInt8.self)
    return (Bytes.first(Alphabet.lineFeed, in: rest).map { $0 + 1 } ?? rest.count, 1)
  }

  private func record(from start: Int) -> (length: Int, count: Int) {
    let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
    var limit = Limits.recordWindow
    while true {
      let isAll = limit >= rest.count
      let window = UnsafeRawBufferPointer(rebasing: rest[..<min(limit, rest.count)])
      let found = Records.scan(window, dialect: dialect, maxRecords: 1, maxRecord: maxRecord, isLast: isAll)
      if found.end > 0 { return (found.end, found.records) }
      // What has no end of its own here is left whole.
      guard !isAll else { return (rest.count, 1) }
      limit *= 2
    }
  }

  /// How long the empty line is that the bytes begin with; nil: there is none.
  private static func blank(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard let first = bytes.first else { return nil }
    if first == Alphabet.lineFeed { return 1 }
    return bytes.count > 1 && first == Alphabet.carriageReturn && bytes[1] == Alphabet.lineFeed ? 2 : nil
  }
}

extension UnsafeRawBufferPointer {
  /// Without the line end behind it.
  public var withoutLineEnd: UnsafeRawBufferPointer {
    guard last == Alphabet.lineFeed else { return self }
    let end = count > 1 && self[count - 2] == Alphabet.carriageReturn ? count - 2 : count - 1
    return UnsafeRawBufferPointer(rebasing: self[..<end])
  }

  /// Without the mark that some programs begin a file with.
  public var withoutMark: UnsafeRawBufferPointer {
    guard count >= 3, self[0] == 0xef, self[1] == 0xbb, self[2] == 0xbf else { return self }
    return UnsafeRawBufferPointer(rebasing: self[3...])
  }
}
