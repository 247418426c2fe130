import Config
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
struct Dispatching {
  private struct Transfer: Hashable {
    let batch: BatchID
    let store: StoreName
  }

  /// Asks for a pass: called when a slot of a store may be free.
  var wake: @Sendable () -> Void = {}
  private var underWay: Set<Transfer> = []
  /// Batches that a person has asked to be deleted: they are offered to no store.
  private var withdrawn: Set<BatchID> = []

  /// - Parameter batches: what a store may be offered lies in `ready`, adopted.
  /// - Parameter isPaused: by a person.
  mutating func run(
    _ batches: inout StreamBatches, isPaused: Bool, in pass: inout StreamPass
  ) throws(LedgerFault) {
    pass.shared.slots.forget(pass.name.text)
    guard !isPaused else { return }
    do throws(LedgerFault) {
      for store in pass.settings.stores.sorted() where try !fill(store, &batches, in: &pass) { return }
      let next = try pass.ledger.read { (t) throws(LedgerFault) in
        try t.deliveries.nextDue(of: pass.name, after: pass.now.wall)
      }
      if let next { pass.summary.look(at: pass.now.uptime + max(next - pass.now.wall, Limits.soonestDue)) }
    } catch {
      // Nobody will be told of what was begun.
      for upload in pass.summary.uploads {
        pass.shared.slots.giveBack(upload.store, of: pass.name.text, at: pass.now.uptime)
        ended(upload)
      }
      throw error
    }
  }

  /// The transfer is over, however it ended.
  mutating func ended(_ upload: Upload) {
    underWay.remove(Transfer(batch: upload.batch, store: upload.store))
  }

  func isSending(_ batch: BatchID) -> Bool { underWay.contains { $0.batch == batch } }

  /// No store is offered the batch any more.
  mutating func withdraw(_ batch: BatchID) { withdrawn.insert(batch) }

  /// It is at its end.
  mutating func forget(_ batch: BatchID) { withdrawn.remove(batch) }

  /// - Returns: false where the agent stops.
  private mutating func fill(
    _ store: StoreName, _ batches: inout StreamBatches, in pass: inout StreamPass
  ) throws(LedgerFault) -> Bool {
    guard let most = slots(of: store, in: &pass) else { return true }
    for record in try due(to: store, batches, in: pass) {
      guard takeSlot(of: store, most: most, in: &pass) else { return true }
      var begins = false
      defer { if !begins { pass.shared.slots.giveBack(store, of: pass.name.text, at: pass.now.uptime) } }
      let isThrough = try pass.attempt { pass in
        try pass.hands.holding(Work(.stream(pass.name), .offer, .batch(record.batch), store: store)) {
          let offered = try offer(record, &batches, in: &pass)
          if let upload = offered.value {
            underWay.insert(Transfer(batch: upload.batch, store: upload.store))
            pass.summary.uploads.append(upload)
          }
          begins = offered.isDone
        }
      }
      guard isThrough else { return false }
    }
    return true
  }

  /// How many may be under way to the store; nil: it is left alone.
  private func slots(of store: StoreName, in pass: inout StreamPass) -> Int? {
    guard let wait = pass.shared.stores.wait(of: store) else { return pass.shared.slots.concurrency(of: store) }
    let left = wait.nextAt - pass.now.wall
    // A wall clock that was set back must not stop a store.
    guard left <= .zero || left > Limits.longestWait else {
      pass.summary.look(at: pass.now.uptime + left)
      return nil
    }
    return 1
  }

  /// Where none is free, the pass after one is given back takes it.
  private func takeSlot(of store: StoreName, most: Int, in pass: inout StreamPass) -> Bool {
    switch pass.shared.slots.take(store, for: pass.name.text, most: most, at: pass.now.uptime, wake: wake) {
    case .taken: return true
    case .none: return false
    case .othersFirst:
      pass.summary.look(at: pass.now.uptime + StoreSlots.patience)
      return false
    }
  }

  private func due(
    to store: StoreName, _ batches: StreamBatches, in pass: StreamPass
  ) throws(LedgerFault) -> [DeliveryRecord] {
    var most = pass.shared.slots.concurrency(of: store) * Limits.dueForEachSlot + withdrawn.count
    let name = pass.name
    while true {
      let limit = most
      let found = try pass.ledger.read { (t) throws(LedgerFault) in
        try t.deliveries.due(of: name, to: store, at: pass.now.wall, limit: limit)
      }
      // However many of the first ones are not ours to send now, those behind them are not kept waiting.
      if found.count < limit || found.contains(where: { batches.adopted.contains($0.batch) }) {
        return found.filter {
          !underWay.contains(Transfer(batch: $0.batch, store: $0.store)) && !withdrawn.contains($0.batch)
        }
      }
      most *= 2
    }
  }

  /// - Returns: the transfer that begins.
  private func offer(
    _ record: DeliveryRecord, _ batches: inout StreamBatches, in pass: inout StreamPass
  ) throws -> ItemOutcome<Upload> {
    guard batches.adopted.contains(record.batch) else {
      // What lies elsewhere is not ours to send: `Adopting` takes it up when it comes.
      if try pass.spool.isNowhere(record.batch) { try miss(record.batch, in: pass) }
      return .gone
    }
    let folder = pass.spool.path(.ready, record.batch)
    let plan = try batches.each(record.batch, in: .ready, &pass) { _, pass in
      let plan = try pass.files.batchPlan(of: record.batch, in: folder)
      try pass.files.requireObject(of: plan, in: folder)
      return plan
    }
    return try plan.flatMap { plan in
      let isManifest = record.confirmedAt != nil
      guard let key = StoreKey(isManifest ? plan.manifestKey ?? plan.key : plan.key) else { return .gone }
      let file =
        isManifest
        ? try BatchManifest.file(of: plan, in: folder, pass.files)
        : StoredFile(
          path: folder.appending(BatchPlan.objectName), size: plan.compressedBytes, sha256: plan.sha256, md5: plan.md5,
          // Its key says that it is encrypted; whatever it says else, an object is gzip.
          contentType: ContentType.of(
            plan.key, beginning: StreamSettings.Encrypt.isSaid(by: plan.key) ? [] : [0x1f, 0x8b]))
      return .done(
        Upload(
          batch: record.batch, store: record.store, key: key, file: file, attempt: record.attempts +| 1,
          isManifest: isManifest, storeFailures: pass.shared.stores.wait(of: record.store)?.attempts ?? 0))
    }
  }

  /// Its folder was taken away: nobody can send it, and the others go on.
  private func miss(_ batch: BatchID, in pass: StreamPass) throws(LedgerFault) {
    let why = "its folder is gone from the spool, and its records with it"
    try pass.ledger.transact("missing") { (t) throws(LedgerFault) in
      try t.deliveries.noteMissing(batch, at: pass.now.wall, fault: why)
      try t.history.note(batch, EventKind.batchHeld.rawValue, why, at: pass.now.wall)
    }
    pass.report(
      .batchHeld,
      "Batch \(batch) is held: \(why). Put \(pass.spool.path(.ready, batch).shown) back, or give it up: navette purge --batch \(batch)",
      [.batch: batch.description, .reason: "missing"])
  }
}
