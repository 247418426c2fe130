import Config
import Core
import Files
import Formats
import Ledger
import SystemPackage

/// Who a file is, and what was seen of it last.
struct LogIdentity {
  let stream: StreamName
  let rotation: StreamSettings.Rotation
  let files: any Files
  /// What each file looked like when its bytes were last compared, by source.
  private var verified: [SourceID: FileInfo] = [:]
  /// Of the logs, not of their files.
  private var sizes: [SourceID: UInt64] = [:]

  init(stream: StreamName, rotation: StreamSettings.Rotation, files: any Files) {
    (self.stream, self.rotation, self.files) = (stream, rotation, files)
  }

  var isEmpty: Bool { verified.isEmpty && sizes.isEmpty }

  /// The size that the source had when it was last looked at.
  func lastSize(of source: SourceID) -> UInt64? { sizes[source] }

  /// The file is known under another source now.
  mutating func forget(_ source: SourceID) {
    forgetContents(of: source)
    sizes[source] = nil
  }

  mutating func forgetContents(of source: SourceID) { verified[source] = nil }

  /// The source that the file is, by its inode and what it holds; nil for a file that is not known.
  func known(_ candidate: LogCandidate, _ search: LogSearch) throws -> SourceRecord? {
    let info = candidate.info
    if let match = try match(candidate, among: search.left.values.filter { $0.identity.inode == info.inode }) {
      return match
    }
    let claimed = Set(search.found.logs.map(\.record.id))
    let gone = try search.memory.byInode(info.inode).filter {
      isSafe($0, info) && search.left[$0.id] == nil && !claimed.contains($0.id)
    }
    return try match(candidate, among: gone)
  }

  private func match(_ candidate: LogCandidate, among records: [SourceRecord]) throws
    -> SourceRecord?
  {
    let info = candidate.info
    for record in records.sorted(by: { $0.cursor > $1.cursor }) {
      let identity = record.identity
      if let born = info.born, let birth = identity.birth, born != birth { continue }
      if let last = verified[record.id], last.size == info.size, last.changed == info.changed {
        return record
      }
      guard let file = try files.openIfThere(candidate.path) else { return nil }
      if candidate.form.isPacked {
        // Written once: the beginning tells enough.
        if try Fingerprint.head(
          of: candidate.form.view(file, at: candidate.path), bytes: identity.headBytes)
          == identity.head
        {
          return record
        }
        continue
      }
      if info.size < record.cursor || info.size < UInt64(identity.headBytes) { continue }
      if try Fingerprint.fits(file, record) { return record }
    }
    return nil
  }

  /// A file that was thought gone is taken back only where its birth proves that the inode was not used again.
  private func isSafe(_ record: SourceRecord, _ info: FileInfo) -> Bool {
    info.born != nil && info.born == record.identity.birth
  }

  /// A log that nobody has seen before.
  mutating func welcome(_ candidate: LogCandidate, _ search: inout LogSearch) throws {
    guard var record = try make(candidate, &search) else {
      // Gone or cut off since it was listed.
      return search.leave(candidate)
    }
    if rotation == .follow || rotation == .copytruncate {
      // Emptied under its writer, who will not write a header again.
      record.header = try search.memory.byInode(candidate.info.inode)
        .filter { $0.identity.birth == candidate.info.born && $0.header != nil }
        .max { $0.seenAt < $1.seenAt }?.header
    }
    // Room before it, for what was rotated and is found later.
    if rotation == .follow, candidate.role == .live { record.seenAt = record.seenAt + Limits.roomBeforeLive }
    try claim(candidate, record, &search, isNew: true)
  }

  func make(_ candidate: LogCandidate, _ search: inout LogSearch, size: UInt64? = nil) throws
    -> SourceRecord?
  {
    let info = candidate.info
    let bytes = Int(min(size ?? info.size, UInt64(Limits.headBytes)))
    guard let file = try files.openIfThere(candidate.path),
      let head = try Fingerprint.head(
        of: candidate.form.view(file, at: candidate.path), bytes: bytes)
    else { return nil }
    let identity = SourceIdentity(
      device: info.device, inode: info.inode, birth: info.born, headBytes: bytes, head: head)
    let seenAt = search.nextInstant()
    let name = "\(stream)\n\(info.inode)\n\(info.born ?? -1)\n\(head)\n\(seenAt.nanoseconds)"
    return SourceRecord(
      id: SourceID(DigestHasher.digest(of: name.utf8)), stream: stream, path: candidate.path.string,
      identity: identity, seenAt: seenAt, size: size ?? info.size)
  }

  mutating func claim(
    _ candidate: LogCandidate, _ known: SourceRecord, _ search: inout LogSearch, isNew: Bool = false
  ) throws {
    var record = known
    let isBack = search.left.removeValue(forKey: record.id) == nil
    var info = candidate.info
    let isAsSeen = verified[record.id] == info
    verified[record.id] = info
    info.size =
      candidate.form.isPacked
      ? try contentSize(of: candidate, record, mayHaveGrown: !isAsSeen && !isNew) : candidate.form.size(of: info.size)
    var changed = isNew || isBack
    if try freshen(&record, candidate, info.size) { changed = true }
    if changed { search.found.changed.append(record) }
    sizes[record.id] = info.size
    search.found.logs.append(
      LogFile(
        record: record, path: candidate.path, role: candidate.role, form: candidate.form, info: info,
        writers: try writers(of: record, candidate, info.size)))
  }

  /// Of a packed log. A plan does not tell how large a log was that it is a part of: where that is all we know of it, it is unpacked once more.
  /// One that is not packed can grow.
  private func contentSize(
    of candidate: LogCandidate, _ record: SourceRecord, mayHaveGrown: Bool
  ) throws -> UInt64 {
    guard case .packed(let wrapping) = candidate.form,
      record.size < record.cursor || mayHaveGrown && wrapping.packing == nil,
      let file = try files.openIfThere(candidate.path)
    else { return record.size }
    do throws(FileFault) {
      return try UnpackedFile.contentSize(of: file, wrapping, at: candidate.path)
    } catch {
      guard error.kind == .damaged else { throw error }
      return record.cursor
    }
  }

  /// A short file that has grown is known by more of its bytes; a renamed one by its new path.
  private func freshen(_ record: inout SourceRecord, _ candidate: LogCandidate, _ size: UInt64)
    throws -> Bool
  {
    var changed = false
    if record.path != candidate.path.string {
      record.path = candidate.path.string
      changed = true
    }
    if record.size != size {
      record.size = size
      // A log that we set aside ourselves is noted by then; until then it grows all the time.
      changed = changed || rotation != .rename || candidate.role != .live
    }
    // Of a log that was read from only what lies before the cursor: that is durable, and the rest may be another one after a power cut.
    let known = record.cursor > 0 ? min(size, record.cursor) : size
    let longer = Int(min(known, UInt64(Limits.headBytes)))
    if candidate.form == .plain, longer > record.identity.headBytes,
      let file = try files.openIfThere(candidate.path),
      let head = try Fingerprint.head(of: file, bytes: longer)
    {
      record.identity.headBytes = longer
      record.identity.head = head
      changed = true
    }
    return changed
  }

  /// Asked only where the answer matters: of a log that may have come to its end.
  private func writers(
    of record: SourceRecord, _ candidate: LogCandidate, _ size: UInt64
  ) throws(FileFault) -> Writers {
    guard candidate.form == .plain else { return .none }
    switch candidate.role {
    case .aside, .pinned: break
    case .rotated: if size <= record.cursor { return .none }
    case .live: if rotation != .closed || size <= record.cursor { return .some }
    }
    do {
      let writers = try files.writers(of: candidate.path)
      // Let go only since it was listed: what it holds to its last byte is for the next look to tell.
      if writers == .none, try files.info(candidate.path) != candidate.info { return .some }
      return writers
    } catch {
      // Gone since it was listed: the next look finds that out.
      if error.kind == .missing { return .some }
      throw error
    }
  }
}
