import Config
import Core
import Files
import Formats
import Spool
import SystemPackage

/// `columns.json` beside a feed's places: the columns of the table that its objects become, as they were found in its first accepted drop,
/// with what was added since.
struct FeedColumns: Hashable {
  static let fileName: FileName = "columns.json"

  var columns: [PathColumn]

  /// What a drop means for them.
  struct News: Hashable {
    /// Those of the table that is made of this drop; nil: none can be made.
    var columns: [PathColumn]?
    /// To be kept if the drop is accepted; nil: nothing changes.
    var kept: [PathColumn]?
    var reasons: [Reason] = []
    var doubts: [Reason] = []
  }

  /// - Parameters:
  ///   - known: nil: none are kept yet.
  ///   - found: all paths of the drop, in order.
  ///   - override: what a person lets pass. New columns that pass are added where the drop is to be the measure of others, and left out
  ///     otherwise.
  static func compare(
    _ known: [PathColumn]?, with found: [ValuePath], _ objects: FeedSettings.Objects, _ override: Override?
  ) -> News {
    guard let known else {
      let columns = FoundColumns.columns(found, separator: objects.separator)
      if let reason = complaint(columns) { return News(reasons: [reason]) }
      return News(columns: columns, kept: columns)
    }
    let paths = Set(known.map(\.path))
    let new = found.filter { !paths.contains($0) }
    if new.isEmpty || objects.newColumns == .ignore { return News(columns: known) }
    let isAdded =
      objects.newColumns == .append || override?.lets(.newColumn) == true && override?.baseline == true
    if isAdded {
      let columns = known + FoundColumns.columns(new, separator: objects.separator)
      if let reason = complaint(columns) { return News(columns: known, reasons: [reason]) }
      return News(columns: columns, kept: columns)
    }
    let message =
      "\(counted(new.count, "path")) of its objects \(new.count == 1 ? "is" : "are") no column of the feed; “navette columns FILE” lists all "
      + "that a file has; release leaves them out, and with --baseline adds them"
    return News(columns: known, doubts: [Reason(.newColumn, message)])
  }

  /// Of several parts, in order. Null that stands where others, or columns that are known, have an object is no value.
  static func union(_ found: [Inspection], _ known: [PathColumn]?) -> [ValuePath] {
    var seen: Set<ValuePath> = []
    let all = found.flatMap(\.paths).filter { seen.insert($0).inserted }
    let valued = Set(found.flatMap { one in one.paths.filter { !one.nullOnly.contains($0) } })
    var above: Set<[[UInt8]]> = []
    for path in all + (known ?? []).map(\.path) {
      for count in 1..<max(1, path.keys.count) { above.insert(Array(path.keys.prefix(count))) }
    }
    return all.filter { valued.contains($0) || !above.contains($0.keys) }
  }

  private static func complaint(_ columns: [PathColumn]) -> Reason? {
    if columns.isEmpty { return Reason(.noHeader, "No object holds a value, so there is no column") }
    if columns.count > Limits.jsonColumns {
      return Reason(
        .tooManyColumns,
        "More than \(Limits.jsonColumns) columns; name those that are wanted in rewrite.columns")
    }
    return FoundColumns.clash(in: columns).map { index in
      Reason(
        .duplicateColumn, "Two paths make one name of a column; set rewrite.path_separator or name the columns",
        column: index + 1)
    }
  }
}

extension FeedColumns: Codable {
  private enum Key: String, CodingKey { case schema, columns }
  private struct Entry: Codable { let name, path: String }

  init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    columns = try values.decode([Entry].self, forKey: .columns).map { entry in
      guard let path = ValuePath(entry.path) else {
        throw DecodingError.dataCorruptedError(forKey: .columns, in: values, debugDescription: "a path is none")
      }
      return PathColumn(entry.name, path)
    }
  }

  func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(1, forKey: .schema)
    try values.encode(columns.map { Entry(name: $0.name, path: $0.path.description) }, forKey: .columns)
  }
}

extension FeedPass {
  private var columnsPath: FilePath { spool.root.appending(FeedColumns.fileName) }

  /// Those by which a drop is rewritten now. Nil: none are kept yet, or the feed's content has none.
  func columns() throws(FileFault) -> [PathColumn]? {
    guard settings.findsColumns else { return settings.rewrite?.objects.columns }
    do {
      return try files.readPlan(FeedColumns.self, at: columnsPath).columns
    } catch {
      if error.kind == .missing { return nil }
      guard error.kind == .damaged else { throw error }
      throw FileFault(
        .damaged, "Cannot use", at: columnsPath, why: "it is not the list of columns that navette wrote",
        remedy: "Put it back from a backup, or remove it: then the next drop's columns are kept")
    }
  }

  /// Durable.
  func keep(_ columns: [PathColumn]) throws(FileFault) {
    try files.writePlan(FeedColumns(columns: columns), to: columnsPath)
    try files.sync([spool.root])
  }
}
