import Config
import Core
import Files
import Journal
import Ledger
import Spool
import SystemPackage

/// Letting go of what was kept for its time.
struct Sweeping {
  private var sweptAt: Duration?

  /// Removes objects that were kept after delivery for long enough, and plans whose sources are gone. The newest plan of a stream
  /// stays, so that a ledger made anew goes on with the right number.
  mutating func run(in pass: inout StreamPass) throws {
    // What looks old may have been sent this morning.
    guard pass.context.clock.mayExpire(at: pass.now) else { return }
    if let last = sweptAt, pass.now.uptime - last < Limits.sweepEvery { return }
    sweptAt = pass.now.uptime
    let ids = try pass.spool.entries(in: .delivered).compactMap { BatchID($0) }
    // By number: by their names the millionth comes before its predecessor.
    let newest = ids.map(\.sequence).max()
    var swept = 0
    var bytes: UInt64 = 0
    for id in ids {
      let folder = pass.spool.path(.delivered, id)
      let record = try pass.ledger.read { (t) throws(LedgerFault) in try t.batches.find(id) }
      guard let end = record?.deliveredAt ?? record?.purgedAt, pass.now.wall - end >= pass.settings.deliveredKeep else {
        continue
      }
      let object = folder.appending(BatchPlan.objectName)
      if let info = try pass.files.info(object) {
        try pass.files.remove(object)
        swept += 1
        bytes +|= info.size
      }
      guard id.sequence != newest, try !isNeeded(folder, id, in: pass) else { continue }
      try pass.spool.remove(id, from: .delivered)
    }
    let archived = try pass.context.archive.sweep(keep: pass.settings.archiveKeep, at: pass.now.wall)
    if archived.count > 0 {
      pass.report(
        .placeSwept, "Removed \(archived.count) archived logs of stream \(pass.name)",
        [.bytes: "\(archived.bytes)"])
    }
    try sweepAside(in: pass)
    try forget(in: pass)
    guard swept > 0 else { return }
    try pass.files.sync([pass.spool.path(.delivered)])
    pass.report(
      .placeSwept, "Removed \(swept) delivered objects of stream \(pass.name)",
      [.bytes: "\(bytes)"])
  }

  /// Records that were too large to send go when a person has had time to look at them.
  private func sweepAside(in pass: StreamPass) throws(FileFault) {
    let folder = pass.context.aside
    guard try pass.files.info(folder) != nil else { return }
    var count = 0
    var bytes: UInt64 = 0
    for name in try pass.files.list(folder) {
      guard let info = try pass.files.info(folder.appending(name)),
        pass.now.wall - Timestamp(nanoseconds: info.modified) >= Limits.asideKeep
      else { continue }
      try pass.files.remove(folder.appending(name))
      count += 1
      bytes +|= info.size
    }
    guard count > 0 else { return }
    try pass.files.sync([folder])
    pass.report(
      .placeSwept, "Removed \(counted(count, "record")) of stream \(pass.name), too large to send",
      [.bytes: "\(bytes)"])
  }

  private func isNeeded(_ folder: FilePath, _ id: BatchID, in pass: StreamPass) throws -> Bool {
    let plan: BatchPlan
    do throws(FileFault) {
      plan = try pass.files.batchPlan(of: id, in: folder)
    } catch {
      if error.kind == .exhausted { throw error }
      return error.kind != .missing
    }
    return try pass.ledger.read { (t) throws(LedgerFault) in
      for segment in plan.segments where try t.sources.isPresent(segment.source) { return true }
      return false
    }
  }

  /// What no place holds any more, and no log of which lies anywhere, leaves the ledger.
  private func forget(in pass: StreamPass) throws {
    let before = pass.now.wall - max(Limits.remembered, pass.settings.deliveredKeep)
    try forgetBatches(before, in: pass)
    let name = pass.name
    if try pass.ledger.read({ (t) throws(LedgerFault) in try t.gaps.count(of: name) }) > 0 {
      try pass.ledger.transact("forget") { (t) throws(LedgerFault) in
        try t.gaps.forget(of: name, before: before)
      }
    }
    let isAnyOld = try pass.ledger.read { (t) throws(LedgerFault) in
      try !t.sources.forgettable(of: name, goneBefore: before, except: [], limit: 1).isEmpty
    }
    guard isAnyOld else { return }
    // They would be told of again at the next start.
    let kept = try FirstLook.skippedSources(in: pass)
    var count = 0
    while count < Limits.forgetPerSweep, !pass.context.isStopping() {
      let gone = try pass.ledger.read { (t) throws(LedgerFault) in
        try t.sources.forgettable(of: name, goneBefore: before, except: kept, limit: Limits.forgetSlice)
      }
      guard !gone.isEmpty else { return }
      try pass.ledger.transact("forget") { (t) throws(LedgerFault) in
        for source in gone { try t.sources.forget(source) }
      }
      count += gone.count
    }
  }

  private func forgetBatches(_ before: Timestamp, in pass: StreamPass) throws {
    let name = pass.name
    var last: Forgettable<BatchID>?
    var count = 0
    while count < Limits.forgetPerSweep, !pass.context.isStopping() {
      let after = last
      let page = try pass.ledger.read { (t) throws(LedgerFault) in
        try t.batches.forgettable(name, before: before, after: after, limit: Limits.forgetSlice)
      }
      guard let end = page.last else { return }
      last = end
      let gone = try page.map(\.id).filter { try pass.spool.isNowhere($0) }
      guard !gone.isEmpty else { continue }
      try pass.ledger.transact("forget") { (t) throws(LedgerFault) in
        for id in gone { try t.batches.forget(id) }
      }
      count += gone.count
    }
  }
}
