import Core
import Files
import Ledger
import Spool
import SystemPackage

/// Seen is not durable: what another process left behind is synced before anything rests on it, and what the ledger does not know of
/// it is recorded. The same serves a ledger that was lost.
struct Adopting {
  /// Whether everything in the places has been made durable by this process, and is in the ledger.
  private(set) var isThrough = false

  /// Any fault asks for it: what was renamed may then not have been synced.
  mutating func beginAnew() { isThrough = false }

  mutating func run(_ claiming: inout Claiming, in pass: inout FeedPass) throws {
    if isThrough { try rest(&claiming, in: &pass) } else { try all(&claiming, in: &pass) }
  }

  mutating func all(_ claiming: inout Claiming, in pass: inout FeedPass) throws {
    try pass.spool.prepare()
    try SpillFolder(pass).empty()
    for place in [DropPlace.gathering, .claimed, .handover, .held] {
      for slice in try pass.drops(in: place).slices(of: Limits.dropsTogether) {
        try secure(Array(slice), in: place, in: &pass)
      }
    }
    // The folders above too: they can have been made by a process that was killed before it had synced them.
    let feeds = pass.spool.root.parent
    try pass.sync(DropPlace.allCases.map { pass.spool.path($0) } + [pass.spool.root, feeds, feeds.parent])
    for folder in [pass.landing, pass.handover] where try pass.files.info(folder)?.kind == .directory {
      try pass.sync([folder])
    }

    for place in DropPlace.allCases where place != .gathering {
      try pass.eachSlice(of: place) { ids in
        try recordUnknown(ids, in: place, in: &pass)
        return true
      }
    }
    claiming.reserved.forgetUncleared()
    for slice in try pass.workable(in: .claimed).slices(of: Limits.dropsTogether) {
      try removeStaged(try claiming.clear(claiming.claimed(slice, in: &pass), in: &pass), in: pass)
    }
    isThrough = true
  }

  /// Drops that could not be secured before, one by one.
  private mutating func rest(_ claiming: inout Claiming, in pass: inout FeedPass) throws {
    for (id, place) in pass.feed.unadopted.sorted(by: { $0.key < $1.key }) {
      guard try pass.files.info(pass.spool.path(place, id)) != nil else {
        pass.feed.unadopted[id] = nil
        continue
      }
      try secure([id], in: place, in: &pass)
      guard pass.feed.unadopted[id] == nil else { continue }
      try recordUnknown([id], in: place, in: &pass)
      if place == .claimed {
        try removeStaged(try claiming.clear(claiming.claimed([id], in: &pass), in: &pass), in: pass)
      }
    }
  }

  /// Durable on return, but for those in `feed.unadopted`.
  private mutating func secure(_ ids: [DropID], in place: DropPlace, in pass: inout FeedPass) throws {
    var found: [DropID: [FilePath]] = [:]
    for id in ids {
      pass.feed.unadopted[id] = place
      found[id] = try pass.each(.drop(id)) { pass in
        var paths: [FilePath] = []
        try pass.holding(.adopt, id) { try collect(pass.spool.path(place, id), &paths, in: pass) }
        return .done(paths)
      }.value
    }
    do throws(FileFault) {
      try pass.sync(ids.flatMap { found[$0] ?? [] })
      for id in ids where found[id] != nil { pass.feed.unadopted[id] = nil }
    } catch {
      if error.kind == .exhausted { throw error }
      // One of them, perhaps.
      for (id, paths) in found where try pass.each(.drop(id), { pass in .done(try pass.sync(paths)) }).isDone {
        pass.feed.unadopted[id] = nil
      }
    }
  }

  /// Everything at and below the path, files before the directories that hold them.
  private func collect(_ path: FilePath, _ paths: inout [FilePath], in pass: FeedPass) throws(FileFault) {
    guard let info = try pass.files.info(path) else { return }
    if info.kind == .directory {
      for name in try pass.files.list(path) { try collect(path.appending(name), &paths, in: pass) }
    }
    if info.kind == .directory || info.kind == .file { paths.append(path) }
  }

  private mutating func recordUnknown(_ ids: [DropID], in place: DropPlace, in pass: inout FeedPass) throws {
    let unknown = try pass.host.ledger.read { (t) throws(LedgerFault) in
      var unknown: [DropID] = []
      for id in ids where try !t.drops.knows(id) { unknown.append(id) }
      return unknown
    }
    var plans: [DropPlan] = []
    for id in unknown where pass.feed.unadopted[id] == nil {
      // In `damaged` it can be nothing but what lies there. Steps that follow meet the others.
      if place == .damaged {
        plans.append(try (try? pass.plan(place, id)) ?? SettingAside().madeAnew(id, in: place, in: pass))
      } else if place == .claimed || place == .handover {
        if let plan = try? pass.plan(place, id) { plans.append(plan) }
      } else if let plan = try pass.each(.drop(id), { pass in try SettingAside().planOrAside(place, id, in: &pass) })
        .value
      {
        plans.append(plan)
      }
    }
    guard !plans.isEmpty else { return }
    guard place != .claimed else { return try Claiming().record(plans, in: pass) }
    let now = pass.now.wall
    var found: (codes: [DropID: Reason.Code], overrides: [DropID: Override]) = ([:], [:])
    for plan in plans {
      found.codes[plan.id] = try Overrides().reasons(place, plan.id, in: pass).first?.code
      found.overrides[plan.id] = try Overrides().find(place, plan.id, in: pass)
    }
    let (codes, overrides) = found
    try pass.host.ledger.transact("adopt") { (t) throws(LedgerFault) in
      for plan in plans {
        try t.drops.noteSeen(plan)
        let outcome = Self.outcome(of: plan, in: place)
        try t.drops.noteOutcome(
          plan.id, outcome, content: contentDigest(plan), shape: plan.shape, rows: plan.rows,
          reason: codes[plan.id], at: plan.checkedAt ?? plan.seenAt)
        if let handedOverAt = place == .archive ? plan.archivedAsHandedOverAt : plan.handedOverAt {
          try t.drops.noteHandedOver(plan.id, at: handedOverAt)
        }
        try t.history.note(plan.id, "rebuilt", "Recorded anew from \(place.rawValue)", at: now)
        // What was released is no baseline.
        if let override = overrides[plan.id] { try Overrides().note(override, of: plan.id, at: now, t) }
      }
    }
  }

  /// As well as the place tells it. In the archive, what was never handed over was a duplicate, or an empty drop.
  static func outcome(of plan: DropPlan, in place: DropPlace) -> DropOutcome {
    switch place {
    case .gathering, .claimed, .handover: .accepted
    case .held: .held
    case .quarantine: .quarantined
    case .damaged: .damaged
    case .archive: plan.archivedAsHandedOverAt != nil ? .accepted : plan.rows ?? 0 > 0 ? .duplicate : .archived
    }
  }

  /// Staged files of drops that lie in `claimed` were staged before a stop: they are made anew.
  private func removeStaged(_ plans: [DropPlan], in pass: FeedPass) throws(FileFault) {
    for plan in plans {
      for number in plan.parts.indices { try pass.files.removeIfThere(pass.stagedPath(plan, number)) }
    }
  }
}
