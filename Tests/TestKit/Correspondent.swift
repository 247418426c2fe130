import Core
import Files
private import Glibc
import SystemPackage
internal import Threads

/// Somebody with a key pair and a real gpg, who encrypts as a sender does.
public final class Correspondent: Sendable {
  public static let passphrase = "correct horse battery"
  private static let last = Locked(0)
  private static func number() -> Int {
    last.withLock { last in
      last += 1
      return last
    }
  }

  let home: FilePath
  let name: String

  /// - Parameters:
  ///   - kind: as `gpg --quick-generate-key` takes it.
  ///   - ends: likewise.
  public init(
    _ name: String, passphrase: String = Correspondent.passphrase, kind: [String] = ["future-default", "default"],
    ends: String = "never", options: [String] = []
  ) async throws {
    self.name = name
    home = FilePath("/tmp/navette-gpg-\(getpid())-\(Self.number())")
    try LinuxFiles().makeDirectory(home, mode: AccessMode(rawValue: 0o700))
    // Tests that share him ask his agent for more keys at once than it has memory for.
    try LinuxFiles().write(Array("auto-expand-secmem 1000000\n".utf8), to: home.appending("gpg-agent.conf"))
    _ = Self.cleaning
    Self.homes.withLock { [home] in $0.append(home) }
    _ = try await gpg(
      options + ["--passphrase", passphrase, "--quick-generate-key", "\(name)@example.com"] + kind + [ends])
  }

  /// Those that are kept for all tests go with the process; the agent that gpg has started for each ends when its home is gone.
  private static let homes = Locked<[FilePath]>([])
  private static let cleaning: Void = { atexit { Correspondent.clean() } }()

  private static func clean() {
    for home in homes.withLock({ $0 }) { try? LinuxFiles().removeTreeSlowly(home) }
  }

  /// The secret key, as an operator puts it into a credential.
  public func secretKey(passphrase: String = Correspondent.passphrase) async throws -> String {
    try await gpg(["--passphrase", passphrase, "--armor", "--export-secret-keys"]).stdout
  }

  /// With its armour, for whoever encrypts for him.
  public func publicKey() async throws -> String { try await gpg(["--armor", "--export"]).stdout }

  public func decrypt(_ bytes: [UInt8]) async throws -> [UInt8] {
    let number = Self.number()
    let (sealed, plain) = (home.appending("in\(number)"), home.appending("out\(number)"))
    let files = LinuxFiles()
    try files.write(bytes, to: sealed)
    _ = try await gpg(["--passphrase", Self.passphrase, "-o", plain.string, "--decrypt", sealed.string])
    return try files.contents(of: plain, limit: 1 << 28)
  }

  public func encrypt(_ bytes: [UInt8], _ options: [String] = ["--encrypt"]) async throws -> [UInt8] {
    // Tests share him, and run beside each other.
    let number = Self.number()
    let (plain, sealed) = (home.appending("plain\(number)"), home.appending("sealed\(number)"))
    let files = LinuxFiles()
    try files.write(bytes, to: plain)
    _ = try await gpg(
      ["--passphrase", Self.passphrase, "--trust-model", "always", "-r", "\(name)@example.com", "-o", sealed.string]
        + options
        + [plain.string])
    return try files.contents(of: sealed, limit: 1 << 26)
  }

  public func encrypt(_ text: String, _ options: [String] = ["--encrypt"]) async throws -> [UInt8] {
    try await encrypt(Array(text.utf8), options)
  }

  struct Refusal: Error, CustomStringConvertible { let description: String }

  private func gpg(_ arguments: [String]) async throws -> Spawn.Outcome {
    let common = ["gpg", "--homedir", home.string, "--batch", "--no-tty", "--quiet", "--pinentry-mode", "loopback"]
    let outcome = try await Spawn.run(
      common + arguments, environment: ["PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"],
      timeout: .seconds(300))
    if outcome.exitCode != 0 { throw Refusal(description: "gpg: \(outcome.stderr)") }
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
