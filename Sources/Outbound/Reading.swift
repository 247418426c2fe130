import Core
import Files
import Journal
import Ledger
import SystemPackage

/// From logs to sealed batches: look, plan, set aside, cut.
extension StreamWorker {
  /// - Returns: when the oldest unread record will be due by age.
  mutating func readLogs(at now: Moment) throws -> Timestamp? {
    do {
      return try readInTurns(at: now) { engine in try engine.readOn(at: now) }
    } catch is SourceMoved {
      // Nothing was sealed from what moved, and what was due is due still.
      return now.wall + Limits.movedPause
    }
  }

  private mutating func readOn(at now: Moment) throws -> Timestamp? {
    try look(at: now)
    try requireDecisions()
    var order = plan(try view(at: now), lane.settings, zone: lane.zone, at: now.wall)
    guard order.seal != .nothing else {
      try truncateLogs(sealed: 0, at: now)
      return order.due
    }
    // What is due stays due until it is sealed, whatever keeps it waiting.
    lane.isCatchingUp = order.seal == .everything
    guard try hasRoom(at: now) else { return nil }
    if !order.rotate.isEmpty {
      try rotate(Set(order.rotate), at: now)
      try look(at: now)
    }
    var sealed = 0
    while try seal(everything: order.seal == .everything, at: now) {
      guard try hasRoom(at: now) else { return nil }
      sealed += 1
      // What is sealed leaves while the rest is cut.
      guard sealed < Limits.batchesPerPass else { return now.wall }
    }
    lane.isCatchingUp = false
    try truncateLogs(sealed: 1, at: now)
    order = plan(try view(at: now), lane.settings, zone: lane.zone, at: now.wall)
    return order.due
  }

  // MARK: - View

  private func view(at now: Moment) throws -> StreamView {
    var views: [LogView] = []
    for log in lane.logs where isTurn(of: log) && !isBehind(log) {
      let found = try each(.log(log.path), at: now) {
        (unread: try unread(log, at: now), rows: try countRows(log, at: now))
      }
      guard let (unread, rows) = found else { continue }
      let id = log.record.id
      if unread == 0 {
        lane.waiting[id] = nil
        lane.drained.insert(id)
      } else if lane.waiting[id] == nil {
        lane.waiting[id] = lane.drained.remove(id) != nil ? now.wall : log.record.cursorAt ?? log.record.seenAt
      }
      views.append(
        LogView(
          source: id, role: log.role == .live ? .live : .aside, unread: unread, rows: rows,
          since: lane.waiting[id] ?? now.wall))
    }
    return StreamView(logs: views, flush: lane.flush || lane.isCatchingUp)
  }

  /// Bytes that may hold records not yet in a batch.
  private func unread(_ log: LogFile, at now: Moment) throws -> UInt64 {
    // What is not closed yet is none of our business.
    guard lane.settings.rotation != .closed || isFinal(log, at: now) else { return 0 }
    let id = log.record.id
    let shape = StreamState.Exhausted(size: log.info.size, isFinal: isFinal(log, at: now))
    if lane.exhausted[id] == shape || log.info.size <= log.record.cursor { return 0 }
    if lane.headerEnds[id] == nil {
      lane.headerEnds[id] = try lane.contents.header(of: cuttable(log, at: now))?.end
    }
    guard let headerEnd = lane.headerEnds[id] else { return 0 }
    let start = max(headerEnd, log.record.cursor)
    return log.info.size > start ? log.info.size -| start : 0
  }

  /// Only where a `max_rows` asks for it; each byte is counted once.
  private func countRows(_ log: LogFile, at now: Moment) throws -> Int {
    guard lane.settings.batch.maxRows > 0, let headerEnd = lane.headerEnds[log.record.id] else { return 0 }
    let start = max(headerEnd, log.record.cursor)
    var counted = lane.counted[log.record.id] ?? StreamState.Counted(upTo: start, rows: 0)
    if counted.upTo < start { counted = StreamState.Counted(upTo: start, rows: 0) }
    // As many as make a batch are enough to know.
    let most = lane.settings.batch.maxRows -| counted.rows
    let (rows, end) = try turn.working {
      try lane.contents.count(cuttable(log, at: now), from: counted.upTo, most: most)
    }
    counted = StreamState.Counted(upTo: end, rows: counted.rows +| rows)
    lane.counted[log.record.id] = counted
    return counted.rows
  }

  func cuttable(_ log: LogFile, at now: Moment) -> Cuttable {
    Cuttable(
      record: log.record, path: log.path, size: log.info.size, isFinal: isFinal(log, at: now), form: log.form,
      inode: log.info.inode)
  }

  /// Whether its records may be taken now. Without a rotation of ours they are taken from the live log.
  func isOurs(_ log: LogFile, at now: Moment) -> Bool {
    switch lane.settings.rotation {
    case .rename: log.role == .aside
    case .closed: isFinal(log, at: now)
    case .copytruncate, .follow: true
    }
  }

  /// Nobody can add to it any more: the kernel says so, or, where we may not ask, size and ctime have been at rest.
  func isFinal(_ log: LogFile, at now: Moment) -> Bool {
    guard log.role != .live || lane.settings.rotation == .closed else { return false }
    switch log.writers {
    case .none: return true
    case .some: return false
    case .unknown:
      if let rest = lane.resting[log.record.id], rest.size == log.info.size, rest.changed == log.info.changed {
        return now.uptime - rest.since >= Limits.restBeforeFinal
      }
      lane.resting[log.record.id] = StreamState.Rest(since: now.uptime, size: log.info.size, changed: log.info.changed)
      return false
    }
  }

  // MARK: - Set aside

  private func rotate(_ sources: Set<SourceID>, at now: Moment) throws {
    var directories: Set<FilePath> = []
    var rotated: [(LogFile, FilePath)] = []
    for log in lane.logs where sources.contains(log.record.id) && log.role == .live {
      let aside = try each(.log(log.path), at: now) {
        let aside = try lane.sources.listing.asidePath(for: log.path, at: now.wall)
        try files.move(log.path, to: aside)
        return aside
      }
      guard let aside else { continue }
      directories.insert(log.path.parent)
      rotated.append((log, aside))
    }
    // The cursor that is about to move belongs to the file under its new name.
    try files.sync(Array(directories))
    for (log, aside) in rotated {
      events.record(
        .segmentRotated, "Set aside a log of stream \(lane.name)",
        [.stream: lane.name.text, .path: aside.string, .bytes: "\(log.info.size)"])
    }
    guard !rotated.isEmpty, !lane.settings.reopen.isEmpty else { return }
    guard let complaint = reopen(lane.settings.reopen) else { return lane.reopenFault = nil }
    let why =
      "The reopen command of stream \(lane.name) failed: \(complaint). The writer may go on in the log that was set aside; it is read until the writer lets go"
    lane.reopenFault = (why, lane.reopenFault?.since ?? now.wall)
    events.record(.lanePaused, why, [.stream: lane.name.text, .reason: "reopen"])
  }

  // MARK: - Room

  /// Whether the spool may grow. What it may not take stays in the logs.
  private mutating func hasRoom(at now: Moment) throws -> Bool {
    let spooled = try ledger.read { (t) throws(LedgerFault) in try t.spoolBytes() }
    if let full = shared.spool.look(spooled, at: now.wall) {
      events.record(
        full ? .spoolFull : .laneResumed,
        full
          ? "The spool holds \(spooled) of \(counted(limits.spoolMaxBytes, "byte")): logs stay where they are until batches are confirmed"
          : "The spool has room again", [.bytes: "\(spooled)", .stream: lane.name.text])
    }
    let free = try files.freeBytes(at: state.root)
    if free < limits.minFree {
      throw FileFault(
        .full, "Too little space on the file system of", at: state.root,
        why: "\(counted(free, "byte")) free, limits.min_free is \(limits.minFree)",
        remedy: "Free space; logs stay where they are until then")
    }
    lane.hadNoRoom = spoolIsFull
    return !lane.hadNoRoom
  }
}
