public import Config
public import Core
import Files
import FoundationEssentials
import Glibc
import Threads

/// The key of whoever may read what is encrypted. GnuPG is given it each time, and keeps nothing.
public struct PublicKey: Sendable {
  private let bytes: [UInt8]

  /// - Parameter secret: with its armour, or in Base64, of the armoured text or of the key itself, as AEP gives it.
  public init(_ secret: Secret) {
    let text = secret.reveal()
    let isArmoured = text.contains("-----BEGIN PGP")
    let plain = Data(base64Encoded: text, options: .ignoreUnknownCharacters)
    bytes = isArmoured ? Array(text.utf8) : plain.map { Array($0) } ?? Array(text.utf8)
  }

  /// What GnuPG says of a key.
  public struct Facts: Hashable, Sendable {
    public let made: Timestamp
    /// Nil: it does not say.
    public let ends: Timestamp?
    public let encrypts: Bool
    public let isRevoked: Bool

    /// When it can be used no more: by its own word, or as AEP lets its keys end.
    /// - Parameter isAEPs: AEP made it.
    public func end(isAEPs: Bool) -> Timestamp? {
      let ruled = isAEPs ? made + Limits.aepKeyLife : nil
      return [ends, ruled].compactMap { $0 }.min()
    }

    /// Why nothing can be encrypted for it; nil: it can be used.
    public func complaint(at now: Timestamp) -> String? {
      if isRevoked { return "it was revoked" }
      if let ends, ends <= now { return "it has ended at \(ends.iso())" }
      return encrypts ? nil : "it is a key for signatures, not for encryption"
    }
  }

  /// - Throws: `.denied` where there is no key in it, `.io` where gpg cannot be used, `.hung`.
  public func facts() throws(FileFault) -> Facts {
    let program: PipedProgram
    do throws(Child.Refusal) {
      program = try PipedProgram(
        ["gpg"] + Self.common + ["--fast-list-mode", "--with-colons", "--import-options", "show-only", "--import"],
        environment: Self.environment)
    } catch {
      throw Self.fault(error.description)
    }
    defer { program.end() }
    var said: [UInt8] = []
    var rest = bytes[...]
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: Limits.encryptedRead, alignment: 16)
    defer { room.deallocate() }
    if rest.isEmpty { program.closeInput() }
    reading: while said.count < Limits.keyListBytes {
      switch program.look(atMost: Limits.programLook * Int32(Limits.programLooks)) {
      case .nothing:
        throw FileFault(
          .hung, "Cannot look at a key with", at: "gpg", why: "it hangs: it neither reads nor writes",
          remedy: "See what it waits for as the user that navette runs as")
      case .room:
        rest = rest.dropFirst(rest.withUnsafeBytes { program.give($0) })
        if rest.isEmpty { program.closeInput() }
      case .output:
        switch program.receive(into: room) {
        case .bytes(let count): said += room[..<count]
        case .nothing: break
        case .end: break reading
        }
      }
    }
    guard let facts = Facts(colons: String(decoding: said, as: UTF8.self)) else {
      throw FileFault(
        .denied, "Cannot use the recipient's key of", at: "encrypt.key", why: "GnuPG finds no public key in it",
        remedy: "Give the public key that AEP made, in Base64, or one with its armour: gpg --armor --export ID")
    }
    return facts
  }

  /// GnuPG under way: it takes what is to be encrypted, and gives the message.
  func encrypting() throws(Child.Refusal) -> PipedProgram {
    let words =
      ["gpg"] + Self.common + [
        "--disable-dirmngr", "--compress-algo", "none", "--enable-special-filenames", "--recipient-file",
        "-&\(PipedProgram.besideNumber)", "--output", "-", "--encrypt",
      ]
    return try PipedProgram(words, environment: Self.environment, beside: bytes)
  }

  /// No ring, no trust, no home: nothing but the key that it is given.
  private static let common = [
    "--homedir", "/nonexistent", "--batch", "--no-tty", "--quiet", "--no-options", "--no-random-seed-file",
    "--no-auto-check-trustdb", "--trust-model", "always", "--no-keyring",
  ]

  private static var environment: [String] {
    let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
    return ["PATH=\(path)", "HOME=/nonexistent", "LC_ALL=C"]
  }

  static func refusal(_ why: String, of stream: StreamName) -> FileFault {
    FileFault(
      .denied, "Cannot encrypt for the recipient of stream", at: stream.text, why: why,
      remedy: "Put the key that AEP gives now into encrypt.key, and reload: systemctl reload navette")
  }

  static func fault(_ why: String) -> FileFault {
    FileFault(
      .io, "Cannot encrypt with", at: "gpg", why: why,
      remedy: "Install GnuPG (Debian: apt-get install gpg) and see whether it runs as the user that navette runs as")
  }
}

extension PublicKey.Facts {
  /// As `gpg --with-colons --fast-list-mode` lists a key (doc/DETAILS of GnuPG): kind, validity, length, algorithm, id, made, ends, …, and in the twelfth
  /// field what it is for. Fast is without what it trusts, for which it would want a home.
  init?(colons: String) {
    let lines = colons.split(separator: "\n").map { $0.split(separator: ":", omittingEmptySubsequences: false) }
    let keys = lines.filter { ($0.first == "pub" || $0.first == "sub") && $0.count > 11 }
    guard let key = keys.first, key[0] == "pub", let made = Int64(key[5]) else { return nil }
    self.made = Timestamp(seconds: made)
    isRevoked = key[1] == "r"
    // In capitals it says the same of all of its keys together.
    let able = keys.filter { $0[11].contains("e") && $0[1] != "r" }
    encrypts = !able.isEmpty
    let own = Int64(key[6]).map { Timestamp(seconds: $0) }
    let theirs = able.map { Int64($0[6]) }
    let last = theirs.contains(nil) ? nil : theirs.compactMap(\.self).max().map { Timestamp(seconds: $0) }
    ends = [own, last].compactMap(\.self).min()
  }
}
