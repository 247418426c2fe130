import Config
import Core
import Files
import Ledger
import SystemPackage

/// Logs that others rotate: what is not read yet is held fast. A live log is kept open. Of a rotated one what is unread is
/// copied to `pinned/`, and of one that was deleted from the open descriptor. Never by a second name: logrotate and gzip refuse to
/// rotate or compress what has two.
struct Pinning {
  /// Logs that others rotate, kept open: what is deleted can be read still.
  private var open: [SourceID: any ReadableFile] = [:]

  var isEmpty: Bool { open.isEmpty }

  mutating func forget(_ source: SourceID) { open[source] = nil }

  /// What is known of logs that are no longer found, as far as they are still open.
  struct Rescue {
    /// Of which the rest was copied.
    var saved: Set<SourceID> = []
    /// Of which all was read: nothing can have been missed.
    var complete: Set<SourceID> = []
  }

  /// Copies what is unread of logs that are no longer found, as far as they are still open.
  mutating func rescue(_ vanished: [SourceRecord], _ progress: LogProgress, in pass: StreamPass)
    throws -> Rescue
  {
    var rescue = Rescue()
    for record in vanished {
      guard let file = open[record.id], let size = try? file.info().size,
        try Fingerprint.fits(file, record)
      else { continue }
      let header = headerEnd(of: record, progress, pass)
      if size <= max(record.cursor, header ?? 0) || progress.exhaustedSize(of: record.id) == size {
        rescue.complete.insert(record.id)
        continue
      }
      guard pass.settings.rotation == .follow, size > record.cursor, let header, size > header
      else { continue }
      let from = max(record.cursor, header)
      let pin = Pin(record.id, header: header, from: from, in: pass.context.pins.path)
      try pass.context.pins.carry(file, header: header, from: from, to: size, as: pin)
      rescue.saved.insert(record.id)
      open[record.id] = nil
    }
    return rescue
  }

  private func headerEnd(
    of record: SourceRecord, _ progress: LogProgress, _ pass: StreamPass
  ) -> UInt64? {
    pass.settings.header == .firstLine ? progress.headerEnd(of: record.id) : 0
  }

  /// Holds fast what is unread, and lets go of what is read.
  mutating func run(_ logs: inout StreamLogs, spare: [Pin], in pass: inout StreamPass) throws {
    switch pass.settings.rotation {
    case .copytruncate:
      // The log was not cut off after all.
      try remove(spare.map(\.path), from: &logs, in: pass)
    case .follow:
      try letGo(spare, &logs, in: pass)
      try pin(spare, logs, in: &pass)
      holdOpen(logs, in: pass)
    case .rename, .closed: return
    }
  }

  private mutating func letGo(_ spare: [Pin], _ logs: inout StreamLogs, in pass: StreamPass) throws {
    let read = logs.found.filter { $0.role != .live && logs.progress.isRead($0, at: pass.now) }
    let ids = Set(read.map(\.record.id))
    let present = Set(logs.found.map(\.record.id))
    let idle = spare.filter { ids.contains($0.source) || !present.contains($0.source) }
    try remove(read.filter { $0.role == .pinned }.map(\.path) + idle.map(\.path), from: &logs, in: pass)
    for id in ids { open[id] = nil }
  }

  private func remove(_ pins: [FilePath], from logs: inout StreamLogs, in pass: StreamPass) throws(FileFault) {
    try pass.context.pins.remove(pins)
    logs.found.removeAll { pins.contains($0.path) }
  }

  private func pin(_ spare: [Pin], _ logs: StreamLogs, in pass: inout StreamPass) throws {
    let kept = Set(spare.map(\.source))
    for log in logs.found where log.role == .rotated && log.form == .plain && log.writers != .some {
      guard !kept.contains(log.record.id), log.info.size > log.record.cursor, !logs.progress.isRead(log, at: pass.now),
        let header = headerEnd(of: log.record, logs.progress, pass)
      else { continue }
      let from = max(log.record.cursor, header)
      guard log.info.size > from else { continue }
      do {
        try pass.context.pins.carry(
          try logs.progress.cuttable(log, at: pass.now).open(pass.files), header: header, from: from, to: log.info.size,
          as: Pin(log.record.id, header: header, from: from, in: pass.context.pins.path))
      } catch is SourceMoved {
        continue
      } catch let fault as FileFault {
        guard fault.isAbout(log.path) else { throw fault }
        try pass.bear(fault, of: .log(log.path))
      }
    }
  }

  private mutating func holdOpen(_ logs: StreamLogs, in pass: StreamPass) {
    for log in logs.found where log.role == .live || log.role == .rotated {
      guard log.form == .plain, open[log.record.id] == nil, open.count < Limits.openLogs else { continue }
      guard log.role == .live || log.info.size > log.record.cursor else { continue }
      guard let file = try? pass.files.open(log.path), (try? file.info().inode) == log.info.inode else { continue }
      open[log.record.id] = file
    }
  }
}
