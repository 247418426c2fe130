import Core
import Files
import Journal
import Ledger
import Spool
import SystemPackage

/// Where logs go that are wholly sent, with `after: archive`: `archive/<when>-<source>-<name>` in the stream's folder. The name says
/// when it came, so that nothing else has to be known to let it go.
struct LogArchive {
  static let folderName: FileName = "archive"

  let folder: FilePath
  let files: any Files

  struct Entry {
    let name: FileName
    let at: Timestamp
    let source: SourceID
  }

  func entries() throws(FileFault) -> [Entry] {
    guard try files.info(folder) != nil else { return [] }
    return try files.list(folder).compactMap { name in
      let parts = name.description.split(separator: "-", maxSplits: 2)
      guard parts.count == 3, let at = Timestamp(text: parts[0]), let source = SourceID(parts[1]) else { return nil }
      return Entry(name: name, at: at, source: source)
    }
  }

  /// The log is in the archive, durably, when this returns; the log itself may be there or not.
  func take(_ log: FilePath, of source: SourceID, at now: Timestamp) throws(FileFault) {
    try files.ensureDirectory(folder)
    // Copied in an earlier life, which did not come to delete the log.
    if let entry = try entries().first(where: { $0.source == source }) {
      return try files.sync([folder.appending(entry.name), folder])
    }
    let name = log.name ?? "log"
    var stem = name.description
    if stem.hasSuffix(LogListing.asideSuffix) { stem.removeLast(LogListing.asideSuffix.count) }
    let target = folder.appending(FileName("\(now.compact)-\(source)-\(stem)"))
    do {
      try files.move(log, to: target)
    } catch {
      // Another file system, or a mount of its own; a kernel may also protect the file.
      guard error.kind == .crossDevice || error.kind == .denied else { throw error }
      let part = folder.appending(FileName("\(source).part"))
      try files.removeTree(part)
      try files.copy(log, to: part, mode: .stateFile)
      try files.sync([part])
      try files.move(part, to: target)
    }
    try files.sync([target, folder])
  }

  /// Removes what was kept for long enough. - Returns: how many, and their bytes.
  func sweep(keep: Duration, at now: Timestamp) throws(FileFault) -> (count: Int, bytes: UInt64) {
    try remove { now - $0.at >= keep }
  }

  func remove(_ isMeant: (Entry) -> Bool) throws(FileFault) -> (count: Int, bytes: UInt64) {
    var count = 0
    var bytes: UInt64 = 0
    for entry in try entries() where isMeant(entry) {
      bytes += try files.info(folder.appending(entry.name))?.size ?? 0
      try files.remove(folder.appending(entry.name))
      count += 1
    }
    if count > 0 { try files.sync([folder]) }
    return (count, bytes)
  }
}
