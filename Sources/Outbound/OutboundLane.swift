public import Config
public import Core
public import Files
public import Journal
public import Ledger
import Spool
public import Store
import Threads

/// When the outbound engine works, and what happens beside it: transfers run while the engine rests, and their ends ask for the next
/// pass.
public actor OutboundLane {
  public typealias Clock = @Sendable () -> Moment
  /// Told of each finished pass: feeds the watchdog, and the watches on log folders.
  public typealias Report = @Sendable (OutboundPass, Moment) -> Void

  private let executor = LaneExecutor("outbound")
  public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  private nonisolated let waker = Waker()
  private nonisolated let isStopped: Locked<Bool>
  /// What people have asked for and waits for its turn.
  private nonisolated let asked: Locked<Int>
  /// Everything is to be sealed at the next pass.
  private nonisolated let isFlushed = Locked(false)
  private var engine: OutboundEngine
  private let stores: [StoreName: any StoreReader]
  private let events: any EventSink
  private let clock: Clock
  private let report: Report
  private let progress: @Sendable () -> Void
  private var transfers: [UInt64: (upload: Upload, task: Task<Void, Never>)] = [:]
  private var transferNumber: UInt64 = 0
  private var ended: [UploadOutcome] = []
  /// Passes in a row that the ledger made impossible.
  private var failures = 0
  /// Whether each store knows of no later state of this folder; asked before the first batch of a stream goes there.
  private var ages: [AgeQuestion: Task<Result<Void, StoreFault>, Never>] = [:]
  /// Nothing may be sent any more.
  private var older: LedgerFault?

  private struct AgeQuestion: Hashable {
    let stream: StreamName
    let store: StoreName
  }

  /// - Parameters:
  ///   - reopen: runs the operator's command after a rename; what it returns is what went wrong.
  ///   - progress: told between the steps of a pass, and when one has failed: the lane is alive.
  public init(
    settings: Settings, files: any Files, ledger: Ledger, events: any EventSink, hands: Hands = .none,
    suspects: Suspects = .none, trust: ClockTrust = .trusting, stores: [StoreName: any StoreReader],
    reopen: @escaping @Sendable ([String]) -> String?, clock: @escaping Clock, report: @escaping Report = { _, _ in },
    progress: @escaping @Sendable () -> Void = {}
  ) {
    let (stopped, asked) = (Locked(false), Locked(0))
    (isStopped, self.asked) = (stopped, asked)
    engine = OutboundEngine(
      settings: settings, files: files, ledger: ledger, events: events, hands: hands, suspects: suspects,
      clock: trust, reopen: reopen,
      isStopping: {
        progress()
        return stopped.withLock { $0 } || asked.withLock { $0 } > 0
      })
    self.stores = stores
    self.events = events
    self.clock = clock
    self.report = report
    self.progress = progress
  }

  /// Asks for a pass. From any thread.
  public nonisolated func wake() { waker.wake() }

  /// Ends `run` after the step in hand. From any thread. Transfers under way are broken off: the next life sends the same bytes to
  /// the same key.
  public nonisolated func stop() {
    isStopped.withLock { $0 = true }
    waker.wake()
  }

  /// Asks for everything to be sealed. From any thread.
  public nonisolated func flush() {
    isFlushed.withLock { $0 = true }
    waker.wake()
  }

  /// What people ask for comes before the work in hand: the pass under way ends soon, and is taken up again after it.
  public nonisolated func ahead<Result: Sendable>(
    _ body: @Sendable (isolated OutboundLane) async throws -> Result
  ) async rethrows -> Result {
    asked.withLock { $0 += 1 }
    defer { waker.wake() }
    return try await perform(body)
  }

  private func perform<Result>(
    _ body: @Sendable (isolated OutboundLane) async throws -> Result
  ) async rethrows -> Result {
    asked.withLock { $0 -= 1 }
    return try await body(self)
  }

  /// Seals everything of these streams before it returns; nil: of all.
  /// - Parameter sending: false leaves the transfers to the next agent.
  public func flushNow(_ streams: Set<StreamName>?, sending: Bool) throws(LedgerFault) {
    engine.flush(streams)
    repeat {
      if sending { _ = try pass() } else { _ = try engine.pass(at: clock()) }
    } while engine.isCatchingUp && !hasStopped
  }

  // MARK: - What people ask for

  /// Held batches go back to `ready`, and what waits is due now; nil: all.
  /// - Parameter sending: false leaves the transfers to the next agent.
  public func retry(_ batches: Set<BatchID>?, sending: Bool) throws -> Retried {
    defer { waker.wake() }
    let before = Set(transfers.keys)
    var retried = try engine.retry(batches, at: clock())
    guard sending else { return retried }
    _ = try pass()
    let mine = transfers.filter { retried.batches.contains($0.value.upload.batch) }.keys
    retried.underWay = mine.count { before.contains($0) }
    retried.started = mine.count - retried.underWay
    return retried
  }

  /// A batch in `damaged` goes on with a plan made anew. - Returns: why that cannot be done.
  public func release(_ batch: BatchID, by who: Requester) throws -> String? {
    defer { waker.wake() }
    return try engine.release(batch, by: who, at: clock())
  }

  /// - Returns: false where there is no such stream, or it was paused before.
  public func pause(_ stream: StreamName, by who: Requester) throws(FileFault) -> Bool {
    defer { waker.wake() }
    return try engine.pause(stream, by: who, at: clock())
  }

  /// - Returns: false where there is no such stream, or it was not paused.
  public func resume(_ stream: StreamName) throws(FileFault) -> Bool {
    defer { waker.wake() }
    return try engine.resume(stream)
  }

  /// Deletes the object of a batch, for good; its transfers are broken off first.
  /// - Returns: nil where there is no such batch, or it was purged before.
  public func purge(_ batch: BatchID, by: String, reason: String) async throws -> Purged? {
    guard try engine.withdraw(batch) else { return nil }
    let mine = transfers.values.filter { $0.upload.batch == batch }.map(\.task)
    for task in mine { task.cancel() }
    for task in mine { await task.value }
    try settle()
    return try engine.purge(batch, by: by, reason: reason, at: clock())
  }

  /// Until `stop` is called.
  /// - Throws: a ledger that is damaged, or of a newer version. Whatever may heal by itself is retried.
  public func run() async throws(LedgerFault) {
    while !hasStopped { _ = await waker.wait(atMost: try passOrPause()) }
    try await breakOff()
  }

  /// One pass now, its transfers started.
  func pass() throws(LedgerFault) -> OutboundPass {
    try settle()
    if let older { throw older }
    if isFlushed.withLock({ isFlushed in
      defer { isFlushed = false }
      return isFlushed
    }) {
      engine.flush(nil)
    }
    let began = clock()
    var pass = try engine.pass(at: began)
    for upload in pass.uploads { start(upload) }
    let ended = clock()
    pass.took = ended.uptime - began.uptime
    report(pass, ended)
    return pass
  }

  /// Seals everything, then passes until no batch waits for a store; gives up when nothing has been confirmed for so long.
  public func runOnce(patience: Duration) async throws(LedgerFault) {
    engine.flush(nil)
    var lastProgress = clock().uptime
    var confirmed = 0
    while !hasStopped {
      let pass = try pass()
      let now = clock().uptime
      if engine.isCatchingUp || engine.confirmed > confirmed {
        lastProgress = now
        confirmed = engine.confirmed
      }
      let isIdle = transfers.isEmpty && ended.isEmpty && !engine.isCatchingUp
      let hasWaiting = try engine.hasWaiting(stopped: false)
      if isIdle, !hasWaiting { break }
      if isIdle, now - lastProgress >= patience { break }
      _ = await waker.wait(atMost: max(min(pass.next, lastProgress + patience) - now, .milliseconds(5)))
    }
    try await breakOff()
    _ = try engine.pass(at: clock())
  }

  /// How a run stands: for the exit code of `run --once`.
  public func outcome() throws(LedgerFault) -> OutboundOutcome {
    OutboundOutcome(hasWaiting: try engine.hasWaiting(), isPaused: engine.isPaused, reached: engine.reached)
  }

  private var hasStopped: Bool { isStopped.withLock { $0 } }

  private func passOrPause() throws(LedgerFault) -> Duration {
    do throws(LedgerFault) {
      let pass = try pass()
      if failures > 0 { events.record(.laneResumed, "The outbound lane goes on") }
      failures = 0
      return max(pass.next - clock().uptime, .milliseconds(5))
    } catch {
      if [.damaged, .newer, .older].contains(error.kind) { throw error }
      progress()
      failures += 1
      if failures == 1 {
        events.record(.lanePaused, "The outbound lane is paused: \(error)", [.reason: error.description])
      }
      return .seconds(min(60, 1 << min(failures, 6)))
    }
  }

  // MARK: - Transfers

  private func start(_ upload: Upload) {
    let began = clock().uptime
    guard let store = stores[upload.store] else {
      let fault = StoreFault(
        .refused, "Cannot send to store", at: upload.store.text, why: "it is no longer configured",
        remedy: "Configure it again under its old name, then: navette retry")
      ended.append(UploadOutcome(upload: upload, result: .failure(fault), took: .zero))
      waker.wake()
      return
    }
    transferNumber += 1
    let number = transferNumber
    let work = Work(.stream(upload.batch.stream), .send, .batch(upload.batch), store: upload.store)
    let task = Task(executorPreference: engine.hands.taking(work)) { [clock] in
      let result: Result<Receipt, StoreFault>
      do throws(StoreFault) {
        try await self.age(of: store, for: upload).get()
        result = .success(try await store.create(upload.file, at: upload.key))
      } catch {
        result = .failure(error)
      }
      await self.end(UploadOutcome(upload: upload, result: result, took: clock().uptime - began), number)
    }
    transfers[number] = (upload, task)
  }

  // MARK: - A state folder that is older than its store says

  /// Success lets the upload begin; a store that could not be asked is asked again with the next attempt.
  private func age(of store: any StoreReader, for upload: Upload) async -> Result<Void, StoreFault> {
    let question = AgeQuestion(stream: upload.batch.stream, store: upload.store)
    let task: Task<Result<Void, StoreFault>, Never>
    if let asked = ages[question] {
      task = asked
    } else {
      let work = Work(.stream(upload.batch.stream), .compare, store: upload.store)
      task = Task(executorPreference: engine.hands.taking(work)) { await self.ask(store, for: upload) }
      ages[question] = task
    }
    let answer = await task.value
    if case .failure = answer, ages[question] == task { ages[question] = nil }
    return older == nil ? answer : .failure(Self.stopped(upload.store))
  }

  private func ask(_ store: any StoreReader, for upload: Upload) async -> Result<Void, StoreFault> {
    do {
      if let age = try engine.storeAge(upload, at: clock()) {
        let compared = try await compare(age, with: store)
        // Another store that knows of nothing newer takes nothing back.
        if let fault = try compared.flatMap({ try engine.meet($0, upload) }) {
          older = fault
          waker.wake()
          return .success(())
        }
      }
      try engine.clear(upload)
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
    do { return try await age.compared(with: store, engine.ledger) } catch let fault as StoreFault {
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
    if case .failure = outcome.result, Task.isCancelled || older != nil { return engine.drop(outcome.upload) }
    ended.append(outcome)
    waker.wake()
  }

  private func settle() throws(LedgerFault) {
    while let outcome = ended.first {
      try engine.note(outcome, at: clock())
      ended.removeFirst()
    }
  }

  private func breakOff() async throws(LedgerFault) {
    // Transfers wait for these, which are nobody's children.
    for question in ages.values { question.cancel() }
    for transfer in transfers.values { transfer.task.cancel() }
    for transfer in transfers.values { await transfer.task.value }
    try settle()
  }
}

public struct OutboundOutcome: Hashable, Sendable {
  /// A sealed batch still waits for a store, held ones left out.
  public let hasWaiting: Bool
  /// A stream cannot go on: its logs or the disk are in trouble.
  public let isPaused: Bool
  /// Stores that answered in this life (true) or could not be reached (false).
  public let reached: [StoreName: Bool]
}
