import Config
import Control
import Core
import Inbound
import Journal
import Outbound
import Pull
import Threads

/// `run --once`: one settle time, everything that is complete, everything that waits, at most 30 s of retries.
struct OnceRun {
  private let run: AgentRun
  private let settings: Settings
  private let tally: Tally
  private let metrics: MetricsKeeper?

  init(_ settings: Settings, events: any EventSink, metrics: MetricsKeeper? = nil, adopt: Bool = false) throws {
    tally = Tally(events)
    self.settings = settings
    self.metrics = metrics
    run = try AgentRun(settings, events: tally, adopt: adopt, isAgent: true)
  }

  func run() async throws -> ExitCode {
    do {
      let code = try await carryOut()
      // Whatever is left to do is for the next run: this one came to its end.
      run.hands.end(code: 0)
      return code
    } catch {
      let failure = Failure.of(error)
      run.hands.end(code: LastLife.code(of: failure))
      throw failure
    }
  }

  private func carryOut() async throws -> ExitCode {
    let lanes = LaneSet(run, settings, metrics: metrics)
    metrics?.use(settings, lanes.ends)
    defer { metrics?.leave() }
    try await carryOutRequests(lanes)
    try lanes.tidy()
    let isInTrouble = try await withThrowingTaskGroup(of: Bool.self) { group in
      for lane in lanes.streams {
        group.addTask {
          try await lane.runOnce(patience: Limits.onceRetries)
          return false
        }
      }
      for lane in lanes.feeds {
        group.addTask { try await pass(lane, lanes.pulls.first { $0.name == lane.name }) }
      }
      var isInTrouble = false
      for try await one in group { isInTrouble = isInTrouble || one }
      return isInTrouble
    }
    return try await exitCode(lanes, isInTrouble)
  }

  /// What commands asked while no agent ran. Everything is flushed here anyway.
  private func carryOutRequests(_ lanes: LaneSet) async throws {
    let queue = RequestQueue(state: run.state, files: run.files)
    let handler = RequestHandler(lanes: lanes, sending: false)
    for file in try queue.open() {
      if file.request?.isFlush == true {
        try queue.done(file, Answer())
      } else {
        try await queue.answer(file, by: handler, run.events)
      }
    }
  }

  /// Files need one settle time to be believed; whatever was complete at the start is then through.
  /// What the store of the feed holds is fetched first, and has its time then.
  /// - Returns: whether the feed, or something in it, cannot go on.
  private func pass(_ feed: FeedLane, _ pull: PullLane?) async throws -> Bool {
    guard let settle = settings.feeds.first(where: { $0.name == feed.name })?.settle else { return false }
    var pulling = Pulling(since: SystemClock.uptime())
    var isPulling = try await pulling.pass(pull)
    var hasPulled = isPulling
    var summary = try await feed.pass()
    // Whatever lay there has been seen by now, however slow the machine is.
    var atRest = SystemClock.uptime() + settle.answered
    let longest = SystemClock.uptime() + settle.unanswered
    while true {
      let now = SystemClock.uptime()
      // What was left out at first, or has been fetched since, has to settle, too.
      let isMore = hasPulled || summary.isCut && summary.hasEnded
      var isLast = !isMore && summary.settling == 0 && summary.waiting == 0
      if !isLast {
        let next =
          isPulling
          ? now + Limits.oncePulls
          : min(summary.next ?? now + settle.answered / 4, max(atRest, summary.unansweredUntil ?? .zero))
        await sleep(for: max(next - now, Limits.onceLook))
        // Where nobody can say who writes, a file needs a longer rest, which one that still grows never gets.
        isLast = !isMore && SystemClock.uptime() >= max(atRest, min(summary.unansweredUntil ?? .zero, longest))
        summary = try await feed.pass()
        if isMore { atRest = SystemClock.uptime() + settle.answered }
        if summary.isCut, summary.hasEnded { isLast = false }
      }
      // Drops that have come to their end may leave something to be deleted.
      hasPulled = isPulling
      isPulling = try await pulling.pass(pull)
      hasPulled = hasPulled || isPulling
      if isLast, !hasPulled { break }
    }
    await pull?.breakOff()
    return summary.trouble != nil || summary.blocked > 0
  }

  private struct Pulling {
    /// Uptime of the last progress.
    var since: Duration
    var progress = 0

    /// - Returns: whether there is more to come.
    mutating func pass(_ lane: PullLane?) async throws -> Bool {
      guard let lane else { return false }
      try await lane.pass()
      let outcome = await lane.outcome
      let now = SystemClock.uptime()
      if outcome.progress > progress { (since, progress) = (now, outcome.progress) }
      return !outcome.isIdle && now - since < Limits.onceRetries
    }
  }

  private func exitCode(_ lanes: LaneSet, _ isInTrouble: Bool) async throws -> ExitCode {
    var (hasWaiting, isInTrouble) = (false, isInTrouble)
    var reached = Array(lanes.storeStates.reached.values)
    for lane in lanes.streams {
      let outcome = try await lane.outcome()
      hasWaiting = hasWaiting || outcome.hasWaiting
      isInTrouble = isInTrouble || outcome.isInTrouble
    }
    for lane in lanes.pulls {
      let outcome = await lane.outcome
      hasWaiting = hasWaiting || outcome.isWaiting
      reached += [outcome.reached].compactMap(\.self)
    }
    if hasWaiting { return !reached.isEmpty && reached.allSatisfy { !$0 } ? .unreachable : .later }
    // Whoever reads the exit status alone learns of it now; what waits is met by the next run, too.
    if tally.toldGap { return .findings }
    if isInTrouble { return .later }
    return tally.needsPerson ? .findings : .done
  }
}

/// Notes whether anything went where a person must look.
private final class Tally: EventSink {
  private let next: any EventSink
  private let found = Locked(false)
  private let gaps = Locked(false)

  init(_ next: any EventSink) { self.next = next }

  /// Records of a log are missing, or may be.
  var toldGap: Bool { gaps.withLock { $0 } }

  var needsPerson: Bool { found.withLock { $0 } }

  func record(_ event: Event) {
    switch event.kind {
    case .dropQuarantined, .dropHeld, .dropDamaged, .lateWrite, .batchHeld, .batchDamaged:
      found.withLock { $0 = true }
    case .sourceGap where event.fields[.reason].map(GapReason.lost.contains) == true:
      gaps.withLock { $0 = true }
    case .schemaChanged where event.fields[.reason] == "held": found.withLock { $0 = true }
    default: break
    }
    next.record(event)
  }
}
