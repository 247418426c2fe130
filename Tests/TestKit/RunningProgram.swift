private import Core
private import Glibc
public import SystemPackage
internal import Threads

/// A program that goes on while the test looks at it. Ended with its whole group when the last reference goes.
public final class RunningProgram: Sendable {
  public let pid: Int32
  private let files: [Int32]
  private let status = Locked<Int32?>(nil)

  /// Parameters as for `Spawn.run`.
  public init(_ argv: [String], environment: [String: String] = [:], directory: FilePath? = nil) throws {
    files = try [Spawn.unnamed(), Spawn.unnamed(), Spawn.unnamed()]
    let place = directory.map { ["/usr/bin/env", "-C", $0.string] } ?? []
    pid = try Spawn.start(place + argv, environment, files)
  }

  deinit {
    Spawn.kill(group: pid)
    if status.withLock({ $0 }) == nil {
      var status: Int32 = 0
      waitpid(pid, &status, 0)
    }
    for file in files { close(file) }
  }

  /// What it has written until now.
  public var stdout: String { Spawn.contents(files[1]) }
  public var stderr: String { Spawn.contents(files[2]) }

  /// Nil while it runs; 128 and the signal's number where a signal ended it.
  public var exitCode: Int32? {
    status.withLock { known in
      if known == nil {
        var status: Int32 = 0
        guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
        known = status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
      }
      return known
    }
  }

  /// Sends a signal, unless it has ended.
  public func signal(_ number: Int32) {
    if exitCode == nil { _ = kill(pid, number) }
  }

  /// - Returns: the exit code; nil where it still runs after that time.
  public func ended(within limit: Duration) async throws -> Int32? {
    let deadline = ContinuousClock.now + limit
    while exitCode == nil, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(5)) }
    return exitCode
  }
}
