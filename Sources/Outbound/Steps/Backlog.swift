import Config
import Core
import Files
import Lanes
import Ledger
import SystemPackage

/// What of the logs is not in a batch yet: from what lies on the disk to what the planner has to know.
struct Backlog {
  private var renaming = RenameCheck()

  /// - Parameter flush: everything is wanted now.
  mutating func run(_ logs: inout StreamLogs, flush: Bool, in pass: inout StreamPass) throws -> StreamPlan {
    var views: [LogView] = []
    for log in logs.found where logs.isNext(log, pass.waits) {
      let found = try pass.each(.log(log.path)) { pass in
        (unread: try unread(log, &logs.progress, in: pass), rows: try countRows(log, &logs.progress, in: pass))
      }
      guard let (unread, rows) = found.value else { continue }
      let since = logs.progress.noteUnread(unread, of: log.record, at: pass.now.wall)
      views.append(
        LogView(
          source: log.record.id, role: log.role == .live ? .live : .aside, unread: unread, rows: rows, since: since))
    }
    let view = StreamView(logs: views, flush: flush, isAway: try isAway(in: pass))
    return plan(view, pass.settings, zone: pass.context.zone, at: pass.now.wall)
  }

  /// While every store of the stream is left alone, age makes no batches: each would be a small one, and none would arrive sooner. Where none of
  /// the stream's own waits, one is made, or nobody would notice that the store is back.
  private func isAway(in pass: StreamPass) throws(LedgerFault) -> Bool {
    for store in pass.settings.stores {
      guard pass.shared.stores.wait(of: store) != nil,
        try pass.ledger.read({ (t) throws(LedgerFault) in try t.deliveries.hasWaiting(of: pass.name, for: store) })
      else { return false }
    }
    return true
  }

  /// Bytes that may hold records not yet in a batch.
  private mutating func unread(_ log: LogFile, _ progress: inout LogProgress, in pass: StreamPass) throws -> UInt64 {
    let cuttable = progress.cuttable(log, at: pass.now)
    // What is not closed yet is none of our business.
    guard pass.settings.rotation != .closed || cuttable.isFinal else { return 0 }
    if progress.isExhausted(cuttable) || log.info.size <= log.record.cursor { return 0 }
    let id = log.record.id
    if progress.headerEnd(of: id) == nil {
      let header = try pass.contents.header(of: cuttable)
      progress.noteHeader(of: id, end: header?.end)
      if header != nil { try renaming.run(cuttable, in: pass) }
    }
    guard let headerEnd = progress.headerEnd(of: id) else { return 0 }
    let start = max(headerEnd, log.record.cursor)
    return log.info.size > start ? log.info.size -| start : 0
  }

  /// Only where a `max_rows` asks for it; each byte is counted once.
  private func countRows(_ log: LogFile, _ progress: inout LogProgress, in pass: StreamPass) throws -> Int {
    let id = log.record.id
    guard pass.settings.batch.maxRows > 0, let headerEnd = progress.headerEnd(of: id) else { return 0 }
    let start = max(headerEnd, log.record.cursor)
    var counted = progress.count(of: id) ?? LogProgress.Counted(upTo: start, rows: 0)
    if counted.upTo < start { counted = LogProgress.Counted(upTo: start, rows: 0) }
    // As many as make a batch are enough to know.
    let most = pass.settings.batch.maxRows -| counted.rows
    let cuttable = progress.cuttable(log, at: pass.now)
    let (rows, end) = try pass.context.turn.working {
      try pass.contents.count(cuttable, from: counted.upTo, most: most)
    }
    counted = LogProgress.Counted(upTo: end, rows: counted.rows +| rows)
    progress.noteCount(counted, of: id)
    return counted.rows
  }
}
