import Config
import Core
import Files
import Formats
import Journal
import Ledger
import Spool
import SystemPackage

// Step 2: what the checks say, and where a drop goes for it. The checks are pure, so after a stop they are made again.
extension FeedPass {
  /// A drop with its verdict.
  struct Judged {
    var plan: DropPlan
    var verdict: Verdict
    /// The ledger has it already.
    let isRecorded: Bool
    /// In an earlier pass, before a person asked for another.
    let wasChecked: Bool
    /// A person lets it pass, as far as this says.
    let override: Override?
    /// There is nothing in it, whatever becomes of it.
    var emptiness: Reason.Code?
    /// An audience of which nobody can leave, as far as the file tells.
    var lacksMembershipStatus = false
    /// It lies beside its final name, under a hidden one.
    var isStaged = false
  }

  /// All that is claimed, slice by slice: check it, take out duplicates, hand it over.
  mutating func work() throws {
    defer {
      for place in [DropPlace.claimed, .handover] { summary.waiting += (try? drops(in: place).count) ?? 0 }
    }
    let claimed = try workable(in: .claimed).filter { !feed.waits.isPostponed(.drop($0), at: now.uptime) }
    if let next = feed.waits.next { summary.look(at: max(next, now.uptime)) }
    // What was in hand when the agent died comes last, one at a time: whatever it does, the others are through by then.
    let isSuspect = { [host] (id: DropID) in host.suspects.wasInHand(.drop(id)) }
    let slices = claimed.filter { !isSuspect($0) }.slices(of: Self.slice) + claimed.filter(isSuspect).slices(of: 1)
    for slice in slices {
      if stop() {
        summary.wasStopped = true
        break
      }
      try work(on: Array(slice))
    }
  }

  private mutating func work(on ids: [DropID]) throws {
    let outcomes = try host.ledger.read { (t) throws(LedgerFault) in
      var outcomes: [DropID: DropOutcome] = [:]
      for id in ids { outcomes[id] = try t.drop(id)?.outcome }
      return outcomes
    }
    let plans = try clearOriginals(try readable(ids))
    try recordReleases(plans)
    guard let judgedNow = try host.turn.working({ try examine(plans, outcomes) }) else {
      // Asked to stop. What has been checked is checked again then.
      summary.wasStopped = true
      return
    }
    var judged = judgedNow
    try findDuplicates(&judged)
    try findDrift(&judged)
    // Staged before it is recorded, so that one barrier serves both. Where nothing can be staged, the verdicts are told all the same.
    let fault = try stage(&judged)
    try record(judged)
    try carryOut(judged)
    try handOver(judged.filter(\.isStaged).map(\.plan))
    if let fault { throw fault }
  }

  /// - Returns: nil: asked to stop.
  private mutating func examine(_ plans: [DropPlan], _ outcomes: [DropID: DropOutcome]) throws -> [Judged]? {
    var judged: [Judged] = []
    for plan in plans {
      let found = try each(.drop(plan.id)) { pass in .done(try pass.override(.claimed, plan.id)) }
      guard let override = found.value else { continue }
      // Checked in an earlier pass, and kept waiting since.
      if outcomes[plan.id] == .accepted, plan.checkedAt != nil, isReadable(plan) {
        judged.append(Judged(plan: plan, verdict: .accepted, isRecorded: true, wasChecked: true, override: override))
        continue
      }
      let outcome = try each(.drop(plan.id)) { pass in
        .done(try pass.holding(.check, plan.id) { () throws(FileFault) in try pass.check(plan, override) })
      }
      guard let checked = outcome.value else { continue }
      guard let one = checked else { return nil }
      judged.append(one)
    }
    return judged
  }

  /// A drop whose plan cannot be read waits for a person; the others go on.
  private mutating func readable(_ ids: [DropID]) throws -> [DropPlan] {
    var plans: [DropPlan] = []
    for id in ids {
      if let plan = try each(.drop(id), { pass in try SettingAside().planOrAside(.claimed, id, in: &pass) }).value {
        plans.append(plan)
      }
    }
    return plans
  }

  /// False where it was encrypted, and the feed has lost its key since.
  private func isReadable(_ plan: DropPlan) -> Bool {
    settings.decrypt != nil || plan.parts.allSatisfy { $0.clear == nil }
  }

  /// Nil: asked to stop.
  private func check(_ plan: DropPlan, _ override: Override?) throws(FileFault) -> Judged? {
    var plan = plan
    let wasChecked = plan.checkedAt != nil
    var findings: [PartFinding] = []
    for (number, part) in plan.parts.enumerated() where part.isData {
      let path = partsPath(.claimed, plan.id).appending(part.name)
      do {
        guard let (inspection, clear) = try inspect(path, isReleased: override != nil) else { return nil }
        plan.parts[number].clear = clear
        plan.parts[number].sha256 = inspection.sha256
        plan.parts[number].rows = inspection.rows
        plan.parts[number].shape = shape(of: inspection)
        plan.parts[number].dialect = inspection.dialect
        var finding = PartFinding(part: part, inspection: inspection)
        switch try PartRewriter(reader).rehearse(plan.parts[number], at: path) {
        case .done: break
        case .refused(let reasons): finding.inspection.reasons += reasons
        case .stopped: return nil
        }
        findings.append(finding)
      } catch {
        // A key that cannot be used says nothing of the part; a disk may read the next time.
        guard error.isAbout(path), error.kind != .exhausted,
          error.kind != .io || feed.waits.isPersistent(.drop(plan.id))
        else { throw error }
        // A part that is gone or cannot be read: a person must look, whatever the others are.
        let reason = Reason(.unreadable, error.description, part: part.name)
        return Judged(
          plan: plan, verdict: .held([reason]), isRecorded: false, wasChecked: wasChecked, override: override)
      }
    }
    plan.checkedAt = now.wall
    let verdict = judge(findings, incomplete: plan.incomplete ?? [], settings.require, override)
    return Judged(
      plan: plan, verdict: verdict, isRecorded: false, wasChecked: wasChecked, override: override,
      emptiness: emptiness(of: findings, incomplete: plan.incomplete ?? []),
      lacksMembershipStatus: findings.first.map { settings.format.header && Self.lacksMembershipStatus($0) } ?? false)
  }

  /// What is refused is not read to its end where it is large: its digest is not known then, and nobody needs it.
  /// - Parameter isReleased: a person may let it pass whatever is found, so it is read.
  /// - Returns: nil: asked to stop.
  private func inspect(
    _ path: FilePath, isReleased: Bool
  ) throws(FileFault) -> (Inspection, DropPart.Clear?)? {
    let file = try files.open(path)
    let (kind, size) = (try reader.head(of: file), try file.info().size)
    var rules = TableRules(settings)
    // Packed text that is so much larger than its file is no table but a trap.
    rules.maxBytes = min(rules.maxBytes, max(Limits.trustedTextBytes, size *| Limits.packRatio))
    var inspector = TableInspector(rules: rules)
    if isTooLarge(size, kind, settings), !isReleased {
      var inspection = inspector.finish()
      inspection.reasons = [
        Reason(.tooLarge, "It has \(counted(size, "byte")), more than \(settings.require.maxBytes)")
      ]
      (inspection.rawBytes, inspection.sha256) = (size, nil)
      return (inspection, nil)
    }
    if settings.decrypt != nil, kind == .pgp {
      return try inspectSealed(file, inspector, most: rules.maxBytes, isReleased: isReleased)
    }
    let answer = try reader.read(file) { (bytes) throws(FileFault) in
      inspector.feed(bytes)
      return isReleased || !inspector.isDecided || size <= Limits.readAnyway
    }
    if answer == .stopped { return nil }
    var inspection = inspector.finish()
    if answer == .enough { (inspection.rawBytes, inspection.sha256) = (size, nil) }
    return (inspection, nil)
  }

  /// What its end does not prove was never there: nothing else is said of it then.
  private func inspectSealed(
    _ file: any ReadableFile, _ inspector: consuming TableInspector, most: UInt64, isReleased: Bool
  ) throws(FileFault) -> (Inspection, DropPart.Clear?)? {
    var inspector = inspector
    var hasher = DigestHasher()
    var (rawSize, clearSize) = (0 as UInt64, 0 as UInt64)
    let size = try file.info().size
    let isWhole = isReleased || size <= Limits.readAnyway
    let answer = try reader.unseal(
      file, toEnd: isWhole,
      raw: { bytes in
        hasher.update(bytes)
        rawSize += UInt64(bytes.count)
      },
      { (bytes) throws(FileFault) in
        clearSize += UInt64(bytes.count)
        inspector.feed(bytes)
        // Its end tells whether it was altered; for that, so much is read.
        return clearSize <= most && (isReleased || !inspector.isDecided || clearSize <= Limits.readAnyway)
      })
    if answer == .stopped { return nil }
    var inspection = inspector.finish()
    var clear = inspection.sha256.map { DropPart.Clear(sha256: $0, size: inspection.rawBytes) }
    (inspection.sha256, inspection.rawBytes) = (hasher.finish(), rawSize)
    if answer != .whole, !isWhole { (inspection.sha256, inspection.rawBytes) = (nil, size) }
    switch answer {
    case .whole, .stopped: break
    // Its end is not proved, but no end could make it good.
    case .enough where clearSize <= most: break
    case .enough: inspection.reasons = [Reason(.tooLarge, "What it was decrypted to is larger than allowed")]
    case .refused(let reason): inspection.reasons = [reason]
    }
    if answer != .whole { (clear, inspection.rows, inspection.header, inspection.doubtful) = (nil, 0, nil, []) }
    return (inspection, clear)
  }

  /// The same content as one that was handed over, or that is on its way there.
  private mutating func findDuplicates(_ judged: inout [Judged]) throws(LedgerFault) {
    guard settings.duplicates != .deliver else { return }
    for index in judged.indices where judged[index].verdict == .accepted && judged[index].override == nil {
      let plan = judged[index].plan
      guard let content = contentDigest(plan) else { continue }
      let earlier = try host.ledger.read { (t) throws(LedgerFault) in
        try t.accepted(settings.name, content: content, except: plan.id)
      }
      guard let twin = earlier ?? feed.inHand.drop(with: content), twin != plan.id else {
        feed.inHand.take(plan)
        continue
      }
      judged[index].verdict =
        settings.duplicates == .skip
        ? .duplicate(of: twin) : .quarantined([Reason(.duplicate, "The same content as drop \(twin)")])
    }
  }

  /// Unlike the feed's last accepted drop, where that is looked at.
  private mutating func findDrift(_ judged: inout [Judged]) throws(LedgerFault) {
    guard settings.require.rememberColumns || settings.require.rowChange != nil else { return }
    let name = settings.name
    let before = try host.ledger.read { (t) throws(LedgerFault) in try t.lastAccepted(name).map { Baseline($0) } }
    var last = feed.likeness ?? before
    for index in judged.indices where judged[index].verdict == .accepted && !judged[index].isRecorded {
      let (plan, override) = (judged[index].plan, judged[index].override)
      let doubts = drift(of: plan, from: last, settings.require).filter { override?.lets($0.code) != true }
      if doubts.isEmpty {
        last = Baseline((plan.shape, plan.rows))
      } else {
        judged[index].verdict = .held(doubts)
        feed.inHand.release(plan)
      }
    }
    feed.likeness = last
  }
}

extension TableRules {
  init(_ settings: FeedSettings) {
    self.init()
    delimiter = settings.format.delimiter
    quote = settings.format.quote
    escape =
      switch settings.format.escape {
      case .auto: .auto
      case .backslash: .backslash
      case .double: .double
      }
    encoding =
      switch settings.format.encoding {
      case .utf8: .utf8
      case .utf16: .utf16
      case .latin1: .latin1
      }
    header = settings.format.header
    columns = settings.require.columns
    columnsExact = settings.require.columnsExact
    minRows = settings.require.minRows
    maxRows = settings.require.maxRows
    maxBytes = settings.require.maxBytes
    maxRowBytes = settings.require.maxRowBytes
  }
}
