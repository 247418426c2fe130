public import Config
public import Core
public import Files
import Journal
import Ledger
public import Spool
import Store
import SystemPackage

/// What people ask for. Each is durable on return and may be asked for again; killed half-way, the next life finishes it.
extension StreamWorker {
  // MARK: - Retry

  /// Attempts and refusals are forgotten, held batches go back to `ready`, and everything is due at once.
  /// - Parameter batches: nil: all that are held or wait.
  public mutating func retry(_ batches: Set<BatchID>?, at now: Moment) throws -> Retried {
    try inPass(at: now) { worker, pass in
      var retried = Retried()
      // Batches that nobody has looked at yet, as when no agent runs.
      try worker.state.adopting.run(&worker.state.batches, &worker.state.schemas, in: &pass)
      for batch in try pass.spool.entries(in: .damaged).compactMap({ BatchID($0) })
      where batches?.contains(batch) == true {
        if let why = try worker.state.batches.takeBack(batch, in: pass) { retried.damaged[batch] = why }
      }
      // What was taken back is adopted.
      try worker.state.adopting.run(&worker.state.batches, &worker.state.schemas, in: &pass)
      retried.batches = try worker.state.delivery.retry(batches, worker.state.batches, worker.state.schemas, in: pass)
      retried.undecided = try pass.spool.entries(in: .held).compactMap { BatchID($0) }.filter {
        batches?.contains($0) ?? true && worker.state.schemas.isWaiting($0, in: pass)
      }
      retried.unknown = (batches ?? []).subtracting(retried.batches + retried.undecided)
        .subtracting(retried.damaged.keys).sorted()
      return retried
    }
  }

  /// Makes the plan of a batch in `damaged` anew from what the ledger knows, where its object is what was sealed; lets one in `held` go whose
  /// columns have changed, and those behind it.
  public mutating func release(_ id: BatchID, by who: Requester, at now: Moment) throws -> Released {
    try inPass(at: now) { worker, pass in
      try worker.state.adopting.run(&worker.state.batches, &worker.state.schemas, in: &pass)
      if try pass.spool.place(of: id) == .held {
        guard let gone = try worker.state.schemas.release(id, by: who, in: pass) else {
          return .refused("a store refused it. Mend the cause, then: navette retry \(id)")
        }
        try worker.state.adopting.run(&worker.state.batches, &worker.state.schemas, in: &pass)
        return .schema(gone)
      }
      return try worker.state.batches.release(id, by: who, in: pass).map { .refused($0) } ?? .planned
    }
  }

  // MARK: - Pause and resume

  /// Stops the stream, across restarts: it rotates, seals and sends nothing, and its sources are still watched.
  /// - Returns: false where it was paused before.
  public func pause(by who: Requester, at now: Moment) throws(FileFault) -> Bool {
    try pauseMark.set(at: now.wall, by: who)
  }

  /// - Returns: false where it was not paused.
  public func resume() throws(FileFault) -> Bool { try pauseMark.clear() }

  private var pauseMark: PauseMark { PauseMark(name, state: context.state, files: context.files) }

  /// The mark decides, whoever has set or removed it.
  mutating func heedPause(in pass: StreamPass) throws(FileFault) {
    let isStopped = try pauseMark.isSet()
    guard isStopped != state.isStopped else { return }
    state.isStopped = isStopped
    let by = pauseMark.asker().map { " by \($0.name): \($0.reason)" } ?? " by hand"
    pass.report(
      isStopped ? .lanePaused : .laneResumed,
      isStopped
        ? "Stream \(name) is paused\(by). It rotates, seals and sends nothing until it is resumed"
        : "Stream \(name) goes on: it was resumed", [.reason: "asked"])
  }

  // MARK: - Purge

  /// No store is offered the batch any more, whatever comes. Said before its transfers are broken off.
  /// - Returns: false where there is no such batch.
  public mutating func withdraw(_ batch: BatchID) throws -> Bool {
    let place = try context.spool.place(of: batch)
    guard try place == nil ? context.isOpen(batch) : place != .building else { return false }
    state.dispatching.withdraw(batch)
    return true
  }

  /// Deletes the object of a withdrawn batch. The ledger and the plan keep the fact, and the records are never sent again.
  /// - Returns: nil where there is no such batch, or it was purged before.
  public mutating func purge(_ batch: BatchID, by: String, reason: String, at now: Moment) throws -> Purged? {
    precondition(!state.dispatching.isSending(batch), "a batch that is being sent is withdrawn first")
    defer { state.dispatching.forget(batch) }
    return try inPass(at: now) { worker, pass in
      try worker.state.adopting.run(&worker.state.batches, &worker.state.schemas, in: &pass)
      var purged = try worker.state.purging.purge(batch, by: by, reason: reason, &worker.state.batches, in: &pass)
      if let plan = purged?.plan { purged?.logs = try worker.letGo(of: plan, in: &pass) }
      return purged
    }
  }

  /// What stores hold, or may hold, of a batch whose object was deleted here.
  /// - Returns: nil where there is no such batch, or it was not purged.
  func remoteObjects(of batch: BatchID) throws(LedgerFault) -> [RemoteObject]? {
    try context.ledger.read { (t) throws(LedgerFault) -> [RemoteObject]? in
      guard let record = try t.batches.find(batch), record.purgedAt != nil, let key = StoreKey(record.key) else {
        return nil
      }
      let manifest = try t.batches.manifestKey(of: batch).flatMap { StoreKey($0) }
      return try t.deliveries.objects(of: batch).map { sent in
        RemoteObject(
          key: key, manifest: manifest, size: record.compressedBytes, sha256: record.sha256, md5: record.md5,
          sent: sent)
      }
    }
  }

  /// The ledger keeps the fact, and so does the batch's folder, from which a ledger is made anew.
  mutating func noteRemoved(
    _ batch: BatchID, from store: StoreName, by: String, reason: String, at now: Moment
  ) throws {
    try inPass(at: now) { _, pass in
      try pass.ledger.transact("remove") { (t) throws(LedgerFault) in
        try t.deliveries.noteRemoved(batch, store, at: now.wall)
        try t.history.note(
          batch, EventKind.batchPurged.rawValue, "from store \(store), by \(by): \(reason)", at: now.wall)
      }
      if let place = try pass.spool.place(of: batch), place != .building {
        let folder = pass.spool.path(place, batch)
        if var mark = try PurgeMark.read(in: folder, place, pass.files) {
          mark.removedFrom = Set((mark.removedFrom ?? []) + [store]).sorted()
          try pass.files.writePlan(mark, to: folder.appending(PurgeMark.fileName))
          try pass.files.sync([folder.appending(PurgeMark.fileName), folder])
        }
      }
      pass.report(
        .batchPurged, "The object of batch \(batch) was deleted from store \(store) on request",
        [.batch: batch.description, .store: store.text, .reason: reason])
    }
  }

  /// Logs that hold nothing but what is confirmed or purged go at once. - Returns: those that stay.
  private mutating func letGo(of plan: BatchPlan, in pass: inout StreamPass) throws -> [Purged.Log] {
    do {
      try look(in: &pass)
      try state.retirement.run(&state.logs, purged: state.batches.purgedSources, in: &pass)
      return state.purging.remains(of: plan, state.logs)
    } catch is FileFault {
      // The next pass meets it too, and says so. What the plan names is all that is known.
      return Set(plan.segments.map(\.path)).sorted().map { Purged.Log(path: $0, why: .notOurs) }
    }
  }

  // MARK: - Flush

  /// Why the last flush left something that was to be rotated and sealed; empty: it did not.
  public var leftByFlush: [String] {
    if state.isStopped { return ["it is paused: it rotates, seals and sends nothing until `navette resume \(name)`"] }
    var reasons: [String] = []
    if let pause = state.pause { reasons.append(pause.said) }
    if isOutOfRoom {
      reasons.append(
        "the spool is full (limits.spool_max_bytes): its logs stay where they are until batches are confirmed")
    }
    let items = state.waits.waits.map { "\($0.key.shown) waits: \($0.value.reason)" }
    let open = state.logs.found.compactMap { log in
      state.logs.progress.openQuote(of: log.record.id).map { start in
        "\(counted(log.info.size -| start, "byte")) of \(log.path.name?.masked ?? "a log") wait: a quote that opens in the line at byte \(start) is not closed yet"
      }
    }
    return reasons + items.sorted() + open.sorted()
  }

  // MARK: - Transfers

  /// Records how a transfer ended. The next pass acts on it.
  public mutating func note(_ outcome: UploadOutcome, at now: Moment) throws(LedgerFault) {
    state.dispatching.ended(outcome.upload)
    try inPass(at: now) { (worker, pass) throws(LedgerFault) in try worker.state.delivery.note(outcome, in: pass) }
  }

  /// The transfer is over, however it ended: its slot is another's. By whoever has carried it out, at once: the lane may be busy for long.
  public func ended(_ upload: Upload, at uptime: Duration) {
    context.shared.slots.giveBack(upload.store, of: name.text, at: uptime)
  }

  /// The transfer was broken off: nothing is known of its end.
  public mutating func drop(_ upload: Upload) { state.dispatching.ended(upload) }

  // MARK: - A state folder that is older than its store says

  /// A person says that the state folder may go on, though it may be older than what was sent.
  public static func adopt(_ streams: [StreamSettings], _ state: StateFolder, _ files: any Files) throws(FileFault) {
    for stream in streams {
      var numbers = try SequenceFloor.read(of: stream.name, state, files)
      numbers.isAdopted = true
      try numbers.write(of: stream.name, state, files)
    }
  }

  /// What the store is asked before the first batch of this life goes there; nil: nothing.
  func storeAge(_ upload: Upload, at now: Moment) throws -> RollbackCheck? {
    try state.comparing.question(of: upload.store, context, at: now)
  }

  /// - Returns: what stops the lane.
  mutating func meet(_ check: RollbackCheck, _ upload: Upload) throws(FileFault) -> LedgerFault? {
    try state.comparing.meet(check, of: upload.store, &state.batches, context)
  }

  mutating func clear(_ upload: Upload) throws(FileFault) { try state.comparing.clear(upload.store, context) }
}
