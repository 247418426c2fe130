import Config
import Core
import Files
import Lanes
import Ledger
import Spool
import SystemPackage

/// What was cut for one batch, in `building`: its object is whole, and nothing of it is durable or recorded.
struct FreshCut {
  let id: BatchID
  let cut: Cut
  /// What it was cut from.
  let logs: [Cuttable]
}

/// From records to the object of a batch.
struct Cutting {
  private let cutter: Cutter

  init(_ context: StreamContext) { cutter = Cutter(context.contents, aside: context.aside, context.turn) }

  /// What was cut last is sealed: its ids have been seen.
  func noteSealed() { cutter.ids.seen.keep() }

  /// - Parameter everything: false: only where there may be enough for a full batch.
  /// - Returns: waits: a log that cannot be read, the others are cut without it; gone: there is nothing to cut.
  func run(
    everything: Bool, _ logs: StreamLogs, _ batches: StreamBatches, in pass: inout StreamPass
  ) throws -> ItemOutcome<FreshCut> {
    let candidates = candidates(logs, in: &pass)
    let unread = candidates.total { $0.size -| $0.record.cursor }
    guard unread > 0, everything || unread >= pass.settings.batch.maxBytes || pass.settings.batch.maxRows > 0 else {
      return .gone
    }
    let id = try batches.next(in: pass)
    return try cut(id, candidates, in: &pass).map { FreshCut(id: id, cut: $0, logs: candidates) }
  }

  private func candidates(_ logs: StreamLogs, in pass: inout StreamPass) -> [Cuttable] {
    var candidates: [Cuttable] = []
    for log in logs.found where logs.progress.isOurs(log, at: pass.now) && logs.isNext(log, pass.waits) {
      let log = logs.progress.cuttable(log, at: pass.now)
      if log.size > log.record.cursor, !pass.waits.isPostponed(.log(log.path), at: pass.now.uptime),
        !logs.progress.isExhausted(log)
      {
        candidates.append(log)
      }
    }
    return candidates
  }

  private func cut(_ id: BatchID, _ logs: [Cuttable], in pass: inout StreamPass) throws -> ItemOutcome<Cut> {
    let folder = pass.spool.path(.building, id)
    try pass.files.makeDirectory(folder, mode: .stateDirectory)
    do {
      return .done(
        try pass.context.turn.working { try cutter.cut(logs, into: folder, at: pass.now.wall) })
    } catch let fault as FileFault {
      guard let log = logs.first(where: { fault.isAbout($0.path) }) else { throw fault }
      try pass.bear(fault, of: .log(log.path))
      try pass.spool.remove(id, from: .building)
      return pass.waiting(.log(log.path))
    }
  }
}
