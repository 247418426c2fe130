import Config
import Core
import Files
import Ledger
import SystemPackage

/// Letting go of logs that are sent.
struct Retirement {
  /// Closed files of which no batch was made, by their size then: nobody asks the ledger of them again and again.
  private var unsent: [SourceID: UInt64] = [:]

  /// Deletes or archives a log that was set aside once nobody can add to it and all of it is in delivered batches. What is to be
  /// kept stays where it is, and known: nothing of it is read again.
  /// - Parameter purged: sources with records that people have asked to be deleted: no copy of them is kept, whatever `after` says.
  mutating func run(_ logs: inout StreamLogs, purged: Set<SourceID>, in pass: inout StreamPass) throws {
    try setClosedAside(logs, in: &pass)
    var gone: [SourceID] = []
    var folders: Set<FilePath> = []
    for log in logs.found where log.role == .aside || isPacked(log, in: pass) {
      let after = purged.contains(log.record.id) ? .delete : pass.settings.after ?? .delete
      guard after != .keep, isOver(log, logs), try isDelivered(log, in: pass) else { continue }
      let isGone = try pass.each(.log(log.path)) { pass in try letGo(log, after, in: pass) }
      guard isGone.value == true else { continue }
      folders.insert(log.path.parent)
      gone.append(log.record.id)
    }
    guard !gone.isEmpty else { return }
    try pass.files.sync(Array(folders))
    let sources = gone
    try pass.ledger.transact("sources gone") { (t) throws(LedgerFault) in
      for source in sources { try t.sources.noteGone(source, at: pass.now.wall) }
    }
    for source in gone { logs.forget(source) }
    logs.found.removeAll { sources.contains($0.record.id) }

    func isOver(_ log: LogFile, _ logs: StreamLogs) -> Bool {
      log.role == .aside ? logs.progress.isSpent(log, at: pass.now) : logs.progress.isTaken(log)
    }
  }

  /// `closed`: a file that is wholly sent gets the name of a log that was set aside, and goes as one. Whoever opened it a moment before
  /// writes on in it, and that is read first; who opens it later makes a new one.
  private mutating func setClosedAside(_ logs: StreamLogs, in pass: inout StreamPass) throws {
    guard pass.settings.takesClosedAway else { return }
    var folders: Set<FilePath> = []
    for log in logs.found where log.role == .live && log.form == .plain && logs.progress.isTaken(log) {
      guard unsent[log.record.id] != log.info.size else { continue }
      guard try isSent(log, in: pass) else {
        unsent[log.record.id] = log.info.size
        continue
      }
      guard try isDelivered(log, in: pass) else { continue }
      let isAside = try pass.each(.log(log.path)) { pass in
        guard try isUntouched(log, in: pass) else { return false }
        try pass.files.move(log.path, to: LogListing.asidePath(for: log.path, at: pass.now.wall, pass.files))
        return true
      }
      if isAside.value == true { folders.insert(log.path.parent) }
    }
    let present = Set(logs.found.map(\.record.id))
    unsent = unsent.filter { present.contains($0.key) }
    guard !folders.isEmpty else { return }
    try pass.files.sync(Array(folders))
    pass.summary.next = pass.now.uptime
  }

  /// A closed file that holds its log packed is known by its name: it goes as it is. It was written once.
  private func isPacked(_ log: LogFile, in pass: StreamPass) -> Bool {
    pass.settings.takesClosedAway && log.role == .live && log.form != .plain
  }

  /// Whether a batch was made of it, and nothing of it was left out.
  private func isSent(_ log: LogFile, in pass: StreamPass) throws -> Bool {
    let source = log.record.id
    guard try pass.ledger.read({ (t) throws(LedgerFault) in try t.sources.batches(of: source) }) > 0 else {
      return false
    }
    return try !FirstLook.skippedSources(in: pass).contains(source)
  }

  private func isDelivered(_ log: LogFile, in pass: StreamPass) throws -> Bool {
    if log.role == .live, try !isSent(log, in: pass) { return false }
    return try pass.ledger.read { (t) throws(LedgerFault) in try t.sources.undelivered(of: log.record.id) } == 0
  }

  /// What lies there now is what was read: not a byte more, and nobody about to add one.
  private func isUntouched(_ log: LogFile, in pass: StreamPass) throws -> Bool {
    guard let info = try pass.files.info(log.path), info.inode == log.info.inode, info.changed == log.info.changed
    else {
      return false
    }
    return try log.role == .aside || pass.files.writers(of: log.path) != .some
  }

  /// - Returns: false where what lies there now is not what was read.
  private func letGo(_ log: LogFile, _ after: StreamSettings.After, in pass: StreamPass) throws -> Bool {
    guard try isUntouched(log, in: pass) else { return false }
    if after == .archive { try pass.context.archive.take(log.path, of: log.record.id, at: pass.now.wall) }
    if try after == .delete || pass.files.info(log.path) != nil { try pass.files.remove(log.path) }
    return true
  }
}
