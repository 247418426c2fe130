import Config
import Core
import Files
import Formats
import Ledger
import SystemPackage

/// One log file as it lies on the disk now, and who it is.
struct LogFile {
  enum Role: Hashable {
    /// Under the name that its writer knows.
    case live
    /// Set aside by us: only a writer that still holds it open can add to it.
    case aside
  }

  var record: SourceRecord
  let path: FilePath
  let role: Role
  let info: FileInfo
  let writers: Writers
}

/// Finds the log files of one stream and knows them again: by inode, by birth where the file system tells it, and by the digest
/// of the first bytes. Names decide nothing, so a renamed log is the same source and a new file under an old name is not.
struct LogSources {
  /// Ends the name of a log that was set aside. Globs never match it as a live log.
  static let asideSuffix = ".navette"

  let stream: StreamName
  let rotation: StreamSettings.Rotation
  let globs: [(directory: FilePath, pattern: Glob)]
  private let files: any Files
  /// What each file looked like when its head was last compared, by source.
  private var verified: [SourceID: FileInfo] = [:]

  init(_ settings: StreamSettings, files: any Files) {
    stream = settings.name
    rotation = settings.rotation
    self.files = files
    globs = settings.logs.map { glob in
      let path = FilePath(glob)
      return (path.removingLastComponent(), Glob(path.lastComponent?.string ?? ""))
    }
  }

  struct Found {
    /// Asides first, in the order of their names, then live logs.
    var logs: [LogFile] = []
    /// New, moved, or known by a longer head than before: to be noted in the ledger.
    var changed: [SourceRecord] = []
    /// Known sources whose file is no longer there, or no longer theirs.
    var vanished: [SourceRecord] = []
    /// Folders that could not be listed; their sources are neither found nor vanished.
    var faults: [FileFault] = []
  }

  /// - Parameters:
  ///   - known: the ledger's sources of this stream that are not gone.
  ///   - returned: asks the ledger for any source with this inode, gone ones too.
  mutating func scan(
    known: [SourceRecord], at now: Timestamp, returned: (UInt64) throws -> [SourceRecord]
  ) throws -> Found {
    var found = Found()
    var left = Dictionary(known.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    var seen: Set<FileKey> = []
    for (path, role) in candidates(&found.faults) {
      guard let info = try files.info(path), info.kind == .file else { continue }
      // Two names of one file are one log.
      guard seen.insert(FileKey(info)).inserted else { continue }
      var record: SourceRecord
      if let match = try match(info, path, among: left.values.filter { $0.identity.inode == info.inode }) {
        record = match
      } else if let match = try match(
        info, path, among: returned(info.inode).filter { isSafe($0, info) && left[$0.id] == nil })
      {
        record = match
        found.changed.append(record)
      } else {
        guard let fresh = try make(info, path, at: now) else { continue }
        record = fresh
        found.changed.append(record)
      }
      left[record.id] = nil
      if try freshen(&record, info, path) { found.changed.append(record) }
      verified[record.id] = info
      found.logs.append(
        LogFile(record: record, path: path, role: role, info: info, writers: try writers(of: record, path, role, info)))
    }
    let unlisted = Set(found.faults.map(\.place))
    found.vanished = left.values.filter { !unlisted.contains(FilePath($0.path).removingLastComponent().string) }
    for gone in found.vanished { verified[gone.id] = nil }
    return found
  }

  private struct FileKey: Hashable {
    let device: UInt64
    let inode: UInt64
    init(_ info: FileInfo) { (device, inode) = (info.device, info.inode) }
  }

  /// Asked only where the answer matters: of a log that may have come to its end.
  private func writers(
    of record: SourceRecord, _ path: FilePath, _ role: LogFile.Role, _ info: FileInfo
  ) throws(FileFault) -> Writers {
    guard role == .aside || (rotation == .closed && info.size > record.cursor) else { return .some }
    do {
      return try files.writers(of: path)
    } catch {
      // Gone since it was listed: the next look finds that out.
      if error.kind == .missing { return .some }
      throw error
    }
  }

  /// The size that the source had when it was last looked at.
  func lastSize(of source: SourceID) -> UInt64? { verified[source]?.size }

  /// The name for a log that is set aside now: `opens.csv.20260312T060000Z.navette`, with a number where that is taken.
  func asidePath(for path: FilePath, at now: Timestamp) throws -> FilePath {
    var number = 1
    while true {
      let tag = number == 1 ? "" : "-\(number)"
      let aside = path.appendingToName(".\(now.compact)\(tag)\(Self.asideSuffix)")
      if try files.info(aside) == nil { return aside }
      number += 1
    }
  }

  // MARK: - Candidates

  private func candidates(_ faults: inout [FileFault]) -> [(FilePath, LogFile.Role)] {
    var asides: [(FilePath, LogFile.Role)] = []
    var live: [(FilePath, LogFile.Role)] = []
    var seen: Set<FilePath> = []
    var listed: [FilePath: [FileName]] = [:]
    for (directory, pattern) in globs {
      if listed[directory] == nil {
        do {
          listed[directory] = try files.list(directory)
        } catch {
          listed[directory] = []
          faults.append(
            FileFault(
              error.kind, "Cannot list the log folder", at: directory.string, why: error.why, remedy: error.remedy))
        }
      }
      for name in listed[directory] ?? [] {
        let path = directory.appending(name)
        if let original = Self.original(of: name) {
          if pattern.matches(original.bytes), seen.insert(path).inserted { asides.append((path, .aside)) }
        } else if pattern.matches(name.bytes), seen.insert(path).inserted {
          live.append((path, .live))
        }
      }
    }
    return asides + live
  }

  /// `opens.csv` of `opens.csv.20260312T060000Z.navette`; nil for a log that is not set aside.
  static func original(of name: FileName) -> FileName? {
    let suffix = Array(asideSuffix.utf8)
    guard name.bytes.count > suffix.count, name.bytes.suffix(suffix.count).elementsEqual(suffix) else { return nil }
    let stem = name.bytes.dropLast(suffix.count)
    guard let dot = stem.lastIndex(of: UInt8(ascii: ".")), dot > stem.startIndex else { return nil }
    return FileName(bytes: stem[..<dot])
  }

  // MARK: - Identity

  private func match(_ info: FileInfo, _ path: FilePath, among records: [SourceRecord]) throws -> SourceRecord? {
    for record in records {
      let identity = record.identity
      if let born = info.born, let birth = identity.birth, born != birth { continue }
      if info.size < record.cursor || info.size < UInt64(identity.headBytes) { continue }
      if let last = verified[record.id], last.size == info.size, last.changed == info.changed { return record }
      if try open(path).map({ try Fingerprint.fits($0, record) }) ?? false { return record }
    }
    return nil
  }

  /// A file that was thought gone is taken back only where its birth proves that the inode was not used again.
  private func isSafe(_ record: SourceRecord, _ info: FileInfo) -> Bool {
    info.born != nil && info.born == record.identity.birth
  }

  private func make(_ info: FileInfo, _ path: FilePath, at now: Timestamp) throws -> SourceRecord? {
    let bytes = Int(min(info.size, UInt64(Limits.headBytes)))
    guard let file = try open(path), let head = try Fingerprint.head(of: file, bytes: bytes) else { return nil }
    let identity = SourceIdentity(
      device: info.device, inode: info.inode, birth: info.born, headBytes: bytes, head: head)
    let name = "\(stream)\n\(info.inode)\n\(info.born ?? -1)\n\(head)\n\(now.nanoseconds)"
    return SourceRecord(
      id: SourceID(DigestHasher.digest(of: name.utf8)), stream: stream, path: path.string, identity: identity,
      seenAt: now)
  }

  /// A short file that has grown is known by more of its bytes; a renamed one by its new path.
  private func freshen(_ record: inout SourceRecord, _ info: FileInfo, _ path: FilePath) throws -> Bool {
    var changed = false
    if record.path != path.string {
      record.path = path.string
      changed = true
    }
    let longer = Int(min(info.size, UInt64(Limits.headBytes)))
    if longer > record.identity.headBytes, let file = try open(path),
      let head = try Fingerprint.head(of: file, bytes: longer)
    {
      record.identity.headBytes = longer
      record.identity.head = head
      changed = true
    }
    return changed
  }

  /// Nil where it is gone.
  private func open(_ path: FilePath) throws(FileFault) -> (any ReadableFile)? {
    do {
      return try files.open(path)
    } catch {
      if error.kind == .missing { return nil }
      throw error
    }
  }
}
