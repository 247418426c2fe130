import Config
import Core
import Files
import Formats
import SystemPackage

/// What is handed over in another dialect than it came in. The archive keeps what came.
struct PartRewriter {
  let reader: PartReader
  /// Of a table that is made of JSON; nil where there are none.
  private let columns: [PathColumn]?
  private var settings: FeedSettings { reader.settings }

  init(_ reader: PartReader, _ columns: [PathColumn]?) { (self.reader, self.columns) = (reader, columns) }

  enum Rewritten {
    case done
    case refused([Reason])
    /// Asked to stop.
    case stopped
  }

  /// Whether it can all be written, without writing it.
  /// - Parameter list: of the rows that are left out.
  func rehearse(_ part: DropPart, at path: FilePath, without list: RejectList) throws(FileFault) -> Rewritten {
    guard let target = settings.rewrite.map({ RewriteRules($0) }), let dialect = part.dialect,
      dialect.json == true || target.mayRefuse(dialect)
    else { return .done }
    if part.rejected ?? 0 > 0 {
      return try PartSplitter(reader: reader, list: list).split(
        part, at: path, columns, good: { (_) throws(FileFault) in })
    }
    return try rewrite(part, at: path, dialect, target) { (_) throws(FileFault) in }
  }

  /// - Parameter staged: a new file.
  func rewrite(_ part: DropPart, at path: FilePath, to staged: FilePath) throws(FileFault) -> Rewritten {
    guard let target = settings.rewrite.map({ RewriteRules($0) }), let dialect = part.dialect else { return .done }
    let file = try reader.files.create(staged, mode: .init(rawValue: settings.mode))
    return try rewrite(part, at: path, dialect, target) { (bytes) throws(FileFault) in try file.write(bytes) }
  }

  private func rewrite(
    _ part: DropPart, at path: FilePath, _ dialect: DropPart.Dialect, _ target: RewriteRules,
    _ emit: (UnsafeRawBufferPointer) throws(FileFault) -> Void
  ) throws(FileFault) -> Rewritten {
    var target = target
    if part.goesPlain == true { target.packs = false }
    if dialect.json == true { return try rewriteObjects(part, at: path, target, emit) }
    var rewriter = TableRewriter(
      TableRules(settings), delimiter: dialect.delimiter, escape: dialect.escape,
      leavesOut: dialect.separatorLine == true, to: target)
    let isThrough = try reader.readChecked(part, at: path) { (bytes) throws(FileFault) in
      try rewriter.feed(bytes, emit: emit)
      return rewriter.problems.count < Limits.reasons
    }
    guard isThrough else { return .stopped }
    try rewriter.finish(emit: emit)
    return try outcome(rewriter.problems, isWhole: !rewriter.isDamaged && rewriter.rows == part.rows, part, at: path)
  }
}

extension PartRewriter {
  private func rewriteObjects(
    _ part: DropPart, at path: FilePath, _ target: RewriteRules,
    _ emit: (UnsafeRawBufferPointer) throws(FileFault) -> Void
  ) throws(FileFault) -> Rewritten {
    guard let columns, let objects = settings.rewrite?.objects else { return .done }
    var rewriter = JSONRewriter(JSONRules(settings), JSONTable(objects, columns: columns), to: target)
    let isThrough = try reader.readChecked(part, at: path) { (bytes) throws(FileFault) in
      try rewriter.feed(bytes, emit: emit)
      return rewriter.problems.count < Limits.reasons
    }
    guard isThrough else { return .stopped }
    try rewriter.finish(emit: emit)
    return try outcome(rewriter.problems, isWhole: !rewriter.isDamaged && rewriter.count == part.rows, part, at: path)
  }

  private func outcome(_ problems: [Reason], isWhole: Bool, _ part: DropPart, at path: FilePath) throws(FileFault)
    -> Rewritten
  {
    if !problems.isEmpty {
      return .refused(problems.map { Reason($0.code, $0.message, part: part.name, row: $0.row, column: $0.column) })
    }
    guard isWhole else {
      throw FileFault(.io, "Cannot rewrite", at: path, why: "it is not what was checked any more")
    }
    return .done
  }
}

extension RewriteRules {
  init(_ settings: FeedSettings.Rewrite) {
    self.init()
    (delimiter, quote, endsInCRLF) = (settings.delimiter, settings.quote, settings.lineEnd == .crlf)
    encoding =
      switch settings.encoding {
      case .utf8: .utf8
      case .latin1: .latin1
      case .latin9: .latin9
      }
    packs = settings.compress == .gzip
    replacement = settings.replacement?.unicodeScalars.first
  }

  /// False where everything can be written.
  func mayRefuse(_ dialect: DropPart.Dialect) -> Bool {
    if replacement != nil { return false }
    return quote == nil || encoding != .utf8
  }
}

extension Inspection {
  /// Nil where it is nothing that can be read to its end and rewritten.
  func dialect(_ settings: FeedSettings) -> DropPart.Dialect? {
    let (type, mayReject) = (settings.format.type, settings.rejects != nil)
    if type == .opaque || !isWhole { return nil }
    let fatal: Set<Reason.Code> = [
      .empty, .notText, .badEncoding, .nulByte, .lineEnd, .noHeader, .rowTooLong, .openQuote, .tooLarge, .gzipDamaged,
      .gzipTruncated, .gzipTrailing, .encrypted, .pgpNoKey, .pgpPassphrase, .pgpDamaged, .pgpUnprotected, .pgpSeveral,
      .badJSON, .repeatedKey, .tooManyColumns,
    ]
    let ofRows: Set<Reason.Code> = mayReject ? BadRow.Kind.ofLines : []
    if reasons.contains(where: { fatal.contains($0.code) && !ofRows.contains($0.code) }) { return nil }
    if type == .json { return .jsonLines }
    return DropPart.Dialect(
      delimiter: delimiter, backslash: escape == .backslash, apostrophe: escape == .apostrophe,
      separatorLine: hasSeparatorLine)
  }
}

extension DropPart.Dialect {
  var escape: QuoteEscape { backslash ? .backslash : apostrophe == true ? .apostrophe : .double }
}
