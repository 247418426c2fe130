public import Core
public import SystemPackage

/// One inbound lane: where drops arrive, what they must be, where they go.
public struct FeedSettings: Hashable, Sendable {
  public var name: FeedName
  public var landing: FilePath
  public var handover: FilePath
  public var include: [String] = ["*"]
  public var exclude: [String] = []
  public var handoverName = "{name}"
  public var mode: UInt32 = 0o660
  public var owner: String?
  public var group: String?
  public var collision = Collision.rename
  /// Size, inode and ctime unchanged for this long, by the monotonic clock.
  public var settle: Duration = .seconds(2)
  public var format = Format()
  public var require = Require()
  public var archiveKeep: Duration = .seconds(30 * 86_400)
  public var archiveMaxBytes: UInt64 = 50 << 30
  public var quarantineKeep: Duration = .seconds(90 * 86_400)
  public var duplicates = Duplicates.skip

  public init(name: FeedName, landing: FilePath, handover: FilePath) {
    self.name = name
    self.landing = landing
    self.handover = handover
  }

  public enum Collision: String, Hashable, Sendable, CaseIterable { case rename, replace, fail }
  public enum Duplicates: String, Hashable, Sendable, CaseIterable { case skip, quarantine, deliver }
  public enum Empty: String, Hashable, Sendable, CaseIterable { case quarantine, archive, deliver }

  public struct Format: Hashable, Sendable {
    /// Nil: told from the header line.
    public var delimiter: UInt8?
    /// Nil: no quoting.
    public var quote: UInt8? = UInt8(ascii: "\"")
    public var escape = Escape.auto
    public var header = true
    public enum Escape: String, Hashable, Sendable, CaseIterable { case auto, backslash = "\\", double }
    public init() {}
  }

  public struct Require: Hashable, Sendable {
    public var columns: [String] = []
    public var columnsExact = false
    public var empty = Empty.quarantine
    public var minRows = 1
    /// 0: no limit.
    public var maxRows = 0
    /// After decompression.
    public var maxBytes: UInt64 = 20 << 30
    public var maxRowBytes = 1 << 20
    public init() {}
  }
}
