import Config
import Core
import Files
import Formats
import Ledger
import Store
import SystemPackage

/// One feed's pulling between two passes. All of it can be lost: the ledger and landing say what has been done.
struct PullState: Sendable {
  struct Wanted: Hashable {
    let candidate: PullCandidate
    /// Its name in landing is taken.
    var isBlocked = false
  }
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
  var store: StoreName { pull.store }

  /// Uptime; at first: now.
  var nextList: Duration = .zero
  var isListing = false
  var listedOnce = false
  /// Of the list under way.
  var found: [PullCandidate] = []
  /// More than may wait at a time were found: the rest is found again.
  var hasMore = false
  /// Oldest first.
  var wanted: [Wanted] = []
  /// Bytes by key.
  var fetching: [String: UInt64] = [:]
  var deleting: Set<String> = []
  /// What could not be fetched, and could not be deleted, by key.
  var held: [String: HeldObject] = [:]
  var undeleted: [String: ObjectRest] = [:]
  /// Folders of the store that the last list could not look into, and why, by key.
  var barred: [String: String] = [:]
  /// What has its bytes in landing, cannot get its name there, and was told.
  var misplaced: Set<String> = []
  /// How often the store has answered.
  var answers = 0
  /// Objects in a row to which there was no right.
  var denials = 0
  /// Names told that can be no file's.
  var refusals = 0
  /// Of the require of the feed.
  let maxBytes: UInt64
  /// Uptime since when an object that may still grow has been as it is; of the last list, and of the one under way.
  var observed: [DropPart.Origin: Duration] = [:]
  var observing: [DropPart.Origin: Duration] = [:]
  var wait: Wait?
  var listedAt: Timestamp?
  var listBegan = Timestamp(nanoseconds: 0)
  var isPrepared = false
  var mayPlace = false
  var isLow = false
  /// By a person.
  var isStopped = false

  var isSettling: Bool { !observed.isEmpty || isListing || hasMore }

  init?(_ settings: FeedSettings) {
    guard let pull = settings.pull else { return nil }
    (name, landing, settle) = (settings.name, settings.landing, settings.settle)
    self.pull = pull
    maxBytes = settings.require.maxBytes
    names = PullNames(pull, settings)
  }

  mutating func beginList(at now: Moment) {
    (isListing, listBegan, found, hasMore, observing) = (true, now.wall, [], false, [:])
    for key in held.keys { held[key]?.isListed = false }
  }

  var standing: PullStanding {
    let resting = held.values.count(where: \.isResting)
    return PullStanding(listedAt: listedAt, waiting: wanted.count + resting, fault: wait?.fault ?? heldFault)
  }

  /// Whether the object has been seen as it is for one settle time. Pure but for what it remembers for the next list.
  mutating func observe(_ sources: [DropPart.Origin], at uptime: Duration) {
    for source in sources {
      held[source.key]?.isListed = true
      if !isResting(source), observing.count < Limits.pullWindow { observing[source] = observed[source] ?? uptime }
    }
  }

  func isAtRest(_ source: DropPart.Origin, at uptime: Duration) -> Bool {
    observed[source].map { uptime - $0 >= settle } ?? false
  }

  mutating func take(_ candidates: [PullCandidate]) {
    found += notResting(candidates)
    guard found.count > 2 * Limits.pullWindow else { return }
    found = inOrder(found, most: Limits.pullWindow)
    hasMore = true
  }

  mutating func endList(at now: Moment) {
    if found.count > Limits.pullWindow { hasMore = true }
    // Some came to rest while the list was under way; and a list may tell one key twice.
    var known = Set(wanted.map(\.candidate.source.key))
    wanted += inOrder(found, most: Limits.pullWindow).filter {
      !isResting($0.source) && known.insert($0.source.key).inserted
    }.map { Wanted(candidate: $0) }
    forgetUnlisted()
    (found, observed, observing) = ([], observing, [:])
    (isListing, listedOnce, listedAt) = (false, true, now.wall)
    let soon = hasMore || !observed.isEmpty
    nextList = now.uptime + (soon ? min(pull.every, max(settle, .milliseconds(100))) : pull.every)
  }

  // MARK: - Names

  private static let partHead = Array(".navette-".utf8)
  private static let partTail = Array(".part".utf8)

  /// Where an object lies until it has its name: hidden, and the same in each life.
  func part(of source: DropPart.Origin) -> FilePath {
    landing.appending(FileName(".navette-\(source.digest).part"))
  }

  static func isPart(_ name: FileName) -> Bool {
    name.bytes.count == partHead.count + 16 + partTail.count && name.bytes.starts(with: partHead)
      && name.bytes.suffix(partTail.count).elementsEqual(partTail)
  }

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
