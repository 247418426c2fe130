import Config
import Core
import Files
import Glibc
import Journal
import Ledger
import Spool
import SystemPackage
import Threads

/// Runs lanes until they are stopped; a reload stops them and starts new ones, which is no more than a restart.
final class AgentService: Sendable {
  private struct State: Sendable {
    var lanes: LaneSet?
    /// What the next lanes are made for.
    var next: Settings?
    var isStopping = false
  }

  private let run: AgentRun
  private let events: FoldingSink
  private let read: @Sendable () throws -> Settings
  private let signals: Signals
  private let notice: ServiceNotice?
  private let metrics: MetricsKeeper
  private let state: Locked<State>

  /// - Parameter signals: caught since before the settings were read.
  init(
    _ run: AgentRun, _ settings: Settings, _ events: FoldingSink, _ signals: Signals, _ notice: ServiceNotice?,
    _ metrics: MetricsKeeper, read: @escaping @Sendable () throws -> Settings
  ) {
    self.run = run
    self.events = events
    self.signals = signals
    self.notice = notice
    self.metrics = metrics
    self.read = read
    state = Locked(State(next: settings))
  }

  func run() async throws {
    // Said only now, when every signal is caught: whoever waits for it may send one at once.
    if let settings = state.withLock({ $0.next }) {
      events.record(
        .agentStarted,
        (["navette \(Version.text) runs: \(AgentProcess.describe(settings)); on \(HostReport.line)"]
          + AgentProcess.completeness(settings) + HostReport.lacks(settings)).joined(separator: ". "),
        [.path: settings.state.string])
    }
    let heeding = Task.onPool { await self.handleSignals() }
    defer { heeding.cancel() }
    try await runLanes()
  }

  private func runLanes() async throws {
    var isReload = false
    while let settings = takeNext() {
      let lanes = LaneSet(run, settings, notice: notice, metrics: metrics)
      metrics.use(settings, lanes.ends)
      let watch = LaneWatch(lanes, run, events)
      lanes.report(to: watch)
      let isStopping = state.withLock { state in
        state.lanes = lanes
        // Settings that came meanwhile are for the next lanes.
        return state.isStopping || state.next != nil
      }
      if isStopping { lanes.stop() }
      if isReload { await lanes.askAgain() }
      isReload = true
      await watch.handleRequests()
      defer { watch.stop() }
      try await lanes.run()
      state.withLock { $0.lanes = nil }
    }
  }

  private func takeNext() -> Settings? {
    state.withLock { state in
      defer { state.next = nil }
      return state.isStopping ? nil : state.next
    }
  }

  private func stop() {
    notice?.stop()
    let lanes = state.withLock { state in
      state.isStopping = true
      return state.lanes
    }
    lanes?.stop()
  }

  // MARK: - Signals

  private func handleSignals() async {
    for await signal in signals {
      switch signal {
      case SIGTERM, SIGINT: stop()
      case SIGHUP: reload()
      default: state.withLock { $0.lanes }?.flush()
      }
    }
  }

  /// A bad configuration is refused whole: the old one stays in force.
  private func reload() {
    notice?.reload()
    let settings: Settings
    do {
      settings = try read()
      guard settings.state == run.state.root else {
        throw ConfigProblems([
          ConfigProblem(
            key: "state", message: "cannot change while the agent runs; it is \(run.state.root)",
            remedy: "Restart the agent")
        ])
      }
    } catch {
      let first = (error as? ConfigProblems)?.all.first?.description ?? "\(error)"
      events.record(.configRefused, "The new configuration is refused, the old one stays: \(first)", [.reason: first])
      notice?.refuse()
      metrics.refused()
      return
    }
    let lanes = state.withLock { state in
      state.next = settings
      return state.lanes
    }
    events.record(.configReloaded, "New configuration: \(AgentProcess.describe(settings))")
    lanes?.stop()
  }
}
