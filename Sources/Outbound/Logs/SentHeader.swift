import Core
import Files
import Formats
import SystemPackage

/// The header line that an object begins with: the log's own, or with the names that the settings ask for.
extension LogContents {
  /// Nil where the first line is not complete yet.
  /// - Throws: a `FileFault` that pauses the stream where two columns would have one name: nothing is cut before that is mended.
  func header(of log: Cuttable) throws -> Header? {
    guard let own = try ownHeader(of: log) else { return nil }
    _ = try rowDates(own, log)
    guard settings.headerSanitize || !settings.headerRename.isEmpty, !own.line.isEmpty else { return own }
    do throws(HeaderComplaint) {
      let line = try ColumnNames(own.line).line(sanitize: settings.headerSanitize, rename: settings.headerRename)
      return Header(line: line, end: own.end, hole: own.hole)
    } catch {
      throw FileFault(
        .exists, "Cannot change the header of", at: log.path, why: error.description,
        remedy: "Give the column a name of its own under header.rename; the records stay where they are until then")
    }
  }

  /// How the day of a record is told; nil where batches go by the time of sealing.
  /// - Throws: a `FileFault` that pauses the stream where the log has no such column.
  func rowDates(of log: Cuttable) throws -> RowDates? {
    guard !settings.partitionBy.isEmpty, let own = try ownHeader(of: log) else { return nil }
    return try rowDates(own, log)
  }

  private func rowDates(_ own: Header, _ log: Cuttable) throws(FileFault) -> RowDates? {
    guard !settings.partitionBy.isEmpty else { return nil }
    let columns = ColumnNames(own.line)
    guard
      let index = columns.index(
        of: settings.partitionBy, sanitize: settings.headerSanitize, rename: settings.headerRename)
    else {
      throw FileFault(
        .missing, "Cannot tell the dates of", at: log.path,
        why: "its header has no column \(settings.partitionBy)",
        remedy: "Correct partition_by; the records stay where they are until then")
    }
    return RowDates(column: index, delimiter: columns.delimiter, dialect: dialect)
  }
}
