public import Core

/// Makes rows what is to be sent, and tells those that cannot be.
public final class RowJudge {
  private let columns: Int?
  /// Of the log.
  let cut: UInt8?
  private let rules: RecordRules?
  private let replacement: ByteReplacement
  private let delimiter: UInt8
  private let shaper: RowShaper?
  private var cells: RowCells
  private let line = RowText()
  /// Of what is sent; nil: there is no such column.
  private let id: Int?
  private let timestamp: Int?

  /// Nil where rows go as they are.
  /// - Parameters:
  ///   - header: of the log; nil: it has none.
  ///   - names: as columns are called in what is sent.
  ///   - shaper: nil: columns are sent as they are.
  public init?(
    header: ColumnNames?, names: [String], rules: RecordRules?, replacement: ValueReplacement, shaper: RowShaper?
  ) {
    guard rules != nil || !replacement.isEmpty || shaper != nil else { return nil }
    columns = header?.names.count
    self.rules = rules
    self.replacement = ByteReplacement(
      backslash: replacement.backslash.map { Array($0.utf8) }, lineBreak: replacement.lineBreak.map { Array($0.utf8) })
    self.shaper = shaper
    delimiter = shaper == nil ? header?.delimiter ?? Alphabet.comma : Alphabet.comma
    cut = header?.delimiter
    cells = RowCells(delimiter: header?.delimiter)
    func place(_ name: String?) -> Int? {
      name.flatMap { name in name.isEmpty ? nil : (shaper?.names ?? names).firstIndex(of: name) }
    }
    id = place(rules?.id)
    timestamp = place(rules?.timestamp)
  }

  /// - Parameters:
  ///   - record: without its line end.
  ///   - latest: later than that no event can be.
  public func take(
    _ record: UnsafeRawBufferPointer, latest: Timestamp, ids: inout SeenIDs, into out: inout [UInt8]
  ) -> RowOutcome {
    let fault = rules == nil ? nil : self.fault(of: record)
    if let fault, shaper == nil { return .aside(fault) }
    cells.read(record, columns: columns)
    if rules != nil || shaper != nil, !cells.isClean { return .aside(fault ?? RowFault(.openQuote)) }
    let (values, isClean, hasEscapes) = (cells.values, cells.isClean, cells.hasEscapes)
    return values.withView { row in
      take(row, record, isClean: isClean, hasEscapes: hasEscapes, fault, latest, &ids, &out)
    }
  }

  /// The same of a row that is cut already, and that all readings cut so.
  func take(
    _ row: RowCut.Row, latest: Timestamp, ids: inout SeenIDs, into out: inout [UInt8]
  ) -> RowOutcome {
    let fault = row.isPlain || rules == nil ? nil : self.fault(of: row.record)
    if let fault, shaper == nil { return .aside(fault) }
    return take(row.cells, row.record, isClean: true, hasEscapes: false, fault, latest, &ids, &out)
  }

  private func fault(of record: UnsafeRawBufferPointer) -> RowFault? {
    let text = record.assumingMemoryBound(to: UInt8.self)
    // ASCII without NUL, mostly.
    let plain = Bytes.plain(text)
    guard plain < text.count else { return nil }
    let rest = UnsafeBufferPointer(rebasing: text[plain...])
    if Bytes.first(0, in: rest) != nil { return RowFault(.nulByte) }
    return String(validating: rest, as: UTF8.self) == nil ? RowFault(.badEncoding) : nil
  }

  private func take(
    _ row: RowView, _ record: UnsafeRawBufferPointer, isClean: Bool, hasEscapes: Bool, _ fault: RowFault?,
    _ latest: Timestamp, _ ids: inout SeenIDs, _ out: inout [UInt8]
  ) -> RowOutcome {
    if rules != nil || shaper != nil, let columns, columns != row.count {
      return .aside(fault ?? RowFault(.columnCount))
    }
    guard let shaper else {
      // What only another reading than RFC 4180's understands is written anew.
      let isAnew =
        isClean && (rules != nil && hasEscapes || !replacement.isEmpty && replacement.occurs(in: record))
      return isAnew
        ? writeAnew(RowValues(row), nil, latest, &ids, &out) : send(row, record, nil, latest, &ids, &out)
    }
    var time: Timestamp?
    let outcome = shaper.shape(row, time: &time)
    if let fault, outcome != .skipped { return .aside(fault) }
    guard case .good = outcome else { return outcome }
    if !replacement.isEmpty { return writeAnew(shaper.values(row), time, latest, &ids, &out) }
    shaper.write(row, delimiter: delimiter, into: line)
    return send(row, UnsafeRawBufferPointer(line.bytes), time, latest, &ids, &out)
  }

  /// Sends a row whose values stand in the log, or were shaped.
  /// - Parameter text: as it is sent, without its line end.
  private func send(
    _ row: RowView, _ text: UnsafeRawBufferPointer, _ time: Timestamp?, _ latest: Timestamp, _ ids: inout SeenIDs,
    _ out: inout [UInt8]
  ) -> RowOutcome {
    func value(_ column: Int) -> UnsafeBufferPointer<UInt8> { shaper?.value(column, row) ?? row[column] }
    if let rules, let fault = judge(rules, time, latest, &ids, written: text.count, value) { return .aside(fault) }
    out.append(contentsOf: text)
    out.append(Alphabet.lineFeed)
    return .good
  }

  /// Sends values that are written anew, bytes of them replaced.
  private func writeAnew(
    _ values: RowValues, _ time: Timestamp?, _ latest: Timestamp, _ ids: inout SeenIDs, _ out: inout [UInt8]
  ) -> RowOutcome {
    var values = values
    values.replace(replacement)
    let start = out.count
    values.write(delimiter: delimiter, into: &out)
    guard let rules else { return .good }
    let written = out.count - start - 1
    guard let fault = values.withView({ row in judge(rules, time, latest, &ids, written: written) { row[$0] } }) else {
      return .good
    }
    out.removeLast(out.count - start)
    return .aside(fault)
  }

  @inline(__always)
  private func judge(
    _ rules: RecordRules, _ known: Timestamp?, _ latest: Timestamp, _ ids: inout SeenIDs, written: Int,
    _ value: (Int) -> UnsafeBufferPointer<UInt8>
  ) -> RowFault? {
    if written > rules.maxBytes { return RowFault(.rowTooLong) }
    if let timestamp {
      guard let time = known ?? Timestamp(event: value(timestamp)) else {
        return RowFault(.badTime, column: rules.timestamp)
      }
      if time > latest { return RowFault(.futureTime, column: rules.timestamp) }
    }
    guard let id else { return nil }
    let value = value(id)
    if value.isEmpty { return RowFault(.missingValue, column: rules.id) }
    return ids.add(UnsafeRawBufferPointer(value)) ? nil : RowFault(.duplicateKey, column: rules.id)
  }
}

extension ByteReplacement {
  fileprivate func occurs(in record: UnsafeRawBufferPointer) -> Bool {
    record.contains { by[Int($0)] != nil }
  }
}

extension Timestamp {
  /// As AEP's data preparation takes times by itself.
  fileprivate init?(event text: UnsafeBufferPointer<UInt8>) {
    guard text.count <= Limits.dateFieldBytes, let time = RowDates.time(String(decoding: text, as: UTF8.self)) else {
      return nil
    }
    self = time
  }
}
