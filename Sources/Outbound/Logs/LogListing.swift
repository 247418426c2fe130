import Config
import Core
import Files
import Ledger
import SystemPackage

/// Which files in the log folders may be logs of one stream, by their names.
struct LogListing {
  /// Ends the name of a log that was set aside. Globs never match it as a live log.
  static let asideSuffix = ".navette"

  let rotation: StreamSettings.Rotation
  /// Of closed logs.
  let encoding: FeedSettings.Encoding
  let globs: [(directory: FilePath, pattern: Glob)]
  /// Into which others rotate logs, as the settings say.
  let olddirs: Set<FilePath>
  let files: any Files

  init(_ settings: StreamSettings, files: any Files) {
    rotation = settings.rotation
    encoding = settings.rotation == .closed ? settings.encoding : .utf8
    self.files = files
    olddirs = Set(settings.olddir)
    globs = settings.logs.map { glob in
      let path = FilePath(glob)
      return (path.parent, Glob(String(decoding: path.name?.bytes ?? [], as: UTF8.self)))
    }
  }

  var folders: Set<FilePath> { Set(globs.map(\.directory)) }

  /// The name for a log that is set aside now: `opens.csv.20260312T060000Z.navette`, or `…Z-2.navette`, behind all that lie there: also where
  /// the first of a second has left, or the clock was set back, the names tell the order.
  static func asidePath(
    for path: FilePath, at now: Timestamp, _ files: any Files
  ) throws(FileFault) -> FilePath {
    let others = try files.list(path.parent).filter { original(of: $0) == path.name }
    let last = others.map { turn(of: path.parent.appending($0)) }.max { $0 < $1 }
    var (when, number) = (now.compact, 1)
    if let last, last.0 >= when, Timestamp(text: last.0[...]) != nil { (when, number) = (last.0, last.1 +| 1) }
    while true {
      let tag = number == 1 ? "" : "-\(number)"
      let aside = path.appendingToName(".\(when)\(tag)\(asideSuffix)")
      if try files.info(aside) == nil { return aside }
      number += 1
    }
  }

  /// - Parameter known: the ledger's sources that are not gone.
  func candidates(
    _ found: inout FoundLogs, _ known: [SourceRecord], _ olddirs: Set<FilePath>
  ) throws -> [LogCandidate] {
    var look = Look(known: Set(known.map(\.identity.inode)))
    try list(&look, &found, olddirs)
    // First of all: what a link leads to is the log, whatever its own name looks like.
    for (directory, pattern) in globs {
      for name in look.names[directory] ?? [] where Self.original(of: name) == nil && pattern.matches(name.bytes) {
        let path = directory.appending(name)
        // Where it cannot be looked at, it is met once more, as what its name says.
        guard let info = try? files.info(path) else { continue }
        look.infos[path] = info
        guard info.kind != .file else { continue }
        try look.add(path, &found) { path throws(FileFault) in try linked(path, info.kind, pattern) }
      }
    }
    for (directory, pattern) in globs {
      for name in look.names[directory] ?? [] {
        if rotation == .closed, let fault = try misnamed(directory.appending(name), pattern, look) {
          found.unusable.append((directory.appending(name), fault))
          continue
        }
        guard let (role, isInGlob) = role(of: name, pattern) else { continue }
        let info = look.infos[directory.appending(name)]
        let isKnown = info.map { look.known.contains($0.inode) } ?? false
        try look.add(directory.appending(name), &found, role) { path throws(FileFault) in
          try candidate(path, info, role, isInGlob, isKnown: isKnown).map { .log($0) }
        }
      }
    }
    for directory in olddirs {
      for name in look.names[directory] ?? [] where isRotated(name) {
        try look.add(directory.appending(name), &found, .rotated) { path throws(FileFault) in
          try candidate(path, nil, .rotated, false).map { .log($0) }
        }
      }
    }
    for path in formerTargets(look, known) {
      let role: LogFile.Role = rotation == .follow ? .rotated : .live
      try look.add(path, &found, role) { path throws(FileFault) in
        try candidate(path, nil, role, false).map { .log($0) }
      }
    }
    return look.asides.sorted { Self.turn(of: $0.path) < Self.turn(of: $1.path) } + look.others
  }

  private func list(_ look: inout Look, _ found: inout FoundLogs, _ olddirs: Set<FilePath>) throws {
    for directory in folders.union(olddirs).sorted(by: { $0.string < $1.string }) {
      do {
        look.names[directory] = try files.list(directory)
      } catch {
        if error.kind == .exhausted { throw error }
        // A folder for old logs comes with the first of them.
        if error.kind == .missing, olddirs.contains(directory) { continue }
        let fault = FileFault(
          error.kind, "Cannot list the log folder", at: directory, why: error.why,
          remedy: error.remedy)
        found.faults.append((directory, fault))
      }
    }
  }

  func areKin(_ a: FilePath, _ b: FilePath) -> Bool {
    Kinship(olddirs: olddirs.union([a.parent, b.parent].filter { folders.contains($0.parent) }))
      .areKin(a, b)
  }

  /// Whether rotation makes that name of one that a pattern matches.
  func isRotated(_ name: FileName) -> Bool {
    RotatedName.originals(of: name).contains { original in
      globs.contains { $0.pattern.matches(original.bytes) }
    }
  }

  /// Whether its writer may add to it where it was last seen.
  func mayGrow(_ record: SourceRecord) -> Bool {
    let path = FilePath(record.path)
    guard rotation != .closed, let name = path.name, Self.original(of: name) == nil else {
      return false
    }
    return globs.contains { $0.directory == path.parent && role(of: name, $0.pattern)?.0 == .live }
  }

  /// One look at the folders under way.
  private struct Look {
    /// Inodes of sources: what their files are was told when they were new.
    let known: Set<UInt64>
    var names: [FilePath: [FileName]] = [:]
    var infos: [FilePath: FileInfo] = [:]
    var asides: [LogCandidate] = []
    var others: [LogCandidate] = []
    var seen: Set<FilePath> = []
    /// What links lead to.
    var targets: [FilePath] = []

    mutating func add(
      _ path: FilePath, _ found: inout FoundLogs, _ role: LogFile.Role = .live,
      _ body: (FilePath) throws(FileFault) -> LogAtPath?
    ) throws {
      guard !seen.contains(path) else { return }
      do throws(FileFault) {
        switch try body(path) {
        case nil: return
        case .unusable(let fault): found.unusable.append((path, fault))
        case .log(let candidate):
          seen.insert(path)
          if candidate.path != path { targets.append(candidate.path) }
          guard candidate.path == path || seen.insert(candidate.path).inserted else { return }
          if candidate.role == .aside { asides.append(candidate) } else { others.append(candidate) }
        }
      } catch {
        if error.kind == .exhausted { throw error }
        found.blocked.append(BlockedLog(path: path, role: role, inode: nil, fault: error))
      }
      seen.insert(path)
    }
  }

  private enum LogAtPath {
    case log(LogCandidate)
    case unusable(FileFault)
  }

  /// What a link led to before is read to its end: a file of the same kin as what it leads to now, or one that is known, and that no
  /// pattern matches.
  private func formerTargets(_ look: Look, _ known: [SourceRecord]) -> [FilePath] {
    switch rotation {
    case .rename, .copytruncate: return []
    case .follow:
      return look.targets.flatMap { target in
        (look.names[target.parent] ?? []).filter { !RotatedName.originals(of: $0).isEmpty }
          .map { target.parent.appending($0) }.filter { $0 != target && RotatedName.areKin($0, target) }
      }
    case .closed:
      return known.map { FilePath($0.path) }.filter { path in
        look.names[path.parent] != nil
          && !globs.contains { $0.directory == path.parent && $0.pattern.matches(path.name?.bytes ?? []) }
      }
    }
  }

  /// Of a closed file whose name says that it is packed, and that is not.
  private func misnamed(_ path: FilePath, _ pattern: Glob, _ look: Look) throws(FileFault)
    -> FileFault?
  {
    guard let name = path.name, pattern.matches(name.bytes), let packing = Packing(name),
      Self.original(of: name) == nil,
      let info = look.infos[path], info.kind == .file, info.size >= UInt64(Limits.packingBytes),
      !look.known.contains(info.inode)
    else { return nil }
    let file: (any ReadableFile)?
    do throws(FileFault) { file = try files.openIfThere(path) } catch { return nil }
    guard let file, try Packing(file) != packing else { return nil }
    return FileFault(
      .damaged, "Cannot read", at: path,
      why: "its name says that it is packed by \(packing.word), and its first bytes do not",
      remedy: "Give it a name that says what it is")
  }

  /// What is no file and has a log's name. Nil: there is nothing to be said of it.
  private func linked(
    _ path: FilePath, _ kind: FileInfo.Kind, _ pattern: Glob
  ) throws(FileFault) -> LogAtPath? {
    switch kind {
    case .file: return nil
    case .directory:
      // A pattern for everything that begins so matches folders of old logs, too.
      if pattern.description.hasSuffix("*") { return nil }
      return unusable(path, "it is a folder, not a file", "Move it away, or name other files under logs")
    case .other:
      return unusable(
        path, "it is a pipe, a socket or a device, not a file", "Move it away, or name other files under logs")
    case .link: break
    }
    guard let target = try files.linkTarget(of: path) else { return nil }
    guard rotation == .follow || rotation == .closed else {
      return unusable(
        path, "it is a symbolic link, which can neither be renamed for its writer nor be emptied",
        "Name the file that it leads to under logs, or choose rotation: follow or closed")
    }
    let folder = path.parent
    guard let name = target.name, !target.isAbsolute || target.parent == folder,
      target.isAbsolute || target.names.filter({ $0 != "." }).count == 1, name != "..", name != "."
    else {
      return unusable(
        path, "it is a symbolic link that leads out of its folder, and links are followed only to a file beside them",
        "Name the folder and the file that it leads to under logs")
    }
    let log = folder.appending(name)
    guard let info = try files.info(log) else { return nil }
    guard info.kind == .file else {
      return unusable(
        path, "it is a symbolic link to what is no plain file", "Have it lead to the file itself, in the same folder")
    }
    return .log(LogCandidate(path: log, role: .live, isInGlob: true, info: info, form: .plain))
  }

  private func unusable(_ path: FilePath, _ why: String, _ remedy: String) -> LogAtPath {
    .unusable(FileFault(.damaged, "Cannot read", at: path, why: why, remedy: remedy))
  }

  private func candidate(
    _ path: FilePath, _ info: FileInfo?, _ role: LogFile.Role, _ isInGlob: Bool, isKnown: Bool = false
  ) throws(FileFault) -> LogCandidate? {
    var info = info
    if info == nil { info = try files.info(path) }
    guard let info, info.kind == .file else { return nil }
    var form = LogForm.plain
    if role == .rotated || role == .live && rotation == .closed, let name = path.name {
      if RotatedName.isForeign(name) { return nil }
      let packing = Packing(name)
      if let packing {
        // Not begun yet, or no log at all.
        let isTold = rotation == .closed && isKnown
        if !isTold {
          guard let file = try files.openIfThere(path), try Packing(file) == packing else { return nil }
        }
      }
      if let wrapping = Wrapping(if: packing, encoding) { form = .packed(wrapping) }
    }
    return LogCandidate(path: path, role: role, isInGlob: isInGlob, info: info, form: form)
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
}

extension Files {
  /// Nil where it is gone.
  func openIfThere(_ path: FilePath) throws(FileFault) -> (any ReadableFile)? {
    do {
      return try open(path)
    } catch {
      if error.kind == .missing { return nil }
      throw error
    }
  }
}
