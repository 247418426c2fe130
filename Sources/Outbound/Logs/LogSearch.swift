import Core
import Files
import Ledger
import SystemPackage

/// One look under way.
struct LogSearch {
  var found = FoundLogs()
  /// Known sources not found yet.
  var left: [SourceID: SourceRecord]
  var seen: Set<FileKey> = []
  let now: Moment
  let memory: SourceMemory
  /// Before it, the ledger knew of none that is later; nil: of none at all.
  let newest: Timestamp?
  /// Into which folders logs are rotated.
  var kin = Kinship()
  /// Rotated names that cannot be judged yet.
  var pending: [FilePath] = []
  var made: Int64 = 0
  /// Live logs that hold something else than before.
  var emptied: Set<FileKey> = []

  var isFirst: Bool { newest == nil }

  /// Whether a rotated log that nobody has seen lay in a folder that nobody has looked through before, and was last written to before the newest
  /// log that is known was first seen: it was through by then.
  func isHistory(_ candidate: LogCandidate, _ kin: [SourceRecord]) -> Bool {
    let folder = candidate.path.parent
    guard kin.allSatisfy({ FilePath($0.path).parent != folder }), self.kin.olddirs.contains(folder) else {
      return false
    }
    return newest.map { Timestamp(nanoseconds: candidate.info.modified) < $0 } ?? true
  }

  /// A nanosecond apart, so that what is found together stays in order; and later than all that is known, also where two looks fall
  /// on one instant, or the clock was set back between them.
  mutating func nextInstant() -> Timestamp {
    defer { made += 1 }
    let first = max(now.wall.nanoseconds, newest.map { $0.nanoseconds + 1 } ?? .min)
    return Timestamp(nanoseconds: first + made)
  }

  /// Its own fault, which keeps no other log waiting.
  mutating func block(_ candidate: LogCandidate, _ fault: FileFault) throws(FileFault) {
    if fault.kind == .exhausted { throw fault }
    found.blocked.append(
      BlockedLog(
        path: candidate.path, role: candidate.role, inode: candidate.info.inode, fault: fault))
  }

  /// Not what it was listed as: what it is now is for the next look to tell.
  mutating func leave(_ candidate: LogCandidate) {
    found.isStale = true
    pending.append(candidate.path)
  }
}

/// What a look at the log folders found.
struct FoundLogs {
  /// Asides first, in the order of their names, then live logs.
  var logs: [LogFile] = []
  /// New, moved, or known by a longer head than before: to be noted in the ledger.
  var changed: [SourceRecord] = []
  /// Known sources whose file is no longer there, or no longer theirs.
  var vanished: [SourceRecord] = []
  /// Of vanished sources: how large a copy that takes over is.
  var copies: [SourceID: UInt64] = [:]
  /// Rotated before the stream was looked at for the first time, and matched by no glob: not to be sent.
  var history: [SourceRecord] = []
  /// Copies of logs that are still whole, or of which nothing is left to be told.
  var spare: [Pin] = []
  /// Something was not any more what it had been listed as.
  var isStale = false
  /// Folders that could not be listed; their sources are neither found nor vanished.
  var faults: [(folder: FilePath, fault: FileFault)] = []
  /// Logs that could not be looked at: the same.
  var blocked: [BlockedLog] = []
  /// What stands under a log's name and is none: it hides nothing, and waits by itself.
  var unusable: [(path: FilePath, fault: FileFault)] = []
  /// Known sources that were not found, and are not given up: what may be theirs is still written, or cannot be read, for that reason.
  var unreached: [(record: SourceRecord, fault: FileFault?)] = []
  /// Packed files with rotated names that are damaged, or not whole.
  var unreadable: [(path: FilePath, fault: FileFault)] = []
  /// Logs whose turn comes later: neither found nor vanished.
  var later: [(path: FilePath, inode: UInt64)] = []

  /// What was saved is there still; what was read to its end before it went is gone, whatever was made of it.
  mutating func settle(_ rescue: Pinning.Rescue) {
    vanished.removeAll { rescue.saved.contains($0.id) }
    vanished += unreached.map(\.record).filter { rescue.complete.contains($0.id) }
    unreached.removeAll {
      rescue.saved.contains($0.record.id) || rescue.complete.contains($0.record.id)
    }
  }

  /// Whether the log may be there although it was not found: its folder could not be listed, it could not be looked at, or its turn
  /// comes later.
  func isOutOfSight(_ record: SourceRecord) -> Bool {
    let folder = FilePath(record.path).parent
    return faults.contains { $0.folder == folder }
      || later.contains { $0.inode == record.identity.inode }
      // One of which not even the inode can be told may be any of that folder.
      || blocked.contains {
        $0.inode.map { $0 == record.identity.inode } ?? ($0.path.parent == folder)
      }
  }
}

/// A log that could not be looked at.
struct BlockedLog {
  let path: FilePath
  let role: LogFile.Role
  /// Nil where not even that can be told.
  let inode: UInt64?
  let fault: FileFault
}

/// A file that may be one of the stream's logs.
struct LogCandidate {
  let path: FilePath
  let role: LogFile.Role
  let isInGlob: Bool
  let info: FileInfo
  let form: LogForm
}

struct FileKey: Hashable {
  let device: UInt64
  let inode: UInt64
  init(_ info: FileInfo) { (device, inode) = (info.device, info.inode) }
  init(_ identity: SourceIdentity) { (device, inode) = (identity.device, identity.inode) }
}
