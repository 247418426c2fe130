public import Config
public import Core
public import Files
public import Journal
public import Lanes
public import Ledger
public import Spool
import SystemPackage

/// Moves one feed's drops from landing to the hand-over folder, synchronously. Each pass looks at everything anew, so it may be
/// called at any time, after any interruption; a pass that finds nothing to do changes nothing.
public struct FeedWorker {
  let state: StateFolder
  let host: PassContext
  var feed: FeedState
  /// The ledger holds no expectation of it if it has no such rule.
  private var isTidy = false

  public var settings: FeedSettings { feed.common.settings }

  /// - Parameters:
  ///   - minFree: bytes that stay free on the volume of the state folder.
  ///   - taken: what is kept open for a while, over all feeds.
  ///   - mounts: whether the folders are what they were at the start.
  ///   - salt: tells apart drops that were seen in one second: the first of a random start, then one more each time.
  ///   - decrypter: nil: GnuPG.
  public init(
    _ settings: FeedSettings, state: StateFolder, files: any Files, ledger: Ledger, events: any EventSink,
    hands: Hands = .none, suspects: Suspects = .none, clock: ClockTrust = .trusting, turn: Turn = .free(),
    minFree: UInt64 = 0, taken: TakenFiles = TakenFiles(), mounts: MountWatch? = nil,
    salt: @escaping () -> UInt32, decrypter: (any Decrypter)? = nil
  ) {
    self.state = state
    host = PassContext(
      files: files, ledger: ledger, events: events, hands: hands, suspects: suspects, clock: clock, turn: turn,
      reportPath: { state.report(of: $0) }, minFree: minFree, salt: salt,
      keys: KeyRingCache(decrypter ?? GnuPG(state: state)), taken: taken, mounts: mounts)
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
    var pass = FeedPass(feed.common, host, at: now, stop: { false })
    defer { feed.common = pass.feed }
    try feed.adopting.all(&feed.claiming, in: &pass)
  }

  /// How many drops lie in its places.
  public func count() throws -> Int { try DropPlace.allCases.reduce(0) { try $0 + feed.common.spool.count(in: $1) } }

  /// Whatever can be done now is done. The feed's own fault makes it wait.
  /// - Parameter stop: asked between two steps, and between two reads of a long check. Once it says true, the pass ends soon.
  /// - Throws: faults of the ledger.
  public mutating func pass(at now: Moment, stop: @escaping () -> Bool = { false }) throws(LedgerFault) -> PassSummary {
    if !isTidy { try forgetExpectation() }
    // A key must not lie there any longer than it is used.
    defer { host.keys.close() }
    var pass = FeedPass(feed.common, host, at: now, stop: stop)
    defer { feed.common = pass.feed }
    pass.summary.isPaused = isPaused
    try host.hands.holding(Work(.feed(settings.name), .pass)) { () throws(LedgerFault) in
      try goThrough(&pass)
    }
    return pass.summary
  }

  private mutating func goThrough(_ pass: inout FeedPass) throws(LedgerFault) {
    // What came meanwhile is looked at before anything is missed.
    if pass.summary.isPaused { feed.reminding.lookAway() }
    if let pause = pass.feed.pause, pass.now.uptime < pause.until {
      pass.summary.look(at: pause.until)
      pass.summary.trouble = pause.why
      // What is due is due all the same.
      if !pass.summary.isPaused { try run(&pass) { feed, pass in try feed.reminding.run(in: &pass) } }
      return
    }
    try takeSteps(&pass)
    pass.end()
    let waiting = feed.intake.waiting(at: pass.now) + feed.completion.waiting(at: pass.now)
    feed.reporting.run(waiting + feed.lookingBack.waiting(in: pass), in: pass)
  }

  /// The way of every drop, a step a line. What a stop left between two of them is found by the next pass, in the place that it lies in.
  private mutating func takeSteps(_ pass: inout FeedPass) throws(LedgerFault) {
    let root = state.root
    guard try step(&pass, { _, pass in try pass.requireMounts(root) }) else { return pass.isOver = true }
    // Without it nothing may be concluded from what lies in the places.
    guard try step(&pass, { feed, pass in try feed.adopting.run(&feed.claiming, in: &pass) }) else {
      return pass.isOver = true
    }
    // By a person: nothing moves then. What has been kept for its time still goes.
    if pass.summary.isPaused {
      try step(&pass) { feed, pass in try feed.sweeping.run(in: &pass) }
      return
    }
    try step(&pass) { _, pass in try SettingAside().run(in: &pass) }
    try step(&pass, Self.finish)
    // What is ours already and was not claimed would be taken from landing once more.
    if try step(&pass, Self.resume) { try step(&pass, Self.take) }
    try step(&pass) { feed, pass in try feed.lookingBack.run(&feed.claiming, in: &pass) }
    try step(&pass, Self.work)
    try step(&pass) { feed, pass in try feed.reminding.run(in: &pass) }
    try step(&pass) { feed, pass in try feed.sweeping.run(in: &pass) }
  }

  /// What an earlier pass or process left between its hand-over and the archive.
  private static func finish(_ feed: inout FeedState, in pass: inout FeedPass) throws {
    pass.feed.inHand = ContentsInHand()
    for slice in try pass.workable(in: .handover).slices(of: Limits.dropsTogether) {
      let published = try feed.publishing.resume(slice, in: &pass)
      try feed.archiving.run(published.compactMap(\.value), in: &pass)
    }
  }

  /// What lies in `gathering` at the start of a pass: left by a stop, or still written by its sender.
  private static func resume(_ feed: inout FeedState, in pass: inout FeedPass) throws {
    for slice in try pass.workable(in: .gathering).slices(of: Limits.dropsTogether) {
      if pass.stop() { return }
      let resumed = try feed.resuming.run(slice, &feed.claiming.reserved, in: &pass)
      try claim(resumed.compactMap(\.value), &feed, in: &pass)
    }
  }

  /// What has come to rest in landing, and is all there.
  private static func take(_ feed: inout FeedState, in pass: inout FeedPass) throws {
    try feed.intake.begin(in: &pass)
    feed.completion.begin(in: pass)
    try feed.claiming.reserve(in: &pass)
    try take(from: pass.landing, depth: 0, &feed, in: &pass)
    pass.summary.settling += feed.intake.count
  }

  private static func take(
    from folder: FilePath, depth: Int, _ feed: inout FeedState, in pass: inout FeedPass
  ) throws {
    let scan = try feed.intake.look(into: folder, except: feed.claiming.reserved, in: &pass)
    for arrivals in try feed.completion.run(scan, in: &pass).slices(of: Limits.dropsTogether) {
      if pass.stop() { break }
      let taken = try feed.taking.run(arrivals, scan, &feed.intake, in: &pass)
      try claim(taken.compactMap(\.value), &feed, in: &pass)
    }
    guard pass.settings.recursive, depth < Limits.landingDepth else { return }
    for name in scan.folders {
      if pass.stop() { return }
      let below = folder.appending(name)
      pass.summary.folders.insert(below)
      _ = try pass.each(.folder(below)) { pass in
        do {
          try take(from: below, depth: depth + 1, &feed, in: &pass)
        } catch let fault as FileFault {
          // It may go while we look. Landing itself may not.
          if fault.kind != .missing { throw fault }
          feed.intake.forget(below)
          feed.completion.forget(below)
        }
        return .done(())
      }
    }
  }

  private static func claim(_ plans: [DropPlan], _ feed: inout FeedState, in pass: inout FeedPass) throws {
    try feed.claiming.run(plans, in: &pass)
    for plan in plans { feed.intake.forget(plan) }
  }

  /// What is claimed, slice by slice: checked, compared with what came before, and handed over.
  private static func work(_ feed: inout FeedState, in pass: inout FeedPass) throws {
    defer {
      for place in [DropPlace.claimed, .handover] { pass.summary.waiting += (try? pass.drops(in: place).count) ?? 0 }
    }
    for slice in try feed.inspecting.slices(in: &pass) {
      if pass.stop() {
        pass.summary.wasStopped = true
        break
      }
      let opened = try feed.inspecting.open(slice, in: &pass)
      let plans = try feed.claiming.clear(opened.compactMap(\.value), in: &pass)
      try Overrides().run(plans, in: &pass)
      guard var judged = try feed.inspecting.run(plans, in: &pass) else {
        pass.summary.wasStopped = true
        continue
      }
      try feed.comparing.run(&judged, in: &pass)
      try KeepingColumns().run(judged, in: pass)
      // Staged before it is recorded, so that one barrier serves both. Where nothing can be staged, the verdicts are told all the same.
      let fault = try feed.staging.run(&judged, in: &pass)
      judged = try feed.inspecting.lastLook(at: judged, feed.lookingBack, feed.staging, in: &pass)
      try feed.recording.run(judged, &feed.reminding, in: &pass)
      let sorted = try feed.sorting.run(judged, in: &pass)
      let published = try feed.publishing.run(sorted.compactMap(\.value), in: &pass)
      try feed.archiving.run(published.compactMap(\.value), in: &pass)
      if let fault { throw fault }
    }
  }

  /// - Returns: false where it came upon a fault of the disk, or was not begun: the pass is to stop.
  @discardableResult
  private mutating func step(
    _ pass: inout FeedPass, _ body: (inout FeedState, inout FeedPass) throws -> Void
  ) throws(LedgerFault) -> Bool {
    if pass.isOver { return false }
    if pass.stop() {
      (pass.isOver, pass.summary.wasStopped) = (true, true)
      return false
    }
    guard let fault = try run(&pass, body) else { return true }
    pass.fault = pass.fault ?? fault
    return false
  }

  /// Faults of the disk pause the feed; those of the ledger are everybody's and are thrown.
  @discardableResult
  private mutating func run(
    _ pass: inout FeedPass, _ body: (inout FeedState, inout FeedPass) throws -> Void
  ) throws(LedgerFault) -> FileFault? {
    do {
      try body(&feed, &pass)
      return nil
    } catch let fault as LedgerFault {
      feed.adopting.beginAnew()
      throw fault
    } catch let fault as FileFault {
      feed.adopting.beginAnew()
      return fault
    } catch let lane as LaneFault {
      feed.adopting.beginAnew()
      return lane.fault
    } catch {
      preconditionFailure("a fault of an unknown kind: \(error)")
    }
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
    let over = try ledger.read { (t) throws(LedgerFault) in try t.expectations.feeds() }.filter(isOver)
    guard !over.isEmpty else { return }
    try ledger.transact("unexpected") { (t) throws(LedgerFault) in
      for feed in over { try t.expectations.forget(of: feed) }
    }
  }
}
