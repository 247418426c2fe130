import Core
import Files
import Formats
import Journal
import Lanes
import Ledger
import Spool
import SystemPackage

/// Files that were taken are looked at again for a while: their senders may write on. What came late becomes a drop of its own, whole, which
/// a person decides on.
struct LookingBack {
  mutating func run(_ claiming: inout Claiming, in pass: inout FeedPass) throws {
    let taken = pass.host.taken
    try relieve(taken, in: pass)
    for file in taken.files(of: pass.settings.name) where file.next <= pass.now.uptime {
      if pass.stop() { break }
      _ = try pass.each(.drop(file.drop)) { pass in .done(try look(at: file, &claiming, in: &pass)) }
    }
    if let next = taken.files(of: pass.settings.name).map(\.next).min() {
      pass.summary.look(at: max(next, pass.now.uptime + Limits.writtenPause))
    }
  }

  /// Deleted files that are kept must not be what fills the disk that uploads go to.
  private func relieve(_ taken: TakenFiles, in pass: FeedPass) throws(FileFault) {
    let name = pass.settings.name
    guard taken.keptBytes(of: name) > 0, try pass.files.info(pass.landing) != nil else { return }
    let free = try pass.files.freeBytes(at: pass.landing)
    taken.relieve(name, to: (free -| min(free, pass.host.minFree)) / Limits.takenShare)
  }

  private func look(at file: TakenFile, _ claiming: inout Claiming, in pass: inout FeedPass) throws {
    // What still waits for its hand-over is looked at by the checks, where it lies.
    if try isCheckedAnew(file, in: pass) {
      var file = file
      (file.since, file.next) = (pass.now.uptime, pass.now.uptime + Limits.takenFirstLook)
      return pass.host.taken.update(file)
    }
    guard let late = try notice(file, in: &pass) else { return }
    try takeRest(of: late, &claiming, in: &pass)
  }

  private func isCheckedAnew(_ file: TakenFile, in pass: FeedPass) throws(FileFault) -> Bool {
    guard let place = try pass.spool.place(of: file.drop), [.claimed, .handover].contains(place) else { return false }
    if place == .handover { return true }
    return try pass.files.info(pass.partsPath(place, file.drop).appending(file.part.name))?.inode == file.part.inode
  }

  // MARK: Whether something came

  /// Right before a drop is handed over: whether something has come since it was taken. Then it is held.
  func isLate(_ drop: DropID, in pass: inout FeedPass) throws -> Bool {
    var isLate = false
    for file in pass.host.taken.files(of: drop) where try notice(file, in: &pass) != nil { isLate = true }
    return isLate
  }

  /// - Returns: nil where nothing has come.
  private func notice(_ file: TakenFile, in pass: inout FeedPass) throws -> TakenFile? {
    var file = file
    let info = try file.file.info()
    let now = Settling.Observation(info)
    file.keptBytes = info.links == 0 ? info.size : 0
    if var growing = file.growing {
      if now != growing.last { (growing.last, growing.restsSince) = (now, pass.now.uptime) }
      file.growing = growing
    } else if try now == file.seen || isUnaltered(file, info, in: pass) {
      (file.seen, file.modified) = (now, info.modified)
      file.lookLater(than: pass.now.uptime)
      pass.host.taken.update(file)
      return nil
    } else {
      file.growing = TakenFile.Growing(last: now, restsSince: pass.now.uptime, noticed: pass.now.wall)
      try tell(file, info, in: &pass)
    }
    file.next = pass.now.uptime + max(pass.settings.settle.answered, Limits.writtenPause)
    pass.host.taken.update(file)
    return file
  }

  /// Its mode or times were set, or its name went: its bytes are the same.
  private func isUnaltered(_ file: TakenFile, _ info: FileInfo, in pass: FeedPass) throws -> Bool {
    guard info.size == file.part.size else { return false }
    let drop = file.rest ?? file.drop
    if let place = try pass.spool.place(of: drop) {
      let path = pass.partsPath(place, drop).appending(file.part.name)
      if let own = try pass.files.info(path), own.inode != file.part.inode {
        return try file.file.holdsSame(as: try pass.files.open(path))
      }
      if let plan = try? pass.plan(place, drop),
        let digest = plan.parts.first(where: { $0.name == file.part.name })?.sha256
      {
        return try file.file.digest(ofFirst: info.size) == digest
      }
    }
    return info.modified == file.modified
  }

  private func tell(_ file: TakenFile, _ info: FileInfo, in pass: inout FeedPass) throws {
    let how =
      info.size == file.part.size
      ? "its bytes were changed" : "it had \(counted(file.part.size, "byte")) and has \(info.size)"
    let what = "its sender wrote on after it had been taken as drop \(file.drop): \(how)"
    try note(file.drop, "Its sender wrote on after it had been taken: \(how)", in: pass)
    var fate = "When nobody writes it any more, the whole file is held as a drop of its own"
    if try pass.spool.place(of: file.drop) == .claimed, let plan = try? pass.plan(.claimed, file.drop) {
      try hold(plan, Reason(.lateWrite, Self.heldSentence, part: file.part.name), in: &pass)
      fate = "The drop was not handed over yet, and is held. " + fate
    }
    pass.host.events.record(
      .lateWrite, "\(file.part.name.masked) of feed \(pass.settings.name): \(what). \(fate)",
      [
        .feed: pass.settings.name.text, .drop: file.drop.description, .bytes: String(info.size),
        .reason: info.size > file.part.size ? "grown" : info.size < file.part.size ? "cut" : "rewritten",
      ])
  }

  private static let heldSentence =
    "Its sender wrote on after it had been taken, so this is a part of the file: the whole file is a drop of its own"

  private func note(_ id: DropID, _ sentence: String, in pass: FeedPass) throws(LedgerFault) {
    let now = pass.now.wall
    try pass.host.ledger.transact("late") { (t) throws(LedgerFault) in
      try t.history.note(id, EventKind.lateWrite.rawValue, sentence, at: now)
    }
  }

  /// What is claimed and was not handed over waits for a person, who knows what came late.
  func hold(_ plan: DropPlan, _ reason: Reason, in pass: inout FeedPass) throws {
    let (id, now) = (plan.id, pass.now.wall)
    try pass.files.writePlan([reason], to: pass.reasonsPath(.claimed, id))
    try pass.sync([pass.reasonsPath(.claimed, id), pass.spool.path(.claimed, id)])
    try pass.host.ledger.transact("held") { (t) throws(LedgerFault) in
      try t.drops.noteSeen(plan)
      try t.drops.noteOutcome(
        id, .held, content: contentDigest(plan), shape: plan.shape, rows: plan.rows, reason: reason.code, at: now)
      try t.history.note(id, EventKind.dropHeld.rawValue, reason.message, at: now)
    }
    try pass.spool.move([id], from: .claimed, to: .held)
    pass.feed.inHand.release(plan)
    pass.feed.waits.forget(.drop(id))
    pass.feed.reported[id] = nil
    pass.summary.held += 1
    pass.report(
      .dropHeld, "\(plan.shown) of feed \(pass.settings.name): held: \(reason.message)", plan,
      [.reason: reason.code.rawValue])
  }

  // MARK: What came

  private func takeRest(of file: TakenFile, _ claiming: inout Claiming, in pass: inout FeedPass) throws {
    guard let growing = file.growing else { return }
    var file = file
    let writers = try file.file.writers()
    if writers == .some { file.growing?.restsSince = pass.now.uptime }
    let settle = writers == .none ? pass.settings.settle.answered : pass.settings.settle.unanswered
    let rests = writers == .some ? .zero : pass.now.uptime - growing.restsSince
    guard rests >= settle else {
      file.next = pass.now.uptime + max(writers == .some ? settle : settle - rests, Limits.writtenPause)
      return pass.host.taken.update(file)
    }
    guard let plan = try KeepingRest().run(file, in: pass) else {
      file.growing?.restsSince = pass.now.uptime
      return pass.host.taken.update(file)
    }
    try claiming.run([plan], in: &pass)
    // More may come: then it is the whole file once more.
    let info = try file.file.info()
    (file.seen, file.modified, file.growing, file.rest) = (growing.last, info.modified, nil, plan.id)
    file.part.size = growing.last.size
    (file.since, file.next) = (pass.now.uptime, pass.now.uptime + Limits.takenFirstLook)
    file.keptBytes = info.links == 0 ? info.size : 0
    pass.host.taken.update(file)
  }

  /// For `status`.
  func waiting(in pass: FeedPass) -> [LaneReport.Item] {
    pass.host.taken.files(of: pass.settings.name).compactMap { file in
      file.growing.map {
        LaneReport.Item(
          file.part.name.masked, reason: "its sender writes on after it was taken as drop \(file.drop)",
          since: $0.noticed)
      }
    }
  }
}
