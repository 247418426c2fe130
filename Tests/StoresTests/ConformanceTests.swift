import Config
import Core
import Files
import Store
import Stores
import SystemPackage
import TestKit
import Testing

@Suite struct ConformanceTests {
  private struct Leg: Sendable {
    let name: String
    let make: @Sendable (TemporaryFolder) async throws -> StoreConformance
  }

  @Test(.timeLimit(.minutes(5)))
  func everyStoreKeepsEveryPromise() async throws {
    var legs = [Leg(name: "sim", make: sim), Leg(name: "file", make: file)]
    var remote = ["s3(seaweedfs)", "s3(strict front)", "s3(virtual hosts)", "s3(in parts)", "s3(rclone)"]
    let servers = Servers.required()
    if let servers {
      for (name, endpoint) in zip(remote, [servers.s3, servers.strict, servers.virtualHosts]) {
        legs.append(Leg(name: name) { try await s3(servers, endpoint, $0) })
      }
      legs.append(Leg(name: remote[3]) { try await s3(servers, servers.s3, $0, inParts: true) })
      legs.append(
        Leg(name: remote[4]) { try await s3(servers, servers.rclone, $0, bucket: servers.rcloneBucket) })
    }
    remote += ["azblob(sdk-judged)", "sftp(openssh)", "sftp(asyncssh)"]
    if let azure = AzureServer.required() {
      legs.append(Leg(name: "azblob(sdk-judged)") { try azure.conformance($0) })
    }
    if let openSSH = OpenSSH.required() {
      legs.append(Leg(name: "sftp(openssh)") { try await sftp(openSSH, $0) })
      legs.append(Leg(name: "sftp(asyncssh)", make: otherSFTP))
    }
    var matrix: [String] = []
    for leg in legs {
      let folder = try TemporaryFolder()
      let suite = try await leg.make(folder)
      var broken = 0
      for (promise, check) in suite.judged {
        do {
          try await check(suite)
        } catch {
          broken += 1
          Issue.record("\(leg.name): \(promise): \(error)")
        }
      }
      let share =
        suite.judged.count == StoreConformance.all.count ? "" : " \(suite.judged.count)/\(StoreConformance.all.count)"
      matrix.append("\(leg.name) \(broken == 0 ? "✓" : "✗")\(share)")
    }
    let reached = legs.map(\.name)
    matrix += remote.filter { !reached.contains($0) }.map { "\($0) not reached" }
    print("store conformance: \(matrix.joined(separator: " "))")
  }
}

@Sendable private func sim(_ folder: TemporaryFolder) async throws -> StoreConformance {
  let store = SimStore(files: LinuxFiles())
  return StoreConformance(
    store, files: LinuxFiles(), folder: folder.path, run: "run",
    cutShort: { file, key in
      store.expect(.refused(.unreachable))
      _ = await #expect(throws: StoreFault.self) { try await store.create(file, at: key) }
    },
    replyLost: { file, key in
      store.expect(.replyLost)
      _ = await #expect(throws: StoreFault.self) { try await store.create(file, at: key) }
    })
}

@Sendable private func file(_ folder: TemporaryFolder) async throws -> StoreConformance {
  let files = LinuxFiles()
  let root = folder.path.appending("shelf/below")
  return StoreConformance(
    LocalStore(root, files: files), files: files, folder: folder.path, run: "run",
    cutShort: { file, key in
      // What a killed agent leaves: a part of the object under the hidden name.
      let target = FilePath("\(root)/\(key)")
      try files.ensureDirectory(target.removingLastComponent())
      let name = try #require(target.lastComponent?.string)
      try files.write([1, 2, 3], to: target.removingLastComponent().appending(".\(name).part"))
    },
    replyLost: { file, key in _ = try await LocalStore(root, files: files).create(file, at: key) })
}

@Sendable private func s3(
  _ servers: Servers, _ endpoint: String, _ folder: TemporaryFolder, inParts: Bool = false, bucket: String? = nil
) async throws -> StoreConformance {
  let settings = servers.settings {
    $0.endpoint = endpoint
    $0.bucket = bucket ?? servers.bucket
  }
  // In parts, only what is larger than 6 MiB; a smaller part is refused.
  let store = inParts ? try s3StoreOfParts(settings) : try s3Store(settings)
  // The accidents happen on the way to the endpoint; the signature is for the proxy's own name.
  @Sendable func accident(_ mode: String, _ file: StoredFile, _ key: StoreKey) async throws {
    let proxy = try await PythonServer.proxy(to: endpoint, mode)
    var broken = settings
    broken.endpoint = "http://127.0.0.1:\(proxy.port)"
    let store = try s3Store(broken)
    let kind = try await fault { _ = try await store.create(file, at: key) }.kind
    #expect(kind == .unreachable)
  }
  return StoreConformance(
    store, files: LinuxFiles(), folder: folder.path, run: uniqueName(),
    cutShort: { try await accident("cut-request:1000000", $0, $1) },
    replyLost: { try await accident("drop-reply", $0, $1) },
    // SeaweedFS lists folder by folder: `a/b` before `a-b`. AWS goes by bytes.
    isOrdered: false,
    // rclone looks at no If-None-Match.
    isCreateOnly: bucket == nil)
}

@Sendable private func sftp(_ server: OpenSSH, _ folder: TemporaryFolder) async throws -> StoreConformance {
  let store = try server.store()
  return StoreConformance(
    store, files: LinuxFiles(), folder: folder.path, run: uniqueName(),
    cutShort: { file, key in
      let proxy = try await PythonServer.proxy(to: ":\(server.port)", "cut-request:1000000")
      let broken = try server.store { $0.port = UInt16(proxy.port) }
      let kind = try await fault { _ = try await broken.create(file, at: key) }.kind
      #expect(kind == .unreachable)
    },
    // All that passes is encrypted, so the way cannot know which answer to lose.
    replyLost: { file, key in _ = try await server.store().create(file, at: key) })
}

/// A server of another make, by password.
@Sendable private func otherSFTP(_ folder: TemporaryFolder) async throws -> StoreConformance {
  let shelf = folder.path.appending("shelf")
  try LinuxFiles().makeDirectory(shelf, mode: .stateDirectory)
  let server = try await PythonServer.passwordSFTP([shelf.string, "partner", "sftp-pass"])
  let pin = try #require(try await server.requests(atLeast: 1).first).dropFirst("pin ".count)
  @Sendable func store(_ port: Int) throws -> any RemoteStore {
    let settings = SFTPSettings(
      user: "partner", host: "127.0.0.1", port: UInt16(port), folder: "/objects",
      access: .password(Secret("sftp-pass")), hostKey: .pinned(String(pin)))
    let name = try #require(StoreName("partner"))
    return try makeStore(StoreSettings(name: name, target: .sftp(settings)), files: LinuxFiles(), clock: wallClock)
  }
  return StoreConformance(
    try store(server.port), files: LinuxFiles(), folder: folder.path, run: uniqueName(),
    cutShort: { file, key in
      let proxy = try await PythonServer.proxy(to: ":\(server.port)", "cut-request:1000000")
      let kind = try await fault { _ = try await store(proxy.port).create(file, at: key) }.kind
      #expect(kind == .unreachable)
    },
    replyLost: { file, key in _ = try await store(server.port).create(file, at: key) })
}
