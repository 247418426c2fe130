import Core
import Files
import Ledger
import SystemPackage

/// One log file as it lies on the disk now, and who it is.
struct LogFile {
  enum Role: Hashable {
    /// Under the name that its writer knows.
    case live
    /// Set aside by us: only a writer that still holds it open can add to it.
    case aside
    /// Rotated by others, still in the log folder.
    case rotated
    /// In `pinned/`: rotated, deleted or emptied by others, or by us.
    case pinned
  }

  var record: SourceRecord
  let path: FilePath
  let role: Role
  let form: LogForm
  /// Of the file, but its size is the log's own: unpacked, and with what was not carried over.
  let info: FileInfo
  let writers: Writers
}

/// What a look asks the ledger for.
struct SourceMemory {
  /// Any source with this inode, gone ones too.
  let byInode: (UInt64) throws -> [SourceRecord]
  /// All sources, gone ones too.
  let all: () throws -> [SourceRecord]
  /// Whether there is such a source, or was.
  let knows: (SourceID) throws -> Bool
}
