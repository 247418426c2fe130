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

/// The server of `partner_sftp.py`.
private struct Partner: Sendable {
  struct HostKey: Sendable {
    let kind, line, pin: String
  }

  let server: PythonServer
  let keys: [HostKey]
  static let password = "c4nary-partner"

  init(_ shelf: FilePath, keys count: Int = 1, _ options: String...) async throws {
    server = try await PythonServer.partnerSFTP([shelf.string, "partner", Self.password] + options)
    keys = try await server.requests(atLeast: count).prefix(count).map { line in
      let words = line.split(separator: " ").dropFirst().prefix(2).map(String.init)
      let bytes = try #require(Data(base64Encoded: words[1]))
      return HostKey(
        kind: words[0], line: words.joined(separator: " "),
        pin: String(HostKeySeen.fingerprint(of: Array(bytes)).dropFirst("SHA256:".count)))
    }
  }

  func settings(folder: FilePath = "/in", _ hostKey: SFTPSettings.HostKey? = nil) -> SFTPSettings {
    SFTPSettings(
      user: "partner", host: "127.0.0.1", port: UInt16(server.port), folder: folder,
      access: .password(Secret(Self.password)), hostKey: hostKey ?? .pinned(keys[0].pin))
  }

  func store(
    _ settings: SFTPSettings? = nil, _ change: (inout StoreSettings) -> Void = { _ in }
  ) throws -> any RemoteStore {
    var store = StoreSettings(
      name: try #require(StoreName("partner")), target: .sftp(settings ?? self.settings()))
    store.stallTimeout = .seconds(20)
    change(&store)
    return try makeStore(store, files: LinuxFiles(), clock: wallClock)
  }
}

@Suite("An SFTP server as partners run them") struct SFTPPartnerTests {
  private let files = LinuxFiles()
  private let folder: TemporaryFolder
  private let shelf: FilePath
  private let file: StoredFile
  private let key: StoreKey

  init() throws {
    folder = try TemporaryFolder()
    shelf = folder.path.appending("shelf")
    try files.makeDirectory(shelf, mode: .stateDirectory)
    file = try StoredFile.sample(at: folder.path.appending("file"), size: 20_000, seed: 1, files)
    key = try #require(StoreKey("s/a.csv.gz"))
  }

  @Test("of several host keys the one that is known is asked for, and a stranger is told with all that it has")
  func hostKeys() async throws {
    if Servers.isSkippable { return }
    let partner = try await Partner(shelf, keys: 3, "keys=ecdsa,ed25519,rsa")
    // RSA is left out: libssh2 before 1.11 cannot use that of a current server.
    for (number, one) in partner.keys.prefix(2).enumerated() {
      for (way, hostKey) in [
        SFTPSettings.HostKey.pinned(one.pin), .key(one.line),
      ].enumerated() {
        let store = try partner.store(partner.settings(hostKey))
        let key = try #require(StoreKey("k/\(number)-\(way)"))
        #expect(try await store.create(file, at: key).outcome == .created, "\(one.kind)")
        #expect(try await store.stat(key)?.size == file.size)
      }
    }
    for hostKey in [SFTPSettings.HostKey.pinned(String(repeating: "A", count: 43)), .key(OtherHostKey.ed25519)] {
      let fault = try await fault { _ = try await partner.store(partner.settings(hostKey)).stat(key) }
      #expect(fault.kind == .untrusted, "\(fault)")
      // A pin may be of any kind: all that the library knows were asked for.
      if case .pinned = hostKey {
        #expect(fault.why.contains("ssh-ed25519") && fault.why.contains("ecdsa-sha2-nistp256"), "\(fault)")
      }
    }
  }

  @Test("a server without a key of the known kind is not trusted with what it has instead")
  func otherKind() async throws {
    if Servers.isSkippable { return }
    let partner = try await Partner(shelf, "keys=ecdsa")
    let fault = try await fault {
      _ = try await partner.store(partner.settings(.key(OtherHostKey.ed25519))).create(file, at: key)
    }
    #expect(fault.kind == .untrusted, "\(fault)")
    #expect(try files.list(shelf).map(\.description) == ["home"])
  }

  @Test("one question of a login is answered with the password, and no other")
  func questions() async throws {
    if Servers.isSkippable { return }
    let one = try await Partner(shelf, "ask=1")
    #expect(try await one.store().create(file, at: key).outcome == .created)
    for options in [["ask=2"], ["ask=2", "together=1"]] {
      let more = try await Partner(shelf, options[0], options.last ?? "")
      let fault = try await fault { _ = try await more.store().stat(key) }
      #expect(fault.kind == .denied, "\(fault)")
      #expect(!fault.description.contains(Partner.password))
      // The port's line is taken already; the key's is the first.
      let answers = more.server.requests.filter { $0.hasPrefix("answers ") }
      #expect(!answers.contains("answers 2"), "\(answers)")
      if options.count == 1 { #expect(answers.filter { $0 == "answers 1" }.count <= 1, "\(answers)") }
    }
  }

  @Test("a drop box is written to where somebody vouches for it, and else told as that")
  func dropBox() async throws {
    if Servers.isSkippable { return }
    let box = try await Partner(shelf, "box=1")
    let fault = try await fault { _ = try await box.store().create(file, at: key) }
    #expect(fault.kind == .denied && fault.remedy?.contains("trust: single_writer") == true, "\(fault)")
    let store = try box.store { $0.trust = .singleWriter }
    #expect(try await store.create(file, at: key).outcome == .created)
    #expect(try files.digest(of: shelf.appending("in/s/a.csv.gz")).sha256 == file.sha256)
    #expect(try files.list(shelf.appending("in/s")).map(\.description) == ["a.csv.gz"])
  }

  @Test("files and folders get the modes that are set")
  func modes() async throws {
    if Servers.isSkippable { return }
    let partner = try await Partner(shelf)
    var settings = partner.settings()
    (settings.fileMode, settings.folderMode) = (0o664, 0o775)
    #expect(try await partner.store(settings).create(file, at: key).outcome == .created)
    #expect(try files.info(shelf.appending("in/s/a.csv.gz"))?.mode.rawValue == 0o664)
    let seen = partner.server.requests
    #expect(seen.contains("open 664") && seen.contains("mkdir 775"), "\(seen)")
  }

  @Test(
    "the root of a server, and a folder below the user's own, are folders as any other",
    arguments: ["/", "/~", "/~/in"])
  func roots(_ root: String) async throws {
    if Servers.isSkippable { return }
    let partner = try await Partner(shelf)
    let store = try partner.store(partner.settings(folder: FilePath(root)))
    #expect(try await store.create(file, at: key).outcome == .created)
    #expect(try await store.create(file, at: key).outcome == .alreadyThere)
    let real = ["/": shelf, "/~": shelf.appending("home/partner"), "/~/in": shelf.appending("home/partner/in")][root]
    let folder = try #require(real)
    #expect(try files.list(folder.appending("s")).map(\.description) == ["a.csv.gz"])
    #expect(try await store.readBack(key)?.sha256 == file.sha256)
    let listed = Locked<[String]>([])
    try await store.list("s/") { page in listed.withLock { $0 += page.map(\.key) } }
    #expect(listed.withLock { $0 } == ["s/a.csv.gz"])
    try await store.delete(key)
    #expect(try await store.stat(key) == nil)
  }

  @Test("a SOCKS proxy, as ssh -D is one, leads to a host whose name it alone knows")
  func socks() async throws {
    if Servers.isSkippable { return }
    let partner = try await Partner(shelf)
    let proxy = try await PythonServer.socks()
    var settings = partner.settings()
    settings.host = "partner.invalid"
    let store = try partner.store(settings) { $0.proxy = Secret("socks5h://127.0.0.1:\(proxy.port)") }
    #expect(try await store.create(file, at: key).outcome == .created)
    let seen = try await proxy.requests(atLeast: 1)
    #expect(seen.first == "CONNECT name partner.invalid:\(partner.server.port)", "\(seen)")
  }
}

/// Keys that no server has.
private enum OtherHostKey {
  static let ed25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + String(repeating: "A", count: 43)
}
