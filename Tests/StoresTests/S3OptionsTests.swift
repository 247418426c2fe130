import Config
import Core
import Files
import Foundation
import Store
import SystemPackage
import TestKit
import Testing
import Threads

@testable import Stores

@Suite("S3: what may be set")
struct S3OptionsTests {
  private let folder: TemporaryFolder
  private let file: StoredFile
  private let key: StoreKey

  /// Until the test is over.
  private let kept = Locked<[PythonServer]>([])

  private func keep(_ server: PythonServer) -> PythonServer {
    kept.withLock { $0.append(server) }
    return server
  }

  init() throws {
    folder = try TemporaryFolder()
    file = try StoredFile.sample(at: folder.path.appending("object"), size: 200_000, seed: 3, LinuxFiles())
    key = try #require(StoreKey("\(uniqueName())/object.csv.gz"))
  }

  @Test("an object is encrypted, classed and tagged as asked, and Amazon's client sees it")
  func kept() async throws {
    guard let servers = Servers.required() else { return }
    for endpoint in [servers.s3, servers.strict] {
      let key = try #require(StoreKey("\(key)-\(endpoint == servers.s3 ? "a" : "b")"))
      let store = try servers.store {
        $0.endpoint = endpoint
        $0.serverSideEncryption = .kms
        $0.kmsKeyID = "campaign"
        $0.storageClass = "STANDARD_IA"
        $0.tags = ["team": "crm & co", "cost center": "12 %"]
        $0.acl = "private"
      }
      #expect(try await store.create(file, at: key).outcome == .created)
      #expect(try await store.create(file, at: key).outcome == .alreadyThere)
      let head = try await servers.aws("s3api", "head-object", "--bucket", servers.bucket, "--key", key.description)
      for part in ["\"aws:kms\"", "\"campaign\"", "\"STANDARD_IA\"", "\"ContentLength\": 200000"] {
        #expect(head.contains(part), "\(part) is missing in \(head)")
      }
      let tags = try await servers.aws(
        "s3api", "get-object-tagging", "--bucket", servers.bucket, "--key", key.description)
      #expect(tags.contains("\"crm & co\"") && tags.contains("\"cost center\"") && tags.contains("\"12 %\""))
    }
    let plain = try servers.store { $0.serverSideEncryption = .aes256 }
    #expect(try await plain.create(file, at: key).outcome == .created)
    #expect(
      try await servers.aws("s3api", "head-object", "--bucket", servers.bucket, "--key", key.description)
        .contains("\"AES256\""))
  }

  @Test("what we write, Amazon's client lists and reads")
  func parity() async throws {
    guard let servers = Servers.required() else { return }
    _ = try await servers.store().create(file, at: key)
    let large = try StoredFile.sample(at: folder.path.appending("large"), size: 12 << 20, seed: 4, LinuxFiles())
    let largeKey = try #require(StoreKey("\(key)-large"))
    _ = try await s3StoreOfParts(servers.settings()).create(large, at: largeKey)
    let listed = try await servers.aws("s3", "ls", "s3://\(servers.bucket)/\(key)")
    #expect(listed.contains(" 200000 object.csv.gz\n") && listed.contains(" 12582912 object.csv.gz-large\n"))
    for (file, key) in [(file, key), (large, largeKey)] {
      let copy = folder.path.appending("copy-\(file.size)")
      _ = try await servers.aws("s3", "cp", "s3://\(servers.bucket)/\(key)", copy.string, "--no-progress")
      #expect(try LinuxFiles().digest(of: copy).sha256 == file.sha256)
    }
  }

  @Test("a service that does not encrypt as asked is not believed, now or later")
  func ignored() async throws {
    let stored = #"{"headers":{"Content-Length":"200000","x-amz-meta-navette-sha256":"\#(file.sha256)"}}"#
    let server = keep(
      try await PythonServer.canned(
        #"[{"headers":{"ETag":"\"\#(file.md5)\""}},\#(stored),{"status":412},\#(stored)]"#))
    let store = try s3Store(cannedSettings(server.port) { $0.serverSideEncryption = .aes256 })
    for _ in 0..<2 {
      let fault = try await Self.fault { _ = try await store.create(file, at: key) }
      #expect(fault.kind == .mismatch && fault.why.contains("server_side_encryption is AES256"), "\(fault)")
    }
  }

  @Test("when_required sends no checksum but Content-MD5, and nothing that was not asked for")
  func quiet() async throws {
    let server = keep(try await PythonServer.canned(#"[{"headers":{"ETag":"\"\#(file.md5)\""}}]"#))
    let store = try s3Store(cannedSettings(server.port) { $0.checksum = .whenRequired })
    _ = try await store.create(file, at: key)
    _ = try? await store.stat(key)
    let requests = try await server.requests(atLeast: 2)
    #expect(requests.first?.contains("content-md5") == true)
    for request in requests {
      for word in ["x-amz-checksum", "storage-class", "x-amz-acl", "tagging", "encryption"] {
        #expect(!request.contains(word), "\(word) is in \(request)")
      }
    }
    guard let servers = Servers.required() else { return }
    let real = try servers.store { $0.checksum = .whenRequired }
    #expect(try await real.create(file, at: key).outcome == .created)
    #expect(try await real.create(file, at: key).outcome == .alreadyThere)
  }

  @Test("a bucket in another region is named, not followed")
  func region() async throws {
    let body = "<Error><Code>PermanentRedirect</Code><Endpoint>b.s3.eu-west-3.amazonaws.com</Endpoint></Error>"
    let server = keep(
      try await PythonServer.canned(
        #"[{"status":301,"headers":{"x-amz-bucket-region":"eu-west-3"},"body":"\#(body)"}]"#))
    let fault = try await Self.fault { _ = try await s3Store(cannedSettings(server.port)).create(file, at: key) }
    #expect(fault.kind == .wrongPlace)
    #expect(
      fault.remedy
        == "Set the store's region to eu-west-3, and its endpoint to b.s3.eu-west-3.amazonaws.com, or leave it out")
    #expect(try await server.requests(atLeast: 1).count == 1)

    let mute = keep(try await PythonServer.canned(#"[{"status":400,"headers":{"x-amz-bucket-region":"eu-west-3"}}]"#))
    let head = try await Self.fault { _ = try await s3Store(cannedSettings(mute.port)).stat(key) }
    #expect(head.kind == .wrongPlace && head.remedy?.contains("region to eu-west-3") == true)

    guard let servers = Servers.required() else { return }
    let wrong = try servers.store {
      $0.endpoint = servers.strict
      $0.region = "eu-west-9"
    }
    let told = try await Self.fault { _ = try await wrong.create(file, at: key) }
    #expect(told.remedy?.contains("region to \(servers.region)") == true, "\(told)")
  }

  private static func fault(_ body: () async throws -> Void) async throws -> StoreFault {
    try await StoresTests.fault(body)
  }

  // MARK: The way

  @Test("a proxy is used where the store has one, by http and https, and learns no key")
  func proxy() async throws {
    guard let servers = Servers.required() else { return }
    let proxy = keep(try await PythonServer.forwarding(user: "agent", password: "proxy-pass"))
    func store(_ endpoint: String, password: String) throws -> any RemoteStore {
      let s3 = servers.settings {
        $0.endpoint = endpoint
        $0.caFile = FilePath(servers.ca)
      }
      var settings = StoreSettings(name: try #require(StoreName("test")), target: .s3(s3))
      settings.proxy = Secret("http://agent:\(password)@127.0.0.1:\(proxy.port)")
      return try makeStore(settings, files: LinuxFiles(), clock: wallClock)
    }
    for endpoint in [servers.s3, servers.tls] {
      #expect(try await store(endpoint, password: "proxy-pass").stat(key) == nil)
      let fault = try await Self.fault { _ = try await store(endpoint, password: "wrong").stat(key) }
      #expect(fault.kind == .denied && fault.remedy?.contains("proxy") == true, "\(fault)")
      #expect(!fault.description.contains("wrong"))
    }
    let seen = try await proxy.requests(atLeast: 4)
    #expect(seen.contains { $0.hasPrefix("HEAD \(servers.s3)/") })
    #expect(seen.contains("CONNECT \(servers.tls.dropFirst("https://".count)) "), "\(seen)")
    #expect(seen.count { $0 == "refused" } == 2)
  }

  @Test("without one, the environment says: HTTPS_PROXY, and NO_PROXY for what it names")
  func environment() async throws {
    guard let servers = Servers.required() else { return }
    let proxy = keep(try await PythonServer.forwarding(user: "agent", password: "proxy-pass"))
    try LinuxFiles().makeDirectory(folder.path.appending("state"), mode: AccessMode(rawValue: 0o700))
    let config = folder.path.appending("navette.yaml")
    let text = """
      state: \(folder.path)/state
      stores:
        aep:
          url: s3://\(servers.bucket)/\(uniqueName())
          region: \(servers.region)
          endpoint: \(servers.tls)
          ca_file: \(servers.ca)
          access_key_id: ${ID}
          secret_access_key: ${KEY}
      """
    try LinuxFiles().write(Array(text.utf8), to: config, mode: AccessMode(rawValue: 0o600))
    // A process of its own: the environment of this one belongs to every test.
    func check(_ more: [String: String]) async throws -> Spawn.Outcome {
      let environment = [
        "ID": servers.keyID, "KEY": servers.secret, "PATH": "/usr/bin:/bin",
        "HTTPS_PROXY": "http://agent:proxy-pass@127.0.0.1:\(proxy.port)",
      ]
      return try await Spawn.run(
        [Program.path, "check", "--connect", "--config", config.string], environment: environment.merging(more) { $1 })
    }
    let past = try await check(["NO_PROXY": "127.0.0.1"])
    #expect(past.stdout.contains("store aep: put: yes"), "\(past.stdout)\(past.stderr)")
    #expect(proxy.requests.isEmpty)
    let through = try await check([:])
    #expect(through.stdout.contains("store aep: put: yes"), "\(through.stdout)\(through.stderr)")
    let seen = try await proxy.requests(atLeast: 1)
    #expect(!seen.isEmpty && seen.allSatisfy { $0 == "CONNECT \(servers.tls.dropFirst("https://".count)) " })
  }

  @Test("an endpoint may be an IPv6 address")
  func ipv6() async throws {
    guard let servers = Servers.required() else { return }
    let proxy = keep(try await PythonServer.proxy(to: servers.s3, "listen=::1"))
    let store = try servers.store { $0.endpoint = "http://[::1]:\(proxy.port)" }
    #expect(try await store.create(file, at: key).outcome == .created)
    #expect(try await store.stat(key)?.size == file.size)
  }

  @Test("an upload that stands still is given up, however slow a moving one may be", .timeLimit(.minutes(1)))
  func stall() async throws {
    guard let servers = Servers.required() else { return }
    let proxy = keep(try await PythonServer.proxy(to: servers.s3, "freeze-request:100000"))
    let store = try servers.store(stall: .seconds(2)) { $0.endpoint = "http://127.0.0.1:\(proxy.port)" }
    let large = try StoredFile.sample(at: folder.path.appending("large"), size: 16 << 20, seed: 5, LinuxFiles())
    let start = ContinuousClock.now
    #expect(try await Self.fault { _ = try await store.create(large, at: key) }.kind == .unreachable)
    #expect(ContinuousClock.now - start < .seconds(20))
    #expect(try await servers.store().stat(key) == nil)
  }
}
