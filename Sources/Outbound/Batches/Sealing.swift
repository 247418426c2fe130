import Core
import Files
import Formats
import Journal
import Ledger
import Spool
import Store
import SystemPackage

/// From records to sealed batches.
extension StreamWorker {
  /// Takes what an earlier life left: half-built batches are thrown away, sealed ones made durable and recorded before anything else
  /// is cut.
  func settleIn(at now: Moment) throws {
    if lane.sequence == nil {
      try lane.spool.prepare()
      try Pin.clearUnfinished(in: lane.sources.pins, files)
      try recordUnknown(at: now)
      try finishPurges(at: now)
      lane.sequence = try lastSequence()
    }
    try setAsideCrashed(at: now)
    for name in try lane.spool.entries(in: .building) { try lane.spool.remove(name, from: .building) }
    for name in try lane.spool.entries(in: .ready) {
      guard let id = BatchID(name), id.stream == lane.name, !lane.adopted.contains(id) else { continue }
      // Moved here in this life, but not known to be durable: its number is taken.
      lane.sequence = max(lane.sequence ?? 0, id.sequence)
      _ = try each(.batch(id), at: now) {
        try orAside(id, from: .ready, at: now) {
          try markAgain(id)
          if try PurgeMark.isIn(lane.spool.path(.ready, id), files) {
            try finishPurge(of: id, in: .ready, at: now)
          } else {
            try hands.holding(Work(.stream(lane.name), .adopt, .batch(id))) { try adopt(id, at: now) }
          }
        }
      }
    }
  }

  /// A batch that was given up because its folder was gone has come back all the same: what was said of it stands.
  private func markAgain(_ id: BatchID) throws {
    let folder = lane.spool.path(.ready, id)
    guard let at = try ledger.read({ (t) throws(LedgerFault) in try t.batch(id)?.purgedAt }),
      try !PurgeMark.isIn(folder, files)
    else { return }
    let mark = PurgeMark(
      at: at, by: "navette", reason: "it was purged before its folder came back", wasDelivered: false)
    try files.writePlan(mark, to: folder.appending(PurgeMark.fileName))
  }

  /// Batches at an end that the ledger does not know, as when an older ledger was put back: their plans say how far the logs were
  /// read. Those in `ready` are adopted one by one.
  private func recordUnknown(at now: Moment) throws {
    for place in [BatchPlace.delivered, .held] {
      for id in try lane.spool.entries(in: place).compactMap({ BatchID($0) }) where id.stream == lane.name {
        guard try ledger.read({ (t) throws(LedgerFault) in try !t.knows(id) }) else { continue }
        try orAside(id, from: place, at: now) {
          try OutboundRebuild.record(lane.spool.path(place, id), of: id, in: place, files, ledger, at: now.wall)
        }
      }
    }
    for id in try lane.spool.entries(in: .damaged).compactMap({ BatchID($0) }) where id.stream == lane.name {
      if try ledger.read({ (t) throws(LedgerFault) in try !t.knows(id) }) { lane.undecided.insert(id) }
    }
  }

  private func lastSequence() throws -> Int {
    var last = try ledger.read { (t) throws(LedgerFault) in try t.lastSequence(of: lane.name) }
    last = max(last, try SequenceFloor.read(of: lane.name, state, files).last)
    for place in BatchPlace.allCases where place != .building {
      last = try lane.spool.entries(in: place).compactMap { BatchID($0)?.sequence }.reduce(last, max)
    }
    return last
  }

  private func adopt(_ id: BatchID, at now: Moment) throws {
    let folder = lane.spool.path(.ready, id)
    let plan = try files.batchPlan(of: id, in: folder)
    try files.requireObject(of: plan, in: folder)
    // It was moved here from one of the others, and a rename is durable once both ends of it are.
    try files.sync(
      [folder.appending(BatchPlan.fileName), folder.appending(BatchPlan.objectName), folder]
        + [BatchPlace.ready, .building, .held].map { lane.spool.path($0) })
    try syncLogs(of: plan)
    try ledger.transact("adopt") { (t) throws(LedgerFault) in
      if try !t.knows(id) {
        try t.note(plan, due: now.wall)
        try t.advance(plan)
        try t.noteHistory(id, "adopted", "found sealed in the spool; recorded now", at: now.wall)
      } else if try t.isHeld(id) {
        try t.forgive(id, at: now.wall)
        try t.noteHistory(id, "retried", "found moved back to ready", at: now.wall)
      }
    }
    lane.adopted.insert(id)
  }

  /// A cursor must not be ahead of durable bytes. Logs that lie no more where they were cut from, or are moved just now, are left out.
  func syncLogs(of plan: BatchPlan) throws(FileFault) {
    for path in Set(plan.segments.map(\.path)).map({ FilePath($0) }) where try files.info(path)?.kind == .file {
      do throws(FileFault) {
        try files.sync([path])
      } catch {
        if error.kind != .missing { throw error }
      }
    }
  }

  /// Cuts and seals one batch from the logs that may be cut.
  /// - Returns: whether there may be more.
  mutating func seal(everything: Bool, at now: Moment) throws -> Bool {
    let logs = lane.logs.filter { isTurn(of: $0) && isOurs($0, at: now) && !isBehind($0) }
      .map { cuttable($0, at: now) }
    let candidates = logs.filter { log in
      log.size > log.record.cursor && !lane.waits.isPostponed(.log(log.path), at: now.uptime)
        && lane.exhausted[log.record.id] != StreamState.Exhausted(size: log.size, isFinal: log.isFinal)
    }
    let unread = candidates.total { $0.size -| $0.record.cursor }
    guard unread > 0, everything || unread >= lane.settings.batch.maxBytes || lane.settings.batch.maxRows > 0 else {
      return false
    }

    let last = lane.sequence ?? 0
    guard last < BatchID.lastSequence else {
      throw FileFault(
        .damaged, "Cannot seal a batch of stream", at: lane.name.text,
        why: "the number \(last) was given, and there is no higher one",
        remedy: "Look for a batch with that number in the state folder, and at numbers.json")
    }
    let id = BatchID(stream: lane.name, sequence: last + 1)
    let folder = lane.spool.path(.building, id)
    let object = folder.appending(BatchPlan.objectName)
    try files.makeDirectory(folder, mode: .stateDirectory)
    let cut: Cut
    do {
      cut = try turn.working { try lane.cutter.cut(candidates, into: object) }
    } catch let fault as FileFault {
      // A log that cannot be read waits by itself; the others are cut without it.
      guard let log = candidates.first(where: { fault.isAbout($0.path) }) else { throw fault }
      try bear(fault, of: .log(log.path), at: now)
      try lane.spool.remove(id, from: .building)
      return true
    }
    // What stands before a gap goes now: the cursor moves behind both.
    let isWorthIt = cut.rows > 0 && (everything || cut.isFull || !cut.gaps.isEmpty)
    let plan = isWorthIt ? makePlan(id, cut, at: now) : nil
    if let plan {
      try hands.holding(Work(.stream(lane.name), .seal, .batch(id))) {
        try files.writePlan(plan, to: folder.appending(BatchPlan.fileName))
        try files.sync([object, folder.appending(BatchPlan.fileName), folder])
        try syncSources(of: cut, candidates)
        try lane.spool.move([id], from: .building, to: .ready)
      }
      lane.sequence = id.sequence
      lane.adopted.insert(id)
    } else {
      try lane.spool.remove(id, from: .building)
    }
    // Not before: what could not be sealed is unread still.
    for log in logs where cut.ended.contains(log.record.id) && (isWorthIt || cut.rows == 0) {
      lane.exhausted[log.record.id] = StreamState.Exhausted(size: log.size, isFinal: log.isFinal)
    }
    try record(plan, cut, at: now)
    // Logs without records may have stood before one with another header: the next try passes them over.
    return cut.isFull && (plan != nil || cut.rows == 0 && !cut.ended.isEmpty)
  }

  /// A cursor must not be ahead of durable bytes, nor stand in another file than was read.
  private func syncSources(of cut: Cut, _ logs: [Cuttable]) throws {
    let read = Set(cut.segments.map(\.source))
    let sources = logs.filter { read.contains($0.record.id) }
    let paths = Set(sources.map(\.path))
    do throws(FileFault) {
      try files.sync(Array(paths) + Set(paths.map { $0.parent }))
    } catch {
      if error.kind == .missing { throw SourceMoved() }
      throw error
    }
    for log in sources where try files.info(log.path)?.inode != log.inode { throw SourceMoved() }
  }

  private func makePlan(_ id: BatchID, _ cut: Cut, at now: Moment) -> BatchPlan {
    let values = KeyTemplate.Values(
      batch: id, host: host, date: cut.day ?? now.wall, sealedAt: now.wall,
      schema: String(cut.header.description.prefix(8)))
    let key = lane.key.render(values)
    let prefix = lane.settings.manifest
    return BatchPlan(
      id: id, host: host, key: key.description,
      manifestKey: prefix.isEmpty ? nil : BatchManifest.key(prefix, of: key)?.description, stores: lane.settings.stores,
      header: cut.header,
      segments: cut.segments, rows: cut.rows, bytes: cut.bytes, compressedBytes: cut.compressedBytes,
      sha256: cut.sha256,
      md5: cut.md5, sealedAt: now.wall)
  }

  /// One transaction: the batch and every cursor that it moves.
  private func record(_ plan: BatchPlan?, _ cut: Cut, at now: Moment) throws {
    let moved = plan == nil ? cut.gaps.map { ($0.source.id, $0.to) } : Array(cut.cursors)
    guard plan != nil || !moved.isEmpty else { return }
    var records: [SourceRecord] = []
    for (source, cursor) in moved {
      guard let index = lane.logs.firstIndex(where: { $0.record.id == source }) else { continue }
      lane.logs[index].record.cursor = cursor
      lane.logs[index].record.cursorAt = now.wall
      lane.logs[index].record.tail = plan == nil ? nil : cut.tails[source]
      lane.waiting[source] = nil
      lane.drained.insert(source)
      lane.counted[source] = nil
      records.append(lane.logs[index].record)
    }
    let noted = records
    try ledger.transact("seal") { (t) throws(LedgerFault) in
      if let plan {
        try t.note(plan, due: now.wall)
        try t.noteHistory(
          plan.id, EventKind.batchSealed.rawValue,
          "\(counted(plan.rows, "row")), \(counted(plan.compressedBytes, "byte"))", at: now.wall)
      }
      for record in noted { try t.note(record) }
    }
    for gap in cut.gaps {
      events.record(
        .sourceGap,
        "A record of stream \(lane.name) is larger than batch.max_record: kept in \(lane.cutter.aside.string), not sent",
        [.stream: lane.name.text, .path: gap.source.path, .bytes: "\(gap.to - gap.from)", .reason: "record_too_large"])
    }
    for hole in cut.holes where plan != nil {
      events.record(
        .sourceGap,
        "Passed over NUL bytes at the beginning of a log of stream \(lane.name): its writer does not append, so that it goes on behind them after the log was emptied",
        [.stream: lane.name.text, .path: hole.source.path, .bytes: "\(hole.to - hole.from)", .reason: "hole"])
    }
    guard let plan else { return }
    events.record(
      .batchSealed, "Sealed batch \(plan.id)",
      [
        .stream: lane.name.text, .batch: plan.id.description, .key: plan.key, .rows: "\(plan.rows)",
        .bytes: "\(plan.compressedBytes)",
      ])
  }
}

extension Transaction {
  /// Every cursor that the plan covers, forward only.
  func advance(_ plan: BatchPlan) throws(LedgerFault) {
    for segment in plan.segments {
      try note(
        SourceRecord(
          id: segment.source, stream: plan.stream, path: segment.path, identity: segment.identity,
          seenAt: plan.sealedAt,
          cursor: segment.to, cursorAt: plan.sealedAt, tail: segment.tail))
    }
  }
}
