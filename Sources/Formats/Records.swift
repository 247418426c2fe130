/// How a log is cut into records.
public enum RecordDialect: Hashable, Sendable {
  /// Every line feed ends a record.
  case line
  /// A line feed inside a quoted field is data. A quote opens a field only behind the delimiter or at a record's start.
  /// Without a delimiter, any of `,` `;` `|` and tab counts as one.
  case csv(quote: UInt8 = 0x22, delimiter: UInt8? = nil)
}

/// Cutting logs at record ends.
///
/// A record ends with LF (CRLF counts, a lone CR does not). Lines with nothing on them are no records, but are passed
/// over.
///
/// CSV is read in two ways at once: as RFC 4180 has it (`""` is a quote, a backslash is data) and with backslash
/// escapes (`\"` is a quote too). The rule:
/// 1. A record ends only where both readings end one.
/// 2. A stretch in which they differ is left whole. It holds as many records as the reading says that has less text
///    behind closing quotes (as many: RFC 4180).
/// 3. Where they do not agree again within `maxRecord` bytes, or by the last byte of a closed log (`isLast`), that same
///    reading alone decides over this stretch, as long as it finds an end there; else the other does.
public enum Records {
  /// Complete records at the start of `bytes`, which begins at a record's start. Nothing is remembered between calls:
  /// the caller keeps what lies behind `end` and puts more behind it.
  ///
  /// - Parameters:
  ///   - maxRecords: at most so many; only a stretch that must stay whole may exceed it, and only as the first.
  ///   - maxBytes: `end` is at most this.
  ///   - maxRecord: how far, in bytes, two readings may disagree.
  ///   - isLast: nothing will ever follow these bytes.
  /// - Returns: how many, and the offset behind the last of them (and behind empty lines around them).
  public static func scan(
    _ bytes: UnsafeRawBufferPointer, dialect: RecordDialect, maxRecords: Int = .max, maxBytes: Int = .max,
    maxRecord: Int = 1 << 20, isLast: Bool = false
  ) -> (records: Int, end: Int) {
    let limit = min(bytes.count, max(0, maxBytes))
    guard limit > 0, maxRecords > 0 else { return (0, 0) }
    return bytes.withMemoryRebound(to: UInt8.self) { bytes in
      var scanner = RecordScanner(
        bytes: bytes, limit: limit, maxRecords: maxRecords, maxRecord: max(1, maxRecord), isLast: isLast)
      switch dialect {
      case .line:
        scanner.scan(Alphabet(quote: nil, separators: []))
      case .csv(let quote, let delimiter):
        let separators = delimiter.map { [$0] } ?? [Alphabet.comma, Alphabet.semicolon, Alphabet.pipe, Alphabet.tab]
        if Bytes.first(quote, in: UnsafeBufferPointer(rebasing: bytes[..<limit])) == nil {
          scanner.scan(Alphabet(quote: nil, separators: []))
        } else {
          scanner.scan(Alphabet(quote: quote, separators: separators))
        }
      }
      return (scanner.records, scanner.end)
    }
  }
}

private struct RecordScanner {
  let bytes: UnsafeBufferPointer<UInt8>
  let limit: Int
  let maxRecords: Int
  let maxRecord: Int
  let isLast: Bool
  var records = 0
  var end = 0

  init(bytes: UnsafeBufferPointer<UInt8>, limit: Int, maxRecords: Int, maxRecord: Int, isLast: Bool) {
    self.bytes = bytes
    self.limit = limit
    self.maxRecords = maxRecords
    self.maxRecord = maxRecord
    self.isLast = isLast
  }

  mutating func scan(_ alphabet: Alphabet) {
    var isDone = false
    while !isDone { isDone = alphabet.quote == nil ? scanLines(alphabet) : scanQuoted(alphabet) }
  }

  /// Without quotes each line feed is an end. Always done.
  private mutating func scanLines(_ alphabet: Alphabet) -> Bool {
    var offset = 0
    let inside = UnsafeBufferPointer(rebasing: bytes[..<limit])
    while offset < limit {
      let block = Block(inside, at: offset, alphabet)
      if !take(block.ends, of: block, at: offset) { break }
      offset += block.count
    }
    return true
  }

  /// From `end` on, until there is no more, or to a stretch over which the readings differ. True: no more.
  private mutating func scanQuoted(_ alphabet: Alphabet) -> Bool {
    var plain = QuoteReading(.double)
    var escaping = QuoteReading(.backslash)
    var offset = end
    while offset < limit {
      let block = Block(bytes, at: offset, alphabet)
      let together = plain.agrees(with: escaping, on: block)
      let first = plain.advance(block) & block.ends
      let second: UInt64
      if together {
        (escaping.state, second) = (plain.state, first)
      } else {
        second = escaping.advance(block) & block.ends
      }
      let dispute = first ^ second
      guard dispute == 0 else {
        let before: UInt64 = (1 << UInt64(dispute.trailingZeroBitCount)) - 1
        guard take(first & second & before, of: block, at: offset) else { return true }
        return !settle(alphabet)
      }
      guard take(first, of: block, at: offset) else { return true }
      offset += block.count
    }
    return true
  }

  /// Takes the ends that the mask tells. False: a limit is reached.
  @inline(__always)
  private mutating func take(_ ends: UInt64, of block: Block, at offset: Int) -> Bool {
    guard ends != 0 else { return true }
    if offset + block.count <= limit, offset != end + 1 {
      // Empty lines: an end right behind an end, or with only a CR between. The record that is open when the block
      // begins has content, unless it begins right here; a single byte before the block could be a CR, which the slow
      // way looks at.
      let starts = ends << 1 | (offset == end ? 1 : 0)
      let returns = block.carriageReturns(among: starts)
      let empty = ends & (starts | returns << 1)
      let found = (ends & ~empty).nonzeroBitCount
      if found < maxRecords - records {
        records += found
        end = offset + Block.size - ends.leadingZeroBitCount
        return true
      }
    }
    return takeOneByOne(ends, at: offset)
  }

  @inline(never)
  private mutating func takeOneByOne(_ ends: UInt64, at offset: Int) -> Bool {
    var ends = ends
    while ends != 0 {
      let behind = offset + ends.trailingZeroBitCount + 1
      guard behind <= limit else { return false }
      if !isEmptyLine(from: end, to: behind - 1) { records += 1 }
      end = behind
      if records >= maxRecords { return false }
      ends &= ends &- 1
    }
    return true
  }

  private func isEmptyLine(from start: Int, to lineFeed: Int) -> Bool {
    lineFeed == start || (lineFeed == start + 1 && bytes[start] == Alphabet.carriageReturn)
  }

  /// One reading's way through a stretch in dispute.
  private struct Way {
    var reading: QuoteReading
    var start: Int
    var ends: [Int] = []
    var records = 0
  }

  /// Rules 2 and 3, byte by byte from `end`. False: nothing can be said yet, or a limit is reached.
  private mutating func settle(_ alphabet: Alphabet) -> Bool {
    var plain = Way(reading: QuoteReading(.double), start: end)
    var escaping = Way(reading: QuoteReading(.backslash), start: end)
    let bound = min(bytes.count - end, maxRecord) + end
    for index in end..<bound {
      let byte = bytes[index]
      let one = step(&plain, byte, index, alphabet)
      let other = step(&escaping, byte, index, alphabet)
      if one && other {
        let found = plain.reading.strays <= escaping.reading.strays ? plain.records : escaping.records
        guard index < limit, records == 0 || found <= maxRecords - records else { return false }
        records += found
        end = index + 1
        return records < maxRecords
      }
    }
    guard isLast || bound - end >= maxRecord else { return false }
    let plainFirst = plain.reading.strays <= escaping.reading.strays
    let chosen = plain.ends.isEmpty || (!plainFirst && !escaping.ends.isEmpty) ? escaping : plain
    let before = end
    for place in chosen.ends where place < limit && records < maxRecords {
      if !isEmptyLine(from: end, to: place) { records += 1 }
      end = place + 1
    }
    return end > before && records < maxRecords
  }

  private func step(_ way: inout Way, _ byte: UInt8, _ index: Int, _ alphabet: Alphabet) -> Bool {
    let isEnd = byte == Alphabet.lineFeed
    let isStructural = way.reading.step(
      byte, isQuote: byte == alphabet.quote, isStructural: isEnd || alphabet.separators.contains(byte))
    guard isEnd, isStructural else { return false }
    if !isEmptyLine(from: way.start, to: index) { way.records += 1 }
    way.ends.append(index)
    way.start = index + 1
    return true
  }
}
