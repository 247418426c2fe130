import Config
import Core
import Files
import Journal
import Lanes
import Ledger
import Spool
import Store

/// What a pull has to work with.
struct PullContext: Sendable {
  let state: StateFolder
  let files: any Files
  let ledger: Ledger
  let events: any EventSink
  let minFree: UInt64
  let slots: StoreSlots
  let room: PromisedRoom
  /// Nil: only what a folder looks like is looked at.
  let mounts: MountWatch?
}

/// One pass over one pull, or the end of one piece of its work: what its steps share. The steps are in `Steps`, and their order is in
/// `PullWorker`.
struct PullPass {
  var feed: PullCommon
  let host: PullContext
  let now: Moment
  var random: any RandomNumberGenerator & Sendable
  /// Asks for a pass: called when a slot of the store may be free.
  let wake: @Sendable () -> Void
  var summary: PullSummary
  /// What `status` is told has changed.
  var isStandingNew = false

  var files: any Files { host.files }
  var lane: String { feed.name.text }

  /// A slot was taken for it.
  mutating func begin(_ work: PullWork) {
    feed.underWay += 1
    summary.works.append(work)
  }

  /// Where none is free, the pass after one is given back takes it.
  mutating func takeSlot() -> Bool {
    // A store that failed last is asked one thing at a time.
    switch host.slots.take(feed.store, for: lane, most: feed.wait == nil ? nil : 1, at: now.uptime, wake: wake) {
    case .taken: return true
    case .none: return false
    case .othersFirst:
      summary.look(at: now.uptime + StoreSlots.patience)
      return false
    }
  }

  // MARK: - Trouble

  mutating func answered() {
    feed.answers += 1
    feed.reached = true
    feed.progress += 1
    goOn()
  }

  mutating func goOn() {
    guard feed.wait != nil else { return }
    feed.wait = nil
    report(.laneResumed, "Feed \(feed.name) fetches from store \(feed.store) again")
  }

  mutating func trouble(_ fault: StoreFault) {
    if fault.kind != .unreachable { feed.reached = true } else if feed.reached == nil { feed.reached = false }
    var atLeast = Duration.zero
    var backoff = Backoff.retry
    var kind = EventKind.lanePaused
    switch fault.kind {
    case .untrusted, .expired, .denied, .forbidden, .unproven: (backoff, kind) = (.refused, .credentialRefused)
    case .wrongPlace: (backoff, kind) = (.refused, .wrongEndpoint)
    case .throttled(let milliseconds): atLeast = .milliseconds(min(milliseconds ?? 0, Limits.longestWait.milliseconds))
    case .full: kind = .diskLow
    case .unreachable, .refused, .mismatch: break
    }
    leaveAlone(fault.description, "\(fault.kind)", kind, backoff, atLeast: atLeast)
    isStandingNew = true
  }

  /// Our own disk's.
  mutating func trouble(_ fault: FileFault) {
    leaveAlone(
      fault.description, "\(fault.kind)", fault.kind == .full ? .diskLow : .lanePaused, .lane, isOurs: true)
  }

  /// Makes the feed's pulling wait. Said once, until it goes on.
  mutating func leaveAlone(
    _ fault: String, _ reason: String, _ kind: EventKind, _ backoff: Backoff, atLeast: Duration = .zero,
    isOurs: Bool = false
  ) {
    let before = feed.wait
    // What began together and fails together is one failure.
    if let before, now.uptime < before.until { return }
    let attempts = (before?.attempts ?? 0) + 1
    let delay = max(backoff.delay(attempt: attempts, random: random.next()), atLeast)
    feed.wait = PullCommon.Wait(attempts: attempts, until: now.uptime + delay, fault: fault, isOurs: isOurs)
    guard before == nil else { return }
    report(kind, "Feed \(feed.name) does not fetch from store \(feed.store) for now: \(fault)", reason: reason)
  }

  func report(
    _ kind: EventKind, _ message: String, reason: String? = nil, _ more: [Event.Field: String] = [:]
  ) {
    var fields = more
    fields[.feed] = feed.name.text
    fields[.store] = feed.store.text
    fields[.reason] = reason
    host.events.record(kind, message, fields)
  }
}

/// What a pass leaves to its lane.
public struct PullSummary: Sendable {
  public var works: [PullWork] = []
  /// Uptime at which to pass again if nothing wakes the lane before.
  public var next: Duration
  /// Files that have got their names in landing.
  public var landed = 0

  mutating func look(at uptime: Duration) { next = min(next, uptime) }
}
