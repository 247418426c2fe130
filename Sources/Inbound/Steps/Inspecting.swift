import Config
import Core
import Files
import Formats
import Journal
import Lanes
import Ledger
import Spool
import SystemPackage

/// What the checks say of claimed drops. They change nothing, so after a stop they are made again.
struct Inspecting {
  private var look = LastLook()

  /// Claimed drops that may be worked on, in slices.
  mutating func slices(in pass: inout FeedPass) throws -> [ArraySlice<DropID>] {
    let now = pass.now.uptime
    look.keep(try pass.drops(in: .claimed))
    let claimed = try pass.workable(in: .claimed).filter { !pass.feed.waits.isPostponed(.drop($0), at: now) }
    if let next = pass.feed.waits.next { pass.summary.look(at: max(next, now)) }
    // What was in hand when the agent died comes last, one at a time: whatever it does, the others are through by then.
    let isSuspect = { [suspects = pass.host.suspects] (id: DropID) in suspects.wasInHand(.drop(id)) }
    // Where drops decide which columns a feed has, each sees what the one before it has decided.
    let together = pass.settings.findsColumns ? 1 : Limits.dropsTogether
    return claimed.filter { !isSuspect($0) }.slices(of: together) + claimed.filter(isSuspect).slices(of: 1)
  }

  /// - Returns: nil: asked to stop. What has been checked is checked again then.
  mutating func run(_ plans: [DropPlan], in pass: inout FeedPass) throws -> [Judged]? {
    let outcomes = try pass.host.ledger.read { (t) throws(LedgerFault) in
      var outcomes: [DropID: DropOutcome] = [:]
      for plan in plans { outcomes[plan.id] = try t.drops.find(plan.id)?.outcome }
      return outcomes
    }
    let turn = pass.host.turn
    return try turn.working { try examine(plans, outcomes, in: &pass) }
  }

  /// - Returns: nil: asked to stop.
  private mutating func examine(_ plans: [DropPlan], _ outcomes: [DropID: DropOutcome], in pass: inout FeedPass) throws
    -> [Judged]?
  {
    var judged: [Judged] = []
    for plan in plans {
      let found = try pass.each(.drop(plan.id)) { pass in .done(try Overrides().find(.claimed, plan.id, in: pass)) }
      guard let override = found.value else { continue }
      let looked = try pass.each(.drop(plan.id)) { pass in try look.before(plan, in: &pass) }
      guard let plan = looked.value else { continue }
      // Checked in an earlier pass, and kept waiting since.
      if outcomes[plan.id] == .accepted, plan.checkedAt != nil, try isReadable(plan, in: pass),
        try look.isAsChecked(plan, in: pass)
      {
        judged.append(Judged(plan: plan, verdict: .accepted, isRecorded: true, wasChecked: true, override: override))
        continue
      }
      let outcome = try pass.each(.drop(plan.id)) { pass in
        try look.note(plan, in: pass)
        return .done(try pass.holding(.check, plan.id) { () throws(FileFault) in try check(plan, override, in: pass) })
      }
      guard let checked = outcome.value else { continue }
      guard let one = checked else { return nil }
      judged.append(one)
    }
    return judged
  }

  /// What goes on is what was checked: somebody may have written since. Then it is not recorded, and checked again.
  mutating func lastLook(
    at judged: [Judged], _ lookingBack: LookingBack, _ staging: Staging, in pass: inout FeedPass
  ) throws -> [Judged] {
    try judged.filter { one in
      let found = try pass.each(.drop(one.plan.id)) { pass -> ItemOutcome<Bool> in
        if try lookingBack.isLate(one.plan.id, in: &pass) { return .done(false) }
        guard let taken = try look.after(one.plan, in: pass) else {
          _ = pass.wait(for: one.plan, "somebody writes it still")
          return .done(false)
        }
        if one.isStaged || one.verdict != .accepted { for file in taken { pass.host.taken.keep(file) } }
        return .done(true)
      }
      if found.value == true { return true }
      if one.isStaged { staging.unstage(one.plan, in: pass) }
      pass.feed.inHand.release(one.plan)
      return false
    }
  }

  /// A drop whose plan cannot be read waits for a person; the others go on.
  func open(_ ids: some Sequence<DropID>, in pass: inout FeedPass) throws -> [ItemOutcome<DropPlan>] {
    try ids.map { id in
      try pass.each(.drop(id)) { pass in try SettingAside().planOrAside(.claimed, id, in: &pass) }
    }
  }

  /// False where it was encrypted, and the feed has lost its key since; where it was read as something else; or where it is not known any
  /// more which rows are left out.
  private func isReadable(_ plan: DropPlan, in pass: FeedPass) throws(FileFault) -> Bool {
    if pass.settings.findsColumns, try pass.columns() == nil { return false }
    let isJSON = pass.settings.format.type == .json
    let isAsBefore = plan.data.allSatisfy { part in
      (pass.settings.decrypt != nil || part.clear == nil) && part.dialect.map { ($0.json == true) == isJSON } ?? true
    }
    return isAsBefore ? try SpillFolder(pass).has(plan) : false
  }

  /// Nil: asked to stop.
  private func check(_ plan: DropPlan, _ override: Override?, in pass: FeedPass) throws(FileFault) -> Judged? {
    var plan = plan
    let wasChecked = plan.checkedAt != nil
    let rows = try RowInspection(plan, in: pass)
    let known = try pass.columns()
    var findings: [PartFinding] = []
    for number in plan.dataIndices {
      let part = plan.parts[number]
      let path = pass.partsPath(.claimed, plan.id).appending(part.name)
      do {
        let found = try inspect(number, at: path, isReleased: override != nil, known, rows, in: pass)
        guard let (inspection, clear) = found else { return nil }
        plan.parts[number].note(inspection, clear: clear, pass.settings)
        findings.append(PartFinding(part: part, inspection: inspection))
      } catch {
        return try unreadable(error, path, plan, part, wasChecked, override, in: pass)
      }
    }
    try Rejecting(rows).run(&plan, &findings, isReleased: override != nil, in: pass)
    let news = columns(of: plan, findings, known, override, in: pass)
    for (index, number) in plan.dataIndices.enumerated() {
      findings[index].inspection.reasons = explained(findings[index].inspection, pass.settings.format)
      let path = pass.partsPath(.claimed, plan.id).appending(plan.parts[number].name)
      let list = SpillFolder(pass).list(plan.id, number)
      do {
        switch try PartRewriter(pass.reader, news.columns).rehearse(plan.parts[number], at: path, without: list) {
        case .done: break
        case .refused(let reasons): findings[index].inspection.reasons += reasons
        case .stopped: return nil
        }
      } catch {
        return try unreadable(error, path, plan, plan.parts[number], wasChecked, override, in: pass)
      }
    }
    if let first = findings.indices.first {
      findings[first].inspection.reasons += news.reasons
      findings[first].inspection.doubtful += news.doubts
    }
    plan.checkedAt = pass.now.wall
    let found = judge(findings, incomplete: plan.incomplete ?? [], pass.settings.require, override)
    let verdict = override?.lets(.lateWrite) == true ? found : found.heldAsRest(of: plan.restOf)
    return Judged(
      plan: plan, verdict: verdict, isRecorded: false, wasChecked: wasChecked, override: override,
      emptiness: emptiness(of: findings, incomplete: plan.incomplete ?? []),
      lacksMembershipStatus: findings.first.map { pass.settings.format.header && lacksMembershipStatus($0) } ?? false,
      keptColumns: news.kept)
  }

  /// What the paths of a drop mean for the columns of its feed. Where a part is refused anyway, its paths say nothing.
  private func columns(
    of plan: DropPlan, _ findings: [PartFinding], _ known: [PathColumn]?, _ override: Override?, in pass: FeedPass
  ) -> FeedColumns.News {
    guard pass.settings.findsColumns, let objects = pass.settings.rewrite?.objects,
      plan.data.allSatisfy({ $0.dialect != nil })
    else { return FeedColumns.News(columns: known) }
    let found = FeedColumns.union(findings.map(\.inspection), known)
    return FeedColumns.compare(known, with: found, objects, override)
  }

  /// A part that is gone or cannot be read: a person must look, whatever the others are. A key that cannot be used says nothing of the
  /// part; a disk may read the next time.
  private func unreadable(
    _ fault: FileFault, _ path: FilePath, _ plan: DropPlan, _ part: DropPart, _ wasChecked: Bool, _ override: Override?,
    in pass: FeedPass
  ) throws(FileFault) -> Judged {
    guard fault.isAbout(path), fault.kind != .exhausted,
      fault.kind != .io || pass.feed.waits.isPersistent(.drop(plan.id))
    else { throw fault }
    let reason = Reason(.unreadable, fault.description, part: part.name)
    return Judged(
      plan: plan, verdict: .held([reason]), isRecorded: false, wasChecked: wasChecked, override: override)
  }

  /// Its cells are read as one reading of quotes has them, and once more where another one fits.
  private func inspect(
    _ number: Int, at path: FilePath, isReleased: Bool, _ known: [PathColumn]?, _ rows: RowInspection?,
    in pass: FeedPass
  ) throws(FileFault) -> (Inspection, DropPart.Clear?)? {
    var first: QuoteEscape?
    while true {
      rows?.tally.begin(number)
      guard let found = try inspect(path, isReleased: isReleased, known, rows, first, in: pass) else { return nil }
      if let fault = rows?.tally.fault { throw fault }
      guard rows != nil, first == nil, let escape = found.0.needsReadingWith else { return found }
      rows?.tally.discard()
      first = escape
    }
  }

  /// What is refused is not read to its end where it is large: its digest is not known then, and nobody needs it.
  /// - Parameter isReleased: a person may let it pass whatever is found, so it is read.
  /// - Returns: nil: asked to stop.
  private func inspect(
    _ path: FilePath, isReleased: Bool, _ known: [PathColumn]?, _ rows: RowInspection?, _ first: QuoteEscape?,
    in pass: FeedPass
  ) throws(FileFault) -> (Inspection, DropPart.Clear?)? {
    let file = try pass.files.open(path)
    let (kind, size) = (try pass.reader.head(of: file), try file.info().size)
    let sample = try sample(in: pass)
    var rules = rules(known, rows, first, sample, in: pass)
    // Packed text that is so much larger than its file is no table but a trap.
    rules.maxBytes = min(rules.maxBytes, max(Limits.trustedTextBytes, size *| Limits.packRatio))
    var inspector = ContentInspector(rules, sink: rows?.tally)
    if isTooLarge(size, kind, pass.settings), !isReleased {
      var inspection = inspector.finish()
      inspection.reasons = [
        Reason(.tooLarge, "It has \(counted(size, "byte")), more than \(pass.settings.require.maxBytes)")
      ]
      (inspection.rawBytes, inspection.sha256) = (size, nil)
      return (inspection, nil)
    }
    if pass.settings.decrypt != nil, kind == .pgp {
      var sealed = try inspectSealed(file, inspector, most: rules.maxBytes, isReleased: isReleased, in: pass)
      if let found = sealed?.0, let complaint = sample?.complaint(found, pass.settings.rewrite) {
        sealed?.0.reasons.append(complaint)
      }
      return sealed
    }
    let answer = try pass.reader.read(file) { (bytes) throws(FileFault) in
      inspector.feed(bytes)
      return isReleased || !inspector.isDecided || size <= Limits.readAnyway
    }
    if answer == .stopped { return nil }
    var inspection = inspector.finish()
    if answer == .enough { (inspection.rawBytes, inspection.sha256) = (size, nil) }
    if let complaint = sample?.complaint(inspection, pass.settings.rewrite) { inspection.reasons.append(complaint) }
    return (inspection, nil)
  }

  /// It is read for each drop, so that a change of it is seen.
  private func sample(in pass: FeedPass) throws(FileFault) -> SampleTable? {
    guard let path = pass.settings.require.sample else { return nil }
    return try SampleTable(path, pass.files)
  }

  private func rules(
    _ known: [PathColumn]?, _ rows: RowInspection?, _ first: QuoteEscape?, _ sample: SampleTable?, in pass: FeedPass
  ) -> ContentRules {
    switch ContentRules(pass.settings) {
    case .table(var rules):
      if let sample {
        (rules.columns, rules.columnsExact, rules.columnsAreOfSample) = (sample.columns, true, true)
      }
      rules.firstEscape = first
      rules.keySeed = rows?.seed ?? rules.keySeed
      return .table(rules)
    case .json(var rules):
      if known != nil, pass.settings.rewrite?.objects.newColumns == .ignore { rules.gathers = false }
      rules.keySeed = rows?.seed ?? rules.keySeed
      return .json(rules)
    case .opaque(let most): return .opaque(most: most)
    }
  }

  /// What its end does not prove was never there: nothing else is said of it then.
  private func inspectSealed(
    _ file: any ReadableFile, _ inspector: consuming ContentInspector, most: UInt64, isReleased: Bool, in pass: FeedPass
  ) throws(FileFault) -> (Inspection, DropPart.Clear?)? {
    var inspector = inspector
    var hasher = DigestHasher()
    var (rawSize, clearSize) = (0 as UInt64, 0 as UInt64)
    let size = try file.info().size
    let isWhole = isReleased || size <= Limits.readAnyway
    let answer = try pass.reader.unseal(
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
    if answer != .whole {
      (clear, inspection.textDigest, inspection.rows, inspection.header, inspection.doubtful) = (nil, nil, 0, nil, [])
    }
    return (inspection, clear)
  }
}
