import Config
import Core
import Files
import Foundation
import Glibc
import Store
import SystemPackage
import TestKit
import Testing
import Threads

@testable import Stores

/// What is told of an SFTP server's folders is what the protocol says, never the text for people beside it.
@Suite("Lists of an SFTP server") struct SFTPListTests {
  private let files = LinuxFiles()
  private let folder: TemporaryFolder
  private let shelf: FilePath

  init() throws {
    folder = try TemporaryFolder()
    shelf = folder.path.appending("shelf")
    try files.ensureDirectory(shelf.appending("in"))
  }

  /// - Parameter time: seconds since 1970.
  private func put(_ name: FileName, _ text: String = "id\n1\n", at time: Int = 1_700_000_000) throws {
    let path = shelf.appending("in").appending(name)
    try files.ensureDirectory(path.parent)
    try files.write(Array(text.utf8), to: path)
    try setTime(path, time)
  }

  private func setTime(_ path: FilePath, _ time: Int) throws {
    var times = [timeval(tv_sec: time, tv_usec: 0), timeval(tv_sec: time, tv_usec: 0)]
    #expect(path.withPlatformString { utimes($0, &times) } == 0)
  }

  private func listed(
    _ store: any RemoteStore, depth: Int = 0
  ) async throws -> (keys: [String], objects: [ListedObject], barred: [BarredFolder]) {
    let (found, barred) = (Locked<[ListedObject]>([]), Locked<[BarredFolder]>([]))
    try await store.list("in/", depth: depth, barred: { folder in barred.withLock { $0.append(folder) } }) { page in
      found.withLock { $0 += page }
    }
    let objects = found.withLock { $0 }
    return (objects.map(\.key), objects, barred.withLock { $0 })
  }

  @Test(
    "are read whatever the text for people looks like, and without any attributes; a name that comes twice comes once",
    arguments: ["long=1", "long=2", "long=3", "long=4", "bare=1", "odd=1"])
  func texts(option: String) async throws {
    if Servers.isSkippable { return }
    let names = ["a b.csv", "a%20.csv", "ü 1.csv", " lead", "100%.csv", "two  blanks", "~tilde"]
    for (number, name) in names.enumerated() { try put(FileName(name), at: 1_700_000_000 + number) }
    try files.ensureDirectory(shelf.appending("in/folder"))
    try put("below.csv", at: 5)
    let server = try await OtherSFTP(shelf, option)
    let store = try server.store(folder: "/")
    let found = try await listed(store)
    #expect(Set(found.keys) == Set((names + ["below.csv"]).map { "in/" + $0 }))
    #expect(found.keys.count == names.count + 1)
    for (number, name) in names.enumerated() {
      let object = try #require(found.objects.first { $0.key == "in/" + name })
      #expect(object.size == 5 && object.modified == Timestamp(seconds: 1_700_000_000 + Int64(number)), "\(object)")
      let copy = folder.path.appending(FileName("copy\(number)"))
      let receipt = try await store.read(try #require(StoreKey(listed: object.key)), into: copy, atMost: 5)
      #expect(receipt.size == 5 && receipt.modified == object.modified)
      #expect(try await store.find(try #require(StoreKey(listed: object.key))) == object)
    }
    // What can be no file's name is told once for its folder.
    #expect(found.barred.map(\.key) == (option == "odd=1" ? ["in/"] : []))
  }

  @Test("tell names with control characters, and bytes that are no text; such files are fetched and deleted")
  func names() async throws {
    guard let server = OpenSSH.required() else { return }
    let root = server.folder.appending(FileName("names-\(uniqueName())"))
    let names = [
      [0x61, 10, 0x62], [0x61, 13], [27, 0x5b], [0xff, 0xfe, 0x61], Array("100%0Ab".utf8), Array("q\"\\'".utf8),
    ]
    .map { FileName(bytes: $0) }
    for name in names {
      try files.ensureDirectory(root.appending("in"))
      try files.write([1, 2, 3], to: root.appending("in").appending(name))
    }
    let store = try server.store { $0.folder = root }
    let found = try await listed(store)
    #expect(Set(found.keys).count == names.count && found.barred.isEmpty, "\(found.keys)")
    for (number, object) in found.objects.enumerated() {
      let key = try #require(StoreKey(listed: object.key))
      let copy = folder.path.appending(FileName("copy\(number)"))
      #expect(try await store.read(key, into: copy, atMost: 3).size == 3, "\(object.key)")
      #expect(try await store.delete(key, listedAs: object), "\(object.key)")
    }
    #expect(try files.list(root.appending("in")).isEmpty)
  }

  @Test("of one folder ask for no other; of several pass over what cannot be listed, or never answers")
  func folders() async throws {
    if Servers.isSkippable { return }
    for name in ["shut", "hang", "open"] {
      try files.ensureDirectory(shelf.appending("in").appending(FileName(name)))
      try files.write([1], to: shelf.appending("in").appending(FileName(name)).appending("x.csv"))
    }
    try put("a.csv")
    let server = try await OtherSFTP(shelf)
    let store = try server.store(stall: .seconds(1), folder: "/")
    let flat = try await listed(store)
    #expect(flat.keys == ["in/a.csv"] && flat.barred.isEmpty)
    for _ in 0..<2 {
      let deep = try await listed(store, depth: 8)
      #expect(deep.keys == ["in/a.csv", "in/open/x.csv"])
      #expect(deep.barred.map(\.key) == ["in/hang/", "in/shut/"])
    }
    // Asked again with the second list, it would have cost the whole patience again.
    #expect(try await server.server.requests(atLeast: 3).filter { $0 == "hang" }.count == 1)
    try put("shut.csv")
    let key = try #require(StoreKey("in/shut.csv"))
    let fault = try await fault {
      _ = try await store.read(key, into: folder.path.appending("copy"), atMost: 9)
    }
    #expect(fault.kind == .refused, "one file that is not given is no trouble of the server: \(fault)")
    #expect(try files.info(folder.path.appending("copy")) == nil)
  }

  @Test("are a claim: a file that is shorter than was told is no whole file")
  func sizes() async throws {
    if Servers.isSkippable { return }
    try put("a.csv")
    let server = try await OtherSFTP(shelf, "more=7")
    let store = try server.store(folder: "/")
    let object = try #require(try await listed(store).objects.first)
    #expect(object.size == 12)
    let fault = try await fault {
      _ = try await store.read(
        try #require(StoreKey(listed: object.key)), into: folder.path.appending("copy"), atMost: 12)
    }
    #expect(fault.kind == .refused, "\(fault)")
  }

  @Test("without a library that tells attributes, each name is asked for")
  func otherLibrary() async throws {
    guard let server = OpenSSH.required() else { return }
    let root = server.folder.appending(FileName("plain-\(uniqueName())"))
    try files.ensureDirectory(root.appending("in/deep"))
    for name in ["a b.csv", "deep/c.csv"] {
      let path = FilePath("\(root)/in/\(name)")
      try files.write([1, 2, 3], to: path)
      try setTime(path, 1_700_000_001)
    }
    let library = TransferLibrary(
      version: "7.76.1", tls: nil, ssh: "libssh/0.9.6/openssl/zlib", speaksSFTP: true, hasGcrypt: false)
    let settings = SFTPSettings(
      user: server.user, host: "127.0.0.1", port: server.port, folder: root, access: try server.key("user"),
      hostKey: .knownHosts(server.folder.appending("known_hosts")))
    let store = try SFTPStore(
      StoreSettings(name: try #require(StoreName("partner")), target: .sftp(settings)), settings, files: files,
      library: library)
    let found = try await listed(store, depth: 8)
    #expect(found.keys == ["in/a b.csv", "in/deep/c.csv"])
    #expect(found.objects.allSatisfy { $0.size == 3 && $0.modified == Timestamp(seconds: 1_700_000_001) })
    let key = try #require(StoreKey(listed: "in/a b.csv"))
    #expect(try await store.delete(key, listedAs: found.objects[0]))
    #expect(try files.info(root.appending("in/a b.csv")) == nil)
  }

  // MARK: Deletion

  @Test("what was written anew with as many bytes stays, whenever that was", arguments: ["", "swap=1"])
  func rewritten(option: String) async throws {
    if Servers.isSkippable { return }
    try put("a.csv")
    let server = try await OtherSFTP(shelf, option.isEmpty ? "quota=9999" : option)
    let store = try server.store(folder: "/")
    let object = try #require(try await listed(store).objects.first)
    let key = try #require(StoreKey(listed: object.key))
    // A second later than what was listed; or in the last moment, by the server.
    if option.isEmpty { try put("a.csv", "id\n2\n", at: 1_700_000_001) }
    #expect(try await !store.delete(key, listedAs: object))
    let text = try files.contents(of: shelf.appending("in/a.csv"), limit: 99)
    #expect(text == Array((option.isEmpty ? "id\n2\n" : "xxxxx").utf8))
    #expect(try files.list(shelf.appending("in")) == ["a.csv"], "nothing is left aside")
    let now = try #require(try await listed(store).objects.first)
    #expect(now.modified == Timestamp(seconds: 1_700_000_001))
    #expect(try await store.delete(key, listedAs: now))
    #expect(try files.list(shelf.appending("in")).isEmpty)
    #expect(try await store.delete(key, listedAs: now), "what is gone is deleted")
  }

  @Test("what a killed deletion left aside comes back, and replaces nothing", arguments: ["over=0", "over=1"])
  func aside(option: String) async throws {
    if Servers.isSkippable { return }
    let server = try await OtherSFTP(shelf, option == "over=1" ? option : "quota=9999")
    let store = try server.store(folder: "/")
    try put(".~a.csv.part")
    let key = try #require(StoreKey("in/a.csv"))
    #expect(try await listed(store).keys.isEmpty, "it is no object")
    let other = ListedObject(key: "in/a.csv", size: 9, tag: nil, modified: Timestamp(seconds: 1))
    #expect(try await !store.delete(key, listedAs: other))
    #expect(try files.list(shelf.appending("in")) == ["a.csv"])
    // One that came meanwhile is the newer one.
    try put(".~a.csv.part", "old\n", at: 7)
    #expect(try await !store.delete(key, listedAs: other))
    #expect(try files.list(shelf.appending("in")) == ["a.csv"])
    #expect(try files.contents(of: shelf.appending("in/a.csv"), limit: 99) == Array("id\n1\n".utf8))
  }

  // MARK: The login

  @Test("a look at a file that is never answered is no file of no bytes")
  func deaf() async throws {
    if Servers.isSkippable { return }
    try put("a.csv")
    let server = try await OtherSFTP(shelf, "deaf=1")
    let store = try server.store(folder: "/in")
    let key = try #require(StoreKey("a.csv"))
    #expect(try await fault { _ = try await store.stat(key) }.kind == .unreachable)
    #expect(try await store.stat(key)?.size ?? 0 > 0)
  }

  @Test("one question is answered with the password, and a second one with nothing")
  func questions() async throws {
    if Servers.isSkippable { return }
    let server = try await OtherSFTP(shelf, "questions=1")
    let fault = try await fault { _ = try await server.store().stat(try #require(StoreKey("a"))) }
    #expect(fault.kind == .denied, "\(fault)")
    let answers = try await server.server.requests(atLeast: 3).filter { $0.hasPrefix("answer ") }
    #expect(answers.prefix(2) == ["answer 1 \(OtherSFTP.password.utf8.count)", "answer 2 0"], "\(answers)")
  }

  @Test("of a server with keys of several types each is tried against the pin, and what it has is told")
  func keyTypes() async throws {
    if Servers.isSkippable { return }
    let server = try await OtherSFTP(shelf, "keys=2")
    let store = try server.store(folder: "/in")
    for _ in 0..<2 { #expect(try await store.stat(try #require(StoreKey("a"))) == nil) }
    let settings = SFTPSettings(
      user: "partner", host: "127.0.0.1", port: UInt16(server.server.port), folder: "/in",
      access: .password(Secret(OtherSFTP.password)), hostKey: .pinned(String(repeating: "A", count: 43)))
    let wrong = try makeStore(
      StoreSettings(name: try #require(StoreName("partner")), target: .sftp(settings)), files: files, clock: wallClock)
    let fault = try await fault { _ = try await wrong.stat(try #require(StoreKey("a"))) }
    #expect(fault.kind == .untrusted, "\(fault)")
    for type in ["ssh-ed25519", "ecdsa-sha2-nistp256"] { #expect(fault.why.contains(type), "\(fault)") }
  }

  @Test("a key that is given whole chooses its type; another one is refused")
  func wholeKey() async throws {
    guard let server = OpenSSH.required() else { return }
    func key(_ name: String) throws -> SFTPSettings.HostKey {
      let text = String(
        decoding: try files.contents(of: server.folder.appending(FileName(name)), limit: 1 << 16), as: UTF8.self)
      return .key(text.split(separator: " ").prefix(2).joined(separator: " "))
    }
    #expect(try await server.store { $0.hostKey = try key("host.pub") }.stat(try #require(StoreKey("never"))) == nil)
    let fault = try await fault {
      _ = try await server.store { $0.hostKey = try key("stranger.pub") }.stat(try #require(StoreKey("never")))
    }
    #expect(fault.kind == .untrusted && fault.why.contains("host_key"), "\(fault)")
  }

  @Test("the user's own folder and the root are folders; modes are those of the settings")
  func places() async throws {
    if Servers.isSkippable { return }
    let server = try await OtherSFTP(shelf)
    let file = try StoredFile.sample(at: folder.path.appending("file"), size: 2_000, seed: 1, files)
    for place in ["/", "/~", "/~/in"] as [FilePath] {
      let store = try server.store(folder: place) {
        $0.fileMode = 0o664
        $0.folderMode = 0o775
      }
      let key = try #require(StoreKey("new\(place.components.count)/o.gz"))
      #expect(try await store.create(file, at: key).outcome == .created, "\(place)")
      #expect(try await store.create(file, at: key).outcome == .alreadyThere, "\(place)")
      let path = FilePath("\(shelf)/\(place == "/~/in" ? "in/" : "")\(key)")
      #expect(try files.info(path)?.mode.rawValue == 0o664)
      #expect(try files.info(path.parent)?.mode.rawValue == 0o775)
      let listed = try #require(try await store.find(key))
      #expect(try await store.delete(key, listedAs: listed))
    }
  }

  @Test("a server that forbids to make a file durable takes it")
  func forbiddenSync() async throws {
    if Servers.isSkippable { return }
    let server = try await OtherSFTP(shelf, "fsync=2")
    let file = try StoredFile.sample(at: folder.path.appending("file"), size: 2_000, seed: 1, files)
    #expect(try await server.store().create(file, at: try #require(StoreKey("a"))).outcome == .created)
  }

  @Test("keys that cannot be used are told as what they are")
  func wrongKeys() async throws {
    func fault(_ text: String, _ passphrase: String? = nil) -> StoreFault? {
      let access = SFTPSettings.Access.privateKey(Secret(text), passphrase: passphrase.map { Secret($0) })
      do {
        _ = try SSHAccess(SFTPSettings(user: "u", host: "h", folder: "/", access: access, hostKey: .pinned("x")))
        return nil
      } catch { return error }
    }
    #expect(fault("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n")?.why.contains("PPK") == true)
    for (kind, form) in [("ed25519", "RFC4716"), ("rsa", "PEM"), ("ecdsa", "PKCS8")] {
      for passphrase in ["", "s3cret-pass"] {
        let path = folder.path.appending(FileName("\(kind)-\(passphrase)"))
        let made = try await Spawn.run(
          ["/usr/bin/ssh-keygen", "-q", "-t", kind, "-m", form, "-N", passphrase, "-f", path.string])
        try #require(made.exitCode == 0)
        let text = String(decoding: try files.contents(of: path, limit: 1 << 16), as: UTF8.self)
        let found = fault(text)
        #expect(
          (found?.why.contains("locked") ?? false) == !passphrase.isEmpty, "\(kind): \(String(describing: found))")
        #expect(fault(text, "s3cret-pass") == nil)
      }
    }
  }
}
