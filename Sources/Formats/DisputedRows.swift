import Core

/// The rows of a stretch in which two readings of quotes differ, as `Records` leaves it whole.
///
/// That reading counts in which each row has the header's columns, no quote stays open and no text stands behind one; where both do,
/// RFC 4180's. Where neither does, the stretch stays as it is.
struct DisputedRows {
  private let delimiter: UInt8?
  private let columns: Int?

  init(delimiter: UInt8?, columns: Int?) { (self.delimiter, self.columns) = (delimiter, columns) }

  /// - Parameter stretch: complete records.
  /// - Returns: how long each row is, with its line end; nil: nobody can tell.
  func lengths(of stretch: UnsafeRawBufferPointer) -> [Int]? {
    let text = stretch.assumingMemoryBound(to: UInt8.self)
    guard Bytes.first(Alphabet.backslash, in: text) != nil else { return nil }
    return lengths(text, .double, isWhole: true) ?? lengths(text, .backslash, isWhole: true)
  }

  /// Of what lies at the end of a log that may still grow, and in which readings do not come to the same end.
  /// - Returns: how many bytes at its start are rows, as many as cannot be rows by chance; nil: nobody can tell yet.
  func settled(_ tail: UnsafeRawBufferPointer) -> Int? {
    let text = tail.assumingMemoryBound(to: UInt8.self)
    guard columns != nil, Bytes.first(Alphabet.backslash, in: text) != nil else { return nil }
    let found = lengths(text, .double, isWhole: false) ?? lengths(text, .backslash, isWhole: false)
    return found.flatMap { $0.count > Limits.rowsBehindQuote ? $0.reduce(0, +) : nil }
  }

  private func lengths(
    _ text: UnsafeBufferPointer<UInt8>, _ escape: QuoteEscape, isWhole: Bool
  ) -> [Int]? {
    var reading = QuoteReading(escape)
    var (found, start, separators) = ([] as [Int], 0, 0)
    for index in text.indices {
      let byte = text[index]
      let isEnd = byte == Alphabet.lineFeed
      guard reading.step(byte, isQuote: byte == Alphabet.doubleQuote, isStructural: isEnd || byte == delimiter) else {
        continue
      }
      guard isEnd else {
        separators += 1
        continue
      }
      let isBlank = index == start || index == start + 1 && text[start] == Alphabet.carriageReturn
      if !isBlank, let columns, separators + 1 != columns { return nil }
      found.append(index + 1 - start)
      (start, separators) = (index + 1, 0)
    }
    return (start == text.count || !isWhole) && !found.isEmpty && reading.strays == 0 ? found : nil
  }
}
