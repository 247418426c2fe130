import Config
import Core
import Files
import Formats
import Journal
import Lanes
import Ledger
import Spool
import SystemPackage

extension DropPlan {
  /// Without what a pass wrote into it that was killed before its hand-over.
  var unstaged: DropPlan {
    var plan = self
    plan.staged = nil
    for number in plan.parts.indices { (plan.parts[number].finalName, plan.parts[number].stagedInode) = (nil, nil) }
    return plan
  }
}

// Steps 3 to 6: stage, freeze, move to `handover`, rename to the final names, record, archive.
//
// - A drop is moved to `handover` only when all its staged files and `drop.json` with their names are durable.
// - From then on a staged file that is gone was handed over: the vanished staging file is the receipt.
// - Nothing in the hand-over folder is ever replaced, unless the feed says `collision: replace`.
extension FeedPass {
  /// Chooses the names of what was accepted, and puts it beside them. Not durable yet.
  /// - Returns: what stopped it: what is not staged by then stays in `claimed`.
  mutating func stage(_ judged: inout [Judged]) throws -> FileFault? {
    guard judged.contains(where: { $0.verdict == .accepted }) else { return nil }
    do {
      let isMount = try requireHandover()
      let template = try template()
      var taken: Set<FileName> = []
      for index in judged.indices where judged[index].verdict == .accepted {
        if stop() {
          summary.wasStopped = true
          break
        }
        guard case .chosen(var named) = try choose(&judged[index], template, &taken) else { continue }
        named.staged = DropPlan.Staged(folder: handover.string, isMount: isMount, at: now.wall)
        switch try stageOrPostpone(named) {
        case .staged(let plan): (judged[index].plan, judged[index].isStaged) = (plan, true)
        case .refused(let reason): refuse(&judged[index], reason)
        case .stopped: summary.wasStopped = true
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
  private mutating func stageOrPostpone(_ plan: DropPlan) throws -> Staging? {
    do throws(FileFault) {
      let staging = try holding(.stage, plan.id) { () throws(FileFault) in try stage(plan) }
      hasProgress = true
      return staging
    } catch {
      guard error.kind == .full || error.isBelow(spool.path(.claimed, plan.id)), error.kind != .exhausted else {
        throw error
      }
      try postpone(.drop(plan.id), error)
      return nil
    }
  }

  private mutating func choose(
    _ one: inout Judged, _ template: NameTemplate, _ taken: inout Set<FileName>
  ) throws(FileFault) -> Choice {
    let choice = try chooseNames(one.plan, template, &taken)
    if case .refused(let reason) = choice { refuse(&one, reason) }
    return choice
  }

  private mutating func refuse(_ one: inout Judged, _ reason: Reason) {
    one.verdict = .held([reason])
    feed.inHand.release(one.plan)
  }

  /// What is staged, durably, with its names in `drop.json`.
  mutating func handOver(_ plans: [DropPlan]) throws {
    guard !plans.isEmpty else { return }
    try spool.move(plans.map(\.id), from: .claimed, to: .handover)
    try publish(plans)
  }

  /// What an earlier pass or process left between its hand-over and the archive.
  mutating func finishHandingOver() throws {
    feed.inHand = ContentsInHand()
    for slice in try workable(in: .handover).slices(of: Self.slice) {
      var plans: [DropPlan] = []
      for id in slice {
        let plan = try each(.drop(id)) { pass in
          let found = try SettingAside().planOrAside(.handover, id, in: &pass)
          if let plan = found.value {
            do throws(FileFault) { try pass.requireStaging(of: plan) } catch { throw LaneFault(fault: error) }
          }
          return found
        }
        if let plan = plan.value { plans.append(plan) }
      }
      try publish(plans)
    }
  }

  /// A folder that is away (not mounted, say) must not look like one from which everything was taken.
  /// - Returns: whether it is a mount.
  private mutating func requireHandover() throws(FileFault) -> Bool {
    guard try files.info(handover)?.kind == .directory else {
      throw FileFault(
        .missing, "Cannot hand over to", at: handover, why: "there is no such directory",
        remedy: "Make it, or mount what it belongs to")
    }
    return try requireMounted(handover, "Cannot hand over to")
  }

  private func template() throws(FileFault) -> NameTemplate {
    do {
      return try NameTemplate(settings.handoverName)
    } catch {
      throw FileFault(
        .io, "Cannot make names for feed", at: settings.name.text, why: "\(error)", remedy: "Correct `handover_name`")
    }
  }

  // MARK: Names

  private enum Choice {
    case chosen(DropPlan)
    case refused(Reason)
  }

  private func chooseNames(
    _ plan: DropPlan, _ template: NameTemplate, _ taken: inout Set<FileName>
  ) throws(FileFault) -> Choice {
    var named = plan
    for (number, part) in plan.parts.enumerated() where part.isData {
      let wanted: FileName
      do {
        wanted = try template.render(
          name: PartRewriter(reader).outgoingName(part), feed: plan.feed, drop: plan.id, at: plan.seenAt)
      } catch {
        return .refused(Reason(.badName, "The hand-over name would have \(error)", part: part.name))
      }
      var name = wanted
      switch settings.collision {
      case .replace: break
      case .fail:
        if taken.contains(wanted) { return .refused(Self.nameTaken(part)) }
        if try isTaken(wanted) { return .refused(Self.nameTaken(part)) }
      case .rename:
        var next = 2
        while true {
          if !taken.contains(name), try !isTaken(name) { break }
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

  private func isTaken(_ name: FileName) throws(FileFault) -> Bool { try files.info(handover.appending(name)) != nil }

  // MARK: Staging

  private enum Staging {
    case staged(DropPlan)
    case refused(Reason)
    case stopped
  }

  /// Always a copy: archive and consumer must not share an inode.
  private func stage(_ plan: DropPlan) throws(FileFault) -> Staging {
    var plan = plan
    let owner: UInt32? = if let name = settings.owner { try Accounts.user(name) } else { nil }
    let group: UInt32? = if let name = settings.group { try Accounts.group(name) } else { nil }
    for (number, part) in plan.parts.enumerated() where part.isData {
      let staged = stagedPath(plan, number)
      do throws(FileFault) {
        try removeIfThere(staged)
        let path = partsPath(.claimed, plan.id).appending(part.name)
        let isRewritten = settings.rewrite != nil && part.dialect != nil
        if isRewritten {
          switch try PartRewriter(reader).rewrite(part, at: path, to: staged) {
          case .done: break
          case .refused(let reasons):
            unstage(plan)
            return .refused(reasons[0])
          case .stopped:
            unstage(plan)
            return .stopped
          }
        } else if part.clear != nil {
          guard try reader.stageClear(part, at: path, to: staged) else {
            unstage(plan)
            return .stopped
          }
        } else {
          try requireHandOverRoom(for: part.size)
          try files.copy(path, to: staged, mode: .init(rawValue: settings.mode))
        }
        if owner != nil || group != nil {
          try files.set(mode: .init(rawValue: settings.mode), owner: owner, group: group, of: staged)
        }
        guard let info = try files.info(staged), isRewritten || info.size == part.clear?.size ?? part.size else {
          throw FileFault(.io, "Cannot stage", at: staged, why: "the copy is not as long as drop \(plan.id)")
        }
        plan.parts[number].stagedInode = info.inode
      } catch {
        // The disk may be full: what is half done gives its room back.
        unstage(plan)
        throw error
      }
    }
    return .staged(plan)
  }

  private func unstage(_ plan: DropPlan) {
    for number in plan.dataIndices { try? files.remove(stagedPath(plan, number)) }
  }

  // MARK: Publishing

  /// How one part came to its end.
  private enum Delivery: Equatable {
    case done
    /// The staged file is gone and its final name too: taken by the consumer, as far as anybody can tell.
    case inferred
    case nameTaken
  }

  /// Step 5 and 6 for drops in `handover`.
  private mutating func publish(_ plans: [DropPlan]) throws {
    var done: [(plan: DropPlan, isInferred: Bool)] = []
    for plan in plans {
      var plan = plan
      var ways: [Delivery] = []
      let outcome = try each(.drop(plan.id)) { pass in
        .done(
          try pass.holding(.handOver, plan.id) {
            for number in plan.dataIndices { ways.append(try pass.publish(number, of: &plan)) }
          })
      }
      guard outcome.isDone else { continue }
      if ways.contains(.nameTaken) {
        waitForName(plan)
      } else {
        done.append((plan, ways.contains(.inferred)))
      }
    }
    guard !done.isEmpty else { return }
    let folders = Set(done.map { handover(of: $0.plan) }).sorted { $0.string < $1.string }
    var written: [(bytes: [UInt8], path: FilePath)] = []
    for index in done.indices where done[index].plan.handedOverAt == nil {
      done[index].plan.handedOverAt = now.wall
      // What was staged in this pass says so already.
      if done[index].plan.staged?.at == now.wall { continue }
      written.append((encodePlan(done[index].plan), planPath(.handover, done[index].plan.id)))
    }
    // The final names are durable before any plan says so.
    try files.write(written, with: folders)
    if !written.isEmpty { try sync(done.map { spool.path(.handover, $0.plan.id) }) }
    try recordHandedOver(done)
    try spool.move(done.map(\.plan.id), from: .handover, to: .archive)
  }

  private func publish(_ number: Int, of plan: inout DropPlan) throws(FileFault) -> Delivery {
    let part = plan.parts[number]
    let handover = handover(of: plan)
    let staged = stagedPath(plan, number)
    var name = part.finalName ?? part.name
    guard let info = try files.info(staged) else {
      if plan.handedOverAt != nil { return .done }
      let inode = try files.info(handover.appending(name))?.inode
      return inode != nil && inode == part.stagedInode ? .done : .inferred
    }
    if settings.collision == .replace {
      try files.replace(handover.appending(name), with: staged)
      return .done
    }
    var next = 2
    while true {
      do {
        try files.move(staged, to: handover.appending(name))
        return .done
      } catch {
        guard error.kind == .exists else { throw error }
      }
      // Where a rename is a link and an unlink, a stop can leave both names.
      if try files.info(handover.appending(name))?.inode == info.inode {
        try files.remove(staged)
        return .done
      }
      if settings.collision == .fail { return .nameTaken }
      // Somebody took the name after it was chosen. The new one is fixed before it is used.
      repeat {
        name = numbered(part.finalName ?? part.name, next)
        next += 1
      } while try files.info(handover.appending(name)) != nil
      plan.parts[number].finalName = name
      try files.writePlan(plan, to: planPath(.handover, plan.id))
      try sync([planPath(.handover, plan.id), spool.path(.handover, plan.id)])
    }
  }

  /// With `collision: fail`, where the name was taken after the drop was staged: it is tried again, for it cannot go back.
  private mutating func waitForName(_ plan: DropPlan) {
    feed.inHand.take(plan)
    summary.look(at: now.uptime + .seconds(10))
    let why = "the hand-over folder has a file of that name"
    guard feed.reported.updateValue(why, forKey: plan.id) == nil else { return }
    report(.dropWaiting, "\(plan.shown) of feed \(settings.name) waits: \(why)", plan, [.reason: "name_taken"])
  }

  private mutating func recordHandedOver(_ done: [(plan: DropPlan, isInferred: Bool)]) throws {
    let now = now.wall
    let news = try host.ledger.transact("handed over") { (t) throws(LedgerFault) in
      var news: Set<DropID> = []
      for (plan, isInferred) in done where try t.drop(plan.id)?.handedOverAt == nil {
        news.insert(plan.id)
        try t.noteHandedOver(plan.id, at: plan.handedOverAt ?? now)
        try t.noteHistory(plan.id, EventKind.dropHandedOver.rawValue, FeedPass.sentence(plan, isInferred), at: now)
      }
      return news
    }
    for (plan, isInferred) in done {
      feed.inHand.release(plan)
      feed.reported[plan.id] = nil
      guard news.contains(plan.id) else { continue }
      summary.handedOver += 1
      var fields: [Event.Field: String] = [:]
      if let name = plan.parts.first?.finalName {
        fields[.path] = handover(of: plan).appending(FileName(name.masked)).shown
      }
      fields[.durationMS] = String(max(0, ((plan.handedOverAt ?? now) - plan.seenAt).milliseconds))
      report(
        .dropHandedOver, "\(plan.shown) of feed \(settings.name): \(Self.sentence(plan, isInferred))", plan, fields)
    }
  }

  private static func sentence(_ plan: DropPlan, _ isInferred: Bool) -> String {
    let names = plan.parts.compactMap { $0.finalName?.masked }.joined(separator: ", ")
    let what = "handed over as \(names)"
    return isInferred ? what + ", as it seems: its staged file is gone, and so is the name; the archive has it" : what
  }
}
