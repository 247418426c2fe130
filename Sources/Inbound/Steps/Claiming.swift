import Core
import Files
import Journal
import Lanes
import Spool
import SystemPackage

/// From `gathering` to `claimed`, and what was taken leaves landing.
///
/// - An original is removed only after its drop is claimed and recorded, and only while it is what was claimed.
/// - Where its sender has written on meanwhile, it stays in landing, and the drop is held: the whole file becomes another.
struct Claiming {
  /// What landing may hold of drops that are ours.
  var reserved = Reserving()
  /// Some originals lie in a landing folder that was away.
  private var hasOriginalsAway = false

  mutating func run(_ plans: [DropPlan], in pass: inout FeedPass) throws {
    guard !plans.isEmpty else { return }
    for plan in plans where plan.restOf != nil { try KeepingRest().restore(plan, in: pass) }
    try pass.spool.move(plans.map(\.id), from: .gathering, to: .claimed)
    try record(plans, in: pass)
    _ = try clear(plans, in: &pass)
  }

  /// Claimed drops: the bytes are durable, now the record.
  func record(_ plans: [DropPlan], in pass: FeedPass) throws(LedgerFault) {
    guard !plans.isEmpty else { return }
    try pass.host.ledger.transact("seen") { (t) throws(LedgerFault) in
      for plan in plans {
        try t.drops.noteSeen(plan)
        try t.history.note(plan.id, "drop_seen", "\(counted(plan.bytes, "byte")) from landing", at: plan.seenAt)
      }
    }
    for plan in plans { pass.report(.dropSeen, "Drop \(plan.id) is ours: \(plan.shown)", plan) }
  }

  /// Removes from landing what was claimed, durably.
  ///
  /// An original is first renamed to a hidden name, then looked at again, then removed: what a sender renames over it
  /// in between is not touched.
  /// - Returns: the drops of which landing holds nothing any more.
  mutating func clear(_ all: [DropPlan], in pass: inout FeedPass) throws -> [DropPlan] {
    var plans: [DropPlan] = []
    for plan in all where try !isAway(plan, in: &pass) { plans.append(plan) }
    guard try pass.files.info(pass.landing)?.kind == .directory else { return plans }
    var cleared: [DropPlan] = []
    var changed: Set<FilePath> = []
    var late: [DropPlan] = []
    for plan in plans {
      let fate = try pass.each(.drop(plan.id)) { pass in .done(try clear(plan, &changed, in: pass)) }.value
      if fate == .cleared { cleared.append(plan) }
      if fate == .late { late.append(plan) }
      for part in plan.parts where pass.isInLanding(part) {
        reserved.note(pass.original(of: part), fate == .cleared || fate == .late ? nil : part.inode)
      }
    }
    for plan in late {
      let outcome = try pass.each(.drop(plan.id)) { pass in .done(try holdLate(plan, in: &pass)) }
      // A person lets it pass.
      if outcome.value == false { cleared.append(plan) }
    }
    let folders = changed.sorted { $0.string < $1.string }
    do throws(FileFault) {
      try pass.sync(folders)
      return cleared
    } catch {
      guard error.kind == .denied else { throw error }
    }
    // A folder below landing may have been barred to us since: its drops wait.
    var barred: Set<FilePath> = []
    for folder in folders where folder != pass.landing {
      do throws(FileFault) { try pass.sync([folder]) } catch {
        if error.kind != .denied { throw error }
        barred.insert(folder)
      }
    }
    return cleared.filter { plan in !plan.parts.contains { barred.contains(FilePath($0.landing)) } }
  }

  private enum Fate { case cleared, waits, late }

  /// Cleared: landing holds nothing of it any more.
  private func clear(_ plan: DropPlan, _ changed: inout Set<FilePath>, in pass: FeedPass) throws -> Fate {
    var fate = Fate.cleared
    for (number, part) in plan.parts.enumerated() where pass.isInLanding(part) {
      let folder = FilePath(part.landing)
      let hidden = folder.appending(FileName(".\(plan.id).\(number).taken"))
      let found = try pass.holding(
        .clear, plan.id, { () throws(FileFault) in try original(of: part, plan.id, in: pass) })
      if case .written = found { fate = .late }
      var before: FileInfo?
      if case .same(let info) = found {
        do throws(FileFault) { try pass.files.move(pass.original(of: part), to: hidden) } catch {
          if error.kind == .denied, !pass.files.mayWrite(in: folder), folder == pass.landing {
            throw LaneFault(fault: error)
          }
          if error.kind != .missing { throw error }
        }
        before = info
        changed.insert(folder)
      }
      guard let info = try pass.files.info(hidden) else { continue }
      changed.insert(folder)
      if try remove(hidden, info, part, of: plan, before, in: pass) { continue }
      // Another file, or one that is written: it gets its name back. Where that is taken once more, it waits until it is free.
      do {
        try pass.files.move(hidden, to: pass.original(of: part))
        if info.isSame(as: part) { fate = .late }
      } catch {
        guard error.kind == .exists else { throw error }
        if fate == .cleared { fate = .waits }
      }
    }
    return fate
  }

  /// Its last look. It is kept open for a while: what somebody writes who has it open still is seen, and not lost.
  /// - Parameter before: how it was before it was hidden; nil: by an earlier process.
  /// - Returns: false where it is not what was claimed any more.
  private func remove(
    _ hidden: FilePath, _ info: FileInfo, _ part: DropPart, of plan: DropPlan, _ before: FileInfo?, in pass: FeedPass
  ) throws -> Bool {
    guard info.isSame(as: part), info.size == part.size else { return false }
    let file: any KeptFile
    do throws(FileFault) { file = try pass.files.keepOpen(hidden) } catch {
      // It was readable when it was copied: who has taken that away does not write it in part.
      guard error.kind == .denied else { throw error }
      try pass.files.remove(hidden)
      return true
    }
    // Who has it open is asked before the look.
    if try file.writers() == .some { return false }
    let now = try file.info()
    guard now.size == part.size else { return false }
    if let before {
      guard before.modified == now.modified else { return false }
    } else if try !isEqual(hidden, pass.partsPath(.claimed, plan.id).appending(part.name), in: pass) {
      return false
    }
    try pass.files.remove(hidden)
    guard part.isData else { return true }
    var taken = TakenFile(part, of: plan.id, pass.settings.name, file, try file.info(), at: pass.now.uptime)
    // What came between the look and the removal is found by the next look.
    if taken.seen.size != part.size || taken.modified != now.modified { taken.seen.changed = 0 }
    pass.host.taken.keep(taken)
    return true
  }

  /// - Returns: false where a person lets it pass.
  private func holdLate(_ plan: DropPlan, in pass: inout FeedPass) throws -> Bool {
    if try Overrides().find(.claimed, plan.id, in: pass)?.lets(.lateWrite) == true { return false }
    let why =
      "Its sender wrote on while it was taken, so this is a part of it: the whole file is taken from landing as a drop of its own"
    try LookingBack().hold(plan, Reason(.lateWrite, why), in: &pass)
    pass.report(
      .lateWrite,
      "\(plan.shown) of feed \(pass.settings.name): its sender wrote on while it was taken as drop \(plan.id), which is "
        + "held. The whole file lies in landing still, and becomes a drop of its own", plan, [.reason: "grown"])
    return true
  }

  /// Before landing is looked at: what is ours already is not taken again.
  mutating func reserve(in pass: inout FeedPass) throws {
    try clearWhatWasAway(in: &pass)
    try reserved.run(in: &pass)
  }

  private mutating func clearWhatWasAway(in pass: inout FeedPass) throws {
    guard hasOriginalsAway else { return }
    hasOriginalsAway = false
    for slice in try pass.workable(in: .claimed).slices(of: Limits.dropsTogether) {
      _ = try clear(claimed(slice, in: &pass), in: &pass)
    }
  }

  /// The plans of claimed drops. What cannot be read is dealt with by the checks.
  mutating func claimed(_ ids: some Sequence<DropID>, in pass: inout FeedPass) -> [DropPlan] {
    ids.compactMap { id in
      if let plan = try? pass.plan(.claimed, id) { return plan }
      reserved.hold(id)
      return nil
    }
  }

  private enum Original {
    case same(FileInfo)
    /// Its sender writes it, or has written since.
    case written
    case other
  }

  /// Whether landing holds what this claimed part was made of. After a power cut its ctime can be that of a rename which is undone:
  /// then the bytes decide.
  private func original(of part: DropPart, _ id: DropID, in pass: FeedPass) throws(FileFault) -> Original {
    let path = pass.original(of: part)
    guard let info = try pass.files.info(path), info.kind == .file, info.isSame(as: part) else { return .other }
    // A file that was made since may have got the same inode.
    if let born = info.born, born > part.changed { return .other }
    let isWritten = info.born == nil ? Original.other : .written
    guard info.size == part.size else { return isWritten }
    if info.changed == part.changed { return .same(info) }
    if try pass.files.writersIfThere(of: path) == .some { return isWritten }
    return try isEqual(path, pass.partsPath(.claimed, id).appending(part.name), in: pass) ? .same(info) : isWritten
  }

  private func isEqual(_ one: FilePath, _ other: FilePath, in pass: FeedPass) throws(FileFault) -> Bool {
    let (a, b) = (try pass.files.open(one), try pass.files.open(other))
    var left = [UInt8](repeating: 0, count: Limits.chunkBytes)
    var right = left
    var offset: UInt64 = 0
    while true {
      let count = try a.fill(&left, at: offset)
      guard try b.fill(&right, at: offset) == count, left[..<count] == right[..<count] else { return false }
      if count < left.count { return true }
      offset += UInt64(count)
    }
  }

  /// Drops whose originals may lie in a landing folder that is away: they wait until it is back.
  private mutating func isAway(_ plan: DropPlan, in pass: inout FeedPass) throws(FileFault) -> Bool {
    // What was checked had left landing before.
    guard plan.landingIsMount == true, plan.checkedAt == nil, plan.parts.contains(where: pass.isInLanding) else {
      return false
    }
    if try MountGuard.isMount(pass.landing, pass.files) {
      pass.feed.reported[plan.id] = nil
      return false
    }
    hasOriginalsAway = true
    let why = "its original may still lie in the landing folder, which is not mounted"
    if pass.feed.reported.updateValue(why, forKey: plan.id) == nil {
      pass.report(
        .dropWaiting, "\(plan.shown) of feed \(pass.settings.name) waits: \(why)", plan, [.reason: "not_mounted"])
    }
    return true
  }

}

extension FileInfo {
  /// Whether it is the file that the part was made of. Older plans know no device.
  func isSame(as part: DropPart) -> Bool {
    inode == part.inode && (part.device == nil || device == part.device)
  }
}
