public import Config
public import Core
public import Files
public import Journal
public import Lanes
public import Ledger
public import Spool

/// Moves one feed's drops from landing to the hand-over folder, synchronously. Each pass looks at everything anew, so it may be
/// called at any time, after any interruption; a pass that finds nothing to do changes nothing.
public struct FeedWorker {
  let state: StateFolder
  let host: PassContext
  var feed: FeedState
  /// The ledger holds no expectation of it if it has no such rule.
  private var isTidy = false

  public var settings: FeedSettings { feed.settings }

  /// - Parameters:
  ///   - minFree: bytes that stay free on the volume of the state folder.
  ///   - salt: tells apart drops that were seen in one second: the first of a random start, then one more each time.
  ///   - decrypter: nil: GnuPG.
  public init(
    _ settings: FeedSettings, state: StateFolder, files: any Files, ledger: Ledger, events: any EventSink,
    hands: Hands = .none, suspects: Suspects = .none, clock: ClockTrust = .trusting, turn: Turn = .free(),
    minFree: UInt64 = 0, salt: @escaping () -> UInt32, decrypter: (any Decrypter)? = nil
  ) {
    self.state = state
    host = PassContext(
      files: files, ledger: ledger, events: events, hands: hands, suspects: suspects, clock: clock, turn: turn,
      reportPath: { state.report(of: $0) }, minFree: minFree, salt: salt,
      keys: KeyRingCache(decrypter ?? GnuPG(state: state)))
    feed = FeedState(settings, state: state, files: files)
  }

  /// Takes over new settings of the same feed; what is known of it is kept.
  public mutating func reload(_ settings: FeedSettings) {
    isTidy = false
    feed.adopt(settings)
  }

  /// Records every drop in the places that the ledger does not know, and does nothing else. A pass begins with the same.
  /// - Throws: faults of the ledger and of the disk.
  public mutating func adopt(at now: Moment) throws {
    var pass = FeedPass(feed, host, at: now, stop: { false })
    defer { feed = pass.feed }
    try pass.adopt()
  }

  /// How many drops lie in its places.
  public func count() throws -> Int { try DropPlace.allCases.reduce(0) { try $0 + feed.spool.count(in: $1) } }

  /// Whatever can be done now is done. The feed's own fault makes it wait.
  /// - Parameter stop: asked between two steps, and between two reads of a long check. Once it says true, the pass ends soon.
  /// - Throws: faults of the ledger.
  public mutating func pass(at now: Moment, stop: @escaping () -> Bool = { false }) throws(LedgerFault) -> PassSummary {
    if !isTidy { try forgetExpectation() }
    // A key must not lie there any longer than it is used.
    defer { host.keys.close() }
    var pass = FeedPass(feed, host, at: now, stop: stop)
    defer { feed = pass.feed }
    let isPaused = isPaused
    try host.hands.holding(Work(.feed(settings.name), .pass)) { () throws(LedgerFault) in
      try pass.perform(isPaused: isPaused)
    }
    return pass.summary
  }

  /// A rule that is taken away and comes back later begins anew: it misses nothing that was due in between.
  private mutating func forgetExpectation() throws(LedgerFault) {
    if settings.expect == nil { try Self.forgetExpectations(in: host.ledger) { [settings] in $0 == settings.name } }
    isTidy = true
  }

  /// The same of feeds that are configured no more.
  public static func forgetExpectations(
    in ledger: Ledger, where isOver: (FeedName) -> Bool
  ) throws(LedgerFault) {
    let over = try ledger.read { (t) throws(LedgerFault) in try t.expectingFeeds() }.filter(isOver)
    guard !over.isEmpty else { return }
    try ledger.transact("unexpected") { (t) throws(LedgerFault) in
      for feed in over { try t.forgetExpectation(of: feed) }
    }
  }
}
