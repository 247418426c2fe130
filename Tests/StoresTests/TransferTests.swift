import Core
import Files
import Store
import SystemPackage
import TestKit
import Testing

@testable import Stores

@Suite struct TransferTests {
  private let files = LinuxFiles()

  private func threads(_ slots: Int, stall: Duration = .seconds(20)) -> TransferThreads {
    var options = TransferOptions()
    options.stallTimeout = stall
    return TransferThreads(slots: slots, options: options, files: files)
  }

  private func get(_ port: Int, limit: Int = 1000) -> Transfer {
    Transfer(method: .get, url: "http://127.0.0.1:\(port)/", sink: .bytes(limit: limit))
  }

  @Test(.timeLimit(.minutes(1)))
  func cancellationEndsATransferAtOnce() async throws {
    let proxy = try await PythonServer.proxy(to: ":1", "stall", "stall")
    // Long after the test's own limit.
    let pool = threads(1, stall: .seconds(600))
    // The first holds the only slot, the second waits for it.
    let tasks = (0..<2).map { _ in Task { try await pool.run(get(proxy.port)) } }
    while pool.threadsForTests == 0 { try await Task.sleep(for: .milliseconds(5)) }
    for task in tasks.reversed() { task.cancel() }
    for task in tasks {
      let result = await task.result
      #expect(throws: TransferFailure.self) { try result.get() }
    }
    let before = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try await pool.run(get(proxy.port))
    }
    let result = await before.result
    #expect(throws: TransferFailure.self) { try result.get() }
  }

  @Test func threadsBeginWhenTheyAreNeeded() async throws {
    let server = try await PythonServer.canned(#"[{"body":"hello"}]"#)
    let pool = threads(3)
    #expect(pool.threadsForTests == 0)
    for _ in 0..<5 { #expect(try await pool.run(get(server.port)).body == Array("hello".utf8)) }
    #expect(pool.threadsForTests == 1, "one after the other needs one thread")
    try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<40 { group.addTask { try await pool.run(get(server.port)).status } }
      for try await status in group { #expect(status == 200) }
    }
    #expect(pool.threadsForTests <= 3)
  }

  @Test func connectionsAreKept() async throws {
    let server = try await PythonServer.canned(#"[{"body":"hello"}]"#)
    // Only the first connection passes: a second one would be stalled.
    let proxy = try await PythonServer.proxy(to: ":\(server.port)", "pass", "stall")
    let pool = threads(1, stall: .seconds(2))
    for _ in 0..<5 { #expect(try await pool.run(get(proxy.port)).status == 200) }
  }

  /// A byte each fifth of a second is no stall, and the whole would take a minute.
  @Test(.timeLimit(.minutes(1))) func aServerThatTricklesIsGivenUp() async throws {
    let body = String(repeating: "x", count: 300)
    let server = try await PythonServer.canned(#"[{"body":"\#(body)","drip":0.2}]"#)
    var options = TransferOptions()
    options.connectTimeout = .milliseconds(500)
    options.stallTimeout = .milliseconds(500)
    let pool = TransferThreads(slots: 1, options: options, files: files)
    let start = ContinuousClock.now
    do {
      _ = try await pool.run(get(server.port))
      Issue.record("it was waited for")
    } catch {
      #expect(error.fault("Cannot ask", at: "there").kind == .unreachable)
    }
    #expect(ContinuousClock.now - start < .seconds(20))
  }

  @Test func theLongestTimeGrowsWithWhatMustPass() {
    var options = TransferOptions()
    var put = Transfer(method: .put, url: "", body: .file("/x", size: 1 << 30))
    #expect(put.longest(options).map { $0 > .seconds(86_400) } == true)
    #expect(get(1).longest(options).map { $0 < .seconds(300) } == true)
    #expect(Transfer(method: .get, url: "", sink: .digest).longest(options) == nil)
    // Our own allowance may be as low as it likes.
    options.throttle = Throttle { _ in 1 }
    #expect(put.longest(options) == nil)
    put.body = .bytes([1])
    #expect(put.longest(options) != nil)
  }

  @Test func whatIsReadKeepsToTheAllowanceToo() async throws {
    let body = String(repeating: "x", count: 60_000)
    let server = try await PythonServer.canned(#"[{"body":"\#(body)"}]"#)
    var options = TransferOptions()
    options.throttle = Throttle { _ in 40_000 }
    let pool = TransferThreads(slots: 2, options: options, files: files)
    let folder = try TemporaryFolder()
    let start = ContinuousClock.now
    async let digest = pool.run(Transfer(method: .get, url: "http://127.0.0.1:\(server.port)/", sink: .digest))
    async let file = pool.run(
      Transfer(method: .get, url: "http://127.0.0.1:\(server.port)/", sink: .file(folder.path.appending("f"))))
    #expect(try await digest.received == 60_000)
    #expect(try await file.received == 60_000)
    #expect(ContinuousClock.now - start > .milliseconds(2_500), "120,000 bytes at 40,000 a second")
  }

  @Test func aBodyThatIsTooLongIsCut() async throws {
    let server = try await PythonServer.canned(#"[{"body":"\#(String(repeating: "x", count: 5000))"}]"#)
    let answer = try await threads(1).run(get(server.port, limit: 100))
    #expect(answer.truncated && answer.body.count == 100 && answer.status == 200)
  }

  @Test func anErrorNeverBecomesTheFile() async throws {
    let server = try await PythonServer.canned(#"[{"status":404,"body":"no"},{"body":"yes"},{"body":""},{"body":"y"}]"#)
    let folder = try TemporaryFolder()
    let pool = threads(1)
    func read(_ name: String) async throws -> Answer {
      let url = "http://127.0.0.1:\(server.port)/"
      return try await pool.run(Transfer(method: .get, url: url, sink: .file(folder.path.appending(name))))
    }
    #expect(try await read("a").body == Array("no".utf8))
    #expect(try files.info(folder.path.appending("a")) == nil)
    #expect(try await read("a").received == 3)
    #expect(try files.contents(of: folder.path.appending("a"), limit: 9) == Array("yes".utf8))
    #expect(try await read("empty").received == 0)
    #expect(try files.info(folder.path.appending("empty"))?.size == 0)
    // A name that is taken is left alone.
    await #expect(throws: TransferFailure.self) { try await read("a") }
    #expect(try files.contents(of: folder.path.appending("a"), limit: 9) == Array("yes".utf8))
  }

  @Test func headersAreReadAsTheyCome() {
    var headers = AnswerHeaders()
    for line in [
      "HTTP/1.1 100 Continue\r\n", "X: a\r\n", "\r\n", "HTTP/1.1 200 OK\r\n", "ETag:  \"b\" \r\n", "etag: c\r\n",
      "junk\r\n",
    ] {
      Array(line.utf8).withUnsafeBytes { headers.take(line: $0) }
    }
    #expect(headers["x"] == nil)
    #expect(headers["etag"] == "\"b\"")
  }
}
