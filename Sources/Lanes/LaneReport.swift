public import Core
public import Files
import Spool
import SystemPackage

/// What a lane says of itself for `status`, while its agent runs: `report.json` beside its places. Written when something changes, never
/// synced, and believed by nobody but `status`.
public struct LaneReport: Hashable, Sendable, Codable {
  /// Something that waits by itself: a file, a folder, a log, a drop, a batch.
  public struct Item: Hashable, Sendable, Codable {
    /// As people know it; masked where it may hold an address.
    public let name: String
    public let reason: String
    public let since: Timestamp

    public init(_ name: String, reason: String, since: Timestamp) {
      (self.name, self.reason, self.since) = (name, reason, since)
    }
  }

  /// What keeps the whole lane from going on.
  public struct Reason: Hashable, Sendable, Codable {
    public let reason: String
    public let since: Timestamp

    public init(_ reason: String, since: Timestamp) { (self.reason, self.since) = (reason, since) }
  }

  /// So many are told; the others are counted.
  public static let most = Limits.waitsTold

  public var schema = 1
  /// The agent's.
  public var pid: Int32
  /// The oldest first.
  public var items: [Item] = []
  public var count = 0
  public var reasons: [Reason] = []

  public init(items: [Item], reasons: [Reason], pid: Int32) {
    self.pid = pid
    count = items.count
    self.items = Array(items.sorted { ($0.since, $0.name) < ($1.since, $1.name) }.prefix(Self.most))
    self.reasons = reasons.sorted { ($0.since, $0.reason) < ($1.since, $1.reason) }
  }

  public var isEmpty: Bool { count == 0 && reasons.isEmpty }

  /// Where nothing is to be said, the file goes.
  public func write(to path: FilePath, _ files: any Files) throws(FileFault) {
    if isEmpty {
      do { try files.remove(path) } catch { if error.kind != .missing { throw error } }
    } else {
      let temporary = path.appendingToName(".tmp")
      do { try files.remove(temporary) } catch { if error.kind != .missing { throw error } }
      let file = try files.create(temporary, mode: .stateFile)
      try encodePlan(self).withUnsafeBufferPointer { (raw) throws(FileFault) in
        try file.write(UnsafeRawBufferPointer(raw))
      }
      try files.replace(path, with: temporary)
    }
  }

  /// Nil where that agent has nothing to say.
  public static func read(at path: FilePath, of pid: Int32, _ files: any Files) -> LaneReport? {
    guard let report = try? files.readPlan(LaneReport.self, at: path), report.pid == pid else { return nil }
    return report
  }
}
