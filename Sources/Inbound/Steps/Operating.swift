import Core
import Files
import Journal
import Ledger
import Spool
import SystemPackage

/// What people ask of a feed. Each may be repeated: where a kill came between, the rest is done.
///
/// - `override.json` is durable before the drop moves; the ledger learns of it when the drop is checked, whoever wrote it.
/// - Whatever is purged is recorded before its bytes go. `drop.json` stays, with the hash.
struct Operating {
  /// To `claimed`, with an override that lets pass what was found.
  /// - Throws: `OperatorRefusal` where something was found that no release lets pass: then none of it passes.
  func release(
    _ id: DropID, from place: DropPlace, by who: Requester, asBaseline: Bool, in pass: inout FeedPass
  ) throws {
    let found = place == .damaged ? [] : try Overrides().reasons(place, id, in: pass)
    let lasting = found.map(\.code).filter(\.isLasting).uniqued
    if !lasting.isEmpty { throw OperatorRefusal.lasting(id, lasting) }
    if place == .damaged { try mend(id, in: pass) }
    var passes = try Overrides().find(place, id, in: pass).map(\.passes) ?? []
    // What was found before and what was found since; an override that lets everything pass stays one.
    if found.isEmpty { passes = place == .damaged ? passes ?? [] : nil }
    if let known = passes { passes = known + found.map(\.code).filter { !known.contains($0) }.uniqued }
    let override = Override(
      by: who.name, reason: who.reason, at: pass.now.wall, passes: passes, baseline: asBaseline ? true : nil)
    let path = Overrides().path(place, id, in: pass)
    try pass.files.writePlan(override, to: path)
    try pass.sync([path, pass.spool.path(place, id)])
    try pass.spool.move([id], from: place, to: .claimed)
    if let plan = try? pass.plan(.claimed, id) { try Overrides().run([plan], in: &pass) }
    pass.feed.pause = nil
    pass.feed.waits.hurry(at: pass.now.uptime)
  }

  /// To `claimed`: checked again, by the rules as they are now.
  func retry(_ ids: [DropID], from place: DropPlace, in pass: inout FeedPass) throws {
    guard !ids.isEmpty else { return }
    if place == .damaged { for id in ids { try mend(id, in: pass) } }
    try pass.spool.move(ids, from: place, to: .claimed)
    let now = pass.now.wall
    try pass.host.ledger.transact("retry") { (t) throws(LedgerFault) in
      for id in ids { try t.history.note(id, "retried", "To be checked again, from \(place.rawValue)", at: now) }
    }
    pass.feed.pause = nil
  }

  /// Its data goes; a held drop goes to quarantine, where nobody waits for it.
  func purge(_ ids: [DropID], from place: DropPlace, by who: Requester, in pass: inout FeedPass) throws {
    let now = pass.now.wall
    let sentence = "Purged from \(place.rawValue) by \(who.name): \(who.reason)"
    for slice in ids.slices(of: Limits.dropsTogether) {
      try pass.host.ledger.transact("purge") { (t) throws(LedgerFault) in
        for id in slice { try t.history.note(id, "purged", sentence, at: now) }
      }
      let isWaiting = place == .held || place == .damaged
      if isWaiting { try pass.spool.move(Array(slice), from: place, to: .quarantine) }
      let place = isWaiting ? .quarantine : place
      for id in slice {
        try pass.files.removeTree(pass.partsPath(place, id))
        pass.host.taken.forget(id)
        try pass.rejectFolder(of: id).remove()
      }
      try pass.sync(slice.map { pass.spool.path(place, $0) } + [pass.spool.path(.quarantine)])
    }
    guard !ids.isEmpty else { return }
    pass.report(
      .placeSwept,
      "\(who.name) purged \(counted(ids.count, "drop")) of feed \(pass.settings.name) from \(place.rawValue)",
      reason: "purged")
  }

  /// Drops in archive, quarantine, held and damaged that were seen before that time and still have data.
  func purgeable(before time: Timestamp, in pass: FeedPass) throws(FileFault) -> [(place: DropPlace, ids: [DropID])] {
    var found: [(DropPlace, [DropID])] = []
    for place in [DropPlace.held, .quarantine, .archive, .damaged] {
      var ids: [DropID] = []
      for id in try pass.drops(in: place) {
        guard let seen = Timestamp(text: id.description.prefix(16)), seen < time else { continue }
        if place == .held || place == .damaged {
          ids.append(id)
        } else if try hasData(place, id, in: pass) {
          ids.append(id)
        }
      }
      found.append((place, ids))
    }
    return found
  }

  /// A drop in `damaged` gets a plan that can be worked with, durably, and what was staged of it goes.
  func mend(_ id: DropID, in pass: FeedPass) throws(FileFault) {
    if (try? pass.plan(.damaged, id)) == nil {
      let path = pass.planPath(.damaged, id)
      if let info = try pass.files.info(path), info.kind != .file { try pass.files.removeTree(path) }
      try pass.files.writePlan(try SettingAside().madeAnew(id, in: .damaged, in: pass), to: path)
      try pass.sync([path, pass.spool.path(.damaged, id)])
    }
    guard try pass.files.info(pass.handover)?.kind == .directory else { return }
    let hidden = Array(".\(id).".utf8)
    var left: [FilePath] = []
    try pass.files.eachName(in: pass.handover) { (name) throws(FileFault) in
      if name.bytes.starts(with: hidden) { left.append(pass.handover.appending(name)) }
    }
    for path in left { try pass.files.removeIfThere(path) }
  }

  func hasData(_ place: DropPlace, _ id: DropID, in pass: FeedPass) throws(FileFault) -> Bool {
    if try pass.files.info(pass.partsPath(place, id)) != nil { return true }
    return place == .archive ? try pass.rejectFolder(of: id).isThere() : false
  }

}

extension Array where Element: Hashable {
  /// Each element once, in order.
  fileprivate var uniqued: [Element] {
    var seen: Set<Element> = []
    return filter { seen.insert($0).inserted }
  }
}
