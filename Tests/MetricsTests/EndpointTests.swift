import Core
import Foundation
import Glibc
import Metrics
import SystemPackage
import TestKit
import Testing
import Threads

@Suite("The metrics' endpoint")
struct EndpointTests {
  private func ask(_ endpoint: MetricsEndpoint, _ path: String = "/metrics", _ more: [String] = []) async throws
    -> Spawn.Outcome
  {
    let target: [String] =
      switch endpoint.address {
      case .path(let socket): ["--unix-socket", socket.string, "http://localhost\(path)"]
      case .host: ["http://\(endpoint.address.shown)\(path)"]
      }
    return try await Spawn.run(
      ["curl", "-sS", "--max-time", "10"] + more + target,
      environment: ["PATH": "/usr/local/bin:/usr/bin:/bin", "no_proxy": "*"])
  }

  /// On a port that is free at the moment.
  private func endpoint(_ page: @escaping MetricsEndpoint.Page) throws -> MetricsEndpoint {
    for port in UInt16(29_500)...29_600 {
      do { return try MetricsEndpoint(.host("127.0.0.1", port: port), page: page) } catch {
        guard error.why.contains("ddress already in use") else { throw error }
      }
    }
    throw CancellationError()
  }

  @Test func servesThePageAsItIsNow() async throws {
    let count = Locked(0)
    let endpoint = try endpoint {
      let number = count.withLock { count in
        count += 1
        return count
      }
      return "page \(number)\n"
    }
    defer { endpoint.stop() }
    #expect(try await ask(endpoint).stdout == "page 1\n")
    #expect(try await ask(endpoint, "/metrics?name=x").stdout == "page 2\n")
    #expect(try await ask(endpoint, "/metrics", ["-I"]).stdout.contains("Content-Length: 7"))
    #expect(count.withLock { $0 } == 3)
  }

  @Test func speaksWhatItsCallerReads() async throws {
    let endpoint = try endpoint { "x\n" }
    defer { endpoint.stop() }
    let open = ["-i", "-H", "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5"]
    #expect(
      try await ask(endpoint, "/metrics", open).stdout.contains(
        "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"))
    #expect(
      try await ask(endpoint, "/metrics", ["-i"]).stdout.contains(
        "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"))
  }

  @Test func refusesAllElse() async throws {
    let endpoint = try endpoint { nil }
    defer { endpoint.stop() }
    let code = ["-o", "/dev/null", "-w", "%{http_code}"]
    #expect(try await ask(endpoint, "/", code).stdout == "404")
    #expect(try await ask(endpoint, "/metrics/../etc/passwd", code + ["--path-as-is"]).stdout == "404")
    #expect(try await ask(endpoint, "/metrics", code + ["-d", "x=1"]).stdout == "405")
    #expect(try await ask(endpoint, "/metrics", code + ["-X", "DELETE"]).stdout == "405")
    #expect(
      try await ask(endpoint, "/metrics", code + ["-H", "X: " + String(repeating: "x", count: 30_000)]).stdout == "431")
    // No figures now.
    #expect(try await ask(endpoint, "/metrics", code).stdout == "503")
  }

  @Test func takesOverASocketThatNobodyListensAt() async throws {
    let folder = try TemporaryFolder()
    let path = folder.path.appending("metrics.sock")
    let first = try MetricsEndpoint(.path(path)) { "one\n" }
    #expect(throws: FileFault.self) { try MetricsEndpoint(.path(path)) { "two\n" } }
    #expect(try await ask(first).stdout == "one\n")
    // As a kill leaves it.
    let aside = folder.path.appending("aside.sock")
    #expect(rename(path.string, aside.string) == 0)
    first.stop()
    #expect(rename(aside.string, path.string) == 0)
    // A child that another test begins may hold a copy of the socket for an instant.
    var taken: MetricsEndpoint?
    for _ in 0..<100 where taken == nil {
      taken = try? MetricsEndpoint(.path(path)) { "next\n" }
      if taken == nil { try await Task.sleep(for: .milliseconds(20)) }
    }
    let next = try #require(taken)
    #expect(try await ask(next).stdout == "next\n")
    var info = stat()
    #expect(stat(path.string, &info) == 0 && info.st_mode & 0o777 == 0o660)
    next.stop()
    next.stop()
    #expect(stat(path.string, &info) != 0)
    #expect(throws: FileFault.self) { try MetricsEndpoint(.path(folder.path.appending("none/x.sock"))) { "" } }
  }

  @Test func aFileThatIsNoSocketIsLeftAlone() throws {
    let folder = try TemporaryFolder()
    let path = folder.path.appending("precious")
    try Data("kept".utf8).write(to: URL(filePath: path.string))
    #expect(throws: FileFault.self) { try MetricsEndpoint(.path(path)) { "" } }
    #expect(try String(contentsOfFile: path.string, encoding: .utf8) == "kept")
  }
}
