import Config
import Core
import Files
import Formats
import Glibc
import Ledger
import SystemPackage

/// What is known of one folder in which files arrive: landing, or one below it.
struct LandingFolder {
  var settling = Settling()
  var completing = Completing()
  /// What was read once is not read again while it does not change.
  var manifests: [FileName: (seen: Settling.Observation, state: Completing.ManifestState)] = [:]
  var full: [FileName: (seen: Settling.Observation, isFull: Bool)] = [:]
}

// What lies in landing, without touching it.
extension FeedPass {
  struct Scan {
    var infos: [FileName: FileInfo] = [:]
    var view = Completing.View()
    /// Folders that may hold arrivals, where the feed looks into them.
    var folders: [FileName] = []
    /// More lies there than one look takes in.
    var isCut = false
    /// What could not be looked at.
    var faults: [FileName: FileFault] = [:]
  }

  func scan(_ folder: FilePath) throws(FileFault) -> Scan {
    var scan = Scan()
    var look = LandingLook()
    var manifests: [FileName] = []
    let (filter, isRecursive, files) = (feed.filter, settings.recursive, files)
    try files.eachName(in: folder) { (name) throws(FileFault) in
      // A folder whose name is no text could not be told in a plan.
      if isRecursive, name.plain != nil, !LandingFilter.isUnfinished(name),
        try examine(name, in: folder, &scan)?.kind == .directory
      {
        return scan.folders.append(name)
      }
      switch filter.kind(of: name) {
      case .data: look.add(name)
      case .manifest: manifests.append(name)
      case .marker, nil: break
      }
    }
    for name in look.finish() { try see(name, in: folder, &scan) }
    for name in manifests {
      guard let info = try examine(name, in: folder, &scan), info.kind == .file,
        !isTaken(folder.appending(name), info)
      else { continue }
      scan.infos[name] = info
      scan.view.manifests[name] = (Settling.Observation(info), .unreadable)
    }
    scan.isCut = look.isCut
    return scan
  }

  /// A data file, and its marker where the feed has them.
  private func see(_ name: FileName, in folder: FilePath, _ scan: inout Scan) throws(FileFault) {
    // It may go while we look.
    guard let info = try examine(name, in: folder, &scan), info.kind == .file else { return }
    // Ours already, and we may not remove it.
    if isTaken(folder.appending(name), info) { return }
    scan.infos[name] = info
    scan.view.data[name] = Settling.Observation(info)
    guard let marker = feed.filter.marker?.marker(of: name), feed.filter.kind(of: marker) == .marker,
      let info = try examine(marker, in: folder, &scan), info.kind == .file
    else { return }
    scan.infos[marker] = info
    scan.view.markers[marker] = Settling.Observation(info)
  }

  /// Nil: there is nothing, or it cannot be looked at; then `scan` says why.
  private func examine(_ name: FileName, in folder: FilePath, _ scan: inout Scan) throws(FileFault) -> FileInfo? {
    do {
      return try files.info(folder.appending(name))
    } catch {
      if error.kind == .exhausted { throw error }
      scan.faults[name] = error
      return nil
    }
  }

  /// What a manifest lists is looked at wherever its name comes: what one look leaves out must not count as missing.
  func completeManifests(_ scan: inout Scan, in folder: FilePath) throws(FileFault) {
    guard scan.isCut else { return }
    for (_, manifest) in scan.view.manifests {
      guard case .read(let manifest) = manifest.state else { continue }
      for file in manifest.files where scan.view.data[file.name] == nil && feed.filter.kind(of: file.name) == .data {
        try see(file.name, in: folder, &scan)
      }
    }
  }

  /// A manifest that is one JSON object is all there, at rest or not.
  /// - Returns: those that the disk did not give, and may give the next time: nobody knows yet what they list.
  mutating func readManifests(
    _ view: inout Completing.View, in folder: FilePath, _ known: inout LandingFolder
  ) throws -> Set<FileName> {
    var unsure: Set<FileName> = []
    var read: [FileName: (seen: Settling.Observation, state: Completing.ManifestState)] = [:]
    for (name, manifest) in view.manifests {
      if let before = known.manifests[name], before.seen == manifest.seen {
        read[name] = before
        continue
      }
      let path = folder.appending(name)
      do throws(FileFault) {
        let seen = manifest.seen
        let state = try holding(.manifest, seen) { () throws(FileFault) -> Completing.ManifestState in
          let bytes = try files.contents(of: path, limit: Manifest.maxBytes)
          return (try? Manifest(bytes)).map { .read($0) } ?? .unreadable
        }
        read[name] = (seen, state)
      } catch {
        if error.kind == .missing { continue }
        if error.kind == .exhausted { throw error }
        // A disk may read the next time; until then nobody knows what it lists.
        if error.kind == .io, !feed.waits.isPersistent(.file(path)) {
          unsure.insert(name)
          if !feed.waits.isPostponed(.file(path), at: now.uptime) { try postpone(.file(path), error) }
        }
        read[name] = manifest
      }
    }
    known.manifests = read.filter { !unsure.contains($0.key) }
    view.manifests = read
    return unsure
  }

  /// Whether the files of a late manifest were taken before it came.
  func isKnown(_ manifest: Manifest) throws(LedgerFault) -> Bool {
    let margin = Duration.seconds(600)
    let since = (manifest.scheduledAt ?? now.wall - settings.timeout) - margin
    let files = Completing.ordered(manifest.files)
    let feed = settings.name
    return try host.ledger.read { (t) throws(LedgerFault) in
      let all = files.total(\.size)
      if try t.hasSeen(feed, names: files.map(\.name), bytes: all, since: since) { return true }
      for file in files where try !t.hasSeen(feed, names: [file.name], bytes: file.size, since: since) { return false }
      return true
    }
  }

  /// A file in landing that is no drop yet.
  private func holding<Result>(
    _ step: Work.Step, _ seen: Settling.Observation, _ body: () throws(FileFault) -> Result
  ) throws(FileFault) -> Result {
    let file = Work.Item.file(inode: seen.inode, size: seen.size)
    return try host.hands.holding(Work(.feed(settings.name), step, file), body)
  }

  // MARK: Full parts

  /// A row has two bytes at least; gzip makes at best a thousandth of that.
  private static let leastBytes = UInt64(Limits.rowsPerPart) * 2
  private static let leastPackedBytes = leastBytes / 1_100

  /// Whether the part has as many rows as AEP puts into one that has a successor. Nil: asked to stop.
  mutating func isFull(
    _ name: FileName, _ seen: Settling.Observation?, in folder: FilePath,
    _ known: inout [FileName: (seen: Settling.Observation, isFull: Bool)]
  ) throws -> Bool? {
    guard let seen, seen.size >= Self.leastPackedBytes else { return false }
    guard seen.size >= Self.leastBytes || DropName(name).isExport else { return false }
    if let before = known[name], before.seen == seen { return before.isFull }
    let path = folder.appending(name)
    if feed.waits.isPostponed(.file(path), at: now.uptime) { return nil }
    do throws(FileFault) {
      let answer = try holding(.look, seen) { () throws(FileFault) in try isFull(path) }
      guard let isFull = answer else { return nil }
      known[name] = (seen, isFull)
      return isFull
    } catch {
      if error.kind == .exhausted { throw error }
      // It cannot be read: who takes it will say so. A disk may read the next time.
      guard error.kind == .io, !feed.waits.isPersistent(.file(path)) else { return false }
      try postpone(.file(path), error)
      return nil
    }
  }

  private func isFull(_ path: FilePath) throws(FileFault) -> Bool? {
    let file = try files.open(path)
    let (kind, size) = (try reader.head(of: file), try file.info().size)
    // More is refused whatever it holds.
    if isTooLarge(size, kind, settings) { return false }
    if kind != .gzip, kind != .pgp {
      guard size >= Self.leastBytes, let mayBe = try hasManyLines(file) else {
        return size < Self.leastBytes ? false : nil
      }
      if !mayBe { return false }
    }
    var rules = TableRules(settings)
    (rules.minRows, rules.maxRows, rules.columns, rules.columnsExact) = (0, 0, [], false)
    var inspector = TableInspector(rules: rules, hashes: false)
    func take(_ bytes: UnsafeRawBufferPointer) throws(FileFault) -> Bool {
      inspector.feed(bytes)
      // Longer than any part that has a successor, or no table.
      return inspector.rows <= Limits.rowsPerPart && !inspector.isDecided
    }
    let answer = try reader.isSealed(file) ? reader.unseal(file, take) : reader.read(file, take)
    if answer == .stopped { return nil }
    return answer == .whole && inspector.finish().rows == Limits.rowsPerPart
  }

  /// Line ends are counted much faster than rows are told apart, and few files have enough of them. Nil: asked to stop.
  private func hasManyLines(_ file: any ReadableFile) throws(FileFault) -> Bool? {
    var (lines, since) = (0, 0)
    let answer = try reader.read(file) { (bytes) throws(FileFault) in
      let found = Self.lineEnds(in: bytes)
      lines += found
      since = found > 0 ? 0 : since + bytes.count
      // A line longer than any row may be is no table's.
      return lines < Limits.rowsPerPart && since <= settings.require.maxRowBytes
    }
    return answer == .stopped ? nil : lines >= Limits.rowsPerPart
  }

  private static func lineEnds(in bytes: UnsafeRawBufferPointer) -> Int {
    guard var at = bytes.baseAddress else { return 0 }
    let end = at + bytes.count
    var count = 0
    while at < end, let found = memchr(at, 10, end - at) {
      count += 1
      at = UnsafeRawPointer(found) + 1
    }
    return count
  }
}
