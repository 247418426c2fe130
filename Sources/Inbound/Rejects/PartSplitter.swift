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
  ///   - good: gets what is handed over.
  ///   - bad: gets the bad rows, as they were.
  ///   - note: is told of each of them.
  func split(
    _ part: DropPart, at path: FilePath, good: (UnsafeRawBufferPointer) throws(FileFault) -> Void,
    bad: (UnsafeRawBufferPointer) throws(FileFault) -> Void = { _ in },
    note: @escaping (BadRow) throws(FileFault) -> Void = { _ in }
  ) throws(FileFault) -> PartRewriter.Rewritten {
    guard let dialect = part.dialect else { return .done }
    let settings = reader.settings
    let marker = RowMarker(try RejectList.Cursor(list, reader.files), note)
    var splitter = TableSplitter(
      TableRules(settings), delimiter: dialect.delimiter, escape: dialect.escape,
      leavesOut: dialect.separatorLine == true, repacks: settings.rewrite == nil && part.goesPlain != true
    ) { marker.isBad($0, $1) }
    let writer = settings.rewrite.map { rewrite in
      var target = RewriteRules(rewrite)
      if part.goesPlain == true { target.packs = false }
      return TextRewriter(settings, dialect, to: target)
    }
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
    if let problems = writer?.problems, !problems.isEmpty { return .refused(problems.map { $0.of(part) }) }
    guard !splitter.isDamaged, splitter.rows == part.rows, marker.count == part.rejected else {
      throw FileFault(.io, "Cannot leave out bad rows", at: path, why: "it is not what was checked any more")
    }
    return .done
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
  private var rewriter: TableRewriter

  init(_ settings: FeedSettings, _ dialect: DropPart.Dialect, to target: RewriteRules) {
    var rules = TableRules(settings)
    rules.encoding = .utf8
    rewriter = TableRewriter(
      rules, delimiter: dialect.delimiter, escape: dialect.escape, leavesOut: dialect.separatorLine == true, to: target)
  }

  var problems: [Reason] { rewriter.problems }

  func feed(
    _ bytes: UnsafeRawBufferPointer, _ emit: (UnsafeRawBufferPointer) throws(FileFault) -> Void
  ) throws(FileFault) { try rewriter.feed(bytes, emit: emit) }

  func finish(_ emit: (UnsafeRawBufferPointer) throws(FileFault) -> Void) throws(FileFault) {
    try rewriter.finish(emit: emit)
  }
}
