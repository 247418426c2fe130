import Core
import Files
import Formats
import Ledger
import SystemPackage

/// A log that may be cut now.
struct Cuttable {
  var record: SourceRecord
  let path: FilePath
  let size: UInt64
  /// Nobody can add to it: its last record counts without a line feed too.
  let isFinal: Bool
  let form: LogForm
  /// Of the file, not of the source.
  let inode: UInt64

  /// - Throws: `SourceMoved` where another file lies there now.
  func open(_ files: any Files) throws -> any ReadableFile {
    let file: any ReadableFile
    do throws(FileFault) {
      file = try files.open(path)
    } catch {
      if error.kind == .missing { throw SourceMoved() }
      throw error
    }
    guard try file.info().inode == inode else { throw SourceMoved() }
    return form.view(file, at: path)
  }
}

/// A stretch that could not become records: larger than `max_record`. Its bytes are kept in `aside`.
struct Gap {
  let source: SourceRecord
  let from: UInt64
  let to: UInt64
}

/// One batch, cut and compressed in a single pass over the logs.
struct Cut {
  var segments: [Segment] = []
  var rows = 0
  /// Uncompressed, header included.
  var bytes: UInt64 = 0
  var compressedBytes: UInt64 = 0
  var header = DigestHasher.digest(of: [])
  /// As the object begins; empty: it has none.
  var headerLine: [UInt8] = []
  /// Midnight of the day that all of its records are of, where a column tells that.
  var day: Timestamp?
  var sha256 = DigestHasher.digest(of: [])
  var md5 = ""
  /// How far each source has been read: behind its last segment, and behind gaps.
  var cursors: [SourceID: UInt64] = [:]
  /// Of the bytes before each cursor.
  var tails: [SourceID: Digest] = [:]
  var gaps: [Gap] = []
  /// Rows that nobody wants, and rows that are kept for a person.
  var skipped = 0
  var aside: AsideRows?
  /// Where in a log a line begins whose quote is not closed yet: it may still be.
  var openQuotes: [SourceID: UInt64] = [:]
  /// Of sources under another header than the one they begin with.
  var headers: [SourceID: [UInt8]] = [:]
  /// Bytes of no meaning that were passed over.
  var holes: [Gap] = []
  /// Sources of which all complete records were taken.
  var ended: Set<SourceID> = []
  /// Something was left because the batch is full or because the next log has another header.
  var isFull = false
  /// It holds all that a batch may.
  var isFilled = false
  /// A record that is too large was not passed over to its end.
  var hasMore = false
}

extension Cut {
  /// Whether it becomes a batch. What stands before a gap goes now: the cursor moves behind both.
  /// - Parameter everything: all that is complete is wanted, not only what is full.
  func isWorthSealing(everything: Bool) -> Bool { rows > 0 && (everything || isFull || isFilled || !gaps.isEmpty) }

  /// Whether reading goes on behind rows of which none is sent.
  func passesOver(everything: Bool) -> Bool {
    rows == 0 && (skipped > 0 || aside != nil) && (everything || isFull || !gaps.isEmpty)
  }

  /// Whether another cut may give more. Logs without records may have stood before one with another header: the next one passes them
  /// over.
  func mayLeaveMore(isSealed: Bool) -> Bool { isFull && (isSealed || rows == 0 && !ended.isEmpty) }

  /// Sources from which no more comes before they change. What could not be sealed is unread still.
  func exhausted(isSealed: Bool) -> Set<SourceID> { isSealed || rows == 0 ? ended : [] }

  mutating func note(_ gap: Gap, tail: Digest?) {
    gaps.append(gap)
    cursors[gap.source.id] = gap.to
    tails[gap.source.id] = tail
  }
}
