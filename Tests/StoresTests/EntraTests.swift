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

/// Identities of Microsoft Entra: what is sent is judged by `entra.py`, signatures by the library `cryptography`.
@Suite("Identities of Entra")
struct EntraTests {
  private let folder: TemporaryFolder
  private let files = LinuxFiles()
  /// Until the test is over.
  private let kept = Locked<[PythonServer]>([])

  init() throws { folder = try TemporaryFolder() }

  private func entra(_ options: String...) async throws -> PythonServer? {
    if Servers.isSkippable { return nil }
    let server = try await PythonServer.entra(options)
    kept.withLock { $0.append(server) }
    return server
  }

  private func identity(
    _ kind: AzureSettings.Identity.Kind, _ port: Int, environment: [String: String] = [:],
    _ change: (inout AzureSettings.Identity) -> Void = { _ in }
  ) throws -> AzureIdentity {
    var settings = AzureSettings.Identity()
    settings.kind = kind
    if kind != .managed {
      (settings.tenant, settings.client) = ("tenant-1", "client-1")
      settings.authority = "http://127.0.0.1:\(port)"
    }
    change(&settings)
    var environment = environment
    environment["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = "http://127.0.0.1:\(port)"
    return AzureIdentity(
      try AzureIdentity.Source(settings) { [environment] in environment[$0] }, options: TransferOptions(), files: files)
  }

  /// A certificate and its key, each in PEM.
  private func certificate(_ kind: String...) async throws -> (certificate: String, key: String) {
    let (certificate, key) = (folder.path.appending("c-\(uniqueName())"), folder.path.appending("k-\(uniqueName())"))
    let made = try await Spawn.run(
      ["/usr/bin/openssl", "req", "-x509", "-nodes", "-subj", "/CN=navette", "-days", "2", "-newkey"] + kind
        + ["-keyout", key.string, "-out", certificate.string], environment: ["PATH": "/usr/bin:/bin"])
    try #require(made.exitCode == 0, "\(made.stderr)")
    func text(_ path: FilePath) throws -> String {
      String(decoding: try files.contents(of: path, limit: 1 << 16), as: UTF8.self)
    }
    return (try text(certificate), try text(key))
  }

  private func write(_ name: String, _ text: String) throws -> FilePath {
    let path = folder.path.appending(name)
    try files.write(Array(text.utf8), to: path)
    return path
  }

  // MARK: An application

  @Test("an application's secret becomes a token, and what is wrong with it is named")
  func secret() async throws {
    guard let server = try await entra() else { return }
    let good = try identity(.principal, server.port) { $0.secret = Secret("s3cret&+/") }
    #expect(try await good.token(now: wallClock()) == "token-of-secret")
    let wrongs: [(String, StoreKind, (inout AzureSettings.Identity) -> Void)] = [
      ("its value is needed, not its id", .denied, { $0.secret = Secret("wr0ng") }),
      ("make a new one", .expired, { $0.secret = Secret("old") }),
      ("Check client_id", .denied, { $0.client = "nobody" }), ("Check tenant_id", .denied, { $0.tenant = "nowhere" }),
    ]
    for (words, kind, change) in wrongs {
      let identity = try identity(.principal, server.port) {
        $0.secret = Secret("s3cret&+/")
        change(&$0)
      }
      let fault = try await fault { _ = try await identity.token(now: wallClock()) }
      #expect(fault.kind == kind && fault.remedy?.contains(words) == true && fault.why.contains("AADSTS"), "\(fault)")
      #expect(!fault.description.contains("s3cret") && !fault.description.contains("wr0ng"))
    }
  }

  @Test("an application's certificate signs, in either form of its key, by the authority's clock where ours is wrong")
  func certificates() async throws {
    let (certificate, key) = try await certificate("rsa:2048")
    let path = try write("cert.pem", certificate)
    guard let server = try await entra(path.string) else { return }
    let old = try await Spawn.run(
      ["/usr/bin/openssl", "rsa", "-traditional"], environment: ["PATH": "/usr/bin:/bin"], input: Array(key.utf8))
    try #require(old.stdout.contains("BEGIN RSA PRIVATE KEY"))
    for pem in [certificate + key, key + certificate, certificate + old.stdout] {
      let identity = try identity(.principal, server.port) { $0.certificate = Secret(pem) }
      #expect(try await identity.token(now: wallClock()) == "token-of-certificate")
    }
    for hours in [-5, 5] {
      let identity = try identity(.principal, server.port) { $0.certificate = Secret(certificate + key) }
      #expect(try await identity.token(now: wallClock() + .seconds(Int64(hours) * 3_600)) == "token-of-certificate")
    }
    let (other, otherKey) = try await self.certificate("rsa:2048")
    for pem in [other + otherKey, certificate + otherKey] {
      let identity = try identity(.principal, server.port) { $0.certificate = Secret(pem) }
      let fault = try await fault { _ = try await identity.token(now: wallClock()) }
      #expect(fault.kind == .denied && fault.remedy?.contains("client_certificate") == true, "\(fault)")
      #expect(!fault.description.contains("PRIVATE"))
    }
  }

  @Test("a certificate that cannot be used says why")
  func badCertificates() async throws {
    let (certificate, key) = try await certificate("rsa:2048")
    let (_, elliptic) = try await self.certificate("ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    let sealed = try await Spawn.run(
      ["/usr/bin/openssl", "pkey", "-aes256", "-passout", "pass:word"], environment: ["PATH": "/usr/bin:/bin"],
      input: Array(key.utf8))
    let cases = [
      (key, "no whole certificate"), (certificate, "no whole private key"), (certificate + elliptic, "no RSA key"),
      (certificate + sealed.stdout, "is encrypted"), (certificate + key.dropLast(60), "no whole private key"),
      ("", "no whole certificate"),
    ]
    for (pem, words) in cases {
      let fault = try await fault { _ = try EntraCertificate(pem) }
      #expect(fault.kind == .denied && fault.why.contains(words) && fault.remedy != nil, "\(words): \(fault)")
    }
  }

  // MARK: A workload and a machine

  @Test("a workload's token is read each time; while it is gone or empty the store waits, and no batch is to blame")
  func workload() async throws {
    guard let server = try await entra() else { return }
    let path = folder.path.appending("token")
    let identity = try identity(.workload, server.port) { $0.tokenFile = path }
    func ask() async throws -> StoreFault {
      try await StoresTests.fault { _ = try await identity.token(now: wallClock()) }
    }
    let gone = try await ask()
    #expect(gone.kind == .denied && gone.place == path.string && gone.remedy?.contains("read again") == true, "\(gone)")
    _ = try write("token", "\n")
    let empty = try await ask()
    #expect(empty.kind == .denied && empty.why.contains("empty"), "\(empty)")
    try files.remove(path)
    _ = try write("token", "workload-token\n")
    #expect(try await identity.token(now: wallClock()) == "token-of-workload")

    // By the environment alone, as Kubernetes sets it; and without it.
    let environment = [
      "AZURE_FEDERATED_TOKEN_FILE": path.string, "AZURE_TENANT_ID": "tenant-1", "AZURE_CLIENT_ID": "client-1",
      "AZURE_AUTHORITY_HOST": "http://127.0.0.1:\(server.port)/",
    ]
    let plain = try self.identity(.managed, server.port, environment: environment)
    #expect(try await plain.token(now: wallClock()) == "token-of-workload")
    let lost = try self.identity(.workload, server.port) {
      $0.tokenFile = path
      $0.tenant = nil
    }
    let fault = try await fault { _ = try await lost.token(now: wallClock()) }
    #expect(fault.kind == .denied && fault.remedy?.contains("AZURE_TENANT_ID") == true, "\(fault)")
  }

  @Test("a store whose workload has no token is refused, and goes on when the file is back")
  func store() async throws {
    guard let server = AzureServer.required() else { return }
    let path = folder.path.appending("token")
    let store = try server.store(environment: [
      "AZURE_TENANT_ID": "tenant-1", "AZURE_CLIENT_ID": "client-1", "AZURE_AUTHORITY_HOST": server.origin,
    ]) {
      $0.access = .managedIdentity
      $0.identity.kind = .workload
      $0.identity.tokenFile = path
      $0.accessTier = .cool
    }
    let file = try StoredFile.sample(at: folder.path.appending("file"), size: 2_000, seed: 1, files)
    let key = try #require(StoreKey("\(uniqueName())/k"))
    #expect(try await fault { _ = try await store.create(file, at: key) }.kind == .denied)
    _ = try write("token", "navette-test-assertion")
    #expect(try await store.create(file, at: key).outcome == .created)
  }

  @Test("a machine with several identities is told which")
  func machine() async throws {
    guard let server = try await entra() else { return }
    let any = try identity(.managed, server.port)
    let fault = try await fault { _ = try await any.token(now: wallClock()) }
    #expect(fault.kind == .denied && fault.remedy?.contains("client_id") == true, "\(fault)")
    let one = try identity(.managed, server.port) { $0.client = "client-2" }
    #expect(try await one.token(now: wallClock()) == "token-of-machine")
  }

  @Test("a page instead of a token is no wrong secret")
  func portal() async throws {
    let page =
      #"[{"status":403,"body":"<html><title>Log in</title></html>"},{"body":"<html><title>Log in</title></html>"}]"#
    let server = try await PythonServer.canned(page)
    let identity = try identity(.principal, server.port) { $0.secret = Secret("s3cret") }
    for _ in 0..<2 {
      let fault = try await fault { _ = try await identity.token(now: wallClock()) }
      #expect(fault.kind == .unreachable && fault.why.contains("“Log in”"), "\(fault)")
    }
  }

  // MARK: Options

  @Test("an access tier goes with each object, whole or of blocks; a host of files becomes that of blobs")
  func tier() async throws {
    let file = try StoredFile.sample(at: folder.path.appending("f"), size: 5_000, seed: 1, files)
    let key = try #require(StoreKey("k"))
    for rule in [AzureBlocks.Rule(), AzureBlocks.Rule(above: 1_000, size: 2_000)] {
      // Of blocks it is first looked whether the object is there.
      let server = try await PythonServer.canned(
        #"[{"status":404,"headers":{"x-ms-error-code":"BlobNotFound"}},{"status":201},{"status":201},{"status":201},{"status":500}]"#
      )
      var settings = cannedAzure(server.port)
      settings.accessTier = .cold
      let store = try azureStore(settings, rule: rule)
      for _ in 0..<2 { _ = try? await store.create(file, at: key) }
      let told = try await server.requests(atLeast: 2).filter { $0.contains(#""x-ms-access-tier": "Cold""#) }
      #expect(
        !told.isEmpty && told.allSatisfy { $0.hasPrefix("PUT /container/k") && !$0.contains("comp=block&") }, "\(told)")
    }
    func origin(_ endpoint: String?, _ access: AzureSettings.Access) throws -> String {
      var settings = AzureSettings(account: "acc", container: "con", access: access)
      settings.endpoint = endpoint
      return try AzureAccess(settings).origin
    }
    let shared = AzureSettings.Access.accountKey(Secret(Data("k".utf8).base64EncodedString()))
    #expect(try origin("https://acc.dfs.core.windows.net", shared) == "https://acc.blob.core.windows.net")
    #expect(try origin("https://acc.dfs.core.chinacloudapi.cn/", shared) == "https://acc.blob.core.chinacloudapi.cn")
    #expect(try origin(nil, shared) == "https://acc.blob.core.windows.net")
  }
}
