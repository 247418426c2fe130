import Core
import Files
import Ledger
import SystemPackage

/// A log belongs to one stream, whatever the paths are by which others reach it: a second mount, a link to its folder, a second name. Who
/// has it in the ledger keeps it; another one says so once, and leaves it alone. Two that send it would send every record twice.
struct Ownership {
  /// Names under which logs of others were found in this life: what rotation makes of such a log has a number of its own, and is
  /// theirs all the same.
  private var foreign: [FilePath: StreamName] = [:]

  /// Takes what belongs to others out of what a look has found.
  /// - Returns: the sources that are left.
  mutating func run(_ found: inout FoundLogs, _ known: [SourceRecord], in pass: inout StreamPass) throws -> [SourceID] {
    guard !pass.context.others.isEmpty else { return [] }
    let ids = Set(known.map(\.id))
    let fresh = (found.changed + found.history).filter { !ids.contains($0.id) }
    guard !fresh.isEmpty else { return [] }
    let (others, records) = (pass.context.others, fresh)
    let owners = try pass.ledger.read { (t) throws(LedgerFault) in
      var owners: [SourceID: StreamName] = [:]
      for record in records { owners[record.id] = try t.sources.owner(of: record, among: others) }
      return owners
    }
    for record in fresh {
      guard let owner = owners[record.id] else { continue }
      foreign[FilePath(record.path)] = owner
      say(record, owner, in: &pass)
    }
    let left = fresh.filter { owners[$0.id] != nil || isKin($0) }.map(\.id)
    found.leave(Set(left))
    return left
  }

  private func isKin(_ record: SourceRecord) -> Bool {
    let path = FilePath(record.path)
    return foreign.keys.contains { RotatedName.areKin($0, path) }
  }

  /// As `run`, of what another stream was quicker to note.
  mutating func lost(_ owners: [(record: SourceRecord, owner: StreamName)], in pass: inout StreamPass) {
    for (record, owner) in owners {
      foreign[FilePath(record.path)] = owner
      say(record, owner, in: &pass)
    }
  }

  private func say(_ record: SourceRecord, _ owner: StreamName, in pass: inout StreamPass) {
    let path = FilePath(record.path)
    pass.postpone(
      .log(path),
      FileFault(
        .exists, "Cannot read", at: path, why: "stream \(owner) reads the same file, perhaps by another path",
        remedy: "Give each log to one stream"))
  }
}

extension FoundLogs {
  /// As if they had not been found.
  mutating func leave(_ sources: Set<SourceID>) {
    guard !sources.isEmpty else { return }
    logs.removeAll { sources.contains($0.record.id) }
    changed.removeAll { sources.contains($0.id) }
    history.removeAll { sources.contains($0.id) }
  }
}

extension SourceTable {
  fileprivate func owner(of source: SourceRecord, among others: [StreamName]) throws(LedgerFault) -> StreamName? {
    try owner(of: source.identity, among: others, aside: LogListing.asideSuffix)
  }

  /// Notes a source that is new, but not where another of these streams has the file.
  /// - Returns: the one that has it.
  func noteNew(_ source: SourceRecord, among others: [StreamName]) throws(LedgerFault) -> StreamName? {
    if let owner = try owner(of: source, among: others) { return owner }
    try note(source)
    return nil
  }
}
