import Config
import Core
import Files
import Formats
import SystemPackage

/// What is handed over in another dialect than it came in. The archive keeps what came.
struct PartRewriter {
  let reader: PartReader
  private var settings: FeedSettings { reader.settings }

  init(_ reader: PartReader) { self.reader = reader }

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
      target.mayRefuse(dialect)
    else { return .done }
    if part.rejected ?? 0 > 0 {
      return try PartSplitter(reader: reader, list: list).split(part, at: path, good: { (_) throws(FileFault) in })
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
    var rewriter = TableRewriter(
      TableRules(settings), delimiter: dialect.delimiter, escape: dialect.escape,
      leavesOut: dialect.separatorLine == true, to: target)
    let isThrough = try reader.readChecked(part, at: path) { (bytes) throws(FileFault) in
      try rewriter.feed(bytes, emit: emit)
      return rewriter.problems.count < Limits.reasons
    }
    guard isThrough else { return .stopped }
    try rewriter.finish(emit: emit)
    if !rewriter.problems.isEmpty {
      return .refused(
        rewriter.problems.map { Reason($0.code, $0.message, part: part.name, row: $0.row, column: $0.column) })
    }
    guard !rewriter.isDamaged, rewriter.rows == part.rows else {
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
  /// Nil where it is no table that can be read to its end.
  var dialect: DropPart.Dialect? {
    let fatal: Set<Reason.Code> = [
      .empty, .notText, .badEncoding, .nulByte, .lineEnd, .noHeader, .rowTooLong, .openQuote, .tooLarge, .gzipDamaged,
      .gzipTruncated, .gzipTrailing, .encrypted, .pgpNoKey, .pgpPassphrase, .pgpDamaged, .pgpUnprotected, .pgpSeveral,
    ]
    if reasons.contains(where: { fatal.contains($0.code) }) { return nil }
    return DropPart.Dialect(
      delimiter: delimiter, backslash: escape == .backslash, apostrophe: escape == .apostrophe,
      separatorLine: hasSeparatorLine)
  }
}

extension DropPart.Dialect {
  var escape: QuoteEscape { backslash ? .backslash : apostrophe == true ? .apostrophe : .double }
}
