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
  public var metrics = MetricsSettings()
  public var limits = LimitSettings()
  /// Secrets that could not be had and were not needed (`ConfigReader.Secrets`); what stands for them means nothing.
  public var unread: [ConfigProblem] = []
  public init() {}

  public func store(_ name: StoreName) -> StoreSettings? { stores.first { $0.name == name } }
}

public struct LimitSettings: Hashable, Sendable {
  /// Sealed batches that are not yet confirmed, in bytes on disk.
  public var spoolMaxBytes: UInt64 = 20 << 30
  /// Kept free on the file system of the state folder.
  public var minFree: UInt64 = 1 << 30
  /// Bytes per second for all transfers together.
  public var bandwidth = Bandwidth.unlimited
  /// How many feeds and streams check, cut and pack at the same time; nil: as many as there are cores, at most 4.
  public var workers: Int?
  public init() {}

  public enum Bandwidth: Hashable, Sendable {
    case unlimited
    case steady(UInt64)
    /// Outside of the windows: unlimited.
    case windows([Window])
  }

  /// Of the uploads, when clocks show this; nil: no limit.
  public static func rate(_ bandwidth: Bandwidth, at local: Timestamp.Fields) -> UInt64? {
    switch bandwidth {
    case .unlimited: return nil
    case .steady(let rate): return rate
    case .windows(let windows):
      guard let time = TimeOfDay(hour: local.hour, minute: local.minute) else { return nil }
      return windows.filter { $0.holds(time) }.map(\.rate).min()
    }
  }

  /// From `from` up to `to`, past midnight where `to` is earlier.
  public struct Window: Hashable, Sendable {
    public var from, to: TimeOfDay
    public var rate: UInt64

    public init(from: TimeOfDay, to: TimeOfDay, rate: UInt64) { (self.from, self.to, self.rate) = (from, to, rate) }

    public func holds(_ time: TimeOfDay) -> Bool {
      from < to ? from <= time && time < to : from <= time || time < to
    }
  }
}

public struct MetricsSettings: Hashable, Sendable {
  public var textfile: FilePath?
  public var listen: Listen?
  public init() {}

  public enum Listen: Hashable, Sendable {
    case unix(FilePath)
    /// A numeric address of the loopback interface, without brackets.
    case tcp(address: String, port: UInt16)
  }
}

/// `06:00`, in whatever time zone stands beside it.
public struct TimeOfDay: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let hour, minute: Int

  public init?(hour: Int, minute: Int) {
    guard (0..<24).contains(hour), (0..<60).contains(minute) else { return nil }
    (self.hour, self.minute) = (hour, minute)
  }

  public var description: String { (hour < 10 ? "0" : "") + "\(hour):" + (minute < 10 ? "0" : "") + "\(minute)" }
  public static func < (a: Self, b: Self) -> Bool { (a.hour, a.minute) < (b.hour, b.minute) }
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
  /// `http://host:port`, perhaps with a password; nil: what the environment says.
  public var proxy: Secret?
  /// Who takes the objects in; nil: nobody that we know of.
  public var reader: Reader?
  /// Objects a day of all streams that go there, as far as age alone makes them; nil: any number.
  public var objectsPerDay: Int?
  /// Before the names of probes that show whether the store replaces objects; ends in a slash.
  public var probe = "navette-probe/"
  public var trust = Trust.proven

  public init(name: StoreName, target: Target) {
    self.name = name
    self.target = target
  }

  /// Adobe Experience Platform ingests what lies there.
  public var isForAEP: Bool { reader == .aep }

  /// Why a store may be sent to.
  public enum Trust: String, Hashable, Sendable, CaseIterable {
    /// It was seen to refuse a second object of one name.
    case proven
    /// Somebody vouches that nobody else writes there.
    case singleWriter = "single_writer"
  }

  public enum Reader: String, Hashable, Sendable, CaseIterable { case aep }

  public enum Target: Hashable, Sendable {
    case folder(FilePath)
    case s3(S3Settings)
    case sftp(SFTPSettings)
    case azure(AzureSettings)
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
  /// Nil: the AWS chain finds the keys. Both or neither.
  public var accessKeyID: Secret?
  public var secretAccessKey: Secret?
  public var sessionToken: Secret?
  public var caFile: FilePath?
  public var checksum = Checksum.whenSupported
  public var serverSideEncryption: Encryption?
  public var kmsKeyID: String?
  public var storageClass = "STANDARD"
  /// At most `tagsPerObject`.
  public var tags: [String: String] = [:]
  public var acl: String?
  /// Taken on with the keys that are given or found.
  public var roleARN: String?
  public var externalID: String?
  /// Of the role, as the account's audit log shows it; nil: what the environment says, or `navette`.
  public var roleSessionName: String?
  /// `https://host[:port]` of STS; nil: what the environment says, or that of the region.
  public var stsEndpoint: String?
  /// Of `~/.aws`; nil: what the environment says.
  public var profile: String?
  /// Which of Amazon's own endpoints; of no meaning where `endpoint` names one.
  public var variants: Set<Variant> = []
  /// The requester pays for requests and traffic.
  public var requesterPays = false
  /// Base64 of 32 bytes: a key that the service uses and does not keep.
  public var customerKey: Secret?
  public var objectLock: ObjectLock?
  public var legalHold = false

  /// AWS' bound (docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html).
  public static let tagsPerObject = 10

  public enum Variant: String, Hashable, Sendable, CaseIterable { case fips, dualstack, accelerate }

  /// Until when nobody may delete an object, and who may all the same.
  public struct ObjectLock: Hashable, Sendable {
    public enum Mode: String, Hashable, Sendable, CaseIterable {
      case governance = "GOVERNANCE", compliance = "COMPLIANCE"
    }
    public var mode: Mode
    /// From the upload on.
    public var days: Int
    public init(mode: Mode, days: Int) { (self.mode, self.days) = (mode, days) }
  }

  public enum Encryption: String, Hashable, Sendable, CaseIterable { case aes256 = "AES256", kms = "aws:kms" }
  public enum Checksum: String, Hashable, Sendable, CaseIterable {
    case whenSupported = "when_supported", whenRequired = "when_required"
  }

  public init(
    bucket: String, prefix: String, region: String, accessKeyID: Secret? = nil, secretAccessKey: Secret? = nil
  ) {
    self.bucket = bucket
    self.prefix = prefix
    self.region = region
    self.accessKeyID = accessKeyID
    self.secretAccessKey = secretAccessKey
  }
}
