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
  /// Nil where rows are cut in another way.
  private let cut: RowCut?

  /// - Parameters:
  ///   - header: of the log, to be left out where it comes again; nil: it has none.
  ///   - judge: nil: rows go as they are.
  public init(dialect: RecordDialect, maxRecord: Int, header: HeaderWatch?, judge: RowJudge?, dates: RowDates?) {
    (self.dialect, self.maxRecord, self.header) = (dialect, maxRecord, header)
    (self.judge, self.dates) = (judge, dates)
    let isAlike = judge.map { $0.cut == header?.delimiter } ?? true
    cut =
      isAlike && dialect.quote ?? Alphabet.doubleQuote == Alphabet.doubleQuote
      ? RowCut(delimiter: header?.delimiter, columns: header?.columns ?? 1) : nil
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
    while true {
      if let row = cut?.row(in: stretch, at: walk.offset), header?.isRow(row) ?? true {
        guard take(row, at: walk.offset, limit, &day, &ids, &out, from: start, &passed) else { return passed }
        walk.pass(row.length)
        continue
      }
      guard let step = walk.next() else { break }
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
    let before = Before(out: out.count, day: day, ids: ids.added)
    let row = record.withoutLineEnd
    var outcome: RowOutcome?
    if isOf(&day, row) {
      outcome = judge?.take(row, latest: limit.latest, ids: &ids, into: &out) ?? Self.copy(row, &out)
    }
    return settle(outcome, before, place..<end, count, limit, &day, &ids, &out, from: start, &passed)
  }

  /// One row that is cut, and no header. - Returns: false where it is not taken.
  @inline(__always)
  private mutating func take(
    _ row: RowCut.Row, at place: Int, _ limit: Limit, _ day: inout Timestamp?, _ ids: inout SeenIDs,
    _ out: inout [UInt8], from start: Int, _ passed: inout Passed
  ) -> Bool {
    let before = Before(out: out.count, day: day, ids: ids.added)
    var outcome: RowOutcome?
    if isOf(&day, row.record) {
      outcome = judge?.take(row, latest: limit.latest, ids: &ids, into: &out) ?? Self.copy(row.record, &out)
    }
    return settle(
      outcome, before, place..<(place + row.length), 1, limit, &day, &ids, &out, from: start, &passed)
  }

  private static func copy(_ row: UnsafeRawBufferPointer, _ out: inout [UInt8]) -> RowOutcome {
    out.append(contentsOf: row)
    out.append(Alphabet.lineFeed)
    return .good
  }

  /// What there was before a row.
  private struct Before {
    let out: Int
    let day: Timestamp?
    let ids: Int
  }

  /// - Parameter outcome: nil: it is of another day.
  /// - Returns: false where there is no room for the row, or it is of another day: then all is as it was before.
  @inline(__always)
  private func settle(
    _ outcome: RowOutcome?, _ before: Before, _ place: Range<Int>, _ count: Int, _ limit: Limit,
    _ day: inout Timestamp?,
    _ ids: inout SeenIDs, _ out: inout [UInt8], from start: Int, _ passed: inout Passed
  ) -> Bool {
    guard let outcome, UInt64(out.count - start) <= limit.bytes || !limit.hasRows && passed.rows == 0 else {
      passed.stop = outcome == nil ? .day : .full
      out.removeLast(out.count - before.out)
      day = before.day
      if ids.added > before.ids { ids.takeBackLast() }
      return false
    }
    passed.consumed = place.upperBound
    switch outcome {
    case .good: passed.rows += count
    case .skipped: passed.skipped += count
    case .aside(let fault): passed.aside.append(Aside(from: place.lowerBound, to: place.upperBound, fault: fault))
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

  /// Whether the row is of the day; without one, its own is put there.
  @inline(__always)
  private func isOf(_ day: inout Timestamp?, _ row: UnsafeRawBufferPointer) -> Bool {
    guard let found = dates?.day(of: row) else { return true }
    if let day, day != found { return false }
    day = found
    return true
  }
}

extension RecordDialect {
  fileprivate var quote: UInt8? { if case .csv(let quote, _) = self { quote } else { nil } }
}
