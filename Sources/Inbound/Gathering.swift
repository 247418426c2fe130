import Core
import Files
import Journal
import Spool
import SystemPackage

// Step 1: out of landing, into `claimed`.
//
// - `drop.json` is durable before the first part is touched: what lies in `gathering` can always be finished or given up.
// - In `parts/` lies only what is whole. A copy is made in `copying/`, and moved when it is durable and its original did not change.
// - An original is removed only after its drop is claimed and recorded, and only while it is what was claimed.
extension FeedPass {
  private static let copying: FileName = "copying"
  /// How long a file may keep coming, or refuse to be read, before people hear of it.
  private static let patience = Duration.seconds(60)

  mutating func gather() throws {
    try requireMounted(landing, "Cannot look into")
    if feed.hasOriginalsAway { try clearOriginalsThatWereAway() }
    feed.folders = feed.folders.filter { folder, _ in folder == landing || settings.recursive }
    try gather(in: landing, depth: 0)
    for known in feed.folders.values { summary.settling += known.settling.count }
  }

  private mutating func gather(in folder: FilePath, depth: Int) throws {
    let scan = try scan(folder)
    try gather(scan, in: folder)
    guard settings.recursive, depth < Limits.landingDepth else { return }
    for name in scan.folders {
      if stop() { return }
      summary.folders.insert(folder.appending(name))
      do {
        try gather(in: folder.appending(name), depth: depth + 1)
      } catch let fault as FileFault {
        // It may go while we look. Landing itself may not.
        if fault.kind != .missing { throw fault }
        feed.folders[folder.appending(name)] = nil
      }
    }
  }

  private mutating func gather(_ seen: Scan, in folder: FilePath) throws {
    var known = feed.folders[folder] ?? LandingFolder()
    if seen.infos.isEmpty, known.settling.count == 0 { return }
    var scan = seen
    try readManifests(&scan.view, in: folder, &known)
    try completeManifests(&scan, in: folder)
    var view = scan.view
    let observed = view.data.merging(view.manifests.mapValues(\.seen)) { one, _ in one }
    view.rested = Set(known.settling.observe(observed, at: now.uptime, settle: settings.settle))
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
    try requireRoom(for: 0, at: spool.root)
    var begun: [(plan: DropPlan, mayRename: Bool)] = []
    for arrival in arrivals {
      var isAtRest = true
      var mayRename = feed.canRename && arrival.names.count == 1
      for name in arrival.data + (arrival.manifest.map { [$0] } ?? []) {
        guard let info = infos[name], let writers = try writers(of: folder.appending(name)) else {
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
      let plan = try holding(.take, arrival, infos) { try begin(arrival, infos, in: folder) }
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

  private mutating func complain(_ name: FileName, in folder: FilePath, _ why: String) {
    let uptime = now.uptime
    let isNew = feed.folders[folder]?.settling.isWorthReporting(name, at: uptime, patience: Self.patience)
    if isNew == true { tell(name, why, in: folder) }
  }

  /// Its rest begins anew.
  private mutating func disturb(_ name: FileName, in folder: FilePath) {
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

  private func begin(
    _ arrival: Arrival, _ infos: [FileName: FileInfo], in folder: FilePath
  ) throws -> DropPlan {
    func parts(_ names: [FileName], _ role: DropPart.Role?) throws -> [DropPart] {
      try names.compactMap { (name) -> DropPart? in
        guard let info = infos[name] else { return nil }
        var part = DropPart(
          name: name, landing: folder.string, size: info.size, inode: info.inode, changed: info.changed, role: role)
        part.origin = try origin(of: part)
        return part
      }
    }
    let all =
      try parts(arrival.data, nil) + parts(arrival.manifest.map { [$0] } ?? [], .manifest)
      + parts(arrival.markers, .marker)
    while true {
      let id = DropID(seen: now.wall, salt: host.salt())
      guard try spool.place(of: id) == nil else { continue }
      var plan = DropPlan(id: id, feed: settings.name, seenAt: now.wall, parts: all)
      if feed.mounts.contains(landing) { plan.landingIsMount = true }
      if !arrival.missing.isEmpty { plan.incomplete = Array(arrival.missing.prefix(Limits.reasons)) }
      try files.makeDirectory(spool.path(.gathering, id), mode: .stateDirectory)
      try files.makeDirectory(partsPath(.gathering, id), mode: .stateDirectory)
      try write(plan)
      return plan
    }
  }

  /// Where a feed pulls: the object that was fetched under this name, if this is its file.
  private func origin(of part: DropPart) throws(LedgerFault) -> DropPart.Origin? {
    guard settings.pull != nil else { return nil }
    let below = FilePath(part.landing).names.dropFirst(landing.names.count)
    let path = (below + [part.name]).map(\.description).joined(separator: "/")
    let name = settings.name
    let found = try host.ledger.read { (t) throws(LedgerFault) in try t.origin(name, path: path, inode: part.inode) }
    return found?.size == part.size ? found : nil
  }

  /// A new folder needs no temporary name, and its barrier is shared with the rest of the slice.
  private func write(_ plan: DropPlan) throws(FileFault) {
    let file = try files.create(planPath(.gathering, plan.id), mode: .stateFile)
    try encodePlan(plan).withUnsafeBufferPointer { (raw) throws(FileFault) in
      try file.write(UnsafeRawBufferPointer(raw))
    }
  }

  // MARK: Bringing the parts in

  private enum Brought: Equatable {
    case renamed, copied
    /// Changed or gone, or not to be read: what was begun is given up.
    case lost
    /// It came by rename, and somebody writes it still. He keeps his descriptor, so its end comes to us too.
    case stillWritten
  }

  private mutating func bringAndClaim(_ begun: [(plan: DropPlan, mayRename: Bool)]) throws {
    var whole: [DropPlan] = []
    var copied: [DropPlan] = []
    var barriers: Set<FilePath> = []
    for (plan, mayRename) in begun {
      if stop() { break }
      var ways: [Brought] = []
      for part in plan.parts where try files.info(partsPath(.gathering, plan.id).appending(part.name)) == nil {
        let way = try holding(.take, plan.id) { () throws(FileFault) in
          try bring(part, of: plan.id, mayRename: mayRename)
        }
        ways.append(way)
        if ways.last == .lost { break }
      }
      if ways.contains(.renamed) || ways.contains(.stillWritten) {
        barriers.formUnion([partsPath(.gathering, plan.id)] + plan.parts.map { FilePath($0.landing) })
      }
      if ways.contains(.lost) {
        try giveUp(plan)
      } else if ways.contains(.stillWritten) {
        // It stays where it is; `resumeGathering` claims it when it is finished.
        forget(plan)
        wait(for: plan)
      } else {
        if ways.contains(.copied) { copied.append(plan) }
        whole.append(plan)
      }
    }
    try settleCopies(copied)
    try sync(barriers.sorted { $0.string < $1.string })
    try claim(whole)
  }

  private mutating func bring(_ part: DropPart, of id: DropID, mayRename: Bool) throws(FileFault) -> Brought {
    let original = original(of: part)
    if mayRename, feed.canRename, try isUnchanged(part) {
      let target = partsPath(.gathering, id).appending(part.name)
      do {
        try files.move(original, to: target)
        return try isStillWritten(target, part) ? .stillWritten : .renamed
      } catch {
        switch error.kind {
        case .crossDevice: feed.canRename = false
        case .missing: return .lost
        default: throw error
        }
      }
    }
    return try copy(part, of: id)
  }

  /// After the rename: nobody may have opened it, and nothing else may have taken its name just before.
  private func isStillWritten(_ path: FilePath, _ part: DropPart) throws(FileFault) -> Bool {
    // Asked before the look: what was written until it was let go is seen then.
    if try files.writers(of: path) == .some { return true }
    guard let info = try files.info(path) else { return true }
    return info.inode != part.inode || info.size != part.size
  }

  private mutating func copy(_ part: DropPart, of id: DropID) throws(FileFault) -> Brought {
    let original = original(of: part)
    let folder = spool.path(.gathering, id).appending(Self.copying)
    try files.ensureDirectory(folder)
    do {
      try requireRoom(for: part.size, at: folder)
      try files.copy(original, to: folder.appending(part.name), mode: .stateFile)
    } catch {
      // The original's own fault concerns no other file.
      if error.place == original.shown || error.kind == .missing {
        complain(part.name, in: FilePath(part.landing), error.description)
        let until = now.uptime + Self.patience
        feed.folders[FilePath(part.landing)]?.settling.postpone(part.name, until: until)
        return .lost
      }
      // Room is given back at once: the disk may be full.
      try? files.removeTree(spool.path(.gathering, id))
      throw error
    }
    // Who has it open is asked before the last look.
    guard try writers(of: original) != .some, try isUnchanged(part),
      try files.info(folder.appending(part.name))?.size == part.size
    else {
      disturb(part.name, in: FilePath(part.landing))
      return .lost
    }
    return .copied
  }

  /// Whether landing holds what `drop.json` says.
  private func isUnchanged(_ part: DropPart) throws(FileFault) -> Bool {
    guard let info = try files.info(original(of: part)), info.kind == .file else { return false }
    return Settling.Observation(info) == Settling.Observation(part)
  }

  /// Copies that are whole become durable, then parts, all at once.
  private func settleCopies(_ plans: [DropPlan]) throws(FileFault) {
    var made: [FilePath] = []
    for plan in plans {
      let folder = spool.path(.gathering, plan.id).appending(Self.copying)
      made += try files.list(folder).map { folder.appending($0) } + [folder]
    }
    try sync(made)
    for plan in plans {
      let drop = spool.path(.gathering, plan.id)
      let (folder, parts) = (drop.appending(Self.copying), drop.appending(DropPlan.partsName))
      try files.remove(parts)
      try files.move(folder, to: parts)
    }
    try sync(plans.map { spool.path(.gathering, $0.id) })
  }

  /// Nothing of a drop is ours yet: landing still has it. A set of which a part is ours waits for the others.
  private mutating func giveUp(_ plan: DropPlan) throws(FileFault) {
    guard try files.list(partsPath(.gathering, plan.id)).isEmpty else { return wait(for: plan) }
    try spool.remove(plan.id, from: .gathering)
  }

  mutating func wait(for plan: DropPlan) {
    summary.waiting += 1
    summary.look(at: now.uptime + max(settings.settle, .seconds(1)))
  }

  // MARK: After a stop

  /// What lies in `gathering` at the start of a pass: left by a stop, or still written by its sender.
  mutating func resumeGathering() throws {
    for slice in try drops(in: .gathering).slices(of: Self.slice) {
      if stop() { return }
      var complete: [DropPlan] = []
      for id in slice {
        try files.removeTree(spool.path(.gathering, id).appending(Self.copying))
        let parts = partsPath(.gathering, id)
        let names = try files.info(parts) == nil ? [] : try files.list(parts)
        if names.isEmpty {
          // Landing still has it all; the scan finds it.
          try spool.remove(id, from: .gathering)
          continue
        }
        let plan = try plan(.gathering, id)
        let missing = plan.parts.filter { !names.contains($0.name) }
        guard missing.isEmpty else {
          complete.append(try reduced(plan, missing))
          continue
        }
        if try isWritten(plan) { wait(for: plan) } else { complete.append(try remeasured(plan)) }
      }
      try claim(complete)
    }
  }

  /// Parts come in all at once, so this is nobody's doing but a person's: the drop is refused, with what is left of it.
  private func reduced(_ plan: DropPlan, _ missing: [DropPart]) throws(FileFault) -> DropPlan {
    var new = plan
    new.parts.removeAll { part in missing.contains { $0.name == part.name } }
    new.incomplete = missing.map { Reason(.incomplete, "It was lost while it was taken", part: $0.name) }
    try files.writePlan(new, to: planPath(.gathering, plan.id))
    try sync([planPath(.gathering, plan.id), spool.path(.gathering, plan.id)])
    return new
  }

  private func isWritten(_ plan: DropPlan) throws(FileFault) -> Bool {
    for part in plan.parts
    where try files.writers(of: partsPath(.gathering, plan.id).appending(part.name)) == .some { return true }
    return false
  }

  /// What was still written after its rename may have grown. Its bytes and its new size become durable before it is claimed.
  private func remeasured(_ plan: DropPlan) throws(FileFault) -> DropPlan {
    var new = plan
    for (number, part) in plan.parts.enumerated() {
      let path = partsPath(.gathering, plan.id).appending(part.name)
      guard let info = try files.info(path), info.size != part.size else { continue }
      try sync([path])
      new.parts[number] = DropPart(
        name: part.name, landing: part.landing, size: info.size, inode: part.inode, changed: part.changed,
        role: part.role)
    }
    if new != plan {
      try files.writePlan(new, to: planPath(.gathering, plan.id))
      try sync([planPath(.gathering, plan.id), spool.path(.gathering, plan.id)])
    }
    return new
  }
}
