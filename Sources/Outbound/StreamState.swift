import Config
import Core
import Files
import Lanes
import Spool
import Store
import SystemPackage

/// What the engine remembers of one stream between passes. All of it can be made anew from the disk and the ledger.
final class StreamState {
  let settings: StreamSettings
  let spool: Spool<BatchPlace>
  let contents: LogContents
  let cutter: Cutter
  let key: KeyTemplate
  let archive: LogArchive
  /// Of the schedule; the configuration was refused where the machine does not know it.
  let zone: ClockZone
  var sources: LogSources
  var turns = LogTurns()

  var flush = false
  /// Everything was due, and a pass has not got through all of it.
  var isCatchingUp = false
  /// The spool was full when something was to be sealed last.
  var hadNoRoom = false
  /// Trouble of its own.
  var pause: Pause?
  /// A person has paused it.
  var isStopped = false
  /// The last number given to a batch; nil before the first look.
  var sequence: Int?
  /// Batches in `ready` that this process wrote, or has synced and recorded.
  var adopted: Set<BatchID> = []
  /// What lies on the disk, as of the last scan.
  var logs: [LogFile] = []
  /// Since when a source's oldest unread byte has been waiting; no entry: it had none.
  var waiting: [SourceID: Timestamp] = [:]
  /// Sources seen without unread bytes by this process, so that a later first byte is new.
  var drained: Set<SourceID> = []
  /// Where the records of a source begin.
  var headerEnds: [SourceID: UInt64] = [:]
  var counted: [SourceID: Counted] = [:]
  /// Sources of which a cut took all it could: nothing more will come before one of these changes.
  var exhausted: [SourceID: Exhausted] = [:]
  /// Logs whose writers cannot be told, and since when they have not changed.
  var resting: [SourceID: Rest] = [:]
  var sweptAt: Duration?
  /// Logs that others rotate, kept open: what is deleted can be read still.
  var open: [SourceID: any ReadableFile] = [:]
  /// Logs, folders and batches that cannot be worked on for a reason of their own.
  var waits = ItemWaits<StreamItem>()
  /// Batches in `damaged` that the ledger does not know: nobody knows which records they hold.
  var undecided: Set<BatchID> = []
  /// The reopen command failed last.
  var reopenFault: (why: String, since: Timestamp)?
  /// As `status` was told last.
  var report: LaneReport?
  /// Whether it is settled what of the logs that lay there at first is read.
  var hasBegun = false

  var name: StreamName { settings.name }

  struct Pause {
    let until: Duration
    let attempt: Int
    let said: String
    let since: Timestamp
  }
  struct Counted {
    var upTo: UInt64
    var rows: Int
  }
  struct Exhausted: Hashable {
    let size: UInt64
    let isFinal: Bool
  }
  struct Rest {
    let since: Duration
    let size: UInt64
    let changed: Int64
  }

  init(
    _ settings: StreamSettings, state: StateFolder, files: any Files, hands: Hands, suspects: Suspects,
    isStopping: @escaping @Sendable () -> Bool
  ) {
    self.settings = settings
    let root = state.stream(settings.name)
    spool = Spool(root: root, files: files)
    contents = LogContents(settings: settings, files: files, hands: hands, isStopping: isStopping)
    cutter = Cutter(contents, aside: root.appending(Cutter.folderName))
    archive = LogArchive(folder: root.appending(LogArchive.folderName), files: files)
    zone = SystemZone.named(settings.timezone) ?? .utc
    do {
      key = try KeyTemplate(settings.key)
    } catch {
      preconditionFailure("the configuration was accepted with the key \(settings.key): \(error)")
    }
    sources = LogSources(
      settings, pins: root.appending(Pin.folderName), files: files, hands: hands,
      suspects: suspects)
  }

  /// Forgets what it knew of a source that is gone.
  func forget(_ source: SourceID) {
    waiting[source] = nil
    drained.remove(source)
    headerEnds[source] = nil
    counted[source] = nil
    exhausted[source] = nil
    resting[source] = nil
    open[source] = nil
    sources.forget(source)
  }
}
