public import Config
public import Core
public import Files
public import Ledger
import SystemPackage

/// What of a stream's logs is not in a sealed batch yet, as seen from outside the agent: it writes nothing.
public struct OutboundSurvey: Hashable, Sendable {
  public private(set) var bytes: UInt64 = 0
  public private(set) var oldest: Timestamp?

  public init(_ settings: StreamSettings, files: any Files, ledger: Ledger?, at now: Timestamp) throws {
    var sources = LogSources(settings, files: files)
    let known = try ledger?.read { (t) throws(LedgerFault) in try t.sources(of: settings.name) } ?? []
    let found = try sources.scan(known: known, at: now) { inode in
      try ledger?.read { (t) throws(LedgerFault) in try t.sources(of: settings.name, inode: inode) } ?? []
    }
    let cutter = Cutter(settings: settings, files: files, aside: "", isStopping: { false })
    for log in found.logs {
      let cuttable = Cuttable(record: log.record, path: log.path, size: log.info.size, isFinal: log.writers == .none)
      guard let header = try cutter.header(of: cuttable) else { continue }
      let start = max(header.end, log.record.cursor)
      guard log.info.size > start else { continue }
      bytes += log.info.size - start
      let since = log.record.cursorAt ?? log.record.seenAt
      oldest = min(oldest ?? since, since)
    }
  }
}
