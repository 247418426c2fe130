public import Core

/// Makes rows what is to be sent, and tells those that cannot be.
public struct RowJudge {
  private let columns: Int?
  private let rules: RecordRules?
  private let replacement: ByteReplacement
  private let delimiter: UInt8
  private var shaper: RowShaper?
  private var cells: RowCells
  private var shaped = RowValues()
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
  public mutating func take(
    _ record: UnsafeRawBufferPointer, latest: Timestamp, ids: inout SeenIDs, into out: inout [UInt8]
  ) -> RowOutcome {
    let fault = rules == nil ? nil : self.fault(of: record)
    if let fault, shaper == nil { return .aside(fault) }
    cells.read(record, columns: columns)
    if rules != nil || shaper != nil {
      guard cells.isClean else { return .aside(fault ?? RowFault(.openQuote)) }
      if let columns, columns != cells.count { return .aside(fault ?? RowFault(.columnCount)) }
    }
    var time: Timestamp?
    if shaper != nil {
      let outcome = shaper?.shape(cells.values, into: &shaped, time: &time) ?? .good
      if let fault, outcome != .skipped { return .aside(fault) }
      guard outcome == .good else { return outcome }
    }
    let start = out.count
    write(record, into: &out)
    guard let rules else { return .good }
    if let fault = judge(rules, time, latest, &ids, written: out.count - start - 1) {
      out.removeLast(out.count - start)
      return .aside(fault)
    }
    return .good
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

  private mutating func write(_ record: UnsafeRawBufferPointer, into out: inout [UInt8]) {
    if shaper != nil {
      if !replacement.isEmpty { shaped.replace(replacement) }
      return shaped.write(delimiter: delimiter, into: &out)
    }
    // What only another reading than RFC 4180's understands is written anew.
    guard cells.isClean, rules != nil && cells.hasEscapes || !replacement.isEmpty && replacement.occurs(in: record)
    else {
      out.append(contentsOf: record)
      return out.append(Alphabet.lineFeed)
    }
    shaped = cells.values
    shaped.replace(replacement)
    shaped.write(delimiter: delimiter, into: &out)
  }

  private func judge(
    _ rules: RecordRules, _ known: Timestamp?, _ latest: Timestamp, _ ids: inout SeenIDs, written: Int
  ) -> RowFault? {
    if written > rules.maxBytes { return RowFault(.rowTooLong) }
    if let timestamp {
      let name = rules.timestamp
      guard let time = known ?? Timestamp(event: value(timestamp)) else { return RowFault(.badTime, column: name) }
      if time > latest { return RowFault(.futureTime, column: name) }
    }
    guard let id else { return nil }
    let value = value(id)
    if value.isEmpty { return RowFault(.missingValue, column: rules.id) }
    return value.withUnsafeBytes({ ids.add($0) }) ? nil : RowFault(.duplicateKey, column: rules.id)
  }

  private func value(_ index: Int) -> ArraySlice<UInt8> { shaper == nil ? cells.values[index] : shaped[index] }
}

extension ByteReplacement {
  fileprivate func occurs(in record: UnsafeRawBufferPointer) -> Bool {
    record.contains { by[Int($0)] != nil }
  }
}

extension Timestamp {
  /// As AEP's data preparation takes times by itself.
  fileprivate init?(event text: ArraySlice<UInt8>) {
    guard text.count <= Limits.dateFieldBytes, let time = RowDates.time(String(decoding: text, as: UTF8.self)) else {
      return nil
    }
    self = time
  }
}
