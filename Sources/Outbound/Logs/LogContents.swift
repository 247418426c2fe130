import Config
import Core
import Files
import Formats

/// What lies in a log: under which header its records go, where they begin, and how many there are. It keeps nothing.
struct LogContents {
  let settings: StreamSettings
  let files: any Files
  var hands: Hands = .none
  let isStopping: @Sendable () -> Bool

  struct Header {
    /// As it stands in the log, without its line end; empty where the stream has none.
    let own: [UInt8]
    /// As objects begin with it.
    let line: [UInt8]
    /// Where the records begin in the log.
    let end: UInt64
    /// NUL bytes passed over: what a writer leaves behind that does not append, when its log was emptied.
    var hole: UInt64 = 0

    init(_ own: [UInt8], sent: [UInt8]? = nil, end: UInt64, hole: UInt64 = 0) {
      (self.own, line, self.end, self.hole) = (own, sent ?? own, end, hole)
    }
  }

  /// Whether logs are emptied under their writers, by us or by others.
  private var areEmptied: Bool { settings.rotation == .copytruncate || settings.rotation == .follow }

  /// As the log or the settings have it; nil where the first line is not complete yet.
  func ownHeader(of log: Cuttable) throws -> Header? { try holding(.read, log) { try readHeader(of: log) } }

  private func readHeader(of log: Cuttable) throws -> Header? {
    let file = try log.open(files)
    let hole = areEmptied ? try zeros(in: file, from: 0, to: log.size) : 0
    if hole > 0, hole == log.size { return nil }
    switch settings.header {
    case .none: return Header([], end: hole, hole: hole)
    case .columns(let names): return Header(Array(names.joined(separator: ",").utf8), end: hole, hole: hole)
    case .firstLine:
      guard let first = try firstLine(of: log, file, behind: hole) else { return nil }
      return try inForce(first, log, file)
    }
  }

  /// Behind the cursor another header may be in force than the log begins with.
  private func inForce(_ first: Header, _ log: Cuttable, _ file: any ReadableFile) throws -> Header {
    guard log.record.cursor > 0, log.record.cursor >= first.end else { return first }
    if let known = log.record.header { return Header(known, end: first.end, hole: first.hole) }
    // The ledger was lost: what was read is looked through once more.
    guard log.record.cursor > first.end, case .plain = log.form else { return first }
    var own = first.own
    let reader = LogReader(
      file: file, size: min(log.size, log.record.cursor), isFinal: true, dialect: dialect,
      maxRecord: settings.batch.maxRecord, from: first.end)
    while case .records(_, let bytes) = try reader.next(maxBytes: .max, maxRecords: .max) {
      try goOn()
      var walk = RecordWalk(reader.pending(bytes), dialect: dialect, maxRecord: settings.batch.maxRecord)
      while let step = walk.next() {
        let record = step.record.withoutMark.withoutLineEnd
        if HeaderWatch(own, mayChange: true).kind(of: record) == .other { own = Array(record) }
      }
      reader.consume(bytes)
    }
    return Header(own, end: first.end, hole: first.hole)
  }

  private func firstLine(of log: Cuttable, _ file: any ReadableFile, behind hole: UInt64) throws -> Header? {
    // A part of a log that has no header of its own, nor its first line.
    if case .carried(header: 0, from: 1...) = log.form {
      return log.record.header.map { Header($0, end: 0) }
    }
    let reader = LogReader(
      file: file, size: log.size, isFinal: log.isFinal, dialect: dialect, maxRecord: settings.batch.maxRecord,
      from: hole)
    let line: [UInt8]
    var end: UInt64
    switch try reader.next(maxBytes: .max, maxRecords: 1) {
    case .records(1, let bytes):
      line = Array(reader.pending(bytes).withoutMark.trimmingLineEnds())
      end = hole + UInt64(bytes)
    case .end(let rest) where log.isFinal && rest > 0:
      // Alone and unfinished: a header without records.
      line = Array(reader.pending.withoutMark)
      end = hole + UInt64(rest)
    case .tooLarge:
      throw FileFault(
        .damaged, "Cannot read", at: log.path,
        why:
          "its first line, which should be its header, is longer than batch.max_record (\(settings.batch.maxRecord) bytes)"
      )
    default: return nil
    }
    try refuseOtherEncodings(line, log)
    guard areEmptied else { return Header(line, end: end) }
    // Emptied under its writer, which knows nothing of it and goes on with records.
    if let before = log.record.header, Self.isRecord(line, under: before) {
      return Header(before, end: hole, hole: hole)
    }
    let behind = try zeros(in: file, from: end, to: log.size)
    if behind > 0, end + behind == log.size { return nil }
    end += behind
    return Header(line, end: end, hole: hole + behind)
  }

  /// What is no text in UTF-8 would be sent as something that nobody can read.
  private func refuseOtherEncodings(_ line: [UInt8], _ log: Cuttable) throws(FileFault) {
    guard line.starts(with: [0xff, 0xfe]) || line.starts(with: [0xfe, 0xff]) else { return }
    throw FileFault(
      .damaged, "Cannot read", at: log.path, why: "it is text in UTF-16",
      remedy: "Have it written in UTF-8, or set encoding: utf-16 with rotation: closed")
  }

  /// A record may hold the name of a column, but hardly most of them; another version of the header does.
  static func isRecord(_ line: [UInt8], under header: [UInt8]) -> Bool {
    if line == header { return false }
    func fields(_ line: [UInt8]) -> Set<ArraySlice<UInt8>> {
      let separators: Set<UInt8> = Set(",;|\t".utf8)
      return Set(
        line.split(whereSeparator: { separators.contains($0) }).map { field in
          field.first == UInt8(ascii: "\"") && field.count > 2 ? field.dropFirst().dropLast() : field
        })
    }
    let names = fields(header)
    return fields(line).intersection(names).count * 2 <= names.count
  }

  /// Complete records from `start` on. - Returns: how many, and where the last one ends.
  /// - Parameter most: no more are counted than that, or a few.
  func count(_ log: Cuttable, from start: UInt64, most: Int = .max) throws -> (rows: Int, end: UInt64) {
    try holding(.read, log) { try countRecords(log, from: start, most) }
  }

  private func countRecords(
    _ log: Cuttable, from start: UInt64, _ most: Int
  ) throws -> (rows: Int, end: UInt64) {
    let reader = LogReader(
      file: try log.open(files), size: log.size, isFinal: log.isFinal, dialect: dialect,
      maxRecord: settings.batch.maxRecord, from: start)
    var rows = 0
    while rows < most, case .records(let count, let bytes) = try reader.next(maxBytes: .max, maxRecords: .max) {
      try goOn()
      rows += count
      reader.consume(bytes)
    }
    return (rows, reader.offset)
  }

  var dialect: RecordDialect { settings.record == .csv ? .csv() : .line }

  /// - Throws: `Interrupted` where the agent stops.
  func goOn() throws {
    if isStopping() { throw Interrupted() }
  }

  /// Said for the next life, should this one end meanwhile.
  func holding<Result>(_ step: Work.Step, _ log: Cuttable, _ body: () throws -> Result) throws -> Result {
    try hands.holding(Work(.stream(settings.name), step, .source(log.record.id)), body)
  }

  /// How many NUL bytes lie there in a row.
  private func zeros(in file: any ReadableFile, from start: UInt64, to size: UInt64) throws -> UInt64 {
    var count: UInt64 = 0
    // A short look first: there are hardly ever any.
    var length = 1
    while start + count < size {
      try goOn()
      var buffer = [UInt8](repeating: 1, count: length)
      let got = try buffer.withUnsafeMutableBufferPointer { (all) throws(FileFault) in
        try file.read(into: UnsafeMutableRawBufferPointer(all), at: start + count)
      }
      guard got > 0 else { return count }
      if let end = buffer[..<got].firstIndex(where: { $0 != 0 }) { return count + UInt64(end) }
      count += UInt64(got)
      length = Limits.chunkBytes
      count = max(count, min(file.nextData(from: start + count) ?? size, size) -| start)
    }
    return count
  }
}

extension UnsafeRawBufferPointer {
  fileprivate func trimmingLineEnds() -> Self {
    var end = endIndex
    while end > startIndex, self[end - 1] == UInt8(ascii: "\n") || self[end - 1] == UInt8(ascii: "\r") { end -= 1 }
    return UnsafeRawBufferPointer(rebasing: self[startIndex..<end])
  }
}
