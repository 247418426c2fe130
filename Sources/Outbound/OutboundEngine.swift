public import Config
public import Core
public import Files
public import Journal
public import Ledger
import Spool
public import Store
import SystemPackage

/// The agent is stopping: what was begun is left as if it had not been.
struct Interrupted: Error {}

/// One transfer that is due. The engine counts it as under way until `note` is told of its end.
public struct Upload: Sendable {
  public let batch: BatchID
  public let store: StoreName
  public let key: StoreKey
  public let file: StoredFile
  public let attempt: Int
  /// The batch's manifest, after the batch itself.
  public let isManifest: Bool
  /// Failures in a row of the store when the transfer began.
  let storeFailures: Int
}

public struct UploadOutcome: Sendable {
  public let upload: Upload
  public let result: Result<Receipt, StoreFault>
  public let took: Duration
  public init(upload: Upload, result: Result<Receipt, StoreFault>, took: Duration) {
    self.upload = upload
    self.result = result
    self.took = took
  }
}

/// What a pass leaves to its lane.
public struct OutboundPass: Sendable {
  public var uploads: [Upload] = []
  /// Uptime at which to pass again if nothing wakes the lane before.
  public var next: Duration
  /// Folders whose changes should wake the lane.
  public var watch: Set<String> = []
  /// Sealed batches that wait for a store, of all streams.
  public internal(set) var waiting = 0
  /// Streams in trouble of their own.
  public internal(set) var paused: [StreamName] = []
  /// Streams that a person has paused.
  public internal(set) var stopped: [StreamName] = []
  public internal(set) var spoolIsFull = false
  /// Set by the lane.
  public internal(set) var took: Duration = .zero
}

/// The outbound lane without a clock or a thread: each pass looks at what is, and takes all streams as far as they can go now.
///
/// Invariants, held at every instant, also after a kill or a power cut:
/// - a record is in at most one batch: cursors are recorded in the transaction that records the batch, and a sealed batch that the
///   ledger does not know is adopted before anything else is cut;
/// - a batch in `ready` is whole and durable, and never changes again;
/// - a log is deleted only when all of it is in batches that every store has confirmed.
public struct OutboundEngine {
  let host: String
  let limits: LimitSettings
  let state: StateFolder
  let files: any Files
  let ledger: Ledger
  let events: any EventSink
  let hands: Hands
  let suspects: Suspects
  let clock: ClockTrust
  let reopen: @Sendable ([String]) -> String?
  /// Asked between chunks: a batch that is half cut is thrown away, the records stay where they are.
  let isStopping: @Sendable () -> Bool
  var random: any RandomNumberGenerator & Sendable
  let lanes: [StreamLane]
  let concurrency: [StoreName: Int]
  var underWay: Set<Delivery> = []
  /// Stores whose credentials were refused and that have not answered since: said once.
  var refusing: Set<StoreName> = []
  /// Stores that are left alone for a while; as in the ledger, where they are read at the first pass.
  var waits: [StoreName: StoreWait] = [:]
  var knowsWaits = false
  /// Stores that in this life have nothing left to say against the age of this folder.
  var cleared: [StreamName: Set<StoreName>] = [:]
  /// Batches that a person has asked to be deleted: they are offered to no store.
  var withdrawn: Set<BatchID> = []
  /// Which stream chooses first; another one at each pass.
  var turn = 0
  var spoolIsFull = false
  var spoolFullSince: Timestamp?
  /// Confirmations in this life.
  var confirmed = 0
  /// Which stores answered in this life, and which could not be reached.
  public internal(set) var reached: [StoreName: Bool] = [:]

  struct Delivery: Hashable {
    let batch: BatchID
    let store: StoreName
  }

  /// - Parameter reopen: runs the operator's command after a rename; what it returns is what went wrong.
  public init(
    settings: Settings, files: any Files, ledger: Ledger, events: any EventSink, hands: Hands = .none,
    suspects: Suspects = .none, clock: ClockTrust = .trusting,
    random: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator(),
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
    (self.suspects, self.clock) = (suspects, clock)
    self.random = random
    self.reopen = reopen
    self.isStopping = isStopping
    lanes = settings.streams.map {
      StreamLane($0, state: state, files: files, hands: hands, suspects: suspects, isStopping: isStopping)
    }
    concurrency = Dictionary(settings.stores.map { ($0.name, $0.concurrency) }, uniquingKeysWith: { a, _ in a })
  }

  /// Seals all complete records of these streams (nil: of every stream) in the next pass, whatever their age, and makes every waiting
  /// batch of theirs due.
  public mutating func flush(_ streams: Set<StreamName>?) {
    for lane in lanes where streams?.contains(lane.name) ?? true { lane.flush = true }
  }

  /// Whether the last pass left records that were due and that the next can seal at once.
  public var isCatchingUp: Bool {
    !spoolIsFull && lanes.contains { $0.isCatchingUp && $0.pause == nil && !$0.isStopped }
  }

  /// Whether a stream or one of its logs is in trouble of its own, or the spool is full.
  public var isPaused: Bool { spoolIsFull || lanes.contains { $0.pause != nil || !$0.waits.waits.isEmpty } }

  /// Whether a sealed batch still waits for a store, held ones left out.
  /// - Parameter stopped: also in streams that a person has paused.
  public func hasWaiting(stopped: Bool = true) throws(LedgerFault) -> Bool {
    for lane in lanes where stopped || !lane.isStopped {
      let waiting = try ledger.read { (t) throws(LedgerFault) in try t.waiting(of: lane.name) }
      if waiting.contains(where: lane.adopted.contains) { return true }
    }
    return false
  }

  /// - Throws: a `LedgerFault`, after which nothing may be decided. A stream's own trouble pauses that stream only.
  public mutating func pass(at now: Moment) throws(LedgerFault) -> OutboundPass {
    var result = OutboundPass(next: now.uptime + Limits.logPoll)
    if !knowsWaits {
      waits = try ledger.read { (t) throws(LedgerFault) in try t.storeWaits() }
      knowsWaits = true
    }
    for lane in lanes {
      guard try attempt(lane, at: now, { engine, lane in try engine.pass(lane, at: now, &result) }) else {
        // It gave way to somebody, or the agent stops.
        result.next = now.uptime
        break
      }
      if let pause = lane.pause { result.next = min(result.next, pause.until) }
      result.watch.formUnion(lane.sources.globs.map(\.directory.string))
    }
    try dispatch(at: now, &result)
    for lane in lanes {
      if let next = lane.waits.next { result.next = min(result.next, max(next, now.uptime)) }
      writeReport(lane)
    }
    result.waiting = lanes.reduce(0) { $0 + $1.adopted.count }
    result.paused = lanes.filter { $0.pause != nil }.map(\.name)
    result.stopped = lanes.filter(\.isStopped).map(\.name)
    result.spoolIsFull = spoolIsFull
    return result
  }

  /// Trouble of a stream's own pauses that stream only. - Returns: false where the agent is stopping.
  mutating func attempt(
    _ lane: StreamLane, at now: Moment, _ work: (inout Self, StreamLane) throws -> Void
  ) throws(LedgerFault) -> Bool {
    do {
      try hands.holding(Work(.stream(lane.name), .pass)) { try work(&self, lane) }
    } catch let fault as FileFault {
      pause(lane, fault, at: now)
    } catch let fault as LedgerFault {
      throw fault
    } catch is Interrupted {
      return false
    } catch {
      preconditionFailure("a fault of an unknown kind: \(error)")
    }
    return true
  }

  private mutating func pass(_ lane: StreamLane, at now: Moment, _ result: inout OutboundPass) throws {
    try settleIn(lane, at: now)
    try heedPause(lane)
    if lane.flush, !lane.isStopped { try hurry(lane, at: now) }
    if lane.flush || lane.pause.map({ now.uptime >= $0.until }) ?? true {
      // Trouble with the logs or a full disk must not keep sealed batches from leaving.
      do {
        if lane.isStopped {
          try look(lane, at: now)
        } else if let due = try readLogs(lane, at: now) {
          result.next = min(result.next, now.uptime + max(due - now.wall, .milliseconds(10)))
        }
        resume(lane)
      } catch let fault as FileFault {
        pause(lane, fault, at: now)
      }
    }
    lane.flush = false
    try settleBatches(lane, at: now)
    try finishSources(lane, at: now)
    try sweep(lane, at: now)
    // What stood behind it has its turn.
    if lane.pause == nil, lane.waits.endPass(at: now.uptime) { result.next = now.uptime }
  }

  // MARK: - Trouble

  mutating func pause(_ lane: StreamLane, _ fault: FileFault, at now: Moment) {
    let attempt = (lane.pause?.attempt ?? 0) + 1
    let delay = Backoff.lane.delay(attempt: attempt, random: random.next())
    if lane.pause?.said != fault.description {
      let kind: EventKind = fault.kind == .full ? .diskLow : .lanePaused
      events.record(kind, "Stream \(lane.name) waits. \(fault)", [.stream: lane.name.text, .reason: "\(fault.kind)"])
    }
    lane.pause = StreamLane.Pause(
      until: now.uptime + delay, attempt: attempt, said: fault.description, since: lane.pause?.since ?? now.wall)
  }

  private func resume(_ lane: StreamLane) {
    guard lane.pause != nil else { return }
    lane.pause = nil
    events.record(.laneResumed, "Stream \(lane.name) goes on", [.stream: lane.name.text])
  }
}
