import CCurl
import Config
import Core
import Files
import Foundation
import Glibc
import Store
import SystemPackage
import TestKit
import Testing

@testable import Stores

@Suite("An SFTP store") struct SFTPStoreTests {
  private let files = LinuxFiles()
  private let folder: TemporaryFolder
  private let file: StoredFile
  private let run = uniqueName()

  init() throws {
    folder = try TemporaryFolder()
    file = try StoredFile.sample(at: folder.path.appending("file"), size: 200_000, seed: 1, files)
  }

  private func key(_ name: String) throws -> StoreKey { try #require(StoreKey("\(run)/\(name)")) }

  private func names(below path: FilePath) throws -> [String] { try files.list(path).map(\.description) }

  @Test("knows its server by known_hosts or by a pin, and logs in with a key, locked or not")
  func access() async throws {
    guard let server = OpenSSH.required() else { return }
    for (name, change) in [
      ("known", { $0.hostKey = .knownHosts(server.folder.appending("known_hosts")) }),
      ("locked", { $0.access = try server.key("locked", passphrase: server.passphrase) }),
    ] as [(String, (inout SFTPSettings) throws -> Void)] {
      let store = try server.store(change)
      #expect(try await store.create(file, at: try key(name)).outcome == .created)
    }
  }

  @Test("refuses a host that it does not know, and tells the fingerprint to pin")
  func unknownHost() async throws {
    guard let server = OpenSSH.required() else { return }
    let lists: [(list: String, words: String)] = [
      ("no_hosts", "is not in known_hosts"), ("other_hosts", "known_hosts has another key"),
      ("gone", "is not in known_hosts"),
    ]
    for (list, words) in lists {
      let store = try server.store { $0.hostKey = .knownHosts(server.folder.appending(list)) }
      let fault = try await fault { _ = try await store.create(file, at: try key("never")) }
      #expect(fault.kind == .untrusted && fault.description.contains(words), "\(fault)")
      #expect(fault.description.contains("SHA256:\(server.pin)") && fault.description.contains("host_key_sha256"))
    }
    let other = String(server.pin.dropLast(8)) + "AAAAAAAA"
    let fault = try await fault { _ = try await server.store { $0.hostKey = .pinned(other) }.stat(try key("never")) }
    #expect(fault.kind == .untrusted && fault.description.contains(server.pin), "\(fault)")
    #expect(try await server.store().stat(try key("never")) == nil)
  }

  @Test("pauses where the login is refused, and shows no secret")
  func login() async throws {
    guard let server = OpenSSH.required() else { return }
    let canary = "c4nary-pass"
    let wrongs: [SFTPSettings.Access] = [
      try server.key("stranger"), try server.key("locked", passphrase: canary), try server.key("locked"),
      .password(Secret(canary)), .privateKey(Secret("no key \(canary)"), passphrase: nil),
    ]
    for access in wrongs {
      let fault = try await fault { _ = try await server.store { $0.access = access }.stat(try key("never")) }
      #expect(fault.kind == .denied && fault.remedy != nil, "\(fault)")
      #expect(!fault.description.contains(canary) && !fault.description.contains("PRIVATE KEY"))
    }
    let nobody = try await fault { _ = try await server.store { $0.user = "no-such-user" }.stat(try key("never")) }
    #expect(nobody.kind == .denied)
  }

  @Test("logs in by password; begins anew where the server hangs up; guesses at a quota that nobody told")
  func password() async throws {
    if Servers.isSkippable { return }
    let shelf = folder.path.appending("shelf")
    try files.makeDirectory(shelf, mode: .stateDirectory)
    let big = try StoredFile.sample(at: folder.path.appending("big"), size: 2_000_000, seed: 2, files)
    let server = try await OtherSFTP(shelf, "drop=1000000", "quota=3000000")
    func store(_ password: String) throws -> any RemoteStore { try server.store(password: password, folder: "/in") }
    let wrong = try await fault { _ = try await store("wr0ng").stat(try key("x")) }
    #expect(wrong.kind == .denied && !wrong.description.contains("wr0ng"), "\(wrong)")
    let good = try store(OtherSFTP.password)
    let dropped = try await fault { _ = try await good.create(big, at: try key("big")) }
    #expect(dropped.kind == .unreachable, "\(dropped)")
    #expect(try await good.stat(try key("big")) == nil)
    #expect(try await good.create(big, at: try key("big")).outcome == .created)
    #expect(try await good.create(big, at: try key("big")).outcome == .alreadyThere)
    #expect(try await good.readBack(try key("big"))?.sha256 == big.sha256)
    let bigger = try StoredFile.sample(at: folder.path.appending("bigger"), size: 4_000_000, seed: 3, files)
    let full = try await fault { _ = try await good.create(bigger, at: try key("bigger")) }
    #expect(full.kind == .unreachable && full.remedy?.contains("quota") == true, "\(full)")
    #expect(try await good.stat(try key("bigger")) == nil)
  }

  @Test("has the server make each object durable before its name is given, where the server can")
  func durable() async throws {
    if Servers.isSkippable { return }
    let shelf = folder.path.appending("shelf")
    try files.makeDirectory(shelf, mode: .stateDirectory)
    let able = try await OtherSFTP(shelf)
    #expect(try await able.store().create(file, at: try key("a")).outcome == .created)
    #expect(try await able.server.requests(atLeast: 3).contains("fsync"), "nobody asked: is libcurl's library another?")
    let unable = try await OtherSFTP(shelf, "fsync=0")
    #expect(try await unable.store().create(file, at: try key("b")).outcome == .created)
    let failing = try await OtherSFTP(shelf, "fsync=1")
    let fault = try await fault { _ = try await failing.store().create(file, at: try key("c")) }
    #expect(fault.kind == .unreachable && fault.why.contains("could not make them durable"), "\(fault)")
    #expect(try await able.store().stat(try key("c")) == nil)
    #expect(try await able.store().create(file, at: try key("c")).outcome == .created)
  }

  @Test("OpenSSH makes it durable")
  func durableByOpenSSH() async throws {
    guard let server = OpenSSH.required() else { return }
    var options = TransferOptions()
    options.ssh = try SSHAccess(
      SFTPSettings(
        user: server.user, host: "127.0.0.1", port: server.port, folder: "/", access: try server.key("user"),
        hostKey: .pinned(server.pin)))
    let threads = TransferThreads(slots: 1, options: options, files: files)
    let url = "sftp://127.0.0.1:\(server.port)\(server.folder)/objects/\(run)"
    let put = Transfer(method: .put, url: url, body: .file(file.path, size: file.size))
    #expect(try await threads.run(put).serverSync == .done)
    #expect(try await threads.run(Transfer(method: .head, url: url)).serverSync == .notAsked)
    #expect(try await threads.run(put).serverSync == .done, "on the connection that was kept")
  }

  @Test("a connection that breaks during the login, or before SFTP begins, is no refusal")
  func broken() async throws {
    guard let server = OpenSSH.required() else { return }
    for bytes in stride(from: 100, through: 3_100, by: 250) {
      let proxy = try await PythonServer.proxy(to: ":\(server.port)", "cut-reply:\(bytes)")
      let store = try server.store { $0.port = UInt16(proxy.port) }
      do {
        _ = try await store.stat(try key("never"))
      } catch let fault as StoreFault {
        #expect(fault.kind == .unreachable, "after \(bytes) bytes: \(fault)")
      }
    }
  }

  @Test("says what it is where RSA keys meet an old libssh2")
  func rsa() async throws {
    guard let server = OpenSSH.required() else { return }
    do {
      _ = try await server.store { $0.access = try server.key("rsa") }.stat(try key("never"))
    } catch let fault as StoreFault {
      #expect(fault.kind == .denied && fault.description.contains("take an ed25519 key"), "\(fault)")
    }
    do {
      _ = try await server.store { $0.port = server.rsaPort }.stat(try key("never"))
    } catch let fault as StoreFault {
      // A newer libssh2 gets as far as the key, which is not the pinned one.
      #expect(fault.kind == .untrusted, "\(fault)")
      #expect(fault.description.contains("RSA host keys") || fault.description.contains("fingerprint"), "\(fault)")
    }
  }

  @Test("replaces what a killed upload left, and leaves nothing hidden behind")
  func parts() async throws {
    guard let server = OpenSSH.required() else { return }
    let below = server.folder.appending("objects/\(run)")
    let proxy = try await PythonServer.proxy(to: ":\(server.port)", "cut-request:100000")
    let broken = try server.store { $0.port = UInt16(proxy.port) }
    let key = try key("cut.csv.gz")
    #expect(try await fault { _ = try await broken.create(file, at: key) }.kind == .unreachable)
    let part = ".cut.csv.gz.\(file.sha256.description.prefix(12)).part"
    #expect(try names(below: below) == [part])
    #expect(try #require(try files.info(below.appending(part))).size < file.size)
    #expect(try await server.store().create(file, at: key).outcome == .created)
    #expect(try names(below: below) == ["cut.csv.gz"])
    let info = try #require(try files.info(below.appending("cut.csv.gz")))
    #expect(info.mode.rawValue & 0o007 == 0, "not for others")
    #expect(info.modified > wallClock().nanoseconds - 60_000_000_000)
  }

  /// Not of uploads: where the server's last word comes late, libcurl opens a new connection to be safe.
  @Test("keeps its connection: ten questions, one login")
  func reuse() async throws {
    guard let server = OpenSSH.required() else { return }
    let proxy = try await PythonServer.proxy(to: ":\(server.port)", "pass", "stall")
    let store = try server.store(stall: .seconds(2), connect: .seconds(5)) { $0.port = UInt16(proxy.port) }
    for index in 0..<10 { #expect(try await store.stat(try key("r\(index)")) == nil) }
  }

  // libcurl itself would wait for five minutes.
  @Test("gives a silent server up", .timeLimit(.minutes(2)))
  func silence() async throws {
    guard let server = OpenSSH.required() else { return }
    let deaf = try await PythonServer.proxy(to: ":\(server.port)", "stall")
    let store = try server.store(stall: .seconds(1), connect: .seconds(2)) { $0.port = UInt16(deaf.port) }
    #expect(try await fault { _ = try await store.stat(try key("x")) }.kind == .unreachable)
    let late = try await PythonServer.proxy(to: ":\(server.port)", "freeze-reply:2600")
    let frozen = try server.store(stall: .seconds(1), connect: .seconds(5)) { $0.port = UInt16(late.port) }
    #expect(try await fault { _ = try await frozen.create(file, at: try key("x")) }.kind == .unreachable)
  }

  @Test("tells a full disk from other failures, and gives the room back")
  func full() async throws {
    guard let server = OpenSSH.required() else { return }
    guard let small = server.small else { return print("skipped, a small disk takes root: \(#function)") }
    let big = try StoredFile.sample(at: folder.path.appending("big"), size: 4 << 20, seed: 2, files)
    let store = try server.store { $0.folder = small }
    let fault = try await fault { _ = try await store.create(big, at: try key("big")) }
    #expect(fault.kind == .full, "\(fault)")
    #expect(try names(below: small.appending(run)).isEmpty)
    #expect(try await store.create(file, at: try key("small")).outcome == .created)
  }

  @Test("holds a file that changed on our disk")
  func changed() async throws {
    guard let server = OpenSSH.required() else { return }
    try files.remove(file.path)
    _ = try StoredFile.sample(at: file.path, size: 200_000, seed: 9, files)
    let fault = try await fault { _ = try await server.store().create(file, at: try key("changed")) }
    #expect(fault.kind == .refused, "\(fault)")
    #expect(try await server.store().stat(try key("changed")) == nil)
  }

  @Test("pauses where it may not write, and takes odd folders")
  func folders() async throws {
    guard let server = OpenSSH.required() else { return }
    let odd = server.folder.appending("odd \"folder\" \\ %41 ü'")
    #expect(try await server.store { $0.folder = odd }.create(file, at: try key("a")).outcome == .created)
    #expect(try files.info(odd.appending("\(run)/a"))?.size == file.size)
    let fault = try await fault {
      _ = try await server.store { $0.folder = "/proc/navette" }.create(file, at: try key("a"))
    }
    #expect(fault.kind == .denied && fault.remedy != nil, "\(fault)")
  }

  @Test("its objects are there for the official client")
  func officialClient() async throws {
    guard let server = OpenSSH.required() else { return }
    _ = try await server.store().create(file, at: try key("seen.csv.gz"))
    let copy = folder.path.appending("copy")
    let outcome = try await Spawn.run(
      [
        "/usr/bin/sftp", "-q", "-b", "-", "-P", "\(server.port)", "-i", "\(server.folder)/user", "-o",
        "UserKnownHostsFile=\(server.folder)/known_hosts", "\(server.user)@127.0.0.1",
      ],
      environment: ["PATH": "/usr/bin:/bin"],
      input: Array("ls \(server.folder)/objects/\(run)\nget \(server.folder)/objects/\(run)/seen.csv.gz \(copy)\n".utf8)
    )
    #expect(outcome.exitCode == 0 && outcome.stdout.contains("seen.csv.gz"), "\(outcome.stderr)")
    #expect(try files.digest(of: copy).sha256 == file.sha256)
  }

  @Test("the private key lies in no file and in no argument of the process")
  func keyIsHidden() async throws {
    guard let server = OpenSSH.required() else { return }
    guard case .privateKey(let key, _) = try server.key("user") else { return }
    let file = try SecretFile(key.reveal())
    #expect(file.path.hasPrefix("/proc/self/fd/"))
    #expect(try files.info(FilePath(file.path))?.kind == .link)
    let target = try FileManager.default.destinationOfSymbolicLink(atPath: file.path)
    #expect(target.hasPrefix("/memfd:navette") && target.hasSuffix("(deleted)"))
    let descriptor = open(file.path, O_WRONLY)
    #expect(write(descriptor, "x", 1) == -1, "it is sealed")
    close(descriptor)
  }
}

@Suite("What SFTP servers answer") struct SFTPAnswerTests {
  @Test("a folder's lines are what is told of each name")
  func lines() throws {
    let text = """
      4096 16877 1700000000 .
      123456789 33188 1700000001 a%20%20b.csv
      - - - bare
      0 41471 5 l%0A
      7 420 4294967295 %FF%25

      """
    let entries = try #require(SFTPFolder(Array(text.utf8), withAttributes: true)).entries
    #expect(entries.map(\.name.bytes) == [Array("a  b.csv".utf8), Array("bare".utf8), [0x6c, 10], [0xff, 0x25]])
    #expect(entries.map(\.attributes.kind) == [.file, nil, .other, nil])
    #expect(entries.map(\.attributes.size) == [123_456_789, nil, 0, 7])
    #expect(
      entries[0].attributes.modified == Timestamp(seconds: 1_700_000_001) && entries[1].attributes.modified == nil)
    let names = try #require(SFTPFolder(Array(".\n..\na%20 b\n".utf8), withAttributes: false)).entries
    #expect(names.map(\.name) == ["a%20 b"] && names[0].attributes == SFTPAttributes())
    for damaged in ["total 12", "-rw-r--r-- 1 a b 5 Mar 3 2024 x", "1 2 3", "1 2 3 %x", "1 2 x a"] {
      #expect(SFTPFolder(Array(damaged.utf8), withAttributes: true) == nil, "\(damaged)")
    }
  }

  @Test("free space is what the user may write")
  func space() throws {
    func space(_ text: String) -> SFTPSpace? { SFTPSpace(AnswerHeaders(["statvfs": text])) }
    let full = try #require(space("f_frsize: 4096\nf_bavail: 3\nf_files: 9\nf_favail: 0"))
    #expect(full.free == 12_288 && full.freeFiles == 0)
    #expect(space("f_frsize: 1\nf_bavail: 3\nf_files: 0\nf_favail: 0")?.freeFiles == .max)
    #expect(space("f_frsize: 18446744073709551615\nf_bavail: 3")?.free == .max)
    #expect(space("") == nil && space("f_bavail: x") == nil)
  }

  @Test("a host key is compared with the pinned one, whether libcurl shows it as bytes or in base64")
  func pins() throws {
    let blob: [UInt8] = [0, 0, 0, 11] + Array("ssh-ed25519".utf8) + [0, 0, 0, 1, 7]
    let pin = String(HostKeySeen.fingerprint(of: blob).dropFirst("SHA256:".count))
    let text = Data(blob).base64EncodedString()
    func seen(_ bytes: [UInt8], length: Int, pin: String?, _ match: curl_khmatch = CURLKHMATCH_MISSING) -> HostKeySeen {
      var bytes = (bytes + [0]).map { CChar(bitPattern: $0) }
      return bytes.withUnsafeMutableBufferPointer {
        HostKeySeen(
          curl_khkey(key: UnsafePointer($0.baseAddress), len: length, keytype: CURLKHTYPE_UNKNOWN), match,
          expecting: pin)
      }
    }
    for pin in [pin, pin + "="] {
      #expect(seen(blob, length: blob.count, pin: pin).isRight)
      #expect(seen(Array(text.utf8), length: text.utf8.count, pin: pin).isRight)
      #expect(seen(Array(text.utf8), length: 0, pin: pin).isRight)
    }
    // What is no key, and what is no pin, is never right, whatever known_hosts says of it.
    #expect(!seen(Array("no base64!".utf8), length: 10, pin: pin, CURLKHMATCH_OK).isRight)
    #expect(!seen([], length: 0, pin: pin, CURLKHMATCH_OK).isRight)
    #expect(!seen(blob, length: blob.count, pin: "", CURLKHMATCH_OK).isRight)
    #expect(!seen(blob + [1], length: blob.count + 1, pin: pin, CURLKHMATCH_OK).isRight)
    #expect(seen(blob, length: blob.count, pin: "x").description.contains(HostKeySeen.fingerprint(of: blob)))
    #expect(seen(blob, length: blob.count, pin: nil, CURLKHMATCH_OK).isRight)
    #expect(!seen(blob, length: blob.count, pin: nil).isRight)
    #expect(!seen(blob, length: blob.count, pin: nil, CURLKHMATCH_MISMATCH).isRight)
  }

  @Test(
    "the public half of an RSA key is the one that ssh-keygen writes; of other keys, and of half a key, there is none")
  func publicKeys() async throws {
    let folder = try TemporaryFolder()
    for bits in ["1024", "2048", "3072"] {
      let path = folder.path.appending(bits)
      let made = try await Spawn.run(
        ["/usr/bin/ssh-keygen", "-q", "-m", "PEM", "-t", "rsa", "-b", bits, "-N", "", "-C", "", "-f", path.string])
      try #require(made.exitCode == 0)
      let text = String(decoding: try LinuxFiles().contents(of: path, limit: 1 << 16), as: UTF8.self)
      let wanted = String(
        decoding: try LinuxFiles().contents(of: FilePath(path.string + ".pub"), limit: 1 << 16), as: UTF8.self)
      let key = try #require(PEM.blocks(text) { $0 == "RSA PRIVATE KEY" }?.first)
      #expect(RSAPublicKey.line(of: key) == wanted.split(whereSeparator: \.isWhitespace).joined(separator: " "))
      for length in stride(from: 0, to: key.count, by: 7) {
        #expect(RSAPublicKey.line(of: Array(key.prefix(length))) == nil)
      }
    }
    #expect(RSAPublicKey.line(of: Array(repeating: 0x30, count: 40)) == nil)
    #expect(RSAPublicKey.line(of: [0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x02]) == nil)
    #expect(RSAPublicKey.line(of: [0x30, 0xff] + Array(repeating: 0xff, count: 200)) == nil)
  }

  @Test("what a library lacks is told of the stores that need it")
  func lacks() throws {
    func library(_ ssh: String?, gcrypt: Bool = false) -> TransferLibrary {
      TransferLibrary(version: "7.74.0", tls: nil, ssh: ssh, speaksSFTP: ssh != nil, hasGcrypt: gcrypt)
    }
    func store(_ access: SFTPSettings.Access) throws -> StoreSettings {
      StoreSettings(
        name: try #require(StoreName("partner")),
        target: .sftp(SFTPSettings(user: "u", host: "h", folder: "/", access: access, hostKey: .pinned("x"))))
    }
    let password = SFTPSettings.Access.password(Secret("x"))
    let rsa = SFTPSettings.Access.privateKey(
      Secret("-----BEGIN RSA PRIVATE KEY-----\nMAA=\n-----END RSA PRIVATE KEY-----"), passphrase: nil)
    let shelf = StoreSettings(name: try #require(StoreName("shelf")), target: .folder("/srv"))
    for ssh in [nil, "libssh/0.9.6/openssl/zlib", "libssh2/1.9.0"] { #expect(library(ssh).lacks(shelf).isEmpty) }
    #expect(library("libssh/0.9.6/openssl/zlib").lacks(try store(password)).first?.contains("libssh 0.9.6") == true)
    #expect(library("libssh2/1.9.0", gcrypt: true).lacks(try store(password)).first?.contains("ssh-rsa") == true)
    #expect(library("libssh2/1.10.0").lacks(try store(password)).isEmpty)
    #expect(library("libssh2/1.10.0").lacks(try store(rsa)).first?.contains("ed25519") == true)
    #expect(library("libssh2/1.11.1").lacks(try store(rsa)).isEmpty)
    // With libgcrypt only what it can use is taken, and a library without SSH is no way to a partner.
    let sftp = SFTPSettings(user: "u", host: "h", folder: "/", access: rsa, hostKey: .pinned("x"))
    #expect(throws: StoreFault.self) { _ = try SSHAccess(sftp, library: library("libssh2/1.9.0", gcrypt: true)) }
    #expect(throws: StoreFault.self) { _ = try SSHAccess(sftp, library: library(nil)) }
  }

  @Test("a fingerprint is that of ssh-keygen -l, and RSA keys are known by their look")
  func fingerprints() async throws {
    let folder = try TemporaryFolder()
    for (kind, isRSA) in [("ed25519", false), ("rsa", true), ("ecdsa", false)] {
      let path = folder.path.appending(kind)
      let made = try await Spawn.run(["/usr/bin/ssh-keygen", "-q", "-t", kind, "-N", "secret", "-f", path.string])
      try #require(made.exitCode == 0)
      let shown = try await Spawn.run(["/usr/bin/ssh-keygen", "-l", "-f", path.string])
      let text = String(decoding: try LinuxFiles().contents(of: path, limit: 1 << 16), as: UTF8.self)
      let line = String(
        decoding: try LinuxFiles().contents(of: FilePath(path.string + ".pub"), limit: 1 << 16), as: UTF8.self)
      let blob = try #require(line.split(separator: " ").dropFirst().first.flatMap { Data(base64Encoded: String($0)) })
      #expect(shown.stdout.contains(HostKeySeen.fingerprint(of: Array(blob)) + " "))
      #expect(SSHAccess.isRSA(text) == isRSA)
    }
    #expect(SSHAccess.isRSA("-----BEGIN RSA PRIVATE KEY-----") && !SSHAccess.isRSA("nonsense"))
  }
}
