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

/// Makes the rows that are sent from the rows of one log.
public struct RowShaper {
  private enum Piece {
    case constant([UInt8])
    case cell(Int)
    /// A column that is sent.
    case made(Int)
  }

  private enum Maker {
    case cell(Int)
    case text([Piece])
    /// Of `maps`, and of `times`.
    case map(Int)
    case time(Int)
  }

  private static let id = "_id"

  public let names: [String]
  private var makers: [Maker]
  /// Apart, so that what they remember is changed where it lies.
  private var mapped: [MappedColumn] = []
  private var timed: [TimeColumn] = []
  /// Columns that others may be made of come first.
  private let order: [Int]
  private let isMap: [Bool]
  /// Of each column that is not taken over as it is.
  private var made: [[UInt8]]

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
    made = [[UInt8]](repeating: [], count: names.count)
    makers = []
    var (maps, times, texts, late) = ([] as [Int], [] as [Int], [] as [Int], [] as [Int])
    for (index, column) in offered.enumerated() {
      switch column.value {
      case .source(let source): makers.append(.cell(try place(source, column)))
      case .text(let text):
        var pieces: [Piece] = []
        for piece in text.pieces {
          switch piece {
          case .constant(let text): pieces.append(.constant(Array(text.utf8)))
          case .source(let source): pieces.append(.cell(try place(source, column)))
          case .shaped(let name):
            guard let other = own[name] else { throw ShapeComplaint(column: column.name, missing: SourceColumn(name)) }
            pieces.append(.made(other))
          }
        }
        makers.append(.text(pieces))
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
    order = maps + times + texts + late
    isMap = names.indices.map { maps.contains($0) }
  }

  /// - Parameters:
  ///   - cells: as many as the log has columns.
  ///   - values: what was there is replaced.
  ///   - time: of the column `timestamp`, where there is one.
  public mutating func shape(_ cells: borrowing RowValues, into values: inout RowValues, time: inout Timestamp?)
    -> RowOutcome
  {
    values.removeAll()
    // What is skipped is no bad row, whatever else is wrong with it.
    var first = RowOutcome.good
    for index in order {
      if first != .good, !isMap[index] { break }
      let outcome = make(index, cells, &time)
      if outcome == .skipped { return .skipped }
      if first == .good { first = outcome }
    }
    guard first == .good else { return first }
    for index in makers.indices {
      guard case .cell(let cell) = makers[index] else {
        values.append(made[index])
        continue
      }
      if names[index] == Self.id, cells[cell].isEmpty { return .aside(RowFault(.missingValue, column: Self.id)) }
      values.append(cells[cell])
    }
    return .good
  }

  private mutating func make(_ index: Int, _ cells: borrowing RowValues, _ time: inout Timestamp?) -> RowOutcome {
    let name = names[index]
    switch makers[index] {
    case .cell: return .good
    case .text(let pieces):
      made[index].removeAll(keepingCapacity: true)
      for piece in pieces {
        let before = made[index].count
        switch piece {
        case .constant(let text): made[index] += text
        case .cell(let cell): made[index] += cells[cell]
        case .made(let other): made[index] += value(other, cells)
        }
        // Rows without one would all be one event.
        if name == Self.id, made[index].count == before { return .aside(RowFault(.missingValue, column: name)) }
      }
      return .good
    case .map(let number):
      switch mapped[number].result(of: cells) {
      case .value(let text):
        made[index] = text
        return .good
      case .skip: return .skipped
      case .aside: return .aside(RowFault(.unknownValue, column: name))
      }
    case .time(let number):
      let isOfRow = name == "timestamp"
      let text = cells[timed[number].cell]
      if text.isEmpty, !isOfRow {
        made[index].removeAll(keepingCapacity: true)
        return .good
      }
      switch text.withUnsafeBufferPointer({ timed[number].instant(of: $0) }) {
      case .success(let instant):
        timed[number].write(instant, into: &made[index])
        if isOfRow { time = instant }
        return .good
      case .failure(let fault): return .aside(RowFault(fault.code, column: name))
      }
    }
  }

  private func value(_ index: Int, _ cells: borrowing RowValues) -> ArraySlice<UInt8> {
    if case .cell(let cell) = makers[index] { return cells[cell] }
    return made[index][...]
  }
}

/// A column that is made by a map; what was looked up is remembered, for there are few values.
private struct MappedColumn {
  enum Found { case value([UInt8]), skip, aside }

  private let map: ValueMap
  private let cells: [Int]
  private var known: [[UInt8]: Found] = [:]
  private var key: [UInt8] = []

  init(_ map: ValueMap, _ cells: [Int]) { (self.map, self.cells) = (map, cells) }

  mutating func result(of row: borrowing RowValues) -> Found {
    key.removeAll(keepingCapacity: true)
    for cell in cells {
      key += row[cell]
      // No text holds it.
      key.append(0xff)
    }
    if let found = known[key] { return found }
    let values = cells.map { String(decoding: row[$0], as: UTF8.self) }
    let found: Found =
      switch map.result(of: values) {
      case .value(let text): .value(Array(text.utf8))
      case .skip: .skip
      case .aside: .aside
      }
    // A column of ids under a map must not fill the memory.
    if known.count < Limits.mappedValues { known[key] = found }
    return found
  }
}
