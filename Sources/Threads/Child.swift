private import Core
private import Glibc

/// A program that was started without a shell, at the head of a process group of its own, so that what it starts can be ended with it,
/// and with no signal of ours blocked or ignored in it. The one place where programs are started.
public struct Child: Sendable {
  public enum Ending: Hashable, Sendable {
    case status(Int32), signal(Int32)
    /// Somebody else has taken its end: how it ended, nobody knows.
    case unknown
  }

  /// Why it did not start; its name is not in it.
  public struct Refusal: Error, CustomStringConvertible {
    public let description: String
  }

  /// Its group's number too.
  public let pid: Int32

  /// - Parameters:
  ///   - argv: the program, by its path or found in PATH, and its arguments.
  ///   - environment: all of it, as `NAME=value`; nil: ours.
  ///   - descriptors: what becomes its 0, 1, 2 and so on. Nil is none, and for the first three `/dev/null`. It gets no other of ours,
  ///     since we open all of them with close-on-exec. A number of ours is not one of the numbers that they become, except its own.
  public init(
    _ argv: [String], environment: [String]? = nil, descriptors: [Int32?] = [nil, nil, nil]
  ) throws(Refusal) {
    guard let program = argv.first else { throw Refusal(description: "no program is named") }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (number, descriptor) in descriptors.enumerated() {
      if let descriptor {
        posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(number))
      } else if number <= 2 {
        posix_spawn_file_actions_addopen(&actions, Int32(number), "/dev/null", O_RDWR, 0)
      }
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    // What the agent ignores, for itself alone.
    for ignored in [SIGPIPE, SIGIO, SIGCHLD] { sigaddset(&signals, ignored) }
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    var words: [UnsafeMutablePointer<CChar>?] = argv.map { strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] = (environment ?? []).map { strdup($0) } + [nil]
    defer { for text in words + variables { free(text) } }
    var child: pid_t = 0
    let code =
      environment == nil
      ? posix_spawnp(&child, program, &actions, &attributes, &words, environ)
      : posix_spawnp(&child, program, &actions, &attributes, &words, &variables)
    guard code == 0 else { throw Refusal(description: String(cString: strerror(code))) }
    pid = child
  }

  /// Ends it and what it has started. Before `wait` only.
  public func kill() { _ = Glibc.kill(-pid, SIGKILL) }

  /// Until it has ended, however long that takes. Once for each child.
  @discardableResult
  public func wait() -> Ending {
    var status: Int32 = 0
    while true {
      if waitpid(pid, &status, 0) == pid { return Self.ending(status) }
      if errno != EINTR { return .unknown }
    }
  }

  /// Nil: it has not ended in that time, and was killed. Once for each child.
  public func wait(atMost limit: Duration) -> Ending? {
    let deadline = SystemClock.uptime() + limit
    var status: Int32 = 0
    var pause = Limits.childFirstLook
    while true {
      let ended = waitpid(pid, &status, WNOHANG)
      if ended == pid { return Self.ending(status) }
      if ended < 0, errno != EINTR { return .unknown }
      if SystemClock.uptime() >= deadline {
        kill()
        wait()
        return nil
      }
      usleep(pause)
      pause = min(pause * 2, Limits.childLook)
    }
  }

  private static func ending(_ status: Int32) -> Ending {
    let signal = status & 0x7f
    return signal == 0 ? .status((status >> 8) & 0xff) : .signal(signal)
  }
}
