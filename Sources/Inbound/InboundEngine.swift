public import Config
public import Core
public import Files
public import Journal
public import Ledger
public import Spool
public import SystemPackage

/// What one pass did, and what it left.
public struct PassSummary: Hashable, Sendable {
  /// Uptime at which to look again; nil: only when something changes.
  public var next: Duration?
  /// Files in landing that count and have not been taken yet.
  public var settling = 0
  /// Drops that are ours and not at an end: still being taken, checked, or handed over.
  public var waiting = 0
  /// Done in this pass.
  public var handedOver = 0, duplicates = 0, archived = 0, held = 0, quarantined = 0, damaged = 0
  /// Files, folders and drops that wait for a reason of their own.
  public var blocked = 0
  /// Feeds that cannot go on, and why.
  public var paused: [FeedName: String] = [:]
  /// Folders below landing in which files may arrive.
  public var folders: Set<FilePath> = []
  /// Feeds that a person has paused.
  public var stopped: Set<FeedName> = []
  /// More lies in a landing folder than one look takes in.
  public var isCut = false
  /// It was asked to stop before it was through.
  public var wasStopped = false
  /// Set by the lane.
  public internal(set) var took: Duration = .zero

  public init() {}

  /// Some drop has come to its end.
  public var hasEnded: Bool { handedOver + duplicates + archived + held + quarantined + damaged > 0 }

  mutating func look(at uptime: Duration) { next = next.map { min($0, uptime) } ?? uptime }

  mutating func add(_ other: PassSummary) {
    if let uptime = other.next { look(at: uptime) }
    settling += other.settling
    waiting += other.waiting
    handedOver += other.handedOver
    duplicates += other.duplicates
    archived += other.archived
    held += other.held
    quarantined += other.quarantined
    damaged += other.damaged
    blocked += other.blocked
    paused.merge(other.paused) { first, _ in first }
    stopped.formUnion(other.stopped)
    folders.formUnion(other.folders)
    isCut = isCut || other.isCut
    wasStopped = wasStopped || other.wasStopped
  }
}

/// Moves drops from landing to their hand-over folder, synchronously. Each pass looks at everything anew, so it may be
/// called at any time, after any interruption; a pass that finds nothing to do changes nothing.
public struct InboundEngine {
  let state: StateFolder
  let host: PassContext
  var feeds: [Feed]
  /// The ledger holds no expectation of feeds that have none.
  private var isTidy = false
  /// What a killed process left of a key ring is gone.
  private var hasSwept = false

  /// - Parameters:
  ///   - minFree: bytes that stay free on the volume of the state folder.
  ///   - salt: tells apart drops that were seen in one second: the first of a random start, then one more each time.
  ///   - decrypter: nil: GnuPG.
  public init(
    feeds: [FeedSettings], state: StateFolder, files: any Files, ledger: Ledger, events: any EventSink,
    hands: Hands = .none, suspects: Suspects = .none, clock: ClockTrust = .trusting, minFree: UInt64 = 0,
    salt: @escaping () -> UInt32, decrypter: (any Decrypter)? = nil
  ) {
    self.state = state
    let keys = KeyRingCache(decrypter ?? GnuPG(state: state))
    host = PassContext(
      files: files, ledger: ledger, events: events, hands: hands, suspects: suspects, clock: clock,
      reportPath: { state.report(of: $0) }, minFree: minFree,
      salt: salt, keys: keys)
    self.feeds = feeds.map { Feed($0, state: state, files: files) }
  }

  /// Folders in which something new should wake the lane.
  public var folders: [FilePath] { feeds.map(\.settings.landing) }

  /// Takes over new settings; what is known of feeds that stay is kept.
  public mutating func reload(_ settings: [FeedSettings]) {
    isTidy = false
    feeds = settings.map { new in
      guard var known = feeds.first(where: { $0.settings.name == new.name }) else {
        return Feed(new, state: state, files: host.files)
      }
      known.adopt(new)
      return known
    }
  }

  /// Records every drop in the places that the ledger does not know, and does nothing else. A pass begins with the same.
  /// - Parameter told: of the drops of each feed that is through.
  /// - Throws: faults of the ledger and of the disk.
  public mutating func adopt(at now: Moment, told: (Int) -> Void = { _ in }) throws {
    for index in feeds.indices {
      defer { told((try? count(feeds[index])) ?? 0) }
      var pass = FeedPass(feeds[index], host, at: now, stop: { false })
      defer { feeds[index] = pass.feed }
      try pass.adopt()
    }
  }

  /// How many drops lie in the places of all feeds.
  public func count() throws -> Int { try feeds.reduce(0) { try $0 + count($1) } }

  private func count(_ feed: Feed) throws -> Int {
    try DropPlace.allCases.reduce(0) { try $0 + feed.spool.count(in: $1) }
  }

  /// Whatever can be done now is done. A feed's own fault pauses that feed and no other.
  /// - Parameter stop: asked between two steps, and between two reads of a long check. Once it says true, the pass ends soon.
  /// - Throws: faults of the ledger, which concern every feed.
  public mutating func pass(at now: Moment, stop: @escaping () -> Bool = { false }) throws(LedgerFault) -> PassSummary {
    var summary = PassSummary()
    if !isTidy { try forgetExpectations() }
    // A key must not lie there any longer than it is used.
    defer { host.keys.close() }
    if !hasSwept {
      hasSwept = true
      try? host.keys.decrypter.sweep()
    }
    for index in feeds.indices {
      var pass = FeedPass(feeds[index], host, at: now, stop: stop)
      defer { feeds[index] = pass.feed }
      let isPaused = isPaused(pass.settings.name)
      try host.hands.holding(Work(.feed(pass.settings.name), .pass)) { () throws(LedgerFault) in
        try pass.perform(isPaused: isPaused)
      }
      summary.add(pass.summary)
    }
    return summary
  }
  /// A rule that is taken away and comes back later begins anew: it misses nothing that was due in between.
  private mutating func forgetExpectations() throws(LedgerFault) {
    let expecting = Set(feeds.filter { $0.settings.expect != nil }.map(\.settings.name))
    let over = try host.ledger.read { (t) throws(LedgerFault) in try t.expectingFeeds() }
      .filter { !expecting.contains($0) }
    if !over.isEmpty {
      try host.ledger.transact("unexpected") { (t) throws(LedgerFault) in
        for feed in over { try t.forgetExpectation(of: feed) }
      }
    }
    isTidy = true
  }
}
