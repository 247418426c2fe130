import Config
import Core
import Files
import Lanes
import Spool
import SystemPackage

/// One feed between two passes: what its steps know, each for itself, and what they share. All of it can be lost: the places say what has
/// been done.
struct FeedState {
  var common: FeedCommon
  var inspecting = Inspecting()
  var comparing = Comparing()
  var staging = Staging()
  var recording = Recording()
  var sorting = Sorting()
  var publishing = Publishing()
  var archiving = Archiving()
  var reminding = Reminding()
  var sweeping = Sweeping()
  var reporting = Reporting()

  init(_ settings: FeedSettings, state: StateFolder, files: any Files) {
    common = FeedCommon(settings, state: state, files: files)
  }

  /// New settings for the same feed.
  mutating func adopt(_ new: FeedSettings) {
    if new.expect != common.settings.expect { reminding.forget() }
    common.adopt(new)
  }
}

/// What the steps of a feed share, from pass to pass.
struct FeedCommon {
  var settings: FeedSettings
  let spool: Spool<DropPlace>
  var filter: LandingFilter
  /// Landing, and the folders below it where the feed looks into them.
  var folders: [FilePath: LandingFolder] = [:]

  /// Whether everything in the places has been made durable by this process, and is in the ledger. Any fault ends it: what was
  /// renamed may then not have been synced.
  var isAdopted = false
  /// False once a rename from landing met the border of a mount.
  var canRename = true
  var inHand = ContentsInHand()
  var pause: Pause?
  /// Drops that wait for something outside, and for what; told once.
  var reported: [DropID: String] = [:]
  /// Drops in `claimed` whose originals lie in a landing folder that was away.
  var hasOriginalsAway = false
  /// Of landing and the hand-over folder.
  var mounts = MountGuard()
  /// What cannot be worked on for a reason of its own.
  var waits = ItemWaits<FeedItem>()
  /// Drops that could not be made durable when the places were adopted: nothing is done with them before.
  var unadopted: [DropID: DropPlace] = [:]
  /// Originals of claimed drops that could not be removed from landing: they are not taken again.
  var uncleared: [FilePath: UInt64] = [:]
  /// Drops in `gathering` or `claimed` that cannot be worked on now, and what landing may hold of them.
  var stuck: Set<DropID> = []
  var reserved: [FilePath: Reserved] = [:]

  struct Pause {
    /// Uptime.
    var until: Duration
    let kind: FileKind
    var attempts: Int
    var why: String
    let since: Timestamp
  }

  init(_ settings: FeedSettings, state: StateFolder, files: any Files) {
    self.settings = settings
    spool = Spool(root: state.feed(settings.name), files: files)
    filter = LandingFilter(settings)
  }

  /// New settings for the same feed.
  mutating func adopt(_ new: FeedSettings) {
    if new.landing != settings.landing { (folders, canRename) = ([:], true) }
    if new.handover != settings.handover { isAdopted = false }
    mounts = MountGuard()
    settings = new
    filter = LandingFilter(new)
    pause = nil
    waits = ItemWaits<FeedItem>()
  }
}
