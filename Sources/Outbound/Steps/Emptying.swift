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
struct Emptying {
  /// - Parameter all: also logs of which something is unread.
  /// - Returns: whether a log is another one now, and all must be looked at again.
  func run(_ logs: inout StreamLogs, all: Bool, in pass: inout StreamPass) throws -> Bool {
    guard pass.settings.rotation == .copytruncate else { return false }
    var hasMoved = false
    for log in logs.found where log.role == .live && log.record.cursor > 0 {
      guard all || log.record.cursor == log.info.size else { continue }
      let cuttable = logs.progress.cuttable(log, at: pass.now)
      let isEmptied = try pass.each(.log(log.path)) { pass in
        let header = pass.settings.header == .firstLine ? try pass.contents.header(of: cuttable)?.end : 0
        guard let header, log.record.cursor > header,
          try empty(log, cuttable.open(pass.files), header: header, in: pass)
        else { return false }
        logs.forget(log.record.id)
        return true
      }
      if isEmptied.value == true { hasMoved = true }
    }
    for log in logs.found where log.role == .pinned && log.record.cursor >= log.info.size {
      try pass.context.pins.remove([log.path])
      logs.found.removeAll { $0.path == log.path }
      hasMoved = true
    }
    return hasMoved
  }

  /// - Returns: false where its writer gave no chance.
  private func empty(
    _ log: LogFile, _ file: any ReadableFile, header: UInt64, in pass: StreamPass
  ) throws -> Bool {
    let pin = Pin(log.record.id, header: header, from: log.record.cursor, in: pass.context.pins.path)
    let pins = pass.context.pins
    var carried: (any WritableFile)?
    var end = log.record.cursor
    for attempt in 1...Limits.truncations {
      let size = try file.info().size
      guard size >= end, try isWhole(file, from: end, to: size, in: pass) else { break }
      if size > end {
        if let carried {
          try add(file, end..<size, to: carried, pin, pins)
          if attempt <= Limits.carefulTruncations { try pass.files.sync([pin.path]) }
        } else {
          carried = try pins.carry(file, header: header, from: end, to: size, as: pin)
        }
        end = size
      }
      guard let cut = try pass.files.truncate(log.path, to: header, inode: log.info.inode, expected: end) else {
        continue
      }
      if carried != nil { try pass.files.sync([pin.path]) }
      try record(log, cut, pin: carried == nil ? nil : pin, header: header, cutAt: end, in: pass)
      return true
    }
    if carried != nil { try pins.remove([pin.path]) }
    return false
  }

  /// The log is whole still: what was carried over of it in part must not stand in for it.
  private func add(
    _ file: any ReadableFile, _ bytes: Range<UInt64>, to carried: any WritableFile, _ pin: Pin, _ pins: PinFolder
  ) throws {
    do {
      try pins.append(file, bytes, to: carried)
    } catch {
      try? pins.remove([pin.path])
      throw error
    }
  }

  /// Whether the bytes are complete records: none may be torn apart.
  private func isWhole(
    _ file: any ReadableFile, from start: UInt64, to size: UInt64, in pass: StreamPass
  ) throws -> Bool {
    guard size > start else { return true }
    let reader = LogReader(
      file: file, size: size, isFinal: false, dialect: pass.contents.dialect, maxRecord: pass.settings.batch.maxRecord,
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
    _ log: LogFile, _ cut: Truncation, pin: Pin?, header: UInt64, cutAt end: UInt64, in pass: StreamPass
  ) throws {
    try pass.files.sync([log.path])
    var old = log.record
    if let pin {
      old.path = pin.path.string
      old.size = end
    }
    let file = try pass.files.open(log.path)
    guard let info = try pass.files.info(log.path), info.inode == log.info.inode,
      let head = try Fingerprint.head(of: file, bytes: Int(min(header, UInt64(Limits.headBytes))))
    else { throw SourceMoved() }
    var new = SourceRecord(
      id: SourceID(
        DigestHasher.digest(of: "\(log.record.id)\n\(end)\n\(pass.now.wall.nanoseconds)".utf8)), stream: pass.name,
      path: log.path.string,
      identity: SourceIdentity(
        device: info.device, inode: info.inode, birth: info.born,
        headBytes: Int(min(header, UInt64(Limits.headBytes))), head: head),
      seenAt: Timestamp(nanoseconds: max(pass.now.wall.nanoseconds, log.record.seenAt.nanoseconds + 1)), size: header)
    let emptied = Cuttable(
      record: new, path: log.path, size: header, isFinal: false, form: .plain, inode: info.inode)
    let first = try pass.contents.ownHeader(of: emptied)
    new.header = log.record.header
    // Where it does not begin with the header that is in force, reading goes on behind that one, under this one.
    if let first, let inForce = log.record.header, first.own != inForce { new.cursor = header }
    let (was, becomes, isCarried) = (old, new, pin != nil)
    try pass.ledger.transact("cut off") { (t) throws(LedgerFault) in
      try t.sources.note(was)
      if !isCarried { try t.sources.noteGone(was.id, at: pass.now.wall) }
      try t.sources.note(becomes)
    }
    pass.report(
      .segmentRotated,
      "Emptied a log of stream \(pass.name); what its writer may have added in the \(cut.window.nanoseconds / 1_000) µs between the last look and the cut is lost",
      [
        .path: log.path.string, .bytes: "\(end - header)",
        .durationMS: "\(cut.window.milliseconds)",
      ])
  }
}
