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
      var names = try HandoverNames(pass.settings)
      for index in judged.indices where judged[index].verdict == .accepted {
        if pass.stop() {
          pass.summary.wasStopped = true
          break
        }
        switch try stage(judged[index].plan, &names, isMount: isMount, in: &pass) {
        case .done(let plan): (judged[index].plan, judged[index].isStaged) = (plan, true)
        case .setAside(let reason): refuse(&judged[index], reason, in: &pass)
        case .waits, .gone: break
        }
      }
      return nil
    } catch let fault as FileFault {
      return fault
    } catch let lane as LaneFault {
      return lane.fault
    }
  }

  private func stage(
    _ plan: DropPlan, _ names: inout HandoverNames, isMount: Bool, in pass: inout FeedPass
  ) throws -> ItemOutcome<DropPlan> {
    let chosen = try names.choose(for: plan) { (name) throws(FileFault) in
      try pass.files.info(pass.handover.appending(name)) != nil
    }
    guard var named = chosen.value else { return chosen }
    named.staged = DropPlan.Staged(folder: pass.handover.string, isMount: isMount, at: pass.now.wall)
    let outcome = try stageOrPostpone(named, in: &pass)
    if case .waits = outcome { names.giveBack(named) }
    return outcome
  }

  /// It waits where it is too large for what is free, perhaps, and a smaller one is not; or where it cannot be read. What else fails
  /// there fails for all.
  private func stageOrPostpone(_ plan: DropPlan, in pass: inout FeedPass) throws -> ItemOutcome<DropPlan> {
    do throws(FileFault) {
      let outcome = try pass.holding(.stage, plan.id) { () throws(FileFault) in try copy(plan, in: pass) }
      pass.hasProgress = true
      if case .waits = outcome { pass.summary.wasStopped = true }
      return outcome
    } catch {
      guard error.kind == .full || error.isBelow(pass.spool.path(.claimed, plan.id)), error.kind != .exhausted else {
        throw error
      }
      try pass.postpone(.drop(plan.id), error)
      return pass.waiting(.drop(plan.id))
    }
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

  /// It waits only where the agent is asked to stop.
  private func copy(_ plan: DropPlan, in pass: FeedPass) throws(FileFault) -> ItemOutcome<DropPlan> {
    var plan = plan
    let owner: UInt32? = if let name = pass.settings.owner { try Accounts.user(name) } else { nil }
    let group: UInt32? = if let name = pass.settings.group { try Accounts.group(name) } else { nil }
    let folder = try pass.files.info(pass.handover)
    let columns = try pass.columns()
    for (number, part) in plan.parts.enumerated() where part.isData {
      let staged = pass.stagedPath(plan, number)
      do throws(FileFault) {
        try pass.files.removeIfThere(staged)
        if let obstacle = try put(number, of: plan, columns, to: staged, in: pass) {
          unstage(plan, in: pass)
          return obstacle
        }
        if owner != nil || group != nil {
          try pass.files.set(mode: .init(rawValue: pass.settings.mode), owner: owner, group: group, of: staged)
        }
        guard let info = try pass.files.info(staged),
          part.isAltered(by: pass.settings) || info.size == part.clear?.size ?? part.size
        else {
          // Its sender writes it still: the last look meets it, and it is checked again.
          if try pass.files.info(pass.partsPath(.claimed, plan.id).appending(part.name))?.size != part.size {
            unstage(plan, in: pass)
            return .gone
          }
          throw FileFault(.io, "Cannot stage", at: staged, why: "the copy is not as long as drop \(plan.id)")
        }
        if group == nil, let wanted = folder?.group, info.group != wanted {
          try give(staged, to: wanted, owner: owner, in: pass)
        }
        plan.parts[number].stagedInode = info.inode
      } catch {
        // The disk may be full: what is half done gives its room back.
        unstage(plan, in: pass)
        throw error
      }
    }
    if plan.rejected > 0 { try SplitStaging(pass).seal(plan) }
    return .done(plan)
  }

  /// One part, as it is handed over. Nil: it lies there; else what keeps its drop from going on.
  private func put(
    _ number: Int, of plan: DropPlan, _ columns: [PathColumn]?, to staged: FilePath, in pass: FeedPass
  ) throws(FileFault) -> ItemOutcome<DropPlan>? {
    let part = plan.parts[number]
    let path = pass.partsPath(.claimed, plan.id).appending(part.name)
    let stops = ItemOutcome<DropPlan>.waits(until: pass.now.uptime, why: "the agent stops")
    if part.isAltered(by: pass.settings), part.isSplit || pass.settings.rewrite != nil {
      let rewritten =
        part.isSplit
        ? try SplitStaging(pass).stage(plan, number, columns, at: path, to: staged)
        : try PartRewriter(pass.reader, columns).rewrite(part, at: path, to: staged)
      switch rewritten {
      case .done: return nil
      case .refused(let reasons): return .setAside(reasons[0])
      case .stopped: return stops
      }
    }
    if part.goesPlain == true { return try pass.reader.stagePlain(part, at: path, to: staged) ? nil : stops }
    if part.clear != nil { return try pass.reader.stageClear(part, at: path, to: staged) ? nil : stops }
    try requireHandOverRoom(for: part.size, in: pass)
    try pass.files.copy(path, to: staged, mode: .init(rawValue: pass.settings.mode))
    return nil
  }

  /// To the group of the hand-over folder, which is the consumer's. Where the agent is not in it, it stays as it is: `check` tells
  /// whether the consumer can read it then.
  private func give(_ staged: FilePath, to group: UInt32, owner: UInt32?, in pass: FeedPass) throws(FileFault) {
    do {
      try pass.files.set(mode: .init(rawValue: pass.settings.mode), owner: owner, group: group, of: staged)
    } catch {
      guard error.kind == .denied else { throw error }
    }
  }

  func unstage(_ plan: DropPlan, in pass: FeedPass) {
    for number in plan.dataIndices { try? pass.files.remove(pass.stagedPath(plan, number)) }
  }

  /// The hand-over folder's own volume may be filled; that of the state folder not.
  private func requireHandOverRoom(for bytes: UInt64, in pass: FeedPass) throws(FileFault) {
    guard pass.host.minFree > 0, try pass.files.info(pass.handover)?.device == pass.files.info(pass.spool.root)?.device
    else { return }
    try pass.requireRoom(for: bytes, at: pass.spool.root)
  }
}

extension DropPart {
  /// Bad rows of it are left out.
  fileprivate var isSplit: Bool { rejected ?? 0 > 0 }

  /// What is handed over are other bytes than those that came.
  fileprivate func isAltered(by settings: FeedSettings) -> Bool {
    isSplit || goesPlain == true || settings.rewrite != nil && dialect != nil
  }
}
