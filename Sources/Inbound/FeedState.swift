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
  var adopting = Adopting()
  var resuming = Resuming()
  var intake = Intake()
  var completion = Completion()
  var taking = Taking()
  var claiming = Claiming()
  var lookingBack = LookingBack()
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
    let old = common.settings
    if new.landing != old.landing { (intake, completion, taking) = (Intake(), Completion(), Taking()) }
    if new.handover != old.handover { adopting.beginAnew() }
    if new.expect != old.expect { reminding.forget() }
    common.adopt(new)
  }
}

/// What the steps of a feed share, from pass to pass.
struct FeedCommon {
  var settings: FeedSettings
  let spool: Spool<DropPlace>
  var filter: LandingFilter

  var inHand = ContentsInHand()
  var pause: Pause?
  /// Drops that wait for something outside, and for what; told once.
  var reported: [DropID: String] = [:]
  /// Of landing and the hand-over folder.
  var mounts = MountGuard()
  /// What cannot be worked on for a reason of its own.
  var waits = ItemWaits<FeedItem>()
  /// Drops that could not be made durable when the places were adopted: nothing is done with them before.
  var unadopted: [DropID: DropPlace] = [:]

  struct Pause {
    /// Uptime.
    let until: Duration
    let kind: FileKind
    let attempts: Int
    let why: String
    let since: Timestamp

    /// Longer after each fault that follows another.
    init(_ fault: FileFault, after last: Pause?, at now: Moment) {
      attempts = (last?.attempts ?? 0) + 1
      until = now.uptime + min(Limits.feedPause, .seconds(1 << min(attempts - 1, 4)))
      (kind, why, since) = (fault.kind, fault.description, last?.since ?? now.wall)
    }
  }

  init(_ settings: FeedSettings, state: StateFolder, files: any Files) {
    self.settings = settings
    spool = Spool(root: state.feed(settings.name), files: files)
    filter = LandingFilter(settings)
  }

  /// New settings for the same feed.
  mutating func adopt(_ new: FeedSettings) {
    mounts = MountGuard()
    settings = new
    filter = LandingFilter(new)
    pause = nil
    waits = ItemWaits<FeedItem>()
  }
}
