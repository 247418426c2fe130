import Core
import Glibc
import Journal
import Threads

/// Tells the service manager how the agent stands, and feeds its watchdog; where there is no manager, costs nothing.
final class ServiceNotice: Sendable {
  private struct State: Sendable {
    var standing = Standing()
    var wake: @Sendable (String) -> Void = { _ in }
    var alarm: Timers.Alarm?
  }

  private let notify: Notify
  private let watchdog: Duration?
  private let state = Locked(State())

  /// As the environment says; nil where nobody listens.
  static func fromEnvironment() -> ServiceNotice? {
    func value(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
    guard let notify = Notify(value("NOTIFY_SOCKET")) else { return nil }
    let watchdog = Notify.watchdog(value("WATCHDOG_USEC"), owner: value("WATCHDOG_PID"), pid: getpid())
    return ServiceNotice(notify, watchdog: watchdog)
  }

  init(_ notify: Notify, watchdog: Duration?) {
    self.notify = notify
    self.watchdog = watchdog
  }

  /// Before the lock is taken and the ledger opened, which may have to be made anew.
  func start() {
    notify.send([.status("starting: opening the ledger"), .extend(Limits.startExtension)])
    arm()
  }

  /// New lanes are made.
  /// - Returns: what they are known by in `passed`.
  func begin(_ lanes: [String]) -> Int { state.withLock { $0.standing.begin(lanes) } }

  /// - Parameter wake: asks a lane for a pass.
  func heed(_ wake: @escaping @Sendable (String) -> Void) { state.withLock { $0.wake = wake } }

  func progressed(_ lane: String) { state.withLock { $0.standing.progressed(lane) } }
  func passed(_ lane: String, of generation: Int, _ text: String) { say { $0.passed(lane, of: generation, text) } }
  /// There is no lane.
  func settled(_ generation: Int, _ text: String) { say { $0.settled(generation, text) } }

  /// - Parameter count: transfers that were left behind and have not ended since.
  func stalled(_ count: Int) { say { $0.stall(count) } }

  func reload() {
    say { $0.reload(at: SystemClock.uptime()) }
    arm()
  }
  func refuse() { say { $0.refuse() } }
  func stop() {
    say { $0.stop() }
    arm()
  }
  func fail(_ what: String) { notify.send([.status(what)]) }

  /// Sent under the lock, so that messages leave in the order in which they were decided.
  private func say(_ step: (inout Standing) -> [Notify.Message]) {
    state.withLock { notify.send(step(&$0.standing)) }
  }

  /// The next tick comes in a few seconds while something is under way, else as the watchdog wants it, else never.
  private func arm() {
    state.withLock { state in
      if let alarm = state.alarm { Timers.shared.cancel(alarm) }
      state.alarm = nil
      let quarter = watchdog.map { $0 / 4 }
      let pace = state.standing.phase == .running ? quarter : min(Limits.busyTick, quarter ?? Limits.busyTick)
      guard let pace else { return }
      state.alarm = Timers.shared.schedule(after: max(pace, Limits.shortestTick)) { [weak self] in self?.tick() }
    }
  }

  private func tick() {
    let (lanes, wake) = state.withLock { state in
      let (messages, lanes) = state.standing.tick(hasWatchdog: watchdog != nil)
      notify.send(messages)
      return (lanes, state.wake)
    }
    if watchdog != nil { for lane in lanes { wake(lane) } }
    arm()
  }
}
