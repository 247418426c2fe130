internal import CLinux
internal import Glibc

/// A thread of the operating system that nobody joins. Signals are for others: none is delivered to it.
enum Thread {
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

  /// - Parameter name: at most 15 bytes, for `ps -L` and debuggers.
  /// - Returns: false where the system has no thread to give.
  static func start(_ name: String, _ run: @escaping @Sendable () -> Void) -> Bool {
    precondition(name.utf8.count <= 15, "the kernel keeps 15 bytes of a thread's name")
    let body = Unmanaged.passRetained(
      Body {
        var all = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, nil)
        cl_name_thread(name)
        run()
      })
    var thread = pthread_t()
    guard pthread_create(&thread, nil, enter, body.toOpaque()) == 0 else {
      body.release()
      return false
    }
    pthread_detach(thread)
    return true
  }
}
