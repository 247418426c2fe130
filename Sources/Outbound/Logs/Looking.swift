import Config
import Core
import Files
import Journal
import Ledger
import SystemPackage

/// From files to sources: what lies there, what has come, what has gone.
extension StreamWorker {
  func look(at now: Moment) throws {
    try recallBeginning()
    beginTurn()
    // What is saved from a look is found by the next.
    for _ in 0..<3 where try !lookOnce(at: now) { return }
  }

  /// - Returns: whether to look again.
  private func lookOnce(at now: Moment) throws -> Bool {
    let (ledger, name) = (ledger, lane.name)
    let known = try ledger.read { (t) throws(LedgerFault) in try t.sources(of: name) }
    let sizes = Dictionary(known.map { ($0.id, lane.sources.lastSize(of: $0.id)) }, uniquingKeysWith: { a, _ in a })
    let memory = SourceMemory(
      byInode: { inode in try ledger.read { (t) throws(LedgerFault) in try t.sources(of: name, inode: inode) } },
      all: {
        try ledger.read { (t) throws(LedgerFault) in try t.sources(of: name, headAtMost: Limits.headBytes) }
      },
      knows: { source in try ledger.read { (t) throws(LedgerFault) in try t.knows(source) } })
    var found = try lane.sources.scan(known: known, at: now, memory: memory, turn: lane.turns.turn)
    if found.faults.isEmpty, found.blocked.isEmpty || lane.settings.start != .end {
      try begin(&found, isNew: known.isEmpty, at: now)
    }
    let isSaved = try rescue(found.vanished.filter { found.copies[$0.id] == nil })
    if !isSaved.isEmpty { found.vanished.removeAll { isSaved.contains($0.id) } }
    try rememberHeaders(&found, at: now)
    let (changed, vanished) = (found.changed, found.vanished)
    try syncEmptied(found, known)
    if !changed.isEmpty || !vanished.isEmpty {
      try ledger.transact("note sources") { (t) throws(LedgerFault) in
        for record in changed { try t.note(record) }
        for record in vanished { try t.noteGone(record.id, at: now.wall) }
      }
    }
    for record in vanished {
      report(record, size: sizes[record.id] ?? nil, copy: found.copies[record.id])
      lane.forget(record.id)
    }
    lane.logs = found.logs.sorted {
      // Of what was seen at one instant, the live log is the newest.
      ($0.record.seenAt, $0.role == .live ? 1 : 0, $0.path.string)
        < ($1.record.seenAt, $1.role == .live ? 1 : 0, $1.path.string)
    }
    postponeCrashed(at: now)
    try keep(spare: found.spare, at: now)
    leaveOut(found.later.map(\.path))
    // One of several waits by itself.
    if let fault = found.faults.first?.fault,
      found.faults.count == lane.sources.listing.folders.count
    {
      throw fault
    }
    for (folder, fault) in found.faults { try bear(fault, of: .folder(folder), at: now) }
    for blocked in found.blocked { try bear(blocked.fault, of: .log(blocked.path), at: now) }
    if !lane.hasBegun, let fault = found.faults.first?.fault ?? found.blocked.first?.fault { throw fault }
    return !isSaved.isEmpty
  }

  /// A log that was emptied in place could grow back when power fails, and be read once more as the log that followed it. Whoever
  /// emptied it: the agent may have been disturbed between the cut and its own sync.
  private func syncEmptied(_ found: FoundLogs, _ known: [SourceRecord]) throws(FileFault) {
    let ids = Set(known.map(\.id))
    let files = Set(known.map { FileKey($0.identity) })
    let emptied = found.logs.filter { log in
      log.role == .live && !ids.contains(log.record.id)
        && files.contains(FileKey(log.record.identity))
    }
    if !emptied.isEmpty { try self.files.sync(emptied.map(\.path)) }
  }

  /// A source is gone. What of it was never read is said.
  private func report(_ record: SourceRecord, size: UInt64?, copy: UInt64?) {
    // What an earlier life saw of it may have grown since.
    let least = size == nil ? "at least " : ""
    let size = size ?? record.size
    // How the line of a remembered header ended is not known.
    let doubt: UInt64 = lane.headerEnds[record.id] == nil ? 1 : 0
    let header = lane.headerEnds[record.id] ?? record.header.map { UInt64($0.count + 1) } ?? 0
    let read = max(record.cursor, header, copy ?? 0)
    guard size > read +| doubt, lane.exhausted[record.id]?.size != size else { return }
    events.record(
      .sourceGap,
      "A log of stream \(lane.name) vanished or was rewritten with \(least)\(counted(size - read, "byte")) unread",
      [.stream: lane.name.text, .path: record.path, .bytes: "\(size - read)", .reason: "vanished"])
  }

  /// What a writer will not say again when its log is emptied; and no record, should the log be gone when a later life looks.
  private func rememberHeaders(_ found: inout FoundLogs, at now: Moment) throws {
    guard lane.settings.header == .firstLine else { return }
    for index in found.logs.indices where found.logs[index].record.header == nil {
      let header: LogContents.Header?
      do {
        // A log that is new has no number yet that the next life would know it by.
        header = try hands.holding(Work(.stream(lane.name), .look, found.logs[index].info)) {
          try lane.contents.ownHeader(of: cuttable(found.logs[index], at: now))
        }
      } catch is SourceMoved {
        continue
      } catch is FileFault {
        // Who reads on meets it, too.
        continue
      }
      guard let header else { continue }
      found.logs[index].record.header = header.line
      found.changed.append(found.logs[index].record)
    }
  }
}
