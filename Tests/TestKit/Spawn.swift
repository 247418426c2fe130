private import Dispatch
private import Glibc
import SystemPackage
private import Threads

/// A program run to its end: what it wrote, and how it ended.
///
/// Output goes to unnamed files, not pipes, so that a child left running in the background never keeps the caller waiting.
/// Each program leads a process group of its own; `Spawn.kill(group:)` ends what it left behind.
public enum Spawn {
  public struct Outcome: Sendable {
    /// The exit status; 128 and the signal's number where a signal ended it, as shells say it.
    public let exitCode: Int32
    public let stdout, stderr: String
    public let timedOut: Bool
    public let group: Int32
  }

  public struct Failure: Error, CustomStringConvertible {
    public let description: String
  }

  /// - Parameters:
  ///   - argv: the program, by path or found in PATH, and its arguments.
  ///   - environment: all of it; nothing is inherited.
  ///   - timeout: then the whole group is killed.
  public static func run(
    _ argv: [String], environment: [String: String] = [:], directory: FilePath? = nil, input: [UInt8] = [],
    timeout: Duration = .seconds(60)
  ) async throws -> Outcome {
    try await withCheckedThrowingContinuation { done in
      // A queue of its own: waiting must not take a thread from the other tests.
      DispatchQueue(label: "spawn").async {
        done.resume(with: Result { try wait(argv, environment, directory, input, timeout) })
      }
    }
  }

  /// As much of ours as programs need to be found and to speak plainly.
  public static var ownEnvironment: [String: String] {
    ["PATH": getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin", "LC_ALL": "C.UTF-8"]
  }

  /// Ends every process of the group. A group that is gone is fine.
  public static func kill(group: Int32) { _ = Glibc.kill(-group, SIGKILL) }

  private static func wait(
    _ argv: [String], _ environment: [String: String], _ directory: FilePath?, _ input: [UInt8], _ timeout: Duration
  ) throws -> Outcome {
    let files = try [unnamed(input), unnamed(), unnamed()]
    defer { files.forEach { close($0) } }
    // The call that changes the folder is hidden behind _GNU_SOURCE; env(1) does it as well.
    let place = directory.map { ["/usr/bin/env", "-C", $0.string] } ?? []
    let child = try start(place + argv, environment, files)
    let (status, timedOut) = reap(child, timeout)
    let ended = status & 0x7f
    return Outcome(
      exitCode: ended == 0 ? (status >> 8) & 0xff : 128 + ended, stdout: contents(files[1]), stderr: contents(files[2]),
      timedOut: timedOut, group: child)
  }

  static func start(
    _ argv: [String], _ environment: [String: String], _ files: [Int32]
  ) throws -> Int32 {
    do {
      return try Child(argv, environment: environment.map { "\($0.key)=\($0.value)" }, descriptors: files).pid
    } catch {
      throw Failure(description: "cannot start \(argv[0]): \(error)")
    }
  }

  private static func reap(_ child: pid_t, _ timeout: Duration) -> (status: Int32, timedOut: Bool) {
    let deadline = ContinuousClock.now + timeout
    var status: Int32 = 0
    while waitpid(child, &status, WNOHANG) == 0 {
      if ContinuousClock.now > deadline {
        kill(group: child)
        waitpid(child, &status, 0)
        return (status, true)
      }
      usleep(2_000)
    }
    return (status, false)
  }

  /// A file without a name, at its beginning.
  static func unnamed(_ content: [UInt8] = []) throws -> Int32 {
    var template = Array("/tmp/navette-spawn-XXXXXX".utf8CString)
    let file = mkstemp(&template)
    guard file >= 0 else { throw Failure(description: "cannot make a temporary file in /tmp") }
    _ = fcntl(file, F_SETFD, FD_CLOEXEC)
    unlink(template)
    guard content.withUnsafeBytes({ write(file, $0.baseAddress, $0.count) }) == content.count else {
      throw Failure(description: "cannot write a temporary file in /tmp")
    }
    lseek(file, 0, SEEK_SET)
    return file
  }

  static func contents(_ file: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: max(0, Int(lseek(file, 0, SEEK_END))))
    let count = pread(file, &bytes, bytes.count, 0)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }
}
