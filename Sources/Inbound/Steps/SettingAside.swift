import Core
import Files
import Formats
import Journal
import Lanes
import Ledger
import Spool
import SystemPackage

/// `damaged`: drops that nobody can work on, whole and with a reason, so that all others go on. From every place; a person lets them go
/// on (`release`, `retry`) or deletes them (`purge`).
struct SettingAside {
  /// The plan, or the drop steps aside.
  func planOrAside(_ place: DropPlace, _ id: DropID, in pass: inout FeedPass) throws -> ItemOutcome<DropPlan> {
    do {
      return .done(try pass.plan(place, id))
    } catch {
      guard error.kind == .missing || error.kind == .damaged || pass.feed.waits.isPersistent(.drop(id)) else {
        throw error
      }
      // Taken away by a person while we looked.
      guard try pass.files.info(pass.spool.path(place, id)) != nil else { return .gone }
      let reason = Reason(.damaged, error.description)
      try setAside(id, from: place, reason, in: &pass)
      return .setAside(reason)
    }
  }

  func setAside(_ id: DropID, from place: DropPlace, _ reason: Reason, in pass: inout FeedPass) throws {
    let folder = pass.spool.path(place, id)
    guard try pass.files.info(folder)?.kind == .directory else {
      throw FileFault(.damaged, "Cannot use", at: folder, why: "a drop is a folder, and this is none")
    }
    try pass.files.writePlan([reason], to: pass.reasonsPath(place, id))
    try pass.sync([pass.reasonsPath(place, id), folder])
    let plan = try (try? pass.plan(place, id)) ?? madeAnew(id, in: place, in: pass)
    let now = pass.now.wall
    let known = try pass.host.ledger.transact("damaged") { (t) throws(LedgerFault) in
      try t.drops.noteSeen(plan)
      let known = try t.drops.find(id)
      if known?.handedOverAt == nil {
        try t.drops.noteOutcome(id, .damaged, content: nil, rows: nil, reason: reason.code, at: now)
      }
      try t.history.note(id, EventKind.dropDamaged.rawValue, "from \(place.rawValue): \(reason.message)", at: now)
      return known
    }
    pass.feed.inHand.release(plan)
    try pass.spool.move([id], from: place, to: .damaged)
    pass.feed.waits.forget(.drop(id))
    pass.feed.reported[id] = nil
    pass.summary.damaged += 1
    let doubt =
      place == .handover && known?.handedOverAt == nil
      ? ". It was being handed over: look whether its files are in the hand-over folder" : ""
    pass.report(
      .dropDamaged, "\(plan.shown) of feed \(pass.settings.name) is set aside in damaged: \(reason.message)\(doubt)",
      plan,
      [.reason: reason.code.rawValue, .path: pass.spool.path(.damaged, id).shown])
  }

  /// What the agent crashed on twice.
  func run(in pass: inout FeedPass) throws {
    for work in pass.host.suspects.crashed(in: .feed(pass.settings.name)) {
      guard case .drop(let id) = work.item else { continue }
      if let place = try pass.spool.place(of: id), place != .damaged {
        let why = "The agent crashed \(Suspects.enoughCrashes) times while it was \(work.step.words) it"
        try setAside(id, from: place, Reason(.crashedAgent, why), in: &pass)
      }
      pass.host.suspects.forgive(work.item, at: pass.now.wall)
    }
  }

  /// A file in landing that the agent crashed on twice becomes a drop in `damaged`.
  func crashedFile(_ name: FileName, _ info: FileInfo, from folder: FilePath, in pass: inout FeedPass) throws {
    let isManifest = Manifest.isName(name)
    let arrival = Arrival(key: name, data: isManifest ? [] : [name], manifest: isManifest ? name : nil)
    let plan = try Planning().run(arrival, [name: info], from: folder, in: pass)
    try pass.sync([
      pass.planPath(.gathering, plan.id), pass.spool.path(.gathering, plan.id), pass.spool.path(.gathering),
    ])
    let (original, target) = (folder.appending(name), pass.partsPath(.gathering, plan.id).appending(name))
    do throws(FileFault) {
      try pass.files.move(original, to: target)
    } catch {
      guard error.kind == .crossDevice else {
        try pass.spool.remove(plan.id, from: .gathering)
        throw error
      }
      try pass.files.copy(original, to: target, mode: .stateFile)
      try pass.sync([target, pass.partsPath(.gathering, plan.id)])
      // What its sender has written since would go with it.
      guard try pass.files.writersIfThere(of: original) != .some,
        try pass.files.info(original).map({ Settling.Observation($0) }) == Settling.Observation(info)
      else { return try pass.spool.remove(plan.id, from: .gathering) }
      try pass.files.remove(original)
    }
    try pass.sync([pass.partsPath(.gathering, plan.id), folder])
    let why = "The agent crashed \(Suspects.enoughCrashes) times while it looked at it in landing"
    try setAside(plan.id, from: .gathering, Reason(.crashedAgent, why), in: &pass)
    pass.host.suspects.forgive(.file(inode: info.inode, size: info.size), at: pass.now.wall)
  }

  /// A plan made of what lies there.
  func madeAnew(_ id: DropID, in place: DropPlace, in pass: FeedPass) throws(FileFault) -> DropPlan {
    let folder = pass.partsPath(place, id)
    var parts: [DropPart] = []
    if try pass.files.info(folder)?.kind == .directory {
      for name in try pass.files.list(folder) {
        guard let info = try pass.files.info(folder.appending(name)), info.kind == .file else { continue }
        let isManifest = Manifest.isName(name)
        let isMarker = pass.feed.filter.marker?.isMarker(name) == true
        parts.append(
          DropPart(
            name: name, landing: pass.landing.string, size: info.size, inode: info.inode, changed: info.changed,
            role: isMarker ? .marker : isManifest ? .manifest : nil))
      }
    }
    let seen = Timestamp(text: id.description.prefix(16)) ?? pass.now.wall
    return DropPlan(id: id, feed: pass.settings.name, seenAt: seen, parts: parts)
  }
}
