import Journal
import Testing

@Suite("The service manager is told how the service stands")
struct StandingTests {
  private static let second: Duration = .seconds(1)

  /// A service that is ready.
  private static func running() -> Standing {
    var standing = Standing()
    let first = standing.begin()
    _ = standing.passed(.inbound, of: first, "inbound: idle")
    _ = standing.passed(.outbound, of: first, "outbound: idle")
    return standing
  }

  @Test func readyOnceBothLanesHavePassed() {
    var standing = Standing()
    let first = standing.begin()
    #expect(standing.passed(.inbound, of: first, "inbound: idle") == [])
    #expect(standing.passed(.inbound, of: first, "inbound: idle") == [])
    let said = standing.passed(.outbound, of: first, "outbound: idle")
    #expect(said == [.ready, .status("inbound: idle; outbound: idle")])
    #expect(standing.passed(.outbound, of: first, "outbound: idle") == [])
    #expect(standing.passed(.outbound, of: first, "outbound: busy") == [.status("inbound: idle; outbound: busy")])
  }

  @Test func aReloadEndsWhenTheNewLanesHavePassed() {
    var standing = Self.running()
    #expect(standing.reload(at: Self.second) == [.reloading(at: Self.second)])
    // The old lanes finish what they have in hand.
    #expect(standing.passed(.inbound, of: 1, "old") == [] && standing.passed(.outbound, of: 1, "old") == [])
    let second = standing.begin()
    #expect(standing.passed(.outbound, of: second, "o") == [])
    #expect(standing.passed(.inbound, of: 1, "old") == [])
    #expect(standing.passed(.inbound, of: second, "i") == [.ready, .status("i; o")])
  }

  @Test func aTransferThatNeverEndsStarvesTheWatchdog() {
    var standing = Self.running()
    _ = standing.tick(hasWatchdog: true)
    func bothPass() {
      standing.progressed(.inbound)
      standing.progressed(.outbound)
    }
    bothPass()
    #expect(standing.stall(1) == [.status("1 transfer stands still and does not end; inbound: idle; outbound: idle")])
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
    #expect(standing.passed(.inbound, of: 1, "inbound: 1 drop") == [.status("inbound: 1 drop; outbound: idle")])
  }

  @Test func aReloadBeforeTheFirstPassStillGetsReady() {
    var standing = Standing()
    _ = standing.begin()
    #expect(standing.reload(at: Self.second) == [])
    let second = standing.begin()
    _ = standing.passed(.inbound, of: second, "i")
    #expect(standing.passed(.outbound, of: second, "o") == [.ready, .status("i; o")])
    var refused = Standing()
    let first = refused.begin()
    _ = refused.reload(at: Self.second)
    #expect(refused.refuse() == [])
    _ = refused.passed(.inbound, of: first, "i")
    #expect(refused.passed(.outbound, of: first, "o").first == .ready)
  }

  @Test func theWatchdogIsFedByBothLanesAlone() {
    var standing = Self.running()
    #expect(standing.tick(hasWatchdog: true).messages == [.watchdog])
    // Nothing happened since: both are asked for a pass.
    let idle = standing.tick(hasWatchdog: true)
    #expect(idle.messages == [] && idle.wake == [.inbound, .outbound])
    standing.progressed(.inbound)
    let half = standing.tick(hasWatchdog: true)
    #expect(half.messages == [] && half.wake == [.outbound])
    standing.progressed(.outbound)
    #expect(standing.tick(hasWatchdog: true).messages == [.watchdog])
    // A hung lane is never outweighed by the other.
    for _ in 0..<10 {
      standing.progressed(.inbound)
      #expect(standing.tick(hasWatchdog: true).messages == [])
    }
    #expect(standing.tick(hasWatchdog: false).messages == [])
  }

  @Test func aLongStopIsGrantedTimeWhileItGetsOn() {
    var standing = Self.running()
    _ = standing.tick(hasWatchdog: false)
    #expect(standing.stop().first == .stopping)
    #expect(standing.stop() == [])
    standing.progressed(.outbound)
    #expect(standing.tick(hasWatchdog: false).messages == [.extend(.seconds(60))])
    #expect(standing.tick(hasWatchdog: false).messages == [])
    #expect(standing.passed(.inbound, of: 1, "x") == [] && standing.refuse() == [])
    #expect(standing.reload(at: Self.second) == [])
  }

  @Test func theWatchdogOfAnotherProcessIsNotOurs() {
    #expect(Notify.watchdog("2000000", owner: nil, pid: 7) == .seconds(2))
    #expect(Notify.watchdog("2000000", owner: "7", pid: 7) == .seconds(2))
    #expect(Notify.watchdog("2000000", owner: "8", pid: 7) == nil)
    for text in [nil, "", "0", "-1", "x"] { #expect(Notify.watchdog(text, owner: nil, pid: 7) == nil) }
  }
}
