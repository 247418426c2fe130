import Core
import Files
import Journal
import Lanes
import Spool
import SystemPackage

// Out of landing, into `gathering`: the plan first, then the parts.
extension FeedPass {
  private enum Brought: Equatable {
    case renamed, copied
    /// Changed or gone, or not to be read: what was begun is given up.
    case lost
    /// It came by rename, and somebody writes it still. He keeps his descriptor, so its end comes to us too.
    case stillWritten
  }

  mutating func bringAndClaim(_ begun: [(plan: DropPlan, mayRename: Bool)]) throws {
    var whole: [DropPlan] = []
    var copied: [DropPlan] = []
    var barriers: Set<FilePath> = []
    for (plan, mayRename) in begun {
      if stop() { break }
      var ways: [Brought] = []
      for part in plan.parts where try files.info(partsPath(.gathering, plan.id).appending(part.name)) == nil {
        let way = try holding(.take, plan.id) { try bring(part, of: plan.id, mayRename: mayRename) }
        ways.append(way)
        if ways.last == .lost { break }
      }
      if ways.contains(.renamed) || ways.contains(.stillWritten) {
        barriers.formUnion([partsPath(.gathering, plan.id)] + plan.parts.map { FilePath($0.landing) })
      }
      if ways.contains(.lost) {
        try giveUp(plan)
      } else if ways.contains(.stillWritten) {
        // It stays where it is; `resumeGathering` claims it when it is finished.
        forget(plan)
        wait(for: plan, "somebody writes it still")
      } else {
        if ways.contains(.copied) { copied.append(plan) }
        whole.append(plan)
      }
    }
    try settleCopies(copied)
    try sync(barriers.sorted { $0.string < $1.string })
    try claim(whole)
  }

  private mutating func bring(_ part: DropPart, of id: DropID, mayRename: Bool) throws -> Brought {
    let original = original(of: part)
    if mayRename, feed.canRename, try isUnchanged(part) {
      let target = partsPath(.gathering, id).appending(part.name)
      do throws(FileFault) {
        try files.move(original, to: target)
      } catch {
        switch error.kind {
        case .missing: return .lost
        case .crossDevice:
          feed.canRename = false
          return try copy(part, of: id)
        case .exhausted: throw error
        default:
          // It may not be moved; or nothing may.
          if error.kind == .denied, !files.mayWrite(in: original.parent) {
            if original.parent == landing { throw LaneFault(fault: error) }
            throw error
          }
          try postpone(.file(original), error)
          return .lost
        }
      }
      if try putBack(target, part, to: original) { return .lost }
      return try isStillWritten(target, part) ? .stillWritten : .renamed
    }
    return try copy(part, of: id)
  }

  /// What took the name just before the rename is not what was admitted: it goes back, and has to come to rest there like any other.
  /// - Returns: false where it is what was admitted, or its name is taken again.
  private mutating func putBack(_ target: FilePath, _ part: DropPart, to original: FilePath) throws(FileFault) -> Bool {
    guard let info = try files.info(target), !info.isSame(as: part) else { return false }
    do throws(FileFault) {
      try files.move(target, to: original)
    } catch {
      if error.kind == .exists { return false }
      throw error
    }
    disturb(part.name, in: FilePath(part.landing))
    return true
  }

  /// After the rename: nobody may have opened it.
  private func isStillWritten(_ path: FilePath, _ part: DropPart) throws(FileFault) -> Bool {
    // Asked before the look: what was written until it was let go is seen then.
    if try files.writers(of: path) == .some { return true }
    guard let info = try files.info(path) else { return true }
    return !info.isSame(as: part) || info.size != part.size
  }

  private mutating func copy(_ part: DropPart, of id: DropID) throws -> Brought {
    let original = original(of: part)
    let folder = spool.path(.gathering, id).appending(Self.copying)
    try files.ensureDirectory(folder)
    do throws(FileFault) {
      try requireRoom(for: part.size, at: folder)
      try files.copy(original, to: folder.appending(part.name), mode: .stateFile)
    } catch {
      // Room is given back at once: the disk may be full.
      try? files.removeTree(folder)
      if error.kind == .missing, try files.info(original) == nil { return .lost }
      // The original's own fault concerns no other file, and a smaller one may find room.
      guard error.isAbout(original) || error.kind == .full, error.kind != .exhausted else { throw error }
      try postpone(.file(original), error)
      return .lost
    }
    // Who has it open is asked before the last look.
    guard try writers(of: original) != .some, try isUnchanged(part),
      try files.info(folder.appending(part.name))?.size == part.size
    else {
      disturb(part.name, in: FilePath(part.landing))
      return .lost
    }
    return .copied
  }

  /// Whether landing holds what `drop.json` says.
  private func isUnchanged(_ part: DropPart) throws(FileFault) -> Bool {
    guard let info = try files.info(original(of: part)), info.kind == .file else { return false }
    return Settling.Observation(info) == Settling.Observation(part)
  }

  /// Copies that are whole become durable, then parts, all at once.
  private func settleCopies(_ plans: [DropPlan]) throws(FileFault) {
    var made: [FilePath] = []
    for plan in plans {
      let folder = spool.path(.gathering, plan.id).appending(Self.copying)
      made += try files.list(folder).map { folder.appending($0) } + [folder]
    }
    try sync(made)
    for plan in plans {
      let drop = spool.path(.gathering, plan.id)
      let (folder, parts) = (drop.appending(Self.copying), drop.appending(DropPlan.partsName))
      try files.remove(parts)
      try files.move(folder, to: parts)
    }
    try sync(plans.map { spool.path(.gathering, $0.id) })
  }

  /// Nothing of a drop is ours yet: landing still has it. A set of which a part is ours waits for the others.
  private mutating func giveUp(_ plan: DropPlan) throws(FileFault) {
    guard try files.list(partsPath(.gathering, plan.id)).isEmpty else {
      wait(for: plan, "a part of it changed while it was taken")
      return
    }
    try spool.remove(plan.id, from: .gathering)
  }

  @discardableResult
  mutating func wait(for plan: DropPlan, _ why: String) -> ItemOutcome<DropPlan> {
    summary.waiting += 1
    let until = now.uptime + max(settings.settle, .seconds(1))
    summary.look(at: until)
    return .waits(until: until, why: why)
  }
}
