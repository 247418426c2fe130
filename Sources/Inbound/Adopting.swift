import Core
import Files
import Ledger
import Spool
import SystemPackage

// Seen is not durable: what another process left behind is synced before anything rests on it, and what the ledger does not know of
// it is recorded. The same serves a ledger that was lost.
extension FeedPass {
  mutating func adoptAll() throws { if feed.isAdopted { try adoptTheRest() } else { try adopt() } }

  mutating func adopt() throws {
    try spool.prepare()
    for place in [DropPlace.gathering, .claimed, .handover, .held] {
      for slice in try drops(in: place).slices(of: Self.slice) {
        try secure(Array(slice), in: place)
      }
    }
    // The folders above too: they can have been made by a process that was killed before it had synced them.
    let feeds = spool.root.parent
    try sync(DropPlace.allCases.map { spool.path($0) } + [spool.root, feeds, feeds.parent])
    for folder in [landing, handover] where try files.info(folder)?.kind == .directory { try sync([folder]) }

    for place in DropPlace.allCases where place != .gathering {
      try eachSlice(of: place) { ids in
        try recordUnknown(ids, in: place)
        return true
      }
    }
    feed.uncleared = [:]
    for slice in try workable(in: .claimed).slices(of: Self.slice) {
      try removeStaged(try clearOriginals(claimed(slice)))
    }
    feed.isAdopted = true
  }

  /// Drops that could not be secured before, one by one.
  mutating func adoptTheRest() throws {
    for (id, place) in feed.unadopted.sorted(by: { $0.key < $1.key }) {
      guard try files.info(spool.path(place, id)) != nil else {
        feed.unadopted[id] = nil
        continue
      }
      try secure([id], in: place)
      guard feed.unadopted[id] == nil else { continue }
      try recordUnknown([id], in: place)
      if place == .claimed { try removeStaged(try clearOriginals(claimed([id]))) }
    }
  }

  /// Durable on return, but for those in `feed.unadopted`.
  private mutating func secure(_ ids: [DropID], in place: DropPlace) throws {
    var found: [DropID: [FilePath]] = [:]
    for id in ids {
      feed.unadopted[id] = place
      found[id] = try each(.drop(id)) { pass in
        var paths: [FilePath] = []
        try pass.holding(.adopt, id) { try pass.collect(pass.spool.path(place, id), &paths) }
        return .done(paths)
      }.value
    }
    do throws(FileFault) {
      try sync(ids.flatMap { found[$0] ?? [] })
      for id in ids where found[id] != nil { feed.unadopted[id] = nil }
    } catch {
      if error.kind == .exhausted { throw error }
      // One of them, perhaps.
      for (id, paths) in found where try each(.drop(id), { pass in .done(try pass.sync(paths)) }).isDone {
        feed.unadopted[id] = nil
      }
    }
  }

  /// Everything at and below the path, files before the directories that hold them.
  private func collect(_ path: FilePath, _ paths: inout [FilePath]) throws(FileFault) {
    guard let info = try files.info(path) else { return }
    if info.kind == .directory { for name in try files.list(path) { try collect(path.appending(name), &paths) } }
    if info.kind == .directory || info.kind == .file { paths.append(path) }
  }

  private mutating func recordUnknown(_ ids: [DropID], in place: DropPlace) throws {
    let unknown = try host.ledger.read { (t) throws(LedgerFault) in
      var unknown: [DropID] = []
      for id in ids where try !t.knows(id) { unknown.append(id) }
      return unknown
    }
    var plans: [DropPlan] = []
    for id in unknown where feed.unadopted[id] == nil {
      // In `damaged` it can be nothing but what lies there. Steps that follow meet the others.
      if place == .damaged {
        plans.append(try (try? plan(place, id)) ?? SettingAside().madeAnew(id, in: place, in: self))
      } else if place == .claimed || place == .handover {
        if let plan = try? plan(place, id) { plans.append(plan) }
      } else if let plan = try each(.drop(id), { pass in try SettingAside().planOrAside(place, id, in: &pass) }).value {
        plans.append(plan)
      }
    }
    guard !plans.isEmpty else { return }
    guard place != .claimed else { return try recordSeen(plans) }
    let now = now.wall
    var first: [DropID: Reason.Code] = [:]
    for plan in plans { first[plan.id] = try Overrides().reasons(place, plan.id, in: self).first?.code }
    let codes = first
    try host.ledger.transact("adopt") { (t) throws(LedgerFault) in
      for plan in plans {
        try t.noteSeen(plan)
        let outcome = FeedPass.outcome(of: plan, in: place)
        try t.noteOutcome(
          plan.id, outcome, content: contentDigest(plan), shape: plan.shape, rows: plan.rows,
          reason: codes[plan.id], at: plan.checkedAt ?? plan.seenAt)
        if let handedOverAt = place == .archive ? plan.archivedAsHandedOverAt : plan.handedOverAt {
          try t.noteHandedOver(plan.id, at: handedOverAt)
        }
        try t.noteHistory(plan.id, "rebuilt", "Recorded anew from \(place.rawValue)", at: now)
      }
    }
  }

  /// As well as the place tells it. In the archive, what was never handed over was a duplicate, or an empty drop.
  private static func outcome(of plan: DropPlan, in place: DropPlace) -> DropOutcome {
    switch place {
    case .gathering, .claimed, .handover: .accepted
    case .held: .held
    case .quarantine: .quarantined
    case .damaged: .damaged
    case .archive: plan.archivedAsHandedOverAt != nil ? .accepted : plan.rows ?? 0 > 0 ? .duplicate : .archived
    }
  }

  /// Claimed drops: the bytes are durable, now the record.
  func recordSeen(_ plans: [DropPlan]) throws(LedgerFault) {
    guard !plans.isEmpty else { return }
    try host.ledger.transact("seen") { (t) throws(LedgerFault) in
      for plan in plans {
        try t.noteSeen(plan)
        try t.noteHistory(plan.id, "drop_seen", "\(counted(plan.bytes, "byte")) from landing", at: plan.seenAt)
      }
    }
    for plan in plans { report(.dropSeen, "Drop \(plan.id) is ours: \(plan.shown)", plan) }
  }

  /// Staged files of drops that lie in `claimed` were staged before a stop: they are made anew.
  private func removeStaged(_ plans: [DropPlan]) throws(FileFault) {
    for plan in plans {
      for number in plan.parts.indices { try files.removeIfThere(stagedPath(plan, number)) }
    }
  }
}
