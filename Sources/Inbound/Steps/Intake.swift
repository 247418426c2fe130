import Core
import Files
import Formats
import Journal
import Lanes
import Spool
import SystemPackage

/// What lies in landing, without touching it, and what of it has come to rest.
struct Intake {
  /// What is known of one folder in which files arrive: landing, or one below it.
  private struct Folder {
    var settling = Settling()
    /// What was read once is not read again while it does not change.
    var manifests: [FileName: (seen: Settling.Observation, state: Completing.ManifestState)] = [:]
  }

  /// What one look at a folder found.
  struct Scan {
    let folder: FilePath
    var infos: [FileName: FileInfo] = [:]
    var view = Completing.View()
    /// Folders that may hold arrivals, where the feed looks into them.
    var folders: [FileName] = []
    /// More lies there than one look takes in.
    var isCut = false
    /// What could not be looked at.
    var faults: [FileName: FileFault] = [:]
    /// Nothing lies there that counts, nor did when it was looked at last.
    var isIdle = false
  }

  private var folders: [FilePath: Folder] = [:]

  /// Before a look at all of landing.
  mutating func begin(in pass: inout FeedPass) throws {
    let (landing, isRecursive) = (pass.landing, pass.settings.recursive)
    try pass.feed.mounts.require(landing, "Cannot look into", pass.files)
    folders = folders.filter { folder, _ in folder == landing || isRecursive }
  }

  mutating func look(into folder: FilePath, except reserved: Reserving, in pass: inout FeedPass) throws -> Scan {
    var scan = try scan(folder, reserved, in: pass)
    for (name, fault) in scan.faults.sorted(by: { $0.key < $1.key }) {
      let item = FeedItem.file(folder.appending(name))
      if !pass.feed.waits.isPostponed(item, at: pass.now.uptime) { try pass.postpone(item, fault) }
    }
    if !pass.host.suspects.crashed(in: .feed(pass.settings.name)).isEmpty { try setAsideCrashed(&scan, in: &pass) }
    var known = folders[folder] ?? Folder()
    scan.isIdle = scan.infos.isEmpty && known.settling.count == 0
    if scan.isIdle { return scan }
    let unsure = try readManifests(&scan.view, in: folder, &known, in: &pass)
    try completeManifests(&scan, in: folder, reserved, in: pass)
    let observed = scan.view.data.merging(scan.view.manifests.mapValues(\.seen)) { one, _ in one }
    let rested = known.settling.observe(observed, at: pass.now.uptime, settle: pass.settings.settle.answered)
    scan.view.rested = Set(rested).subtracting(unsure)
    let next = known.settling.next(settle: pass.settings.settle.answered, after: pass.now.uptime)
    if let next { pass.summary.look(at: next) }
    folders[folder] = known
    return scan
  }

  private func setAsideCrashed(_ scan: inout Scan, in pass: inout FeedPass) throws {
    let folder = scan.folder
    for (name, info) in scan.infos where pass.host.suspects.isAside(.file(inode: info.inode, size: info.size)) {
      scan.infos[name] = nil
      (scan.view.data[name], scan.view.manifests[name], scan.view.markers[name]) = (nil, nil, nil)
      _ = try pass.each(.file(folder.appending(name))) { pass in
        .done(try SettingAside().crashedFile(name, info, from: folder, in: &pass))
      }
    }
  }

  private func scan(_ folder: FilePath, _ reserved: Reserving, in pass: FeedPass) throws(FileFault) -> Scan {
    var scan = Scan(folder: folder)
    // The parts of one export are never taken apart.
    var look = LandingFilter.isOneExport(folder, pass.settings) ? LandingLook(limit: Limits.parts) : LandingLook()
    var manifests: [FileName] = []
    let (filter, isRecursive) = (pass.feed.filter, pass.settings.recursive)
    try pass.files.eachName(in: folder) { (name) throws(FileFault) in
      // A folder whose name is no text could not be told in a plan.
      if isRecursive, name.plain != nil, !LandingFilter.isUnfinished(name),
        try examine(name, in: folder, &scan, in: pass)?.kind == .directory
      {
        return scan.folders.append(name)
      }
      switch filter.kind(of: name) {
      case .data: look.add(name)
      case .manifest: manifests.append(name)
      case .marker, nil: break
      }
    }
    for name in look.finish() { try see(name, in: folder, reserved, &scan, in: pass) }
    for name in manifests {
      guard let info = try examine(name, in: folder, &scan, in: pass), info.kind == .file,
        !reserved.isTaken(folder.appending(name), info)
      else { continue }
      scan.infos[name] = info
      scan.view.manifests[name] = (Settling.Observation(info), .unreadable)
    }
    scan.isCut = look.isCut
    return scan
  }

  /// A data file, and its marker where the feed has them.
  private func see(_ name: FileName, in folder: FilePath, _ reserved: Reserving, _ scan: inout Scan, in pass: FeedPass)
    throws(FileFault)
  {
    // It may go while we look.
    guard let info = try examine(name, in: folder, &scan, in: pass), info.kind == .file else { return }
    // Ours already, and we may not remove it.
    if reserved.isTaken(folder.appending(name), info) { return }
    scan.infos[name] = info
    scan.view.data[name] = Settling.Observation(info)
    guard let marker = pass.feed.filter.marker?.marker(of: name), pass.feed.filter.kind(of: marker) == .marker,
      let info = try examine(marker, in: folder, &scan, in: pass), info.kind == .file
    else { return }
    scan.infos[marker] = info
    scan.view.markers[marker] = Settling.Observation(info)
  }

  /// Nil: there is nothing, or it cannot be looked at; then `scan` says why.
  private func examine(_ name: FileName, in folder: FilePath, _ scan: inout Scan, in pass: FeedPass) throws(FileFault)
    -> FileInfo?
  {
    do {
      return try pass.files.info(folder.appending(name))
    } catch {
      if error.kind == .exhausted { throw error }
      scan.faults[name] = error
      return nil
    }
  }

  /// What a manifest lists is looked at wherever its name comes: what one look leaves out must not count as missing.
  private func completeManifests(_ scan: inout Scan, in folder: FilePath, _ reserved: Reserving, in pass: FeedPass)
    throws(FileFault)
  {
    guard scan.isCut else { return }
    for (_, manifest) in scan.view.manifests {
      guard case .read(let manifest) = manifest.state else { continue }
      for name in manifest.files.flatMap({ [$0.name, Manifest.packed($0.name)] })
      where scan.view.data[name] == nil && pass.feed.filter.kind(of: name) == .data {
        try see(name, in: folder, reserved, &scan, in: pass)
      }
    }
  }

  /// A manifest that is one JSON object is all there, at rest or not.
  /// - Returns: those that the disk did not give, and may give the next time: nobody knows yet what they list.
  private func readManifests(
    _ view: inout Completing.View, in folder: FilePath, _ known: inout Folder, in pass: inout FeedPass
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
        let state = try pass.holding(.manifest, seen) { () throws(FileFault) -> Completing.ManifestState in
          let bytes = try pass.files.contents(of: path, limit: Manifest.maxBytes)
          return (try? Manifest(bytes)).map { .read($0) } ?? .unreadable
        }
        read[name] = (seen, state)
      } catch {
        if error.kind == .missing { continue }
        if error.kind == .exhausted { throw error }
        // A disk may read the next time; until then nobody knows what it lists.
        if error.kind == .io, !pass.feed.waits.isPersistent(.file(path)) {
          unsure.insert(name)
          if !pass.feed.waits.isPostponed(.file(path), at: pass.now.uptime) { try pass.postpone(.file(path), error) }
        }
        read[name] = manifest
      }
    }
    known.manifests = read.filter { !unsure.contains($0.key) }
    view.manifests = read
    return unsure
  }

  // MARK: What is heard of files later

  /// Files that have not been taken.
  var count: Int { folders.values.reduce(0) { $0 + $1.settling.count } }

  /// Its rest begins anew.
  mutating func disturb(_ name: FileName, in folder: FilePath, in pass: inout FeedPass) {
    folders[folder]?.settling.disturb(name, at: pass.now.uptime)
    pass.summary.look(at: pass.now.uptime + pass.settings.settle.answered)
  }

  /// Nobody can say who writes it, so that it must have been at rest for longer.
  /// - Returns: whether it has been.
  mutating func hasRestedUnanswered(_ name: FileName, in folder: FilePath, in pass: inout FeedPass) -> Bool {
    let rest = pass.settings.settle.unanswered
    guard let due = folders[folder]?.settling.require(rest, of: name), due > pass.now.uptime else { return true }
    pass.summary.look(at: due)
    pass.summary.unansweredUntil = max(due, pass.summary.unansweredUntil ?? .zero)
    return false
  }

  mutating func complain(_ name: FileName, in folder: FilePath, _ why: String, in pass: FeedPass) {
    let isNew = folders[folder]?.settling.isWorthReporting(
      name, at: pass.now.uptime, patience: Limits.patience)
    if isNew == true { pass.reportWaiting(name, why, in: folder) }
  }

  /// It was taken.
  mutating func forget(_ plan: DropPlan) {
    for part in plan.parts { folders[FilePath(part.landing)]?.settling.forget(part.name) }
  }

  /// It is gone.
  mutating func forget(_ folder: FilePath) { folders[folder] = nil }

  /// For `status`.
  func waiting(at now: Moment) -> [LaneReport.Item] {
    folders.values.flatMap { folder in
      folder.settling.writing(now: now).map { name, since in
        LaneReport.Item(name.masked, reason: "somebody has it open for writing", since: since)
      }
    }
  }
}
