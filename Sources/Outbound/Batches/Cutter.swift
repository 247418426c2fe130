import Config
import Core
import Files
import Formats
import Ledger
import SystemPackage

/// Cuts one batch: from log to scanner to gzip to disk, each byte once, memory bounded by a chunk and a record.
struct Cutter {
  static let folderName: FileName = "aside"

  let contents: LogContents
  /// Where records that are too large are kept.
  let aside: FilePath
  /// Records that are too large, and being passed over.
  let oversized = Oversized()

  var settings: StreamSettings { contents.settings }
  var files: any Files { contents.files }

  init(_ reader: LogContents, aside: FilePath) { (self.contents, self.aside) = (reader, aside) }

  /// Writes the object; the caller removes it where no row came of it.
  func cut(_ logs: [Cuttable], into object: FilePath) throws -> Cut {
    var writer = ObjectWriter(file: try files.create(object, mode: .stateFile), level: settings.compressionLevel)
    var cut = Cut()
    var headerLine: [UInt8]?
    for log in logs {
      guard cut.segments.count < Limits.segmentsPerBatch else {
        cut.isFull = true
        break
      }
      guard let header = try contents.header(of: log) else { continue }
      if let line = headerLine, line != header.line {
        cut.isFull = true
        break
      }
      if headerLine == nil {
        headerLine = header.line
        try begin(&cut, &writer, header.line)
      }
      if header.hole > 0, log.record.cursor < header.end {
        cut.holes.append(Gap(source: log.record, from: header.end - header.hole, to: header.end))
      }
      try contents.holding(.cut, log) { try take(log, from: max(log.record.cursor, header.end), &cut, &writer) }
      if cut.isFull { break }
    }
    (cut.compressedBytes, cut.sha256, cut.md5) = try writer.finish()
    return cut
  }

  private func begin(_ cut: inout Cut, _ writer: inout ObjectWriter, _ line: [UInt8]) throws {
    cut.header = DigestHasher.digest(of: line)
    guard !line.isEmpty else { return }
    try writer.write(line + [UInt8(ascii: "\n")])
    cut.bytes = UInt64(line.count + 1)
  }

  // MARK: - Records

  private func take(_ log: Cuttable, from start: UInt64, _ cut: inout Cut, _ writer: inout ObjectWriter) throws {
    let dates = try contents.rowDates(of: log)
    let file = try log.open(files)
    let reader = LogReader(
      file: file, size: log.size, isFinal: log.isFinal, dialect: contents.dialect, maxRecord: settings.batch.maxRecord,
      from: start)
    // A first segment covers the header too: all segments of a source together cover it from its first byte.
    var segment = (from: log.record.cursor, to: log.record.cursor)
    var rows = 0
    func close() throws(FileFault) {
      guard rows > 0 else { return }
      let tail = try Fingerprint.tail(of: file, before: segment.to)
      cut.tails[log.record.id] = tail
      cut.segments.append(
        Segment(
          source: log.record.id, path: log.path.string, identity: log.record.identity, from: segment.from,
          to: segment.to, tail: tail))
      rows = 0
    }
    reading: while true {
      try contents.goOn()
      let room = room(in: cut)
      guard room.rows > 0, room.bytes > 0 || cut.rows == 0 else {
        cut.isFull = reader.offset < log.size
        break
      }
      var step = try reader.next(maxBytes: room.bytes, maxRecords: room.rows)
      // The first record of a batch is taken whatever its size; behind it the limits hold.
      if step == .full, cut.rows == 0 { step = try reader.next(maxBytes: .max, maxRecords: 1) }
      switch step {
      case .records(let count, let bytes):
        let ours = ofOneDay(reader, dates, count, bytes, &cut)
        try add(reader, ours.records, ours.bytes, &cut, &writer)
        rows += ours.records
        segment.to = reader.offset
        if cut.isFull { break reading }
      case .full:
        cut.isFull = true
        break reading
      case .tooLarge:
        try close()
        guard let gap = try passOver(reader, log, &cut) else { break reading }
        cut.note(gap, tail: try Fingerprint.tail(of: file, before: gap.to))
        segment = (gap.to, gap.to)
      case .end(let rest):
        guard let last = try completeTail(reader, rest, log, dates, &cut, &writer) else { break reading }
        rows += last
        segment.to = reader.offset
        cut.ended.insert(log.record.id)
        break reading
      }
    }
    if rows > 0 { cut.cursors[log.record.id] = segment.to }
    try close()
    try confirm(file, log, upTo: reader.offset)
  }

  /// Nil: not to its end, this time.
  private func passOver(_ reader: LogReader, _ log: Cuttable, _ cut: inout Cut) throws -> Gap? {
    switch try putAside(reader, log) {
    case .done(let gap): return gap
    case .notWhole: cut.ended.insert(log.record.id)
    case .later: cut.hasMore = true
    }
    return nil
  }

  /// What was read must have been of one piece: a log that was emptied meanwhile may have been filled with something else.
  private func confirm(_ file: any ReadableFile, _ log: Cuttable, upTo end: UInt64) throws {
    guard log.form == .plain else { return }
    let identity = log.record.identity
    guard try file.info().size >= end,
      try Fingerprint.head(of: file, bytes: identity.headBytes) == identity.head
    else { throw SourceMoved() }
  }

  private func room(in cut: Cut) -> (bytes: UInt64, rows: Int) {
    let batch = settings.batch
    return (batch.maxBytes -| cut.bytes, batch.maxRows == 0 ? .max : batch.maxRows - cut.rows)
  }

  /// What of the next records is of the batch's day: all, where no column tells days. Less: the batch is full.
  private func ofOneDay(
    _ reader: LogReader, _ dates: RowDates?, _ records: Int, _ bytes: Int, _ cut: inout Cut
  ) -> (records: Int, bytes: Int) {
    guard let dates else { return (records, bytes) }
    let ours = dates.stretch(reader.pending(bytes), records: records, day: &cut.day)
    cut.isFull = ours.bytes < bytes
    return ours
  }

  /// The last record of a closed log counts without its line feed, and gets one.
  /// - Returns: the records that it was; nil where it is of another day than the batch.
  private func completeTail(
    _ reader: LogReader, _ rest: Int, _ log: Cuttable, _ dates: RowDates?, _ cut: inout Cut,
    _ writer: inout ObjectWriter
  ) throws -> Int? {
    guard log.isFinal, rest > 0 else { return 0 }
    guard ofOneDay(reader, dates, 1, rest, &cut).bytes > 0 else { return nil }
    let isBlank = reader.pending.allSatisfy { $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: "\n") }
    try writer.write(reader.pending)
    let end = isBlank ? [UInt8(ascii: "\n")] : ending(reader.pending)
    try writer.write(end)
    cut.bytes += UInt64(rest + end.count)
    cut.rows += isBlank ? 0 : 1
    reader.consume(rest)
    return isBlank ? 0 : 1
  }

  /// What makes a record of the last bytes of a log: a line end, and the quote that a writer did not live to write. Without it the
  /// record would swallow those behind it.
  private func ending(_ rest: UnsafeRawBufferPointer) -> [UInt8] {
    let endings = ["\n", "\"\n"].map { Array($0.utf8) }
    return endings.first { ending in
      let whole = Array(rest) + ending
      return whole.withUnsafeBytes {
        Records.scan($0, dialect: contents.dialect, maxRecord: settings.batch.maxRecord, isLast: true).end
          == whole.count
      }
    } ?? endings[0]
  }

  private func add(
    _ reader: LogReader, _ count: Int, _ bytes: Int, _ cut: inout Cut, _ writer: inout ObjectWriter
  ) throws {
    try writer.write(UnsafeRawBufferPointer(rebasing: reader.pending[..<bytes]))
    cut.rows += count
    cut.bytes += UInt64(bytes)
    reader.consume(bytes)
  }
}
