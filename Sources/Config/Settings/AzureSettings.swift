public import SystemPackage

public struct AzureSettings: Hashable, Sendable {
  public var account: String
  public var container: String
  /// Without slashes at either end; empty: none.
  public var prefix: String
  /// `https://host[:port][/path]`; nil: Azure's own, or that of the connection string.
  public var endpoint: String?
  public var caFile: FilePath?
  public var access: Access
  /// With `.managedIdentity`.
  public var identity = Identity()
  /// Of each object; nil: the account's own.
  public var accessTier: AccessTier?

  public enum Access: Hashable, Sendable {
    case accountKey(Secret)
    /// With or without the `?` before it.
    case sasToken(Secret)
    case connectionString(Secret)
    /// An identity of Entra: the machine's own, that of its workload, or an application's.
    case managedIdentity
  }

  public enum AccessTier: String, Hashable, Sendable, CaseIterable {
    case hot = "Hot", cool = "Cool", cold = "Cold", archive = "Archive"
  }

  /// What is left out is taken from the environment, by the names that Microsoft's own clients use.
  public struct Identity: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable, CaseIterable {
      /// The machine's; that of the workload where `AZURE_FEDERATED_TOKEN_FILE` is set.
      case managed
      case workload
      /// An application's, with a secret or a certificate.
      case principal
    }

    public var kind = Kind.managed
    public var tenant, client: String?
    public var secret: Secret?
    /// PEM of a certificate and its private key.
    public var certificate: Secret?
    public var tokenFile: FilePath?
    /// `https://host[:port]`; nil: `https://login.microsoftonline.com`.
    public var authority: String?
    public init() {}
  }

  public init(account: String, container: String, prefix: String = "", access: Access) {
    self.account = account
    self.container = container
    self.prefix = prefix
    self.access = access
  }
}
