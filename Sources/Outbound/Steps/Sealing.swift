import Core
import Files
import Formats
import Journal
import Ledger
import Spool
import Store
import SystemPackage

/// From what was cut to a sealed batch.
struct Sealing {
  /// - Parameter everything: false: only what makes a full batch.
  /// - Returns: whether there may be more.
  func run(
    _ fresh: FreshCut, everything: Bool, _ schemas: inout Schemas, _ logs: inout StreamLogs,
    _ batches: inout StreamBatches, in pass: StreamPass
  ) throws -> Bool {
    let (id, cut) = (fresh.id, fresh.cut)
    var placement = Schemas.Placement()
    var plan: BatchPlan?
    let isWorth = cut.isWorthSealing(everything: everything)
    let passesOver = cut.passesOver(everything: everything)
    if let aside = cut.aside, isWorth || passesOver { try requireFew(aside, cut, in: pass) }
    if isWorth {
      placement = try schemas.place(cut, in: pass)
      plan = try makePlan(id, cut, placement.mark, in: pass)
    }
    var asideFile: FilePath?
    if let aside = cut.aside, isWorth || passesOver {
      asideFile = try aside.keep(from: pass.spool.path(.building, id), in: pass.context.aside, pass.files)
    }
    if let plan {
      try seal(plan, fresh, placement.reason, in: pass)
      batches.sequence = id.sequence
      if placement.reason == nil { batches.adopted.insert(id) }
    } else {
      try pass.spool.remove(id, from: .building)
    }
    for log in fresh.logs { logs.progress.noteOpenQuote(at: cut.openQuotes[log.record.id], of: log.record.id) }
    let exhausted = cut.exhausted(isSealed: plan != nil || passesOver)
    for log in fresh.logs where exhausted.contains(log.record.id) { logs.progress.noteExhausted(log) }
    try record(plan, cut, passesOver: passesOver, &logs, in: pass)
    if let plan, placement.reason != nil { try schemas.hold(plan.id, in: pass) }
    if let plan { tell(placement, of: plan, in: pass) }
    if plan != nil || passesOver { tellLeftOut(cut, plan?.id, asideFile, in: pass) }
    return cut.mayLeaveMore(isSealed: plan != nil || passesOver)
  }

  /// Plan and object are durable, and so is what they were cut from, before the one rename to `ready`.
  private func seal(_ plan: BatchPlan, _ fresh: FreshCut, _ reason: Reason?, in pass: StreamPass) throws {
    let folder = pass.spool.path(.building, plan.id)
    var names = [BatchPlan.objectName, BatchPlan.fileName]
    try pass.hands.holding(Work(.stream(pass.name), .seal, .batch(plan.id))) {
      try pass.files.writePlan(plan, to: folder.appending(BatchPlan.fileName))
      if let reason {
        try pass.files.writePlan([reason], to: folder.appending(DropPlan.reasonsName))
        names.append(DropPlan.reasonsName)
      }
      try pass.files.sync(names.map { folder.appending($0) } + [folder])
      try syncSources(of: fresh, in: pass)
      try pass.spool.move([plan.id], from: .building, to: .ready)
    }
  }

  /// A cursor must not be ahead of durable bytes, nor stand in another file than was read.
  private func syncSources(of fresh: FreshCut, in pass: StreamPass) throws {
    let read = Set(fresh.cut.segments.map(\.source))
    let sources = fresh.logs.filter { read.contains($0.record.id) }
    let paths = Set(sources.map(\.path))
    do throws(FileFault) {
      try pass.files.sync(Array(paths) + Set(paths.map { $0.parent }))
    } catch {
      if error.kind == .missing { throw SourceMoved() }
      throw error
    }
    for log in sources where try pass.files.info(log.path)?.inode != log.inode { throw SourceMoved() }
  }

  private func makePlan(_ id: BatchID, _ cut: Cut, _ mark: String, in pass: StreamPass) throws(FileFault) -> BatchPlan {
    let values = KeyTemplate.Values(
      batch: id, host: pass.context.host, date: cut.day ?? pass.now.wall, sealedAt: pass.now.wall,
      schema: String(cut.header.description.prefix(KeyMark.digits)))
    guard let key = StoreKey(KeyMark.marked(pass.context.key.render(values).description, by: mark)) else {
      throw FileFault(
        .damaged, "Cannot seal a batch of stream", at: pass.name.text,
        why: "with the mark of its header its key would be too long", remedy: "Shorten the stream's key")
    }
    let prefix = pass.settings.manifest
    return BatchPlan(
      id: id, host: pass.context.host, key: key.description,
      manifestKey: prefix.isEmpty ? nil : BatchManifest.key(prefix, of: key)?.description, stores: pass.settings.stores,
      header: cut.header,
      segments: cut.segments, rows: cut.rows, bytes: cut.bytes, compressedBytes: cut.compressedBytes,
      sha256: cut.sha256,
      md5: cut.md5, sealedAt: pass.now.wall)
  }

  /// One transaction: the batch and every cursor that it moves.
  private func record(
    _ plan: BatchPlan?, _ cut: Cut, passesOver: Bool, _ logs: inout StreamLogs, in pass: StreamPass
  ) throws {
    let isWhole = plan != nil || passesOver
    let moved = isWhole ? Array(cut.cursors) : cut.gaps.map { ($0.source.id, $0.to) }
    guard plan != nil || !moved.isEmpty else { return }
    var records: [SourceRecord] = []
    for (source, cursor) in moved {
      guard let index = logs.found.firstIndex(where: { $0.record.id == source }) else { continue }
      logs.found[index].record.cursor = cursor
      logs.found[index].record.cursorAt = pass.now.wall
      logs.found[index].record.tail = isWhole ? cut.tails[source] : nil
      if let header = cut.headers[source] { logs.found[index].record.header = header }
      logs.progress.noteCursor(of: source)
      records.append(logs.found[index].record)
    }
    let noted = records
    try pass.ledger.transact("seal") { (t) throws(LedgerFault) in
      if let plan {
        try t.batches.note(plan, due: pass.now.wall)
        try t.history.note(
          plan.id, EventKind.batchSealed.rawValue,
          "\(counted(plan.rows, "row")), \(counted(plan.compressedBytes, "byte"))\(cut.leftOutWords)", at: pass.now.wall
        )
      }
      for record in noted { try t.sources.note(record) }
      guard isWhole else { return }
      try t.totals.note(.skipped, cut.skipped, of: pass.name, at: pass.now.wall)
      try t.totals.note(.leftOut, cut.aside?.rows ?? 0, of: pass.name, at: pass.now.wall)
    }
    tell(plan, cut, in: pass)
  }

  private func tell(_ placement: Schemas.Placement, of plan: BatchPlan, in pass: StreamPass) {
    let isHeld = placement.reason != nil
    let fields: [Event.Field: String] = [
      .batch: plan.id.description, .key: plan.key, .reason: isHeld ? "held" : "auto",
    ]
    if let news = placement.news {
      let what = isHeld ? "it waits in held until `navette release \(plan.id)`" : "it goes there"
      pass.report(
        .schemaChanged, "The columns of stream \(pass.name) have changed with batch \(plan.id): \(news); \(what)",
        fields)
    } else if isHeld {
      pass.report(
        .batchHeld, "Batch \(plan.id) is held: its columns are those of a batch that waits before it",
        fields.merging([.reason: Reason.Code.schemaChanged.rawValue]) { $1 })
    }
  }

  private func tell(_ plan: BatchPlan?, _ cut: Cut, in pass: StreamPass) {
    for gap in cut.gaps {
      pass.report(
        .sourceGap,
        "A record of stream \(pass.name) is larger than batch.max_record: kept in \(pass.context.aside.string), not sent",
        [
          .path: gap.source.path, .bytes: "\(gap.to - gap.from)",
          .reason: GapReason.recordTooLarge.rawValue,
        ])
    }
    for hole in cut.holes where plan != nil {
      pass.report(
        .sourceGap,
        "Passed over NUL bytes at the beginning of a log of stream \(pass.name): its writer does not append, so that it goes on behind them after the log was emptied",
        [
          .path: hole.source.path, .bytes: "\(hole.to - hole.from)",
          .reason: GapReason.hole.rawValue,
        ])
    }
    guard let plan else { return }
    pass.report(
      .batchSealed, "Sealed batch \(plan.id)\(cut.leftOutWords)",
      [
        .batch: plan.id.description, .key: plan.key, .rows: "\(plan.rows)",
        .bytes: "\(plan.compressedBytes)",
      ])
  }
}

extension BatchTable {
  /// Every cursor that the plan covers, forward only.
  func advance(_ plan: BatchPlan) throws(LedgerFault) {
    for segment in plan.segments {
      try transaction.sources.noteRead(
        SourceRecord(
          id: segment.source, stream: plan.stream, path: segment.path, identity: segment.identity,
          seenAt: plan.sealedAt,
          cursor: segment.to, cursorAt: plan.sealedAt, tail: segment.tail))
    }
  }
}
