import Core
import Files
import Ledger
import SystemPackage

/// A file with a rotated name and an inode that is not known: a log that was rotated before anybody saw it, or a copy of one that is
/// known (made by `copytruncate`, `copy` or `compress`). A copy is known by what it holds: it begins with the head of a source of its
/// kin and has the same bytes before that source's cursor. As long as that source is whole itself, the copy is passed over; else it
/// takes over from where reading had come.
struct Recognition {
  private struct PassedOver {
    let info: FileInfo
    /// The source that it is a copy of; nil: it cannot be read.
    let twin: SourceID?
    var fault: FileFault? = nil
  }

  let pins: FilePath
  let files: any Files
  /// Files with rotated names that are nothing new.
  private var passedOver: [FileKey: PassedOver] = [:]
  /// Files whose writers cannot be told, and since when they have not changed.
  private var resting: [FileKey: (since: Duration, info: FileInfo)] = [:]

  init(pins: FilePath, files: any Files) { (self.pins, self.files) = (pins, files) }

  var isEmpty: Bool { passedOver.isEmpty && resting.isEmpty }

  /// What was not seen by the last look is gone.
  mutating func keep(_ seen: Set<FileKey>) {
    passedOver = passedOver.filter { seen.contains($0.key) }
    resting = resting.filter { seen.contains($0.key) }
  }

  mutating func judge(
    _ candidate: LogCandidate, _ search: inout LogSearch, _ identity: inout LogIdentity
  ) throws {
    let key = FileKey(candidate.info)
    if let before = passedOver[key], before.info == candidate.info {
      if let fault = before.fault { search.found.unreadable.append((candidate.path, fault)) }
      guard let twin = before.twin, !isWhole(twin, search) else { return }
      passedOver[key] = nil
    }
    let kin = try search.memory.all().filter {
      search.kin.areKin(FilePath($0.path), candidate.path) || isPin($0)
    }
    guard try isAtRest(candidate, search.now) else {
      // Not a copy in the making: a log that is written under such a name.
      if candidate.isInGlob, candidate.form == .plain, try !mayBecome(candidate, kin, search) {
        try identity.welcome(candidate, &search)
      } else {
        search.pending.append(candidate.path)
      }
      return
    }
    guard try files.info(candidate.path) == candidate.info else { return search.leave(candidate) }
    guard let file = try files.openIfThere(candidate.path) else { return }
    guard let size = try size(of: candidate, file, &search) else { return }
    let view = candidate.form.view(file, at: candidate.path)
    if let source = try match(view, size, kin, search) {
      if let twin = heir(of: source, search) {
        passedOver[key] = PassedOver(info: candidate.info, twin: twin)
        return
      }
      guard search.left[source.id] == nil || !search.found.isOutOfSight(source) else {
        return search.pending.append(candidate.path)
      }
      return try takeOver(candidate, size, from: source, &search, &identity)
    }
    if let twin = try copied(view, size, candidate, search) {
      passedOver[key] = PassedOver(info: candidate.info, twin: twin)
      return
    }
    if !search.isHistory(candidate, kin), let empty = Self.emptyWhenSeen(kin, search) {
      return try takeOver(candidate, size, from: empty, &search, &identity)
    }
    // It may be a copy of one that has been emptied since it was listed.
    guard try !isEmptied(ofKinTo: candidate, search),
      var record = try identity.make(candidate, &search, size: size)
    else {
      return search.leave(candidate)
    }
    record.header = headerOfEmptied(kin, search)
    record.seenAt = Self.before(record, candidate, kin, search)
    if search.isFirst, !candidate.isInGlob {
      search.found.history.append(record)
    } else if search.isHistory(candidate, kin) {
      // As if it had lain there at the first look: it is known, and nothing of it is read.
      (record.cursor, record.cursorAt) = (size, search.now.wall)
      try identity.claim(candidate, record, &search, isNew: true)
    } else {
      try identity.claim(candidate, record, &search, isNew: true)
    }
  }

  /// Of the log; nil where the file is damaged, or not whole.
  private mutating func size(
    of candidate: LogCandidate, _ file: any ReadableFile, _ search: inout LogSearch
  ) throws -> UInt64? {
    guard case .packed(let wrapping) = candidate.form else { return candidate.info.size }
    do throws(FileFault) {
      return try UnpackedFile.contentSize(of: file, wrapping, at: candidate.path)
    } catch {
      guard error.kind == .damaged else { throw error }
      passedOver[FileKey(candidate.info)] = PassedOver(info: candidate.info, twin: nil, fault: error)
      search.found.unreadable.append((candidate.path, error))
      return nil
    }
  }

  /// A log of the kin that is missed and had nothing in it when it was seen last: by its contents nothing can be known again, and what was
  /// rotated since is likely it.
  private static func emptyWhenSeen(_ kin: [SourceRecord], _ search: LogSearch) -> SourceRecord? {
    kin.filter { record in
      record.identity.headBytes == 0 && record.cursor == 0 && search.left[record.id] != nil
        && search.found.copies[record.id] == nil && !search.found.isOutOfSight(record)
    }.min { $0.seenAt < $1.seenAt }
  }

  /// A closed file that nobody has seen before. One that is packed is a log once nobody writes to it and all of it can be unpacked.
  mutating func admit(
    _ candidate: LogCandidate, _ search: inout LogSearch, _ identity: inout LogIdentity
  ) throws {
    var wrapping: Wrapping?
    if case .packed(let found) = candidate.form { wrapping = found }
    if wrapping?.packing == nil, let file = try files.openIfThere(candidate.path), let packing = try Packing(file) {
      let fault = FileFault(
        .damaged, "Cannot read", at: candidate.path,
        why:
          "it is packed by \(packing.word), and its name does not end in \(String(decoding: packing.suffix, as: UTF8.self))",
        remedy: "Give it a name that does")
      return search.found.unusable.append((candidate.path, fault))
    }
    guard let wrapping else { return try identity.welcome(candidate, &search) }
    let key = FileKey(candidate.info)
    if let before = passedOver[key], before.info == candidate.info, let fault = before.fault {
      return search.found.unusable.append((candidate.path, fault))
    }
    guard try isAtRest(candidate, search.now) else { return search.pending.append(candidate.path) }
    guard try files.info(candidate.path) == candidate.info,
      let file = try files.openIfThere(candidate.path)
    else {
      return search.leave(candidate)
    }
    let size: UInt64
    do throws(FileFault) {
      size = try UnpackedFile.contentSize(of: file, wrapping, at: candidate.path)
    } catch {
      guard error.kind == .damaged else { throw error }
      passedOver[key] = PassedOver(info: candidate.info, twin: nil, fault: error)
      return search.found.unusable.append((candidate.path, error))
    }
    guard let record = try identity.make(candidate, &search, size: size) else { return }
    try identity.claim(candidate, record, &search, isNew: true)
  }

  /// What was rotated comes before the log that its writer has now, though that may have been seen first, while the copy was still being
  /// made; and behind whatever was rotated earlier.
  private static func before(
    _ record: SourceRecord, _ candidate: LogCandidate, _ kin: [SourceRecord], _ search: LogSearch
  ) -> Timestamp {
    let logs = search.found.logs.filter { search.kin.areKin($0.path, candidate.path) }
    guard let live = logs.filter({ $0.role == .live }).map(\.record.seenAt).min(),
      live < record.seenAt
    else {
      return record.seenAt
    }
    let earlier = (kin + logs.map(\.record)).map(\.seenAt).filter { $0 < live }.max()
    return min(live, earlier.map { Timestamp(nanoseconds: $0.nanoseconds + 1) } ?? live)
  }

  /// The header of the newest log of the kin that was emptied in place: such a writer does not write it again, so that copies made
  /// from it begin with a record. Nil where none was.
  private func headerOfEmptied(_ kin: [SourceRecord], _ search: LogSearch) -> [UInt8]? {
    struct Life: Hashable {
      let inode: UInt64
      let birth: Int64?
    }
    let lives = Dictionary(grouping: kin) { Life(inode: $0.identity.inode, birth: $0.identity.birth) }
    let emptied = lives.values.filter { records in
      records.count > 1 || records.contains { $0.origin == nil && search.emptied.contains(FileKey($0.identity)) }
    }
    return emptied.joined().filter { $0.header != nil }.max { $0.seenAt < $1.seenAt }?.header
  }

  private func isEmptied(ofKinTo candidate: LogCandidate, _ search: LogSearch) throws -> Bool {
    for log in search.found.logs
    where log.role == .live && search.kin.areKin(log.path, candidate.path) {
      guard let file = try files.openIfThere(log.path), try file.info().inode == log.info.inode,
        try Fingerprint.fits(file, log.record)
      else { return true }
    }
    return false
  }

  private func isPin(_ record: SourceRecord) -> Bool { FilePath(record.path).parent == pins }

  /// What is read instead of a copy: the source itself, or another copy that has taken over from it in this very look.
  private func heir(of source: SourceRecord, _ search: LogSearch) -> SourceID? {
    if isWhole(source.id, search) { return source.id }
    guard search.found.copies[source.id] != nil else { return nil }
    return search.found.logs.first { $0.record.origin == source.origin ?? source.id }?.record.id
  }

  private func isWhole(_ source: SourceID, _ search: LogSearch) -> Bool {
    search.found.logs.contains { $0.record.id == source }
  }

  /// Nobody writes to it any more.
  private mutating func isAtRest(_ candidate: LogCandidate, _ now: Moment) throws -> Bool {
    let key = FileKey(candidate.info)
    do {
      switch try files.writers(of: candidate.path) {
      case .none: return true
      case .some: return false
      case .unknown:
        if let rest = resting[key], rest.info == candidate.info {
          return now.uptime - rest.since >= Limits.restBeforeFinal
        }
        resting[key] = (now.uptime, candidate.info)
        return false
      }
    } catch {
      if error.kind == .missing { return false }
      throw error
    }
  }

  /// Whether what is being written begins as a known log does, as far as can be told.
  private func mayBecome(_ candidate: LogCandidate, _ kin: [SourceRecord], _ search: LogSearch)
    throws -> Bool
  {
    guard let file = try files.openIfThere(candidate.path) else { return true }
    let bytes = Int(min(candidate.info.size, UInt64(Limits.headBytes)))
    let head = try Fingerprint.head(of: file, bytes: bytes)
    for record in kin {
      if record.identity.headBytes <= bytes {
        if record.identity.headBytes > 0,
          try Fingerprint.head(of: file, bytes: record.identity.headBytes) == record.identity.head
        {
          return true
        }
        continue
      }
      guard let log = search.found.logs.first(where: { $0.record.id == record.id }),
        let other = try files.openIfThere(log.path)
      else {
        return true
      }
      if try Fingerprint.head(of: log.form.view(other, at: log.path), bytes: bytes) == head {
        return true
      }
    }
    return false
  }

  /// The source of which the file holds all that was read, and most of it.
  private func match(
    _ view: any ReadableFile, _ size: UInt64, _ kin: [SourceRecord], _ search: LogSearch
  ) throws -> SourceRecord? {
    var heads: [Int: Digest?] = [:]
    // Where reading has come to the same place in two, one has taken over from the other: the heir is meant.
    func age(_ record: SourceRecord) -> Int { isWhole(record.id, search) ? 0 : search.left[record.id] != nil ? 1 : 2 }
    func isBefore(_ a: SourceRecord, _ b: SourceRecord) -> Bool {
      a.cursor != b.cursor ? a.cursor > b.cursor : age(a) < age(b)
    }
    for record in kin.sorted(by: isBefore) where record.cursor <= size {
      // Of which nothing was read, the beginning must do; so only for one that is missed.
      if record.cursor == 0 {
        guard search.left[record.id] != nil, record.identity.headBytes > 0, record.size <= size else { continue }
      }
      let bytes = record.identity.headBytes
      if UInt64(bytes) > size {
        // Seen longer than its copy: what was read is all in the tail, which is no shorter than a head may be.
        guard let tail = record.tail, try Fingerprint.tail(of: view, before: record.cursor) == tail else { continue }
        return record
      }
      if heads[bytes] == nil { heads[bytes] = .some(try Fingerprint.head(of: view, bytes: bytes)) }
      guard let head = heads[bytes] ?? nil, head == record.identity.head else { continue }
      guard let tail = record.tail else { return record }
      if try Fingerprint.tail(of: view, before: record.cursor) == tail { return record }
    }
    return nil
  }

  /// The log, whole itself, of which the file is a copy up to some point.
  private func copied(
    _ view: any ReadableFile, _ size: UInt64, _ candidate: LogCandidate, _ search: LogSearch
  ) throws -> SourceID? {
    guard size > 0 else { return nil }
    for log in search.found.logs where !log.form.isPacked && log.info.size >= size {
      guard search.kin.areKin(FilePath(log.record.path), candidate.path) || isPin(log.record),
        let file = try files.openIfThere(log.path)
      else { continue }
      let other = log.form.view(file, at: log.path)
      // Of a part that was carried over there is no more to compare than it holds.
      var from: UInt64 = 0
      if case .carried(_, let start) = log.form { from = start }
      let head = from > 0 ? log.record.identity.headBytes : Int(min(size, UInt64(Limits.headBytes)))
      guard from < size, UInt64(head) <= size else { continue }
      let known = from > 0 ? log.record.identity.head : try Fingerprint.head(of: other, bytes: head)
      guard try Fingerprint.head(of: view, bytes: head) == known else { continue }
      let bytes = min(size - from, UInt64(Limits.headBytes))
      if try Fingerprint.digest(of: view, from: size - bytes, bytes: Int(bytes))
        == Fingerprint.digest(of: other, from: size - bytes, bytes: Int(bytes))
      {
        return log.record.id
      }
    }
    return nil
  }

  private func takeOver(
    _ candidate: LogCandidate, _ size: UInt64, from source: SourceRecord, _ search: inout LogSearch,
    _ identity: inout LogIdentity
  ) throws {
    guard var record = try identity.make(candidate, &search, size: size) else { return }
    // It comes before what was written since: the emptied log may have been found first.
    record.seenAt = source.seenAt
    record.cursor = source.cursor
    record.cursorAt = source.cursorAt
    record.tail = source.tail
    record.header = source.header
    record.origin = source.origin ?? source.id
    search.found.copies[source.id] = size
    try identity.claim(candidate, record, &search, isNew: true)
  }
}
