import Agent
import Config
import Core
import Glibc
import Threads

/// `status --watch`: looks every two seconds, at once after a key or a change of the window's size, until q or a signal ends it.
struct WatchRun {
  private struct Inbox: Sendable {
    var isOver = false
    var isToPause = false
    var hasContinued = false
  }

  private let settings: Settings
  private let inbox = Locked(Inbox())
  private let waker = Waker()

  init(_ settings: Settings) { self.settings = settings }

  /// - Throws: `Failure` where the first look fails.
  func run() async throws {
    let first = try look(events: 1)
    guard var screen = Screen() else {
      heed(Signals.catching([SIGINT, SIGTERM, SIGHUP]))
      return await repeatText(first)
    }
    heed(Signals.catching([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP, SIGCONT]))
    screen.enter()
    defer { screen.leave() }
    heedKeys()
    var shown = first
    while true {
      let size = screen.size
      do { shown = try look(events: size.rows) } catch { shown.trouble = "\(error)" }
      screen.draw(shown.lines(columns: size.columns, rows: size.rows))
      _ = await waker.wait(atMost: Limits.watchPeriod)
      let (isOver, isToPause) = take()
      if isOver { return }
      guard isToPause else { continue }
      screen.leave()
      await pause()
      screen.enter()
    }
  }

  /// What the shell wanted with SIGTSTP, by the one signal that nobody catches. The process stops some instant after the call, so
  /// that nothing may be done before it has gone on.
  private func pause() async {
    inbox.withLock { $0.hasContinued = false }
    kill(getpid(), SIGSTOP)
    while !inbox.withLock({ $0.hasContinued || $0.isOver }) { _ = await waker.wait(atMost: nil) }
  }

  /// Where nobody looks at a screen: the text of `status` again and again, each time under its time.
  private func repeatText(_ first: Dashboard) async {
    var shown = first
    while true {
      Terminal.line(shown.now.iso())
      for line in StatusText.lines(shown.report) { Terminal.line(line) }
      Terminal.line("")
      _ = await waker.wait(atMost: Limits.watchPeriod)
      if take().isOver { return }
      do { shown = try look(events: 0) } catch { Terminal.complain("\(error)") }
    }
  }

  private func look(events: Int) throws -> Dashboard {
    Dashboard(
      report: try StatusReport(settings), activity: try ActivityReport(settings, events: events),
      now: SystemClock.wall())
  }

  private func take() -> (isOver: Bool, isToPause: Bool) {
    inbox.withLock { inbox in
      defer { inbox.isToPause = false }
      return (inbox.isOver, inbox.isToPause)
    }
  }

  private func heed(_ signals: Signals) {
    Task.onPool { [inbox, waker] in
      for await signal in signals {
        inbox.withLock { inbox in
          switch signal {
          case SIGWINCH: break
          case SIGCONT: inbox.hasContinued = true
          case SIGTSTP: inbox.isToPause = true
          default: inbox.isOver = true
          }
        }
        waker.wake()
      }
    }
  }

  /// Each key is a look; q ends. The thread ends with the process.
  private func heedKeys() {
    guard isatty(0) == 1 else { return }
    let keys = SerialThread("navette-keys")
    keys.run { [inbox, waker] in
      withExtendedLifetime(keys) {
        var key: UInt8 = 0
        while read(0, &key, 1) == 1 {
          if key == UInt8(ascii: "q") || key == UInt8(ascii: "Q") { inbox.withLock { $0.isOver = true } }
          waker.wake()
        }
      }
    }
  }
}
