import Core
import Files
import Journal
import Lanes
import Spool
import SystemPackage

// Step 1: out of landing, into `claimed`.
//
// - `drop.json` is durable before the first part is touched: what lies in `gathering` can always be finished or given up.
// - In `parts/` lies only what is whole. A copy is made in `copying/`, and moved when it is durable and its original did not change.
// - An original is removed only after its drop is claimed and recorded, and only while it is what was claimed.
extension FeedPass {
  static let copying: FileName = "copying"
  /// How long a file may keep coming, or refuse to be read, before people hear of it.
  static let patience = Duration.seconds(60)

  mutating func gather() throws {
    try feed.mounts.require(landing, "Cannot look into", files)
    if feed.hasOriginalsAway { try clearOriginalsThatWereAway() }
    try reserve()
    feed.folders = feed.folders.filter { folder, _ in folder == landing || settings.recursive }
    try gather(in: landing, depth: 0)
    for known in feed.folders.values { summary.settling += known.settling.count }
  }

  private mutating func gather(in folder: FilePath, depth: Int) throws {
    var scan = try scan(folder)
    for (name, fault) in scan.faults.sorted(by: { $0.key < $1.key }) {
      let item = FeedItem.file(folder.appending(name))
      if !feed.waits.isPostponed(item, at: now.uptime) { try postpone(item, fault) }
    }
    if !host.suspects.crashed(in: .feed(settings.name)).isEmpty { try setAsideCrashed(&scan, in: folder) }
    try gather(scan, in: folder)
    guard settings.recursive, depth < Limits.landingDepth else { return }
    for name in scan.folders {
      if stop() { return }
      summary.folders.insert(folder.appending(name))
      let below = folder.appending(name)
      _ = try each(.folder(below)) { pass in
        do {
          try pass.gather(in: below, depth: depth + 1)
        } catch let fault as FileFault {
          // It may go while we look. Landing itself may not.
          if fault.kind != .missing { throw fault }
          pass.feed.folders[below] = nil
        }
        return .done(())
      }
    }
  }

  private mutating func setAsideCrashed(_ scan: inout Scan, in folder: FilePath) throws {
    for (name, info) in scan.infos where host.suspects.isAside(.file(inode: info.inode, size: info.size)) {
      scan.infos[name] = nil
      (scan.view.data[name], scan.view.manifests[name], scan.view.markers[name]) = (nil, nil, nil)
      _ = try each(.file(folder.appending(name))) { pass in
        .done(try SettingAside().crashedFile(name, info, from: folder, in: &pass))
      }
    }
  }

  private mutating func gather(_ seen: Scan, in folder: FilePath) throws {
    var known = feed.folders[folder] ?? LandingFolder()
    if seen.infos.isEmpty, known.settling.count == 0 { return }
    var scan = seen
    let unsure = try readManifests(&scan.view, in: folder, &known)
    try completeManifests(&scan, in: folder)
    var view = scan.view
    let observed = view.data.merging(view.manifests.mapValues(\.seen)) { one, _ in one }
    view.rested = Set(known.settling.observe(observed, at: now.uptime, settle: settings.settle)).subtracting(unsure)
    var full = known.full.filter { view.data[$0.key] == $0.value.seen }
    let arrivals = try known.completing.arrivals(
      view, feed.filter.rules(settings), at: now.uptime,
      isFull: { name in try isFull(name, view.data[name], in: folder, &full) }, isKnown: { try isKnown($0) })
    known.full = full
    let newlyWaiting = known.completing.newlyWaiting(at: now.uptime, patience: Self.patience)
    if let next = known.settling.next(settle: settings.settle, after: now.uptime) { summary.look(at: next) }
    if let next = known.completing.next(timeout: settings.timeout) { summary.look(at: max(next, now.uptime)) }
    feed.folders[folder] = known
    for (key, missing) in newlyWaiting { tell(key, missing, in: folder) }
    if scan.isCut {
      summary.isCut = true
      // What is taken now makes room for what was left out.
      if !arrivals.isEmpty { summary.look(at: now.uptime) }
    }
    for slice in arrivals.slices(of: Self.slice) {
      if stop() { return }
      try gather(slice, scan.infos, in: folder)
    }
  }

  private mutating func gather(
    _ arrivals: ArraySlice<Arrival>, _ infos: [FileName: FileInfo], in folder: FilePath
  ) throws {
    do throws(FileFault) { try requireRoom(for: 0, at: spool.root) } catch { throw LaneFault(fault: error) }
    var begun: [(plan: DropPlan, mayRename: Bool)] = []
    for arrival in arrivals {
      if arrival.names.contains(where: { feed.waits.isPostponed(.file(folder.appending($0)), at: now.uptime) }) {
        continue
      }
      var isAtRest = true
      var mayRename = feed.canRename && arrival.names.count == 1
      for name in arrival.data + (arrival.manifest.map { [$0] } ?? []) {
        guard let info = infos[name], let writers = try writersOrPostpone(folder.appending(name)) else {
          isAtRest = false
          break
        }
        if writers == .some {
          disturb(name, in: folder)
          complain(name, in: folder, "somebody has it open for writing")
          isAtRest = false
        }
        // A hard link, or a writer that the kernel does not tell us of: the bytes could change after a rename.
        mayRename = mayRename && info.links == 1 && writers == .none
      }
      guard isAtRest else { continue }
      // What fails here is our own folder's fault.
      let plan: DropPlan
      do {
        plan = try holding(.take, arrival, infos) { try Planning().run(arrival, infos, from: folder, in: self) }
      } catch let fault as FileFault {
        throw LaneFault(fault: fault)
      }
      begun.append((plan, mayRename))
    }
    try sync(
      begun.flatMap { drop in
        [planPath(.gathering, drop.plan.id), partsPath(.gathering, drop.plan.id), spool.path(.gathering, drop.plan.id)]
      } + (begun.isEmpty ? [] : [spool.path(.gathering)]))
    try bringAndClaim(begun)
  }

  /// An arrival is known by its first file until it is a drop.
  private func holding<Result>(
    _ step: Work.Step, _ arrival: Arrival, _ infos: [FileName: FileInfo], _ body: () throws -> Result
  ) throws -> Result {
    guard let first = arrival.names.lazy.compactMap({ infos[$0] }).first else { return try body() }
    return try holding(step, first, body)
  }

  /// Nil: it is gone, or waits for a reason of its own.
  private mutating func writersOrPostpone(_ path: FilePath) throws -> Writers? {
    do throws(FileFault) {
      return try writers(of: path)
    } catch {
      if error.kind == .exhausted { throw error }
      try postpone(.file(path), error)
      return nil
    }
  }

  /// Nil: it is gone.
  func writers(of path: FilePath) throws(FileFault) -> Writers? {
    do {
      return try files.writers(of: path)
    } catch {
      if error.kind == .missing { return nil }
      if error.kind == .denied { return .unknown }
      throw error
    }
  }

  mutating func complain(_ name: FileName, in folder: FilePath, _ why: String) {
    let uptime = now.uptime
    let isNew = feed.folders[folder]?.settling.isWorthReporting(name, at: uptime, patience: Self.patience)
    if isNew == true { tell(name, why, in: folder) }
  }

  /// Its rest begins anew.
  mutating func disturb(_ name: FileName, in folder: FilePath) {
    let uptime = now.uptime
    feed.folders[folder]?.settling.disturb(name, at: uptime)
    summary.look(at: uptime + settings.settle)
  }

  private func tell(_ key: FileName, _ missing: [Reason], in folder: FilePath) {
    guard let first = missing.first else { return }
    let more = missing.count > 1 ? ", and \(missing.count - 1) more" : ""
    tell(key, "it is not complete: \(first.part.map { $0.masked + ": " } ?? "")\(first.message)\(more)", in: folder)
  }

  private func tell(_ name: FileName, _ why: String, in folder: FilePath) {
    host.events.record(
      .dropWaiting, "\(name.masked) of feed \(settings.name) waits: \(why)",
      [.feed: settings.name.text, .path: folder.appending(FileName(name.masked)).shown, .reason: why])
  }
}
