import Core
import Files
import Formats
import Ledger
import SystemPackage

/// Who a file is.
extension LogSources {
  /// The source that the file is, by its inode and what it holds; nil for a file that is not known.
  func known(_ candidate: Candidate, _ search: Search) throws -> SourceRecord? {
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

  private func match(_ candidate: Candidate, among records: [SourceRecord]) throws -> SourceRecord? {
    let info = candidate.info
    for record in records.sorted(by: { $0.cursor > $1.cursor }) {
      let identity = record.identity
      if let born = info.born, let birth = identity.birth, born != birth { continue }
      if let last = verified[record.id], last.size == info.size, last.changed == info.changed { return record }
      guard let file = try open(candidate.path) else { return nil }
      if candidate.form == .gzip {
        // Written once: the beginning tells enough.
        if try Fingerprint.head(of: candidate.form.view(file), bytes: identity.headBytes) == identity.head {
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
  mutating func welcome(_ candidate: Candidate, _ search: inout Search) throws {
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
    if rotation == .follow, candidate.role == .live { record.seenAt = record.seenAt + .milliseconds(1) }
    try claim(candidate, record, &search, isNew: true)
  }

  func make(_ candidate: Candidate, _ search: inout Search, size: UInt64? = nil) throws -> SourceRecord? {
    let info = candidate.info
    let bytes = Int(min(size ?? info.size, UInt64(Limits.headBytes)))
    guard let file = try open(candidate.path),
      let head = try Fingerprint.head(of: candidate.form.view(file), bytes: bytes)
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
    _ candidate: Candidate, _ known: SourceRecord, _ search: inout Search, isNew: Bool = false
  ) throws {
    var record = known
    let isBack = search.left.removeValue(forKey: record.id) == nil
    var info = candidate.info
    verified[record.id] = info
    if candidate.form == .gzip { info.size = record.size } else { info.size = candidate.form.size(of: info.size) }
    var changed = isNew || isBack
    if try freshen(&record, candidate, info.size) { changed = true }
    if changed { search.found.changed.append(record) }
    sizes[record.id] = info.size
    search.found.logs.append(
      LogFile(
        record: record, path: candidate.path, role: candidate.role, form: candidate.form, info: info,
        writers: try writers(of: record, candidate, info.size)))
  }

  /// A short file that has grown is known by more of its bytes; a renamed one by its new path.
  private func freshen(_ record: inout SourceRecord, _ candidate: Candidate, _ size: UInt64) throws -> Bool {
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
    if candidate.form == .plain, longer > record.identity.headBytes, let file = try open(candidate.path),
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
    of record: SourceRecord, _ candidate: Candidate, _ size: UInt64
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

  /// Nil where it is gone.
  func open(_ path: FilePath) throws(FileFault) -> (any ReadableFile)? {
    do {
      return try files.open(path)
    } catch {
      if error.kind == .missing { return nil }
      throw error
    }
  }

  // MARK: - Pins

  /// A copy is its source once the ledger says so; before, it stands in only where the log is gone.
  func isAuthority(_ pin: Pin, _ search: Search) -> Bool { search.left[pin.source]?.path == pin.path.string }

  /// Whether its log may be whole still, where it could not be looked for.
  func isOutOfSight(_ pin: Pin, _ search: Search) -> Bool {
    search.left[pin.source].map(search.found.isOutOfSight) ?? false
  }

  /// - Returns: false where nothing is left to be told of it: its source is found elsewhere, or known to have come to its end. A power
  ///   cut may bring a copy back that had been removed.
  mutating func claim(_ pin: Pin, _ search: inout Search) throws -> Bool {
    guard let info = try files.info(pin.path), info.kind == .file else { return true }
    let candidate = Candidate(path: pin.path, role: .pinned, isInGlob: false, info: info, form: pin.form)
    if let record = search.left[pin.source] {
      try claim(candidate, record, &search)
    } else if try search.memory.knows(pin.source) {
      return false
    } else if let record = try orphan(pin, candidate, search) {
      try claim(candidate, record, &search, isNew: true)
    }
    return true
  }

  /// The ledger was lost, and no batch has told it of this log. Nil: it cannot be read, and stays.
  private func orphan(_ pin: Pin, _ candidate: Candidate, _ search: Search) throws -> SourceRecord? {
    let info = candidate.info
    let size = pin.form.size(of: info.size)
    let bytes = Int(min(pin.from == pin.header ? size : pin.header, UInt64(Limits.headBytes)))
    guard let file = try open(pin.path), let head = try Fingerprint.head(of: file, bytes: bytes) else { return nil }
    let identity = SourceIdentity(
      device: info.device, inode: info.inode, birth: info.born, headBytes: bytes, head: head)
    // It is older than all that lies there.
    let seenAt = Timestamp(nanoseconds: search.now.wall.nanoseconds - 1)
    var record = SourceRecord(
      id: pin.source, stream: stream, path: pin.path.string, identity: identity, seenAt: seenAt, cursor: pin.from,
      cursorAt: seenAt, size: size)
    if pin.header == 0 {
      record.header = try search.memory.all().filter { $0.header != nil }.max { $0.seenAt < $1.seenAt }?.header
    }
    return record
  }
}
