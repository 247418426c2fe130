public import Core
import Files
import Journal
import Ledger
import Spool
import Store

/// From sealed batches to receipts, and what follows from them.
extension StreamWorker {
  /// Moves what every store has confirmed, and what nobody but a person can help.
  func settleBatches(at now: Moment) throws {
    let (finished, stuck) = try ledger.read { (t) throws(LedgerFault) in
      (try t.finished(of: lane.name), try t.stuck(of: lane.name))
    }
    try hold(stuck, at: now)
    guard !finished.isEmpty else { return }
    for place in [BatchPlace.ready, .held] {
      try lane.spool.move(try present(finished, in: place), from: place, to: .delivered)
    }
    // Also those that an earlier life moved and did not record.
    let delivered = try present(finished, in: .delivered)
    lane.adopted.subtract(delivered)
    try ledger.transact("delivered") { (t) throws(LedgerFault) in
      for batch in delivered { try t.noteDelivered(batch, at: now.wall) }
    }
  }

  /// Recorded first: a batch found in `ready` that is recorded as held was moved back by a person.
  private func hold(_ batches: [BatchID], at now: Moment) throws {
    guard !batches.isEmpty else { return }
    try ledger.transact("held") { (t) throws(LedgerFault) in
      for batch in batches { try t.noteHeld(batch, at: now.wall) }
    }
    try lane.spool.move(try present(batches, in: .ready), from: .ready, to: .held)
    lane.adopted.subtract(batches)
  }

  func present(_ batches: [BatchID], in place: BatchPlace) throws(FileFault) -> [BatchID] {
    var found: [BatchID] = []
    for batch in batches where try files.info(lane.spool.path(place, batch)) != nil { found.append(batch) }
    return found
  }

  /// Records how a transfer ended. The next pass acts on it.
  public mutating func note(_ outcome: UploadOutcome, at now: Moment) throws(LedgerFault) {
    let upload = outcome.upload
    underWay.remove(Delivery(batch: upload.batch, store: upload.store))
    let work = Work(.stream(upload.batch.stream), .send, .batch(upload.batch), store: upload.store)
    try hands.holding(work) { () throws(LedgerFault) in
      switch outcome.result {
      case .success(let receipt): try confirm(upload, receipt, took: outcome.took, at: now)
      case .failure(let fault): try refuse(upload, fault, at: now)
      }
    }
  }

  /// The transfer is over, however it ended: its slot is another's. By whoever has carried it out, at once: the lane may be busy for long.
  public func ended(_ upload: Upload, at uptime: Duration) {
    shared.slots.giveBack(upload.store, of: name.text, at: uptime)
  }

  /// The transfer was broken off: nothing is known of its end.
  public mutating func drop(_ upload: Upload) {
    underWay.remove(Delivery(batch: upload.batch, store: upload.store))
  }

  private mutating func confirm(_ upload: Upload, _ receipt: Receipt, took: Duration, at now: Moment)
    throws(LedgerFault)
  {
    let wasWaiting = shared.stores.wait(of: upload.store) != nil
    try ledger.transact("confirm") { (t) throws(LedgerFault) in
      if wasWaiting {
        try t.note(nil, of: upload.store)
        // It takes something again: what was put off because of it goes now, not when its own pause is over.
        try t.makeDue(upload.store, at: now.wall)
      }
      if upload.isManifest {
        try t.noteManifest(upload.batch, upload.store, at: now.wall)
        try t.noteHistory(upload.batch, "manifest_written", "to \(upload.store)", at: now.wall)
        return
      }
      try t.noteConfirmed(upload.batch, upload.store, at: now.wall, tag: receipt.tag)
      try t.noteHistory(
        upload.batch, EventKind.batchConfirmed.rawValue,
        "by \(upload.store)\(receipt.outcome == .alreadyThere ? ", which had it already" : "")", at: now.wall)
    }
    // What cannot be recorded is noted anew, and counts then.
    shared.stores.confirmed()
    _ = shared.stores.answered(upload.store)
    guard !upload.isManifest else { return }
    events.record(
      .batchConfirmed, "Store \(upload.store) confirmed batch \(upload.batch)",
      fields(upload, [.durationMS: "\(took.milliseconds)"]))
  }

  private mutating func refuse(_ upload: Upload, _ fault: StoreFault, at now: Moment) throws(LedgerFault) {
    shared.stores.failed(upload.store, isUnreachable: fault.kind == .unreachable)
    switch Verdict(fault.kind) {
    case .retry(let backoff, let atLeast): try deferred(upload, fault, backoff, atLeast, at: now)
    case .hold: try refused(upload, fault, at: now)
    }
  }

  private mutating func deferred(
    _ upload: Upload, _ fault: StoreFault, _ backoff: Backoff, _ atLeast: Duration, at now: Moment
  ) throws(LedgerFault) {
    let wait = leaveAlone(upload, fault, backoff, atLeast, at: now)
    // A store that refuses us says nothing of the batch, which goes as soon as the store takes it.
    let own =
      backoff == .refused ? .zero : max(backoff.delay(attempt: upload.attempt, random: random.next()), atLeast)
    let next = max(wait.nextAt, now.wall + own)
    try ledger.transact("attempt") { (t) throws(LedgerFault) in
      try t.note(wait, of: upload.store)
      try t.noteAttempt(upload.batch, upload.store, next: next, fault: fault.description)
      try t.noteHistory(
        upload.batch, EventKind.uploadRetry.rawValue, "attempt \(upload.attempt): \(fault)", at: now.wall)
    }
    if backoff == .refused {
      guard shared.stores.refuses(upload.store) else { return }
      events.record(
        .credentialRefused, "Store \(upload.store) refuses us: \(fault)",
        fields(upload, [.reason: "\(fault.kind)"]))
    } else {
      let delay = next - now.wall
      events.record(
        .uploadRetry,
        "Batch \(upload.batch) goes to store \(upload.store) again \(soon(delay)): \(fault)",
        fields(upload, [.reason: "\(fault.kind)"]))
    }
  }

  /// Makes the whole store wait. Transfers that began together and fail together are one failure.
  private mutating func leaveAlone(
    _ upload: Upload, _ fault: StoreFault, _ backoff: Backoff, _ atLeast: Duration, at now: Moment
  ) -> StoreWait {
    let attempts = upload.storeFailures +| 1
    let delay = max(backoff.delay(attempt: attempts, random: random.next()), atLeast)
    return shared.stores.leaveAlone(
      upload.store, after: upload.storeFailures,
      StoreWait(attempts: attempts, nextAt: now.wall + delay, fault: fault.description))
  }

  /// The store is well and will not have the batch: others go on.
  private mutating func refused(_ upload: Upload, _ fault: StoreFault, at now: Moment) throws(LedgerFault) {
    let wasWaiting = shared.stores.answered(upload.store, refuses: true)
    try ledger.transact("refused") { (t) throws(LedgerFault) in
      if wasWaiting { try t.note(nil, of: upload.store) }
      try t.noteRefused(upload.batch, upload.store, at: now.wall, fault: fault.description)
      try t.noteHistory(upload.batch, EventKind.batchHeld.rawValue, fault.description, at: now.wall)
    }
    events.record(
      .batchHeld, "Batch \(upload.batch) is held: \(fault)", fields(upload, [.reason: "\(fault.kind)"]))
  }

  private func fields(_ upload: Upload, _ more: [Event.Field: String]) -> [Event.Field: String] {
    let known: [Event.Field: String] = [
      .stream: upload.batch.stream.text, .batch: upload.batch.description, .store: upload.store.text,
      .key: upload.key.description, .bytes: "\(upload.file.size)", .attempt: "\(upload.attempt)",
    ]
    return known.merging(more) { $1 }
  }
}
