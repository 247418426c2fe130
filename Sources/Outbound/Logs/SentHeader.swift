import Core
import Files
import Formats
import SystemPackage

/// The header line that an object begins with: the log's own, with the names that the settings ask for, or that of the shape.
extension LogContents {
  /// Nil where the first line is not complete yet.
  /// - Throws: a `FileFault` that pauses the stream where rows cannot be sent under it: nothing is cut before that is mended.
  func header(of log: Cuttable) throws -> Header? {
    guard let own = try ownHeader(of: log) else { return nil }
    return try sent(own, log)
  }

  /// The same of a header as it stands in the log.
  func sent(_ header: Header, _ log: Cuttable) throws(FileFault) -> Header {
    _ = try rowDates(header, log)
    if let shaper = try shaper(header, log) {
      return Header(header.own, sent: Array(shaper.names.joined(separator: ",").utf8), end: header.end, hole: header.hole)
    }
    guard settings.headerSanitize || !settings.headerRename.isEmpty, !header.own.isEmpty else { return header }
    do throws(HeaderComplaint) {
      let line = try ColumnNames(header.own).line(sanitize: settings.headerSanitize, rename: settings.headerRename)
      return Header(header.own, sent: line, end: header.end, hole: header.hole)
    } catch {
      throw FileFault(
        .exists, "Cannot change the header of", at: log.path, why: error.description,
        remedy: "Give the column a name of its own under header.rename; the records stay where they are until then")
    }
  }

  /// What the records behind the header go through.
  func flow(_ header: Header, _ log: Cuttable) throws(FileFault) -> RecordFlow {
    let own = header.own.isEmpty ? nil : ColumnNames(header.own)
    let judge = RowJudge(
      header: own, names: header.line.isEmpty ? [] : ColumnNames(header.line).names, rules: rules,
      replacement: replacement, shaper: try shaper(header, log))
    return RecordFlow(
      dialect: dialect, maxRecord: settings.batch.maxRecord,
      header: header.own.isEmpty
        ? nil : HeaderWatch(header.own, mayChange: settings.header == .firstLine),
      judge: judge, dates: try rowDates(header, log))
  }

  /// Nil where columns are sent as they are.
  private func shaper(_ header: Header, _ log: Cuttable) throws(FileFault) -> RowShaper? {
    guard let shape = settings.rows.shape else { return nil }
    do throws(ShapeComplaint) {
      return try RowShaper(shape, columns: ColumnNames(header.own).names, zone: SystemZone.named)
    } catch {
      throw FileFault(
        .missing, "Cannot shape the rows of", at: log.path, why: error.description,
        remedy: "Correct shape, or what is extracted; the records stay where they are until then")
    }
  }

  private var rules: RecordRules? {
    guard settings.checksRows else { return nil }
    let rows = settings.rows
    return RecordRules(maxBytes: rows.maxBytes, id: rows.id, timestamp: rows.timestamp)
  }

  private var replacement: ValueReplacement {
    var replacement = ValueReplacement()
    (replacement.backslash, replacement.lineBreak) = (settings.rows.backslash, settings.rows.lineBreak)
    return replacement
  }

  /// - Throws: a `FileFault` that pauses the stream where the log has no such column.
  private func rowDates(_ header: Header, _ log: Cuttable) throws(FileFault) -> RowDates? {
    guard !settings.partitionBy.isEmpty else { return nil }
    let columns = ColumnNames(header.own)
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
