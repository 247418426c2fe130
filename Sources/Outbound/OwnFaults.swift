import Core
import Files
import Glibc
import Journal
import Lanes
import Spool
import SystemPackage

/// What can fail by itself while the stream goes on.
enum StreamItem: Hashable, Sendable {
  /// Of logs.
  case folder(FilePath)
  case log(FilePath)
  case batch(BatchID)
}

extension StreamWorker {
  /// One item's step. Its own fault makes it wait, and nothing else.
  /// - Returns: nil: it waits.
  /// - Throws: faults of the ledger, and what says nothing of the item.
  func each<Result>(
    _ item: StreamItem, at now: Moment, _ body: () throws -> Result
  ) throws -> Result? {
    if lane.waits.isPostponed(item, at: now.uptime) { return nil }
    do {
      return try body()
    } catch let fault as FileFault {
      try bear(fault, of: item, at: now)
      return nil
    }
  }

  /// - Throws: what says nothing of the item; and what a disk may give the next time, so that the records of several logs stay in order.
  func bear(_ fault: FileFault, of item: StreamItem, at now: Moment) throws(FileFault) {
    if fault.kind == .exhausted { throw fault }
    if fault.kind == .io, !lane.waits.isPersistent(item) {
      _ = lane.waits.postpone(item, fault, at: now)
      throw fault
    }
    postpone(item, fault, at: now)
  }

  /// Whether an older log of the same name waits: what was written later is sent later.
  func isBehind(_ log: LogFile) -> Bool {
    lane.waits.waits.keys.contains { item in
      guard case .log(let path) = item else { return false }
      return LogListing.isOlder(path, than: log) || isCarried(path, from: log)
    }
  }

  /// Whether what lies at the path was carried over from the same file when it was emptied.
  private func isCarried(_ path: FilePath, from log: LogFile) -> Bool {
    guard path.parent == lane.sources.pins else { return false }
    return lane.logs.contains { other in
      other.path == path && other.record.id != log.record.id && other.record.seenAt < log.record.seenAt
        && FileKey(other.record.identity) == FileKey(log.record.identity)
    }
  }

  func postpone(_ item: StreamItem, _ fault: FileFault, at now: Moment) {
    guard lane.waits.postpone(item, fault, at: now) else { return }
    let path: FilePath
    switch item {
    case .folder(let folder): path = folder
    case .log(let log): path = log
    case .batch(let id):
      path = lane.spool.path(.ready, id)
      // Told when it is set aside; but what keeps it waiting may be something else, as a log of its records.
      if fault.isBelow(path) { return }
    }
    events.record(
      .logWaiting, "\(Self.name(of: item)) of stream \(lane.name) waits: \(fault)",
      [.stream: lane.name.text, .path: path.shown, .reason: fault.description])
  }

  static func name(of item: StreamItem) -> String {
    switch item {
    case .folder(let path): "The folder \(path.shown)"
    case .log(let path): path.name?.masked ?? path.shown
    case .batch(let id): "Batch \(id)"
    }
  }

  /// What `status` is told of the stream. What cannot be told is no reason to do anything less.
  func writeReport() {
    var reasons: [LaneReport.Reason] = []
    if let pause = lane.pause { reasons.append(LaneReport.Reason(pause.said, since: pause.since)) }
    if let since = shared.spool.since {
      reasons.append(
        LaneReport.Reason("the spool is full (limits.spool_max_bytes): logs stay where they are", since: since))
    }
    if let fault = lane.reopenFault { reasons.append(LaneReport.Reason(fault.why, since: fault.since)) }
    let items = lane.waits.waits.map {
      LaneReport.Item(Self.name(of: $0.key), reason: $0.value.reason, since: $0.value.since)
    }
    let report = LaneReport(items: items, reasons: reasons, pid: getpid())
    guard report != lane.report else { return }
    let path = state.report(of: lane.name)
    if lane.report != nil || !report.isEmpty || (try? files.info(path)) != nil {
      guard (try? report.write(to: path, files)) != nil else { return }
    }
    lane.report = report
  }
}

extension Suspects {
  /// - Throws: where the agent crashed on the file: it is not even looked at.
  func pass(_ candidate: LogCandidate) throws(FileFault) {
    let item = Work.Item.file(inode: candidate.info.inode, size: candidate.info.size)
    if isAside(item) { throw crash(on: item, at: candidate.path) }
  }

  func crash(on item: Work.Item, at path: FilePath) -> FileFault {
    FileFault(
      .damaged, "Cannot read", at: path, why: "the agent crashed \(Self.enoughCrashes) times on it",
      remedy: "Report it. To try it again: navette retry \(item.text)")
  }
}
