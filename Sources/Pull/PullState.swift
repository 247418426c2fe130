import Config
import Core
import Ledger
import SystemPackage

/// One feed's pulling between two passes: what its steps know, each for itself, and what they share. All of it can be lost: the ledger and
/// landing say what has been done.
struct PullState: Sendable {
  var common: PullCommon
  var listing = Listing()
  var fetching = Fetching()
  var landing = Landing()
  var clearing = Clearing()

  /// Nil where the feed does not pull.
  init?(_ settings: FeedSettings) {
    guard let common = PullCommon(settings) else { return nil }
    self.common = common
  }

  var standing: PullStanding {
    PullStanding(
      listedAt: listing.listedAt, waiting: fetching.waiting,
      fault: common.wait?.fault ?? fetching.fault ?? clearing.fault ?? listing.fault)
  }

  /// Whether nothing is under way or due. What waits for a name in landing does not count.
  var isIdle: Bool {
    common.underWay == 0 && (common.isStopped || (listing.isThrough && fetching.isBlocked))
  }

  /// Whether something could not be fetched or asked for.
  var isWaiting: Bool { common.wait != nil || listing.isBarred || fetching.isResting }
}

/// What the steps of a pull share, from pass to pass.
struct PullCommon: Sendable {
  struct Wait {
    var attempts: Int
    /// Uptime.
    var until: Duration
    var fault: String
    /// It is our disk's trouble, over when a pass goes through.
    var isOurs: Bool
  }

  let name: FeedName
  let landing: FilePath
  let settle: Duration
  let pull: FeedSettings.Pull
  let names: PullNames
  /// Of the require of the feed.
  let maxBytes: UInt64
  var store: StoreName { pull.store }

  var wait: Wait?
  /// By a person.
  var isStopped = false
  var underWay = 0
  /// How often the store has answered.
  var answers = 0
  /// Pieces of work that came to a good end in this life.
  var progress = 0
  /// Whether its store answered in this life; nil: it was not asked.
  var reached: Bool?

  init?(_ settings: FeedSettings) {
    guard let pull = settings.pull else { return nil }
    (name, landing, settle) = (settings.name, settings.landing, settings.settle.answered)
    self.pull = pull
    maxBytes = settings.require.maxBytes
    names = PullNames(pull, settings)
  }

  /// Where an object lies until it has its name: hidden, and the same in each life.
  func part(of source: DropPart.Origin) -> FilePath { landing.appending(PartName.of(source)) }

  /// Nil where it is no path that we have made.
  func target(_ path: String) -> FilePath? {
    var target = landing
    for text in path.split(separator: "/", omittingEmptySubsequences: false) {
      guard let name = FileName(escaped: String(text)), !name.bytes.isEmpty, !name.bytes.contains(0),
        !name.bytes.contains(UInt8(ascii: "/")), name.bytes != [46], name.bytes != [46, 46]
      else { return nil }
      target = target.appending(name)
    }
    return target
  }
}

/// What a file is called in landing while it is fetched.
enum PartName {
  private static let head = Array(".navette-".utf8)
  private static let tail = Array(".part".utf8)

  static func of(_ source: DropPart.Origin) -> FileName { FileName(".navette-\(source.digest).part") }

  static func isOne(_ name: FileName) -> Bool {
    name.bytes.count == head.count + 16 + tail.count && name.bytes.starts(with: head)
      && name.bytes.suffix(tail.count).elementsEqual(tail)
  }
}
