public import Config
import Core
public import Files
import Formats
import Ledger
import SystemPackage

/// Which values stand in the columns that say what a row of Campaign's logs is, how often, and what becomes of each: for a person who
/// makes a shape, or finds rows aside. It reads the logs that lie there, from their first byte, and writes nothing.
public struct ValueCensus {
  public enum Target: Hashable, Sendable {
    case value(String)
    case skipped
    case aside
    /// No map looks at it.
    case none
  }

  public struct Entry: Hashable, Sendable {
    /// One for each column.
    public let values: [String]
    public fileprivate(set) var rows: Int
    public let target: Target
    /// The number that should stand there instead, for each value that is a label.
    public let labels: [String: String]
  }

  public struct Column: Sendable {
    /// As it is sent; nil: it is made into nothing.
    public let name: String?
    public let sources: [String]
    /// The most frequent first.
    public fileprivate(set) var entries: [Entry] = []
    /// Rows with more different values than are listed.
    public fileprivate(set) var others = 0
  }

  public private(set) var columns: [Column] = []
  public private(set) var rows = 0
  public private(set) var logs = 0
  /// Logs that could not be read, and columns that they lack.
  public private(set) var faults: [String] = []

  /// - Throws: a `FileFault` where the log folder cannot be looked into.
  public init(_ settings: StreamSettings, files: any Files, isStopping: @escaping @Sendable () -> Bool = { false })
    throws
  {
    let listing = LogListing(settings, files: files)
    var found = FoundLogs()
    let candidates = try listing.candidates(&found, [], [])
    faults = (found.faults.map(\.fault) + found.blocked.map(\.fault)).map(\.description)
    let contents = LogContents(settings: settings, files: files, isStopping: isStopping)
    var counts: [CensusColumn: [[String]: Int]] = [:]
    var others: [CensusColumn: Int] = [:]
    for candidate in candidates.sorted(by: { $0.path.string < $1.path.string }) {
      do {
        try read(candidate, settings, contents, &counts, &others)
        logs += 1
      } catch let fault as FileFault {
        faults.append(fault.description)
      } catch is SourceMoved {
        continue
      }
    }
    columns = counts.keys.sorted { $0.order < $1.order }.map { key in
      var column = Column(name: key.map == nil ? nil : key.name, sources: key.sources)
      column.entries = (counts[key] ?? [:]).map { values, rows in
        Entry(values: values, rows: rows, target: key.target(of: values), labels: key.labels(among: values))
      }.sorted { ($1.rows, $0.values.joined(separator: ",")) < ($0.rows, $1.values.joined(separator: ",")) }
      column.others = others[key] ?? 0
      return column
    }
  }

  private mutating func read(
    _ candidate: LogCandidate, _ settings: StreamSettings, _ contents: LogContents,
    _ counts: inout [CensusColumn: [[String]: Int]], _ others: inout [CensusColumn: Int]
  ) throws {
    let log = Cuttable(candidate, of: settings.name)
    guard let header = try contents.ownHeader(of: log), !header.own.isEmpty else { return }
    let names = ColumnNames(header.own)
    let wanted = CensusColumn.wanted(settings.rows.shape, names.names)
    for column in wanted where counts[column] == nil { counts[column] = [:] }
    if wanted.isEmpty {
      faults.append("\(candidate.path.shown) has none of the columns that say what a row is")
      return
    }
    var cells = RowCells(delimiter: names.delimiter)
    let watch = HeaderWatch(header.own, mayChange: false)
    let reader = LogReader(
      file: try log.open(contents.files), size: log.size, isFinal: true, dialect: contents.dialect,
      maxRecord: settings.batch.maxRecord, from: header.end)
    while case .records(_, let bytes) = try reader.next(maxBytes: .max, maxRecords: .max) {
      try contents.goOn()
      var walk = RecordWalk(
        reader.pending(bytes), dialect: contents.dialect, maxRecord: settings.batch.maxRecord)
      while let step = walk.next() {
        let record = step.record.withoutMark.withoutLineEnd
        guard step.count > 0, watch.kind(of: record) == .row else { continue }
        rows += step.count
        cells.read(record, columns: names.names.count)
        for column in wanted where column.places.allSatisfy({ $0 < cells.count }) {
          let values = column.places.map { String(decoding: cells.values[$0], as: UTF8.self) }
          if counts[column]?[values] != nil || (counts[column]?.count ?? 0) < Limits.censusValues {
            counts[column]?[values, default: 0] += 1
          } else {
            others[column, default: 0] += 1
          }
        }
      }
      reader.consume(bytes)
    }
  }
}

/// Columns of logs whose values are counted together.
private struct CensusColumn: Hashable {
  let name: String
  let sources: [String]
  let places: [Int]
  let order: Int
  let map: ValueMap?

  /// Names of single columns that say what a row is, and their labels in Campaign's client, by what stands there instead.
  private static let known: [(names: [String], labels: [String: String])] = [
    (["[delivery/@messageType]", "iMessageType"], ["Email": "0", "SMS": "1", "Mobile": "1"]),
    (
      ["@status", "iStatus"],
      [
        "Ignored": "0", "Sent": "1", "Failed": "2", "Pending": "6", "Delivery cancelled": "7", "Delivery canceled": "7",
      ]
    ),
    (["[msg/@failureType]", "iFailureType"], ["Soft": "1", "Hard": "2"]),
    (
      ["[url/@type]", "iUrlType"],
      ["Email click": "1", "Open": "2", "Opt-out": "3", "Web": "4", "Transaction": "5", "Mirror page": "6"]
    ),
  ]

  static func == (one: CensusColumn, other: CensusColumn) -> Bool {
    one.name == other.name && one.sources == other.sources
  }
  func hash(into hasher: inout Hasher) {
    hasher.combine(name)
    hasher.combine(sources)
  }

  /// The maps of a shape; without one, what is known of Campaign's logs.
  static func wanted(_ shape: ShapeRules?, _ names: [String]) -> [CensusColumn] {
    func place(_ source: SourceColumn) -> Int? { source.names.lazy.compactMap { names.firstIndex(of: $0) }.first }
    guard let shape else {
      return known.enumerated().compactMap { order, known in
        place(SourceColumn(known.names)).map {
          CensusColumn(name: names[$0], sources: [names[$0]], places: [$0], order: order, map: nil)
        }
      }
    }
    return shape.columns.enumerated().compactMap { order, column in
      guard case .map(let map) = column.value else { return nil }
      let places = map.from.compactMap(place)
      guard places.count == map.from.count else { return nil }
      return CensusColumn(
        name: column.name, sources: places.map { names[$0] }, places: places, order: order, map: map)
    }
  }

  func target(of values: [String]) -> ValueCensus.Target {
    switch map?.result(of: values) {
    case .value(let text): .value(text)
    case .skip: .skipped
    case .aside: .aside
    case nil: .none
    }
  }

  func labels(among values: [String]) -> [String: String] {
    var found: [String: String] = [:]
    for (source, value) in zip(sources, values) {
      let labels = Self.known.first { $0.names.contains(source) }?.labels ?? Self.all
      if let number = labels[value] { found[value] = number }
    }
    return found
  }

  /// Of columns with names of their own.
  private static let all = known.reduce(into: [:]) { all, known in all.merge(known.labels) { first, _ in first } }
}

extension Cuttable {
  /// A file as it lies there, of which nothing is known.
  fileprivate init(_ candidate: LogCandidate, of stream: StreamName) {
    let none = DigestHasher.digest(of: [])
    let identity = SourceIdentity(
      device: candidate.info.device, inode: candidate.info.inode, birth: candidate.info.born, headBytes: 0, head: none)
    self.init(
      record: SourceRecord(
        id: SourceID(none), stream: stream, path: candidate.path.string, identity: identity, seenAt: .first),
      path: candidate.path, size: candidate.info.size, isFinal: true, form: candidate.form, inode: candidate.info.inode)
  }
}
