import CCurl
import Core
import Files
import Store
import Synchronization
import Threads

/// Transfers side by side: one thread for each slot, with a curl handle of its own, so that connections are kept. A thread begins
/// when it is first needed, sleeps without waking up between transfers, and ends when the last reference to this object goes.
final class TransferThreads: Sendable {
  private let pool: TransferPool

  /// `slots`: transfers at a time, at least 1.
  init(slots: Int, options: TransferOptions, files: any Files) {
    pool = TransferPool(slots: max(1, slots), options: options, files: files)
  }

  deinit { pool.close() }

  /// Waits for a free slot, then for the answer. A cancelled task gets `.cancelled` at once, and its connection is dropped.
  func run(_ transfer: Transfer) async throws(TransferFailure) -> Answer {
    let job = TransferJob(transfer, TransferWatch.current)
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { pool.submit(job, $0) }
    } onCancel: {
      pool.cancel(job)
    }
    return try result.get()
  }

  /// For tests: threads that have begun.
  var threadsForTests: Int { pool.threads }
}

/// One transfer on its way through the pool; known by its identity.
private final class TransferJob: Sendable {
  let transfer: Transfer
  let watch: TransferWatch?
  /// Of whoever asks for it: what he has in hand is in the transfer's.
  let seat = Seat.current
  let isCancelled = Atomic(false)
  init(_ transfer: Transfer, _ watch: TransferWatch?) { (self.transfer, self.watch) = (transfer, watch) }
}

/// The queue between tasks and threads. It outlives `TransferThreads` by as long as its threads take to end.
private final class TransferPool: Sendable {
  typealias Continuation = CheckedContinuation<Result<Answer, TransferFailure>, Never>
  private typealias Work = (job: TransferJob, continuation: Continuation)

  private struct State {
    var waiting: [Work] = []
    /// The bell of the handle that works on a job.
    var running: [ObjectIdentifier: CurlHandle.Bell] = [:]
    var idle = 0
    var threads = 0
    var closed = false
  }

  private let slots: Int
  private let options: TransferOptions
  private let files: any Files
  private let monitor = Monitor(State())
  /// Gets on with whatever gets on in the pool.
  private let queue = TransferWatch()

  init(slots: Int, options: TransferOptions, files: any Files) {
    (self.slots, self.options, self.files) = (slots, options, files)
  }

  var threads: Int { monitor.withLock { $0.threads } }

  func submit(_ job: TransferJob, _ continuation: Continuation) {
    job.watch?.waits(in: queue)
    enum Step { case cancelled, wake, begin, wait }
    let step: Step = monitor.withLock { state in
      // A cancellation may come before the job does.
      if job.isCancelled.load(ordering: .sequentiallyConsistent) { return .cancelled }
      state.waiting.append((job, continuation))
      if state.idle >= state.waiting.count { return .wake }
      guard state.threads < slots else { return .wait }
      state.threads += 1
      return .begin
    }
    switch step {
    case .cancelled: continuation.resume(returning: .failure(.cancelled))
    case .wake: monitor.wakeOne()
    case .begin: begin()
    case .wait: break
    }
  }

  func cancel(_ job: TransferJob) {
    job.isCancelled.store(true, ordering: .sequentiallyConsistent)
    let removed: Continuation? = monitor.withLock { state in
      if let index = state.waiting.firstIndex(where: { $0.job === job }) {
        return state.waiting.remove(at: index).continuation
      }
      // Under the lock: the handle cannot go while its job is running. A job between waiting and running sees the flag.
      state.running[ObjectIdentifier(job)]?.ring()
      return nil
    }
    removed?.resume(returning: .failure(.cancelled))
  }

  func close() {
    monitor.withLock { $0.closed = true }
    monitor.wakeAll()
  }

  private func begin() {
    if Thread.start("navette-store", { [self] in serve() }) { return }
    let left: [Work] = monitor.withLock { state in
      state.threads -= 1
      // The others get to it.
      guard state.threads == 0 else { return [] }
      defer { state.waiting = [] }
      return state.waiting
    }
    for work in left {
      work.continuation.resume(
        returning: .failure(.curl(CURLE_OUT_OF_MEMORY, "no thread is left: ulimit -u or TasksMax= is too low")))
    }
  }

  /// A thread's whole life.
  private func serve() {
    var handle: CurlHandle?
    while let (job, continuation) = next() {
      if handle == nil { handle = CurlHandle(options: options, files: files) }
      continuation.resume(returning: perform(job, handle))
    }
  }

  private func next() -> Work? {
    var isIdle = false
    return monitor.wait { state in
      if isIdle { state.idle -= 1 }
      isIdle = false
      if !state.waiting.isEmpty { return .go(state.waiting.removeFirst()) }
      if state.closed { return .go(nil) }
      state.idle += 1
      isIdle = true
      return .sleep
    }
  }

  private func perform(_ job: TransferJob, _ handle: CurlHandle?) -> Result<Answer, TransferFailure> {
    guard let handle else { return .failure(.curl(CURLE_FAILED_INIT, "")) }
    job.watch?.begins()
    queue.moved()
    let id = ObjectIdentifier(job)
    monitor.withLock { $0.running[id] = handle.bell }
    defer { monitor.withLock { $0.running[id] = nil } }
    do {
      let moved: @Sendable () -> Void = { [queue] in
        job.watch?.moved()
        queue.moved()
      }
      return .success(
        try job.seat.taken { () throws(TransferFailure) in
          try handle.perform(job.transfer, onMove: moved) { job.isCancelled.load(ordering: .sequentiallyConsistent) }
        })
    } catch {
      return .failure(error)
    }
  }
}
