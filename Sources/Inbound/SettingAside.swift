import Core
import Files
import Formats
import Journal
import Lanes
import Ledger
import Spool
import SystemPackage

// `damaged`: drops that nobody can work on, whole and with a reason, so that all others go on. From every place; a person lets them go
// on (`release`, `retry`) or deletes them (`purge`).
extension FeedPass {
  /// The plan, or the drop steps aside.
  mutating func planOrAside(_ place: DropPlace, _ id: DropID) throws -> ItemOutcome<DropPlan> {
    do {
      return .done(try plan(place, id))
    } catch {
      guard error.kind == .missing || error.kind == .damaged || feed.waits.isPersistent(.drop(id)) else { throw error }
      // Taken away by a person while we looked.
      guard try files.info(spool.path(place, id)) != nil else { return .gone }
      let reason = Reason(.damaged, error.description)
      try setAside(id, from: place, reason)
      return .setAside(reason)
    }
  }

  mutating func setAside(_ id: DropID, from place: DropPlace, _ reason: Reason) throws {
    let folder = spool.path(place, id)
    guard try files.info(folder)?.kind == .directory else {
      throw FileFault(.damaged, "Cannot use", at: folder, why: "a drop is a folder, and this is none")
    }
    try files.writePlan([reason], to: reasonsPath(place, id))
    try sync([reasonsPath(place, id), folder])
    let plan = try (try? plan(place, id)) ?? madeAnew(id, in: place)
    let now = now.wall
    let known = try host.ledger.transact("damaged") { (t) throws(LedgerFault) in
      try t.noteSeen(plan)
      let known = try t.drop(id)
      if known?.handedOverAt == nil {
        try t.noteOutcome(id, .damaged, content: nil, rows: nil, reason: reason.code, at: now)
      }
      try t.noteHistory(id, EventKind.dropDamaged.rawValue, "from \(place.rawValue): \(reason.message)", at: now)
      return known
    }
    if let content = contentDigest(plan), feed.inHand[content] == id { feed.inHand[content] = nil }
    try spool.move([id], from: place, to: .damaged)
    feed.waits.forget(.drop(id))
    feed.reported[id] = nil
    summary.damaged += 1
    let doubt =
      place == .handover && known?.handedOverAt == nil
      ? ". It was being handed over: look whether its files are in the hand-over folder" : ""
    report(
      .dropDamaged, "\(plan.shown) of feed \(settings.name) is set aside in damaged: \(reason.message)\(doubt)", plan,
      [.reason: reason.code.rawValue, .path: spool.path(.damaged, id).shown])
  }

  /// What the agent crashed on twice.
  mutating func setAsideCrashed() throws {
    for work in host.suspects.crashed(in: .feed(settings.name)) {
      guard case .drop(let id) = work.item else { continue }
      if let place = try spool.place(of: id), place != .damaged {
        let why = "The agent crashed \(Suspects.enoughCrashes) times while it was \(work.step.words) it"
        try setAside(id, from: place, Reason(.crashedAgent, why))
      }
      host.suspects.forgive(work.item, at: now.wall)
    }
  }

  /// A file in landing that the agent crashed on twice becomes a drop in `damaged`.
  mutating func setAsideCrashed(_ name: FileName, _ info: FileInfo, in folder: FilePath) throws {
    let isManifest = Manifest.run(in: name) != nil
    let arrival = Arrival(key: name, data: isManifest ? [] : [name], manifest: isManifest ? name : nil)
    let plan = try begin(arrival, [name: info], in: folder)
    try sync([planPath(.gathering, plan.id), spool.path(.gathering, plan.id), spool.path(.gathering)])
    let (original, target) = (folder.appending(name), partsPath(.gathering, plan.id).appending(name))
    do throws(FileFault) {
      try files.move(original, to: target)
    } catch {
      guard error.kind == .crossDevice else {
        try spool.remove(plan.id, from: .gathering)
        throw error
      }
      try files.copy(original, to: target, mode: .stateFile)
      try sync([target, partsPath(.gathering, plan.id)])
      try files.remove(original)
    }
    try sync([partsPath(.gathering, plan.id), folder])
    let why = "The agent crashed \(Suspects.enoughCrashes) times while it looked at it in landing"
    try setAside(plan.id, from: .gathering, Reason(.crashedAgent, why))
    host.suspects.forgive(.file(inode: info.inode, size: info.size), at: now.wall)
  }

  /// A plan made of what lies there.
  func madeAnew(_ id: DropID, in place: DropPlace) throws(FileFault) -> DropPlan {
    let folder = partsPath(place, id)
    var parts: [DropPart] = []
    if try files.info(folder)?.kind == .directory {
      for name in try files.list(folder) {
        guard let info = try files.info(folder.appending(name)), info.kind == .file else { continue }
        let isManifest = Manifest.run(in: name) != nil
        let isMarker = feed.filter.marker?.isMarker(name) == true
        parts.append(
          DropPart(
            name: name, landing: landing.string, size: info.size, inode: info.inode, changed: info.changed,
            role: isMarker ? .marker : isManifest ? .manifest : nil))
      }
    }
    let seen = Timestamp(text: id.description.prefix(16)) ?? now.wall
    return DropPlan(id: id, feed: settings.name, seenAt: seen, parts: parts)
  }

  /// A drop in `damaged` gets a plan that can be worked with, durably, and what was staged of it goes.
  func mend(_ id: DropID) throws(FileFault) {
    if (try? plan(.damaged, id)) == nil {
      let path = planPath(.damaged, id)
      if let info = try files.info(path), info.kind != .file { try files.removeTree(path) }
      try files.writePlan(try madeAnew(id, in: .damaged), to: path)
      try sync([path, spool.path(.damaged, id)])
    }
    guard try files.info(handover)?.kind == .directory else { return }
    let hidden = Array(".\(id).".utf8)
    var left: [FilePath] = []
    try files.eachName(in: handover) { (name) throws(FileFault) in
      if name.bytes.starts(with: hidden) { left.append(handover.appending(name)) }
    }
    for path in left { try removeIfThere(path) }
  }
}
