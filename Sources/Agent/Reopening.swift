import Core
import Glibc

/// Runs an operator's command without a shell, its output thrown away, for at most so long.
enum Reopening {
  static let timeout: Duration = .seconds(10)

  /// - Returns: what went wrong; nil where the command ended with 0.
  static func run(_ argv: [String]) -> String? {
    guard let program = argv.first else { return nil }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for descriptor: Int32 in 0...2 { posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0) }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // Its own group, so that what it starts ends with it; and no signal of ours blocked or ignored in it.
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))

    var arguments: [UnsafeMutablePointer<CChar>?] = argv.map { strdup($0) }
    arguments.append(nil)
    defer { for argument in arguments { free(argument) } }
    var pid: pid_t = 0
    let code = posix_spawnp(&pid, program, &actions, &attributes, arguments, environ)
    guard code == 0 else { return "\(program): \(String(cString: strerror(code)))" }
    return wait(for: pid, program)
  }

  private static func wait(for pid: pid_t, _ program: String) -> String? {
    let deadline = SystemClock.now().uptime + timeout
    var status: Int32 = 0
    var pause: useconds_t = 1_000
    while waitpid(pid, &status, WNOHANG) == 0 {
      if SystemClock.now().uptime >= deadline {
        kill(-pid, SIGKILL)
        waitpid(pid, &status, 0)
        return "\(program) did not end within \(timeout.milliseconds / 1000) s"
      }
      usleep(pause)
      pause = min(pause * 2, 50_000)
    }
    let signal = status & 0x7f
    if signal != 0 { return "\(program) was ended by signal \(signal)" }
    let exit = (status >> 8) & 0xff
    return exit == 0 ? nil : "\(program) ended with \(exit)"
  }
}
