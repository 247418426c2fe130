import Config
import Core
import Files
import Formats
import SystemPackage

/// One log while its records go into a batch.
final class LogCut {
  private let log: Cuttable
  private let contents: LogContents
  private let file: any ReadableFile
  private let reader: LogReader
  private let now: Timestamp
  private var header: LogContents.Header
  private var flow: RecordFlow
  /// A first segment covers the header too: all segments of a source together cover it from its first byte.
  private var segment: (from: UInt64, to: UInt64)
  /// Records of the segment, sent or left out.
  private var taken = 0
  private var out: [UInt8] = []

  /// - Parameter header: that is in force where reading begins.
  init(_ log: Cuttable, _ header: LogContents.Header, _ contents: LogContents, from start: UInt64, at now: Timestamp)
    throws
  {
    (self.log, self.header, self.contents, self.now) = (log, header, contents, now)
    file = try log.open(contents.files)
    reader = LogReader(
      file: file, size: log.size, isFinal: log.isFinal, dialect: contents.dialect,
      maxRecord: contents.settings.batch.maxRecord, from: start)
    segment = (log.record.cursor, log.record.cursor)
    flow = try contents.flow(header, log)
  }

  /// Headers that stand where reading begins: the same one again, or another one, which is in force from there on.
  /// - Returns: the last one.
  func passHeaders() throws -> LogContents.Header {
    guard contents.settings.header == .firstLine else { return header }
    while case .records(_, let bytes) = try reader.next(maxBytes: .max, maxRecords: 1) {
      var walk = RecordWalk(
        reader.pending(bytes), dialect: contents.dialect, maxRecord: contents.settings.batch.maxRecord)
      guard let step = walk.next(), step.count > 0 else { break }
      let record = step.record.withoutMark
      let kind = HeaderWatch(header.own, mayChange: true).kind(of: record)
      guard kind != .row else { break }
      if kind == .other {
        header = try contents.sent(
          LogContents.Header(Array(record.withoutLineEnd), end: header.end, hole: header.hole), log)
        flow = try contents.flow(header, log)
      }
      reader.consume(step.end)
    }
    return header
  }

  // MARK: - Records

  /// Takes what there is room for.
  func take(_ cutter: Cutter, _ cut: inout Cut, _ writer: inout ObjectWriter, _ aside: AsideWriter) throws {
    aside.begin(log, header: header.own)
    reading: while true {
      try contents.goOn()
      let room = cutter.room(in: cut)
      guard room.rows > 0, room.bytes > 0 || cut.rows == 0 else {
        cut.isFilled = true
        cut.isFull = reader.offset < log.size
        break
      }
      var step = try reader.next(maxBytes: room.bytes, maxRecords: room.rows)
      // The first record of a batch is taken whatever its size; behind it the limits hold.
      if step == .full, cut.rows == 0 { step = try reader.next(maxBytes: .max, maxRecords: 1) }
      switch step {
      case .records(_, let bytes):
        guard try pass(reader.pending(bytes), room.bytes, cutter, &cut, &writer, aside) else { break reading }
      case .full:
        cut.isFull = true
        break reading
      case .tooLarge:
        if try leaveOutBroken(isFinal: true, aside) { continue reading }
        try close(&cut)
        guard let gap = try cutter.passOver(reader, log, &cut) else { break reading }
        cut.note(gap, tail: try Fingerprint.tail(of: file, before: gap.to))
        segment = (gap.to, gap.to)
      case .end(let rest):
        if rest > 0 {
          if !(log.isFinal && isWhole(rest)), try leaveOutBroken(isFinal: log.isFinal, aside) { continue reading }
          if !log.isFinal, let rows = flow.settled(tail: reader.pending) {
            guard try pass(reader.pending(rows), room.bytes, cutter, &cut, &writer, aside) else { break reading }
            continue reading
          }
          if !log.isFinal, flow.isOpen(tail: reader.pending) { cut.openQuotes[log.record.id] = reader.offset }
          guard try takeLast(rest, room.bytes, cutter, &cut, &writer, aside) else { break reading }
        }
        cut.ended.insert(log.record.id)
        break reading
      }
    }
    if taken > 0 { cut.cursors[log.record.id] = segment.to }
    try close(&cut)
    try confirm(upTo: reader.offset)
  }

  /// - Returns: false where the batch takes no more of this log.
  private func pass(
    _ stretch: UnsafeRawBufferPointer, _ room: UInt64, _ cutter: Cutter, _ cut: inout Cut,
    _ writer: inout ObjectWriter, _ aside: AsideWriter, isLast: Bool = false
  ) throws -> Bool {
    out.removeAll(keepingCapacity: true)
    let passed = flow.pass(
      stretch, limit: .init(bytes: room, hasRows: cut.rows > 0, now: now), day: &cut.day, ids: &cutter.ids.seen,
      into: &out)
    try writer.write(out)
    for row in passed.aside {
      try aside.add(
        UnsafeRawBufferPointer(rebasing: stretch[row.from..<row.to]), at: reader.offset + UInt64(row.from), row.fault)
    }
    cut.bytes += UInt64(out.count)
    cut.rows += passed.rows
    cut.skipped += passed.skipped
    taken += passed.rows + passed.skipped + passed.aside.count
    reader.consume(isLast ? min(passed.consumed, reader.pending.count) : passed.consumed)
    segment.to = reader.offset
    switch passed.stop {
    case .full, .day, .header:
      cut.isFull = true
      return false
    case .broken, nil: return true
    }
  }

  /// The last record of a closed log counts without its line feed, and gets one.
  /// - Returns: false where the batch does not take it.
  private func takeLast(
    _ rest: Int, _ room: UInt64, _ cutter: Cutter, _ cut: inout Cut, _ writer: inout ObjectWriter, _ aside: AsideWriter
  ) throws -> Bool {
    guard log.isFinal else { return true }
    let whole = UnsafeMutableRawBufferPointer.allocate(byteCount: rest + 1, alignment: 1)
    defer { whole.deallocate() }
    whole.copyMemory(from: reader.pending(rest))
    whole[rest] = UInt8(ascii: "\n")
    return try pass(UnsafeRawBufferPointer(whole), room, cutter, &cut, &writer, aside, isLast: true)
  }

  /// Whether a line end is all that the last record of a closed log lacks.
  private func isWhole(_ rest: Int) -> Bool {
    let whole = Array(reader.pending(rest)) + [UInt8(ascii: "\n")]
    return whole.withUnsafeBytes {
      Records.scan($0, dialect: contents.dialect, maxRecord: contents.settings.batch.maxRecord, isLast: true).end
        == whole.count
    }
  }

  /// A line with a quote that is never closed is left out, so that what is behind it is read.
  private func leaveOutBroken(isFinal: Bool, _ aside: AsideWriter) throws -> Bool {
    guard let length = flow.broken(tail: reader.pending, isFinal: isFinal),
      length <= contents.settings.batch.maxRecord
    else { return false }
    try aside.add(reader.pending(length), at: reader.offset, RowFault(.unclosedQuote))
    reader.consume(length)
    taken += 1
    segment.to = reader.offset
    return true
  }

  private func close(_ cut: inout Cut) throws {
    guard taken > 0 else { return }
    let tail = try Fingerprint.tail(of: file, before: segment.to)
    cut.tails[log.record.id] = tail
    cut.segments.append(
      Segment(
        source: log.record.id, path: log.path.string, identity: log.record.identity, from: segment.from,
        to: segment.to, tail: tail))
    taken = 0
  }

  /// What was read must have been of one piece: a log that was emptied meanwhile may have been filled with something else.
  private func confirm(upTo end: UInt64) throws {
    guard log.form == .plain else { return }
    let identity = log.record.identity
    guard try file.info().size >= end,
      try Fingerprint.head(of: file, bytes: identity.headBytes) == identity.head
    else { throw SourceMoved() }
  }
}
