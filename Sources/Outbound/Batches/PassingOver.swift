import Core
import Files
import SystemPackage

/// Records too large to send that were not passed over to their end yet: how far, by source. Lost with the process; then they are begun
/// anew.
final class Oversized {
  struct Progress {
    let from: UInt64
    var to: UInt64
  }
  var records: [SourceID: Progress] = [:]
}

// Reading goes on behind a record that is larger than `batch.max_record`. Its beginning is kept for a person to look at.
extension Cutter {
  enum Aside {
    case done(Gap)
    /// It may still be written.
    case notWhole
    /// There is more of it than one turn reads: others have theirs.
    case later
  }

  /// What a record that is kept there is called: its log, and where it stood.
  struct AsideName {
    let source: SourceID
    let from, to: UInt64

    init(source: SourceID, from: UInt64, to: UInt64) { (self.source, self.from, self.to) = (source, from, to) }

    init?(_ name: FileName) {
      let parts = name.description.split(separator: "-")
      guard parts.count == 3, let source = SourceID(parts[0]), let from = UInt64(parts[1]), let to = UInt64(parts[2])
      else { return nil }
      self.init(source: source, from: from, to: to)
    }

    var name: FileName { FileName("\(source)-\(from)-\(to)") }
  }

  /// Keeps the beginning of the line that begins a record too large to send, durably, so that reading can go on behind it.
  func putAside(_ reader: LogReader, _ log: Cuttable) throws -> Aside {
    let from = reader.offset
    let temporary = aside.appending(FileName("\(log.record.id)-\(from).tmp"))
    let known = oversized.records[log.record.id].flatMap { $0.from == from ? $0 : nil }
    var kept: (any WritableFile)?
    if let known, try files.info(temporary) != nil {
      reader.jump(to: known.to)
    } else {
      try files.ensureDirectory(aside)
      try files.removeTree(temporary)
      kept = try files.create(temporary, mode: .stateFile)
    }
    var room = max(Limits.asideBytes, settings.batch.maxRecord *| 16)
    let skip: LogReader.Skip
    do {
      skip = try reader.skipLine(most: Limits.skipBytes) { piece in
        try contents.goOn()
        guard let kept, room > 0 else { return }
        let part = UnsafeRawBufferPointer(rebasing: piece.prefix(room))
        try kept.write(part)
        room -= part.count
      }
    } catch {
      oversized.records[log.record.id] = nil
      try? files.remove(temporary)
      throw error
    }
    if skip == .enough {
      oversized.records[log.record.id] = Oversized.Progress(from: from, to: reader.offset)
      return .later
    }
    oversized.records[log.record.id] = nil
    guard skip == .wholeLine || log.isFinal else {
      try files.remove(temporary)
      return .notWhole
    }
    try files.sync([temporary])
    try files.replace(
      aside.appending(AsideName(source: log.record.id, from: from, to: reader.offset).name), with: temporary)
    try files.sync([aside, aside.parent])
    return .done(Gap(source: log.record, from: from, to: reader.offset))
  }
}
