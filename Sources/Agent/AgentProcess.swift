public import Config
import Core
import Files
import Glibc
import Inbound
import Journal
import Ledger
import Spool
import SystemPackage
import Threads

/// The agent as a process: configuration, events, signals, and the lanes until somebody stops them.
public struct AgentProcess: Sendable {
  public enum Format: Sendable { case journal, text, json }

  private let read: @Sendable () throws -> Settings
  private let adopt: Bool
  private let sink: any EventSink

  /// - Parameters:
  ///   - read: reads the configuration, at start and at each reload.
  ///   - format: nil: to the journal where it takes our standard error, else as text.
  public init(read: @escaping @Sendable () throws -> Settings, format: Format?, adopt: Bool) {
    self.read = read
    self.adopt = adopt
    let isJournal = Self.isService
    // Where journald takes standard error, it keeps the time itself.
    let text = TextSink(.standardError, style: isJournal ? .journal : .timed, now: SystemClock.wall)
    sink =
      switch format ?? (isJournal ? .journal : .text) {
      case .journal: JournalSink(fallback: text)
      case .text: text
      case .json: JSONSink(.standardError, now: SystemClock.wall)
      }
    // A reader that goes away must not end the agent.
    signal(SIGPIPE, SIG_IGN)
  }

  /// Whether systemd has started us and takes what we write (systemd.exec(5)).
  public static var isService: Bool {
    LineWriter.standardError.isJournal(getenv("JOURNAL_STREAM").map { String(cString: $0) })
  }

  /// Until SIGTERM or SIGINT.
  /// - Throws: `Failure`, `ConfigProblems`.
  public func run() async throws -> ExitCode {
    // Before the configuration is read: what is asked for from now on is neither lost nor deadly.
    let signals = Signals.catching([SIGTERM, SIGINT, SIGHUP, SIGUSR1])
    let settings = try readChecked()
    let counts = EventCounts()
    let events = FoldingSink(sink, counts: counts, uptime: SystemClock.uptime)
    let notice = ServiceNotice.fromEnvironment()
    notice?.start()
    var life: Hands?
    do {
      let run = try AgentRun(settings, events: events, adopt: adopt, isAgent: true)
      life = run.hands
      let metrics = MetricsKeeper(settings, counts: counts, events: events, startedAt: SystemClock.wall())
      defer { metrics.stop() }
      try await AgentService(run, settings, events, signals, notice, metrics, read: readChecked).run()
    } catch {
      events.finish()
      let failure = Failure.of(error)
      notice?.fail("\(failure)")
      life?.end(code: LastLife.code(of: failure))
      throw failure
    }
    events.record(.agentStopping, "navette stops: everything in hand is finished or parked")
    events.finish()
    life?.end(code: 0)
    return .done
  }

  public func runOnce() async throws -> ExitCode {
    let settings = try readChecked()
    let counts = EventCounts()
    let events = FoldingSink(sink, counts: counts, uptime: SystemClock.uptime)
    defer { events.finish() }
    let metrics = MetricsKeeper(
      settings, counts: counts, events: events, startedAt: SystemClock.wall(), isForTheEnd: true)
    return try await OnceRun(settings, events: events, metrics: metrics, adopt: adopt).run()
  }

  private func readChecked() throws -> Settings {
    let settings = try read()
    let problems = SettingsCheck.problems(of: settings)
    guard problems.isEmpty else { throw ConfigProblems(problems) }
    return settings
  }

  static func describe(_ settings: Settings) -> String {
    if settings.feeds.isEmpty, settings.streams.isEmpty { return "nothing is configured" }
    return "feeds \(names(settings.feeds.map(\.name.text))), streams \(names(settings.streams.map(\.name.text)))"
  }

  /// By what each feed knows that a file is whole: one line for all of which the same is so, and for what is to be warned of.
  /// - Parameter pid: the agent's; nil: this process, or one like it.
  public static func completeness(_ settings: Settings, of pid: Int32? = nil) -> [String] {
    let mayAsk = CompletenessTest.mayAsk(pid)
    let tests = settings.feeds.map { (name: $0.name.text, test: CompletenessTest($0, mayAsk: mayAsk)) }
    var lines: [String] = []
    for (index, one) in tests.enumerated() where !tests[..<index].contains(where: { $0.test == one.test }) {
      let alike = tests.filter { $0.test == one.test }.map(\.name)
      let subject = "\(alike.count == 1 ? "feed" : "feeds") \(names(alike))"
      lines.append("\(subject): a file is whole when \(one.test.words)")
      if let warning = one.test.warning { lines.append("\(subject): \(warning)") }
    }
    return lines
  }

  private static func names(_ names: [String]) -> String { names.isEmpty ? "none" : names.joined(separator: " ") }
}
