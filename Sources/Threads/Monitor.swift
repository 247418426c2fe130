internal import Core
internal import Glibc

/// State behind a lock, with threads that sleep until it lets them go on.
///
/// `@unchecked Sendable` holds because `state` is reached only while `mutex` is held, and the pointers are constants that are
/// freed when no thread holds the monitor any more.
final class Monitor<State>: @unchecked Sendable {
  enum Verdict<Value> {
    case go(Value)
    /// Until `wakeOne` or `wakeAll`.
    case sleep
    /// At the latest until the uptime is this.
    case sleepUntil(Duration)
  }

  private var state: State
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>

  init(_ state: State) {
    self.state = state
    mutex = .allocate(capacity: 1)
    condition = .allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    // By the clock that `SystemClock.uptime` reads, so that a set wall clock moves no alarm.
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  func withLock<Value>(_ body: (inout State) -> Value) -> Value {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body(&state)
  }

  func wakeOne() { pthread_cond_signal(condition) }
  func wakeAll() { pthread_cond_broadcast(condition) }

  /// Asks under the lock, and again after each wake, until the answer is `go`. Blocks.
  func wait<Value>(_ ask: (inout State) -> Verdict<Value>) -> Value {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while true {
      switch ask(&state) {
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
}
