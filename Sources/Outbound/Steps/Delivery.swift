import Core
import Files
import Journal
import Ledger
import Spool
import Store

/// What follows from what stores have said.
struct Delivery {
  /// Moves what every store has confirmed, and what nobody but a person can help.
  func run(_ batches: inout StreamBatches, in pass: StreamPass) throws {
    let (finished, stuck) = try pass.ledger.read { (t) throws(LedgerFault) in
      (try t.deliveries.finished(of: pass.name), try t.deliveries.stuck(of: pass.name))
    }
    try hold(stuck, &batches, in: pass)
    guard !finished.isEmpty else { return }
    for place in [BatchPlace.ready, .held] {
      try pass.spool.move(try present(finished, in: place, of: pass), from: place, to: .delivered)
    }
    // Also those that an earlier life moved and did not record.
    let delivered = try present(finished, in: .delivered, of: pass)
    batches.adopted.subtract(delivered)
    try pass.ledger.transact("delivered") { (t) throws(LedgerFault) in
      for batch in delivered { try t.deliveries.noteDelivered(batch, at: pass.now.wall) }
    }
  }

  /// Recorded first: a batch found in `ready` that is recorded as held was moved back by a person.
  private func hold(_ stuck: [BatchID], _ batches: inout StreamBatches, in pass: StreamPass) throws {
    guard !stuck.isEmpty else { return }
    try pass.ledger.transact("held") { (t) throws(LedgerFault) in
      for batch in stuck { try t.deliveries.noteHeld(batch, at: pass.now.wall) }
    }
    try pass.spool.move(try present(stuck, in: .ready, of: pass), from: .ready, to: .held)
    batches.adopted.subtract(stuck)
  }

  private func present(
    _ batches: [BatchID], in place: BatchPlace, of pass: StreamPass
  ) throws(FileFault) -> [BatchID] {
    var found: [BatchID] = []
    for batch in batches where try pass.files.info(pass.spool.path(place, batch)) != nil { found.append(batch) }
    return found
  }

  /// Everything of the stream that waits is due now.
  func makeDue(in pass: StreamPass) throws(LedgerFault) {
    try pass.ledger.transact("make due") { (t) throws(LedgerFault) in
      try t.deliveries.makeDue(pass.name, at: pass.now.wall)
    }
    try forgetWaits(in: pass)
  }

  func forgetWaits(in pass: StreamPass) throws(LedgerFault) {
    let stores = pass.settings.stores.filter { pass.shared.stores.wait(of: $0) != nil }
    guard !stores.isEmpty else { return }
    pass.shared.stores.forget(stores)
    try pass.ledger.transact("forget waits") { (t) throws(LedgerFault) in
      for store in stores { try t.deliveries.note(nil, of: store) }
    }
  }

  /// Attempts and refusals are forgotten, held batches go back to `ready`, and everything is due at once.
  /// - Parameter asked: nil: all that are held or wait.
  /// - Returns: which.
  func retry(
    _ asked: Set<BatchID>?, _ batches: StreamBatches, _ schemas: Schemas, in pass: StreamPass
  ) throws -> [BatchID] {
    let held = try pass.spool.entries(in: .held).compactMap { BatchID($0) }.filter { !schemas.isWaiting($0, in: pass) }
    let chosen = (held + batches.adopted.sorted()).filter { asked?.contains($0) ?? true }
    guard !chosen.isEmpty else { return [] }
    try pass.spool.move(chosen.filter(held.contains), from: .held, to: .ready)
    try pass.ledger.transact("retry") { (t) throws(LedgerFault) in
      for batch in chosen {
        try t.deliveries.forgive(batch, at: pass.now.wall)
        try t.history.note(batch, "retried", "asked for by a person", at: pass.now.wall)
      }
    }
    try forgetWaits(in: pass)
    return chosen
  }

  /// Records how a transfer ended. The next pass acts on it.
  func note(_ outcome: UploadOutcome, in pass: StreamPass) throws(LedgerFault) {
    let upload = outcome.upload
    let work = Work(.stream(upload.batch.stream), .send, .batch(upload.batch), store: upload.store)
    try pass.hands.holding(work) { () throws(LedgerFault) in
      switch outcome.result {
      case .success(let receipt): try confirm(upload, receipt, took: outcome.took, in: pass)
      case .failure(let fault): try refuse(upload, fault, in: pass)
      }
    }
  }

  private func confirm(_ upload: Upload, _ receipt: Receipt, took: Duration, in pass: StreamPass)
    throws(LedgerFault)
  {
    let wasWaiting = pass.shared.stores.wait(of: upload.store) != nil
    try pass.ledger.transact("confirm") { (t) throws(LedgerFault) in
      if wasWaiting {
        try t.deliveries.note(nil, of: upload.store)
        // It takes something again: what was put off because of it goes now, not when its own pause is over.
        try t.deliveries.makeDue(upload.store, at: pass.now.wall)
      }
      if upload.isManifest {
        try t.deliveries.noteManifest(upload.batch, upload.store, at: pass.now.wall)
        try t.history.note(upload.batch, "manifest_written", "to \(upload.store)", at: pass.now.wall)
        return
      }
      try t.deliveries.noteConfirmed(
        upload.batch, upload.store, at: pass.now.wall,
        ReceiptRecord(tag: receipt.tag, version: receipt.version, modified: receipt.modified))
      try t.history.note(
        upload.batch, EventKind.batchConfirmed.rawValue,
        "by \(upload.store)\(receipt.outcome == .alreadyThere ? ", which had it already" : "")", at: pass.now.wall)
    }
    // What cannot be recorded is noted anew, and counts then.
    pass.shared.stores.confirmed()
    pass.shared.stores.permits(upload.store, upload.batch)
    _ = pass.shared.stores.answered(upload.store)
    guard !upload.isManifest else { return }
    pass.events.record(
      .batchConfirmed, "Store \(upload.store) confirmed batch \(upload.batch)",
      fields(upload, [.durationMS: "\(took.milliseconds)"]))
  }

  private func refuse(_ upload: Upload, _ fault: StoreFault, in pass: StreamPass) throws(LedgerFault) {
    pass.shared.stores.failed(upload.store, isUnreachable: fault.kind == .unreachable)
    switch Verdict(fault.kind) {
    case .retry(let backoff, let atLeast): try deferred(upload, fault, backoff, atLeast, in: pass)
    case .retryAlone: try forbidden(upload, fault, in: pass)
    case .hold: try refused(upload, fault, in: pass)
    }
  }

  private func deferred(
    _ upload: Upload, _ fault: StoreFault, _ backoff: Backoff, _ atLeast: Duration, in pass: StreamPass
  ) throws(LedgerFault) {
    let wait = leaveAlone(upload, fault, backoff, atLeast, in: pass)
    // A store that refuses us says nothing of the batch, which goes as soon as the store takes it.
    let own =
      backoff == .refused ? .zero : max(backoff.delay(attempt: upload.attempt, random: pass.context.random()), atLeast)
    let next = max(wait.nextAt, pass.now.wall + own)
    try pass.ledger.transact("attempt") { (t) throws(LedgerFault) in
      try t.deliveries.note(wait, of: upload.store)
      try t.deliveries.noteAttempt(upload.batch, upload.store, next: next, fault: fault.description)
      try t.history.note(
        upload.batch, EventKind.uploadRetry.rawValue, "attempt \(upload.attempt): \(fault)", at: pass.now.wall)
    }
    if backoff == .refused {
      guard pass.shared.stores.refuses(upload.store) else { return }
      if fault.kind == .wrongPlace {
        pass.events.record(
          .wrongEndpoint, "Store \(upload.store) is not where the configuration says: \(fault)",
          fields(upload, [.reason: "\(fault.kind)"]))
        return
      }
      let isUnproven = fault.kind == .unproven
      pass.events.record(
        isUnproven ? .storeUnproven : .credentialRefused,
        "Store \(upload.store) \(isUnproven ? "is not sent to" : "refuses us"): \(fault)",
        fields(upload, [.reason: "\(fault.kind)"]))
    } else {
      let delay = next - pass.now.wall
      pass.events.record(
        .uploadRetry,
        "Batch \(upload.batch) goes to store \(upload.store) again \(soon(delay)): \(fault)",
        fields(upload, [.reason: "\(fault.kind)"]))
    }
  }

  /// Makes the whole store wait. Transfers that began together and fail together are one failure.
  private func leaveAlone(
    _ upload: Upload, _ fault: StoreFault, _ backoff: Backoff, _ atLeast: Duration, in pass: StreamPass
  ) -> StoreWait {
    let attempts = upload.storeFailures +| 1
    let delay = max(backoff.delay(attempt: attempts, random: pass.context.random()), atLeast)
    return pass.shared.stores.leaveAlone(
      upload.store, after: upload.storeFailures,
      StoreWait(attempts: attempts, nextAt: pass.now.wall + delay, fault: fault.description))
  }

  /// The keys are good and may not write this: said once for the stream, and tried again, less and less often, since rights come back.
  private func forbidden(_ upload: Upload, _ fault: StoreFault, in pass: StreamPass) throws(LedgerFault) {
    let wasWaiting = pass.shared.stores.answered(upload.store, refuses: true)
    let next = pass.now.wall + Backoff.refused.delay(attempt: upload.attempt, random: pass.context.random())
    try pass.ledger.transact("forbidden") { (t) throws(LedgerFault) in
      if wasWaiting { try t.deliveries.note(nil, of: upload.store) }
      try t.deliveries.noteAttempt(upload.batch, upload.store, next: next, fault: fault.description)
      try t.history.note(
        upload.batch, EventKind.uploadRetry.rawValue, "attempt \(upload.attempt): \(fault)", at: pass.now.wall)
    }
    guard pass.shared.stores.forbids(upload.store, upload.batch) else { return }
    pass.events.record(
      .credentialRefused,
      "Store \(upload.store) forbids what stream \(upload.batch.stream) sends; it is tried again: \(fault)",
      fields(upload, [.reason: "\(fault.kind)"]))
  }

  /// The store is well and will not have the batch: others go on.
  private func refused(_ upload: Upload, _ fault: StoreFault, in pass: StreamPass) throws(LedgerFault) {
    let wasWaiting = pass.shared.stores.answered(upload.store, refuses: true)
    try pass.ledger.transact("refused") { (t) throws(LedgerFault) in
      if wasWaiting { try t.deliveries.note(nil, of: upload.store) }
      try t.deliveries.noteRefused(upload.batch, upload.store, at: pass.now.wall, fault: fault.description)
      try t.history.note(upload.batch, EventKind.batchHeld.rawValue, fault.description, at: pass.now.wall)
    }
    pass.events.record(
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
