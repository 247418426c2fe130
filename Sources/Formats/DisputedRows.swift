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
    return lengths(text, .double) ?? lengths(text, .backslash)
  }

  private func lengths(_ text: UnsafeBufferPointer<UInt8>, _ escape: QuoteEscape) -> [Int]? {
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
    return start == text.count && reading.strays == 0 ? found : nil
  }
}
