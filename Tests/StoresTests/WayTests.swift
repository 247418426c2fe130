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

/// What lies between us and a store: names, certificates, proxies, and servers that are out of breath.
@Suite("The way to a store")
struct WayTests {
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
    file = try StoredFile.sample(at: folder.path.appending("object"), size: 200_000, seed: 21, LinuxFiles())
    key = try #require(StoreKey("\(uniqueName())/object.csv.gz"))
  }

  // MARK: Names and certificates

  @Test("a name that does not resolve is told apart from a server that is not there")
  func names() async throws {
    let name = try await fault {
      _ = try await s3Store(cannedSettings(1) { $0.endpoint = "http://no-such-host.invalid" }).stat(key)
    }
    #expect(name.kind == .unreachable && name.remedy?.contains("name service") == true, "\(name)")
    let port = try await fault { _ = try await s3Store(cannedSettings(1)).stat(key) }
    #expect(port.kind == .unreachable && port.remedy?.contains("firewall") == true, "\(port)")
  }

  @Test("a certificate that is over, one of another authority and one for another name are told apart")
  func certificates() async throws {
    guard let servers = Servers.required() else { return }
    let home = FilePath(servers.ca).parent
    func ask(_ certificate: String, ca: String) async throws -> StoreFault {
      let server = keep(
        try await PythonServer.canned(
          "[{}]", tls: home.appending(certificate).string, home.appending("srv.key").string))
      let store = try s3Store(
        cannedSettings(server.port) {
          $0.endpoint = "https://127.0.0.1:\(server.port)"
          $0.caFile = FilePath(ca)
        })
      return try await fault { _ = try await store.stat(key) }
    }
    let faults = [
      try await ask("expired.pem", ca: servers.ca), try await ask("srv.pem", ca: servers.otherCA),
      try await ask("elsewhere.pem", ca: servers.ca),
    ]
    for (fault, words) in zip(faults, ["certificate is over", "authority is not known", "for another name"]) {
      #expect(fault.kind == .untrusted && fault.remedy?.contains(words) == true, "\(fault)")
    }
  }

  @Test("TLS before 1.2 is refused, and so is a port without any")
  func oldTLS() async throws {
    guard let servers = Servers.required() else { return }
    let home = FilePath(servers.ca).parent
    let old = keep(
      try await PythonServer.canned(
        "[{}]", tls: home.appending("srv.pem").string, home.appending("srv.key").string, "old"))
    let plain = keep(try await PythonServer.canned("[{}]"))
    func ask(_ port: Int) async throws -> StoreFault {
      let store = try s3Store(
        cannedSettings(port) {
          $0.endpoint = "https://127.0.0.1:\(port)"
          $0.caFile = FilePath(servers.ca)
        })
      return try await fault { _ = try await store.stat(key) }
    }
    let refused = try await ask(old.port)
    #expect(refused.kind == .untrusted && refused.remedy?.contains("TLS 1.2") == true, "\(refused)")
    let none = try await ask(plain.port)
    #expect(none.kind == .wrongPlace && none.remedy?.contains("no TLS") == true, "\(none)")
  }

  // MARK: Proxies

  @Test("the other stores take a proxy too")
  func proxies() async throws {
    guard let azure = AzureServer.required(), let ssh = OpenSSH.required() else { return }
    let proxy = keep(try await PythonServer.forwarding(user: "agent", password: "proxy-pass"))
    func store(_ target: StoreSettings.Target, password: String = "proxy-pass") throws -> any RemoteStore {
      var settings = StoreSettings(name: try #require(StoreName("test")), target: target)
      settings.proxy = Secret("http://agent:\(password)@127.0.0.1:\(proxy.port)")
      return try makeStore(settings, files: LinuxFiles(), clock: wallClock)
    }
    let sftp = SFTPSettings(
      user: ssh.user, host: "127.0.0.1", port: ssh.port, folder: ssh.folder.appending("objects"),
      access: try ssh.key("user"), hostKey: .pinned(ssh.pin))
    for target in [.azure(azure.settings()), .sftp(sftp)] as [StoreSettings.Target] {
      #expect(try await store(target).create(file, at: key).outcome == .created)
      let fault = try await fault { _ = try await store(target, password: "wrong").stat(key) }
      #expect(fault.kind == .denied && fault.remedy?.contains("proxy") == true, "\(fault)")
      #expect(!fault.description.contains("wrong") && !fault.description.contains("proxy-pass"))
    }
    let seen = try await proxy.requests(atLeast: 4)
    #expect(seen.contains { $0.hasPrefix("PUT \(azure.endpoint)/") }, "\(seen)")
    #expect(seen.contains("CONNECT 127.0.0.1:\(ssh.port) "), "\(seen)")
  }

  @Test("IPv6 leads to the other stores too")
  func ipv6() async throws {
    guard let azure = AzureServer.required(), let ssh = OpenSSH.required() else { return }
    let toBlob = keep(try await PythonServer.proxy(to: azure.origin, "listen=::1"))
    let blob = try azure.store { $0.endpoint = "http://[::1]:\(toBlob.port)/\(azure.account)" }
    #expect(try await blob.create(file, at: key).outcome == .created)
    let toSSH = keep(try await PythonServer.proxy(to: ":\(ssh.port)", "listen=::1"))
    let hosts = folder.path.appending("known_hosts")
    let known = String(
      decoding: try LinuxFiles().contents(of: ssh.folder.appending("known_hosts"), limit: 1 << 16), as: UTF8.self)
    let line = "[::1]:\(toSSH.port) " + known.split(separator: " ").dropFirst().joined(separator: " ")
    try LinuxFiles().write(Array(line.utf8), to: hosts)
    for hostKey in [.pinned(ssh.pin), .knownHosts(hosts)] as [SFTPSettings.HostKey] {
      let store = try ssh.store {
        $0.host = "[::1]"
        $0.port = UInt16(toSSH.port)
        $0.hostKey = hostKey
      }
      _ = try await store.create(file, at: key)
      #expect(try await store.stat(key)?.size == file.size)
    }
  }

  @Test("the environment's proxy, and what it leaves out, hold for the other stores too")
  func proxiesOfTheEnvironment() async throws {
    guard let azure = AzureServer.required(), let ssh = OpenSSH.required() else { return }
    let proxy = keep(try await PythonServer.forwarding(user: "agent", password: "proxy-pass"))
    let keyFile = folder.path.appending("key")
    guard case .privateKey(let sshKey, _) = try ssh.key("user") else { return }
    try LinuxFiles().write(Array(sshKey.reveal().utf8), to: keyFile, mode: AccessMode(rawValue: 0o600))
    let stores = """
      stores:
        blob: { url: "azblob://\(azure.account)/\(azure.container)/\(uniqueName())", endpoint: "\(azure.endpoint)",
                account_key: "${KEY}" }
        partner: { url: "sftp://\(ssh.user)@127.0.0.1:\(ssh.port)\(ssh.folder)/objects/\(uniqueName())",
                   private_key: "${file:\(keyFile)}", host_key_sha256: "SHA256:\(ssh.pin)" }
      """
    let address = "http://agent:proxy-pass@127.0.0.1:\(proxy.port)"
    let environment = ["KEY": azure.key, "http_proxy": address, "ALL_PROXY": address]
    let past = try await check(stores, environment.merging(["NO_PROXY": "127.0.0.1"]) { $1 })
    #expect(past.exitCode == 0, "\(past)")
    #expect(proxy.requests.isEmpty)
    let through = try await check(stores, environment)
    #expect(through.exitCode == 0, "\(through)")
    let seen = try await proxy.requests(atLeast: 2)
    #expect(seen.contains { $0.hasPrefix("PUT \(azure.endpoint)/") }, "\(seen)")
    #expect(seen.contains("CONNECT 127.0.0.1:\(ssh.port) "), "\(seen)")
  }

  // MARK: Out of breath

  @Test("429 and 5xx are retried later, as late as was asked; then all is well")
  func storm() async throws {
    let storm: [(answer: String, kind: StoreKind)] = [
      (#"{"status":503,"headers":{"Retry-After":"7"}}"#, .throttled(afterMilliseconds: 7_000)),
      (#"{"status":429,"headers":{"Retry-After":"1"}}"#, .throttled(afterMilliseconds: 1_000)),
      (#"{"status":500}"#, .throttled(afterMilliseconds: nil)),
      (#"{"status":502,"body":"<html>Bad Gateway</html>"}"#, .throttled(afterMilliseconds: nil)),
      (
        #"{"status":503,"body":"<Error><Code>SlowDown</Code><Message>Reduce"}"#, .throttled(afterMilliseconds: nil)
      ),
      (#"{"status":504}"#, .throttled(afterMilliseconds: nil)),
      // Of an error's body only a part came: no answer, whatever it was going to say.
      (#"{"status":403,"body":"<Error><Code>AccessDenied</Code></Error>","cut":20}"#, .unreachable),
      (#"{"status":500,"body":"<Error><Code>InternalError</Code></Error>","cut":20}"#, .unreachable),
    ]
    let end = #"{"status":201,"headers":{"ETag":"\"\#(file.md5)\"","Content-MD5":"\#(base64(file.md5))"}}"#
    let answers = "[\((storm.map(\.answer) + [end]).joined(separator: ","))]"
    let stores =
      [
        try s3Store(cannedSettings(keep(try await PythonServer.canned(answers)).port)),
        try azureStore(cannedAzure(keep(try await PythonServer.canned(answers)).port)),
      ] as [any RemoteStore]
    for store in stores {
      for (answer, kind) in storm {
        let fault = try await fault { _ = try await store.create(file, at: key) }
        #expect(fault.kind == kind, "\(answer): \(fault)")
      }
      #expect(try await store.create(file, at: key).outcome == .created)
    }
  }

  private func base64(_ hex: String) -> String { Data(Hex.decode(hex) ?? []).base64EncodedString() }

  // MARK: check --connect

  @Test("check --connect tells each right that is missing, and what to grant")
  func rights() async throws {
    guard let servers = Servers.required() else { return }
    func check(_ id: String, _ secret: String) async throws -> Spawn.Outcome {
      try await self.check(
        """
        stores:
          aep: { url: "s3://\(servers.bucket)/\(uniqueName())", region: \(servers.region), endpoint: "\(servers.s3)",
                 access_key_id: "${ID}", secret_access_key: "${KEY}" }
        """, ["ID": id, "KEY": secret])
    }
    let all = try await check(servers.keyID, servers.secret)
    #expect(all.exitCode == 0 && lines(all) == ["put: yes", "get: yes", "list: yes", "delete: yes"], "\(all)")
    let reader = try await check(servers.readerID, servers.readerSecret)
    #expect(reader.exitCode == 1)
    expect(lines(reader), ["put: no. …s3:PutObject", "get: not tried", "list: yes", "delete: no. …s3:DeleteObject"])
    let writer = try await check(servers.writerID, servers.readerSecret)
    #expect(writer.exitCode == 1)
    expect(lines(writer), ["put: yes", "get: no. …s3:GetObject", "list: no. …s3:ListBucket", "delete: yes"])
    let wrong = try await check(servers.keyID, "c4nary")
    expect(
      lines(wrong),
      [
        "put: no. …secret_access_key", "get: not tried", "list: no, for the same reason",
        "delete: no, for the same reason",
      ])
    #expect(!wrong.stdout.contains("c4nary") && !wrong.stderr.contains("c4nary"))
  }

  /// The door between libcurl and libssh2 is a matter of how the program was linked.
  @Test("the built program has SFTP servers make its objects durable")
  func durable() async throws {
    guard let other = try await otherSFTP() else { return }
    let outcome = try await check(other)
    #expect(outcome.exitCode == 0, "\(outcome)")
    for _ in 0..<200 where !other.server.requests.contains("fsync") { try await Task.sleep(for: .milliseconds(10)) }
    #expect(other.server.requests.contains("fsync"))
  }

  /// It crashed one time in eight: libcrypto was gone before the goodbye was said.
  @Test("the built program ends well while its connections are still being closed")
  func ends() async throws {
    guard let other = try await otherSFTP() else { return }
    for _ in 0..<40 {
      let outcome = try await check(other)
      try #require(outcome.exitCode == 0, "\(outcome)")
    }
  }

  private func otherSFTP() async throws -> OtherSFTP? {
    if Servers.isSkippable { return nil }
    let shelf = folder.path.appending("sftp-shelf")
    try LinuxFiles().makeDirectory(shelf, mode: .stateDirectory)
    return try await OtherSFTP(shelf)
  }

  private func check(_ other: OtherSFTP) async throws -> Spawn.Outcome {
    try await check(
      """
      stores:
        partner: { url: "sftp://partner@127.0.0.1:\(other.server.port)/in", password: "${PASS}",
                   host_key_sha256: "SHA256:\(other.pin)" }
      """, ["PASS": OtherSFTP.password])
  }

  private func expect(_ lines: [String], _ patterns: [String], location: SourceLocation = #_sourceLocation) {
    #expect(lines.count == patterns.count, "\(lines)", sourceLocation: location)
    for (line, pattern) in zip(lines, patterns) {
      let parts = pattern.components(separatedBy: "…")
      let isSame = line.hasPrefix(parts[0]) && parts.dropFirst().allSatisfy { line.contains($0) }
      #expect(isSame, "\(line)", sourceLocation: location)
    }
  }

  private func lines(_ outcome: Spawn.Outcome) -> [String] {
    outcome.stdout.split(separator: "\n").compactMap {
      $0.hasPrefix("store aep: ") ? String($0.dropFirst("store aep: ".count)) : nil
    }
  }

  /// The built program, with a configuration of its own.
  private func check(_ stores: String, _ environment: [String: String]) async throws -> Spawn.Outcome {
    let home = folder.path.appending(uniqueName())
    for path in [home, home.appending("state")] {
      try LinuxFiles().makeDirectory(path, mode: AccessMode(rawValue: 0o700))
    }
    let config = home.appending("navette.yaml")
    let text = "state: \(home)/state\n\(stores)\n"
    try LinuxFiles().write(Array(text.utf8), to: config, mode: AccessMode(rawValue: 0o600))
    return try await Spawn.run(
      [Program.path, "check", "--connect", "--config", config.string],
      environment: environment.merging(["PATH": "/usr/bin:/bin"]) { $1 })
  }
}
