public import Config
public import Core
import Files
import Formats
import Glibc
public import Lanes
public import Spool
import SystemPackage

/// Decrypts by the gpg program, with a home for each feed in which nothing but its key lies, for as long as the feed is worked on.
///
/// - The key goes in by a pipe, the passphrase by a descriptor: neither is ever an argument, and no line of the program is logged.
/// - The message goes in by a pipe and its clear text comes out by one: no file holds it before its checks have passed.
/// - Nothing asks the network or a person, and the agent that gpg starts for a key ends with the ring.
public struct GnuPG: Decrypter {
  /// Holds the homes; there while one of them is.
  private let homes: FilePath
  private let files = LinuxFiles()

  /// - Parameter runtime: a folder that does not outlive the service, as systemd names it; nil: there is none.
  public init(state: StateFolder, runtime: String? = getenv("RUNTIME_DIRECTORY").map { String(cString: $0) }) {
    homes =
      runtime?.split(separator: ":").first.map {
        FilePath(String($0)).appending(state.gnupg.lastComponent?.string ?? "")
      }
      ?? state.gnupg
  }

  /// Before any feed is worked on.
  public func sweep() throws(FileFault) {
    guard try files.info(homes) != nil else { return }
    for name in try files.list(homes) { GnuPGRing(homes.appending(name), files, .free()).close() }
    try files.removeTree(homes)
  }

  public func open(_ settings: FeedSettings.Decrypt, of feed: FeedName, _ turn: Turn) throws(FileFault) -> any KeyRing {
    let home = homes.appending(FileName(String(DigestHasher.digest(of: feed.text.utf8).description.prefix(8))))
    guard home.string.utf8.count <= Limits.gpgHomeBytes else {
      throw FileFault(
        .io, "Cannot keep a key in", at: home,
        why: "its name has more than \(Limits.gpgHomeBytes) bytes, and gpg's sockets in it would be too long",
        remedy: "Give `state` a shorter path")
    }
    let ring = GnuPGRing(home, files, turn)
    do throws(FileFault) {
      ring.close()
      try make(home)
      // Without it, the first use of a key waits for a smart card.
      try files.write(Array("disable-scdaemon\n".utf8), to: home.appending("gpg-agent.conf"))
      try ring.take(settings, of: feed)
    } catch {
      ring.close()
      throw error
    }
    return ring
  }

  /// Another feed that is through may take the folder of the homes away meanwhile.
  private func make(_ home: FilePath) throws(FileFault) {
    for _ in 0..<10 {
      try files.ensureDirectory(homes)
      do throws(FileFault) {
        return try files.makeDirectory(home, mode: AccessMode(rawValue: 0o700))
      } catch {
        if error.kind != .missing { throw error }
      }
    }
    try files.makeDirectory(home, mode: AccessMode(rawValue: 0o700))
  }
}

/// A home of GnuPG with one feed's key.
private final class GnuPGRing: KeyRing {
  private let home: FilePath
  private let files: LinuxFiles
  private let turn: Turn
  private var passphrase = ""
  private var keys: Set<String> = []

  init(_ home: FilePath, _ files: LinuxFiles, _ turn: Turn) { (self.home, self.files, self.turn) = (home, files, turn) }

  deinit { close() }

  func take(_ settings: FeedSettings.Decrypt, of feed: FeedName) throws(FileFault) {
    passphrase = settings.passphrase?.reveal() ?? ""
    var key = Array(settings.key.reveal().utf8)[...]
    let imported = try gpg(["--import"]).run(
      from: { (room) throws(FileFault) in
        let piece = key.prefix(room.count)
        room.copyBytes(from: piece)
        key = key.dropFirst(piece.count)
        return piece.count
      }, to: { (_) throws(FileFault) in true })
    var listed: [UInt8] = []
    if imported.status.secretKeys > 0 {
      _ = try gpg(["--with-colons", "--list-secret-keys"]).run(from: Self.nothing) { (bytes) throws(FileFault) in
        listed += bytes
        return listed.count < Limits.planBytes
      }
    }
    for line in String(decoding: listed, as: UTF8.self).split(separator: "\n") {
      let fields = line.split(separator: ":", omittingEmptySubsequences: false)
      if fields.count > 4, fields[0] == "sec" || fields[0] == "ssb" { keys.insert(String(fields[4])) }
    }
    guard !keys.isEmpty else {
      throw FileFault(
        .denied, "Cannot use the key of feed", at: feed.text, why: "GnuPG finds no secret key in it",
        remedy: "Export it with: gpg --armor --export-secret-keys ID, and give that to `decrypt.key`")
    }
  }

  func decrypt(from source: Source, stop: () -> Bool, to sink: Sink) throws(FileFault) -> Decryption {
    var shape = MessageShape()
    func told(_ room: UnsafeMutableRawBufferPointer) throws(FileFault) -> Int {
      let count = try source(room)
      shape.feed(UnsafeRawBufferPointer(rebasing: room[..<count]))
      return count
    }
    let ending = try gpg([
      "--skip-verify", "--passphrase-fd", "\(GnuPGProcess.passphraseNumber)", "--output", "-", "--decrypt",
    ]).run(passphrase: passphrase, from: told, stop: stop, to: sink)
    if ending.wasStopped { return .stopped }
    if ending.hadEnough { return .enough }
    return ending.status.verdict(exit: ending.exit, keys: keys, hasPassphrase: !passphrase.isEmpty, shape)
  }

  func close() {
    guard (try? files.info(home)) != nil else { return }
    let stopping = GnuPGProcess(
      program: "gpgconf", arguments: ["--homedir", home.string, "--kill", "gpg-agent"], environment: environment,
      looks: Limits.gpgCloseLooks, turn: turn)
    _ = try? stopping.run(from: Self.nothing, to: { (_) throws(FileFault) in true })
    // The agent takes its sockets away meanwhile. Where it could not be told, it ends when it misses them.
    for _ in 0..<5 {
      do throws(FileFault) {
        try files.removeTree(home)
        // The last one takes their folder away, too.
        return try files.remove(home.parent)
      } catch {
        if error.kind != .missing { return }
      }
    }
  }

  private static func nothing(_ room: UnsafeMutableRawBufferPointer) -> Int { 0 }

  private func gpg(_ arguments: [String]) -> GnuPGProcess {
    let common = [
      "--homedir", home.string, "--batch", "--no-tty", "--quiet", "--no-options", "--disable-dirmngr",
      "--no-auto-check-trustdb", "--trust-model", "always", "--pinentry-mode", "loopback", "--status-fd",
      "\(GnuPGProcess.statusNumber)",
    ]
    return GnuPGProcess(program: "gpg", arguments: common + arguments, environment: environment, turn: turn)
  }

  private var environment: [String] {
    let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
    return ["PATH=\(path)", "HOME=\(home.string)", "GNUPGHOME=\(home.string)", "LC_ALL=C"]
  }
}
