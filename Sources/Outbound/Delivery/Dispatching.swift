import Core
import Files
import Journal
import Ledger
import Spool
import Store
import SystemPackage

/// Which transfers begin now.
///
/// - A store has at most its `concurrency` under way; one that failed last has one at a time, until it has taken something.
/// - Streams take turns, the one with the fewest transfers first; within a stream the oldest batch goes first.
extension OutboundEngine {
  mutating func dispatch(at now: Moment, _ result: inout OutboundPass) throws(LedgerFault) {
    turn += 1
    for store in Set(lanes.flatMap(\.settings.stores)).sorted() {
      let slots = freeSlots(of: store, at: now, &result)
      guard slots > 0 else { continue }
      var queues: [(lane: StreamLane, due: ArraySlice<DeliveryRecord>)] = []
      for lane in inTurn() where lane.settings.stores.contains(store) && !lane.isStopped {
        let due = try due(of: lane, to: store, at: now)
        if !due.isEmpty { queues.append((lane, due[...])) }
      }
      var free = slots
      while free > 0 {
        // `min` takes the first of equals: the stream whose turn it is.
        guard
          let next = queues.indices.filter({ !queues[$0].due.isEmpty })
            .min(by: { load(of: queues[$0].lane, store) < load(of: queues[$1].lane, store) }),
          let record = queues[next].due.popFirst()
        else { break }
        var begins = false
        guard
          try attempt(
            queues[next].lane, at: now,
            { engine, lane in
              try engine.hands.holding(Work(.stream(lane.name), .offer, .batch(record.batch), store: store)) {
                begins = try engine.offer(record, lane, at: now, &result)
              }
            })
        else { return }
        if begins { free -= 1 }
      }
    }
    for lane in lanes where !lane.isStopped {
      let next = try ledger.read { (t) throws(LedgerFault) in try t.nextDue(of: lane.name, after: now.wall) }
      if let next { result.next = min(result.next, now.uptime + max(next - now.wall, .milliseconds(10))) }
    }
  }

  private func freeSlots(of store: StoreName, at now: Moment, _ result: inout OutboundPass) -> Int {
    let busy = underWay.count { $0.store == store }
    guard let wait = waits[store] else { return (concurrency[store] ?? 1) - busy }
    let left = wait.nextAt - now.wall
    // A wall clock that was set back must not stop a store.
    guard left <= .zero || left > Limits.longestWait else {
      result.next = min(result.next, now.uptime + left)
      return 0
    }
    return busy == 0 ? 1 : 0
  }

  private func inTurn() -> [StreamLane] {
    guard !lanes.isEmpty else { return [] }
    let first = turn % lanes.count
    return Array(lanes[first...] + lanes[..<first])
  }

  private func load(of lane: StreamLane, _ store: StoreName) -> Int {
    underWay.count { $0.store == store && $0.batch.stream == lane.name }
  }

  private func due(of lane: StreamLane, to store: StoreName, at now: Moment) throws(LedgerFault) -> [DeliveryRecord] {
    var most = (concurrency[store] ?? 1) * 2 + withdrawn.count
    while true {
      let limit = most
      let found = try ledger.read { (t) throws(LedgerFault) in
        try t.due(of: lane.name, to: store, at: now.wall, limit: limit)
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
    _ record: DeliveryRecord, _ lane: StreamLane, at now: Moment, _ result: inout OutboundPass
  ) throws -> Bool {
    guard lane.adopted.contains(record.batch) else {
      // What lies elsewhere is not ours to send: `settleIn` takes it up when it comes.
      if try lane.spool.isNowhere(record.batch) { try miss(record.batch, lane, at: now) }
      return false
    }
    let folder = lane.spool.path(.ready, record.batch)
    let found = try each(.batch(record.batch), lane, at: now) {
      var plan: BatchPlan?
      try orAside(record.batch, from: .ready, lane, at: now) {
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
        isManifest: isManifest, storeFailures: waits[record.store]?.attempts ?? 0))
    return true
  }

  /// Its folder was taken away: nobody can send it, and the others go on.
  private func miss(_ batch: BatchID, _ lane: StreamLane, at now: Moment) throws(LedgerFault) {
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
