import Core
import Files
import Lanes
import Spool
import SystemPackage

/// What came by rename is its sender's file still: he may have it open, or open it again. It is looked at before it is checked, and once
/// more right before its drop goes on: what was checked is what is handed over, or it is checked again.
struct LastLook {
  /// How each drop's files were when it was checked last, or when it was seen that somebody writes them.
  private var checked: [DropID: [Settling.Observation]] = [:]
  private var written: [DropID: (seen: [Settling.Observation], since: Duration)] = [:]

  /// The others have come to their end.
  mutating func keep(_ claimed: [DropID]) {
    if checked.isEmpty, written.isEmpty { return }
    let claimed = Set(claimed)
    (checked, written) = (checked.filter { claimed.contains($0.key) }, written.filter { claimed.contains($0.key) })
  }

  /// Parts that came by rename, as they are now; in the order of the plan.
  private func senders(_ plan: DropPlan, in pass: FeedPass) throws(FileFault) -> [(number: Int, info: FileInfo)] {
    var found: [(number: Int, info: FileInfo)] = []
    for (number, part) in plan.parts.enumerated() where part.isData {
      let path = pass.partsPath(.claimed, plan.id).appending(part.name)
      if let info = try pass.files.info(path), info.isSame(as: part) { found.append((number, info)) }
    }
    return found
  }

  /// Done: nobody writes it; with the sizes that it has now.
  mutating func before(_ plan: DropPlan, in pass: inout FeedPass) throws -> ItemOutcome<DropPlan> {
    let found = try senders(plan, in: pass)
    guard !found.isEmpty else { return .done(plan) }
    let seen = found.map { Settling.Observation($0.info) }
    for (number, _) in found where try isWritten(plan.parts[number], of: plan.id, in: pass) {
      return wait(for: plan, seen, since: pass.now.uptime, in: &pass)
    }
    var plan = plan
    if found.contains(where: { $0.info.size != plan.parts[$0.number].size }) || written[plan.id] != nil {
      // It was not whole when it was taken: it has to come to rest like any other.
      let since = written[plan.id].flatMap { $0.seen == seen ? $0.since : nil } ?? pass.now.uptime
      guard pass.now.uptime - since >= pass.settings.settle.answered else {
        return wait(for: plan, seen, since: since, in: &pass)
      }
      for (number, info) in found { plan.parts[number].size = info.size }
      written[plan.id] = nil
    }
    return .done(plan)
  }

  /// What cannot be opened is the checks' to tell.
  private func isWritten(_ part: DropPart, of id: DropID, in pass: FeedPass) throws(FileFault) -> Bool {
    do {
      return try pass.files.writersIfThere(of: pass.partsPath(.claimed, id).appending(part.name)) == .some
    } catch {
      if error.kind == .exhausted { throw error }
      return false
    }
  }

  private mutating func wait(
    for plan: DropPlan, _ seen: [Settling.Observation], since: Duration, in pass: inout FeedPass
  ) -> ItemOutcome<DropPlan> {
    written[plan.id] = (seen, since)
    pass.summary.look(at: max(since + pass.settings.settle.answered, pass.now.uptime + Limits.writtenPause))
    return .waits(until: pass.now.uptime, why: "somebody writes it still")
  }

  /// Whether its files are what was checked in an earlier pass of this process. What was copied is.
  func isAsChecked(_ plan: DropPlan, in pass: FeedPass) throws(FileFault) -> Bool {
    let found = try senders(plan, in: pass)
    return found.isEmpty || checked[plan.id] == found.map { Settling.Observation($0.info) }
  }

  /// It is checked now.
  mutating func note(_ plan: DropPlan, in pass: FeedPass) throws(FileFault) {
    checked[plan.id] = try senders(plan, in: pass).map { Settling.Observation($0.info) }
  }

  /// After the check, and after it was copied to the hand-over folder.
  /// - Returns: its files, kept open; nil: somebody writes them, or has written since.
  func after(_ plan: DropPlan, in pass: FeedPass) throws(FileFault) -> [TakenFile]? {
    guard let seen = checked[plan.id], !seen.isEmpty else { return [] }
    var taken: [TakenFile] = []
    let found = try senders(plan, in: pass)
    for (number, _) in found {
      let part = plan.parts[number]
      let file: any KeptFile
      do throws(FileFault) {
        file = try pass.files.keepOpen(pass.partsPath(.claimed, plan.id).appending(part.name))
      } catch {
        if error.kind == .exhausted { throw error }
        // As far as can be seen from outside.
        return found.map { Settling.Observation($0.info) } == seen ? [] : nil
      }
      // Who has it open is asked before the look: what was written until it was let go is seen then.
      if try file.writers() == .some { return nil }
      taken.append(TakenFile(part, of: plan.id, pass.settings.name, file, try file.info(), at: pass.now.uptime))
    }
    return taken.map(\.seen) == seen ? taken : nil
  }
}
