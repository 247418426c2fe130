import Core
import Files
import Journal
import Lanes
import Spool
import SystemPackage

/// What a stop left in `gathering`, and what its sender still writes there.
struct Resuming {
  /// Done: it is whole, and can be claimed.
  func run(
    _ ids: some Sequence<DropID>, _ reserved: inout Reserving, in pass: inout FeedPass
  ) throws -> [ItemOutcome<DropPlan>] {
    try ids.map { id in
      let outcome = try pass.each(.drop(id)) { pass in try resume(id, in: &pass) }
      if case .waits = outcome, pass.feed.waits.waits[.drop(id)] != nil { reserved.hold(id) }
      return outcome
    }
  }

  /// Done: it is whole.
  private func resume(_ id: DropID, in pass: inout FeedPass) throws -> ItemOutcome<DropPlan> {
    try pass.files.removeTree(pass.spool.path(.gathering, id).appending(DropPlan.copying))
    let parts = pass.partsPath(.gathering, id)
    let names = try pass.files.info(parts) == nil ? [] : try pass.files.list(parts)
    if names.isEmpty {
      // Landing still has it all; the scan finds it.
      try pass.spool.remove(id, from: .gathering)
      return .gone
    }
    let found = try SettingAside().planOrAside(.gathering, id, in: &pass)
    guard let plan = found.value else { return found }
    let missing = plan.parts.filter { !names.contains($0.name) }
    if !missing.isEmpty { return .done(try reduced(plan, missing, in: pass)) }
    if try isWritten(plan, in: pass) {
      return pass.wait(for: plan, "somebody writes it still")
    }
    return .done(try remeasured(plan, in: pass))
  }

  /// Parts come in all at once, so this is nobody's doing but a person's: the drop is refused, with what is left of it.
  private func reduced(_ plan: DropPlan, _ missing: [DropPart], in pass: FeedPass) throws(FileFault) -> DropPlan {
    var new = plan
    new.parts.removeAll { part in missing.contains { $0.name == part.name } }
    new.incomplete = missing.map { Reason(.incomplete, "It was lost while it was taken", part: $0.name) }
    try pass.files.writePlan(new, to: pass.planPath(.gathering, plan.id))
    try pass.sync([pass.planPath(.gathering, plan.id), pass.spool.path(.gathering, plan.id)])
    return new
  }

  private func isWritten(_ plan: DropPlan, in pass: FeedPass) throws(FileFault) -> Bool {
    for part in plan.parts
    where try pass.files.writers(of: pass.partsPath(.gathering, plan.id).appending(part.name)) == .some { return true }
    return false
  }

  /// What was still written after its rename may have grown. Its bytes and its new size become durable before it is claimed.
  private func remeasured(_ plan: DropPlan, in pass: FeedPass) throws(FileFault) -> DropPlan {
    var new = plan
    for (number, part) in plan.parts.enumerated() {
      let path = pass.partsPath(.gathering, plan.id).appending(part.name)
      guard let info = try pass.files.info(path), info.size != part.size else { continue }
      try pass.sync([path])
      new.parts[number] = DropPart(
        name: part.name, landing: part.landing, size: info.size, inode: part.inode, changed: part.changed,
        role: part.role)
      new.parts[number].device = part.device
    }
    if new != plan {
      try pass.files.writePlan(new, to: pass.planPath(.gathering, plan.id))
      try pass.sync([pass.planPath(.gathering, plan.id), pass.spool.path(.gathering, plan.id)])
    }
    return new
  }
}
