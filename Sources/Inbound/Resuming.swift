import Core
import Files
import Journal
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
        guard let resumed = try each(.drop(id), { pass in try pass.resume(id) }) else {
          feed.stuck.insert(id)
          continue
        }
        if let plan = resumed { complete.append(plan) }
      }
      try claim(complete)
    }
  }

  /// - Returns: the plan of what is whole; nil: it is given up, or is still written.
  private mutating func resume(_ id: DropID) throws -> DropPlan? {
    try files.removeTree(spool.path(.gathering, id).appending(Self.copying))
    let parts = partsPath(.gathering, id)
    let names = try files.info(parts) == nil ? [] : try files.list(parts)
    if names.isEmpty {
      // Landing still has it all; the scan finds it.
      try spool.remove(id, from: .gathering)
      return nil
    }
    guard let plan = try planOrAside(.gathering, id) else { return nil }
    let missing = plan.parts.filter { !names.contains($0.name) }
    if !missing.isEmpty { return try reduced(plan, missing) }
    if try isWritten(plan) {
      wait(for: plan)
      return nil
    }
    return try remeasured(plan)
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
