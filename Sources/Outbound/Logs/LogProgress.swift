import Config
import Core
import Files
import Ledger

/// How far each log is read, as far as this process knows; all of it can be made anew. A value without a disk.
struct LogProgress {
  struct Exhausted: Hashable {
    let size: UInt64
    let isFinal: Bool
  }
  struct Counted: Hashable {
    var upTo: UInt64
    var rows: Int
  }
  private struct Rest {
    let since: Duration
    let size: UInt64
    let changed: Int64
  }

  let rotation: StreamSettings.Rotation
  /// Where the records of a source begin.
  private var headerEnds: [SourceID: UInt64] = [:]
  /// Sources of which a cut took all it could: nothing more will come before one of these changes.
  private var exhausted: [SourceID: Exhausted] = [:]
  /// Since when a source's oldest unread byte has been waiting; no entry: it had none.
  private var waiting: [SourceID: Timestamp] = [:]
  /// Sources seen without unread bytes by this process, so that a later first byte is new.
  private var drained: Set<SourceID> = []
  private var counted: [SourceID: Counted] = [:]
  /// Where a line begins whose quote is not closed yet.
  private var openQuotes: [SourceID: UInt64] = [:]
  /// Logs whose writers cannot be told, and since when they have not changed.
  private var resting: [SourceID: Rest] = [:]

  init(rotation: StreamSettings.Rotation) { self.rotation = rotation }

  // MARK: - What is told of a log

  /// What has not changed since the last look is at rest.
  mutating func noteRest(of logs: [LogFile], at now: Moment) {
    for log in logs where mayBeFinal(log) && log.writers == .unknown {
      let id = log.record.id
      if let rest = resting[id], rest.size == log.info.size, rest.changed == log.info.changed { continue }
      resting[id] = Rest(since: now.uptime, size: log.info.size, changed: log.info.changed)
    }
  }

  mutating func noteHeader(of source: SourceID, end: UInt64?) { headerEnds[source] = end }

  mutating func noteCount(_ count: Counted, of source: SourceID) { counted[source] = count }

  /// - Returns: since when the oldest of them has been waiting.
  mutating func noteUnread(_ bytes: UInt64, of record: SourceRecord, at now: Timestamp) -> Timestamp {
    if bytes == 0 {
      waiting[record.id] = nil
      drained.insert(record.id)
    } else if waiting[record.id] == nil {
      waiting[record.id] = drained.remove(record.id) != nil ? now : record.cursorAt ?? record.seenAt
    }
    return waiting[record.id] ?? now
  }

  /// Its cursor has moved: what is unread now has come since.
  mutating func noteCursor(of source: SourceID) {
    waiting[source] = nil
    drained.insert(source)
    counted[source] = nil
  }

  mutating func noteOpenQuote(at offset: UInt64?, of source: SourceID) { openQuotes[source] = offset }

  mutating func noteExhausted(_ log: Cuttable) {
    exhausted[log.record.id] = Exhausted(size: log.size, isFinal: log.isFinal)
  }

  /// It is gone, or known under another source.
  mutating func forget(_ source: SourceID) {
    waiting[source] = nil
    drained.remove(source)
    headerEnds[source] = nil
    counted[source] = nil
    exhausted[source] = nil
    resting[source] = nil
    openQuotes[source] = nil
  }

  // MARK: - What follows

  /// Nothing of it waits, and where its records begin is known, or will be told by its first write.
  func isDrained(_ log: LogFile) -> Bool {
    waiting[log.record.id] == nil && (headerEnds[log.record.id] != nil || log.info.size == 0)
  }

  func openQuote(of source: SourceID) -> UInt64? { openQuotes[source] }

  func headerEnd(of source: SourceID) -> UInt64? { headerEnds[source] }

  func count(of source: SourceID) -> Counted? { counted[source] }

  /// The size that it had when all of it was taken.
  func exhaustedSize(of source: SourceID) -> UInt64? { exhausted[source]?.size }

  func isExhausted(_ log: Cuttable) -> Bool {
    exhausted[log.record.id] == Exhausted(size: log.size, isFinal: log.isFinal)
  }

  private func mayBeFinal(_ log: LogFile) -> Bool { log.role != .live || rotation == .closed }

  /// Nobody can add to it any more: the kernel says so, or, where we may not ask, size and ctime have been at rest.
  func isFinal(_ log: LogFile, at now: Moment) -> Bool {
    guard mayBeFinal(log) else { return false }
    switch log.writers {
    case .none: return true
    case .some: return false
    case .unknown:
      guard let rest = resting[log.record.id], rest.size == log.info.size, rest.changed == log.info.changed else {
        return false
      }
      return now.uptime - rest.since >= Limits.restBeforeFinal
    }
  }

  /// Whether its records may be taken now. Without a rotation of ours they are taken from the live log.
  func isOurs(_ log: LogFile, at now: Moment) -> Bool {
    switch rotation {
    case .rename: log.role == .aside
    case .closed: isFinal(log, at: now)
    case .copytruncate, .follow: true
    }
  }

  func cuttable(_ log: LogFile, at now: Moment) -> Cuttable {
    Cuttable(
      record: log.record, path: log.path, size: log.info.size, isFinal: isFinal(log, at: now), form: log.form,
      inode: log.info.inode)
  }

  /// All of it is taken, and nothing can come any more.
  func isRead(_ log: LogFile, at now: Moment) -> Bool {
    guard isFinal(log, at: now) else { return false }
    return log.info.size <= max(log.record.cursor, headerEnds[log.record.id] ?? 0) || isExhaustedForGood(log)
  }

  /// The same of one that is let go: nothing lies behind the cursor but a header, or blank lines.
  func isSpent(_ log: LogFile, at now: Moment) -> Bool {
    guard isFinal(log, at: now) else { return false }
    return log.info.size <= log.record.cursor || isExhaustedForGood(log)
      || headerEnds[log.record.id] == log.info.size
  }

  /// All of it is taken; more may come.
  func isTaken(_ log: LogFile) -> Bool {
    log.info.size <= max(log.record.cursor, headerEnds[log.record.id] ?? 0)
      || exhausted[log.record.id]?.size == log.info.size
  }

  private func isExhaustedForGood(_ log: LogFile) -> Bool {
    exhausted[log.record.id] == Exhausted(size: log.info.size, isFinal: true)
  }
}
