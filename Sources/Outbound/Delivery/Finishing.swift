import Config
import Core
import Files
import Journal
import Ledger
import Spool
import SystemPackage

/// Letting go: logs that are sent, and what is kept after delivery.
extension StreamWorker {
  /// Deletes or archives a log that was set aside once nobody can add to it and all of it is in delivered batches. What is to be
  /// kept stays where it is, and known: nothing of it is read again.
  func finishSources(at now: Moment) throws {
    guard lane.settings.after != .keep else { return }
    var gone: [SourceID] = []
    var folders: Set<FilePath> = []
    for log in lane.logs where log.role == .aside {
      guard isSpent(log, at: now) else { continue }
      let undelivered = try ledger.read { (t) throws(LedgerFault) in try t.undelivered(of: log.record.id) }
      guard undelivered == 0 else { continue }
      let isGone = try each(.log(log.path), at: now) {
        // What lies there now must be what was read: not a byte more.
        guard let info = try files.info(log.path), info.size == log.info.size, info.inode == log.info.inode else {
          return false
        }
        if lane.settings.after == .archive { try lane.archive.take(log.path, of: log.record.id, at: now.wall) }
        if try lane.settings.after == .delete || files.info(log.path) != nil { try files.remove(log.path) }
        return true
      }
      guard isGone == true else { continue }
      folders.insert(log.path.parent)
      gone.append(log.record.id)
    }
    guard !gone.isEmpty else { return }
    try files.sync(Array(folders))
    let sources = gone
    try ledger.transact("sources gone") { (t) throws(LedgerFault) in
      for source in sources { try t.noteGone(source, at: now.wall) }
    }
    for source in gone { lane.forget(source) }
    lane.logs.removeAll { sources.contains($0.record.id) }
  }

  private func isSpent(_ log: LogFile, at now: Moment) -> Bool {
    guard isFinal(log, at: now) else { return false }
    if log.info.size <= log.record.cursor { return true }
    // Nothing behind the cursor but a header, or blank lines.
    guard lane.exhausted[log.record.id] == StreamState.Exhausted(size: log.info.size, isFinal: true) else {
      return lane.headerEnds[log.record.id] == log.info.size
    }
    return true
  }

  /// Removes objects that were kept after delivery for long enough, and plans whose sources are gone. The newest plan of a stream
  /// stays, so that a ledger made anew goes on with the right number.
  func sweep(at now: Moment) throws {
    // What looks old may have been sent this morning.
    guard clock.mayExpire(at: now) else { return }
    if let last = lane.sweptAt, now.uptime - last < Limits.sweepEvery { return }
    lane.sweptAt = now.uptime
    let ids = try lane.spool.entries(in: .delivered).compactMap { BatchID($0) }
    // By number: by their names the millionth comes before its predecessor.
    let newest = ids.map(\.sequence).max()
    var swept = 0
    var bytes: UInt64 = 0
    for id in ids {
      let folder = lane.spool.path(.delivered, id)
      let record = try ledger.read { (t) throws(LedgerFault) in try t.batch(id) }
      guard let end = record?.deliveredAt ?? record?.purgedAt, now.wall - end >= lane.settings.deliveredKeep else {
        continue
      }
      let object = folder.appending(BatchPlan.objectName)
      if let info = try files.info(object) {
        try files.remove(object)
        swept += 1
        bytes +|= info.size
      }
      guard id.sequence != newest, try !isNeeded(folder, id) else { continue }
      try lane.spool.remove(id, from: .delivered)
    }
    let archived = try lane.archive.sweep(keep: lane.settings.archiveKeep, at: now.wall)
    if archived.count > 0 {
      events.record(
        .placeSwept, "Removed \(archived.count) archived logs of stream \(lane.name)",
        [.stream: lane.name.text, .bytes: "\(archived.bytes)"])
    }
    try sweepAside(at: now)
    try forget(at: now)
    guard swept > 0 else { return }
    try files.sync([lane.spool.path(.delivered)])
    events.record(
      .placeSwept, "Removed \(swept) delivered objects of stream \(lane.name)",
      [.stream: lane.name.text, .bytes: "\(bytes)"])
  }

  /// Records that were too large to send go when a person has had time to look at them.
  private func sweepAside(at now: Moment) throws(FileFault) {
    let folder = lane.cutter.aside
    guard try files.info(folder) != nil else { return }
    var count = 0
    var bytes: UInt64 = 0
    for name in try files.list(folder) {
      guard let info = try files.info(folder.appending(name)),
        now.wall - Timestamp(nanoseconds: info.modified) >= Limits.asideKeep
      else { continue }
      try files.remove(folder.appending(name))
      count += 1
      bytes +|= info.size
    }
    guard count > 0 else { return }
    try files.sync([folder])
    events.record(
      .placeSwept, "Removed \(counted(count, "record")) of stream \(lane.name), too large to send",
      [.stream: lane.name.text, .bytes: "\(bytes)"])
  }

  private func isNeeded(_ folder: FilePath, _ id: BatchID) throws -> Bool {
    let plan: BatchPlan
    do throws(FileFault) {
      plan = try files.batchPlan(of: id, in: folder)
    } catch {
      if error.kind == .exhausted { throw error }
      return error.kind != .missing
    }
    return try ledger.read { (t) throws(LedgerFault) in
      for segment in plan.segments where try t.isPresent(segment.source) { return true }
      return false
    }
  }
}
