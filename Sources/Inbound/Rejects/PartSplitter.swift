import Config
import Core
import Files
import Formats
import SystemPackage

/// A part that has bad rows is handed over without them; they go to a file of their own.
struct PartSplitter {
  let reader: PartReader
  let list: RejectList

  /// - Parameters:
  ///   - columns: of a table that is made of JSON.
  ///   - good: gets what is handed over.
  ///   - bad: gets the bad rows, as they were.
  ///   - note: is told of each of them.
  func split(
    _ part: DropPart, at path: FilePath, _ columns: [PathColumn]?,
    good: (UnsafeRawBufferPointer) throws(FileFault) -> Void,
    bad: (UnsafeRawBufferPointer) throws(FileFault) -> Void = { _ in },
    note: @escaping (BadRow) throws(FileFault) -> Void = { _ in }
  ) throws(FileFault) -> PartRewriter.Rewritten {
    guard let dialect = part.dialect else { return .done }
    let marker = RowMarker(try RejectList.Cursor(list, reader.files), note)
    let splitter = RowSplitter(reader.settings, part, dialect, marker)
    let writer = TextRewriter(reader.settings, part, dialect, columns)
    func take(_ piece: UnsafeRawBufferPointer) throws(FileFault) {
      if let writer { try writer.feed(piece, good) } else { try good(piece) }
    }
    let isThrough = try reader.readChecked(part, at: path) { (bytes) throws(FileFault) in
      try splitter.feed(bytes, good: take, bad: bad)
      if let fault = marker.fault { throw fault }
      return (writer?.problems.count ?? 0) < Limits.reasons
    }
    guard isThrough else { return .stopped }
    try splitter.finish(good: take, bad: bad)
    if let fault = marker.fault { throw fault }
    try writer?.finish(good)
    if let problems = writer?.problems, !problems.isEmpty {
      return .refused(try list.whole(problems, reader.files).map { $0.of(part) })
    }
    guard !splitter.isDamaged, splitter.rows == part.rows, marker.count == part.rejected else {
      throw FileFault(.io, "Cannot leave out bad rows", at: path, why: "it is not what was checked any more")
    }
    return .done
  }
}

/// A table, or lines of JSON.
private final class RowSplitter {
  private var table: TableSplitter?
  private var objects: LineSplitter?

  init(_ settings: FeedSettings, _ part: DropPart, _ dialect: DropPart.Dialect, _ marker: RowMarker) {
    let repacks = settings.rewrite == nil && part.goesPlain != true
    if dialect.json == true {
      objects = LineSplitter(JSONRules(settings), repacks: repacks) { marker.isBad($0, $1) }
    } else {
      table = TableSplitter(
        TableRules(settings), delimiter: dialect.delimiter, escape: dialect.escape,
        leavesOut: dialect.separatorLine == true, repacks: repacks
      ) { marker.isBad($0, $1) }
    }
  }

  private(set) var rows = 0
  private(set) var isDamaged = false

  func feed(
    _ bytes: UnsafeRawBufferPointer, good: (UnsafeRawBufferPointer) throws(FileFault) -> Void,
    bad: (UnsafeRawBufferPointer) throws(FileFault) -> Void
  ) throws(FileFault) {
    if var live = table.take() {
      try live.feed(bytes, good: good, bad: bad)
      table = consume live
    } else if var live = objects.take() {
      try live.feed(bytes, good: good, bad: bad)
      objects = consume live
    }
  }

  func finish(
    good: (UnsafeRawBufferPointer) throws(FileFault) -> Void, bad: (UnsafeRawBufferPointer) throws(FileFault) -> Void
  ) throws(FileFault) {
    if var live = table.take() {
      try live.finish(good: good, bad: bad)
      (rows, isDamaged) = (live.rows, live.isDamaged)
    } else if var live = objects.take() {
      try live.finish(good: good, bad: bad)
      (rows, isDamaged) = (live.rows, live.isDamaged)
    }
  }
}

extension Reason {
  fileprivate func of(_ part: DropPart) -> Reason {
    Reason(code, message, part: part.name, row: row, line: line, column: column)
  }
}

/// Tells, row by row, which are on the list.
private final class RowMarker {
  private var cursor: RejectList.Cursor
  private let note: (BadRow) throws(FileFault) -> Void
  private(set) var count = 0
  private(set) var fault: FileFault?

  init(_ cursor: RejectList.Cursor, _ note: @escaping (BadRow) throws(FileFault) -> Void) {
    (self.cursor, self.note) = (cursor, note)
  }

  func isBad(_ row: Int, _ line: Int) -> Bool {
    guard fault == nil, let next = cursor.next, next.row == row else { return false }
    count += 1
    do throws(FileFault) {
      try note(BadRow(next.kind, row: row, line: line, column: next.column))
      try cursor.advance()
    } catch {
      fault = error
    }
    return true
  }
}

/// Text in UTF-8 on its way into another dialect.
private final class TextRewriter {
  private var table: TableRewriter?
  private var objects: JSONRewriter?

  /// Nil where it goes as it came.
  init?(_ settings: FeedSettings, _ part: DropPart, _ dialect: DropPart.Dialect, _ columns: [PathColumn]?) {
    guard let rewrite = settings.rewrite else { return nil }
    var target = RewriteRules(rewrite)
    if part.goesPlain == true { target.packs = false }
    if dialect.json == true {
      guard let columns else { return nil }
      objects = JSONRewriter(JSONRules(settings), JSONTable(rewrite.objects, columns: columns), to: target)
    } else {
      var rules = TableRules(settings)
      rules.encoding = .utf8
      table = TableRewriter(
        rules, delimiter: dialect.delimiter, escape: dialect.escape, leavesOut: dialect.separatorLine == true,
        to: target)
    }
  }

  private(set) var problems: [Reason] = []

  func feed(
    _ bytes: UnsafeRawBufferPointer, _ emit: (UnsafeRawBufferPointer) throws(FileFault) -> Void
  ) throws(FileFault) {
    if var live = table.take() {
      try live.feed(bytes, emit: emit)
      problems = live.problems
      table = consume live
    } else if var live = objects.take() {
      try live.feed(bytes, emit: emit)
      problems = live.problems
      objects = consume live
    }
  }

  func finish(_ emit: (UnsafeRawBufferPointer) throws(FileFault) -> Void) throws(FileFault) {
    if var live = table.take() {
      try live.finish(emit: emit)
      problems = live.problems
    } else if var live = objects.take() {
      try live.finish(emit: emit)
      problems = live.problems
    }
  }
}
