public import SystemPackage

public struct SFTPSettings: Hashable, Sendable {
  public var user: String
  /// A name or an address, IPv6 in brackets.
  public var host: String
  public var port: UInt16
  public var folder: FilePath
  public var access: Access
  public var hostKey: HostKey
  /// Of what is uploaded, and of folders that are made for it.
  public var fileMode: UInt32 = 0o640
  public var folderMode: UInt32 = 0o750

  public enum Access: Hashable, Sendable {
    /// The text of a private key, and what opens it where it is locked.
    case privateKey(Secret, passphrase: Secret?)
    case password(Secret)
  }

  /// How the server is known to be the right one.
  public enum HostKey: Hashable, Sendable {
    case knownHosts(FilePath)
    /// 43 characters of base64, as ssh-keygen shows it after `SHA256:`.
    case pinned(String)
    /// `ssh-ed25519 AAAA…`, as it stands in known_hosts: the key, and with it its type.
    case key(String)
  }

  public init(user: String, host: String, port: UInt16 = 22, folder: FilePath, access: Access, hostKey: HostKey) {
    self.user = user
    self.host = host
    self.port = port
    self.folder = folder
    self.access = access
    self.hostKey = hostKey
  }
}
