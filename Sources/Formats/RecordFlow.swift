public import Core

/// What becomes of a log's records on their way into an object: bytes in, bytes out, and what is left out.
///
/// - Every row ends with a line feed; empty lines are no rows.
/// - The mark that some programs begin a file with is never sent, nor is a header again.
/// - A line with a quote that is never closed is left out, and what is behind it is read (`OpenQuote`).
/// - Where a shape or rules are asked for, each row is made or judged by itself.
public struct RecordFlow {
  /// Why not all of a stretch was taken.
  public enum Stop: Hashable, Sendable {
    /// The batch has no room for the next row.
    case full
    /// The next row is of another day.
    case day
    /// Another header stands there.
    case header
    /// A record was broken off at its first line: what follows begins elsewhere than was told.
    case broken
  }

  /// A row that is left out, for a person to look at.
  public struct Aside: Hashable, Sendable {
    /// In the stretch.
    public let from: Int
    public let to: Int
    public let fault: RowFault
  }

  public struct Passed: Sendable {
    /// How many bytes of the stretch were taken.
    public internal(set) var consumed = 0
    /// Rows that are sent, left out because nobody wants them, and left out for a person.
    public internal(set) var rows = 0
    public internal(set) var skipped = 0
    public internal(set) var aside: [Aside] = []
    public internal(set) var stop: Stop?
  }

  /// What rows are held against.
  public struct Limit {
    /// Bytes that may come out of it, from rows behind the first one of the batch.
    public var bytes: UInt64
    public var hasRows: Bool
    /// Later than that no event can be.
    let latest: Timestamp
    public init(bytes: UInt64, hasRows: Bool, now: Timestamp) {
      (self.bytes, self.hasRows, latest) = (bytes, hasRows, now + Limits.futureTolerance)
    }
  }

  private let dialect: RecordDialect
  private let maxRecord: Int
  private let header: HeaderWatch?
  private var quotes: OpenQuote?
  private var disputed: DisputedRows?
  private var judge: RowJudge?
  private let dates: RowDates?

  /// - Parameters:
  ///   - header: of the log, to be left out where it comes again; nil: it has none.
  ///   - judge: nil: rows go as they are.
  public init(dialect: RecordDialect, maxRecord: Int, header: HeaderWatch?, judge: RowJudge?, dates: RowDates?) {
    (self.dialect, self.maxRecord, self.header) = (dialect, maxRecord, header)
    (self.judge, self.dates) = (judge, dates)
    guard case .csv = dialect else { return }
    quotes = OpenQuote(delimiter: header?.delimiter, columns: header?.columns)
    disputed = DisputedRows(delimiter: header?.delimiter, columns: header?.columns)
  }

  /// - Parameters:
  ///   - stretch: complete records.
  ///   - day: that all rows of a batch are of; nil: of the first one that tells one, which is put there.
  ///   - out: gets the rows that are sent.
  public mutating func pass(
    _ stretch: UnsafeRawBufferPointer, limit: Limit, day: inout Timestamp?, ids: inout SeenIDs, into out: inout [UInt8]
  ) -> Passed {
    var passed = Passed()
    let start = out.count
    var walk = RecordWalk(stretch, dialect: dialect, maxRecord: maxRecord)
    while let step = walk.next() {
      let place = step.end - step.record.count
      guard let lengths = lengths(of: step.record) else {
        guard take(step.record, step.count, at: place, limit, &day, &ids, &out, from: start, &passed) else {
          return passed
        }
        continue
      }
      var from = 0
      for length in lengths {
        let row = UnsafeRawBufferPointer(rebasing: step.record[from..<(from + length)])
        guard take(row, 1, at: place + from, limit, &day, &ids, &out, from: start, &passed) else { return passed }
        from += length
      }
    }
    // Empty lines at the end are passed over as well.
    if passed.stop == nil { passed.consumed = stretch.count }
    return passed
  }

  /// Of a record of several lines in which readings differ.
  private func lengths(of record: UnsafeRawBufferPointer) -> [Int]? {
    guard let disputed, record.count > 1,
      Bytes.first(
        Alphabet.lineFeed,
        in: UnsafeRawBufferPointer(rebasing: record.dropLast()).assumingMemoryBound(to: UInt8.self)) != nil
    else { return nil }
    return disputed.lengths(of: record)
  }

  /// One record. - Returns: false where it is not taken, or nothing behind it.
  private mutating func take(
    _ whole: UnsafeRawBufferPointer, _ count: Int, at place: Int, _ limit: Limit, _ day: inout Timestamp?,
    _ ids: inout SeenIDs, _ out: inout [UInt8], from start: Int, _ passed: inout Passed
  ) -> Bool {
    let end = place + whole.count
    let record = whole.withoutMark
    guard count > 0, !record.withoutLineEnd.isEmpty else {
      passed.consumed = end
      return true
    }
    switch header?.kind(of: record) {
    case .same:
      passed.consumed = end
      return true
    case .other:
      passed.stop = .header
      return false
    case .row, nil: break
    }
    if let length = quotes?.broken(record) {
      passed.consumed = place + (whole.count - record.count) + length
      passed.aside.append(Aside(from: place, to: passed.consumed, fault: RowFault(.unclosedQuote)))
      passed.stop = .broken
      return false
    }
    let (before, wasDay, known) = (out.count, day, ids.added)
    let outcome = take(record.withoutLineEnd, limit.latest, &day, &ids, &out)
    if outcome == nil || UInt64(out.count - start) > limit.bytes && (limit.hasRows || passed.rows > 0) {
      passed.stop = outcome == nil ? .day : .full
      out.removeLast(out.count - before)
      day = wasDay
      if ids.added > known { ids.takeBackLast() }
      return false
    }
    passed.consumed = end
    switch outcome {
    case .good, nil: passed.rows += count
    case .skipped: passed.skipped += count
    case .aside(let fault): passed.aside.append(Aside(from: place, to: end, fault: fault))
    }
    return true
  }

  /// How long the first line of an unfinished rest is, where a quote in it is never closed; nil: it may still be.
  public mutating func broken(tail: UnsafeRawBufferPointer, isFinal: Bool) -> Int? {
    quotes?.broken(tail: tail, isFinal: isFinal)
  }

  /// How many bytes at the start of a rest, in which readings of quotes do not come to the same end, are rows all the same.
  public func settled(tail: UnsafeRawBufferPointer) -> Int? { disputed?.settled(tail) }

  /// Whether an unfinished rest waits for a quote to be closed.
  public mutating func isOpen(tail: UnsafeRawBufferPointer) -> Bool { quotes?.isOpen(tail) ?? false }

  /// Nil: it is of another day.
  private mutating func take(
    _ record: UnsafeRawBufferPointer, _ latest: Timestamp, _ day: inout Timestamp?, _ ids: inout SeenIDs,
    _ out: inout [UInt8]
  ) -> RowOutcome? {
    if let found = dates?.day(of: record) {
      if let day, day != found { return nil }
      day = found
    }
    if let outcome = judge?.take(record, latest: latest, ids: &ids, into: &out) { return outcome }
    out.append(contentsOf: record)
    out.append(Alphabet.lineFeed)
    return .good
  }
}

/// Knows a log's header where it comes again, and another version of it: a line that holds more than half of its names.
public struct HeaderWatch: Hashable, Sendable {
  public enum Kind: Hashable, Sendable { case row, same, other }

  private let line: [UInt8]
  private let names: [[UInt8]]
  public let delimiter: UInt8?
  /// Of names.
  public var columns: Int { names.count }
  /// Whether a line that looks like another header counts as one.
  private let mayChange: Bool

  /// - Parameters:
  ///   - line: as it stands in the log, without its line end.
  ///   - mayChange: false: the names are the settings', and the log has none.
  public init(_ line: [UInt8], mayChange: Bool) {
    let names = ColumnNames(line)
    self.line = line
    self.names = names.names.map { Array($0.utf8) }
    delimiter = names.delimiter
    self.mayChange = mayChange
  }

  /// - Parameter record: with or without its line end.
  public func kind(of record: UnsafeRawBufferPointer) -> Kind {
    let record = record.withoutLineEnd
    guard !record.isEmpty, !line.isEmpty else { return .row }
    if record.count == line.count, record.elementsEqual(line) { return .same }
    // Its first or its last cell is one of the names: a quick look, for there are many rows.
    guard mayChange, names.count > 1, let delimiter, isName(first(record, delimiter)) || isName(last(record, delimiter))
    else { return .row }
    let cells = ColumnNames.split(Array(record), at: delimiter).map(ColumnNames.unquoted)
    if cells == names { return .same }
    let known = Set(names)
    return Set(cells).intersection(known).count * 2 > known.count ? .other : .row
  }

  private func first(_ record: UnsafeRawBufferPointer, _ delimiter: UInt8) -> UnsafeRawBufferPointer {
    if record.first == Alphabet.doubleQuote {
      let inner = UnsafeRawBufferPointer(rebasing: record.dropFirst())
      let end = Bytes.first(Alphabet.doubleQuote, in: inner.assumingMemoryBound(to: UInt8.self)) ?? inner.count
      return UnsafeRawBufferPointer(rebasing: inner[..<end])
    }
    let end = Bytes.first(delimiter, in: record.assumingMemoryBound(to: UInt8.self)) ?? record.count
    return UnsafeRawBufferPointer(rebasing: record[..<end])
  }

  private func last(_ record: UnsafeRawBufferPointer, _ delimiter: UInt8) -> UnsafeRawBufferPointer {
    if record.last == Alphabet.doubleQuote {
      let inner = UnsafeRawBufferPointer(rebasing: record.dropLast())
      let start = inner.lastIndex(of: Alphabet.doubleQuote).map { $0 + 1 } ?? 0
      return UnsafeRawBufferPointer(rebasing: inner[start...])
    }
    let start = record.lastIndex(of: delimiter).map { $0 + 1 } ?? 0
    return UnsafeRawBufferPointer(rebasing: record[start...])
  }

  private func isName(_ cell: UnsafeRawBufferPointer) -> Bool {
    names.contains { $0.count == cell.count && cell.elementsEqual($0) }
  }
}
