internal import CLinux
internal import Glibc

/// A thread of the operating system. Signals are for others: none is delivered to it but those of a crash of its own.
public enum Thread {
  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// File-level in effect, so that nothing makes it belong to the main actor.
  private static let enter: @Sendable @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { user in
    guard let user else { return nil }
    Unmanaged<Body>.fromOpaque(user).takeRetainedValue().run()
    return nil
  }

  /// One that nobody waits for.
  /// - Parameter name: at most 15 bytes, for `ps -L` and debuggers.
  /// - Returns: false where the system has no thread to give.
  public static func start(_ name: String, _ run: @escaping @Sendable () -> Void) -> Bool {
    guard let thread = create(name, run) else { return false }
    pthread_detach(thread)
    return true
  }

  fileprivate static func create(_ name: String, _ run: @escaping @Sendable () -> Void) -> pthread_t? {
    precondition(name.utf8.count <= 15, "the kernel keeps 15 bytes of a thread's name")
    let body = Unmanaged.passRetained(
      Body {
        cl_block_signals()
        cl_crash_stack()
        cl_name_thread(name)
        run()
      })
    var thread = pthread_t()
    guard pthread_create(&thread, nil, enter, body.toOpaque()) == 0 else {
      body.release()
      return nil
    }
    return thread
  }
}

/// A thread whose end is waited for.
public final class JoinedThread: Sendable {
  private let thread: pthread_t
  private let isJoined = Locked(false)

  /// - Parameter name: at most 15 bytes, for `ps -L` and debuggers.
  /// - Returns: nil where the system has no thread to give.
  public init?(_ name: String, _ run: @escaping @Sendable () -> Void) {
    guard let thread = Thread.create(name, run) else { return nil }
    self.thread = thread
  }

  /// Returns when it has ended; at once where the caller is that thread itself, and where somebody waits or has waited already: the
  /// number of a thread that has been joined is another thread's by then, and a second join would wait for that.
  public func join() {
    let isFirst = isJoined.withLock { isJoined in
      defer { isJoined = true }
      return !isJoined
    }
    guard isFirst else { return }
    if pthread_equal(pthread_self(), thread) != 0 { pthread_detach(thread) } else { pthread_join(thread, nil) }
  }
}
