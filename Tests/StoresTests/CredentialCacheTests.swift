import Config
import Core
import Files
import Store
import SystemPackage
import TestKit
import Testing
import Threads

@testable import Stores

@Suite("AWS keys, renewed")
struct CredentialCacheTests {
  /// Answers what it is told to, and counts.
  private final class Script: CredentialSource, Sendable {
    private let answers: Locked<[Result<AWSCredentials?, StoreFault>]>
    private let count = Locked(0)
    private let delay: Duration

    init(_ answers: [Result<AWSCredentials?, StoreFault>], delay: Duration = .zero) {
      self.answers = Locked(answers)
      self.delay = delay
    }

    var asked: Int { count.withLock { $0 } }

    func fetch() async throws(StoreFault) -> AWSCredentials? {
      count.withLock { $0 += 1 }
      if delay > .zero { try? await Task.sleep(for: delay) }
      return try answers.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }.get()
    }
  }

  private let now = Locked(Timestamp(seconds: 1_800_000_000))
  private func pass(_ seconds: Int64) { now.withLock { $0 = $0 + .seconds(seconds) } }
  private func cache(_ script: Script) -> CredentialCache {
    CredentialCache(script) { [now] in now.withLock { $0 } }
  }
  private func keys(_ name: String, lives seconds: Int64?) -> Result<AWSCredentials?, StoreFault> {
    .success(
      AWSCredentials(
        keyID: name, secret: "s", sessionToken: "t",
        expires: seconds.map { second in now.withLock { $0 + .seconds(second) } }))
  }
  private let outage = Result<AWSCredentials?, StoreFault>.failure(StoreFault(.unreachable, "Cannot", at: "here"))

  /// Until the test is over.
  private let kept = Locked<[PythonServer]>([])

  private func keep(_ server: PythonServer) -> PythonServer {
    kept.withLock { $0.append(server) }
    return server
  }

  /// Until a renewal that runs beside has come to its end.
  private func until(_ isTrue: () async throws -> Bool) async throws {
    for _ in 0..<500 where try await !isTrue() { try await Task.sleep(for: .milliseconds(10)) }
    #expect(try await isTrue())
  }

  @Test("many requests wait for one fetch")
  func together() async throws {
    let script = Script([keys("a", lives: 3600)], delay: .milliseconds(200))
    let cache = cache(script)
    try await withThrowingTaskGroup(of: String.self) { group in
      for _ in 0..<20 { group.addTask { try await cache.credentials().keyID } }
      for try await id in group { #expect(id == "a") }
    }
    #expect(script.asked == 1)
    #expect(try await cache.credentials().keyID == "a" && script.asked == 1)
  }

  @Test("a fetch outlives the request that began it")
  func outlives() async throws {
    let script = Script([keys("a", lives: 3600)], delay: .milliseconds(200))
    let cache = cache(script)
    let first = Task { try await cache.credentials() }
    try await until { script.asked == 1 }
    first.cancel()
    #expect(try await cache.credentials().keyID == "a" && script.asked == 1)
  }

  @Test("keys are renewed before they end, and the old ones serve meanwhile")
  func early() async throws {
    let script = Script([keys("a", lives: 3600), keys("b", lives: 7200)])
    let cache = cache(script)
    #expect(try await cache.credentials().keyID == "a")
    pass(3200)
    #expect(try await cache.credentials().keyID == "a" && script.asked == 1)
    pass(200)
    #expect(try await cache.credentials().keyID == "a")
    try await until { try await cache.credentials().keyID == "b" }
    #expect(script.asked == 2)
  }

  @Test("a failed renewal heals by itself: at a measured pace while the old keys are good, at once when they are not")
  func heals() async throws {
    let script = Script([keys("a", lives: 3600), outage, outage, outage, keys("b", lives: 9000)])
    let cache = cache(script)
    _ = try await cache.credentials()
    pass(3400)
    #expect(try await cache.credentials().keyID == "a")
    try await until { script.asked == 2 && !cache.isRenewingForTests }
    for _ in 0..<10 { #expect(try await cache.credentials().keyID == "a") }
    #expect(script.asked == 2)
    pass(31)
    #expect(try await cache.credentials().keyID == "a")
    try await until { script.asked == 3 && !cache.isRenewingForTests }
    pass(169)
    #expect(try await fault { _ = try await cache.credentials() }.kind == .unreachable)
    #expect(try await cache.credentials().keyID == "b")
  }

  @Test("a source that has run dry is out of order, not missing")
  func dry() async throws {
    let script = Script([keys("a", lives: 100), .success(nil)])
    let cache = cache(script)
    _ = try await cache.credentials()
    pass(200)
    #expect(try await fault { _ = try await cache.credentials() }.kind == .unreachable)
    let never = self.cache(Script([.success(nil)]))
    #expect(try await fault { _ = try await never.credentials() }.kind == .denied)
    let old = self.cache(Script([keys("a", lives: -5)]))
    #expect(try await fault { _ = try await old.credentials() }.kind == .expired)
  }

  @Test("refused keys are replaced by others, if there are any")
  func replaced() async throws {
    let script = Script([keys("a", lives: nil), keys("a", lives: nil), keys("b", lives: nil)])
    let cache = cache(script)
    let first = try await cache.credentials()
    #expect(await cache.replacement(for: first) == nil)
    #expect(await cache.replacement(for: first)?.keyID == "b")
    #expect(await cache.replacement(for: first)?.keyID == "b", "another request was refused with the same old keys")
    #expect(script.asked == 3)
    #expect(cache.secrets.contains("a") && cache.secrets.contains("b"), "both may be spoken of, and neither shown")
    let fixed = CredentialCache(first)
    #expect(await fixed.replacement(for: first) == nil)
    #expect(try await fixed.credentials() == first)
  }

  // MARK: In a store

  @Test("a store without keys of its own takes those of the chain")
  func store() async throws {
    guard let servers = Servers.required() else { return }
    let folder = try TemporaryFolder()
    let file = try StoredFile.sample(at: folder.path.appending("object"), size: 1000, seed: 1, LinuxFiles())
    let key = try #require(StoreKey("\(uniqueName())/object.csv.gz"))
    let settings = servers.settings {
      $0.accessKeyID = nil
      $0.secretAccessKey = nil
    }
    let store = StoreSettings(name: try #require(StoreName("test")), target: .s3(settings))
    let found = try makeStore(
      store, files: LinuxFiles(),
      environment: ["AWS_ACCESS_KEY_ID": servers.keyID, "AWS_SECRET_ACCESS_KEY": servers.secret], clock: wallClock)
    #expect(try await found.create(file, at: key).outcome == .created)
    let none = try makeStore(
      store, files: LinuxFiles(), environment: ["AWS_EC2_METADATA_DISABLED": "true"], clock: wallClock)
    #expect(try await fault { _ = try await none.stat(key) }.kind == .denied)
  }

  @Test("keys that the service calls expired are replaced, and the request is sent again")
  func expired() async throws {
    if Servers.isSkippable { return }
    let keys = keep(try await PythonServer.keys([]))
    let refusal = #"{"status":400,"body":"<Error><Code>ExpiredToken</Code></Error>"}"#
    let server = keep(
      try await PythonServer.canned(
        #"[\#(refusal),{"body":"<ListBucketResult/>"},{"status":400},{"headers":{"Content-Length":"5","ETag":"\"1\""}}]"#
      ))
    let settings = cannedSettings(server.port) {
      $0.accessKeyID = nil
      $0.secretAccessKey = nil
    }
    let store = try makeStore(
      StoreSettings(name: try #require(StoreName("test")), target: .s3(settings)), files: LinuxFiles(),
      environment: ["AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:\(keys.port)"], clock: wallClock)
    try await store.list("") { _ in }
    // An answer to HEAD has no words.
    #expect(try await store.stat(try #require(StoreKey("k")))?.size == 5)
    let requests = try await server.requests(atLeast: 4)
    for (request, set) in zip(requests, [1, 2, 2, 3]) {
      #expect(request.contains("\"x-amz-security-token\": \"issued-token-\(set)\""), "\(request)")
    }
  }
}
