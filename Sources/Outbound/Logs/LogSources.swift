import Config
import Core
import Files
import Formats
import Ledger
import Spool
import SystemPackage

/// One log file as it lies on the disk now, and who it is.
struct LogFile {
  enum Role: Hashable {
    /// Under the name that its writer knows.
    case live
    /// Set aside by us: only a writer that still holds it open can add to it.
    case aside
    /// Rotated by others, still in the log folder.
    case rotated
    /// In `pinned/`: rotated, deleted or emptied by others, or by us.
    case pinned
  }

  var record: SourceRecord
  let path: FilePath
  let role: Role
  let form: LogForm
  /// Of the file, but its size is the log's own: unpacked, and with what was not carried over.
  let info: FileInfo
  let writers: Writers
}

/// What a look asks the ledger for.
struct SourceMemory {
  /// Any source with this inode, gone ones too.
  let byInode: (UInt64) throws -> [SourceRecord]
  /// All sources, gone ones too.
  let all: () throws -> [SourceRecord]
  /// Whether there is such a source, or was.
  let knows: (SourceID) throws -> Bool
}

/// Finds the log files of one stream and knows them again: by inode, by birth where the file system tells it, and by digests of the
/// first bytes and of those before the cursor. Names decide nothing, so a renamed log is the same source and a new file under an old
/// name is not. Only where others rotate (`follow`) a file with a rotated name is also known by what it holds; see `Recognition`.
struct LogSources {
  /// Ends the name of a log that was set aside. Globs never match it as a live log.
  static let asideSuffix = ".navette"

  let stream: StreamName
  let rotation: StreamSettings.Rotation
  let globs: [(directory: FilePath, pattern: Glob)]
  let pins: FilePath
  let files: any Files
  let hands: Hands
  let suspects: Suspects
  /// What each file looked like when its bytes were last compared, by source.
  var verified: [SourceID: FileInfo] = [:]
  /// Of the logs, not of their files.
  var sizes: [SourceID: UInt64] = [:]
  /// Files with rotated names that are nothing new.
  var passedOver: [FileKey: PassedOver] = [:]
  /// Which file lay under which name when the last look began.
  private var layout: [FilePath: UInt64] = [:]
  var turns = LogTurns()
  /// Files whose writers cannot be told, and since when they have not changed.
  var resting: [FileKey: (since: Duration, info: FileInfo)] = [:]

  /// - Parameter pins: where copies of logs lie.
  init(
    _ settings: StreamSettings, pins: FilePath, files: any Files, hands: Hands = .none,
    suspects: Suspects = .none
  ) {
    (self.hands, self.suspects) = (hands, suspects)
    stream = settings.name
    rotation = settings.rotation
    self.pins = pins
    self.files = files
    globs = settings.logs.map { glob in
      let path = FilePath(glob)
      return (path.parent, Glob(String(decoding: path.name?.bytes ?? [], as: UTF8.self)))
    }
  }

  struct Found {
    /// Asides first, in the order of their names, then live logs.
    var logs: [LogFile] = []
    /// New, moved, or known by a longer head than before: to be noted in the ledger.
    var changed: [SourceRecord] = []
    /// Known sources whose file is no longer there, or no longer theirs.
    var vanished: [SourceRecord] = []
    /// Of vanished sources: how large a copy that takes over is.
    var copies: [SourceID: UInt64] = [:]
    /// Rotated before the stream was looked at for the first time, and matched by no glob: not to be sent.
    var history: [SourceRecord] = []
    /// Copies of logs that are still whole, or of which nothing is left to be told.
    var spare: [Pin] = []
    /// Something was not any more what it had been listed as.
    var isStale = false
    /// Folders that could not be listed; their sources are neither found nor vanished.
    var faults: [(folder: FilePath, fault: FileFault)] = []
    /// Logs that could not be looked at: the same.
    var blocked: [Blocked] = []
    /// Logs whose turn comes later: neither found nor vanished.
    var later: [(path: FilePath, inode: UInt64)] = []

    /// Whether the log may be there although it was not found: its folder could not be listed, it could not be looked at, or its turn
    /// comes later.
    func isOutOfSight(_ record: SourceRecord) -> Bool {
      let folder = FilePath(record.path).parent
      return faults.contains { $0.folder == folder } || later.contains { $0.inode == record.identity.inode }
        // One of which not even the inode can be told may be any of that folder.
        || blocked.contains { $0.inode.map { $0 == record.identity.inode } ?? ($0.path.parent == folder) }
    }
  }

  struct Blocked {
    let path: FilePath
    let role: LogFile.Role
    /// Nil where not even that can be told.
    let inode: UInt64?
    let fault: FileFault
  }

  /// One look under way.
  struct Search {
    var found = Found()
    /// Known sources not found yet.
    var left: [SourceID: SourceRecord]
    var seen: Set<FileKey> = []
    let now: Moment
    let memory: SourceMemory
    /// Before it, the ledger knew of none that is later; nil: of none at all.
    let newest: Timestamp?
    /// Rotated names that cannot be judged yet.
    var pending: [FilePath] = []
    var made: Int64 = 0
    /// Live logs that hold something else than before.
    var emptied: Set<FileKey> = []

    var isFirst: Bool { newest == nil }

    /// A nanosecond apart, so that what is found together stays in order; and later than all that is known, also where two looks fall
    /// on one instant, or the clock was set back between them.
    mutating func nextInstant() -> Timestamp {
      defer { made += 1 }
      let first = max(now.wall.nanoseconds, newest.map { $0.nanoseconds + 1 } ?? .min)
      return Timestamp(nanoseconds: first + made)
    }

    /// Its own fault, which keeps no other log waiting.
    mutating func block(_ candidate: Candidate, _ fault: FileFault) throws(FileFault) {
      if fault.kind == .exhausted { throw fault }
      found.blocked.append(
        Blocked(path: candidate.path, role: candidate.role, inode: candidate.info.inode, fault: fault))
    }

    /// Not what it was listed as: what it is now is for the next look to tell.
    mutating func leave(_ candidate: Candidate) {
      found.isStale = true
      pending.append(candidate.path)
    }
  }

  struct Candidate {
    let path: FilePath
    let role: LogFile.Role
    let isInGlob: Bool
    let info: FileInfo
    let form: LogForm
  }

  struct FileKey: Hashable {
    let device: UInt64
    let inode: UInt64
    init(_ info: FileInfo) { (device, inode) = (info.device, info.inode) }
    init(_ identity: SourceIdentity) { (device, inode) = (identity.device, identity.inode) }
  }

  /// Where others rotate, the look is taken again until the same files lie under the same names before and after it, and all is still
  /// what it was listed as: else a log that gets another name or other contents meanwhile would be passed over, or be taken for what is
  /// newer.
  /// - Parameter known: the ledger's sources of this stream that are not gone.
  mutating func scan(known: [SourceRecord], at now: Moment, memory: SourceMemory) throws -> Found {
    var found = try scanOnce(known: known, at: now, memory: memory)
    guard rotation == .follow else { return found }
    for _ in 0..<Limits.looksThatAgree {
      var other = Found()
      guard try found.isStale || Self.layout(candidates(&other)) != layout else { break }
      found = try scanOnce(known: known, at: now, memory: memory)
    }
    return found
  }

  private static func layout(_ candidates: [Candidate]) -> [FilePath: UInt64] {
    Dictionary(candidates.map { ($0.path, $0.info.inode) }, uniquingKeysWith: { first, _ in first })
  }

  private mutating func scanOnce(known: [SourceRecord], at now: Moment, memory: SourceMemory) throws -> Found {
    var search = Search(
      left: Dictionary(known.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first }), now: now, memory: memory,
      newest: known.map(\.seenAt).max())
    let pinned = try Pin.all(in: pins, files)
    let spare = pinned.filter { !isAuthority($0, search) }
    for pin in pinned where !spare.contains(pin) { _ = try claim(pin, &search) }
    var unknown: [Candidate] = []
    let candidates = try candidates(&search.found)
    layout = Self.layout(candidates)
    for candidate in candidates {
      // Two names of one file are one log.
      guard search.seen.insert(FileKey(candidate.info)).inserted else { continue }
      if isLater(candidate, search.left) {
        search.found.later.append((candidate.path, candidate.info.inode))
        continue
      }
      do {
        try suspects.pass(candidate)
        try holding(candidate) {
          if let record = try self.known(candidate, search) {
            try claim(candidate, record, &search)
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
    if rotation == .follow, !search.left.isEmpty { try findMoved(&search) }
    search.emptied = Set(unknown.filter { $0.role == .live }.map { FileKey($0.info) })
    let older = unknown.filter { $0.role == .rotated }.sorted { $0.info.modified < $1.info.modified }
    for candidate in older + unknown.filter({ $0.role != .rotated }) {
      do {
        try holding(candidate) {
          if candidate.role == .rotated { try judge(candidate, &search) } else { try welcome(candidate, &search) }
        }
      } catch let fault as FileFault {
        try search.block(candidate, fault)
      }
    }
    conclude(&search)
    return search.found
  }

  /// Said for the next life, should this one end meanwhile.
  private func holding(_ candidate: Candidate, _ body: () throws -> Void) throws {
    try hands.holding(Work(.stream(stream), .look, candidate.info), body)
  }

  /// The size that the source had when it was last looked at.
  func lastSize(of source: SourceID) -> UInt64? { sizes[source] }

  /// The file is known under another source now.
  mutating func forget(_ source: SourceID) {
    verified[source] = nil
    sizes[source] = nil
  }

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

  private mutating func conclude(_ search: inout Search) {
    // A copy may be under way, or be there and not be readable now.
    let undecided = search.pending + search.found.blocked.filter { $0.role == .rotated }.map(\.path)
    search.found.vanished = search.left.values.filter { record in
      search.found.copies[record.id] != nil
        || !search.found.isOutOfSight(record)
          && !undecided.contains { RotatedName.areKin(FilePath(record.path), $0) }
    }
    for gone in search.found.vanished { verified[gone.id] = nil }
    let seen = search.seen
    passedOver = passedOver.filter { seen.contains($0.key) }
    resting = resting.filter { seen.contains($0.key) }
  }

  // MARK: - Candidates

  private func candidates(_ found: inout Found) throws -> [Candidate] {
    var asides: [Candidate] = []
    var others: [Candidate] = []
    var seen: Set<FilePath> = []
    var listed: [FilePath: [FileName]] = [:]
    for (directory, pattern) in globs {
      if listed[directory] == nil {
        do {
          listed[directory] = try files.list(directory)
        } catch {
          listed[directory] = []
          if error.kind == .exhausted { throw error }
          let fault = FileFault(
            error.kind, "Cannot list the log folder", at: directory, why: error.why, remedy: error.remedy)
          found.faults.append((directory, fault))
        }
      }
      for name in listed[directory] ?? [] {
        guard let (role, isInGlob) = role(of: name, pattern) else { continue }
        let path = directory.appending(name)
        guard seen.insert(path).inserted else { continue }
        let candidate: Candidate
        do throws(FileFault) {
          guard let found = try self.candidate(path, role, isInGlob) else { continue }
          candidate = found
        } catch {
          if error.kind == .exhausted { throw error }
          found.blocked.append(Blocked(path: path, role: role, inode: nil, fault: error))
          continue
        }
        if role == .aside { asides.append(candidate) } else { others.append(candidate) }
      }
    }
    return asides.sorted { Self.turn(of: $0.path) < Self.turn(of: $1.path) } + others
  }

  private func candidate(
    _ path: FilePath, _ role: LogFile.Role, _ isInGlob: Bool
  ) throws(FileFault) -> Candidate? {
    guard let info = try files.info(path), info.kind == .file else { return nil }
    var form = LogForm.plain
    if role == .rotated, let name = path.name {
      if RotatedName.isForeign(name) { return nil }
      if RotatedName.isPacked(name) {
        // Not begun yet, or no log at all.
        guard let file = try open(path), try UnpackedFile.isGzip(file) else { return nil }
        form = .gzip
      }
    }
    return Candidate(path: path, role: role, isInGlob: isInGlob, info: info, form: form)
  }

  private func role(of name: FileName, _ pattern: Glob) -> (LogFile.Role, isInGlob: Bool)? {
    if let original = Self.original(of: name) {
      return pattern.matches(original.bytes) ? (.aside, true) : nil
    }
    let isInGlob = pattern.matches(name.bytes)
    guard rotation == .follow else { return isInGlob ? (.live, true) : nil }
    if RotatedName.originals(of: name).contains(where: { pattern.matches($0.bytes) }) { return (.rotated, isInGlob) }
    return isInGlob ? (.live, true) : nil
  }

  /// `opens.csv` of `opens.csv.20260312T060000Z.navette`; nil for a log that is not set aside.
  static func original(of name: FileName) -> FileName? {
    let suffix = Array(asideSuffix.utf8)
    guard name.bytes.count > suffix.count, name.bytes.suffix(suffix.count).elementsEqual(suffix) else { return nil }
    let stem = name.bytes.dropLast(suffix.count)
    guard let dot = stem.lastIndex(of: UInt8(ascii: ".")), dot > stem.startIndex else { return nil }
    return FileName(bytes: stem[..<dot])
  }

  /// Whether the log at the path had the same name as the other one, and has it no more.
  static func isOlder(_ path: FilePath, than log: LogFile) -> Bool {
    guard path != log.path, path.parent == log.path.parent, let name = path.name, let other = log.path.name else {
      return false
    }
    if let original = original(of: name) {
      guard original == Self.original(of: other) ?? other else { return false }
      return log.role != .aside || turn(of: path) < turn(of: log.path)
    }
    // Rotated by others: their numbers tell no order that all keep to.
    return log.role != .aside && name != other && !RotatedName.originals(of: name).isEmpty
      && RotatedName.areKin(path, log.path)
  }

  /// When it was set aside, and as which one of that second: by their bytes the second one's name comes before the first one's.
  private static func turn(of aside: FilePath) -> (String, Int) {
    let name = (aside.name?.description ?? "").dropLast(asideSuffix.count)
    let tag = name[(name.lastIndex(of: ".").map(name.index(after:)) ?? name.startIndex)...].split(separator: "-")
    return (String(tag.first ?? ""), tag.count > 1 ? Int(tag[1]) ?? 1 : 1)
  }

  /// Logs that were moved to names of no kind that we know, in the same folder.
  private mutating func findMoved(_ search: inout Search) throws {
    let wanted = Set(search.left.values.map(\.identity.inode))
    // What could not be listed a moment ago was not looked through for the names that we know.
    let unlisted = Set(search.found.faults.map(\.folder))
    for directory in Set(globs.map(\.directory)) where !unlisted.contains(directory) {
      guard let names = try? files.list(directory) else { continue }
      for name in names {
        let path = directory.appending(name)
        guard let info = try? files.info(path), info.kind == .file, wanted.contains(info.inode) else { continue }
        guard search.seen.insert(FileKey(info)).inserted, let file = try open(path) else { continue }
        // Its name tells nothing.
        let form = try UnpackedFile.isGzip(file) ? LogForm.gzip : .plain
        let candidate = Candidate(path: path, role: .rotated, isInGlob: false, info: info, form: form)
        if let record = try known(candidate, search) { try claim(candidate, record, &search) }
      }
    }
  }
}
