public import Core
public import SystemPackage

/// The whole configuration, checked: values only. `ConfigReader` makes it; nobody else needs to know of YAML.
public struct Settings: Hashable, Sendable {
  public var state = FilePath("/var/lib/navette")
  public var stores: [StoreSettings] = []
  public var feeds: [FeedSettings] = []
  public var streams: [StreamSettings] = []
  /// For `{host}` in keys: never empty, only `A-Z a-z 0-9 . _ -`.
  public var host = "localhost"
  public var limits = LimitSettings()
  public init() {}

  public func store(_ name: StoreName) -> StoreSettings? { stores.first { $0.name == name } }
}

public struct LimitSettings: Hashable, Sendable {
  /// Sealed batches that are not yet confirmed, in bytes on disk.
  public var spoolMaxBytes: UInt64 = 20 << 30
  /// Kept free on the file system of the state folder.
  public var minFree: UInt64 = 1 << 30
  public init() {}
}

/// A value that must not be printed. Its text leaves only by `reveal()`.
public struct Secret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible {
  private let text: String
  public init(_ text: String) { self.text = text }
  public func reveal() -> String { text }
  public var description: String { "‹secret›" }
  public var debugDescription: String { "‹secret›" }
}

public struct StoreSettings: Hashable, Sendable {
  public var name: StoreName
  public var target: Target
  /// Objects may vanish after this; zero: never.
  public var lifetime: Duration = .zero
  public var connectTimeout: Duration = .seconds(10)
  /// No byte moved for this long.
  public var stallTimeout: Duration = .seconds(60)
  /// Transfers at a time.
  public var concurrency = 4

  public init(name: StoreName, target: Target) {
    self.name = name
    self.target = target
  }

  public enum Target: Hashable, Sendable {
    case folder(FilePath)
    case s3(S3Settings)
  }
}

public struct S3Settings: Hashable, Sendable {
  public var bucket: String
  /// Without slashes at either end; empty: none.
  public var prefix: String
  public var region: String
  /// `https://host[:port]`; nil: AWS.
  public var endpoint: String?
  public var forcePathStyle = false
  public var accessKeyID: Secret
  public var secretAccessKey: Secret
  public var sessionToken: Secret?
  public var caFile: FilePath?
  public var checksum = Checksum.whenSupported

  public enum Checksum: String, Hashable, Sendable, CaseIterable {
    case whenSupported = "when_supported", whenRequired = "when_required"
  }

  public init(bucket: String, prefix: String, region: String, accessKeyID: Secret, secretAccessKey: Secret) {
    self.bucket = bucket
    self.prefix = prefix
    self.region = region
    self.accessKeyID = accessKeyID
    self.secretAccessKey = secretAccessKey
  }
}
