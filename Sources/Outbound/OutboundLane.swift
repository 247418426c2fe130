public import Core
import Journal
import Ledger
import Spool
public import Store

/// When the outbound engine passes, and what happens beside it: transfers run while the engine rests, and their ends ask for the
/// next pass.
public actor OutboundLane {
  private let executor = LaneExecutor(label: "navette.outbound")
  public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  private var engine: OutboundEngine
  private var stores: [StoreName: any Store]
  private let clock: @Sendable () -> Moment
  private let waker = Waker()
  /// Told after each pass which folders to watch; and, for the watchdog, that a pass was finished.
  private let passed: @Sendable (OutboundPass) -> Void
  private var transfers: [UInt64: Task<Void, Never>] = [:]
  private var transferNumber: UInt64 = 0
  private var ended: [UploadOutcome] = []
  private var isStopping = false

  public init(
    engine: sending OutboundEngine, stores: [StoreName: any Store], clock: @escaping @Sendable () -> Moment,
    passed: @escaping @Sendable (OutboundPass) -> Void
  ) {
    self.engine = engine
    self.stores = stores
    self.clock = clock
    self.passed = passed
  }

  /// From any thread.
  public nonisolated func wake() { waker.wake() }

  /// Seals everything of these streams in the next pass; nil: of all.
  public func flush(_ streams: Set<StreamName>?) {
    engine.flush(streams)
    waker.wake()
  }

  /// Ends `run` after the pass in hand. Transfers under way are broken off: the next life sends the same bytes to the same key.
  public func stop() {
    isStopping = true
    for transfer in transfers.values { transfer.cancel() }
    waker.wake()
  }

  /// - Throws: a `LedgerFault` that makes going on unsafe.
  public func run() async throws {
    while !isStopping {
      let pass = try step()
      _ = await waker.wait(atMost: max(pass.next - clock().uptime, .milliseconds(5)))
    }
    for transfer in transfers.values { await transfer.value }
    try settle()
  }

  /// Passes until nothing is left to do, or until the moment given.
  public func runOnce(until deadline: Duration) async throws {
    engine.flush(nil)
    while !isStopping {
      let pass = try step()
      let now = clock().uptime
      if now >= deadline { break }
      if transfers.isEmpty, pass.uploads.isEmpty, try !engine.hasWaiting() { break }
      _ = await waker.wait(atMost: max(min(pass.next, deadline) - now, .milliseconds(5)))
    }
    for transfer in transfers.values { transfer.cancel() }
    for transfer in transfers.values { await transfer.value }
    try settle()
    _ = try engine.pass(at: clock())
  }

  /// What was refused or could not be reached in this life, for the exit code of `run --once`.
  public func reach() -> [StoreName: Bool] { engine.reached }

  private func step() throws(LedgerFault) -> OutboundPass {
    try settle()
    let pass = try engine.pass(at: clock())
    for upload in pass.uploads { start(upload) }
    passed(pass)
    return pass
  }

  private func settle() throws(LedgerFault) {
    while let outcome = ended.popLast() { try engine.note(outcome, at: clock()) }
  }

  private func start(_ upload: Upload) {
    let began = clock().uptime
    guard let store = stores[upload.store] else {
      let fault = StoreFault(
        .refused, "Cannot send to store", at: upload.store.text, why: "it is no longer configured",
        remedy: "Configure it again under its old name, then `navette retry \(upload.batch)`")
      end(UploadOutcome(upload: upload, result: .failure(fault), took: .zero), 0)
      return
    }
    transferNumber += 1
    let number = transferNumber
    transfers[number] = Task {
      let result: Result<Receipt, StoreFault>
      do throws(StoreFault) {
        result = .success(try await store.create(upload.file, at: upload.key))
      } catch {
        result = .failure(error)
      }
      end(UploadOutcome(upload: upload, result: result, took: clock().uptime - began), number)
    }
  }

  private func end(_ outcome: UploadOutcome, _ number: UInt64) {
    transfers[number] = nil
    // A transfer that we broke off says nothing about the store.
    if isStopping, case .failure = outcome.result { return }
    ended.append(outcome)
    waker.wake()
  }
}
