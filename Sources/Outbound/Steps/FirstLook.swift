import Config
import Core
import Files
import Ledger
import SystemPackage

/// `start: end` leaves out what lies in the logs when the stream is looked at for the very first time. A log that comes later is
/// read from its first byte, or what is written between its birth and our first look at it would be lost.
struct FirstLook {
  /// Whether it is settled what of the logs that lay there at first is read.
  private(set) var hasBegun = false

  private static func path(_ pass: StreamPass) -> FilePath { pass.context.root.appending(StartOffsets.fileName) }

  /// Tells the ledger what was settled in an earlier life, where it does not know.
  mutating func recall(in pass: StreamPass) throws {
    let path = Self.path(pass)
    guard !hasBegun, try pass.files.info(path) != nil else { return }
    let offsets = try pass.files.readPlan(StartOffsets.self, at: path)
    try pass.files.sync([path, pass.context.root])
    try note(offsets, in: pass)
    hasBegun = true
  }

  /// Sources that the ledger is told of at each start.
  static func skippedSources(in pass: StreamPass) throws(FileFault) -> Set<SourceID> {
    let path = path(pass)
    guard try pass.files.info(path) != nil else { return [] }
    return Set(try pass.files.readPlan(StartOffsets.self, at: path).skipped.map(\.source))
  }

  private func note(_ offsets: StartOffsets, in pass: StreamPass) throws(LedgerFault) {
    let unknown = try pass.ledger.read { (t) throws(LedgerFault) in
      var unknown: [StartOffsets.Skipped] = []
      for skipped in offsets.skipped where try !t.sources.knows(skipped.source) { unknown.append(skipped) }
      return unknown
    }
    guard !unknown.isEmpty else { return }
    let others = pass.context.others
    try pass.ledger.transact("begin") { (t) throws(LedgerFault) in
      for skipped in unknown {
        _ = try t.sources.noteNew(
          SourceRecord(
            id: skipped.source, stream: pass.name, path: skipped.path, identity: skipped.identity, seenAt: offsets.at,
            cursor: skipped.to, cursorAt: offsets.at, tail: skipped.tail), among: others)
      }
    }
  }

  /// At the first look of all, before the ledger hears of what was found: what lies there now is behind the cursors.
  /// - Parameter isNew: there was no source and no batch of the stream before it.
  mutating func run(
    _ found: inout FoundLogs, _ progress: LogProgress, isNew: Bool, in pass: StreamPass
  ) throws {
    guard !hasBegun else { return }
    guard pass.settings.start == .end || pass.settings.rotation == .follow, isNew else {
      hasBegun = true
      return
    }
    var skipped = found.history.map {
      StartOffsets.Skipped(source: $0.id, path: $0.path, identity: $0.identity, to: $0.size, tail: nil)
    }
    for var record in found.history {
      (record.cursor, record.cursorAt) = (record.size, pass.now.wall)
      found.changed.append(record)
    }
    for index in found.logs.indices where pass.settings.start == .end {
      let log = found.logs[index]
      guard let end = try endOfRecords(progress.cuttable(log, at: pass.now), in: pass) else { continue }
      let tail = try Fingerprint.tail(of: try progress.cuttable(log, at: pass.now).open(pass.files), before: end)
      skipped.append(
        StartOffsets.Skipped(
          source: log.record.id, path: log.path.string, identity: log.record.identity, to: end, tail: tail))
      found.logs[index].record.cursor = end
      found.logs[index].record.cursorAt = pass.now.wall
      found.logs[index].record.tail = tail
      found.changed.append(found.logs[index].record)
    }
    let path = Self.path(pass)
    try pass.files.writePlan(StartOffsets(at: pass.now.wall, skipped: skipped), to: path)
    try pass.files.sync([path, pass.context.root])
    hasBegun = true
  }

  /// Nil where no record lies there yet.
  private func endOfRecords(_ cuttable: Cuttable, in pass: StreamPass) throws -> UInt64? {
    guard let header = try pass.contents.header(of: cuttable) else { return nil }
    let end = try pass.contents.count(cuttable, from: header.end).end
    return end > header.end ? end : nil
  }
}
