import Core
import Files
import Ledger
import Spool
import SystemPackage

/// What an earlier life left is ours, before anything else is done.
struct Adopting {
  /// Takes what an earlier life left: half-built batches are thrown away, sealed ones made durable and recorded before anything else
  /// is cut.
  func run(_ batches: inout StreamBatches, _ schemas: inout Schemas, in pass: inout StreamPass) throws {
    if batches.sequence == nil {
      try pass.spool.prepare()
      try Pin.clearUnfinished(in: pass.context.pins.path, pass.files)
      try recordUnknown(&batches, in: &pass)
      try Purging().run(&batches, in: pass)
      try schemas.load(in: &pass)
      batches.sequence = try lastSequence(in: pass)
    }
    try batches.setAsideCrashed(in: &pass)
    for name in try pass.spool.entries(in: .building) { try pass.spool.remove(name, from: .building) }
    batches.unrecorded = []
    let known = schemas
    for name in try pass.spool.entries(in: .ready) {
      guard let id = BatchID(name), id.stream == pass.name, !batches.adopted.contains(id) else { continue }
      // Moved here in this life, but not known to be durable: its number is taken.
      batches.sequence = max(batches.sequence ?? 0, id.sequence)
      let adopted = try batches.each(id, in: .ready, &pass) { batches, pass in
        try markAgain(id, in: pass)
        if try PurgeMark.isIn(pass.spool.path(.ready, id), pass.files) {
          try Purging().finish(id, in: .ready, &batches, pass)
        } else {
          try pass.hands.holding(Work(.stream(pass.name), .adopt, .batch(id))) {
            try adopt(id, known, &batches, in: pass)
          }
        }
      }
      if case .waits = adopted, try !pass.ledger.read({ (t) throws(LedgerFault) in try t.batches.knows(id) }) {
        batches.unrecorded.insert(id)
      }
    }
  }

  /// A batch that was given up because its folder was gone has come back all the same: what was said of it stands.
  private func markAgain(_ id: BatchID, in pass: StreamPass) throws {
    let folder = pass.spool.path(.ready, id)
    guard let at = try pass.ledger.read({ (t) throws(LedgerFault) in try t.batches.find(id)?.purgedAt }),
      try !PurgeMark.isIn(folder, pass.files)
    else { return }
    let mark = PurgeMark(
      at: at, by: "navette", reason: "it was purged before its folder came back", wasDelivered: false)
    try pass.files.writePlan(mark, to: folder.appending(PurgeMark.fileName))
  }

  /// Batches at an end that the ledger does not know, as when an older ledger was put back: their plans say how far the logs were
  /// read. Those in `ready` are adopted one by one.
  private func recordUnknown(_ batches: inout StreamBatches, in pass: inout StreamPass) throws {
    for place in [BatchPlace.delivered, .held] {
      for id in try pass.spool.entries(in: place).compactMap({ BatchID($0) }) where id.stream == pass.name {
        guard try pass.ledger.read({ (t) throws(LedgerFault) in try !t.batches.knows(id) }) else { continue }
        _ = try batches.orAside(id, from: place, in: &pass) { _, pass in
          try OutboundRebuild.record(
            pass.spool.path(place, id), of: id, in: place, pass.files, pass.ledger, at: pass.now.wall)
        }
      }
    }
    for id in try pass.spool.entries(in: .damaged).compactMap({ BatchID($0) }) where id.stream == pass.name {
      if try pass.ledger.read({ (t) throws(LedgerFault) in try !t.batches.knows(id) }) { batches.undecided.insert(id) }
    }
  }

  private func lastSequence(in pass: StreamPass) throws -> Int {
    var last = try pass.ledger.read { (t) throws(LedgerFault) in try t.batches.lastSequence(of: pass.name) }
    last = max(last, try SequenceFloor.read(of: pass.name, pass.context.state, pass.files).last)
    for place in BatchPlace.allCases where place != .building {
      last = try pass.spool.entries(in: place).compactMap { BatchID($0)?.sequence }.reduce(last, max)
    }
    return last
  }

  private func adopt(_ id: BatchID, _ schemas: Schemas, _ batches: inout StreamBatches, in pass: StreamPass) throws {
    let folder = pass.spool.path(.ready, id)
    let plan = try pass.files.batchPlan(of: id, in: folder)
    try pass.files.requireObject(of: plan, in: folder)
    // It was moved here from one of the others, and a rename is durable once both ends of it are.
    try pass.files.sync(
      [folder.appending(BatchPlan.fileName), folder.appending(BatchPlan.objectName), folder]
        + [BatchPlace.ready, .building, .held].map { pass.spool.path($0) })
    try pass.files.syncLogs(of: plan)
    let isWaiting = schemas.isWaiting(plan.header)
    try pass.ledger.transact("adopt") { (t) throws(LedgerFault) in
      if try !t.batches.knows(id) {
        try t.batches.note(plan, due: pass.now.wall)
        try t.batches.advance(plan)
        try t.history.note(id, "adopted", "found sealed in the spool; recorded now", at: pass.now.wall)
      } else if !isWaiting, try t.deliveries.isHeld(id) {
        try t.deliveries.forgive(id, at: pass.now.wall)
        try t.history.note(id, "retried", "found moved back to ready", at: pass.now.wall)
      }
    }
    // Of two that were sealed under a header that is new, a stop may have left one here.
    if isWaiting { return try schemas.hold(id, in: pass) }
    batches.adopted.insert(id)
  }
}
