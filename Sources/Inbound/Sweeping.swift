import Core
import Files
import Journal
import Ledger
import Spool
import SystemPackage

// What is kept is kept for so long. Data goes; `drop.json` stays for the duplicate window, so that a ledger made anew still knows
// the content.
extension FeedPass {
  private static let interval = Duration.seconds(3_600)

  mutating func sweep() throws {
    // What looks old may have come this morning.
    guard host.clock.mayExpire(at: now) else { return summary.look(at: now.uptime + .seconds(600)) }
    if let next = feed.nextSweep, now.uptime < next { return summary.look(at: next) }
    let ways = [
      try sweep(.archive, keep: settings.archiveKeep, maxBytes: settings.archiveMaxBytes),
      try sweep(.quarantine, keep: settings.quarantineKeep, maxBytes: nil),
    ]
    if ways.contains(.stopped) { return }
    try forget()
    // Much may have come due at once: it goes in turns, between which drops are worked on.
    let next = now.uptime + (ways.contains(.more) ? .zero : Self.interval)
    feed.nextSweep = next
    summary.look(at: next)
  }

  private enum Way { case done, more, stopped }

  private mutating func sweep(_ place: DropPlace, keep: Duration, maxBytes: UInt64?) throws -> Way {
    var kept = KeptDrops()
    var wasStopped = false
    try eachSlice(of: place) { ids in
      var forgotten: [DropID] = []
      for id in ids {
        let hasData = try files.info(partsPath(place, id)) != nil
        // The moment it was seen is in its name; the rest is only read where that alone does not decide.
        let seen = Timestamp(text: id.description.prefix(16)) ?? now.wall
        if !hasData {
          if now.wall - seen > max(Limits.remembered, keep) { forgotten.append(id) }
          continue
        }
        let isOld = now.wall - seen > keep
        let since = isOld ? try arrival(place, id) ?? seen : seen
        let bytes = maxBytes == nil ? 0 : try files.treeBytes(partsPath(place, id))
        kept.add(KeptDrop(id: id, since: since, bytes: bytes))
      }
      for id in forgotten { try spool.remove(id, from: place) }
      if !forgotten.isEmpty { try sync([spool.path(place)]) }
      wasStopped = stop()
      return !wasStopped
    }
    if wasStopped { return .stopped }
    let swept = kept.sweepable(keep: keep, maxBytes: maxBytes, at: now.wall)
    for slice in swept.slices(of: Self.slice) { try sweep(slice.map(\.id), from: place) }
    guard !swept.isEmpty else { return .done }
    report(
      .placeSwept,
      "Removed \(counted(swept.count, "drop")) of feed \(settings.name) from \(place.rawValue), kept for long enough",
      reason: place.rawValue)
    return swept.count == kept.limit ? .more : .done
  }

  /// When it came to its place; nil where its plan cannot be read.
  private func arrival(_ place: DropPlace, _ id: DropID) throws(FileFault) -> Timestamp? {
    do {
      let plan = try plan(place, id)
      return plan.handedOverAt ?? plan.checkedAt ?? plan.seenAt
    } catch {
      if error.kind != .exhausted { return nil }
      throw error
    }
  }

  /// First the record, then the bytes.
  private mutating func sweep(_ ids: [DropID], from place: DropPlace) throws {
    let now = now.wall
    try host.ledger.transact("swept") { (t) throws(LedgerFault) in
      for id in ids {
        try t.noteHistory(id, EventKind.placeSwept.rawValue, "Its data has left \(place.rawValue)", at: now)
      }
    }
    var gone: [DropID] = []
    for id in ids {
      let isGone: Void? = try each(.drop(id)) { pass in
        try pass.holding(.sweep, id) { try pass.files.removeTree(pass.partsPath(place, id)) }
      }
      if isGone != nil { gone.append(id) }
    }
    try sync(gone.map { spool.path(place, $0) })
  }

  /// What no place holds any more leaves the ledger, too.
  private mutating func forget() throws {
    let (name, before) = (
      settings.name, now.wall - max(Limits.remembered, settings.archiveKeep, settings.quarantineKeep)
    )
    var last: Forgettable<DropID>?
    var count = 0
    while count < Limits.forgetPerSweep, !stop() {
      let after = last
      let page = try host.ledger.read { (t) throws(LedgerFault) in
        try t.forgettable(name, before: before, after: after, limit: Limits.forgetSlice)
      }
      guard let end = page.last else { break }
      last = end
      let gone = try page.map(\.id).filter { try spool.isNowhere($0) }
      guard !gone.isEmpty else { continue }
      try host.ledger.transact("forget") { (t) throws(LedgerFault) in
        for id in gone { try t.forget(id) }
      }
      count += gone.count
    }
    let store = settings.pull?.store
    let pulled = try host.ledger.read { (t) throws(LedgerFault) in
      try t.forgettablePulled(name, except: store, listedBefore: before, limit: Limits.forgetSlice)
    }
    guard !pulled.isEmpty else { return }
    try host.ledger.transact("forget") { (t) throws(LedgerFault) in
      for one in pulled { try t.forgetPulled(name, one.store, key: one.key) }
    }
  }
}
