import Config
import Core
import Lanes
import Ledger
import SystemPackage

/// The logs of a stream as the last look found them, and how far they are read: what the steps of a pass hand on to one another.
struct StreamLogs {
  /// The oldest first; of what was seen at one instant, the live log is the newest.
  var found: [LogFile] = []
  var progress: LogProgress
  var turns = LogTurns()
  /// Sources that steps have let go since the last look.
  private(set) var left: Set<SourceID> = []
  private let pins: FilePath

  /// - Parameter pins: where copies of logs lie.
  init(rotation: StreamSettings.Rotation, pins: FilePath) {
    progress = LogProgress(rotation: rotation)
    self.pins = pins
  }

  /// Live logs of which nothing is unread, those written last before others.
  var growing: [String: GrowingLog] {
    guard progress.rotation != .closed else { return [:] }
    let logs = found.filter { $0.role == .live && progress.isDrained($0) }
    let last = logs.count > Limits.growingLogs ? logs.sorted { $0.info.modified > $1.info.modified } : logs
    return Dictionary(
      last.prefix(Limits.growingLogs).map { ($0.path.string, GrowingLog(inode: $0.info.inode, size: $0.info.size)) },
      uniquingKeysWith: { first, _ in first })
  }

  /// Forgets what is known of a source that is gone; the next look forgets its part.
  mutating func forget(_ source: SourceID) {
    progress.forget(source)
    left.insert(source)
  }

  mutating func takeLeft() -> Set<SourceID> {
    defer { left = [] }
    return left
  }

  /// Whether it may be read now: its turn has come, and no older log of the same name waits: what was written later is sent later.
  func isNext(_ log: LogFile, _ waits: ItemWaits<StreamItem>) -> Bool {
    turns.isTurn(of: log) && !isBehind(log, waits)
  }

  private func isBehind(_ log: LogFile, _ waits: ItemWaits<StreamItem>) -> Bool {
    waits.waits.keys.contains { item in
      guard case .log(let path) = item else { return false }
      return LogListing.isOlder(path, than: log) || isCarried(path, from: log)
    }
  }

  /// Whether what lies at the path was carried over from the same file when it was emptied.
  private func isCarried(_ path: FilePath, from log: LogFile) -> Bool {
    guard path.parent == pins else { return false }
    return found.contains { other in
      other.path == path && other.record.id != log.record.id && other.record.seenAt < log.record.seenAt
        && FileKey(other.record.identity) == FileKey(log.record.identity)
    }
  }
}
