import Journal
import Testing

@Suite("The service manager is told how the service stands")
struct StandingTests {
  private static let second: Duration = .seconds(1)

  /// A service that is ready.
  private static func running() -> Standing {
    var standing = Standing()
    let first = standing.begin(["in", "out"])
    _ = standing.passed("in", of: first, "begins")
    _ = standing.passed("out", of: first, "all idle")
    return standing
  }

  @Test func readyOnceBothLanesHavePassed() {
    var standing = Standing()
    let first = standing.begin(["in", "out"])
    #expect(standing.passed("in", of: first, "begins") == [])
    #expect(standing.passed("in", of: first, "begins") == [])
    let said = standing.passed("out", of: first, "all idle")
    #expect(said == [.ready, .status("all idle")])
    #expect(standing.passed("out", of: first, "all idle") == [])
    #expect(standing.passed("out", of: first, "out busy") == [.status("out busy")])
  }

  @Test func withoutLanesItIsReadyAtOnce() {
    var standing = Standing()
    let first = standing.begin([])
    #expect(standing.settled(first, "nothing is configured") == [.ready, .status("nothing is configured")])
    #expect(standing.tick(hasWatchdog: true).messages == [.watchdog])
  }

  @Test func oneSilentLaneOfManyStarvesTheWatchdogAndIsWoken() {
    var standing = Standing()
    let names = (0..<20).map { "feed f\($0)" }
    let first = standing.begin(names)
    for name in names { _ = standing.passed(name, of: first, "idle") }
    _ = standing.tick(hasWatchdog: true)
    for name in names where name != "feed f7" { standing.progressed(name) }
    let tick = standing.tick(hasWatchdog: true)
    #expect(tick.messages == [] && tick.wake == ["feed f7"])
  }

  @Test func aReloadEndsWhenTheNewLanesHavePassed() {
    var standing = Self.running()
    #expect(standing.reload(at: Self.second) == [.reloading(at: Self.second)])
    // The old lanes finish what they have in hand.
    #expect(standing.passed("in", of: 1, "old") == [] && standing.passed("out", of: 1, "old") == [])
    let second = standing.begin(["in", "out"])
    #expect(standing.passed("out", of: second, "o") == [])
    #expect(standing.passed("in", of: 1, "old") == [])
    #expect(standing.passed("in", of: second, "i") == [.ready, .status("i")])
  }

  @Test func aTransferThatNeverEndsStarvesTheWatchdog() {
    var standing = Self.running()
    _ = standing.tick(hasWatchdog: true)
    func bothPass() {
      standing.progressed("in")
      standing.progressed("out")
    }
    bothPass()
    #expect(standing.stall(1) == [.status("1 transfer stands still and does not end; all idle")])
    #expect(standing.tick(hasWatchdog: true).messages == [])
    bothPass()
    #expect(standing.stall(0) == [])
    #expect(standing.tick(hasWatchdog: true).messages == [.watchdog])
  }

  @Test func aRefusedReloadEndsToo() {
    var standing = Self.running()
    _ = standing.reload(at: Self.second)
    #expect(standing.refuse().first == .ready)
    #expect(standing.phase == .running)
    #expect(standing.passed("in", of: 1, "1 drop") == [.status("1 drop")])
  }

  @Test func aReloadBeforeTheFirstPassStillGetsReady() {
    var standing = Standing()
    _ = standing.begin(["in", "out"])
    #expect(standing.reload(at: Self.second) == [])
    let second = standing.begin(["in", "out"])
    _ = standing.passed("in", of: second, "i")
    #expect(standing.passed("out", of: second, "o") == [.ready, .status("o")])
    var refused = Standing()
    let first = refused.begin(["in", "out"])
    _ = refused.reload(at: Self.second)
    #expect(refused.refuse() == [])
    _ = refused.passed("in", of: first, "i")
    #expect(refused.passed("out", of: first, "o").first == .ready)
  }

  @Test func theWatchdogIsFedByBothLanesAlone() {
    var standing = Self.running()
    #expect(standing.tick(hasWatchdog: true).messages == [.watchdog])
    // Nothing happened since: both are asked for a pass.
    let idle = standing.tick(hasWatchdog: true)
    #expect(idle.messages == [] && idle.wake == ["in", "out"])
    standing.progressed("in")
    let half = standing.tick(hasWatchdog: true)
    #expect(half.messages == [] && half.wake == ["out"])
    standing.progressed("out")
    #expect(standing.tick(hasWatchdog: true).messages == [.watchdog])
    // A hung lane is never outweighed by the other.
    for _ in 0..<10 {
      standing.progressed("in")
      #expect(standing.tick(hasWatchdog: true).messages == [])
    }
    #expect(standing.tick(hasWatchdog: false).messages == [])
  }

  @Test func aLongStopIsGrantedTimeWhileItGetsOn() {
    var standing = Self.running()
    _ = standing.tick(hasWatchdog: false)
    #expect(standing.stop().first == .stopping)
    #expect(standing.stop() == [])
    standing.progressed("out")
    #expect(standing.tick(hasWatchdog: false).messages == [.extend(.seconds(60))])
    #expect(standing.tick(hasWatchdog: false).messages == [])
    #expect(standing.passed("in", of: 1, "x") == [] && standing.refuse() == [])
    #expect(standing.reload(at: Self.second) == [])
  }

  @Test func theWatchdogOfAnotherProcessIsNotOurs() {
    #expect(Notify.watchdog("2000000", owner: nil, pid: 7) == .seconds(2))
    #expect(Notify.watchdog("2000000", owner: "7", pid: 7) == .seconds(2))
    #expect(Notify.watchdog("2000000", owner: "8", pid: 7) == nil)
    for text in [nil, "", "0", "-1", "x"] { #expect(Notify.watchdog(text, owner: nil, pid: 7) == nil) }
  }
}
