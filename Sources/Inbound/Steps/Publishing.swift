import Core
import Files
import Journal
import Lanes
import Spool
import SystemPackage

/// A drop all of whose parts have their names in the hand-over folder.
struct Published {
  var plan: DropPlan
  /// Its files were taken already, as far as anybody can tell.
  let isInferred: Bool
}

/// To `handover`, then each part gets its final name by one rename.
///
/// - A drop is moved to `handover` only when all its staged files and `drop.json` with their names are durable.
/// - From then on a staged file that is gone was handed over: the vanished staging file is the receipt.
struct Publishing {
  /// What is staged, durably, with its names in `drop.json`.
  func run(_ plans: [DropPlan], in pass: inout FeedPass) throws -> [ItemOutcome<Published>] {
    guard !plans.isEmpty else { return [] }
    try pass.spool.move(plans.map(\.id), from: .claimed, to: .handover)
    return try publish(plans, in: &pass)
  }

  /// What an earlier pass or process left between its hand-over and the archive.
  func resume(_ ids: some Sequence<DropID>, in pass: inout FeedPass) throws -> [ItemOutcome<Published>] {
    var plans: [DropPlan] = []
    for id in ids {
      let found = try pass.each(.drop(id)) { pass in
        let found = try SettingAside().planOrAside(.handover, id, in: &pass)
        if let plan = found.value {
          do throws(FileFault) { try requireStaging(of: plan, in: pass) } catch { throw LaneFault(fault: error) }
        }
        return found
      }
      if let plan = found.value { plans.append(plan) }
    }
    return try publish(plans, in: &pass)
  }

  /// How one part came to its end.
  private enum Delivery: Equatable {
    case done
    /// The staged file is gone and its final name too: taken by the consumer, as far as anybody can tell.
    case inferred
    case nameTaken
  }

  /// What lies in `handover`, durably staged.
  private func publish(_ plans: [DropPlan], in pass: inout FeedPass) throws -> [ItemOutcome<Published>] {
    var done: [Published] = []
    var waiting: [ItemOutcome<Published>] = []
    for plan in plans {
      var plan = plan
      var ways: [Delivery] = []
      let outcome = try pass.each(.drop(plan.id)) { pass in
        .done(
          try pass.holding(.handOver, plan.id) {
            for number in plan.dataIndices { ways.append(try publish(number, of: &plan, in: &pass)) }
          })
      }
      guard outcome.isDone else {
        waiting.append(outcome.map { _ in Published(plan: plan, isInferred: false) })
        continue
      }
      if ways.contains(.nameTaken) {
        waiting.append(waitForName(plan, in: &pass))
      } else {
        done.append(Published(plan: plan, isInferred: ways.contains(.inferred)))
      }
    }
    guard !done.isEmpty else { return waiting }
    let folders = Set(done.map { pass.handover(of: $0.plan) }).sorted { $0.string < $1.string }
    var changed: [(plan: DropPlan, path: FilePath)] = []
    for index in done.indices where done[index].plan.handedOverAt == nil {
      done[index].plan.handedOverAt = pass.now.wall
      // What was staged in this pass says so already.
      if done[index].plan.staged?.at == pass.now.wall { continue }
      changed.append((done[index].plan, pass.planPath(.handover, done[index].plan.id)))
    }
    // The final names are durable before any plan says so.
    try pass.files.writePlans(changed, after: folders)
    if !changed.isEmpty { try pass.sync(done.map { pass.spool.path(.handover, $0.plan.id) }) }
    return waiting + done.map { .done($0) }
  }

  private func publish(_ number: Int, of plan: inout DropPlan, in pass: inout FeedPass) throws(FileFault) -> Delivery {
    let part = plan.parts[number]
    let handover = pass.handover(of: plan)
    let staged = pass.stagedPath(plan, number)
    var name = part.finalName ?? part.name
    guard let info = try pass.files.info(staged) else {
      if plan.handedOverAt != nil { return .done }
      let inode = try pass.files.info(handover.appending(name))?.inode
      return inode != nil && inode == part.stagedInode ? .done : .inferred
    }
    if pass.settings.collision == .replace {
      try pass.files.replace(handover.appending(name), with: staged)
      return .done
    }
    var next = 2
    while true {
      do {
        try pass.files.move(staged, to: handover.appending(name))
        return .done
      } catch {
        guard error.kind == .exists else { throw error }
      }
      // Where a rename is a link and an unlink, a stop can leave both names.
      if try pass.files.info(handover.appending(name))?.inode == info.inode {
        try pass.files.remove(staged)
        return .done
      }
      if pass.settings.collision == .fail { return .nameTaken }
      // Somebody took the name after it was chosen. The new one is fixed before it is used.
      repeat {
        name = numbered(part.finalName ?? part.name, next)
        next += 1
      } while try pass.files.info(handover.appending(name)) != nil
      plan.parts[number].finalName = name
      try pass.files.writePlan(plan, to: pass.planPath(.handover, plan.id))
      try pass.sync([pass.planPath(.handover, plan.id), pass.spool.path(.handover, plan.id)])
    }
  }

  /// With `collision: fail`, where the name was taken after the drop was staged: it is tried again, for it cannot go back.
  private func waitForName(_ plan: DropPlan, in pass: inout FeedPass) -> ItemOutcome<Published> {
    pass.feed.inHand.take(plan)
    let until = pass.now.uptime + Limits.namePause
    pass.summary.look(at: until)
    let why = "the hand-over folder has a file of that name"
    if pass.feed.reported.updateValue(why, forKey: plan.id) == nil {
      pass.report(
        .dropWaiting, "\(plan.shown) of feed \(pass.settings.name) waits: \(why)", plan, [.reason: "name_taken"])
    }
    return .waits(until: until, why: why)
  }

  /// A staged file that is gone is a receipt, if its folder is the one that it was staged in.
  private func requireStaging(of plan: DropPlan, in pass: FeedPass) throws(FileFault) {
    let folder = pass.handover(of: plan)
    guard try pass.files.info(folder)?.kind == .directory else {
      throw FileFault(
        .missing, "Cannot hand over to", at: folder, why: "there is no such directory",
        remedy: "Make it, or mount what it belongs to")
    }
    guard plan.staged?.isMount == true, try !MountGuard.isMount(folder, pass.files) else { return }
    throw FileFault(
      .missing, "Cannot hand over to", at: folder,
      why: "drop \(plan.id) was staged on a file system that is not mounted now", remedy: "Mount it again")
  }
}
