import CCurl
import Core
import Files
import Glibc
import Synchronization

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
    let job = TransferJob(transfer)
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { pool.submit(job, $0) }
    } onCancel: {
      pool.cancel(job)
    }
    return try result.get()
  }

  /// Begun so far, for tests.
  var threads: Int { pool.threads }
}

/// One transfer on its way through the pool; known by its identity.
private final class TransferJob: Sendable {
  let transfer: Transfer
  let isCancelled = Atomic(false)
  init(_ transfer: Transfer) { self.transfer = transfer }
}

/// The queue between tasks and threads. It outlives `TransferThreads` by as long as its threads take to end.
///
/// `@unchecked Sendable` holds because `state` is reached only while `mutex` is held, and the other properties are constants; the
/// pointers are freed when no thread holds the pool any more.
private final class TransferPool: @unchecked Sendable {
  typealias Continuation = CheckedContinuation<Result<Answer, TransferFailure>, Never>

  private struct State {
    var waiting: [(job: TransferJob, continuation: Continuation)] = []
    /// The handle that works on a job.
    var running: [ObjectIdentifier: UInt] = [:]
    var idle = 0
    var threads = 0
    var closed = false
  }

  private let slots: Int
  private let options: TransferOptions
  private let files: any Files
  private var state = State()
  // A mutex with a condition to sleep on, which `Guarded` does not have.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let work: UnsafeMutablePointer<pthread_cond_t>

  init(slots: Int, options: TransferOptions, files: any Files) {
    (self.slots, self.options, self.files) = (slots, options, files)
    mutex = .allocate(capacity: 1)
    work = .allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(work, nil)
  }

  deinit {
    pthread_cond_destroy(work)
    pthread_mutex_destroy(mutex)
    work.deallocate()
    mutex.deallocate()
  }

  private func locked<Value>(_ body: (inout State) -> Value) -> Value {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body(&state)
  }

  var threads: Int { locked { $0.threads } }

  func submit(_ job: TransferJob, _ continuation: Continuation) {
    let refusal: TransferFailure? = locked { state in
      // A cancellation may come before the job does.
      if job.isCancelled.load(ordering: .sequentiallyConsistent) { return .cancelled }
      state.waiting.append((job, continuation))
      if state.idle >= state.waiting.count || state.threads == slots {
        pthread_cond_signal(work)
        return nil
      }
      if startThread() {
        state.threads += 1
        return nil
      }
      if state.threads > 0 { return nil }
      state.waiting.removeLast()
      return .curl(CURLE_OUT_OF_MEMORY, "cannot start a thread")
    }
    if let refusal { continuation.resume(returning: .failure(refusal)) }
  }

  func cancel(_ job: TransferJob) {
    job.isCancelled.store(true, ordering: .sequentiallyConsistent)
    let removed: Continuation? = locked { state in
      if let index = state.waiting.firstIndex(where: { $0.job === job }) {
        return state.waiting.remove(at: index).continuation
      }
      // Under the lock: the handle cannot go while its job is running. A job between waiting and running sees the flag.
      if let handle = state.running[ObjectIdentifier(job)] { CurlHandle.wake(handle) }
      return nil
    }
    removed?.resume(returning: .failure(.cancelled))
  }

  func close() {
    locked { state in
      state.closed = true
      pthread_cond_broadcast(work)
    }
  }

  private func startThread() -> Bool {
    var thread = pthread_t()
    let me = Unmanaged.passRetained(self)
    if pthread_create(&thread, nil, runTransfers, me.toOpaque()) == 0 {
      pthread_detach(thread)
      return true
    }
    me.release()
    return false
  }

  /// A thread's whole life.
  func serve() {
    // Signals are for others; and a connection that breaks under TLS must not raise SIGPIPE.
    var all = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_BLOCK, &all, nil)
    var handle: CurlHandle?
    while let (job, continuation) = next() {
      if handle == nil { handle = CurlHandle(options: options, files: files) }
      continuation.resume(returning: perform(job, handle))
    }
  }

  private func next() -> (TransferJob, Continuation)? {
    locked { state in
      while state.waiting.isEmpty && !state.closed {
        state.idle += 1
        pthread_cond_wait(work, mutex)
        state.idle -= 1
      }
      return state.waiting.isEmpty ? nil : state.waiting.removeFirst()
    }
  }

  private func perform(_ job: TransferJob, _ handle: CurlHandle?) -> Result<Answer, TransferFailure> {
    guard let handle else { return .failure(.curl(CURLE_FAILED_INIT, "")) }
    let id = ObjectIdentifier(job)
    locked { $0.running[id] = handle.wakeAddress }
    defer { locked { $0.running[id] = nil } }
    do {
      return .success(try handle.perform(job.transfer) { job.isCancelled.load(ordering: .sequentiallyConsistent) })
    } catch {
      return .failure(error)
    }
  }
}

/// File level, so that nothing makes it belong to the main actor.
private let runTransfers: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { user in
  if let user { Unmanaged<TransferPool>.fromOpaque(user).takeRetainedValue().serve() }
  return nil
}
