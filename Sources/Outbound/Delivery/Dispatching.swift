import Core
import Files
import Journal
import Lanes
import Ledger
import Spool
import Store
import SystemPackage

/// Which transfers begin now.
///
/// - A store has at most its `concurrency` under way; one that failed last has one at a time, until it has taken something.
/// - Streams take turns, the one with the fewest transfers first (`StoreSlots`); within a stream the oldest batch goes first.
extension StreamWorker {
  mutating func dispatch(at now: Moment, _ result: inout StreamSummary) throws(LedgerFault) {
    shared.slots.forget(name.text)
    guard !lane.isStopped else { return }
    for store in lane.settings.stores.sorted() {
      guard let most = slots(of: store, at: now, &result) else { continue }
      var due = try due(to: store, at: now)[...]
      while let record = due.popFirst() {
        guard takeSlot(of: store, most: most, at: now, &result) else { break }
        var begins = false
        defer { if !begins { shared.slots.giveBack(store, of: name.text, at: now.uptime) } }
        let isThrough = try attempt(at: now) { worker in
          try worker.hands.holding(Work(.stream(worker.name), .offer, .batch(record.batch), store: store)) {
            begins = try worker.offer(record, at: now, &result)
          }
        }
        guard isThrough else { return }
      }
    }
    let name = name
    let next = try ledger.read { (t) throws(LedgerFault) in try t.nextDue(of: name, after: now.wall) }
    if let next { result.next = min(result.next, now.uptime + max(next - now.wall, Limits.soonestDue)) }
  }

  /// How many may be under way to the store; nil: it is left alone.
  private func slots(of store: StoreName, at now: Moment, _ result: inout StreamSummary) -> Int? {
    guard let wait = shared.stores.wait(of: store) else { return shared.slots.concurrency(of: store) }
    let left = wait.nextAt - now.wall
    // A wall clock that was set back must not stop a store.
    guard left <= .zero || left > Limits.longestWait else {
      result.next = min(result.next, now.uptime + left)
      return nil
    }
    return 1
  }

  /// Where none is free, the pass after one is given back takes it.
  private func takeSlot(of store: StoreName, most: Int, at now: Moment, _ result: inout StreamSummary) -> Bool {
    switch shared.slots.take(store, for: name.text, most: most, at: now.uptime, wake: wake) {
    case .taken: return true
    case .none: return false
    case .othersFirst:
      result.next = min(result.next, now.uptime + StoreSlots.patience)
      return false
    }
  }

  private func due(to store: StoreName, at now: Moment) throws(LedgerFault) -> [DeliveryRecord] {
    var most = shared.slots.concurrency(of: store) * Limits.dueForEachSlot + withdrawn.count
    let name = name
    while true {
      let limit = most
      let found = try ledger.read { (t) throws(LedgerFault) in
        try t.due(of: name, to: store, at: now.wall, limit: limit)
      }
      // However many of the first ones are not ours to send now, those behind them are not kept waiting.
      if found.count < limit || found.contains(where: { lane.adopted.contains($0.batch) }) {
        return found.filter {
          !underWay.contains(Delivery(batch: $0.batch, store: $0.store)) && !withdrawn.contains($0.batch)
        }
      }
      most *= 2
    }
  }

  /// - Returns: whether a transfer begins.
  private mutating func offer(
    _ record: DeliveryRecord, at now: Moment, _ result: inout StreamSummary
  ) throws -> Bool {
    guard lane.adopted.contains(record.batch) else {
      // What lies elsewhere is not ours to send: `settleIn` takes it up when it comes.
      if try lane.spool.isNowhere(record.batch) { try miss(record.batch, at: now) }
      return false
    }
    let folder = lane.spool.path(.ready, record.batch)
    let found = try each(.batch(record.batch), at: now) {
      var plan: BatchPlan?
      try orAside(record.batch, from: .ready, at: now) {
        let found = try files.batchPlan(of: record.batch, in: folder)
        try files.requireObject(of: found, in: folder)
        plan = found
      }
      return plan
    }
    guard let plan = found ?? nil else { return false }
    let isManifest = record.confirmedAt != nil
    guard let key = StoreKey(isManifest ? plan.manifestKey ?? plan.key : plan.key) else { return false }
    let file =
      isManifest
      ? try BatchManifest.file(of: plan, in: folder, files)
      : StoredFile(
        path: folder.appending(BatchPlan.objectName), size: plan.compressedBytes, sha256: plan.sha256, md5: plan.md5)
    underWay.insert(Delivery(batch: record.batch, store: record.store))
    result.uploads.append(
      Upload(
        batch: record.batch, store: record.store, key: key, file: file, attempt: record.attempts +| 1,
        isManifest: isManifest, storeFailures: shared.stores.wait(of: record.store)?.attempts ?? 0))
    return true
  }

  /// Its folder was taken away: nobody can send it, and the others go on.
  private func miss(_ batch: BatchID, at now: Moment) throws(LedgerFault) {
    let why = "its folder is gone from the spool, and its records with it"
    try ledger.transact("missing") { (t) throws(LedgerFault) in
      try t.noteMissing(batch, at: now.wall, fault: why)
      try t.noteHistory(batch, EventKind.batchHeld.rawValue, why, at: now.wall)
    }
    events.record(
      .batchHeld,
      "Batch \(batch) is held: \(why). Put \(lane.spool.path(.ready, batch).shown) back, or give it up: navette purge --batch \(batch)",
      [.stream: lane.name.text, .batch: batch.description, .reason: "missing"])
  }
}
