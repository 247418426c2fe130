import Config
import Core
import Files
import Formats
import Journal
import Ledger
import SystemPackage

/// `copytruncate`: a log whose writer cannot be made to open a new one is emptied in place, down to its header.
///
/// Only what is in a sealed batch is cut off, or what was carried over to `pinned/`: while a batch is sealed, a busy writer adds
/// more. Cut off is only at the end of a record, and only if the log is as long as it was when last read; that look and the cut
/// are microseconds apart. From then on what was carried over is the old source, and the log is a new one.
extension StreamWorker {
  mutating func truncateLogs(sealed: Int, at now: Moment) throws {
    guard lane.settings.rotation == .copytruncate else { return }
    var hasMoved = false
    for log in lane.logs where log.role == .live && log.record.cursor > 0 {
      guard sealed > 0 || log.record.cursor == log.info.size else { continue }
      let isEmptied = try each(.log(log.path), at: now) {
        let header =
          lane.settings.header == .firstLine ? try lane.contents.header(of: cuttable(log, at: now))?.end : 0
        guard let header, log.record.cursor > header else { return false }
        return try empty(log, header: header, at: now)
      }
      if isEmptied == true { hasMoved = true }
    }
    for log in lane.logs where log.role == .pinned && log.record.cursor >= log.info.size {
      try remove([log.path])
      hasMoved = true
    }
    if hasMoved { try look(at: now) }
  }

  /// - Returns: false where its writer gave no chance.
  private func empty(_ log: LogFile, header: UInt64, at now: Moment) throws -> Bool {
    let pin = Pin(log.record.id, header: header, from: log.record.cursor, in: lane.sources.pins)
    let file = try cuttable(log, at: now).open(files)
    var carried: (any WritableFile)?
    var end = log.record.cursor
    for attempt in 1...Limits.truncations {
      let size = try file.info().size
      guard size >= end, try isWhole(file, log, from: end, to: size) else { break }
      if size > end {
        if let carried {
          try add(file, end..<size, to: carried, pin)
          if attempt <= Limits.carefulTruncations { try files.sync([pin.path]) }
        } else {
          carried = try carry(file, header: header, from: end, to: size, as: pin)
        }
        end = size
      }
      guard let cut = try files.truncate(log.path, to: header, inode: log.info.inode, expected: end) else { continue }
      if carried != nil { try files.sync([pin.path]) }
      try record(log, cut, pin: carried == nil ? nil : pin, header: header, cutAt: end, at: now)
      return true
    }
    if carried != nil { try remove([pin.path]) }
    return false
  }

  /// The log is whole still: what was carried over of it in part must not stand in for it.
  private func add(
    _ file: any ReadableFile, _ bytes: Range<UInt64>, to carried: any WritableFile, _ pin: Pin
  ) throws {
    do {
      try append(file, bytes, to: carried)
    } catch {
      try? remove([pin.path])
      throw error
    }
  }

  /// Whether the bytes are complete records: none may be torn apart.
  private func isWhole(
    _ file: any ReadableFile, _ log: LogFile, from start: UInt64, to size: UInt64
  ) throws -> Bool {
    guard size > start else { return true }
    let reader = LogReader(
      file: file, size: size, isFinal: false, dialect: lane.contents.dialect, maxRecord: lane.settings.batch.maxRecord,
      from: start)
    while true {
      switch try reader.next(maxBytes: .max, maxRecords: .max) {
      case .records(_, let bytes): reader.consume(bytes)
      case .end(let rest): return rest == 0 && reader.offset == size
      case .full, .tooLarge: return false
      }
    }
  }

  /// The cut is durable before anything rests on it: a log that grew back after a power cut would be read twice.
  private func record(
    _ log: LogFile, _ cut: Truncation, pin: Pin?, header: UInt64, cutAt end: UInt64, at now: Moment
  ) throws {
    try files.sync([log.path])
    var old = log.record
    if let pin {
      old.path = pin.path.string
      old.size = end
    }
    let file = try files.open(log.path)
    guard let info = try files.info(log.path), info.inode == log.info.inode,
      let head = try Fingerprint.head(of: file, bytes: Int(min(header, UInt64(Limits.headBytes))))
    else { throw SourceMoved() }
    var new = SourceRecord(
      id: SourceID(
        DigestHasher.digest(of: "\(log.record.id)\n\(end)\n\(now.wall.nanoseconds)".utf8)), stream: lane.name,
      path: log.path.string,
      identity: SourceIdentity(
        device: info.device, inode: info.inode, birth: info.born,
        headBytes: Int(min(header, UInt64(Limits.headBytes))), head: head),
      seenAt: Timestamp(nanoseconds: max(now.wall.nanoseconds, log.record.seenAt.nanoseconds + 1)), size: header)
    new.header = log.record.header
    let (was, becomes, isCarried) = (old, new, pin != nil)
    try ledger.transact("cut off") { (t) throws(LedgerFault) in
      try t.note(was)
      if !isCarried { try t.noteGone(was.id, at: now.wall) }
      try t.note(becomes)
    }
    lane.forget(log.record.id)
    events.record(
      .segmentRotated,
      "Emptied a log of stream \(lane.name); what its writer may have added in the \(cut.window.nanoseconds / 1_000) µs between the last look and the cut is lost",
      [
        .stream: lane.name.text, .path: log.path.string, .bytes: "\(end - header)",
        .durationMS: "\(cut.window.milliseconds)",
      ])
  }
}
