import Config
import Core
import Files
import Formats
import SystemPackage

/// The table that an import was made from: drops have its columns, in their order, and its delimiter.
///
/// It is read for each drop, so that a change is seen at the next one.
struct SampleTable: Hashable {
  let columns: [String]
  /// Nil for a table of one column.
  let delimiter: UInt8?

  /// As the import reads it, whatever the feed's own format is.
  init(_ path: FilePath, _ files: any Files) throws(FileFault) {
    let file = try files.open(path)
    var head = [UInt8](repeating: 0, count: Limits.chunkBytes)
    let count = try file.fill(&head, at: 0)
    var rules = TableRules()
    rules.minRows = 0
    // Longer is no header, and what was read ends in it perhaps.
    rules.maxRowBytes = Limits.sampleHeaderBytes
    var inspector = TableInspector(rules: rules, hashes: false)
    head.withUnsafeBytes { inspector.feed(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    let found = inspector.finish()
    guard let names = found.header, !names.isEmpty, !found.reasons.contains(where: { $0.code == .noHeader }) else {
      throw FileFault(
        .io, "Cannot use the sample", at: path,
        why: "its first line is no header of at most \(Limits.sampleHeaderBytes) bytes",
        remedy: "Give require.sample the file that the import was made from")
    }
    (columns, delimiter) = (names, found.delimiter)
  }

  /// What is handed over is compared, which may be another dialect than what came.
  func complaint(_ inspection: Inspection, _ rewrite: FeedSettings.Rewrite?) -> Reason? {
    let theirs = inspection.delimiter.map { rewrite?.delimiter ?? $0 }
    guard inspection.header != nil, let theirs, let delimiter, theirs != delimiter else { return nil }
    return Reason(
      .missingColumn,
      "Columns would be separated by \(named(theirs)), and in require.sample they are by \(named(delimiter))")
  }
}
