import Core
import Files
import Journal
import Ledger
import Spool
import SystemPackage

/// Deletes objects that people have asked to be deleted. Killed half-way, the next life finishes it.
struct Purging {
  /// Deletes the object of a withdrawn batch. The ledger and the plan keep the fact, and the records are never sent again.
  /// - Returns: nil where there is no such batch, or it was purged before.
  func purge(
    _ batch: BatchID, by: String, reason: String, _ batches: inout StreamBatches, in pass: inout StreamPass
  ) throws -> Purged? {
    let deliveries = try pass.ledger.read { (t) throws(LedgerFault) in try t.deliveries.list(of: batch) }
    var purged = Purged(place: try pass.spool.place(of: batch), bytes: 0)
    purged.confirmedBy = deliveries.filter { $0.confirmedAt != nil }.map(\.store)
    purged.perhapsAt = deliveries.filter { $0.confirmedAt == nil && $0.attempts > 0 }.map(\.store)
    guard let place = purged.place else {
      return try giveUp(batch, by: by, reason: reason, in: pass) ? purged : nil
    }
    guard place != .building else { return nil }
    let folder = pass.spool.path(place, batch)
    guard try !PurgeMark.isIn(folder, pass.files) else { return nil }
    if place == .damaged, batches.undecided.contains(batch) {
      try batches.forget(batch, by: by, reason: reason, in: &pass)
      return purged
    }
    let plan = try? pass.files.batchPlan(of: batch, in: folder)
    purged.bytes = try pass.files.info(folder.appending(BatchPlan.objectName))?.size ?? 0
    purged.plan = plan

    let mark = PurgeMark(at: pass.now.wall, by: by, reason: reason, wasDelivered: place == .delivered)
    try pass.files.writePlan(mark, to: folder.appending(PurgeMark.fileName))
    try pass.files.sync([folder.appending(PurgeMark.fileName), folder])
    try finish(batch, in: place, &batches, pass)
    return purged
  }

  /// Of a batch whose folder was taken away nothing is left but its line in the ledger.
  /// - Returns: false where there is no such batch, or it was given up before.
  private func giveUp(
    _ batch: BatchID, by: String, reason: String, in pass: StreamPass
  ) throws(LedgerFault) -> Bool {
    guard try pass.context.isOpen(batch) else { return false }
    try pass.ledger.transact("give up") { (t) throws(LedgerFault) in
      try t.deliveries.notePurged(batch, at: pass.now.wall)
      try t.history.note(
        batch, EventKind.batchPurged.rawValue, "its folder was gone; by \(by): \(reason)", at: pass.now.wall)
    }
    pass.report(
      .batchPurged, "Batch \(batch), whose folder was gone, is given up on request; its records are not sent again",
      [.batch: batch.description, .bytes: "0", .reason: reason])
    return true
  }

  /// What an earlier life left, of batches that are at an end; those in `ready` are looked at one by one.
  func run(_ batches: inout StreamBatches, in pass: StreamPass) throws {
    for place in [BatchPlace.held, .delivered] {
      for id in try pass.spool.entries(in: place).compactMap({ BatchID($0) }) {
        let folder = pass.spool.path(place, id)
        guard try PurgeMark.isIn(folder, pass.files) else { continue }
        batches.notePurged(try? pass.files.batchPlan(of: id, in: folder))
        // Recorded last, but for the move.
        let isRecorded = try pass.ledger.read { (t) throws(LedgerFault) in try t.batches.find(id)?.purgedAt != nil }
        if place == .held || !isRecorded { try finish(id, in: place, &batches, pass) }
      }
    }
  }

  /// Records too large to send that stood between those of the batch: they are kept for a person to look at, who now wants them gone.
  private func removeAside(between segments: [Segment], in pass: StreamPass) throws(FileFault) {
    let folder = pass.context.aside
    guard try pass.files.info(folder) != nil else { return }
    var removed = false
    for name in try pass.files.list(folder) {
      guard let record = Cutter.AsideName(name) else { continue }
      let own = segments.filter { $0.source == record.source }
      guard let first = own.map(\.from).min(), let last = own.map(\.to).max(), record.from >= first, record.from <= last
      else { continue }
      try pass.files.remove(folder.appending(name))
      removed = true
    }
    if removed { try pass.files.sync([folder]) }
  }

  /// Where records of the batch are left on this machine, after a look at the logs.
  func remains(of plan: BatchPlan, _ logs: StreamLogs) -> [Purged.Log] {
    let sources = Set(plan.segments.map(\.source))
    return logs.found.filter { sources.contains($0.record.id) }.map { log in
      let why: Purged.Log.Why =
        switch log.role {
        case .live, .rotated: .notOurs
        case .aside: log.writers == .some ? .open : .unsent
        case .pinned: .unsent
        }
      return Purged.Log(path: log.path.string, why: why)
    }.sorted { $0.path < $1.path }
  }

  /// From here on the mark alone decides: it is there, so the object goes.
  func finish(
    _ batch: BatchID, in place: BatchPlace, _ batches: inout StreamBatches, _ pass: StreamPass
  ) throws {
    let folder = pass.spool.path(place, batch)
    // Seen is not durable.
    try pass.files.sync([folder.appending(PurgeMark.fileName), folder])
    guard let mark = try PurgeMark.read(in: folder, place, pass.files) else { return }
    let object = folder.appending(BatchPlan.objectName)
    let size = try pass.files.info(object)?.size
    if size != nil {
      try pass.files.remove(object)
      try pass.files.sync([folder])
    }
    // Without its plan, the ledger alone knows which records it held.
    let plan = try? pass.files.batchPlan(of: batch, in: folder)
    if let plan {
      let sources = Set(plan.segments.map(\.source))
      _ = try pass.context.archive.remove { sources.contains($0.source) }
      try removeAside(between: plan.segments, in: pass)
      batches.notePurged(plan)
      try pass.files.syncLogs(of: plan)
    }
    try pass.ledger.transact("purge") { (t) throws(LedgerFault) in
      if let plan {
        try t.batches.note(plan, due: pass.now.wall)
        try t.batches.advance(plan)
      }
      try t.deliveries.notePurged(batch, at: mark.at)
      try t.history.note(
        batch, EventKind.batchPurged.rawValue, "from \(place.rawValue), by \(mark.by): \(mark.reason)",
        at: pass.now.wall)
    }
    batches.adopted.remove(batch)
    if place != .delivered { try pass.spool.move([batch], from: place, to: .delivered) }
    pass.report(
      .batchPurged, "The object of batch \(batch) was deleted on request; its records are not sent again",
      [.batch: batch.description, .bytes: "\(size ?? 0)", .reason: mark.reason])
  }
}
