import Config
import Core
import Files
import Formats
import Journal
import Lanes
import Ledger
import Spool
import SystemPackage

/// What was accepted gets its names, and lies beside them under hidden ones.
///
/// - Always a copy: archive and consumer must not share an inode.
/// - Nothing in the hand-over folder is ever replaced, unless the feed says `collision: replace`.
struct Staging {
  /// Chooses the names of what was accepted, and puts it beside them. Not durable yet.
  /// - Returns: what stopped it: what is not staged by then stays in `claimed`.
  func run(_ judged: inout [Judged], in pass: inout FeedPass) throws -> FileFault? {
    guard judged.contains(where: { $0.verdict == .accepted }) else { return nil }
    do {
      let isMount = try requireHandover(in: &pass)
      let template = try template(in: pass)
      var taken: Set<FileName> = []
      for index in judged.indices where judged[index].verdict == .accepted {
        if pass.stop() {
          pass.summary.wasStopped = true
          break
        }
        guard case .chosen(var named) = try choose(&judged[index], template, &taken, in: &pass) else { continue }
        named.staged = DropPlan.Staged(folder: pass.handover.string, isMount: isMount, at: pass.now.wall)
        switch try stageOrPostpone(named, in: &pass) {
        case .staged(let plan): (judged[index].plan, judged[index].isStaged) = (plan, true)
        case .refused(let reason): refuse(&judged[index], reason, in: &pass)
        case .stopped: pass.summary.wasStopped = true
        case nil: taken.subtract(named.parts.compactMap(\.finalName))
        }
      }
      return nil
    } catch let fault as FileFault {
      return fault
    } catch let lane as LaneFault {
      return lane.fault
    }
  }

  /// Nil: it is too large for what is free, perhaps, and a smaller one is not; or it cannot be read. What else fails there fails for all.
  private func stageOrPostpone(_ plan: DropPlan, in pass: inout FeedPass) throws -> Staged? {
    do throws(FileFault) {
      let staging = try pass.holding(.stage, plan.id) { () throws(FileFault) in try stage(plan, in: pass) }
      pass.hasProgress = true
      return staging
    } catch {
      guard error.kind == .full || error.isBelow(pass.spool.path(.claimed, plan.id)), error.kind != .exhausted else {
        throw error
      }
      try pass.postpone(.drop(plan.id), error)
      return nil
    }
  }

  private func choose(
    _ one: inout Judged, _ template: NameTemplate, _ taken: inout Set<FileName>, in pass: inout FeedPass
  ) throws(FileFault) -> Choice {
    let choice = try chooseNames(one.plan, template, &taken, in: pass)
    if case .refused(let reason) = choice { refuse(&one, reason, in: &pass) }
    return choice
  }

  private func refuse(_ one: inout Judged, _ reason: Reason, in pass: inout FeedPass) {
    one.verdict = .held([reason])
    pass.feed.inHand.release(one.plan)
  }

  /// A folder that is away (not mounted, say) must not look like one from which everything was taken.
  /// - Returns: whether it is a mount.
  private func requireHandover(in pass: inout FeedPass) throws(FileFault) -> Bool {
    guard try pass.files.info(pass.handover)?.kind == .directory else {
      throw FileFault(
        .missing, "Cannot hand over to", at: pass.handover, why: "there is no such directory",
        remedy: "Make it, or mount what it belongs to")
    }
    return try pass.feed.mounts.require(pass.handover, "Cannot hand over to", pass.files)
  }

  private func template(in pass: FeedPass) throws(FileFault) -> NameTemplate {
    do {
      return try NameTemplate(pass.settings.handoverName)
    } catch {
      throw FileFault(
        .io, "Cannot make names for feed", at: pass.settings.name.text, why: "\(error)",
        remedy: "Correct `handover_name`")
    }
  }

  // MARK: Names

  private enum Choice {
    case chosen(DropPlan)
    case refused(Reason)
  }

  private func chooseNames(
    _ plan: DropPlan, _ template: NameTemplate, _ taken: inout Set<FileName>, in pass: FeedPass
  ) throws(FileFault) -> Choice {
    var named = plan
    for (number, part) in plan.parts.enumerated() where part.isData {
      let wanted: FileName
      do {
        wanted = try template.render(
          name: PartRewriter(pass.reader).outgoingName(part), feed: plan.feed, drop: plan.id, at: plan.seenAt)
      } catch {
        return .refused(Reason(.badName, "The hand-over name would have \(error)", part: part.name))
      }
      var name = wanted
      switch pass.settings.collision {
      case .replace: break
      case .fail:
        if taken.contains(wanted) { return .refused(Self.nameTaken(part)) }
        if try isTaken(wanted, in: pass) { return .refused(Self.nameTaken(part)) }
      case .rename:
        var next = 2
        while true {
          if !taken.contains(name), try !isTaken(name, in: pass) { break }
          name = numbered(wanted, next)
          next += 1
        }
      }
      named.parts[number].finalName = name
    }
    // Not before the whole drop has its names.
    taken.formUnion(named.parts.compactMap(\.finalName))
    return .chosen(named)
  }

  private static func nameTaken(_ part: DropPart) -> Reason {
    Reason(.nameTaken, "The hand-over folder has a file of that name", part: part.name)
  }

  private func isTaken(_ name: FileName, in pass: FeedPass) throws(FileFault) -> Bool {
    try pass.files.info(pass.handover.appending(name)) != nil
  }

  // MARK: Staging

  private enum Staged {
    case staged(DropPlan)
    case refused(Reason)
    case stopped
  }

  private func stage(_ plan: DropPlan, in pass: FeedPass) throws(FileFault) -> Staged {
    var plan = plan
    let owner: UInt32? = if let name = pass.settings.owner { try Accounts.user(name) } else { nil }
    let group: UInt32? = if let name = pass.settings.group { try Accounts.group(name) } else { nil }
    for (number, part) in plan.parts.enumerated() where part.isData {
      let staged = pass.stagedPath(plan, number)
      do throws(FileFault) {
        try pass.files.removeIfThere(staged)
        let path = pass.partsPath(.claimed, plan.id).appending(part.name)
        let isRewritten = pass.settings.rewrite != nil && part.dialect != nil
        if isRewritten {
          switch try PartRewriter(pass.reader).rewrite(part, at: path, to: staged) {
          case .done: break
          case .refused(let reasons):
            unstage(plan, in: pass)
            return .refused(reasons[0])
          case .stopped:
            unstage(plan, in: pass)
            return .stopped
          }
        } else if part.clear != nil {
          guard try pass.reader.stageClear(part, at: path, to: staged) else {
            unstage(plan, in: pass)
            return .stopped
          }
        } else {
          try requireHandOverRoom(for: part.size, in: pass)
          try pass.files.copy(path, to: staged, mode: .init(rawValue: pass.settings.mode))
        }
        if owner != nil || group != nil {
          try pass.files.set(mode: .init(rawValue: pass.settings.mode), owner: owner, group: group, of: staged)
        }
        guard let info = try pass.files.info(staged), isRewritten || info.size == part.clear?.size ?? part.size else {
          throw FileFault(.io, "Cannot stage", at: staged, why: "the copy is not as long as drop \(plan.id)")
        }
        plan.parts[number].stagedInode = info.inode
      } catch {
        // The disk may be full: what is half done gives its room back.
        unstage(plan, in: pass)
        throw error
      }
    }
    return .staged(plan)
  }

  private func unstage(_ plan: DropPlan, in pass: FeedPass) {
    for number in plan.dataIndices { try? pass.files.remove(pass.stagedPath(plan, number)) }
  }

  /// The hand-over folder's own volume may be filled; that of the state folder not.
  private func requireHandOverRoom(for bytes: UInt64, in pass: FeedPass) throws(FileFault) {
    guard pass.host.minFree > 0, try pass.files.info(pass.handover)?.device == pass.files.info(pass.spool.root)?.device
    else { return }
    try pass.requireRoom(for: bytes, at: pass.spool.root)
  }
}
