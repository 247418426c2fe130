public import Config
public import Core
public import Files
public import Journal
public import Lanes
public import Ledger
import Spool
import Store
import SystemPackage

/// What streams share, beside the ledger: the stores' slots, what is known of the stores, and the spool's limit.
public struct StreamsShared: Sendable {
  public let slots: StoreSlots
  public let stores: StoreStates
  public let spool: SpoolLimit

  public init(_ settings: Settings) {
    slots = StoreSlots(Dictionary(settings.stores.map { ($0.name, $0.concurrency) }, uniquingKeysWith: { a, _ in a }))
    stores = StoreStates()
    spool = SpoolLimit(settings.limits.spoolMaxBytes)
  }
}

/// One stream without a clock or a thread: each pass looks at what is, and takes the stream as far as it can go now.
///
/// Invariants, held at every instant, also after a kill or a power cut:
/// - a record is in at most one batch: cursors are recorded in the transaction that records the batch, and a sealed batch that the
///   ledger does not know is adopted before anything else is cut;
/// - a batch in `ready` is whole and durable, and never changes again;
/// - a log is deleted only when all of it is in batches that every store has confirmed.
public struct StreamWorker {
  let host: String
  let limits: LimitSettings
  let state: StateFolder
  let files: any Files
  let ledger: Ledger
  let events: any EventSink
  let hands: Hands
  let suspects: Suspects
  let clock: ClockTrust
  let turn: Turn
  let shared: StreamsShared
  let reopen: @Sendable ([String]) -> String?
  /// Asked between chunks: a batch that is half cut is thrown away, the records stay where they are.
  let isStopping: @Sendable () -> Bool
  /// Asks for a pass: called when a slot of a store may be free.
  var wake: @Sendable () -> Void = {}
  var random: any RandomNumberGenerator & Sendable
  let lane: StreamState
  var underWay: Set<Delivery> = []
  /// Stores that in this life have nothing left to say against the age of this folder.
  var cleared: Set<StoreName> = []
  /// Batches that a person has asked to be deleted: they are offered to no store.
  var withdrawn: Set<BatchID> = []

  struct Delivery: Hashable {
    let batch: BatchID
    let store: StoreName
  }

  public var name: StreamName { lane.name }

  /// - Parameter reopen: runs the operator's command after a rename; what it returns is what went wrong.
  public init(
    _ stream: StreamSettings, of settings: Settings, shared: StreamsShared, files: any Files, ledger: Ledger,
    events: any EventSink, hands: Hands = .none, suspects: Suspects = .none, clock: ClockTrust = .trusting,
    turn: Turn = .free(), random: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator(),
    reopen: @escaping @Sendable ([String]) -> String? = { _ in nil },
    isStopping: @escaping @Sendable () -> Bool = { false }
  ) {
    host = settings.host
    limits = settings.limits
    let state = StateFolder(settings.state)
    self.state = state
    self.files = files
    self.ledger = ledger
    self.events = events
    self.hands = hands
    (self.suspects, self.clock, self.turn) = (suspects, clock, turn)
    self.shared = shared
    self.random = random
    self.reopen = reopen
    self.isStopping = isStopping
    lane = StreamState(
      stream, state: state, files: files, hands: hands, suspects: suspects, isStopping: isStopping)
  }

  /// Seals all complete records in the next pass, whatever their age, and makes every waiting batch due.
  public func flush() { lane.flush = true }

  /// Whether the last pass left records that were due and that the next can seal at once.
  public var isCatchingUp: Bool { !spoolIsFull && lane.isCatchingUp && lane.pause == nil && !lane.isStopped }

  /// Whether the stream or one of its logs is in trouble of its own, or the spool is full.
  public var isInTrouble: Bool { spoolIsFull || isOutOfRoom || lane.pause != nil || !lane.waits.waits.isEmpty }

  /// Whether something is due for which the spool had no room when it was looked at last.
  var isOutOfRoom: Bool { lane.isCatchingUp && lane.pause == nil && !lane.isStopped && lane.hadNoRoom }

  var spoolIsFull: Bool { shared.spool.since != nil }

  /// Whether a sealed batch still waits for a store, held ones left out.
  /// - Parameter stopped: also where a person has paused the stream.
  public func hasWaiting(stopped: Bool = true) throws(LedgerFault) -> Bool {
    guard stopped || !lane.isStopped else { return false }
    let name = name
    let waiting = try ledger.read { (t) throws(LedgerFault) in try t.waiting(of: name) }
    return waiting.contains(where: lane.adopted.contains)
  }

  /// - Throws: a `LedgerFault`, after which nothing may be decided. Its own trouble makes the stream wait.
  public mutating func pass(at now: Moment) throws(LedgerFault) -> StreamSummary {
    var result = StreamSummary(next: now.uptime + Limits.logPoll)
    try shared.stores.load(ledger)
    if try attempt(at: now, { worker in try worker.pass(at: now, &result) }) {
      if let pause = lane.pause { result.next = min(result.next, pause.until) }
      result.watch.formUnion(lane.sources.listing.folders.map(\.string))
    } else {
      // It gave way to somebody, or the agent stops.
      result.next = now.uptime
    }
    do throws(LedgerFault) {
      try dispatch(at: now, &result)
    } catch {
      // Nobody will be told of what was begun.
      for upload in result.uploads {
        ended(upload, at: now.uptime)
        drop(upload)
      }
      throw error
    }
    if let next = lane.waits.next { result.next = min(result.next, max(next, now.uptime)) }
    writeReport()
    result.waiting = lane.adopted.count
    result.trouble = lane.pause?.said
    result.isPaused = lane.isStopped
    result.spoolIsFull = spoolIsFull
    return result
  }

  /// The stream's own trouble makes it wait. - Returns: false where the agent is stopping.
  mutating func attempt(at now: Moment, _ work: (inout Self) throws -> Void) throws(LedgerFault) -> Bool {
    do {
      try hands.holding(Work(.stream(lane.name), .pass)) { try work(&self) }
    } catch let fault as FileFault {
      pause(fault, at: now)
    } catch let fault as LedgerFault {
      throw fault
    } catch is Interrupted {
      return false
    } catch {
      preconditionFailure("a fault of an unknown kind: \(error)")
    }
    return true
  }

  private mutating func pass(at now: Moment, _ result: inout StreamSummary) throws {
    try settleIn(at: now)
    try heedPause()
    if lane.flush, !lane.isStopped { try hurry(at: now) }
    if lane.flush || lane.pause.map({ now.uptime >= $0.until }) ?? true {
      // Trouble with the logs or a full disk must not keep sealed batches from leaving.
      do {
        if lane.isStopped {
          try look(at: now)
        } else if let due = try readLogs(at: now) {
          result.next = min(result.next, now.uptime + max(due - now.wall, Limits.soonestDue))
        }
        goOn()
      } catch let fault as FileFault {
        pause(fault, at: now)
      }
    }
    lane.flush = false
    try settleBatches(at: now)
    try finishSources(at: now)
    try sweep(at: now)
    // What stood behind it has its turn.
    if lane.pause == nil, lane.waits.endPass(at: now.uptime) { result.next = now.uptime }
  }

  // MARK: - Trouble

  mutating func pause(_ fault: FileFault, at now: Moment) {
    let attempt = (lane.pause?.attempt ?? 0) + 1
    let delay = Backoff.lane.delay(attempt: attempt, random: random.next())
    if lane.pause?.said != fault.description {
      let kind: EventKind = fault.kind == .full ? .diskLow : .lanePaused
      events.record(kind, "Stream \(lane.name) waits. \(fault)", [.stream: lane.name.text, .reason: "\(fault.kind)"])
    }
    lane.pause = StreamState.Pause(
      until: now.uptime + delay, attempt: attempt, said: fault.description, since: lane.pause?.since ?? now.wall)
  }

  private func goOn() {
    guard lane.pause != nil else { return }
    lane.pause = nil
    events.record(.laneResumed, "Stream \(lane.name) goes on", [.stream: lane.name.text])
  }
}
