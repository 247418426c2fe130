import Core
import Files
import Journal
import Ledger
import Spool
import SystemPackage

/// What is kept is kept for so long. Data goes; `drop.json` stays for the duplicate window, so that a ledger made anew still knows
/// the content.
struct Sweeping {
  /// Uptime.
  private var next: Duration?

  mutating func run(in pass: inout FeedPass) throws {
    // What looks old may have come this morning.
    guard pass.host.clock.mayExpire(at: pass.now) else {
      return pass.summary.look(at: pass.now.uptime + Limits.clockPause)
    }
    if let next, pass.now.uptime < next { return pass.summary.look(at: next) }
    let ways = [
      try sweep(.archive, keep: pass.settings.archiveKeep, maxBytes: pass.settings.archiveMaxBytes, in: &pass),
      try sweep(.quarantine, keep: pass.settings.quarantineKeep, maxBytes: nil, in: &pass),
    ]
    if ways.contains(.stopped) { return }
    try sweepRejects(in: &pass)
    try forget(in: &pass)
    // Much may have come due at once: it goes in turns, between which drops are worked on.
    let next = pass.now.uptime + (ways.contains(.more) ? .zero : Limits.sweepInterval)
    self.next = next
    pass.summary.look(at: next)
  }

  /// Bad rows are kept as long as what was refused whole.
  private func sweepRejects(in pass: inout FeedPass) throws {
    let folders = try pass.rejectFolders(before: pass.now.wall - pass.settings.quarantineKeep)
    guard !folders.isEmpty else { return }
    for folder in folders { try folder.remove() }
    try pass.sync([pass.spool.path(.quarantine)])
    pass.report(
      .placeSwept,
      "Removed bad rows of \(counted(folders.count, "drop")) of feed \(pass.settings.name), kept for long enough",
      reason: "rejected")
  }

  private enum Way { case done, more, stopped }

  private func sweep(_ place: DropPlace, keep: Duration, maxBytes: UInt64?, in pass: inout FeedPass) throws -> Way {
    var kept = KeptDrops()
    var wasStopped = false
    try pass.eachSlice(of: place) { ids in
      var forgotten: [DropID] = []
      for id in ids {
        let hasData = try pass.files.info(pass.partsPath(place, id)) != nil
        // The moment it was seen is in its name; the rest is only read where that alone does not decide.
        let seen = Timestamp(text: id.description.prefix(16)) ?? pass.now.wall
        if !hasData {
          if pass.now.wall - seen > max(Limits.remembered, keep) { forgotten.append(id) }
          continue
        }
        let isOld = pass.now.wall - seen > keep
        let since = isOld ? try arrival(place, id, in: pass) ?? seen : seen
        let bytes = maxBytes == nil ? 0 : try pass.files.treeBytes(pass.partsPath(place, id))
        kept.add(KeptDrop(id: id, since: since, bytes: bytes))
      }
      for id in forgotten { try pass.spool.remove(id, from: place) }
      if !forgotten.isEmpty { try pass.sync([pass.spool.path(place)]) }
      wasStopped = pass.stop()
      return !wasStopped
    }
    if wasStopped { return .stopped }
    let swept = kept.sweepable(keep: keep, maxBytes: maxBytes, at: pass.now.wall)
    for slice in swept.slices(of: Limits.dropsTogether) { try sweep(slice.map(\.id), from: place, in: &pass) }
    guard !swept.isEmpty else { return .done }
    pass.report(
      .placeSwept,
      "Removed \(counted(swept.count, "drop")) of feed \(pass.settings.name) from \(place.rawValue), kept for long enough",
      reason: place.rawValue)
    return swept.count == kept.limit ? .more : .done
  }

  /// When it came to its place; nil where its plan cannot be read.
  private func arrival(_ place: DropPlace, _ id: DropID, in pass: FeedPass) throws(FileFault) -> Timestamp? {
    do {
      let plan = try pass.plan(place, id)
      return plan.handedOverAt ?? plan.checkedAt ?? plan.seenAt
    } catch {
      if error.kind != .exhausted { return nil }
      throw error
    }
  }

  /// First the record, then the bytes.
  private func sweep(_ ids: [DropID], from place: DropPlace, in pass: inout FeedPass) throws {
    let now = pass.now.wall
    try pass.host.ledger.transact("swept") { (t) throws(LedgerFault) in
      for id in ids {
        try t.history.note(id, EventKind.placeSwept.rawValue, "Its data has left \(place.rawValue)", at: now)
      }
    }
    var gone: [DropID] = []
    for id in ids {
      let outcome = try pass.each(.drop(id)) { pass in
        .done(try pass.holding(.sweep, id) { try pass.files.removeTree(pass.partsPath(place, id)) })
      }
      if outcome.isDone { gone.append(id) }
    }
    try pass.sync(gone.map { pass.spool.path(place, $0) })
  }

  /// What no place holds any more leaves the ledger, too.
  private func forget(in pass: inout FeedPass) throws {
    let (name, before) = (
      pass.settings.name,
      pass.now.wall - max(Limits.remembered, pass.settings.archiveKeep, pass.settings.quarantineKeep)
    )
    var last: Forgettable<DropID>?
    var count = 0
    while count < Limits.forgetPerSweep, !pass.stop() {
      let after = last
      let page = try pass.host.ledger.read { (t) throws(LedgerFault) in
        try t.drops.forgettable(name, before: before, after: after, limit: Limits.forgetSlice)
      }
      guard let end = page.last else { break }
      last = end
      let gone = try page.map(\.id).filter { try pass.spool.isNowhere($0) }
      guard !gone.isEmpty else { continue }
      try pass.host.ledger.transact("forget") { (t) throws(LedgerFault) in
        for id in gone { try t.drops.forget(id) }
      }
      count += gone.count
    }
    let store = pass.settings.pull?.store
    let pulled = try pass.host.ledger.read { (t) throws(LedgerFault) in
      try t.pulls.forgettable(name, except: store, listedBefore: before, limit: Limits.forgetSlice)
    }
    guard !pulled.isEmpty else { return }
    try pass.host.ledger.transact("forget") { (t) throws(LedgerFault) in
      for one in pulled { try t.pulls.forget(name, one.store, key: one.key) }
    }
  }
}
