import Config
import Core
import Files
import SystemPackage

/// Which files in the log folders may be logs of one stream, by their names.
struct LogListing {
  /// Ends the name of a log that was set aside. Globs never match it as a live log.
  static let asideSuffix = ".navette"

  let rotation: StreamSettings.Rotation
  let globs: [(directory: FilePath, pattern: Glob)]
  let files: any Files

  init(_ settings: StreamSettings, files: any Files) {
    rotation = settings.rotation
    self.files = files
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

  func candidates(_ found: inout FoundLogs) throws -> [LogCandidate] {
    var asides: [LogCandidate] = []
    var others: [LogCandidate] = []
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
        let candidate: LogCandidate
        do throws(FileFault) {
          guard let found = try self.candidate(path, role, isInGlob) else { continue }
          candidate = found
        } catch {
          if error.kind == .exhausted { throw error }
          found.blocked.append(BlockedLog(path: path, role: role, inode: nil, fault: error))
          continue
        }
        if role == .aside { asides.append(candidate) } else { others.append(candidate) }
      }
    }
    return asides.sorted { Self.turn(of: $0.path) < Self.turn(of: $1.path) } + others
  }

  private func candidate(
    _ path: FilePath, _ role: LogFile.Role, _ isInGlob: Bool
  ) throws(FileFault) -> LogCandidate? {
    guard let info = try files.info(path), info.kind == .file else { return nil }
    var form = LogForm.plain
    if role == .rotated, let name = path.name {
      if RotatedName.isForeign(name) { return nil }
      if RotatedName.isPacked(name) {
        // Not begun yet, or no log at all.
        guard let file = try files.openIfThere(path), try UnpackedFile.isGzip(file) else {
          return nil
        }
        form = .gzip
      }
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
