import Config
import Core
import Files
import Ledger
import SystemPackage

/// Logs that others rotate: what is not read yet is held fast. A live log is kept open. Of a rotated one what is unread is
/// copied to `pinned/`, and of one that was deleted from the open descriptor. Never by a second name: logrotate and gzip refuse to
/// rotate or compress what has two.
extension StreamWorker {
  /// Copies what is unread of logs that are no longer found, as far as they are still open.
  /// - Returns: those that were saved.
  func rescue(_ vanished: [SourceRecord]) throws -> Set<SourceID> {
    guard lane.settings.rotation == .follow else { return [] }
    var saved: Set<SourceID> = []
    for record in vanished {
      guard let file = lane.open[record.id], let size = try? file.info().size, size > record.cursor,
        try Fingerprint.fits(file, record), let header = headerEnd(of: record), size > header
      else { continue }
      let from = max(record.cursor, header)
      let pin = Pin(record.id, header: header, from: from, in: lane.sources.pins)
      try carry(file, header: header, from: from, to: size, as: pin)
      saved.insert(record.id)
      lane.open[record.id] = nil
    }
    return saved
  }

  private func headerEnd(of record: SourceRecord) -> UInt64? {
    lane.settings.header == .firstLine ? lane.headerEnds[record.id] : 0
  }

  /// Durable on return, under its name only when it is whole. - Returns: the copy, for what comes after.
  @discardableResult
  func carry(
    _ file: any ReadableFile, header: UInt64, from: UInt64, to: UInt64, as pin: Pin
  ) throws -> any WritableFile {
    let folder = pin.path.parent
    try files.ensureDirectory(folder)
    let temporary = pin.temporary
    try files.removeTree(temporary)
    let copy = try files.create(temporary, mode: .stateFile)
    try append(file, 0..<header, to: copy)
    try append(file, from..<to, to: copy)
    try files.sync([temporary])
    try files.replace(pin.path, with: temporary)
    try files.sync([folder])
    return copy
  }

  func append(_ file: any ReadableFile, _ bytes: Range<UInt64>, to copy: any WritableFile) throws {
    var offset = bytes.lowerBound
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Limits.chunkBytes, alignment: 16)
    defer { buffer.deallocate() }
    while offset < bytes.upperBound {
      let wanted = Int(min(UInt64(buffer.count), bytes.upperBound - offset))
      let got = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]), at: offset)
      guard got > 0 else { throw SourceMoved() }
      try copy.write(UnsafeRawBufferPointer(rebasing: buffer[..<got]))
      offset += UInt64(got)
    }
  }

  /// Holds fast what is unread, and lets go of what is read.
  func keep(spare: [Pin], at now: Moment) throws {
    switch lane.settings.rotation {
    case .copytruncate:
      // The log was not cut off after all.
      try remove(spare.map(\.path))
    case .follow:
      try letGo(spare, at: now)
      try pin(spare, at: now)
      holdOpen()
    case .rename, .closed: return
    }
  }

  private func isRead(_ log: LogFile, at now: Moment) -> Bool {
    guard isFinal(log, at: now) else { return false }
    return log.info.size <= max(log.record.cursor, lane.headerEnds[log.record.id] ?? 0)
      || lane.exhausted[log.record.id] == StreamState.Exhausted(size: log.info.size, isFinal: true)
  }

  private func letGo(_ spare: [Pin], at now: Moment) throws {
    let read = lane.logs.filter { $0.role != .live && isRead($0, at: now) }
    let ids = Set(read.map(\.record.id))
    let present = Set(lane.logs.map(\.record.id))
    let idle = spare.filter { ids.contains($0.source) || !present.contains($0.source) }
    try remove(read.filter { $0.role == .pinned }.map(\.path) + idle.map(\.path))
    for id in ids { lane.open[id] = nil }
  }

  func remove(_ pins: [FilePath]) throws {
    guard !pins.isEmpty else { return }
    for path in pins { try files.removeTree(path) }
    try files.sync([lane.sources.pins])
    lane.logs.removeAll { pins.contains($0.path) }
  }

  private func pin(_ spare: [Pin], at now: Moment) throws {
    let kept = Set(spare.map(\.source))
    for log in lane.logs where log.role == .rotated && log.form == .plain && log.writers != .some {
      guard !kept.contains(log.record.id), log.info.size > log.record.cursor, !isRead(log, at: now),
        let header = headerEnd(of: log.record)
      else { continue }
      let from = max(log.record.cursor, header)
      guard log.info.size > from else { continue }
      do {
        try carry(
          try cuttable(log, at: now).open(files), header: header, from: from, to: log.info.size,
          as: Pin(log.record.id, header: header, from: from, in: lane.sources.pins))
      } catch is SourceMoved {
        continue
      } catch let fault as FileFault {
        guard fault.isAbout(log.path) else { throw fault }
        try bear(fault, of: .log(log.path), at: now)
      }
    }
  }

  private func holdOpen() {
    for log in lane.logs where log.role == .live || log.role == .rotated {
      guard log.form == .plain, lane.open[log.record.id] == nil, lane.open.count < Limits.openLogs else { continue }
      guard log.role == .live || log.info.size > log.record.cursor else { continue }
      guard let file = try? files.open(log.path), (try? file.info().inode) == log.info.inode else { continue }
      lane.open[log.record.id] = file
    }
  }
}
