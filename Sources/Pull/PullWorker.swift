public import Config
public import Core
public import Files
public import Journal
public import Lanes
public import Ledger
public import Spool
import Store

/// Fetches new objects into landing, without a thread or a store of its own: each pass says what is to be listed, fetched and deleted,
/// and each end is noted.
///
/// What holds after each call:
/// 1. An object gets its name in landing only whole, durable, and recorded as being placed: the vanished hidden file is the receipt.
/// 2. Nothing in landing is replaced: a name that is taken is waited for.
/// 3. An object is deleted only after the drop it went into was durably handed over, or archived; one whose drop was refused stays.
/// 4. What is known is forgotten only when the store has not shown it for `Limits.pullMemory`.
public struct PullWorker: Sendable {
  let host: PullContext
  private var random: any RandomNumberGenerator & Sendable
  private var feed: PullState
  /// Asks for a pass: called when a slot of the store may be free.
  var wake: @Sendable () -> Void = {}

  /// Nil where the feed does not pull.
  public init?(
    _ feed: FeedSettings, state: StateFolder, files: any Files, ledger: Ledger, events: any EventSink,
    minFree: UInt64 = 0, slots: StoreSlots, room: PromisedRoom = PromisedRoom(),
    mounts: MountWatch? = nil,
    random: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()
  ) {
    guard let pull = PullState(feed) else { return nil }
    self.feed = pull
    self.random = random
    host = PullContext(
      state: state, files: files, ledger: ledger, events: events, minFree: minFree, slots: slots, room: room,
      mounts: mounts)
  }

  var slots: StoreSlots { host.slots }
  var lane: String { feed.common.name.text }
  /// Pieces of work that came to a good end in this life.
  public var progress: Int { feed.common.progress }
  /// Whether its store answered in this life; nil: it was not asked.
  public var reached: Bool? { feed.common.reached }
  /// Whether nothing is under way or due: for `run --once`. What waits for a name in landing does not count.
  public var isIdle: Bool { feed.isIdle }
  /// Whether something could not be fetched or asked for.
  public var isWaiting: Bool { feed.isWaiting }

  /// - Throws: a `LedgerFault`, after which nothing may be decided. Its own trouble makes it wait.
  public mutating func pass(at now: Moment) throws(LedgerFault) -> PullSummary {
    var pass = pass(now)
    defer { takeBack(pass) }
    host.slots.forget(lane)
    do {
      try takeSteps(&pass)
      if let wait = pass.feed.wait, wait.isOurs, now.uptime >= wait.until { pass.goOn() }
    } catch let fault as LedgerFault {
      // Nobody will be told of what was begun.
      for work in pass.summary.works {
        ended(work, at: now.uptime)
        drop(work, in: &pass)
      }
      throw fault
    } catch let fault as FileFault {
      pass.trouble(fault)
    } catch {
      preconditionFailure("a fault of an unknown kind: \(error)")
    }
    if let wait = pass.feed.wait { pass.summary.look(at: wait.until) }
    return pass.summary
  }

  /// The way of every object, from the store to landing, the last step first: what is ours already comes before what is new.
  private mutating func takeSteps(_ pass: inout PullPass) throws {
    pass.feed.isStopped = isPaused(pass.feed.name)
    if pass.feed.isStopped { return }
    if let wait = pass.feed.wait, pass.now.uptime < wait.until { return }
    if let fault = host.mounts?.fault(at: pass.feed.landing, "Cannot fetch into") { throw fault }
    try feed.landing.prepare(in: pass)
    feed.fetching.wake(in: &pass)
    try feed.landing.run(in: &pass)
    try feed.clearing.run(except: feed.fetching.underWay, in: &pass)
    feed.listing.run(whileWaiting: feed.fetching.wantedCount, &feed.fetching.held, in: &pass)
    try step(&pass) { feed, pass in try feed.fetching.run(except: feed.clearing.underWay, in: &pass) }
  }

  /// What `status` is told is written after it, whatever it came upon.
  private mutating func step(
    _ pass: inout PullPass, _ body: (inout PullState, inout PullPass) throws -> Void
  ) throws {
    do {
      try body(&feed, &pass)
    } catch let fault as FileFault {
      try writeStanding(&pass)
      throw fault
    }
    try writeStanding(&pass)
  }

  private mutating func writeStanding(_ pass: inout PullPass) throws(LedgerFault) {
    guard pass.isStandingNew else { return }
    pass.isStandingNew = false
    let (standing, name) = (standing(in: pass), pass.feed.name)
    try host.ledger.transact("standing") { (t) throws(LedgerFault) in try t.pulls.note(standing, name) }
  }

  private func standing(in pass: PullPass) -> PullStanding {
    var feed = feed
    feed.common = pass.feed
    return feed.standing
  }

  /// A person wants its store asked now. - Returns: whether it was left alone.
  public mutating func askAgain(at now: Moment) -> Bool {
    guard let wait = feed.common.wait, !wait.isOurs, now.uptime < wait.until else { return false }
    feed.common.wait?.until = now.uptime
    return true
  }

  private func isPaused(_ name: FeedName) -> Bool {
    do { return try PauseMark(name, state: host.state, files: host.files).isSet() } catch { return true }
  }

  private func pass(_ now: Moment) -> PullPass {
    PullPass(
      feed: feed.common, host: host, now: now, random: random, wake: wake,
      summary: PullSummary(next: now.uptime + Limits.pullRest))
  }

  private mutating func takeBack(_ pass: PullPass) { (feed.common, random) = (pass.feed, pass.random) }

  // MARK: - What becomes of lists, downloads and deletions

  /// One page of a list that is under way.
  public mutating func note(_ page: [ListedObject], of list: PullList, at now: Moment) throws(LedgerFault) {
    try feed.listing.take(page, &feed.fetching.held, in: pass(now))
  }

  /// The work has ended; the next pass acts on it.
  public mutating func note(_ end: PullEnd, at now: Moment) throws(LedgerFault) {
    var pass = pass(now)
    defer { takeBack(pass) }
    pass.feed.underWay -= 1
    switch end {
    case .listed(_, .failure(let fault)):
      feed.listing.breakOff()
      pass.trouble(fault)
    case .listed(_, .success(let barred)):
      let wanted = feed.listing.end(barred, &feed.fetching.held, in: &pass)
      feed.fetching.want(wanted)
      try feed.listing.record(standing(in: pass), in: pass)
    case .fetched(let fetch, let result):
      feed.fetching.end(fetch, in: pass)
      switch result {
      case .success(let receipt): try land(fetch, receipt, in: &pass)
      case .failure(let fault): feed.fetching.refuse(fetch, fault, in: &pass)
      }
    case .deleted(let work, let result): try feed.clearing.end(work, result, in: &pass)
    }
    try writeStanding(&pass)
  }

  private mutating func land(_ fetch: PullFetch, _ receipt: Receipt, in pass: inout PullPass) throws(LedgerFault) {
    switch feed.fetching.accept(fetch, receipt, in: &pass) {
    case .asListed:
      feed.clearing.forget(fetch.candidate.source)
      try feed.landing.take(fetch, standing(in: pass), in: &pass)
    case .another: break
    case .anotherAtFirst: feed.listing.hurry(to: pass.now.uptime + pass.feed.settle)
    }
  }

  /// The work was broken off by ourselves, which says nothing of the store.
  public mutating func drop(_ work: PullWork, at now: Moment) {
    var pass = pass(now)
    drop(work, in: &pass)
    takeBack(pass)
  }

  private mutating func drop(_ work: PullWork, in pass: inout PullPass) {
    pass.feed.underWay -= 1
    switch work {
    case .list: feed.listing.breakOff()
    case .fetch(let fetch): feed.fetching.end(fetch, in: pass)
    case .delete(let work): feed.clearing.breakOff(work)
    }
  }

  /// The work is over, however it ended: its slot is another's. By whoever has carried it out, at once: the lane may be busy for long.
  public func ended(_ work: PullWork, at uptime: Duration) { slots.giveBack(work.store, of: lane, at: uptime) }
}
