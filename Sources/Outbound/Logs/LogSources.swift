import Config
import Core
import Files
import Formats
import Ledger
import Spool
import SystemPackage

/// Finds the log files of one stream and knows them again: by inode, by birth where the file system tells it, and by digests of the
/// first bytes and of those before the cursor. Names decide nothing, so a renamed log is the same source and a new file under an old
/// name is not. Only where others rotate (`follow`) a file with a rotated name is also known by what it holds; see `Recognition`.
struct LogSources {
  let pins: FilePath
  let listing: LogListing
  private let stream: StreamName
  private let files: any Files
  private let hands: Hands
  private let suspects: Suspects
  private var identity: LogIdentity
  private var recognition: Recognition
  /// Which file lay under which name when the last look began.
  private var layout: [FilePath: UInt64] = [:]
  /// Folders below those of the logs into which they are rotated, as was found out in this life.
  private var foundBelow: Set<FilePath> = []

  /// - Parameter pins: where copies of logs lie.
  init(
    _ settings: StreamSettings, pins: FilePath, files: any Files, hands: Hands = .none,
    suspects: Suspects = .none
  ) {
    (self.hands, self.suspects) = (hands, suspects)
    stream = settings.name
    self.pins = pins
    self.files = files
    listing = LogListing(settings, files: files)
    identity = LogIdentity(stream: settings.name, rotation: settings.rotation, files: files)
    recognition = Recognition(pins: pins, files: files)
  }

  /// Nothing is known of any log.
  var isEmpty: Bool { identity.isEmpty && recognition.isEmpty }

  /// Where others rotate, the look is taken again until the same files lie under the same names before and after it, and all is still
  /// what it was listed as: else a log that gets another name or other contents meanwhile would be passed over, or be taken for what is
  /// newer.
  /// - Parameter known: the ledger's sources of this stream that are not gone.
  mutating func scan(
    known: [SourceRecord], at now: Moment, memory: SourceMemory, turn: LogTurns.Turn = .all
  ) throws -> FoundLogs {
    var found = try scanOnce(known: known, at: now, memory: memory, turn: turn)
    guard listing.rotation == .follow else { return found }
    // What a look has learned of a source that the next one misses: by less, a copy of it would not be known.
    var learned: [SourceID: SourceRecord] = [:]
    for _ in 0..<Limits.looksThatAgree {
      var other = FoundLogs()
      let candidates = try found.isStale ? [] : listing.candidates(&other, known, olddirs(known))
      guard found.isStale || Self.layout(candidates) != layout else { break }
      for record in found.changed { learned[record.id] = record }
      found = try scanOnce(known: known.map { learned[$0.id] ?? $0 }, at: now, memory: memory, turn: turn)
    }
    let noted = Set(found.changed.map(\.id))
    found.changed += found.logs.map(\.record).filter { learned[$0.id] != nil && !noted.contains($0.id) }
    return found
  }

  /// Folders into which logs are rotated: those of the settings, and those below the log folders in which some were found.
  private func olddirs(_ known: [SourceRecord]) -> Set<FilePath> {
    let folders = listing.folders
    let below = known.map { FilePath($0.path).parent }.filter {
      $0 != pins && folders.contains($0.parent)
    }
    return listing.olddirs.union(foundBelow).union(below).subtracting(folders)
  }

  /// In which logs may come.
  var folders: Set<FilePath> { listing.folders.union(listing.olddirs).union(foundBelow) }

  private static func layout(_ candidates: [LogCandidate]) -> [FilePath: UInt64] {
    Dictionary(candidates.map { ($0.path, $0.info.inode) }, uniquingKeysWith: { first, _ in first })
  }

  private mutating func scanOnce(
    known: [SourceRecord], at now: Moment, memory: SourceMemory, turn: LogTurns.Turn
  ) throws -> FoundLogs {
    var search = LogSearch(
      left: Dictionary(known.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first }),
      now: now, memory: memory,
      newest: known.map(\.seenAt).max())
    if listing.rotation == .follow { search.kin.olddirs = olddirs(known) }
    let pinned = try Pin.all(in: pins, files)
    let spare = pinned.filter { !isAuthority($0, search) }
    for pin in pinned where !spare.contains(pin) { _ = try claim(pin, &search) }
    var unknown: [LogCandidate] = []
    let candidates = try listing.candidates(&search.found, known, search.kin.olddirs)
    layout = Self.layout(candidates)
    for candidate in candidates {
      // Two names of one file are one log.
      guard search.seen.insert(FileKey(candidate.info)).inserted else { continue }
      if turn == .others, suspects.wasInHand(candidate, of: stream, search.left) {
        search.found.later.append((candidate.path, candidate.info.inode))
        continue
      }
      do {
        try suspects.pass(candidate)
        try holding(candidate) {
          if let record = try identity.known(candidate, search) {
            try identity.claim(candidate, record, &search)
          } else {
            unknown.append(candidate)
          }
        }
      } catch let fault as FileFault {
        try search.block(candidate, fault)
      }
    }
    for pin in spare where !isOutOfSight(pin, search) {
      if try !claim(pin, &search) { search.found.spare.append(pin) }
    }
    if listing.rotation == .follow, !search.left.isEmpty {
      try findMoved(&search)
      findBelow(&search)
    }
    search.emptied = Set(unknown.filter { $0.role == .live }.map { FileKey($0.info) })
    try decide(unknown, &search)
    conclude(&search)
    return search.found
  }

  /// Who the files are that no source is known by: what was rotated first, the oldest before others.
  private mutating func decide(_ unknown: [LogCandidate], _ search: inout LogSearch) throws {
    let older = unknown.filter { $0.role == .rotated }.sorted { $0.info.modified < $1.info.modified }
    for candidate in older + unknown.filter({ $0.role != .rotated }) {
      do {
        try holding(candidate) {
          if candidate.role == .rotated {
            try recognition.judge(candidate, &search, &identity)
          } else if listing.rotation == .closed {
            try recognition.admit(candidate, &search, &identity)
          } else {
            try identity.welcome(candidate, &search)
          }
        }
      } catch let fault as FileFault {
        try search.block(candidate, fault)
      }
    }
  }

  /// Said for the next life, should this one end meanwhile.
  private func holding(_ candidate: LogCandidate, _ body: () throws -> Void) throws {
    try hands.holding(Work(.stream(stream), .look, candidate.info), body)
  }

  /// The size that the source had when it was last looked at.
  func lastSize(of source: SourceID) -> UInt64? { identity.lastSize(of: source) }

  /// The file is known under another source now.
  mutating func forget(_ source: SourceID) { identity.forget(source) }

  private mutating func conclude(_ search: inout LogSearch) {
    // A copy may be under way, or be there and not be readable now.
    let blocked = search.found.blocked.filter { $0.role == .rotated }
    let undecided = search.pending + blocked.map(\.path)
    for record in search.left.values {
      let path = FilePath(record.path)
      if search.found.copies[record.id] == nil {
        if search.found.isOutOfSight(record) { continue }
        if undecided.contains(where: { search.kin.areKin(path, $0) }) {
          let reason = blocked.first {
            search.kin.areKin(path, $0.path) && $0.fault.kind == .denied
          }
          search.found.unreached.append((record, reason?.fault))
          continue
        }
      }
      search.found.vanished.append(record)
    }
    for gone in search.found.vanished { identity.forgetContents(of: gone.id) }
    recognition.keep(search.seen)
  }

  /// Logs that were moved to names of no kind that we know, in the same folder.
  private mutating func findMoved(_ search: inout LogSearch) throws {
    let wanted = Set(search.left.values.map(\.identity.inode))
    // What could not be listed a moment ago was not looked through for the names that we know.
    let unlisted = Set(search.found.faults.map(\.folder))
    for directory in listing.folders.union(search.kin.olddirs) where !unlisted.contains(directory) {
      guard let names = try? files.list(directory) else { continue }
      for name in names {
        let path = directory.appending(name)
        guard let info = try? files.info(path), info.kind == .file, wanted.contains(info.inode)
        else { continue }
        guard search.seen.insert(FileKey(info)).inserted, let file = try files.openIfThere(path)
        else { continue }
        // Its name tells nothing.
        let form = try Packing(file).map { LogForm.packed(Wrapping($0)) } ?? .plain
        let candidate = LogCandidate(
          path: path, role: .rotated, isInGlob: false, info: info, form: form)
        if let record = try identity.known(candidate, search) {
          try identity.claim(candidate, record, &search)
        }
      }
    }
  }

  /// Logs that are missed may have been rotated into a folder below: by their inodes, or packed, by their names. Where there are any, the
  /// next look takes the folder in.
  private mutating func findBelow(_ search: inout LogSearch) {
    let missed = search.left.values.filter { $0.cursor < $0.size || listing.mayGrow($0) }
    guard !missed.isEmpty else { return }
    let inodes = Set(missed.map(\.identity.inode))
    for folder in listing.folders {
      guard let names = try? files.list(folder) else { continue }
      let below = names.map { folder.appending($0) }.filter { path in
        !search.kin.olddirs.contains(path) && path != pins
          && (try? files.info(path))??.kind == .directory
      }
      for path in below.prefix(Limits.foldersBelow) {
        guard let inside = try? files.list(path) else { continue }
        let isTheirs = inside.prefix(Limits.namesBelow).contains { name in
          if listing.isRotated(name) { return true }
          guard let info = try? files.info(path.appending(name)) else { return false }
          return info.kind == .file && inodes.contains(info.inode)
        }
        if isTheirs, foundBelow.insert(path).inserted { search.found.isStale = true }
      }
    }
  }

  // MARK: - Pins

  /// A copy is its source once the ledger says so; before, it stands in only where the log is gone.
  private func isAuthority(_ pin: Pin, _ search: LogSearch) -> Bool {
    search.left[pin.source]?.path == pin.path.string
  }

  /// Whether its log may be whole still, where it could not be looked for.
  private func isOutOfSight(_ pin: Pin, _ search: LogSearch) -> Bool {
    search.left[pin.source].map(search.found.isOutOfSight) ?? false
  }

  /// - Returns: false where nothing is left to be told of it: its source is found elsewhere, or known to have come to its end. A power
  ///   cut may bring a copy back that had been removed.
  private mutating func claim(_ pin: Pin, _ search: inout LogSearch) throws -> Bool {
    guard let info = try files.info(pin.path), info.kind == .file else { return true }
    let candidate = LogCandidate(
      path: pin.path, role: .pinned, isInGlob: false, info: info, form: pin.form)
    if let record = search.left[pin.source] {
      try identity.claim(candidate, record, &search)
    } else if try search.memory.knows(pin.source) {
      return false
    } else if let record = try orphan(pin, candidate, search) {
      try identity.claim(candidate, record, &search, isNew: true)
    }
    return true
  }

  /// The ledger was lost, and no batch has told it of this log. Nil: it cannot be read, and stays.
  private func orphan(_ pin: Pin, _ candidate: LogCandidate, _ search: LogSearch) throws
    -> SourceRecord?
  {
    let info = candidate.info
    let size = pin.form.size(of: info.size)
    let bytes = Int(min(pin.from == pin.header ? size : pin.header, UInt64(Limits.headBytes)))
    guard let file = try files.openIfThere(pin.path),
      let head = try Fingerprint.head(of: file, bytes: bytes)
    else { return nil }
    let identity = SourceIdentity(
      device: info.device, inode: info.inode, birth: info.born, headBytes: bytes, head: head)
    // It is older than all that lies there.
    let seenAt = Timestamp(nanoseconds: search.now.wall.nanoseconds - 1)
    var record = SourceRecord(
      id: pin.source, stream: stream, path: pin.path.string, identity: identity, seenAt: seenAt,
      cursor: pin.from,
      cursorAt: seenAt, size: size)
    if pin.header == 0 {
      record.header = try search.memory.all().filter { $0.header != nil }.max {
        $0.seenAt < $1.seenAt
      }?.header
    }
    return record
  }
}
