public import Config
public import Core
public import Files
public import Ledger
public import Spool
import SystemPackage

/// What of a stream's logs is not in a sealed batch yet, as seen from outside the agent: it writes nothing.
public struct OutboundSurvey: Hashable, Sendable {
  public private(set) var bytes: UInt64 = 0
  public private(set) var oldest: Timestamp?
  /// Why some of the logs cannot be looked at.
  public private(set) var fault: String?

  public init(_ settings: StreamSettings, state: StateFolder, files: any Files, ledger: Ledger?, at now: Timestamp)
    throws
  {
    var sources = LogSources(settings, pins: state.stream(settings.name).appending(Pin.folderName), files: files)
    let known = try ledger?.read { (t) throws(LedgerFault) in try t.sources.list(of: settings.name) } ?? []
    let found = try sources.scan(
      known: known, at: Moment(wall: now, uptime: .zero),
      memory: SourceMemory(
        byInode: { inode in
          try ledger?.read { (t) throws(LedgerFault) in try t.sources.list(of: settings.name, inode: inode) } ?? []
        },
        all: {
          try ledger?.read { (t) throws(LedgerFault) in
            try t.sources.list(of: settings.name, headAtMost: Limits.headBytes)
          }
            ?? []
        },
        knows: { source in try ledger?.read { (t) throws(LedgerFault) in try t.sources.knows(source) } ?? true }))
    fault =
      (found.faults.first?.fault ?? found.blocked.first?.fault ?? found.unusable.first?.fault)?
      .description
    // What lies there at the very first look is not sent.
    if try known.isEmpty && Self.isBeginning(settings, state, files, ledger) { return }
    let ids = Set(known.map(\.id))
    let contents = LogContents(settings: settings, files: files, isStopping: { false })
    for log in found.logs {
      let cuttable = Cuttable(
        record: log.record, path: log.path, size: log.info.size, isFinal: log.writers == .none, form: log.form,
        inode: log.info.inode)
      let header: LogContents.Header?
      do {
        header = try contents.header(of: cuttable)
      } catch let error as FileFault {
        fault = fault ?? error.description
        continue
      }
      guard let header else { continue }
      let start = max(header.end, log.record.cursor)
      guard log.info.size > start else { continue }
      bytes +|= log.info.size -| start
      let since = ids.contains(log.record.id) ? log.record.cursorAt ?? log.record.seenAt : Self.begin(of: log, now)
      oldest = min(oldest ?? since, since)
    }
  }

  /// Since when records may lie in a log that nobody has seen yet: since it was made, where the file system tells that.
  private static func begin(of log: LogFile, _ now: Timestamp) -> Timestamp {
    let written = Timestamp(nanoseconds: log.info.modified)
    return min(log.info.born.map { Timestamp(nanoseconds: $0) } ?? written, written, now)
  }

  /// Whether the first look of all is still to come, and leaves out what it finds.
  private static func isBeginning(
    _ settings: StreamSettings, _ state: StateFolder, _ files: any Files, _ ledger: Ledger?
  ) throws -> Bool {
    guard settings.start == .end,
      try files.info(state.stream(settings.name).appending(StartOffsets.fileName)) == nil
    else { return false }
    return try ledger?.read { (t) throws(LedgerFault) in try t.batches.lastSequence(of: settings.name) } ?? 0 == 0
  }
}
