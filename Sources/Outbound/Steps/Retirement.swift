import Config
import Core
import Files
import Ledger
import SystemPackage

/// Letting go of logs that are sent.
struct Retirement {
  /// Deletes or archives a log that was set aside once nobody can add to it and all of it is in delivered batches. What is to be
  /// kept stays where it is, and known: nothing of it is read again.
  func run(_ logs: inout StreamLogs, in pass: inout StreamPass) throws {
    guard pass.settings.after != .keep else { return }
    var gone: [SourceID] = []
    var folders: Set<FilePath> = []
    for log in logs.found where log.role == .aside {
      guard logs.progress.isSpent(log, at: pass.now) else { continue }
      let undelivered = try pass.ledger.read { (t) throws(LedgerFault) in try t.sources.undelivered(of: log.record.id) }
      guard undelivered == 0 else { continue }
      let isGone = try pass.each(.log(log.path)) { pass in try letGo(log, in: pass) }
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
  }

  /// - Returns: false where what lies there now is not what was read: not a byte more.
  private func letGo(_ log: LogFile, in pass: StreamPass) throws -> Bool {
    guard let info = try pass.files.info(log.path), info.size == log.info.size, info.inode == log.info.inode else {
      return false
    }
    if pass.settings.after == .archive {
      try pass.context.archive.take(log.path, of: log.record.id, at: pass.now.wall)
    }
    if try pass.settings.after == .delete || pass.files.info(log.path) != nil { try pass.files.remove(log.path) }
    return true
  }
}
