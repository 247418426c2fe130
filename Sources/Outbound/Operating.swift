public import Core
import Files
import Journal
import Ledger
import Spool
import SystemPackage

/// What came of `retry`.
public struct Retried: Hashable, Sendable {
  public internal(set) var batches: [BatchID] = []
  /// Transfers of them that have begun at once; the others follow as their stores take them.
  public internal(set) var started = 0
  /// Transfers of them that were under way before.
  public internal(set) var underWay = 0
  /// Asked for, and still not as they were sealed; why.
  public internal(set) var damaged: [BatchID: String] = [:]
  /// Asked for, and neither held nor waiting for a store.
  public internal(set) var unknown: [BatchID] = []

  public init() {}

  /// What came of it in another stream.
  public mutating func add(_ other: Retried) {
    batches += other.batches
    started += other.started
    underWay += other.underWay
    damaged.merge(other.damaged) { first, _ in first }
    unknown += other.unknown
  }

  public mutating func add(unknown batches: Set<BatchID>) { unknown = (unknown + batches).sorted() }
}

/// What came of `purge`.
public struct Purged: Hashable, Sendable {
  /// Where the batch lay; nil: its folder was gone before.
  public let place: BatchPlace?
  public internal(set) var bytes: UInt64
  /// Stores that have the object all the same: deleting it there is up to their owners.
  public internal(set) var confirmedBy: [StoreName] = []
  /// Stores that may have it: an attempt was made, and nobody knows how it ended.
  public internal(set) var perhapsAt: [StoreName] = []
  /// Logs that still hold records of the batch.
  public internal(set) var logs: [String] = []
}

/// What people ask for. Each is durable on return and may be asked for again; killed half-way, the next life finishes it.
extension StreamWorker {
  // MARK: - Retry

  /// Attempts and refusals are forgotten, held batches go back to `ready`, and everything is due at once.
  /// - Parameter batches: nil: all that are held or wait.
  public mutating func retry(_ batches: Set<BatchID>?, at now: Moment) throws -> Retried {
    var retried = Retried()
    // Batches that nobody has looked at yet, as when no agent runs.
    try settleIn(at: now)
    for batch in try lane.spool.entries(in: .damaged).compactMap({ BatchID($0) })
    where batches?.contains(batch) == true {
      if let why = try takeBack(batch, at: now) { retried.damaged[batch] = why }
    }
    // What was taken back is adopted.
    try settleIn(at: now)
    let held = try lane.spool.entries(in: .held).compactMap { BatchID($0) }
    let chosen = (held + lane.adopted.sorted()).filter { batches?.contains($0) ?? true }
    if !chosen.isEmpty {
      try lane.spool.move(chosen.filter(held.contains), from: .held, to: .ready)
      try ledger.transact("retry") { (t) throws(LedgerFault) in
        for batch in chosen {
          try t.forgive(batch, at: now.wall)
          try t.noteHistory(batch, "retried", "asked for by a person", at: now.wall)
        }
      }
      try forgetWaits()
      retried.batches = chosen
    }
    retried.unknown = (batches ?? []).subtracting(retried.batches).subtracting(retried.damaged.keys).sorted()
    return retried
  }

  /// Everything of the stream that waits is due now.
  mutating func hurry(at now: Moment) throws(LedgerFault) {
    try ledger.transact("make due") { (t) throws(LedgerFault) in try t.makeDue(lane.name, at: now.wall) }
    try forgetWaits()
  }

  private func forgetWaits() throws(LedgerFault) {
    let stores = lane.settings.stores.filter { shared.stores.wait(of: $0) != nil }
    guard !stores.isEmpty else { return }
    shared.stores.forget(stores)
    try ledger.transact("forget waits") { (t) throws(LedgerFault) in
      for store in stores { try t.note(nil, of: store) }
    }
  }

  // MARK: - Pause and resume

  /// Stops the stream, across restarts: it rotates, seals and sends nothing, and its sources are still watched.
  /// - Returns: false where it was paused before.
  public func pause(by who: Requester, at now: Moment) throws(FileFault) -> Bool {
    try PauseMark(name, state: state, files: files).set(at: now.wall, by: who)
  }

  /// - Returns: false where it was not paused.
  public func resume() throws(FileFault) -> Bool { try PauseMark(name, state: state, files: files).clear() }

  /// The mark decides, whoever has set or removed it.
  func heedPause() throws(FileFault) {
    let mark = PauseMark(lane.name, state: state, files: files)
    let isStopped = try mark.isSet()
    guard isStopped != lane.isStopped else { return }
    lane.isStopped = isStopped
    let by = mark.asker().map { " by \($0.name): \($0.reason)" } ?? " by hand"
    events.record(
      isStopped ? .lanePaused : .laneResumed,
      isStopped
        ? "Stream \(lane.name) is paused\(by). It rotates, seals and sends nothing until it is resumed"
        : "Stream \(lane.name) goes on: it was resumed", [.stream: lane.name.text, .reason: "asked"])
  }

  // MARK: - Purge

  /// No store is offered the batch any more, whatever comes. Said before its transfers are broken off.
  /// - Returns: false where there is no such batch.
  public mutating func withdraw(_ batch: BatchID) throws -> Bool {
    let place = try lane.spool.place(of: batch)
    guard try place == nil ? isOpen(batch) : place != .building else { return false }
    withdrawn.insert(batch)
    return true
  }

  private func isOpen(_ batch: BatchID) throws(LedgerFault) -> Bool {
    try ledger.read { (t) throws(LedgerFault) in try t.batch(batch)?.isOpen == true }
  }

  /// Deletes the object of a withdrawn batch. The ledger and the plan keep the fact, and the records are never sent again.
  /// - Returns: nil where there is no such batch, or it was purged before.
  public mutating func purge(_ batch: BatchID, by: String, reason: String, at now: Moment) throws -> Purged? {
    precondition(!underWay.contains { $0.batch == batch }, "a batch that is being sent is withdrawn first")
    defer { withdrawn.remove(batch) }
    try settleIn(at: now)
    let deliveries = try ledger.read { (t) throws(LedgerFault) in try t.deliveries(of: batch) }
    var purged = Purged(place: try lane.spool.place(of: batch), bytes: 0)
    purged.confirmedBy = deliveries.filter { $0.confirmedAt != nil }.map(\.store)
    purged.perhapsAt = deliveries.filter { $0.confirmedAt == nil && $0.attempts > 0 }.map(\.store)
    guard let place = purged.place else {
      return try giveUp(batch, by: by, reason: reason, at: now) ? purged : nil
    }
    guard place != .building else { return nil }
    let folder = lane.spool.path(place, batch)
    guard try !PurgeMark.isIn(folder, files) else { return nil }
    if place == .damaged, lane.undecided.contains(batch) {
      try forget(batch, by: by, reason: reason, at: now)
      return purged
    }
    let plan = try? files.batchPlan(of: batch, in: folder)
    purged.bytes = try files.info(folder.appending(BatchPlan.objectName))?.size ?? 0
    purged.logs = try Set(plan?.segments.map(\.path) ?? []).sorted().filter { try files.info(FilePath($0)) != nil }

    let mark = PurgeMark(at: now.wall, by: by, reason: reason, wasDelivered: place == .delivered)
    try files.writePlan(mark, to: folder.appending(PurgeMark.fileName))
    try files.sync([folder.appending(PurgeMark.fileName), folder])
    try finishPurge(of: batch, in: place, at: now)
    return purged
  }

  /// Of a batch whose folder was taken away nothing is left but its line in the ledger.
  /// - Returns: false where there is no such batch, or it was given up before.
  private func giveUp(
    _ batch: BatchID, by: String, reason: String, at now: Moment
  ) throws(LedgerFault) -> Bool {
    guard try isOpen(batch) else { return false }
    try ledger.transact("give up") { (t) throws(LedgerFault) in
      try t.notePurged(batch, at: now.wall)
      try t.noteHistory(batch, EventKind.batchPurged.rawValue, "its folder was gone; by \(by): \(reason)", at: now.wall)
    }
    events.record(
      .batchPurged, "Batch \(batch), whose folder was gone, is given up on request; its records are not sent again",
      [.stream: lane.name.text, .batch: batch.description, .bytes: "0", .reason: reason])
    return true
  }

  /// What an earlier life left, of batches that are at an end; those in `ready` are looked at one by one.
  func finishPurges(at now: Moment) throws {
    for place in [BatchPlace.held, .delivered] {
      for id in try lane.spool.entries(in: place).compactMap({ BatchID($0) }) {
        let folder = lane.spool.path(place, id)
        guard try PurgeMark.isIn(folder, files) else { continue }
        // Recorded last, but for the move.
        let isRecorded = try ledger.read { (t) throws(LedgerFault) in try t.batch(id)?.purgedAt != nil }
        if place == .held || !isRecorded { try finishPurge(of: id, in: place, at: now) }
      }
    }
  }

  /// From here on the mark alone decides: it is there, so the object goes.
  func finishPurge(of batch: BatchID, in place: BatchPlace, at now: Moment) throws {
    let folder = lane.spool.path(place, batch)
    // Seen is not durable.
    try files.sync([folder.appending(PurgeMark.fileName), folder])
    guard let mark = try PurgeMark.read(in: folder, place, files) else { return }
    let object = folder.appending(BatchPlan.objectName)
    let size = try files.info(object)?.size
    if size != nil {
      try files.remove(object)
      try files.sync([folder])
    }
    // Without its plan, the ledger alone knows which records it held.
    let plan = try? files.batchPlan(of: batch, in: folder)
    if let plan {
      let sources = Set(plan.segments.map(\.source))
      _ = try lane.archive.remove { sources.contains($0.source) }
      try syncLogs(of: plan)
    }
    try ledger.transact("purge") { (t) throws(LedgerFault) in
      if let plan {
        try t.note(plan, due: now.wall)
        try t.advance(plan)
      }
      try t.notePurged(batch, at: mark.at)
      try t.noteHistory(
        batch, EventKind.batchPurged.rawValue, "from \(place.rawValue), by \(mark.by): \(mark.reason)", at: now.wall)
    }
    lane.adopted.remove(batch)
    if place != .delivered { try lane.spool.move([batch], from: place, to: .delivered) }
    events.record(
      .batchPurged, "The object of batch \(batch) was deleted on request; its records are not sent again",
      [.stream: lane.name.text, .batch: batch.description, .bytes: "\(size ?? 0)", .reason: mark.reason])
  }
}
