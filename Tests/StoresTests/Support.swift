import Config
import Core
import Crypto
import Files
import Foundation
import Store
import SystemPackage
import TestKit
import Testing
import Threads

@testable import Stores

/// The real servers that `scripts/test-servers` started, as its environment tells.
struct Servers: Sendable {
  let s3, strict, tls, virtualHosts, rclone, rcloneBucket, ca, otherCA, keyID, secret, readerID, readerSecret, writerID,
    bucket, region: String

  private static let environment = ProcessInfo.processInfo.environment
  private static let isSkipped = environment["NAVETTE_TEST_SKIP_SERVERS"] == "1"

  /// Nil where the caller must leave: told to skip, or already failed.
  static func required(_ test: String = #function) -> Servers? {
    func value(_ name: String) -> String { environment["NAVETTE_TEST_S3\(name)"] ?? "" }
    if value("").isEmpty {
      if isSkipped {
        print("skipped, NAVETTE_TEST_SKIP_SERVERS=1: \(test)")
      } else {
        Issue.record("no S3 server: use scripts/test-servers run swift test, or set NAVETTE_TEST_SKIP_SERVERS=1")
      }
      return nil
    }
    return Servers(
      s3: value(""), strict: value("_STRICT"), tls: value("_TLS"), virtualHosts: value("_VHOST"),
      rclone: value("_RCLONE"), rcloneBucket: value("_RCLONE_BUCKET"), ca: value("_CA"),
      otherCA: value("_OTHER_CA"), keyID: value("_KEY_ID"), secret: value("_SECRET"), readerID: value("_READER_ID"),
      readerSecret: value("_READER_SECRET"), writerID: value("_WRITER_ID"), bucket: value("_BUCKET"),
      region: value("_REGION"))
  }

  /// With botocore; the machine's own where the script has not run.
  static var python: String { environment["NAVETTE_TEST_PYTHON"] ?? "python3" }
  static var isSkippable: Bool { isSkipped && environment["NAVETTE_TEST_PYTHON"] == nil }

  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("servers").path

  /// Amazon's own client, asked about the same bucket. Keys go by the environment.
  func aws(_ arguments: String...) async throws -> String { try await aws(arguments) }

  func aws(_ arguments: [String]) async throws -> String {
    let outcome = try await Spawn.run(
      [Servers.python, "-m", "awscli", "--endpoint-url", s3] + arguments,
      environment: [
        "AWS_ACCESS_KEY_ID": keyID, "AWS_SECRET_ACCESS_KEY": secret, "AWS_DEFAULT_REGION": region,
        "HOME": "/nonexistent",
        "PATH": "/usr/bin:/bin",
      ])
    #expect(outcome.exitCode == 0, "aws \(arguments): \(outcome.stderr)")
    return outcome.stdout
  }

  func settings(_ change: (inout S3Settings) -> Void = { _ in }) -> S3Settings {
    var settings = S3Settings(
      bucket: bucket, prefix: "", region: region, accessKeyID: Secret(keyID), secretAccessKey: Secret(secret))
    settings.endpoint = s3
    change(&settings)
    return settings
  }

  func store(
    stall: Duration = .seconds(20), _ change: (inout S3Settings) -> Void = { _ in },
    clock: @escaping @Sendable () -> Timestamp = wallClock
  ) throws -> any RemoteStore {
    try s3Store(settings(change), stall: stall, clock: clock)
  }
}

func s3Store(
  _ settings: S3Settings, stall: Duration = .seconds(20), connect: Duration = .seconds(5),
  clock: @escaping @Sendable () -> Timestamp = wallClock
) throws -> any RemoteStore {
  let name = try #require(StoreName("test"))
  var store = StoreSettings(name: name, target: .s3(settings))
  store.stallTimeout = stall
  store.connectTimeout = connect
  return try makeStore(store, files: LinuxFiles(), agent: "navette/test", environment: [:], clock: clock)
}

/// With parts as small as AWS and SeaweedFS take them.
func s3StoreOfParts(
  _ settings: S3Settings, concurrency: Int = 3, stall: Duration = .seconds(20), threshold: UInt64 = 6 << 20,
  smallest: UInt64 = 5 << 20
) throws -> any RemoteStore {
  var store = StoreSettings(name: try #require(StoreName("test")), target: .s3(settings))
  store.concurrency = concurrency
  store.stallTimeout = stall
  return try S3Store(
    store, settings, files: LinuxFiles(), agent: "navette/test", environment: [:], clock: wallClock,
    partsForTests: S3Parts(threshold: threshold, smallest: smallest))
}

/// For a server that looks at no signature.
func cannedSettings(_ port: Int, _ change: (inout S3Settings) -> Void = { _ in }) -> S3Settings {
  var settings = S3Settings(
    bucket: "bucket", prefix: "", region: "eu-west-1", accessKeyID: Secret("CANNEDKEY"),
    secretAccessKey: Secret("canned-secret"))
  settings.endpoint = "http://127.0.0.1:\(port)"
  change(&settings)
  return settings
}

@Sendable func wallClock() -> Timestamp {
  Timestamp(nanoseconds: Int64(Date().timeIntervalSince1970 * 1_000_000) * 1_000)
}

/// One component of a key that no other run has.
func uniqueName() -> String { "t\(UInt64.random(in: 0...UInt64.max))" }

/// A Python server from `Tests/servers`, which ends with this object.
final class PythonServer: Sendable {
  let port: Int
  private let input: FileHandle
  private let output: FileHandle
  private let seen = Locked("")

  static func proxy(to endpoint: String, _ modes: String...) async throws -> PythonServer {
    try await proxy(to: endpoint, modes: modes)
  }

  /// See `fault_proxy.py`.
  static func proxy(to endpoint: String, modes: [String]) async throws -> PythonServer {
    let port = try #require(endpoint.split(separator: ":").last.map(String.init))
    return try await start(["fault_proxy.py", port] + modes)
  }

  /// See `trouble_front.py`.
  static func trouble(to endpoint: String, _ mode: String) async throws -> PythonServer {
    let port = try #require(endpoint.split(separator: ":").last?.prefix { $0 != "/" })
    return try await start(["trouble_front.py", String(port), mode])
  }

  /// The answers as a JSON list; see `canned_http.py`.
  static func canned(_ answers: String, tls: String...) async throws -> PythonServer {
    try await start(["canned_http.py", answers] + tls)
  }

  /// An SFTP server that is not OpenSSH: `password_sftp.py`. Its first line tells the host key to pin.
  static func passwordSFTP(_ options: [String]) async throws -> PythonServer {
    try await start(["password_sftp.py"] + options, python: Servers.python)
  }

  /// See `partner_sftp.py`.
  static func partnerSFTP(_ options: [String]) async throws -> PythonServer {
    try await start(["partner_sftp.py"] + options, python: Servers.python)
  }

  /// See `socks_proxy.py`.
  static func socks() async throws -> PythonServer { try await start(["socks_proxy.py"]) }

  /// What is wrong is the bucket's name: `hostile_s3.py`.
  static func hostile() async throws -> PythonServer { try await start(["hostile_s3.py"]) }

  static func forwarding(user: String, password: String) async throws -> PythonServer {
    try await start(["http_proxy.py", user, password])
  }

  /// STS, an instance's metadata service and a container's agent: `aws_keys.py`. STS knows one key.
  static func keys(_ options: [String]) async throws -> PythonServer {
    try await start(["aws_keys.py", "AKIABASE", "base-secret"] + options, python: Servers.python)
  }

  /// Microsoft Entra and a machine's metadata service: `entra.py`.
  static func entra(_ options: [String] = []) async throws -> PythonServer {
    try await start(["entra.py"] + options, python: Servers.python)
  }

  /// What is no HTTP: `raw_tcp.py`.
  static func raw(_ bytes: [UInt8], _ options: String...) async throws -> PythonServer {
    try await start(["raw_tcp.py", Hex.encode(bytes)] + options)
  }

  /// Waits until it was asked as often.
  func requests(atLeast count: Int) async throws -> [String] {
    // The lines come through a pipe.
    for _ in 0..<500 where requests.count < count { try await Task.sleep(for: .milliseconds(10)) }
    return requests
  }

  private static func start(_ arguments: [String], python: String = "python3") async throws -> PythonServer {
    try await withCheckedThrowingContinuation { done in
      // Waiting for the port must not take a thread from the other tests.
      DispatchQueue(label: "server").async { done.resume(with: Result { try PythonServer(arguments, python) }) }
    }
  }

  private init(_ arguments: [String], _ python: String) throws {
    let process = Process()
    let (input, output) = (Pipe(), Pipe())
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [python, "\(Servers.folder)/\(arguments[0])"] + arguments.dropFirst()
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    var line: [UInt8] = []
    while let byte = try output.fileHandleForReading.read(upToCount: 1)?.first, byte != 10 { line.append(byte) }
    port = try #require(Int(String(decoding: line, as: UTF8.self)))
    self.input = input.fileHandleForWriting
    self.output = output.fileHandleForReading
    self.output.readabilityHandler = { [seen] handle in
      let more = String(decoding: handle.availableData, as: UTF8.self)
      seen.withLock { $0 += more }
    }
  }

  /// Waits for the line that tells how many bytes a proxy's first connection carried up; the connection must be over.
  func bytesUp() async throws -> Int {
    for _ in 0..<6_000 {
      let passed = requests.compactMap { $0.hasPrefix("up ") ? Int($0.dropFirst(3)) : nil }
      if !passed.isEmpty { return passed.reduce(0, +) }
      try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("the proxy told nothing")
    return 0
  }

  deinit {
    output.readabilityHandler = nil
    try? input.close()
  }

  /// What a canned server was asked so far: `METHOD PATH HEADERS`.
  var requests: [String] { seen.withLock { $0.split(separator: "\n").map(String.init) } }
}

/// The fault that the body ends with.
func fault(_ body: () async throws -> Void) async throws -> StoreFault {
  do {
    try await body()
  } catch let fault as StoreFault {
    return fault
  }
  Issue.record("no fault was thrown")
  return StoreFault(.refused, "No fault", at: "nowhere")
}

func digest(of bytes: [UInt8]) -> Core.Digest { Core.Digest(SHA256.hash(data: bytes)) }
