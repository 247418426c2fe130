import CCurl
public import Config

/// What stores are reached by on this host: libcurl, and what that stands on. Each host has its own, and the program takes them as they are.
public struct TransferLibrary: Hashable, Sendable {
  /// Of libcurl, as `7.88.1`.
  public let version: String
  /// As `OpenSSL/3.0.17`; nil: none.
  public let tls: String?
  /// As `libssh2/1.10.0` or `libssh/0.9.6/openssl/zlib`; nil: none.
  public let ssh: String?
  let speaksSFTP: Bool
  private let hasGcrypt: Bool

  /// Of this process.
  public static let current: TransferLibrary = {
    let found = cc_library()
    func text(_ bytes: UnsafePointer<CChar>?) -> String? {
      bytes.map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
    return TransferLibrary(
      version: String(cString: found.version), tls: text(found.tls), ssh: text(found.ssh), speaksSFTP: found.sftp != 0,
      hasGcrypt: found.gcrypt != 0)
  }()

  init(version: String, tls: String?, ssh: String?, speaksSFTP: Bool, hasGcrypt: Bool) {
    (self.version, self.tls, self.ssh) = (version, tls, ssh)
    (self.speaksSFTP, self.hasGcrypt) = (speaksSFTP, hasGcrypt)
  }

  /// `libssh2 1.9.0`
  var sshName: String {
    guard let ssh else { return "none" }
    return ssh.split(separator: "/").prefix(2).joined(separator: " ")
  }

  /// libssh2 of Debian 11 is built with libgcrypt, by which it knows RSA keys with SHA-1 and no others (tried with 1.9.0). Later ones are
  /// built with OpenSSL.
  var hasOnlyOldRSA: Bool { isLibSSH2 && hasGcrypt }

  var isLibSSH2: Bool { ssh?.hasPrefix("libssh2/") ?? false }

  /// What a store cannot have here that it would have elsewhere, in whole sentences.
  public func lacks(_ store: StoreSettings) -> [String] {
    guard case .sftp(let sftp) = store.target else { return [] }
    var lacks: [String] = []
    if !isLibSSH2 {
      lacks.append(
        "\(sshName) tells names of folders alone: a list asks for each file, and one whose name has a line feed is passed over"
      )
      lacks.append(
        "\(sshName) does not ask the server to make a file durable: what the server loses by a power cut, only `navette verify` finds"
      )
    }
    if hasOnlyOldRSA {
      lacks.append(
        "\(sshName) with libgcrypt knows RSA keys with SHA-1 alone: the server must offer ssh-rsa, and a private key must be RSA in PEM"
      )
    } else if isLibSSH2, !LibraryVersion(ssh).isAtLeast(1, 11), case .privateKey(let key, _) = sftp.access,
      SSHAccess.isRSA(key.reveal())
    {
      lacks.append("\(sshName) signs with RSA keys by SHA-1 alone, which current servers refuse: take an ed25519 key")
    }
    return lacks
  }
}

/// The first two numbers of a version.
public struct LibraryVersion: Hashable, Sendable {
  public let major: Int
  public let minor: Int

  /// - Parameter text: with a version somewhere in it, as `libssh2/1.10.0` or `239`; what has none is version 0.0.
  public init(_ text: String?) {
    let numbers = (text?.split(separator: "/").last { $0.first?.isNumber ?? false } ?? "")
      .split { !$0.isNumber }.prefix(2).map { Int($0) ?? 0 }
    (major, minor) = (numbers.first ?? 0, numbers.count > 1 ? numbers[1] : 0)
  }

  public func isAtLeast(_ major: Int, _ minor: Int = 0) -> Bool { (self.major, self.minor) >= (major, minor) }
}
