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

  public enum Access: Hashable, Sendable {
    case accountKey(Secret)
    /// With or without the `?` before it.
    case sasToken(Secret)
    case connectionString(Secret)
    /// The machine's own identity, or that of its workload.
    case managedIdentity
  }

  public init(account: String, container: String, prefix: String = "", access: Access) {
    self.account = account
    self.container = container
    self.prefix = prefix
    self.access = access
  }
}
