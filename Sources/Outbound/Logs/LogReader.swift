import Core
import Files
import Formats

/// Complete records of one log, a chunk at a time. What is pending begins at a record's start; it grows beyond a chunk only for
/// a record that is larger, and never beyond `max_record` and a chunk.
final class LogReader {
  enum Step: Hashable {
    /// The first `bytes` that are pending hold so many complete records.
    case records(Int, bytes: Int)
    /// The next record is complete, but larger than what was asked for.
    case full
    /// The next record is larger than `max_record`.
    case tooLarge
    /// No complete record is left; so many bytes are unfinished.
    case end(rest: Int)
  }

  private let file: any ReadableFile
  private let dialect: RecordDialect
  private let maxRecord: Int
  private let chunk: Int
  /// How much of the file is looked at: what was there when the pass began.
  let size: UInt64
  /// Nobody can add to the file: what lies in it will never be more.
  let isFinal: Bool

  /// Where in the file `pending` begins.
  private(set) var offset: UInt64
  private var buffer: UnsafeMutableRawBufferPointer
  private var start = 0
  private var filled = 0
  /// The file turned out to be shorter than `size`: somebody has cut it off.
  private var isShort = false

  init(file: any ReadableFile, size: UInt64, isFinal: Bool, dialect: RecordDialect, maxRecord: Int, from offset: UInt64)
  {
    self.file = file
    self.size = size
    self.isFinal = isFinal
    self.dialect = dialect
    self.maxRecord = maxRecord
    self.offset = offset
    // Not larger than a record may be: so no record that a chunk holds whole is too large.
    chunk = min(Limits.chunkBytes, maxRecord)
    buffer = .allocate(byteCount: chunk, alignment: 16)
  }

  deinit { buffer.deallocate() }

  /// Valid until the next call of any function.
  var pending: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: buffer[start..<filled]) }

  /// The next complete records, as many as lie in a chunk and within the limits.
  func next(maxBytes: UInt64, maxRecords: Int) throws(FileFault) -> Step {
    var wanted = chunk
    while true {
      try fill(to: wanted)
      let seesEnd = isShort || offset + UInt64(pending.count) >= size
      let found = scan(maxRecords, Int(min(maxBytes, UInt64(Int.max))), isLast: seesEnd && isFinal)
      if found.end > 0 {
        if wanted > chunk, scan(1, .max, isLast: seesEnd && isFinal).end > maxRecord { return .tooLarge }
        return .records(found.records, bytes: found.end)
      }
      let first = scan(1, .max, isLast: seesEnd && isFinal).end
      if first > maxRecord || pending.count > maxRecord { return .tooLarge }
      if first > 0 { return .full }
      if seesEnd { return .end(rest: pending.count) }
      wanted = pending.count + chunk
    }
  }

  func pending(_ bytes: Int) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: pending[..<bytes]) }

  func consume(_ bytes: Int) {
    precondition(bytes <= pending.count, "beyond what was read")
    start += bytes
    offset += UInt64(bytes)
  }

  enum Skip: Hashable {
    case wholeLine
    /// The file ends before the line does.
    case endOfFile
    /// There is more of it than was to be read.
    case enough
  }

  /// Reads on up to the end of the line that begins here, in pieces. What was never written to the disk is passed over without being read.
  /// - Parameter most: bytes to be read at most, or a little more.
  func skipLine(most: UInt64, _ each: (UnsafeRawBufferPointer) throws -> Void) throws -> Skip {
    var read: UInt64 = 0
    while true {
      if pending.isEmpty { try fill(to: chunk) }
      guard !pending.isEmpty else { return .endOfFile }
      if let feed = pending.firstIndex(of: UInt8(ascii: "\n")) {
        try each(UnsafeRawBufferPointer(rebasing: pending[...feed]))
        consume(feed + 1)
        return .wholeLine
      }
      read +|= UInt64(pending.count)
      let mayBeHole = pending.last == 0
      try each(pending)
      consume(pending.count)
      if mayBeHole { jump(to: file.nextData(from: offset) ?? size) }
      if read >= most { return .enough }
    }
  }

  /// Goes on from there; nothing is pending.
  func jump(to place: UInt64) {
    guard place > offset else { return }
    (start, filled) = (0, 0)
    offset = min(place, size)
  }

  private func scan(_ maxRecords: Int, _ maxBytes: Int, isLast: Bool) -> (records: Int, end: Int) {
    Records.scan(
      pending, dialect: dialect, maxRecords: maxRecords, maxBytes: maxBytes, maxRecord: maxRecord, isLast: isLast)
  }

  private func fill(to wanted: Int) throws(FileFault) {
    guard pending.count < wanted else { return }
    if wanted > buffer.count {
      let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: wanted, alignment: 16)
      larger.copyMemory(from: pending)
      buffer.deallocate()
      buffer = larger
      (start, filled) = (0, filled - start)
    } else if start > 0 {
      let kept = pending.count
      UnsafeMutableRawBufferPointer(rebasing: buffer[..<kept]).copyMemory(from: pending)
      (start, filled) = (0, kept)
    }
    while filled < wanted {
      let position = offset + UInt64(filled)
      guard position < size else { return }
      let count = Int(min(UInt64(wanted - filled), size - position))
      let got = try file.read(
        into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled..<(filled + count)]), at: position)
      guard got > 0 else {
        isShort = true
        return
      }
      filled += got
    }
  }
}
