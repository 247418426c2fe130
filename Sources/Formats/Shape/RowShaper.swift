import CScan
public import Core

/// Why a row is not sent. The value is never told.
public struct RowFault: Hashable, Sendable {
  public let code: Reason.Code
  /// The column, as it is called in what is sent; nil: the whole row.
  public let column: String?
  public init(_ code: Reason.Code, column: String? = nil) { (self.code, self.column) = (code, column) }
}

public enum RowOutcome: Hashable, Sendable {
  case good
  /// Of no interest to anybody, as the settings say.
  case skipped
  /// Kept for a person.
  case aside(RowFault)
}

/// A shape cannot be made of a log, for it lacks a column.
public struct ShapeComplaint: Error, Hashable, Sendable, CustomStringConvertible {
  /// As it is sent.
  public let column: String
  public let missing: SourceColumn
  public var description: String { "it has no column \(missing.shown), which “\(column)” is made of" }
}

/// Makes the rows that are sent from the rows of one log. A class, as its columns are: what they remember is changed where it lies, and
/// nothing is copied for a row.
public final class RowShaper {
  private enum Piece {
    /// Of `constants`.
    case constant(cs_cell)
    case cell(Int)
    /// A column that is sent.
    case made(Int)
  }

  private enum Maker {
    case cell(Int)
    /// Of `pieces`.
    case text(Range<Int>)
    /// Of `maps`, and of `times`.
    case map(Int)
    case time(Int)
  }

  /// One column that is made, and what is special about it.
  private struct Step {
    let column: Int
    let maker: Maker
    let isMap, isID, isTimestamp: Bool

    init(_ column: Int, _ maker: Maker, _ name: String) {
      (self.column, self.maker) = (column, maker)
      isMap = if case .map = maker { true } else { false }
      (isID, isTimestamp) = (name == RowShaper.id, name == RowShaper.timestamp)
    }
  }

  private enum Made {
    case good, skipped
    case aside(Reason.Code)
  }

  private static let id = "_id"
  private static let timestamp = "timestamp"

  public let names: [String]
  private let pieces: [Piece]
  private let constants: [UInt8]
  private let mapped: [MappedColumn]
  private let timed: [TimeColumn]
  /// Of each column that is sent the cell that it is taken over from; nil: it is made.
  private let cells: [Int?]
  /// Columns that others may be made of come first.
  private let steps: [Step]
  /// Where `_id` is taken over as it is: from there.
  private let idCell: Int?
  /// What was made of a row, and where in it the columns lie that are not taken over as they are.
  private let text = RowText()
  private let made: UnsafeMutablePointer<cs_cell>

  /// - Parameters:
  ///   - columns: of the log, in order; of two with one name the first counts.
  ///   - zone: by its name; nil where this machine does not know it.
  public init(
    _ rules: ShapeRules, columns: [String], zone: (String) -> ClockZone?
  ) throws(ShapeComplaint) {
    let places = Dictionary(columns.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    func place(_ source: SourceColumn, _ column: ShapeRules.Column) throws(ShapeComplaint) -> Int {
      for name in source.names { if let place = places[name] { return place } }
      throw ShapeComplaint(column: column.name, missing: source)
    }
    // What a preset offers and this log does not have.
    let offered = rules.columns.filter { column in
      guard case .source(let source) = column.value, source.isOptional else { return true }
      return source.names.contains { places[$0] != nil }
    }
    let own = Dictionary(offered.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    names = offered.map(\.name)
    var (makers, pieces, constants) = ([] as [Maker], [] as [Piece], [] as [UInt8])
    var (mapped, timed) = ([] as [MappedColumn], [] as [TimeColumn])
    var (maps, times, texts, late) = ([] as [Int], [] as [Int], [] as [Int], [] as [Int])
    for (index, column) in offered.enumerated() {
      switch column.value {
      case .source(let source): makers.append(.cell(try place(source, column)))
      case .text(let text):
        let start = pieces.count
        for piece in text.pieces {
          switch piece {
          case .constant(let text):
            let from = UInt32(constants.count)
            constants += Array(text.utf8)
            pieces.append(.constant(cs_cell(from: from, to: UInt32(constants.count))))
          case .source(let source): pieces.append(.cell(try place(source, column)))
          case .shaped(let name):
            guard let other = own[name] else { throw ShapeComplaint(column: column.name, missing: SourceColumn(name)) }
            pieces.append(.made(other))
          }
        }
        makers.append(.text(start..<pieces.count))
        if text.shaped.isEmpty { texts.append(index) } else { late.append(index) }
      case .map(let map):
        var cells: [Int] = []
        for source in map.from { cells.append(try place(source, column)) }
        makers.append(.map(mapped.count))
        mapped.append(MappedColumn(map, cells))
        maps.append(index)
      case .time(let rule):
        makers.append(.time(timed.count))
        timed.append(TimeColumn(rule, try place(rule.from, column), rule.zone.flatMap(zone) ?? .utc))
        times.append(index)
      }
    }
    (self.pieces, self.constants, self.mapped, self.timed) = (pieces, constants, mapped, timed)
    let cells: [Int?] = makers.map { if case .cell(let cell) = $0 { cell } else { nil } }
    self.cells = cells
    steps = (maps + times + texts + late).map { Step($0, makers[$0], offered[$0].name) }
    made = .allocate(capacity: names.count)
    made.initialize(repeating: cs_cell(), count: names.count)
    idCell = names.firstIndex(of: Self.id).flatMap { cells[$0] }
  }

  deinit { made.deallocate() }

  /// Makes the columns that are not taken over as they are.
  /// - Parameters:
  ///   - row: as many cells as the log has columns.
  ///   - time: of the column `timestamp`, where there is one.
  func shape(_ row: RowView, time: inout Timestamp?) -> RowOutcome {
    text.removeAll()
    // What is skipped is no bad row, whatever else is wrong with it.
    var first: RowFault?
    for step in steps {
      if first != nil, !step.isMap { break }
      let start = UInt32(truncatingIfNeeded: text.count)
      switch make(step, row, &time) {
      case .good: made[step.column] = cs_cell(from: start, to: UInt32(truncatingIfNeeded: text.count))
      case .skipped: return .skipped
      case .aside(let code): if first == nil { first = RowFault(code, column: names[step.column]) }
      }
    }
    if let first { return .aside(first) }
    // Places are told in 32 bits; a record may have 256 MiB, but stand in many columns.
    guard text.count <= UInt32.max else { return .aside(RowFault(.rowTooLong)) }
    if let idCell, row[idCell].isEmpty { return .aside(RowFault(.missingValue, column: Self.id)) }
    return .good
  }

  /// Of the row that was shaped last.
  @inline(__always)
  func value(_ column: Int, _ row: RowView) -> UnsafeBufferPointer<UInt8> {
    if let cell = cells[column] { return row[cell] }
    return text.bytes.cell(made[column])
  }

  /// The row that was shaped last, as CSV without its line end.
  func write(_ row: RowView, delimiter: UInt8, into line: RowText) {
    line.removeAll()
    for column in cells.indices {
      if column > 0 { line.add(delimiter) }
      line.add(value(column, row))
    }
    let bytes = line.bytes
    let isPlain = bytes.baseAddress.map { cs_unquoted($0, bytes.count, delimiter, cells.count - 1) } ?? false
    // An empty line would be no row.
    guard isPlain, line.count > 0 else { return writeQuoted(row, delimiter, into: line) }
  }

  private func writeQuoted(_ row: RowView, _ delimiter: UInt8, into line: RowText) {
    var out: [UInt8] = []
    values(row).write(delimiter: delimiter, into: &out)
    line.removeAll()
    // Its line end is added where the row is sent.
    out.dropLast().withUnsafeBufferPointer { line.add($0) }
  }

  func values(_ row: RowView) -> RowValues {
    var values = RowValues()
    for column in cells.indices { values.append(value(column, row)) }
    return values
  }

  @inline(__always)
  private func make(_ step: Step, _ row: RowView, _ time: inout Timestamp?) -> Made {
    switch step.maker {
    case .cell: return .good
    case .text(let range):
      for piece in range {
        let before = text.count
        switch pieces[piece] {
        case .constant(let part): constants.withUnsafeBufferPointer { text.add($0.cell(part)) }
        case .cell(let cell): text.add(row[cell])
        case .made(let other): addMade(other, row)
        }
        // Rows without one would all be one event.
        if step.isID, text.count == before { return .aside(.missingValue) }
      }
      return .good
    case .map(let number):
      let map = mapped[number]
      switch map.result(of: row) {
      case .value(let index): map.texts[index].withUnsafeBufferPointer { text.add($0) }
      case .skip: return .skipped
      case .aside: return .aside(.unknownValue)
      }
      return .good
    case .time(let number):
      let column = timed[number]
      let cell = row[column.cell]
      if cell.isEmpty, !step.isTimestamp { return .good }
      switch column.instant(of: cell) {
      case .success(let instant):
        column.write(instant, into: text)
        if step.isTimestamp { time = instant }
        return .good
      case .failure(let fault): return .aside(fault.code)
      }
    }
  }

  private func addMade(_ column: Int, _ row: RowView) {
    if let cell = cells[column] { text.add(row[cell]) } else { text.add(made[column]) }
  }
}
