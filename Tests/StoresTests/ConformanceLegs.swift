import Config
import Core
import Files
import Store
import Stores
import SystemPackage
import TestKit
import Testing
import Threads

/// Keeps servers running for as long as a leg's closures live.
final class Kept: Sendable {
  private let servers = Locked<[PythonServer]>([])
  func keep(_ server: PythonServer) -> PythonServer {
    servers.withLock { $0.append(server) }
    return server
  }
}

@Sendable func sim(_ folder: TemporaryFolder) async throws -> StoreConformance {
  let store = SimStore(files: LinuxFiles())
  @Sendable func expecting(_ troubles: SimStore.Trouble...) -> StoreTroubles.Way {
    {
      for trouble in troubles { store.expect(trouble) }
      return store
    }
  }
  var troubles = StoreTroubles()
  troubles.slow = expecting(.slow(.milliseconds(300)))
  troubles.stormy = expecting(
    .refused(.throttled(afterMilliseconds: 7)), .replyLost, .refused(.unreachable), .refused(.unreachable), .replyLost)
  troubles.lying = expecting(.lyingDigest)
  return StoreConformance(
    store, files: LinuxFiles(), folder: folder.path, run: "run",
    cutShort: { file, key in
      store.expect(.refused(.unreachable))
      _ = await #expect(throws: StoreFault.self) { try await store.create(file, at: key) }
    },
    replyLost: { file, key in
      store.expect(.replyLost)
      _ = await #expect(throws: StoreFault.self) { try await store.create(file, at: key) }
    }, troubles: troubles)
}

@Sendable func file(_ folder: TemporaryFolder) async throws -> StoreConformance {
  let files = LinuxFiles()
  try files.ensureDirectory(folder.path.appending("shelf"))
  let root = folder.path.appending("shelf/below")
  var troubles = StoreTroubles()
  troubles.stormy = { LocalStore(root, files: ShakyFiles.io(files, seed: 5, oneIn: 12)) }
  troubles.forgetful = {
    let writes = Locked(0)
    // The disk is full after the first of two chunks.
    return LocalStore(
      root,
      files: ShakyFiles(files) { (call) throws(FileFault) in
        let count = writes.withLock { count in
          count += call == "write" ? 1 : 0
          return count
        }
        if count > 1 { throw FileFault(.full, "Cannot write", at: "a full disk") }
      })
  }
  return StoreConformance(
    LocalStore(root, files: files), files: files, folder: folder.path, run: "run",
    cutShort: { file, key in
      // What a killed agent leaves: a part of the object under the hidden name.
      let target = FilePath("\(root)/\(key)")
      try files.ensureDirectory(target.parent)
      let name = try #require(target.lastComponent?.string)
      try files.write([1, 2, 3], to: target.parent.appending(".\(name).part"))
    },
    replyLost: { file, key in _ = try await LocalStore(root, files: files).create(file, at: key) }, troubles: troubles)
}

/// Fronts before an HTTP service; `store` makes the store that takes one for its endpoint.
@Sendable func troubles(
  before endpoint: String, rate: Int = 130_000, store: @escaping @Sendable (Int, Duration) throws -> any RemoteStore
) -> StoreTroubles {
  let kept = Kept()
  func way(_ mode: String, stall: Duration = .seconds(20)) -> StoreTroubles.Way {
    { try store(kept.keep(try await PythonServer.trouble(to: endpoint, mode)).port, stall) }
  }
  var troubles = StoreTroubles()
  // 400,000 bytes take longer than the store's patience with silence.
  troubles.slow = way("slow:\(rate)", stall: .seconds(2))
  troubles.stormy = way("storm:7")
  troubles.lying = way("lie")
  troubles.forgetful = way("half")
  troubles.mumbling = way("mumble")
  return troubles
}

@Sendable func s3(
  _ servers: Servers, _ endpoint: String, _ folder: TemporaryFolder, inParts: Bool = false, bucket: String? = nil
) async throws -> StoreConformance {
  let settings = servers.settings {
    $0.endpoint = endpoint
    $0.bucket = bucket ?? servers.bucket
  }
  // In parts, only what is larger than 6 MiB; a smaller part is refused.
  let store = inParts ? try s3StoreOfParts(settings) : try s3Store(settings)
  // What goes wrong does so on the way to the endpoint; the signature is for the front's own name.
  @Sendable func detour(_ port: Int) -> S3Settings {
    var detour = settings
    detour.endpoint = "http://127.0.0.1:\(port)"
    return detour
  }
  @Sendable func accident(_ mode: String, _ file: StoredFile, _ key: StoreKey) async throws {
    let proxy = try await PythonServer.proxy(to: endpoint, mode)
    let store = try s3Store(detour(proxy.port))
    let kind = try await fault { _ = try await store.create(file, at: key) }.kind
    #expect(kind == .unreachable)
  }
  var troubles = troubles(before: endpoint, rate: inParts ? 2_400_000 : 130_000) { port, stall in
    inParts ? try s3StoreOfParts(detour(port), stall: stall) : try s3Store(detour(port), stall: stall)
  }
  if inParts { troubles.size = 7 << 20 }
  return StoreConformance(
    store, files: LinuxFiles(), folder: folder.path, run: uniqueName(),
    cutShort: { try await accident("cut-request:1000000", $0, $1) },
    replyLost: { try await accident("drop-reply", $0, $1) },
    // SeaweedFS lists folder by folder: `a/b` before `a-b`. AWS goes by bytes.
    isOrdered: false,
    // rclone looks at no If-None-Match.
    // Nor at the If-Match of a deletion; SeaweedFS does.
    isCreateOnly: bucket == nil, comparesVersions: bucket == nil, troubles: troubles)
}

/// Ways to an SFTP server: all that passes is encrypted, so they can be slow and be cut, and no more.
@Sendable func troubles(
  beforeSFTP port: Int, store: @escaping @Sendable (Int, Duration) throws -> any RemoteStore
) -> StoreTroubles {
  let kept = Kept()
  @Sendable func way(_ stall: Duration, _ modes: [String]) async throws -> any RemoteStore {
    try store(kept.keep(try await PythonServer.proxy(to: ":\(port)", modes: modes)).port, stall)
  }
  var troubles = StoreTroubles()
  troubles.slow = { try await way(.seconds(2), ["slow:150000"]) }
  troubles.stormy = {
    let cuts = [
      "request:1000", "reply:2500", "request:150000", "reply:4000", "request:300000", "reply:5000", "request:401000",
      "reply:3300", "request:403000",
    ]
    return try await way(.seconds(20), cuts.map { "cut-\($0)" })
  }
  return troubles
}

@Sendable func sftp(_ server: OpenSSH, _ folder: TemporaryFolder) async throws -> StoreConformance {
  @Sendable func store(_ port: Int, _ stall: Duration) throws -> any RemoteStore {
    try server.store(stall: stall) { $0.port = UInt16(port) }
  }
  return StoreConformance(
    try server.store(), files: LinuxFiles(), folder: folder.path, run: uniqueName(),
    cutShort: { file, key in
      let proxy = try await PythonServer.proxy(to: ":\(server.port)", "cut-request:1000000")
      let kind = try await fault { _ = try await store(proxy.port, .seconds(20)).create(file, at: key) }.kind
      #expect(kind == .unreachable)
    },
    // Nobody on the way knows which answer to lose; the other server does.
    replyLost: { file, key in _ = try await server.store().create(file, at: key) },
    troubles: troubles(beforeSFTP: Int(server.port), store: store))
}

/// An SFTP server of another make, by password; it can be told what to do wrong.
struct OtherSFTP: Sendable {
  let server: PythonServer
  let pin: String

  static let password = "c4nary-sftp-pass"

  /// - Parameter options: see `password_sftp.py`.
  init(_ shelf: FilePath, _ options: String...) async throws {
    server = try await PythonServer.passwordSFTP([shelf.string, "partner", Self.password] + options)
    pin = String(try #require(try await server.requests(atLeast: 1).first).dropFirst("pin ".count))
  }

  func store(
    port: Int? = nil, stall: Duration = .seconds(20), password: String = Self.password, folder: FilePath = "/objects",
    _ change: (inout SFTPSettings) -> Void = { _ in }
  ) throws -> any RemoteStore {
    var settings = SFTPSettings(
      user: "partner", host: "127.0.0.1", port: UInt16(port ?? server.port), folder: folder,
      access: .password(Secret(password)), hostKey: .pinned(pin))
    change(&settings)
    var store = StoreSettings(name: try #require(StoreName("partner")), target: .sftp(settings))
    store.stallTimeout = stall
    return try makeStore(store, files: LinuxFiles(), clock: wallClock)
  }
}

@Sendable func otherSFTP(_ folder: TemporaryFolder) async throws -> StoreConformance {
  let shelf = folder.path.appending("shelf")
  try LinuxFiles().makeDirectory(shelf, mode: .stateDirectory)
  let server = try await OtherSFTP(shelf)
  let forgetful = try await OtherSFTP(shelf, "lose=200000")
  var troubles = troubles(beforeSFTP: server.server.port) { try server.store(port: $0, stall: $1) }
  troubles.forgetful = { try forgetful.store() }
  return StoreConformance(
    try server.store(), files: LinuxFiles(), folder: folder.path, run: uniqueName(),
    cutShort: { file, key in
      let proxy = try await PythonServer.proxy(to: ":\(server.server.port)", "cut-request:1000000")
      let kind = try await fault { _ = try await server.store(port: proxy.port).create(file, at: key) }.kind
      #expect(kind == .unreachable)
    },
    replyLost: { file, key in
      // It is looked for at once.
      let losing = try await OtherSFTP(shelf, "rename=1")
      #expect(try await losing.store().create(file, at: key).outcome == .alreadyThere)
    }, troubles: troubles)
}
