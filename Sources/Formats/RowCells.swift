/// The cells of one record, without quotes and escapes; made once, for one record after another.
public struct RowCells {
  /// Nil: one cell is all.
  private let delimiter: UInt8?
  /// Nil: nothing quotes.
  private let quote: UInt8?
  public private(set) var values = RowValues()
  /// Every quoted cell is closed, and nothing but a delimiter stands behind it.
  public private(set) var isClean = true
  /// A quote stands within a cell that is not quoted: data, or what is left of a value that began in another line.
  public private(set) var hasLooseQuote = false
  /// Backslashes were read as escapes: RFC 4180 reads something else.
  public private(set) var hasEscapes = false
  /// The last cell was never closed.
  public private(set) var isOpen = false

  public init(delimiter: UInt8?, quote: UInt8? = UInt8(ascii: "\"")) {
    (self.delimiter, self.quote) = (delimiter, quote)
  }

  public var count: Int { values.count }

  /// - Parameter columns: as many as there should be; of two readings the one counts that finds as many. Nil: not known.
  public mutating func read(_ record: UnsafeRawBufferPointer, columns: Int?) {
    hasEscapes = false
    read(record, .double)
    guard !isClean || columns.map({ $0 != count }) ?? false else { return }
    guard Bytes.first(Alphabet.backslash, in: record.assumingMemoryBound(to: UInt8.self)) != nil else { return }
    read(record, .backslash)
    hasEscapes = isClean && columns.map { $0 == count } ?? true
    if !hasEscapes { read(record, .double) }
  }

  private mutating func read(_ record: UnsafeRawBufferPointer, _ escape: QuoteEscape) {
    values.removeAll()
    (isClean, isOpen, hasLooseQuote) = (true, false, false)
    let text = record.assumingMemoryBound(to: UInt8.self)
    guard let quote, Bytes.first(quote, in: text) != nil else { return readPlain(text) }
    var index = 0
    while true {
      if index < text.count, text[index] == quote {
        index = readQuoted(text, from: index + 1, quote, escape)
      } else {
        let end = next(in: text, from: index)
        if Bytes.first(quote, in: UnsafeBufferPointer(rebasing: text[index..<end])) != nil { hasLooseQuote = true }
        values.add(UnsafeBufferPointer(rebasing: text[index..<end]))
        index = end
      }
      values.endValue()
      guard index < text.count else { return }
      index += 1
    }
  }

  private mutating func readPlain(_ text: UnsafeBufferPointer<UInt8>) {
    var index = 0
    while true {
      let end = next(in: text, from: index)
      values.append(UnsafeBufferPointer(rebasing: text[index..<end]))
      guard end < text.count else { return }
      index = end + 1
    }
  }

  private func next(in text: UnsafeBufferPointer<UInt8>, from index: Int) -> Int {
    guard let delimiter, index < text.count else { return text.count }
    return Bytes.first(delimiter, in: UnsafeBufferPointer(rebasing: text[index...])).map { index + $0 } ?? text.count
  }

  /// - Returns: where the cell ends: at a delimiter, or behind the last byte.
  private mutating func readQuoted(
    _ text: UnsafeBufferPointer<UInt8>, from start: Int, _ quote: UInt8, _ escape: QuoteEscape
  ) -> Int {
    var index = start
    while index < text.count {
      let byte = text[index]
      if byte == quote {
        guard index + 1 < text.count else { return text.count }
        if text[index + 1] == quote {
          values.add(quote)
          index += 2
          continue
        }
        guard text[index + 1] != delimiter else { return index + 1 }
        // Text behind the closing quote is taken as it is.
        isClean = false
        let end = next(in: text, from: index + 1)
        values.add(UnsafeBufferPointer(rebasing: text[(index + 1)..<end]))
        return end
      }
      if byte == escape.byte, index + 1 < text.count {
        values.add(escape.bytes(before: text[index + 1], quote: quote))
        index += 2
        continue
      }
      values.add(byte)
      index += 1
    }
    (isClean, isOpen) = (false, true)
    return text.count
  }
}
