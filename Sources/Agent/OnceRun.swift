import Config
import Core
import Inbound
import Journal
import Outbound
import Threads

/// `run --once`: one settle time, everything that is complete, everything that waits, at most 30 s of retries.
struct OnceRun {
  static let patience: Duration = .seconds(30)

  private let run: AgentRun
  private let settings: Settings
  private let tally: Tally

  init(_ settings: Settings, events: any EventSink, adopt: Bool = false) throws {
    tally = Tally(events)
    self.settings = settings
    run = try AgentRun(settings, events: tally, adopt: adopt)
  }

  func run() async throws -> ExitCode {
    let lanes = try Lanes(run, settings)
    do {
      try await carryOutRequests(lanes)
      async let inbound: Bool = passInbound(lanes.inbound)
      try await lanes.outbound.runOnce(patience: Self.patience)
      let inboundIsPaused = try await inbound
      return try exitCode(await lanes.outbound.outcome(), inboundIsPaused)
    } catch let fault as LedgerFault {
      throw Failure(fault)
    } catch let fault as FileFault {
      throw Failure(fault)
    }
  }

  /// What commands asked while no agent ran. Everything is flushed here anyway.
  private func carryOutRequests(_ lanes: Lanes) async throws {
    let box = RequestBox(state: run.state, files: run.files)
    let steward = Steward(lanes: lanes, sending: false)
    for letter in try box.open() {
      var answer = Answer()
      if let request = letter.request, !request.isFlush { answer = try await steward.carryOut(request) }
      try box.done(letter, answer)
    }
  }

  /// Files need one settle time to be believed; whatever was complete at the start is then through.
  private func passInbound(_ lane: InboundLane) async throws -> Bool {
    guard !settings.feeds.isEmpty else { return false }
    let settle = settings.feeds.map(\.settle).max() ?? .zero
    var deadline = SystemClock.uptime() + settle + .milliseconds(500)
    let waker = settle / 4
    while true {
      let summary = try await lane.pass()
      let now = SystemClock.uptime()
      // What was left out at first has to settle, too.
      if summary.isCut, summary.hasEnded { deadline = now + settle + .milliseconds(500) }
      if now >= deadline { return !summary.paused.isEmpty }
      if summary.settling == 0, summary.waiting == 0 { return !summary.paused.isEmpty }
      let next = summary.next ?? now + waker
      await rest(max(min(next, deadline) - now, .milliseconds(10)))
    }
  }

  private func exitCode(_ outbound: OutboundOutcome, _ inboundIsPaused: Bool) throws -> ExitCode {
    if outbound.hasWaiting {
      return !outbound.reached.isEmpty && outbound.reached.values.allSatisfy { !$0 } ? .unreachable : .later
    }
    if outbound.isPaused || inboundIsPaused { return .later }
    return tally.needsPerson ? .findings : .done
  }
}

/// Notes whether anything went where a person must look.
private final class Tally: EventSink {
  private let next: any EventSink
  private let found = Guarded(false)

  init(_ next: any EventSink) { self.next = next }

  var needsPerson: Bool { found.withLock { $0 } }

  func record(_ event: Event) {
    switch event.kind {
    case .dropQuarantined, .dropHeld, .batchHeld: found.withLock { $0 = true }
    default: break
    }
    next.record(event)
  }
}
