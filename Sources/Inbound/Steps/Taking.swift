import Core
import Files
import Journal
import Lanes
import Spool
import SystemPackage

/// Out of landing, into `gathering`: the plan first, then the parts.
///
/// - `drop.json` is durable before the first part is touched: what lies in `gathering` can always be finished or given up.
/// - In `parts/` lies only what is whole. A copy is made in `copying/`, and moved when it is durable and its original did not change.
struct Taking {
  /// False once a rename from landing met the border of a mount.
  private var canRename = true

  /// Done: it is whole in `gathering`, and can be claimed. What was not begun has no outcome.
  mutating func run(
    _ arrivals: ArraySlice<Arrival>, _ scan: Intake.Scan, _ intake: inout Intake, in pass: inout FeedPass
  ) throws -> [ItemOutcome<DropPlan>] {
    let (infos, folder) = (scan.infos, scan.folder)
    do throws(FileFault) { try pass.requireRoom(for: 0, at: pass.spool.root) } catch { throw LaneFault(fault: error) }
    var begun: [(plan: DropPlan, mayRename: Bool)] = []
    for arrival in arrivals {
      if arrival.names.contains(where: { pass.feed.waits.isPostponed(.file(folder.appending($0)), at: pass.now.uptime) }
      ) {
        continue
      }
      var isAtRest = true
      var mayRename = canRename && arrival.names.count == 1
      for name in arrival.data + (arrival.manifest.map { [$0] } ?? []) {
        guard let info = infos[name], let writers = try writersOrPostpone(folder.appending(name), in: &pass) else {
          isAtRest = false
          break
        }
        if writers == .some {
          intake.disturb(name, in: folder, in: &pass)
          intake.complain(name, in: folder, "somebody has it open for writing", in: pass)
          isAtRest = false
        } else if writers == .unknown, !intake.hasRestedUnanswered(name, in: folder, in: &pass) {
          isAtRest = false
        }
        // A hard link, or a writer that the kernel does not tell us of: the bytes could change after a rename.
        mayRename = mayRename && info.links == 1 && writers == .none
      }
      guard isAtRest else { continue }
      // What fails here is our own folder's fault.
      let plan: DropPlan
      do {
        plan = try hold(.take, arrival, infos, in: pass) { try Planning().run(arrival, infos, from: folder, in: pass) }
      } catch let fault as FileFault {
        throw LaneFault(fault: fault)
      }
      begun.append((plan, mayRename))
    }
    try pass.sync(
      begun.flatMap { drop in
        [
          pass.planPath(.gathering, drop.plan.id), pass.partsPath(.gathering, drop.plan.id),
          pass.spool.path(.gathering, drop.plan.id),
        ]
      } + (begun.isEmpty ? [] : [pass.spool.path(.gathering)]))
    return try bring(begun, &intake, in: &pass)
  }

  /// An arrival is known by its first file until it is a drop.
  private func hold<Result>(
    _ step: Work.Step, _ arrival: Arrival, _ infos: [FileName: FileInfo], in pass: FeedPass,
    _ body: () throws -> Result
  ) throws -> Result {
    guard let first = arrival.names.lazy.compactMap({ infos[$0] }).first else { return try body() }
    return try pass.holding(step, Settling.Observation(first), body)
  }

  /// Nil: it is gone, or waits for a reason of its own.
  private mutating func writersOrPostpone(_ path: FilePath, in pass: inout FeedPass) throws -> Writers? {
    do throws(FileFault) {
      return try pass.files.writersIfThere(of: path)
    } catch {
      if error.kind == .exhausted { throw error }
      try pass.postpone(.file(path), error)
      return nil
    }
  }

  private enum Brought: Equatable {
    case renamed, copied
    /// Changed or gone, or not to be read: what was begun is given up.
    case lost
    /// It came by rename, and somebody writes it still. He keeps his descriptor, so its end comes to us too.
    case stillWritten
  }

  private mutating func bring(
    _ begun: [(plan: DropPlan, mayRename: Bool)], _ intake: inout Intake, in pass: inout FeedPass
  ) throws -> [ItemOutcome<DropPlan>] {
    var outcomes: [ItemOutcome<DropPlan>] = []
    var copied: [DropPlan] = []
    var barriers: Set<FilePath> = []
    for (plan, mayRename) in begun {
      if pass.stop() { break }
      var ways: [Brought] = []
      for part in plan.parts where try pass.files.info(pass.partsPath(.gathering, plan.id).appending(part.name)) == nil
      {
        let way = try pass.holding(.take, plan.id) {
          try bring(part, of: plan.id, mayRename: mayRename, &intake, in: &pass)
        }
        ways.append(way)
        if ways.last == .lost { break }
      }
      if ways.contains(.renamed) || ways.contains(.stillWritten) {
        barriers.formUnion([pass.partsPath(.gathering, plan.id)] + plan.parts.map { FilePath($0.landing) })
      }
      if ways.contains(.lost) {
        outcomes.append(try giveUp(plan, in: &pass))
      } else if ways.contains(.stillWritten) {
        // It stays where it is; `Resuming` finds it finished.
        intake.forget(plan)
        outcomes.append(pass.wait(for: plan, "somebody writes it still"))
      } else {
        if ways.contains(.copied) { copied.append(plan) }
        outcomes.append(.done(plan))
      }
    }
    try settleCopies(copied, in: pass)
    try pass.sync(barriers.sorted { $0.string < $1.string })
    return outcomes
  }

  private mutating func bring(
    _ part: DropPart, of id: DropID, mayRename: Bool, _ intake: inout Intake, in pass: inout FeedPass
  ) throws -> Brought {
    let original = pass.original(of: part)
    if mayRename, canRename, try isUnchanged(part, in: pass) {
      let target = pass.partsPath(.gathering, id).appending(part.name)
      do throws(FileFault) {
        try pass.files.move(original, to: target)
      } catch {
        switch error.kind {
        case .missing: return .lost
        case .crossDevice:
          canRename = false
          return try copy(part, of: id, &intake, in: &pass)
        case .exhausted: throw error
        default:
          // It may not be moved; or nothing may.
          if error.kind == .denied, !pass.files.mayWrite(in: original.parent) {
            if original.parent == pass.landing { throw LaneFault(fault: error) }
            throw error
          }
          try pass.postpone(.file(original), error)
          return .lost
        }
      }
      if try putBack(target, part, to: original, &intake, in: &pass) { return .lost }
      return try isStillWritten(target, part, in: pass) ? .stillWritten : .renamed
    }
    return try copy(part, of: id, &intake, in: &pass)
  }

  /// What took the name just before the rename is not what was admitted: it goes back, and has to come to rest there like any other.
  /// - Returns: false where it is what was admitted, or its name is taken again.
  private mutating func putBack(
    _ target: FilePath, _ part: DropPart, to original: FilePath, _ intake: inout Intake, in pass: inout FeedPass
  ) throws(FileFault) -> Bool {
    guard let info = try pass.files.info(target), !info.isSame(as: part) else { return false }
    do throws(FileFault) {
      try pass.files.move(target, to: original)
    } catch {
      if error.kind == .exists { return false }
      throw error
    }
    intake.disturb(part.name, in: FilePath(part.landing), in: &pass)
    return true
  }

  /// After the rename: nobody may have opened it.
  private func isStillWritten(_ path: FilePath, _ part: DropPart, in pass: FeedPass) throws(FileFault) -> Bool {
    // Asked before the look: what was written until it was let go is seen then.
    if try pass.files.writers(of: path) == .some { return true }
    guard let info = try pass.files.info(path) else { return true }
    return !info.isSame(as: part) || info.size != part.size
  }

  private mutating func copy(_ part: DropPart, of id: DropID, _ intake: inout Intake, in pass: inout FeedPass) throws
    -> Brought
  {
    let original = pass.original(of: part)
    let folder = pass.spool.path(.gathering, id).appending(DropPlan.copying)
    try pass.files.ensureDirectory(folder)
    do throws(FileFault) {
      try pass.requireRoom(for: part.size, at: folder)
      try pass.files.copy(original, to: folder.appending(part.name), mode: .stateFile)
    } catch {
      // Room is given back at once: the disk may be full.
      try? pass.files.removeTree(folder)
      if error.kind == .missing, try pass.files.info(original) == nil { return .lost }
      // The original's own fault concerns no other file, and a smaller one may find room.
      guard error.isAbout(original) || error.kind == .full, error.kind != .exhausted else { throw error }
      try pass.postpone(.file(original), error)
      return .lost
    }
    // Who has it open is asked before the last look.
    guard try pass.files.writersIfThere(of: original) != .some, try isUnchanged(part, in: pass),
      try pass.files.info(folder.appending(part.name))?.size == part.size
    else {
      intake.disturb(part.name, in: FilePath(part.landing), in: &pass)
      return .lost
    }
    return .copied
  }

  /// Whether landing holds what `drop.json` says.
  private func isUnchanged(_ part: DropPart, in pass: FeedPass) throws(FileFault) -> Bool {
    guard let info = try pass.files.info(pass.original(of: part)), info.kind == .file else { return false }
    return Settling.Observation(info) == Settling.Observation(part)
  }

  /// Copies that are whole become durable, then parts, all at once.
  private func settleCopies(_ plans: [DropPlan], in pass: FeedPass) throws(FileFault) {
    var made: [FilePath] = []
    for plan in plans {
      let folder = pass.spool.path(.gathering, plan.id).appending(DropPlan.copying)
      made += try pass.files.list(folder).map { folder.appending($0) } + [folder]
    }
    try pass.sync(made)
    for plan in plans {
      let drop = pass.spool.path(.gathering, plan.id)
      let (folder, parts) = (drop.appending(DropPlan.copying), drop.appending(DropPlan.partsName))
      try pass.files.remove(parts)
      try pass.files.move(folder, to: parts)
    }
    try pass.sync(plans.map { pass.spool.path(.gathering, $0.id) })
  }

  /// Nothing of a drop is ours yet: landing still has it. A set of which a part is ours waits for the others.
  private func giveUp(_ plan: DropPlan, in pass: inout FeedPass) throws(FileFault) -> ItemOutcome<DropPlan> {
    guard try pass.files.list(pass.partsPath(.gathering, plan.id)).isEmpty else {
      return pass.wait(for: plan, "a part of it changed while it was taken")
    }
    try pass.spool.remove(plan.id, from: .gathering)
    return .gone
  }
}
