private import Glibc

/// A value behind a lock: our own over a pthread mutex, because the thread sanitizer knows pthread mutexes and reports false
/// races for `Synchronization.Mutex`. Not recursive. Hold it for short, blocking work only; never across a suspension point.
///
/// `@unchecked Sendable` holds because `value` and `mutex` are private and constant pointers, the value is reached only in
/// `withLock` while the mutex is held, and `sending` keeps callers from retaining a second reference into it.
public final class Guarded<Value: ~Copyable>: @unchecked Sendable {
  private let value: UnsafeMutablePointer<Value>
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>

  public init(_ initial: consuming sending Value) {
    value = .allocate(capacity: 1)
    value.initialize(to: initial)
    // On the heap: a mutex must not move while it is in use.
    mutex = .allocate(capacity: 1)
    let failure = pthread_mutex_init(mutex, nil)
    precondition(failure == 0, "pthread_mutex_init: \(failure)")
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
    value.deinitialize(count: 1)
    value.deallocate()
  }

  public func withLock<Result: ~Copyable, Failure: Error>(
    _ body: (inout sending Value) throws(Failure) -> sending Result
  ) throws(Failure) -> sending Result {
    let failure = pthread_mutex_lock(mutex)
    precondition(failure == 0, "pthread_mutex_lock: \(failure)")
    defer { pthread_mutex_unlock(mutex) }
    return try body(&value.pointee)
  }
}
