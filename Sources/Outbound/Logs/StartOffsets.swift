import Core
import Files
import Ledger
import Spool
import SystemPackage

/// `start.json`: what of the logs that lay there when a stream was first looked at is never sent. It outlives the ledger.
struct StartOffsets: Hashable, Sendable, Codable, CheckedPlan {
  static let fileName: FileName = "start.json"

  struct Skipped: Hashable, Sendable, Codable {
    let source: SourceID
    let path: String
    let identity: SourceIdentity
    /// The records before it are left out.
    let to: UInt64
    let tail: Digest?
  }

  var schema = 1
  let at: Timestamp
  let skipped: [Skipped]

  var complaint: String? {
    let isGood = skipped.allSatisfy { skipped in
      skipped.to <= UInt64(Int64.max) && (0...Limits.headBytes).contains(skipped.identity.headBytes)
    }
    return isGood ? nil : "a log in it cannot be that long"
  }
}

/// `start: end` leaves out what lies in the logs when the stream is looked at for the very first time. A log that comes later is
/// read from its first byte, or what is written between its birth and our first look at it would be lost.
extension StreamWorker {
  private var path: FilePath { lane.spool.root.appending(StartOffsets.fileName) }

  /// Tells the ledger what was settled in an earlier life, where it does not know.
  func recallBeginning() throws {
    guard !lane.hasBegun, try files.info(path) != nil else { return }
    let beginning = try files.readPlan(StartOffsets.self, at: path)
    try files.sync([path, lane.spool.root])
    try note(beginning)
    lane.hasBegun = true
  }

  /// Sources that the ledger is told of at each start.
  func skippedSources() throws(FileFault) -> Set<SourceID> {
    guard try files.info(path) != nil else { return [] }
    return Set(try files.readPlan(StartOffsets.self, at: path).skipped.map(\.source))
  }

  private func note(_ beginning: StartOffsets) throws(LedgerFault) {
    let unknown = try ledger.read { (t) throws(LedgerFault) in
      var unknown: [StartOffsets.Skipped] = []
      for skipped in beginning.skipped where try !t.knows(skipped.source) { unknown.append(skipped) }
      return unknown
    }
    guard !unknown.isEmpty else { return }
    try ledger.transact("begin") { (t) throws(LedgerFault) in
      for skipped in unknown {
        try t.note(
          SourceRecord(
            id: skipped.source, stream: lane.name, path: skipped.path, identity: skipped.identity, seenAt: beginning.at,
            cursor: skipped.to, cursorAt: beginning.at, tail: skipped.tail))
      }
    }
  }

  /// At the first look of all, before the ledger hears of what was found: what lies there now is behind the cursors.
  /// - Parameter isNew: the ledger knew no source of the stream before it.
  func begin(_ found: inout FoundLogs, isNew: Bool, at now: Moment) throws {
    guard !lane.hasBegun else { return }
    guard lane.settings.start == .end || lane.settings.rotation == .follow, isNew, lane.sequence == 0 else {
      lane.hasBegun = true
      return
    }
    var skipped = found.history.map {
      StartOffsets.Skipped(source: $0.id, path: $0.path, identity: $0.identity, to: $0.size, tail: nil)
    }
    for var record in found.history {
      (record.cursor, record.cursorAt) = (record.size, now.wall)
      found.changed.append(record)
    }
    for index in found.logs.indices where lane.settings.start == .end {
      let log = found.logs[index]
      guard let end = try endOfRecords(log, at: now) else { continue }
      let tail = try Fingerprint.tail(of: try cuttable(log, at: now).open(files), before: end)
      skipped.append(
        StartOffsets.Skipped(
          source: log.record.id, path: log.path.string, identity: log.record.identity, to: end, tail: tail))
      found.logs[index].record.cursor = end
      found.logs[index].record.cursorAt = now.wall
      found.logs[index].record.tail = tail
      found.changed.append(found.logs[index].record)
    }
    try files.writePlan(StartOffsets(at: now.wall, skipped: skipped), to: path)
    try files.sync([path, lane.spool.root])
    lane.hasBegun = true
  }

  /// Nil where no record lies there yet.
  private func endOfRecords(_ log: LogFile, at now: Moment) throws -> UInt64? {
    let cuttable = cuttable(log, at: now)
    guard let header = try lane.contents.header(of: cuttable) else { return nil }
    let end = try lane.contents.count(cuttable, from: header.end).end
    return end > header.end ? end : nil
  }
}
