import CCurl
import Core

/// What an SFTP server refused, or what kept us from asking it. libcurl's codes are coarse here: 79 is every failure that version 3
/// of the protocol has no number for, a full disk among them.
struct SFTPRefusal: Error {
  let code: CURLcode
  let text: String
  /// The server's own (SSH_FX_…); 0 where it said nothing, or nobody heard it.
  var number: UInt = 0

  /// The server is there, and it is this file or folder that it does not give: by its own word, or by giving less than it said.
  var isOfOne: Bool { number != 0 || code == CURLE_PARTIAL_FILE }
  /// We ended a connection on which nothing came for long.
  var isSilence: Bool { code == CURLE_OPERATION_TIMEDOUT }
  /// The server has shown a key that is not the one we know.
  var isOtherKey: Bool { code == CURLE_PEER_FAILED_VERIFICATION }
  /// It has none of the types that it was asked for.
  var hasNoSuchKey: Bool { code == CURLE_FAILED_INIT && text.contains("exchange encryption keys") }

  /// The file may be there, and this user may not look.
  var isForbidden: Bool { number == 3 || number == 8 || (number == 0 && code == CURLE_REMOTE_ACCESS_DENIED) }
  var isMissing: Bool { code == CURLE_REMOTE_FILE_NOT_FOUND }
  /// The server would say no more than "failure": what it really was has to be found out.
  var isVague: Bool { [CURLE_SSH, CURLE_SEND_ERROR, CURLE_UPLOAD_FAILED].contains(code) }

  /// With the types of the keys that the server has.
  func told(of types: [String]) -> SFTPRefusal {
    guard !types.isEmpty else { return self }
    let names = types.map { $0.hasPrefix("rsa") ? "RSA" : $0 }.joined(separator: ", ")
    return SFTPRefusal(
      code: code, text: "\(text); it has keys of \(names), and none of them is the one of host_key_sha256")
  }

  func fault(_ what: String, at place: String, access: SSHAccess) -> StoreFault {
    let (kind, remedy) = meaning(access)
    let reason = text.isEmpty ? String(cString: curl_easy_strerror(code)) : text
    return StoreFault(kind, what, at: place, why: "\(reason) (curl \(code.rawValue))", remedy: remedy)
  }

  /// The oldest of the libraries has one kind of key, of which current servers say nothing.
  private static let oldRSA =
    "This host's SSH library (\(TransferLibrary.current.sshName), with libgcrypt) knows RSA host keys signed with SHA-1 alone: the "
    + "server must have an RSA host key and offer it so (OpenSSH: HostKeyAlgorithms +ssh-rsa), or take a host with Debian 12 or later"

  private func meaning(_ access: SSHAccess) -> (StoreKind, String?) {
    let isOldRSA = TransferLibrary.current.hasOnlyOldRSA
    return switch code {
    case CURLE_PEER_FAILED_VERIFICATION:
      (
        .untrusted,
        "Ask the server's owner for its fingerprint: only if it is this one, put it into host_key_sha256, "
          + "or the key into known_hosts or host_key"
      )
    case CURLE_LOGIN_DENIED: (.denied, login(access))
    case CURLE_FAILED_INIT where isOldRSA && text.contains("exchange encryption keys"): (.untrusted, Self.oldRSA)
    case CURLE_SSH where isOldRSA && text.isEmpty: (.untrusted, Self.oldRSA)
    case CURLE_FAILED_INIT where text.contains("exchange encryption keys") && text.contains("-5"):
      (
        .untrusted,
        "The server and this machine's libssh2 know no cipher or host key in common. libssh2 before 1.11 (Debian 12) cannot use "
          + "RSA host keys of a current server: give it one of ed25519 or ECDSA"
      )
    case CURLE_FAILED_INIT where text.contains("sftp session"): (.denied, "The server must offer SFTP to this user")
    case CURLE_FAILED_INIT: (.unreachable, nil)
    case CURLE_RECV_ERROR where text.contains("sftp session"):
      (.unreachable, "If it stays: the server must offer SFTP to this user, and its log tells why it hangs up")
    case CURLE_RECV_ERROR where text.contains("uthentication"):
      (.unreachable, "If it stays: the server hangs up during the login, and its log tells why")
    case CURLE_REMOTE_ACCESS_DENIED: (.denied, "Give the user the right to create, read and rename files there")
    case CURLE_QUOTE_ERROR where text.contains("Permission denied"):
      (.denied, "Give the user the right to create, read, rename and delete files there")
    case CURLE_REMOTE_FILE_NOT_FOUND: (.denied, "Check the folder of the store's url: it cannot be created")
    case CURLE_REMOTE_DISK_FULL: (.full, "Make room on the server, or raise the user's quota")
    case CURLE_SSH, CURLE_QUOTE_ERROR, CURLE_REMOTE_FILE_EXISTS, CURLE_UPLOAD_FAILED: (.unreachable, nil)
    default: TransferFailure.meaning(of: code, text)
    }
  }

  private func login(_ access: SSHAccess) -> String {
    switch access.proof {
    case .password: return "Check user and password, and that the server takes passwords"
    case .key:
      let rsa =
        TransferLibrary.current.hasOnlyOldRSA
        ? ". This host's SSH library signs with SHA-1 alone: the server must take that (OpenSSH: PubkeyAcceptedAlgorithms +ssh-rsa)"
        : access.isRSA
          ? ". This is an RSA key, which libssh2 before 1.11 (Debian 12) cannot use with a current server: take an ed25519 key"
          : ""
      return "Check user, private_key and passphrase, and that the server knows the public key\(rsa)"
    }
  }
}
