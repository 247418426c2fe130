public import Core

/// How the agent stands at one moment, as figures. Names of feeds, streams, stores and states are all that it holds of text: a file's
/// name never comes here.
public struct MetricsSnapshot: Hashable, Sendable {
  public struct Lane: Hashable, Sendable {
    /// `inbound` or `outbound`.
    public let name: String
    public var passes = 0
    public var passSeconds = 0.0
    public var lastPass: Timestamp?
    public init(_ name: String) { self.name = name }
  }

  public struct Feed: Hashable, Sendable {
    public let name: String
    public var lagSeconds: Int64 = 0
    /// By state: `waiting`, `held`, `quarantine`, `damaged`.
    public var drops: [String: Int] = [:]
    public var isPaused = false
    public var isInTrouble = false
    /// Files, folders and drops that wait for a reason of their own, and for how long the oldest has.
    public var blockedItems = 0
    public var blockedSeconds: Int64 = 0
    /// A drop that was expected has not come in time.
    public var isLate = false
    /// By outcome.
    public var totals: [String: Int] = [:]
    /// Of what was handed over.
    public var rows = 0
    public var bytes: UInt64 = 0
    public var lastSuccess: Timestamp?
    public init(_ name: String) { self.name = name }
  }

  public struct Stream: Hashable, Sendable {
    public let name: String
    public var lagSeconds: Int64 = 0
    public var lagBytes: UInt64 = 0
    /// By state: `ready`, `held`, `damaged`.
    public var batches: [String: Int] = [:]
    public var isPaused = false
    public var isInTrouble = false
    /// Logs and folders that wait for a reason of their own, and for how long the oldest has.
    public var blockedItems = 0
    public var blockedSeconds: Int64 = 0
    /// By outcome.
    public var totals: [String: Int] = [:]
    /// Of what was sealed.
    public var rows = 0
    public var bytes: UInt64 = 0
    public var compressedBytes: UInt64 = 0
    public var retries = 0
    public var lastSuccess: Timestamp?
    /// Until the key that its objects are encrypted for ends; nil: they are not, or nobody knows.
    public var keyDaysLeft: Double?
    public init(_ name: String) { self.name = name }
  }

  public struct Store: Hashable, Sendable {
    public let name: String
    /// In a row, since it last took something.
    public var failures = 0
    /// Deliveries that could begin now, or are under way.
    public var due = 0
    /// For how long it has confirmed nothing although something was due; 0 where nothing is.
    public var secondsWithoutConfirmation: Int64 = 0
    /// Nil where the store does not tell.
    public var credentialDaysLeft: Double?
    public init(_ name: String) { self.name = name }
  }

  public let version: String
  public let startedAt: Timestamp
  public let takenAt: Timestamp
  public var isConfigRefused = false
  public var spoolBytes: UInt64 = 0
  public var spoolLimitBytes: UInt64 = 0
  public var isSpoolFull = false
  /// Nil where the disk does not tell.
  public var freeBytes: UInt64?
  public var minFreeBytes: UInt64 = 0
  public var lanes: [Lane] = []
  public var feeds: [Feed] = []
  public var streams: [Stream] = []
  public var stores: [Store] = []
  /// How often each event was told in this life of the process; those that were not are 0.
  public var events: [String: Int] = [:]

  public init(version: String, startedAt: Timestamp, takenAt: Timestamp) {
    self.version = version
    self.startedAt = startedAt
    self.takenAt = takenAt
  }
}
