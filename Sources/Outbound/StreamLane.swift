public import Config
public import Core
public import Files
public import Journal
public import Lanes
public import Ledger
import Spool
public import Store
import Threads

/// When a stream's worker works, and what happens beside it: transfers run while the worker rests, and their ends ask for the next pass.
public actor StreamLane: Lane {
  public typealias Clock = @Sendable () -> Moment
  /// Told of each finished pass: feeds the watchdog, and the watches on log folders.
  public typealias Report = @Sendable (StreamSummary, Moment) -> Void

  public nonisolated let name: StreamName
  public nonisolated let runner: LaneRunner
  public nonisolated var unownedExecutor: UnownedSerialExecutor { runner.executor.asUnownedSerialExecutor() }

  /// Everything is to be sealed at the next pass.
  private nonisolated let isFlushed = Locked(false)
  var worker: StreamWorker
  let stores: [StoreName: any RemoteStore]
  let clock: Clock
  private let report: Report
  private var transfers: [UInt64: (upload: Upload, task: Task<Void, Never>)] = [:]
  private var transferNumber: UInt64 = 0
  private var ended: [UploadOutcome] = []
  /// Whether each store knows of no later state of this folder; asked before the first batch goes there.
  private var ages: [StoreName: Task<Result<Void, StoreFault>, Never>] = [:]
  /// Nothing may be sent any more.
  private var older: LedgerFault?

  /// - Parameter reopen: runs the operator's command after a rename; what it returns is what went wrong.
  public init(
    _ stream: StreamSettings, of settings: Settings, shared: StreamsShared, files: any Files, ledger: Ledger,
    events: any EventSink, hands: Hands = .none, suspects: Suspects = .none, trust: ClockTrust = .trusting,
    stores: [StoreName: any RemoteStore], runner: LaneRunner, reopen: @escaping @Sendable ([String]) -> String?,
    clock: @escaping Clock, report: @escaping Report = { _, _ in }
  ) {
    name = stream.name
    self.runner = runner
    worker = StreamWorker(
      stream, of: settings, shared: shared, files: files, ledger: ledger, events: events, hands: hands,
      suspects: suspects, clock: trust, turn: runner.turn, reopen: reopen, isStopping: { runner.mustEnd() })
    worker.onFreeSlot { runner.wake() }
    shared.stores.onRecovery { runner.wake() }
    self.stores = stores
    self.clock = clock
    self.report = report
  }

  /// Before it runs: stores that made it wait in the last configuration are asked at once.
  public func askAgain() { worker.askAgain() }

  /// Asks for everything to be sealed. From any thread.
  public nonisolated func flush() {
    isFlushed.withLock { $0 = true }
    runner.wake()
  }

  /// Seals everything before it returns.
  /// - Parameter sending: false leaves the transfers to the next agent.
  /// - Returns: why something of it could not be rotated or sealed.
  public func flushNow(sending: Bool) throws(LedgerFault) -> [String] {
    worker.flush()
    repeat {
      if sending { _ = try pass() } else { _ = try worker.pass(at: clock()) }
    } while worker.isCatchingUp && !runner.isStopped
    return worker.leftByFlush
  }

  // MARK: - What people ask for

  /// Held batches go back to `ready`, and what waits is due now; nil: all.
  /// - Parameter sending: false leaves the transfers to the next agent.
  public func retry(_ batches: Set<BatchID>?, sending: Bool) throws -> Retried {
    let before = Set(transfers.keys)
    var retried = try worker.retry(batches, at: clock())
    guard sending else { return retried }
    _ = try pass()
    let mine = transfers.filter { retried.batches.contains($0.value.upload.batch) }.keys
    retried.underWay = mine.count { before.contains($0) }
    retried.started = mine.count - retried.underWay
    return retried
  }

  /// A batch in `damaged` goes on with a plan made anew, one in `held` whose columns have changed as it is.
  public func release(_ batch: BatchID, by who: Requester) throws -> Released {
    try worker.release(batch, by: who, at: clock())
  }

  /// - Returns: false where it was paused before.
  public func pause(by who: Requester) throws(FileFault) -> Bool { try worker.pause(by: who, at: clock()) }

  /// - Returns: false where it was not paused.
  public func resume() throws(FileFault) -> Bool { try worker.resume() }

  /// Deletes the object of a batch, for good; its transfers are broken off first.
  /// - Returns: nil where there is no such batch, or it was purged before.
  public func purge(_ batch: BatchID, by: String, reason: String) async throws -> Purged? {
    guard try worker.withdraw(batch) else { return nil }
    let mine = transfers.values.filter { $0.upload.batch == batch }.map(\.task)
    for task in mine { task.cancel() }
    for task in mine { await task.value }
    try settle()
    return try worker.purge(batch, by: by, reason: reason, at: clock())
  }

  public func work() throws(LedgerFault) -> Duration { max(try pass().next - clock().uptime, Limits.leastRest) }

  /// One pass now, its transfers started.
  func pass() throws(LedgerFault) -> StreamSummary {
    try settle()
    if let older { throw older }
    if isFlushed.withLock({ isFlushed in
      defer { isFlushed = false }
      return isFlushed
    }) {
      worker.flush()
    }
    let began = clock()
    var pass = try worker.pass(at: began)
    for upload in pass.uploads { start(upload) }
    let ended = clock()
    pass.took = ended.uptime - began.uptime
    report(pass, ended)
    return pass
  }

  /// Seals everything, then passes until no batch waits for a store; gives up when nothing has been confirmed for so long.
  public func runOnce(patience: Duration) async throws(LedgerFault) {
    worker.flush()
    var lastProgress = clock().uptime
    var confirmed = 0
    while !runner.isStopped {
      let pass = try pass()
      let now = clock().uptime
      // That of another stream may be what this one waits for.
      let confirmations = worker.context.shared.stores.confirmations
      if worker.isCatchingUp || confirmations > confirmed { (lastProgress, confirmed) = (now, confirmations) }
      let isIdle = transfers.isEmpty && ended.isEmpty && !worker.isCatchingUp
      let hasWaiting = try worker.hasWaiting(stopped: false)
      // What is due and finds no room in the spool waits for other streams, which may make some.
      if isIdle, !hasWaiting, !worker.isOutOfRoom { break }
      if isIdle, now - lastProgress >= patience { break }
      let rest = max(min(pass.next, lastProgress + patience) - now, Limits.leastRest)
      if await runner.rest(atMost: rest) == .cancelled { break }
    }
    try await breakOff()
    _ = try worker.pass(at: clock())
  }

  /// How a run stands: for the exit code of `run --once`.
  public func outcome() throws(LedgerFault) -> StreamOutcome {
    StreamOutcome(hasWaiting: try worker.hasWaiting(), isInTrouble: worker.isInTrouble)
  }

  // MARK: - Transfers

  private func start(_ upload: Upload) {
    let began = clock().uptime
    guard let store = stores[upload.store] else {
      let fault = StoreFault(
        .refused, "Cannot send to store", at: upload.store.text, why: "it is no longer configured",
        remedy: "Configure it again under its old name, then: navette retry")
      worker.ended(upload, at: began)
      ended.append(UploadOutcome(upload: upload, result: .failure(fault), took: .zero))
      runner.wake()
      return
    }
    transferNumber += 1
    let number = transferNumber
    let work = Work(.stream(upload.batch.stream), .send, .batch(upload.batch), store: upload.store)
    let task = Task(executorPreference: worker.context.hands.taking(work)) {
      [clock, shared = worker.context.shared, name] in
      let result: Result<Receipt, StoreFault>
      do throws(StoreFault) {
        try await self.age(of: store, for: upload).get()
        result = .success(try await store.create(upload.file, at: upload.key))
      } catch {
        result = .failure(error)
      }
      shared.slots.giveBack(upload.store, of: name.text, at: clock().uptime)
      await self.end(UploadOutcome(upload: upload, result: result, took: clock().uptime - began), number)
    }
    transfers[number] = (upload, task)
  }

  // MARK: - A state folder that is older than its store says

  /// Success lets the upload begin; a store that could not be asked is asked again with the next attempt.
  private func age(of store: any StoreReader, for upload: Upload) async -> Result<Void, StoreFault> {
    let task: Task<Result<Void, StoreFault>, Never>
    if let asked = ages[upload.store] {
      task = asked
    } else {
      let work = Work(.stream(upload.batch.stream), .compare, store: upload.store)
      task = Task(executorPreference: worker.context.hands.taking(work)) { await self.ask(store, for: upload) }
      ages[upload.store] = task
    }
    let answer = await task.value
    if case .failure = answer, ages[upload.store] == task { ages[upload.store] = nil }
    return older == nil ? answer : .failure(Self.stopped(upload.store))
  }

  private func ask(_ store: any StoreReader, for upload: Upload) async -> Result<Void, StoreFault> {
    do {
      if let age = try worker.storeAge(upload, at: clock()) {
        let compared = try await compare(age, with: store)
        // Another store that knows of nothing newer takes nothing back.
        if let fault = try compared.flatMap({ try worker.meet($0, upload) }) {
          older = fault
          runner.wake()
          return .success(())
        }
      }
      try worker.clear(upload)
      return .success(())
    } catch let fault as StoreFault {
      return .failure(fault)
    } catch {
      // The ledger or the disk: the pass meets it too, and says so.
      return .failure(Self.stopped(upload.store))
    }
  }

  /// - Returns: nil from a store where we may only write: it cannot be asked, and may be written to.
  private func compare(_ age: RollbackCheck, with store: any StoreReader) async throws -> RollbackCheck? {
    do { return try await age.compared(with: store, worker.context.ledger) } catch let fault as StoreFault {
      guard [.denied, .refused, .mismatch].contains(fault.kind) else { throw fault }
      return nil
    }
  }

  private static func stopped(_ store: StoreName) -> StoreFault {
    StoreFault(
      .unreachable, "Nothing is sent to store", at: store.text, why: "it could not be compared with the ledger")
  }

  private func end(_ outcome: UploadOutcome, _ number: UInt64) {
    transfers[number] = nil
    // A transfer that we broke off says nothing about the store.
    if case .failure = outcome.result, Task.isCancelled || older != nil {
      return worker.drop(outcome.upload)
    }
    ended.append(outcome)
    runner.wake()
  }

  private func settle() throws(LedgerFault) {
    while let outcome = ended.first {
      try worker.note(outcome, at: clock())
      ended.removeFirst()
    }
  }

  /// Transfers under way are broken off: the next life sends the same bytes to the same key.
  public func breakOff() async throws(LedgerFault) {
    // Transfers wait for these, which are nobody's children.
    for question in ages.values { question.cancel() }
    for transfer in transfers.values { transfer.task.cancel() }
    for transfer in transfers.values { await transfer.task.value }
    try settle()
  }
}

public struct StreamOutcome: Hashable, Sendable {
  /// A sealed batch still waits for a store, held ones left out.
  public let hasWaiting: Bool
  /// The stream cannot go on: its logs or the disk are in trouble.
  public let isInTrouble: Bool
}
