import Config
import Core
import Files
import Glibc
import Inbound
import Lanes
import SystemPackage
import TestKit
import Testing
import Threads

@testable import FeedKit

/// Somebody with a key pair and a real gpg, who encrypts as a sender does.
final class Correspondent: Sendable {
  static let passphrase = "correct horse battery"
  private static let numbers = Counter()

  let home: FilePath
  let name: String

  init(_ name: String, passphrase: String = Correspondent.passphrase) async throws {
    self.name = name
    home = FilePath("/tmp/navette-gpg-\(getpid())-\(Self.numbers.next())")
    try LinuxFiles().makeDirectory(home, mode: AccessMode(rawValue: 0o700))
    _ = Self.cleaning
    Self.homes.withLock { [home] in $0.append(home) }
    _ = try await gpg([
      "--passphrase", passphrase, "--quick-generate-key", "\(name)@example.com", "future-default", "default", "never",
    ])
  }

  /// Those that are kept for all tests go with the process; the agent that gpg has started for each ends when its home is gone.
  private static let homes = Locked<[FilePath]>([])
  private static let cleaning: Void = { atexit { Correspondent.clean() } }()

  private static func clean() {
    for home in homes.withLock({ $0 }) { try? LinuxFiles().removeTreeSlowly(home) }
  }

  /// The secret key, as an operator puts it into a credential.
  func secretKey(passphrase: String = Correspondent.passphrase) async throws -> Secret {
    Secret(try await gpg(["--passphrase", passphrase, "--armor", "--export-secret-keys"]).stdout)
  }

  func encrypt(_ bytes: [UInt8], _ options: [String] = ["--encrypt"]) async throws -> [UInt8] {
    // Tests share him, and run beside each other.
    let number = Self.numbers.next()
    let (plain, sealed) = (home.appending("plain\(number)"), home.appending("sealed\(number)"))
    let files = LinuxFiles()
    try files.write(bytes, to: plain)
    _ = try await gpg(
      ["--passphrase", Self.passphrase, "--trust-model", "always", "-r", "\(name)@example.com", "-o", sealed.string]
        + options
        + [plain.string])
    return try files.contents(of: sealed, limit: 1 << 26)
  }

  func encrypt(_ text: String, _ options: [String] = ["--encrypt"]) async throws -> [UInt8] {
    try await encrypt(Array(text.utf8), options)
  }

  private func gpg(_ arguments: [String]) async throws -> Spawn.Outcome {
    let common = ["gpg", "--homedir", home.string, "--batch", "--no-tty", "--quiet", "--pinentry-mode", "loopback"]
    let outcome = try await Spawn.run(
      common + arguments, environment: ["PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"],
      timeout: .seconds(300))
    try #require(outcome.exitCode == 0, "gpg: \(outcome.stderr)")
    return outcome
  }
}

extension LinuxFiles {
  /// Of a folder in which a program still takes its own files away.
  fileprivate func removeTreeSlowly(_ path: FilePath) throws {
    for name in try list(path) {
      let below = path.appending(name)
      if try info(below)?.kind == .directory { try removeTreeSlowly(below) } else { try? remove(below) }
    }
    try remove(path)
  }
}

/// A cipher for the simulated disk, where no program runs: an armor line, then the text.
struct ToyDecrypter: Decrypter {
  private static let head = Array("-----BEGIN PGP MESSAGE-----\n".utf8)

  static func sealed(_ text: String) -> String { String(decoding: head, as: UTF8.self) + text }

  func sweep() {}
  func open(_ settings: FeedSettings.Decrypt, of feed: FeedName, _ turn: Turn) -> any KeyRing { Ring() }

  private final class Ring: KeyRing {
    func decrypt(from source: Source, stop: () -> Bool, to sink: Sink) throws(FileFault) -> Decryption {
      var bytes: [UInt8] = []
      let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 16, alignment: 1)
      defer { room.deallocate() }
      while true {
        let count = try source(room)
        if count == 0 { break }
        bytes += room[..<count]
      }
      let clear = Array(bytes.dropFirst(ToyDecrypter.head.count))
      let wantsMore = try clear.withUnsafeBufferPointer { (all) throws(FileFault) in
        try sink(UnsafeRawBufferPointer(all))
      }
      return wantsMore ? .whole : .enough
    }
    func close() {}
  }
}
