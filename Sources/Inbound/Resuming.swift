import Core
import Files
import Journal
import Lanes
import Spool
import SystemPackage

// What a stop left in `gathering`, and what its sender still writes there.
extension FeedPass {
  /// What lies in `gathering` at the start of a pass: left by a stop, or still written by its sender.
  mutating func resumeGathering() throws {
    for slice in try workable(in: .gathering).slices(of: Self.slice) {
      if stop() { return }
      var complete: [DropPlan] = []
      for id in slice {
        switch try each(.drop(id), { pass in try pass.resume(id) }) {
        case .done(let plan): complete.append(plan)
        case .waits where feed.waits.waits[.drop(id)] != nil: feed.stuck.insert(id)
        case .waits, .setAside, .gone: break
        }
      }
      try claim(complete)
    }
  }

  /// Done: it is whole.
  private mutating func resume(_ id: DropID) throws -> ItemOutcome<DropPlan> {
    try files.removeTree(spool.path(.gathering, id).appending(Self.copying))
    let parts = partsPath(.gathering, id)
    let names = try files.info(parts) == nil ? [] : try files.list(parts)
    if names.isEmpty {
      // Landing still has it all; the scan finds it.
      try spool.remove(id, from: .gathering)
      return .gone
    }
    let found = try SettingAside().planOrAside(.gathering, id, in: &self)
    guard let plan = found.value else { return found }
    let missing = plan.parts.filter { !names.contains($0.name) }
    if !missing.isEmpty { return .done(try reduced(plan, missing)) }
    if try isWritten(plan) {
      return wait(for: plan, "somebody writes it still")
    }
    return .done(try remeasured(plan))
  }

  /// Parts come in all at once, so this is nobody's doing but a person's: the drop is refused, with what is left of it.
  private func reduced(_ plan: DropPlan, _ missing: [DropPart]) throws(FileFault) -> DropPlan {
    var new = plan
    new.parts.removeAll { part in missing.contains { $0.name == part.name } }
    new.incomplete = missing.map { Reason(.incomplete, "It was lost while it was taken", part: $0.name) }
    try files.writePlan(new, to: planPath(.gathering, plan.id))
    try sync([planPath(.gathering, plan.id), spool.path(.gathering, plan.id)])
    return new
  }

  private func isWritten(_ plan: DropPlan) throws(FileFault) -> Bool {
    for part in plan.parts
    where try files.writers(of: partsPath(.gathering, plan.id).appending(part.name)) == .some { return true }
    return false
  }

  /// What was still written after its rename may have grown. Its bytes and its new size become durable before it is claimed.
  private func remeasured(_ plan: DropPlan) throws(FileFault) -> DropPlan {
    var new = plan
    for (number, part) in plan.parts.enumerated() {
      let path = partsPath(.gathering, plan.id).appending(part.name)
      guard let info = try files.info(path), info.size != part.size else { continue }
      try sync([path])
      new.parts[number] = DropPart(
        name: part.name, landing: part.landing, size: info.size, inode: part.inode, changed: part.changed,
        role: part.role)
      new.parts[number].device = part.device
    }
    if new != plan {
      try files.writePlan(new, to: planPath(.gathering, plan.id))
      try sync([planPath(.gathering, plan.id), spool.path(.gathering, plan.id)])
    }
    return new
  }
}
