internal import Core
internal import Glibc

/// State behind a lock, with threads that sleep until it lets them go on. The one type of the program that knows mutexes and condition
/// variables: our own over those of pthread, because the thread sanitizer knows them and reports false races for
/// `Synchronization.Mutex`.
///
/// No access to the state is open while a thread sleeps: `wait` asks its question, ends the access, sleeps, and asks anew. A loop that
/// sleeps within one `inout` access looks the same, and is wrong: the optimiser may take it that nobody else writes there meanwhile
/// (decision 0028).
///
/// `@unchecked Sendable` holds because `state` is reached only while `mutex` is held, each access begins after the lock was taken and ends
/// before it is let go or slept on, `sending` keeps callers from retaining a second reference into it, and the pointers are
/// constants that are freed when no thread holds the monitor any more.
public final class Monitor<State: ~Copyable>: @unchecked Sendable {
  public enum Answer<Value> {
    case go(Value)
    /// Until `wakeOne` or `wakeAll`.
    case sleep
    /// At the latest until the uptime is this.
    case sleepUntil(Duration)
  }

  private let state: UnsafeMutablePointer<State>
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>

  public init(_ initial: consuming sending State) {
    state = .allocate(capacity: 1)
    state.initialize(to: initial)
    // On the heap: neither may move while it is in use.
    mutex = .allocate(capacity: 1)
    condition = .allocate(capacity: 1)
    var failure = pthread_mutex_init(mutex, nil)
    precondition(failure == 0, "pthread_mutex_init: \(failure)")
    // By the clock that `SystemClock.uptime` reads, so that a set wall clock moves no alarm.
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    failure = pthread_cond_init(condition, &attributes)
    precondition(failure == 0, "pthread_cond_init: \(failure)")
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
    state.deinitialize(count: 1)
    state.deallocate()
  }

  public func withLock<Result: ~Copyable, Failure: Error>(
    _ body: (inout sending State) throws(Failure) -> sending Result
  ) throws(Failure) -> sending Result {
    lock()
    defer { unlock() }
    return try body(&state.pointee)
  }

  public func wakeOne() { pthread_cond_signal(condition) }
  public func wakeAll() { pthread_cond_broadcast(condition) }

  /// Asks under the lock, and again after each wake, until the answer is `go`. Blocks; `ask` must not.
  public func wait<Value>(_ ask: (inout State) -> Answer<Value>) -> Value {
    lock()
    defer { unlock() }
    while true {
      switch ask(&state.pointee) {
      case .go(let value): return value
      case .sleep: pthread_cond_wait(condition, mutex)
      case .sleepUntil(let uptime):
        var time = timespec()
        time.tv_sec = Int(uptime.components.seconds)
        time.tv_nsec = Int(uptime.components.attoseconds / 1_000_000_000)
        pthread_cond_timedwait(condition, mutex, &time)
      }
    }
  }

  private func lock() {
    let failure = pthread_mutex_lock(mutex)
    precondition(failure == 0, "pthread_mutex_lock: \(failure)")
  }

  private func unlock() { pthread_mutex_unlock(mutex) }
}
