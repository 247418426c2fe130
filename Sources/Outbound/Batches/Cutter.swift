import Config
import Core
import Files
import Formats
import Lanes
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
  /// Ids of rows that were sent.
  let ids: SentIDs
  private let turn: Turn

  var settings: StreamSettings { contents.settings }
  var files: any Files { contents.files }

  init(_ reader: LogContents, aside: FilePath, _ turn: Turn) {
    (self.contents, self.aside, self.turn) = (reader, aside, turn)
    ids = SentIDs(most: reader.settings.checksRows ? reader.settings.rows.idWindow : 0)
  }

  /// Writes the object into a batch's folder, and rows that are left out beside it; the caller removes it where no row came of it.
  func cut(_ logs: [Cuttable], into folder: FilePath, at now: Timestamp) throws -> Cut {
    ids.seen.drop()
    var writer = ObjectWriter(
      file: try files.create(folder.appending(BatchPlan.objectName), mode: .stateFile),
      level: settings.compressionLevel,
      encrypter: settings.encrypt.map { Encrypter($0, of: settings.name, turn) },
      isPacked: settings.packsObjects)
    var cut = Cut()
    let aside = AsideWriter(folder: folder, files: files)
    var headerLine: [UInt8]?
    for log in logs {
      guard cut.segments.count < Limits.segmentsPerBatch else {
        cut.isFull = true
        break
      }
      guard let first = try contents.header(of: log) else { continue }
      let reading = try LogCut(log, first, contents, from: max(log.record.cursor, first.end), at: now)
      let header = try reading.passHeaders()
      if let line = headerLine, line != header.line {
        cut.isFull = true
        break
      }
      if headerLine == nil {
        headerLine = header.line
        try begin(&cut, &writer, header.line)
      }
      if header.own != first.own { cut.headers[log.record.id] = header.own }
      if header.hole > 0, log.record.cursor < header.end {
        cut.holes.append(Gap(source: log.record, from: header.end - header.hole, to: header.end))
      }
      try contents.holding(.cut, log) { try reading.take(self, &cut, &writer, aside) }
      if cut.isFull { break }
    }
    cut.aside = try aside.finish()
    (cut.compressedBytes, cut.sha256, cut.md5) = try writer.finish()
    return cut
  }

  private func begin(_ cut: inout Cut, _ writer: inout ObjectWriter, _ line: [UInt8]) throws {
    cut.header = DigestHasher.digest(of: line)
    cut.headerLine = line
    guard !line.isEmpty else { return }
    try writer.write(line + [UInt8(ascii: "\n")])
    cut.bytes = UInt64(line.count + 1)
  }

  /// Nil: not to its end, this time.
  func passOver(_ reader: LogReader, _ log: Cuttable, _ cut: inout Cut) throws -> Gap? {
    switch try putAside(reader, log) {
    case .done(let gap): return gap
    case .notWhole: cut.ended.insert(log.record.id)
    case .later: cut.hasMore = true
    }
    return nil
  }

  func room(in cut: Cut) -> (bytes: UInt64, rows: Int) {
    let batch = settings.batch
    return (batch.maxBytes -| cut.bytes, batch.maxRows == 0 ? .max : batch.maxRows - cut.rows)
  }
}

/// Ids of rows that a stream has sent lately; lost with the process.
final class SentIDs {
  var seen: SeenIDs
  init(most: Int) { seen = SeenIDs(most: most) }
}
