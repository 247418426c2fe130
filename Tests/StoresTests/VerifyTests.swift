import Core
import Files
import Foundation
import Glibc
import Store
import SystemPackage
import TestKit
import Testing
import Threads

/// The built program's `verify`, where the store is not well.
@Suite("verify") struct VerifyTests {
  private let files = LinuxFiles()
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func navette(
    _ servers: Servers, bucket: String? = nil, endpoint: String, trust: String = "proven", _ words: [String]
  ) async throws -> Spawn.Outcome {
    let text = """
      state: \(folder.path)/state
      limits: { min_free: 0 }
      stores:
        aep: { url: "s3://\(bucket ?? servers.bucket)/\(folder.path.lastComponent?.string ?? "x")", region: \(servers.region),
               endpoint: "\(endpoint)", access_key_id: "${ID}", secret_access_key: "${KEY}",
               trust: \(trust) }
      streams:
        opens: { logs: ["\(folder.path)/log/*.csv"], store: aep }
      """
    let config = folder.path.appending("navette.yaml")
    try files.write(Array(text.utf8), to: config, mode: AccessMode(rawValue: 0o600))
    return try await Spawn.run(
      [Program.path] + words + ["--config", config.string],
      environment: ["PATH": "/usr/bin:/bin", "ID": servers.keyID, "KEY": servers.secret])
  }

  @Test("one bad moment of the store is waited out; a store that is away is no difference, and exit 69")
  func away() async throws {
    guard let servers = Servers.required() else { return }
    try files.makeDirectory(folder.path.appending("log"), mode: AccessMode(rawValue: 0o700))
    for number in 0..<5 {
      try files.write(Array("id\n\(number)\n".utf8), to: folder.path.appending("log/\(number).csv"))
    }
    let sent = try await navette(servers, endpoint: servers.s3, ["run", "--once"])
    #expect(sent.exitCode == 0, "\(sent)")
    let shaky = try await PythonServer.trouble(to: servers.s3, "every:2")
    let down = try await PythonServer.trouble(to: servers.s3, "every:1")
    for words in [["verify"], ["verify", "--content"]] {
      let good = try await navette(servers, endpoint: "http://127.0.0.1:\(shaky.port)", words)
      #expect(good.exitCode == 0 && good.stdout.contains("no difference"), "\(good)")
    }
    let noBucket = try await navette(servers, bucket: "navette-no-such-bucket", endpoint: servers.s3, ["verify"])
    #expect(noBucket.exitCode == 1 && noBucket.stdout.isEmpty, "\(noBucket)")
    #expect(noBucket.stderr.contains("Create the bucket"), "\(noBucket)")
    for port in [down.port, 1] {
      let away = try await navette(servers, endpoint: "http://127.0.0.1:\(port)", ["verify"])
      #expect(away.exitCode == 69 && away.stdout.isEmpty && !away.stderr.isEmpty, "\(away)")
    }
  }

  /// Sent, then replaced by whoever has the bucket's keys.
  private func sent(_ servers: Servers, _ count: Int) async throws -> (prefix: String, keys: [String]) {
    try files.makeDirectory(folder.path.appending("log"), mode: AccessMode(rawValue: 0o700))
    for number in 0..<count {
      try files.write(Array("id\n\(number)\n".utf8), to: folder.path.appending("log/\(number).csv"))
      let sent = try await navette(servers, endpoint: servers.s3, ["run", "--once"])
      #expect(sent.exitCode == 0, "\(sent)")
    }
    let prefix = folder.path.lastComponent?.string ?? "x"
    let keys = Locked<[String]>([])
    try await servers.store().list("\(prefix)/opens/") { page in keys.withLock { $0 += page.map(\.key) } }
    let found = keys.withLock { $0 }
    try #require(found.count == count)
    return (prefix, found)
  }

  @Test(
    "an object that was replaced by one of its size is found without reading it: by its MD5, also with our metadata")
  func replaced() async throws {
    guard let servers = Servers.required() else { return }
    let (_, keys) = try await sent(servers, 3)
    #expect(try await navette(servers, endpoint: servers.s3, ["verify"]).exitCode == 0)
    for (number, key) in keys.prefix(2).enumerated() {
      let name = try #require(StoreKey(listed: key))
      let store = try servers.store()
      let found = try #require(try await store.stat(name))
      let other = folder.path.appending("other-\(number)")
      try files.write([UInt8](repeating: 7, count: Int(found.size)), to: other)
      // The second keeps what we say of it, as a copy would.
      let claim = number == 1 ? ["--metadata", "navette-sha256=\(try #require(found.sha256))"] : []
      _ = try await servers.aws(
        ["s3api", "put-object", "--bucket", servers.bucket, "--key", key, "--body", other.string] + claim)
    }
    let outcome = try await navette(servers, endpoint: servers.s3, ["verify"])
    let lines = outcome.stdout.split(separator: "\n").filter { $0.hasPrefix("altered ") }
    #expect(outcome.exitCode == 1 && lines.count == 2, "\(outcome)")
    #expect(lines.allSatisfy { $0.contains("its MD5 is") || $0.contains("its ETag was") }, "\(lines)")
  }

  @Test("purge --remote deletes in the bucket, and verify misses nothing")
  func removed() async throws {
    guard let servers = Servers.required() else { return }
    let (_, keys) = try await sent(servers, 2)
    let purged = try await navette(
      servers, endpoint: servers.s3, ["purge", "--batch", "opens-000001", "--reason", "request", "--remote"])
    #expect(purged.exitCode == 0 && purged.stdout.contains("store aep: deleted there"), "\(purged)")
    let store = try servers.store()
    #expect(try await store.stat(try #require(StoreKey(listed: keys[0]))) == nil)
    #expect(try await store.stat(try #require(StoreKey(listed: keys[1]))) != nil)
    let verified = try await navette(servers, endpoint: servers.s3, ["verify"])
    #expect(verified.exitCode == 0 && verified.stdout.contains("1 object compared, no difference"), "\(verified)")
    // A store that is away: the object stays, and so does the question.
    let away = try await navette(
      servers, endpoint: "http://127.0.0.1:1", ["purge", "--batch", "opens-000002", "--reason", "request", "--remote"])
    #expect(away.exitCode == 1 && away.stdout.contains("store aep: it is still there."), "\(away)")
    let again = try await navette(
      servers, endpoint: servers.s3, ["purge", "--batch", "opens-000002", "--reason", "request", "--remote"])
    #expect(again.exitCode == 0 && again.stdout.contains("store aep: deleted there"), "\(again)")
  }

  @Test("nothing is sent to rclone, which takes If-None-Match and passes it over, unless somebody vouches for it")
  func unproven() async throws {
    guard let servers = Servers.required() else { return }
    try files.makeDirectory(folder.path.appending("log"), mode: AccessMode(rawValue: 0o700))
    try files.write(Array("id\n1\n".utf8), to: folder.path.appending("log/1.csv"))
    let bucket = servers.rcloneBucket
    let (prefix, found) = (folder.path.lastComponent?.string ?? "x", Locked<[String]>([]))
    let sent = try await navette(servers, bucket: bucket, endpoint: servers.rclone, ["run", "--once"])
    #expect(sent.exitCode == 75 && sent.stderr.contains("store_unproven"), "\(sent)")
    let store = try servers.store {
      $0.endpoint = servers.rclone
      $0.bucket = bucket
    }
    try await store.list("\(prefix)/") { page in found.withLock { $0 += page.map(\.key) } }
    #expect(found.withLock { $0 } == [])
    let checked = try await navette(servers, bucket: bucket, endpoint: servers.rclone, ["check", "--connect"])
    #expect(checked.exitCode == 1 && checked.stdout.contains("create-only: no. Cannot trust store aep"), "\(checked)")
    let vouched = try await navette(
      servers, bucket: bucket, endpoint: servers.rclone, trust: "single_writer", ["run", "--once"])
    #expect(vouched.exitCode == 0, "\(vouched)")
    try await store.list("\(prefix)/opens/") { page in found.withLock { $0 += page.map(\.key) } }
    #expect(found.withLock { $0.count } == 1)
  }

  @Test("on an SFTP server it is the time that tells an object from another of its size, and --content that decides")
  func replacedOnSFTP() async throws {
    guard let server = OpenSSH.required() else { return }
    let run = uniqueName()
    try files.makeDirectory(folder.path.appending("log"), mode: AccessMode(rawValue: 0o700))
    try files.write(Array("id\n1\n".utf8), to: folder.path.appending("log/1.csv"))
    let objects = server.folder.appending("objects")
    let text = """
      state: \(folder.path)/state
      limits: { min_free: 0 }
      stores:
        partner: { url: "sftp://\(server.user)@127.0.0.1:\(server.port)\(objects)", private_key: "${file:\(server.folder)/user}",
                   host_key_sha256: "SHA256:\(server.pin)", probe: "probe-\(run)/" }
      streams:
        opens: { logs: ["\(folder.path)/log/*.csv"], store: partner, key: "\(run)/{stream}_{seq}.csv.gz" }
      """
    let config = folder.path.appending("navette.yaml")
    try files.write(Array(text.utf8), to: config, mode: AccessMode(rawValue: 0o600))
    func navette(_ words: String...) async throws -> Spawn.Outcome {
      try await Spawn.run([Program.path] + words + ["--config", config.string], environment: ["PATH": "/usr/bin:/bin"])
    }
    let sent = try await navette("run", "--once")
    #expect(sent.exitCode == 0, "\(sent)")
    #expect(try await navette("verify").exitCode == 0)
    let object = objects.appending(run).appending("opens_000001.csv.gz")
    let bytes = try files.contents(of: object, limit: 1 << 20)
    // Written again, with the same bytes: only these tell that nothing was lost.
    for (content, code) in [(bytes, Int32(0)), ([UInt8](repeating: 7, count: bytes.count), 1)] {
      try files.remove(object)
      try files.write(content, to: object)
      var times = [timespec(tv_sec: 1_700_000_000, tv_nsec: 0), timespec(tv_sec: 1_700_000_000, tv_nsec: 0)]
      #expect(utimensat(AT_FDCWD, object.string, &times, 0) == 0)
      let verified = try await navette("verify")
      #expect(verified.exitCode == 1 && verified.stdout.contains("its time was"), "\(verified)")
      let read = try await navette("verify", "--content")
      #expect(read.exitCode == code && read.stdout.contains("SHA-256") == (code == 1), "\(read)")
    }
  }
}
