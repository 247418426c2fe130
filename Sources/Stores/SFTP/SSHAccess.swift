import CCurl
import Config
import Core
import Crypto
import FoundationEssentials

/// Who we are to an SSH server, and how we know that it is the right one.
struct SSHAccess: Sendable {
  enum Proof: Sendable {
    /// `publicKey`: for a library that does not find it in the other.
    case key(SecretFile, passphrase: Secret?, publicKey: SecretFile?)
    case password(Secret)
  }

  var user: String
  var proof: Proof
  var hostKey: SFTPSettings.HostKey
  /// The key is of a kind that older libraries cannot use: for the error's sake.
  var isRSA: Bool
  /// libcurl stands on a library that tells us what the server says of files.
  let readsAttributes: Bool
  /// Of a host key that is given whole: a list of known hosts with it alone.
  private let hosts: SecretFile?
  private let fileMode, folderMode: UInt32

  init(_ settings: SFTPSettings, library: TransferLibrary = .current) throws(StoreFault) {
    guard library.speaksSFTP else {
      throw StoreFault(
        .denied, "Cannot use", at: "url", why: "libcurl \(library.version) of this host speaks no SFTP",
        remedy: "Install the whole libcurl in the place of libcurl-minimal: dnf swap libcurl-minimal libcurl")
    }
    readsAttributes = library.isLibSSH2
    user = settings.user
    hostKey = settings.hostKey
    (fileMode, folderMode) = (settings.fileMode, settings.folderMode)
    if case .key(let key) = settings.hostKey {
      // Without a port it holds for any; an address of IPv6 stands there without its brackets.
      hosts = try SecretFile("\(settings.host.filter { !"[]".contains($0) }) \(key)")
    } else {
      hosts = nil
    }
    switch settings.access {
    case .privateKey(let key, let passphrase):
      try SSHAccess.check(key.reveal(), isOpened: passphrase != nil)
      let publicKey = try SSHAccess.publicKey(of: key.reveal(), library)
      proof = .key(try SecretFile(key.reveal()), passphrase: passphrase, publicKey: try publicKey.map(SecretFile.init))
      isRSA = SSHAccess.isRSA(key.reveal())
    case .password(let password):
      proof = .password(password)
      isRSA = false
    }
  }

  /// False where libcurl cannot do what keeps us safe: unless it is told otherwise, it takes any host for the right one
  /// (curl.se/libcurl/c/CURLOPT_SSH_KNOWNHOSTS.html), so an option that fails must end the transfer.
  func apply(to easy: UnsafeMutableRawPointer, _ judge: curl_sshkeycallback, _ user: UnsafeMutableRawPointer) -> Bool {
    var codes = [cc_set_str(easy, CURLOPT_USERNAME, self.user)]
    switch hostKey {
    case .knownHosts, .key:
      var list = hosts?.path ?? "/dev/null"
      if case .knownHosts(let file) = hostKey { list = file.string }
      codes += [
        cc_set_str(easy, CURLOPT_SSH_KNOWNHOSTS, list), cc_set_host_key(easy, judge),
        cc_set_ptr(easy, CURLOPT_SSH_KEYDATA, user),
      ]
    case .pinned(let digest):
      let code = cc_set_str(easy, CURLOPT_SSH_HOST_PUBLIC_KEY_SHA256, digest)
      guard code == CURLE_UNKNOWN_OPTION else {
        codes.append(code)
        break
      }
      // Before 7.80. A list of known hosts with none in it makes libcurl ask us about each key, and take none that we do not.
      codes += [
        cc_set_str(easy, CURLOPT_SSH_KNOWNHOSTS, "/dev/null"), cc_set_host_key(easy, judge),
        cc_set_ptr(easy, CURLOPT_SSH_KEYDATA, user),
      ]
    }
    // Only what the settings say: without these libcurl would try the user's own keys and agent too.
    switch proof {
    case .key(let file, let passphrase, let publicKey):
      if let publicKey { codes.append(cc_set_str(easy, CURLOPT_SSH_PUBLIC_KEYFILE, publicKey.path)) }
      codes += [
        cc_set_long(easy, CURLOPT_SSH_AUTH_TYPES, SSHAccess.publicKey),
        cc_set_str(easy, CURLOPT_SSH_PRIVATE_KEYFILE, file.path),
        cc_set_str(easy, CURLOPT_KEYPASSWD, passphrase?.reveal() ?? ""),
      ]
    case .password(let password):
      codes += [
        cc_set_long(easy, CURLOPT_SSH_AUTH_TYPES, SSHAccess.password | SSHAccess.keyboard),
        cc_set_str(easy, CURLOPT_PASSWORD, password.reveal()),
      ]
    }
    codes += [
      cc_set_long(easy, CURLOPT_FTP_CREATE_MISSING_DIRS, 1),
      cc_set_long(easy, CURLOPT_NEW_FILE_PERMS, Int(fileMode)),
      cc_set_long(easy, CURLOPT_NEW_DIRECTORY_PERMS, Int(folderMode)),
    ]
    return codes.allSatisfy { $0 == CURLE_OK }
  }

  // CURLSSH_AUTH_* are macros that Swift does not see.
  private static let publicKey = 1 << 0
  private static let password = 1 << 1
  private static let keyboard = 1 << 3

  /// What is no private key at all, or a locked one without its passphrase; whether a passphrase opens it, only the transfer tells.
  private static func check(_ text: String, isOpened: Bool) throws(StoreFault) {
    if text.hasPrefix("PuTTY-User-Key-File") {
      throw StoreFault(
        .denied, "Cannot use", at: "private_key", why: "it is a key of PuTTY (PPK), which the SSH library cannot read",
        remedy: "Convert it: puttygen FILE.ppk -O private-openssh -o FILE, and give that")
    }
    let keys = PEM.blocks(text) { $0.hasSuffix("PRIVATE KEY") }
    guard let keys, !keys.isEmpty else {
      throw StoreFault(
        .denied, "Cannot use", at: "private_key", why: "it is not a whole private key in a format of OpenSSH or PEM",
        remedy: "Give the file that ssh-keygen made, from its -----BEGIN to its -----END line; no public key")
    }
    guard !isOpened, isLocked(text, keys) else { return }
    throw StoreFault(
      .denied, "Cannot use", at: "private_key", why: "it is locked, and there is no passphrase",
      remedy: "Set passphrase, or take a key without one")
  }

  /// The older formats say it in their first lines; that of OpenSSH names the cipher (PROTOCOL.key).
  private static func isLocked(_ text: String, _ keys: [[UInt8]]) -> Bool {
    if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") { return true }
    let magic = Array("openssh-key-v1".utf8) + [0]
    return keys.contains {
      $0.starts(with: magic) && !$0.dropFirst(magic.count).starts(with: [0, 0, 0, 4] + Array("none".utf8))
    }
  }

  /// With libgcrypt, libssh2 uses RSA keys in PEM alone, and must be given the public one (tried with 1.9.0 of Debian 11). Nil where it
  /// finds that itself.
  private static func publicKey(of text: String, _ library: TransferLibrary) throws(StoreFault) -> String? {
    guard library.hasOnlyOldRSA else { return nil }
    if let key = PEM.blocks(text, { $0 == "RSA PRIVATE KEY" })?.first, let line = RSAPublicKey.line(of: key) {
      return line
    }
    throw StoreFault(
      .denied, "Cannot use", at: "private_key",
      why:
        "the SSH library of this host (\(library.sshName), with libgcrypt) uses RSA keys in PEM without a passphrase alone",
      remedy:
        "Make one of an RSA key by ssh-keygen -p -N '' -m PEM -f FILE, or take a host with Debian 12 or later, or a password"
    )
  }

  /// The kind of a key stands in it unencrypted.
  static func isRSA(_ text: String) -> Bool {
    if text.contains("BEGIN RSA PRIVATE KEY") { return true }
    let lines = text.split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("-") }
    guard let bytes = Data(base64Encoded: lines.joined()) else { return false }
    // Of the openssh-key-v1 format (PROTOCOL.key of OpenSSH): the public key follows some 100 bytes of header.
    let head = Array(bytes.prefix(200))
    let name = Array("ssh-rsa".utf8)
    return head.indices.contains { head[$0...].starts(with: name) }
  }
}

extension SFTPSettings.HostKey {
  var pin: String? {
    if case .pinned(let digest) = self { digest } else { nil }
  }
}

/// The key that a host showed, held against known_hosts, or against the one that is expected.
struct HostKeySeen: CustomStringConvertible {
  private enum Verdict { case right, notInKnownHosts, otherInKnownHosts, notThePinned, notTheKey }
  let fingerprint: String
  private let verdict: Verdict

  /// - Parameters:
  ///   - pin: base64 of the SHA-256 of the key that alone is right; nil: libcurl has looked into known_hosts.
  ///   - isWhole: the list of known hosts is that of the setting `host_key`.
  init(_ key: curl_khkey, _ match: curl_khmatch, expecting pin: String?, isWhole: Bool = false) {
    let seen = HostKeySeen.blob(of: key).map { HostKeySeen.fingerprint(of: $0) }
    fingerprint = seen ?? "unknown"
    if let pin {
      verdict = seen != nil && seen == HostKeySeen.prefix + HostKeySeen.unpadded(pin) ? .right : .notThePinned
    } else {
      switch match {
      case CURLKHMATCH_OK: verdict = .right
      case _ where isWhole: verdict = .notTheKey
      case CURLKHMATCH_MISMATCH: verdict = .otherInKnownHosts
      default: verdict = .notInKnownHosts
      }
    }
  }

  var isRight: Bool { verdict == .right }

  /// The key as it goes over the wire, with its length in front (RFC 4253, 6.6); or, from a libcurl on libssh, the same in base64, with
  /// and without a length. Nil: neither.
  private static func blob(of key: curl_khkey) -> [UInt8]? {
    guard let start = key.key else { return nil }
    let bytes =
      key.len > 0 ? [UInt8](UnsafeRawBufferPointer(start: start, count: key.len)) : Array(String(cString: start).utf8)
    if bytes.first == 0 { return bytes }
    return Data(base64Encoded: Data(bytes)).map { [UInt8]($0) }
  }

  /// As `ssh-keygen -l` shows it.
  static func fingerprint(of blob: [UInt8]) -> String {
    prefix + unpadded(Data(SHA256.hash(data: blob)).base64EncodedString())
  }
  private static let prefix = "SHA256:"
  private static func unpadded(_ base64: String) -> String {
    String(base64.reversed().drop { $0 == "=" }.reversed())
  }

  var description: String {
    switch verdict {
    case .right: "this host shows \(fingerprint), which is right"
    case .notInKnownHosts: "this host is not in known_hosts; it shows \(fingerprint)"
    case .otherInKnownHosts: "known_hosts has another key for this host, which now shows \(fingerprint)"
    case .notTheKey: "this host shows \(fingerprint), which is not that of host_key"
    case .notThePinned: "this host shows \(fingerprint), which is not host_key_sha256"
    }
  }
}
