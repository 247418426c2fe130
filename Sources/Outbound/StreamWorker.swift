public import Config
public import Core
public import Files
public import Journal
public import Lanes
public import Ledger
import Spool
import Store
import SystemPackage
import Threads

/// One stream without a clock or a thread: each pass looks at what is, and takes the stream as far as it can go now.
///
/// Invariants, held at every instant, also after a kill or a power cut:
/// - a record is in at most one batch: cursors are recorded in the transaction that records the batch, and a sealed batch that the
///   ledger does not know is adopted before anything else is cut;
/// - a batch in `ready` is whole and durable, and never changes again;
/// - a log is deleted only when all of it is in batches that every store has confirmed.
public struct StreamWorker {
  let context: StreamContext
  var state: StreamState

  public var name: StreamName { context.name }

  /// - Parameter reopen: runs the operator's command after a rename; what it returns is what went wrong.
  public init(
    _ stream: StreamSettings, of settings: Settings, shared: StreamsShared, files: any Files, ledger: Ledger,
    events: any EventSink, hands: Hands = .none, suspects: Suspects = .none, clock: ClockTrust = .trusting,
    turn: Turn = .free(), random: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator(),
    reopen: @escaping @Sendable ([String]) -> String? = { _ in nil },
    isStopping: @escaping @Sendable () -> Bool = { false }
  ) {
    let random = Locked(random)
    var stream = stream
    stream.batch.maxAge = settings.age(of: stream)
    context = StreamContext(
      settings: stream, others: settings.streams.map(\.name).filter { $0 != stream.name },
      schemaRule: settings.schemaRule(of: stream), host: settings.host, limits: settings.limits,
      state: StateFolder(settings.state), files: files,
      ledger: ledger, events: events, hands: hands, suspects: suspects, clock: clock, turn: turn, shared: shared,
      random: { random.withLock { $0.next() } }, isStopping: isStopping)
    state = StreamState(context, reopen: reopen)
  }

  /// Asks for a pass: called when a slot of a store may be free.
  mutating func onFreeSlot(_ wake: @escaping @Sendable () -> Void) { state.dispatching.wake = wake }

  /// Seals all complete records in the next pass, whatever their age, and makes every waiting batch due.
  public mutating func flush() { state.isFlushed = true }

  /// Stores that refused or were away are asked at the next pass: the configuration may have mended it.
  public mutating func askAgain() { state.asksAgain = true }

  /// Whether the last pass left records that were due and that the next can seal at once.
  public var isCatchingUp: Bool { !spoolIsFull && isBehind }

  /// Whether the stream or one of its logs is in trouble of its own, or the spool is full.
  public var isInTrouble: Bool { spoolIsFull || isOutOfRoom || state.pause != nil || !state.waits.waits.isEmpty }

  /// Whether something is due for which the spool had no room when it was looked at last.
  var isOutOfRoom: Bool { isBehind && state.room.wasMissing }

  private var isBehind: Bool { state.isCatchingUp && state.pause == nil && !state.isStopped }

  private var spoolIsFull: Bool { context.shared.spool.since != nil }

  /// Whether a sealed batch still waits for a store, held ones left out.
  /// - Parameter stopped: also where a person has paused the stream.
  public func hasWaiting(stopped: Bool = true) throws(LedgerFault) -> Bool {
    guard stopped || !state.isStopped else { return false }
    let waiting = try context.ledger.read { (t) throws(LedgerFault) in try t.deliveries.waiting(of: name) }
    return waiting.contains(where: state.batches.adopted.contains)
  }

  // MARK: - A pass

  /// - Throws: a `LedgerFault`, after which nothing may be decided. Its own trouble makes the stream wait.
  public mutating func pass(at now: Moment) throws(LedgerFault) -> StreamSummary {
    try context.shared.stores.load(context.ledger)
    return try inPass(at: now) { (worker, pass) throws(LedgerFault) in
      if try pass.attempt({ pass in try worker.work(in: &pass) }) {
        if let pause = pass.pause { pass.summary.look(at: pause.until) }
        pass.summary.watch.formUnion(worker.state.discovery.folders.map(\.string))
      } else {
        // It gave way to somebody, or the agent stops.
        pass.summary.next = now.uptime
      }
      let isPaused = worker.state.isStopped
      try worker.state.dispatching.run(&worker.state.batches, isPaused: isPaused, in: &pass)
      if let next = pass.waits.next { pass.summary.look(at: max(next, now.uptime)) }
      worker.state.reporting.run(worker.state.rotation.fault, in: pass)
      pass.summary.waiting = worker.state.batches.adopted.count
      pass.summary.trouble = pass.pause?.said
      pass.summary.isPaused = isPaused
      pass.summary.spoolIsFull = worker.spoolIsFull
      return pass.summary
    }
  }

  /// The way of every record and every batch, in this order; a start is a pass like any other.
  private mutating func work(in pass: inout StreamPass) throws {
    try state.adopting.run(&state.batches, &state.schemas, in: &pass)
    try heedPause(in: pass)
    if state.isFlushed || state.asksAgain, !state.isStopped { try state.delivery.makeDue(in: pass) }
    state.asksAgain = false
    if state.isFlushed || pass.pause.map({ pass.now.uptime >= $0.until }) ?? true {
      // Trouble with the logs or a full disk must not keep sealed batches from leaving.
      do {
        try requireMounts(in: pass)
        if state.isStopped {
          try look(in: &pass)
        } else {
          if let due = try read(in: &pass) {
            pass.summary.look(at: pass.now.uptime + max(due - pass.now.wall, Limits.soonestDue))
          }
          pass.summary.growing = state.logs.growing
        }
        pass.goOn()
      } catch let fault as FileFault {
        pass.pause(for: fault)
      }
    }
    state.isFlushed = false
    try state.delivery.run(&state.batches, in: pass)
    try state.retirement.run(&state.logs, purged: state.batches.purgedSources, in: &pass)
    try state.sweeping.run(in: &pass)
    // What stood behind it has its turn.
    if pass.pause == nil, pass.waits.endPass(at: pass.now.uptime) { pass.summary.next = pass.now.uptime }
  }

  /// What lies in a folder says nothing where its file system went, or another hides it.
  private func requireMounts(in pass: StreamPass) throws(FileFault) {
    guard let mounts = context.shared.mounts else { return }
    if let fault = mounts.fault(at: context.state.root, "Cannot work in") { throw fault }
    for folder in Set(context.settings.logs.map { FilePath($0).removingLastComponent() }) {
      if let fault = mounts.fault(at: folder, "Cannot look into") { throw fault }
    }
  }

  /// From logs to sealed batches, once.
  /// - Returns: when the oldest unread record will be due by age.
  private mutating func readOnce(in pass: inout StreamPass) throws -> Timestamp? {
    try look(in: &pass)
    try state.batches.requireDecisions(in: pass)
    let plan = try backlog(in: &pass)
    guard plan.seal != .nothing else {
      // Nothing is left of what was due.
      state.isCatchingUp = false
      try empty(all: false, in: &pass)
      return plan.due
    }
    // What is due stays due until it is sealed, whatever keeps it waiting.
    state.isCatchingUp = plan.seal == .everything
    guard try state.room.run(in: pass) else { return nil }
    if !plan.rotate.isEmpty {
      try state.rotation.run(plan.rotate, state.logs, in: &pass)
      try look(in: &pass)
    }
    var sealed = 0
    while try cutAndSeal(everything: plan.seal == .everything, in: &pass) {
      guard try state.room.run(in: pass) else { return nil }
      sealed += 1
      // What is sealed leaves while the rest is cut.
      guard sealed < Limits.batchesPerPass else { return pass.now.wall }
    }
    state.isCatchingUp = false
    try empty(all: true, in: &pass)
    return try backlog(in: &pass).due
  }

  /// - Returns: whether there may be more.
  private mutating func cutAndSeal(everything: Bool, in pass: inout StreamPass) throws -> Bool {
    switch try state.cutting.run(everything: everything, state.logs, state.batches, in: &pass) {
    case .done(let fresh):
      try sealing(fresh, everything: everything, in: pass)
    case .waits, .setAside: true
    case .gone: false
    }
  }

  private mutating func sealing(_ fresh: FreshCut, everything: Bool, in pass: StreamPass) throws -> Bool {
    let isMore = try state.sealing.run(
      fresh, everything: everything, &state.schemas, &state.logs, &state.batches, in: pass)
    if state.batches.sequence == fresh.id.sequence { state.cutting.noteSealed() }
    return isMore
  }

  mutating func look(in pass: inout StreamPass) throws {
    try state.discovery.run(&state.logs, isNew: state.batches.sequence == 0, in: &pass)
  }

  private mutating func backlog(in pass: inout StreamPass) throws -> StreamPlan {
    try state.backlog.run(&state.logs, flush: state.isFlushed || state.isCatchingUp, in: &pass)
  }

  private mutating func empty(all: Bool, in pass: inout StreamPass) throws {
    if try state.emptying.run(&state.logs, all: all, in: &pass) { try look(in: &pass) }
  }

  // MARK: - Logs that were in hand when the agent died

  private mutating func read(in pass: inout StreamPass) throws -> Timestamp? {
    do {
      return try readInTurns(in: &pass)
    } catch is SourceMoved {
      // Nothing was sealed from what moved, and what was due is due still.
      return pass.now.wall + Limits.movedPause
    }
  }

  /// First without them; where nothing else was sealed, one of them by itself.
  private mutating func readInTurns(in pass: inout StreamPass) throws -> Timestamp? {
    state.logs.turns.turn = .all
    state.discovery.beginTurn(&state.logs.turns, in: pass)
    guard state.logs.turns.turn == .others else { return try readOnce(in: &pass) }
    let (wantsAll, last) = (state.isFlushed || state.isCatchingUp, state.batches.sequence)
    let due = try readOnce(in: &pass)
    // What is theirs is due as well.
    if wantsAll { state.isCatchingUp = true }
    let rest = state.logs.turns.rest(at: pass.now.uptime)
    guard state.batches.sequence == last, rest <= .zero else {
      // What was sealed is on its way before one of them is touched.
      return min(due ?? .last, pass.now.wall + max(rest, .zero))
    }
    state.logs.turns.turn = .one(nil)
    let own = try readOnce(in: &pass)
    guard state.batches.sequence != last || !spoolIsFull else { return own }
    let isMore = state.batches.sequence != last && state.isCatchingUp
    state.logs.turns.acquit(state.logs.found, in: pass)
    state.isCatchingUp = isMore || wantsAll && !LogTurns.inHand(pass).isEmpty
    return pass.now.wall
  }

  /// What waits, and why the stream does, goes with a pass and comes back from it.
  mutating func inPass<Result, Failure: Error>(
    at now: Moment, _ body: (inout Self, inout StreamPass) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    var pass = StreamPass(context, at: now, waits: state.waits, pause: state.pause)
    defer { (state.waits, state.pause) = (pass.waits, pass.pause) }
    return try body(&self, &pass)
  }
}
