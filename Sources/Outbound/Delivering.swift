public import Core
import Files
import Journal
import Ledger
import Spool
import Store
import SystemPackage

/// From sealed batches to receipts, and what follows from them.
extension OutboundEngine {
  /// Moves what every store has confirmed, and hands out the transfers that are due.
  mutating func deliver(_ lane: StreamLane, at now: Moment, _ result: inout OutboundPass) throws {
    let waiting = try ledger.read { (t) throws(LedgerFault) in try t.waiting(of: lane.name) }
    guard !waiting.isEmpty else { return }
    let ready = Set(try lane.spool.entries(in: .ready))
    var confirmed: [BatchID] = []
    var moved: [BatchID] = []
    var held: [BatchID] = []
    for (batch, deliveries) in Dictionary(grouping: waiting, by: \.batch).sorted(by: { $0.key < $1.key }) {
      guard ready.contains(batch.description) else {
        // Moved in an earlier life, before that was recorded.
        if try files.info(lane.spool.path(.delivered, batch)) != nil { moved.append(batch) }
        continue
      }
      if deliveries.allSatisfy({ $0.confirmedAt != nil }) {
        confirmed.append(batch)
        continue
      }
      // One store's refusal does not keep a batch from the others: it is held when nobody else waits for it.
      let open = deliveries.filter { $0.confirmedAt == nil && refused[batch]?.contains($0.store) != true }
      if open.isEmpty { held.append(batch) }
      for delivery in open { try offer(delivery, lane, at: now, &result) }
    }
    try lane.spool.move(held, from: .ready, to: .held)
    for batch in held { refused[batch] = nil }
    lane.adopted.subtract(held)
    try lane.spool.move(confirmed, from: .ready, to: .delivered)
    let delivered = confirmed + moved
    guard !delivered.isEmpty else { return }
    lane.adopted.subtract(delivered)
    try ledger.transact("delivered") { (t) throws(LedgerFault) in
      for batch in delivered { try t.noteDelivered(batch, at: now.wall) }
    }
  }

  private mutating func offer(
    _ record: DeliveryRecord, _ lane: StreamLane, at now: Moment, _ result: inout OutboundPass
  ) throws {
    let delivery = Delivery(batch: record.batch, store: record.store)
    guard !underWay.contains(delivery) else { return }
    let wait = record.nextAt - now.wall
    // A wall clock that was set back must not stop a stream: no back-off is longer than an hour.
    if wait > .zero, wait <= .seconds(3_600) {
      result.next = min(result.next, now.uptime + wait)
      return
    }
    guard underWay.count(where: { $0.store == record.store }) < concurrency[record.store] ?? 1 else { return }
    let folder = lane.spool.path(.ready, record.batch)
    let plan = try files.readPlan(BatchPlan.self, at: folder.appending(BatchPlan.fileName))
    guard let key = StoreKey(plan.key) else { return }
    underWay.insert(delivery)
    result.uploads.append(
      Upload(
        batch: record.batch, store: record.store, key: key,
        file: StoredFile(
          path: folder.appending(BatchPlan.objectName), size: plan.compressedBytes, sha256: plan.sha256, md5: plan.md5),
        attempt: record.attempts + 1))
  }

  /// Records how a transfer ended. The next pass acts on it.
  public mutating func note(_ outcome: UploadOutcome, at now: Moment) throws(LedgerFault) {
    let upload = outcome.upload
    underWay.remove(Delivery(batch: upload.batch, store: upload.store))
    switch outcome.result {
    case .success(let receipt): try confirm(upload, receipt, took: outcome.took, at: now)
    case .failure(let fault): try refuse(upload, fault, at: now)
    }
  }

  private mutating func confirm(_ upload: Upload, _ receipt: Receipt, took: Duration, at now: Moment)
    throws(LedgerFault)
  {
    refusing.remove(upload.store)
    reached[upload.store] = true
    confirmed += 1
    try ledger.transact("confirm") { (t) throws(LedgerFault) in
      try t.noteConfirmed(upload.batch, upload.store, at: now.wall, tag: receipt.tag)
      try t.noteHistory(
        upload.batch, EventKind.batchConfirmed.rawValue,
        "by \(upload.store)\(receipt.outcome == .alreadyThere ? ", which had it already" : "")", at: now.wall)
    }
    events.record(
      .batchConfirmed, "Store \(upload.store) confirmed batch \(upload.batch)",
      fields(upload, [.durationMS: "\(took.milliseconds)"]))
  }

  private mutating func refuse(_ upload: Upload, _ fault: StoreFault, at now: Moment) throws(LedgerFault) {
    if fault.kind != .unreachable {
      reached[upload.store] = true
    } else if reached[upload.store] == nil {
      reached[upload.store] = false
    }
    switch Verdict(fault.kind) {
    case .retry(let backoff, let atLeast):
      let delay = max(backoff.delay(attempt: upload.attempt, random: random.next()), atLeast)
      try ledger.transact("attempt") { (t) throws(LedgerFault) in
        try t.noteAttempt(upload.batch, upload.store, next: now.wall + delay, fault: fault.description)
        try t.noteHistory(
          upload.batch, EventKind.uploadRetry.rawValue, "attempt \(upload.attempt): \(fault)", at: now.wall)
      }
      if backoff == .refused {
        guard refusing.insert(upload.store).inserted else { return }
        events.record(
          .credentialRefused, "Store \(upload.store) refuses us: \(fault)",
          fields(upload, [.reason: "\(fault.kind)"]))
      } else {
        events.record(
          .uploadRetry,
          "Batch \(upload.batch) goes to store \(upload.store) again in \(delay.milliseconds / 1000) s: \(fault)",
          fields(upload, [.reason: "\(fault.kind)"]))
      }
    case .hold:
      try ledger.transact("hold") { (t) throws(LedgerFault) in
        try t.noteAttempt(upload.batch, upload.store, next: now.wall, fault: fault.description)
        try t.noteHistory(upload.batch, EventKind.batchHeld.rawValue, fault.description, at: now.wall)
      }
      refused[upload.batch, default: []].insert(upload.store)
      events.record(
        .batchHeld, "Batch \(upload.batch) is held: \(fault)", fields(upload, [.reason: "\(fault.kind)"]))
    }
  }

  private func fields(_ upload: Upload, _ more: [Event.Field: String]) -> [Event.Field: String] {
    let known: [Event.Field: String] = [
      .stream: upload.batch.stream.text, .batch: upload.batch.description, .store: upload.store.text,
      .key: upload.key.description, .bytes: "\(upload.file.size)", .attempt: "\(upload.attempt)",
    ]
    return known.merging(more) { $1 }
  }
}
