import Config
import Core
import Files
import Journal
import Lanes
import Ledger
import SystemPackage

/// From files to sources: what lies there, what has come, what has gone.
struct Discovery {
  private var sources: LogSources
  private var pinning = Pinning()
  private var first = FirstLook()
  private var ownership = Ownership()
  private var gapReporting = GapReporting()

  init(_ context: StreamContext) {
    sources = LogSources(
      context.settings, pins: context.pins.path, files: context.files, hands: context.hands,
      suspects: context.suspects)
  }

  /// Folders in which logs may come.
  var folders: Set<FilePath> { sources.folders }

  /// Nothing is known of any log.
  var isEmpty: Bool { sources.isEmpty && pinning.isEmpty }

  /// - Parameter isNew: no batch of the stream was ever sealed.
  mutating func run(_ logs: inout StreamLogs, isNew: Bool, in pass: inout StreamPass) throws {
    for source in logs.takeLeft() { forget(source) }
    try first.recall(in: pass)
    beginTurn(&logs.turns, in: pass)
    // What is saved from a look is found by the next.
    for _ in 0..<Limits.looksAfterRescue where try !look(&logs, isNew: isNew, in: &pass) { return }
  }

  /// Before a look: logs that were in hand when the agent died are left out.
  func beginTurn(_ turns: inout LogTurns, in pass: StreamPass) {
    // Where the end of the first logs is where reading begins, all of them must be seen.
    if first.hasBegun || pass.settings.start != .end { turns.begin(in: pass) }
  }

  /// - Returns: whether to look again.
  private mutating func look(_ logs: inout StreamLogs, isNew: Bool, in pass: inout StreamPass)
    throws -> Bool
  {
    let known = try pass.ledger.read { (t) throws(LedgerFault) in try t.sources.list(of: pass.name)
    }
    let sizes = Dictionary(
      known.compactMap { record in sources.lastSize(of: record.id).map { (record.id, $0) } },
      uniquingKeysWith: { a, _ in a })
    var found = try sources.scan(
      known: known, at: pass.now, memory: memory(pass), turn: logs.turns.turn)
    for source in try ownership.run(&found, known, in: &pass) { forget(source) }
    logs.progress.noteRest(of: found.logs, at: pass.now)
    if found.faults.isEmpty, found.blocked.isEmpty || pass.settings.start != .end {
      try first.run(&found, logs.progress, isNew: known.isEmpty && isNew, in: pass)
    }
    let missed = (found.vanished + found.unreached.map(\.record)).filter {
      found.copies[$0.id] == nil
    }
    let rescue = try pinning.rescue(missed, logs.progress, in: pass)
    found.settle(rescue)
    try rememberHeaders(&found, logs.progress, in: pass)
    try syncEmptied(found, known, in: pass)
    let gaps = try gapReporting.run(
      GapReporting.Found(
        known: known, logs: found, listing: sources.listing, sizes: sizes, complete: rescue.complete
      ), logs.progress,
      in: pass)
    try note(&found, known, gaps, in: &pass)
    gapReporting.tell(gaps, in: pass)
    for record in found.vanished {
      logs.progress.forget(record.id)
      forget(record.id)
    }
    logs.found = found.logs.sorted {
      // Of what was seen at one instant, the live log is the newest.
      ($0.record.seenAt, $0.role == .live ? 1 : 0, $0.path.string)
        < ($1.record.seenAt, $1.role == .live ? 1 : 0, $1.path.string)
    }
    postponeCrashed(&logs, in: &pass)
    try pinning.run(&logs, spare: found.spare, in: &pass)
    logs.turns.leaveOut(found.later.map(\.path), of: &logs.found, in: pass)
    try bear(found, in: &pass)
    return !rescue.saved.isEmpty
  }

  private mutating func forget(_ source: SourceID) {
    sources.forget(source)
    pinning.forget(source)
  }

  private func memory(_ pass: StreamPass) -> SourceMemory {
    let (ledger, name) = (pass.ledger, pass.name)
    return SourceMemory(
      byInode: { inode in try ledger.read { (t) throws(LedgerFault) in try t.sources.list(of: name, inode: inode) } },
      all: {
        try ledger.read { (t) throws(LedgerFault) in try t.sources.list(of: name, headAtMost: Limits.headBytes) }
      },
      knows: { source in try ledger.read { (t) throws(LedgerFault) in try t.sources.knows(source) } })
  }

  private mutating func note(
    _ found: inout FoundLogs, _ known: [SourceRecord], _ gaps: [GapRecord],
    in pass: inout StreamPass
  ) throws {
    guard !found.changed.isEmpty || !found.vanished.isEmpty || !gaps.isEmpty else { return }
    let (changed, vanished, now, name) = (found.changed, found.vanished, pass.now.wall, pass.name)
    let copied = Array(found.copies.keys)
    let (ids, others) = (Set(known.map(\.id)), pass.context.others)
    let lost = try pass.ledger.transact("note sources") { (t) throws(LedgerFault) in
      var lost: [(record: SourceRecord, owner: StreamName)] = []
      for record in changed {
        if ids.contains(record.id) {
          try t.sources.note(record)
        } else if let owner = try t.sources.noteNew(record, among: others) {
          lost.append((record, owner))
        }
      }
      for record in vanished { try t.sources.noteGone(record.id, at: now) }
      for gap in gaps { try t.gaps.note(gap) }
      // What could not be read then is read now.
      for source in copied { try t.gaps.close(source, of: name, reason: GapReason.packed.rawValue) }
      return lost
    }
    ownership.lost(lost, in: &pass)
    found.leave(Set(lost.map(\.record.id)))
    for (record, _) in lost { forget(record.id) }
  }

  /// What could not be looked at waits by itself; where that is all of it, the stream does.
  private func bear(_ found: FoundLogs, in pass: inout StreamPass) throws(FileFault) {
    let logFolders = sources.listing.folders
    if let fault = found.faults.first?.fault,
      Set(found.faults.map(\.folder)).isSuperset(of: logFolders)
    {
      throw fault
    }
    for (folder, fault) in found.faults { try pass.bear(fault, of: .folder(folder)) }
    for blocked in found.blocked { try pass.bear(blocked.fault, of: .log(blocked.path)) }
    for unusable in found.unusable { pass.postpone(.log(unusable.path), unusable.fault) }
    if !first.hasBegun, let fault = found.faults.first?.fault ?? found.blocked.first?.fault { throw fault }
  }

  /// What the agent crashed on twice stays where it is, and is passed over.
  private func postponeCrashed(_ logs: inout StreamLogs, in pass: inout StreamPass) {
    let works = pass.suspects.crashed(in: .stream(pass.name))
    guard !works.isEmpty else { return }
    logs.found.removeAll { log in
      let item = Work.Item.source(log.record.id)
      guard works.contains(where: { $0.item == item }) else { return false }
      let fault = pass.suspects.crash(on: item, at: log.path)
      pass.postpone(.log(log.path), fault)
      return true
    }
  }

  /// A log that was emptied in place could grow back when power fails, and be read once more as the log that followed it. Whoever
  /// emptied it: the agent may have been disturbed between the cut and its own sync.
  private func syncEmptied(
    _ found: FoundLogs, _ known: [SourceRecord], in pass: StreamPass
  ) throws(FileFault) {
    let ids = Set(known.map(\.id))
    let files = Set(known.map { FileKey($0.identity) })
    let emptied = found.logs.filter { log in
      log.role == .live && !ids.contains(log.record.id)
        && files.contains(FileKey(log.record.identity))
    }
    if !emptied.isEmpty { try pass.files.sync(emptied.map(\.path)) }
  }

  /// What a writer will not say again when its log is emptied; and no record, should the log be gone when a later life looks.
  private func rememberHeaders(
    _ found: inout FoundLogs, _ progress: LogProgress, in pass: StreamPass
  ) throws {
    guard pass.settings.header == .firstLine else { return }
    for index in found.logs.indices where found.logs[index].record.header == nil {
      let header: LogContents.Header?
      do {
        // A log that is new has no number yet that the next life would know it by.
        header = try pass.hands.holding(Work(.stream(pass.name), .look, found.logs[index].info)) {
          try pass.contents.ownHeader(of: progress.cuttable(found.logs[index], at: pass.now))
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
