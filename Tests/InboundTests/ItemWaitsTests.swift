import Core
import Lanes
import Spool
import Testing

@Suite("What waits for a reason of its own")
struct ItemWaitsTests {
  private let fault = FileFault(.denied, "Cannot read", at: "there")
  private var waits = ItemWaits<Int>()
  private var now = Duration.seconds(100)

  private func moment(_ uptime: Duration) -> Moment { Moment(wall: Timestamp(seconds: 0), uptime: uptime) }

  /// One pass that fails. - Returns: how long until the lane wakes for it again.
  private mutating func fail() throws -> Duration {
    let isPostponed = waits.isPostponed(1, at: now)
    #expect(!isPostponed)
    _ = waits.postpone(1, fault, at: moment(now))
    _ = waits.isPostponed(1, at: now)
    waits.endPass(at: now)
    return try #require(waits.next) - now
  }

  @Test("is tried every few seconds for a minute, and then less and less often")
  mutating func pauses() throws {
    var pauses: [Duration] = []
    for _ in 0..<15 {
      pauses.append(try fail())
      now += pauses[pauses.count - 1]
    }
    #expect(pauses.prefix(5) == [.milliseconds(500), .seconds(1), .seconds(2), .seconds(4), .seconds(8)])
    #expect(pauses[5..<10].allSatisfy { $0 == .seconds(8) })
    #expect(pauses[10...] == [.seconds(16), .seconds(32), .seconds(60), .seconds(60), .seconds(60)])
  }

  @Test("is tried by any pass that comes in between, and soon after one that came too early")
  mutating func woken() throws {
    var pause = Duration.zero
    for _ in 0..<20 { now += try fail() }
    pause = try fail()
    #expect(pause == .seconds(60))
    // Too early: it has just been tried.
    now += .seconds(3)
    let isTooEarly = waits.isPostponed(1, at: now)
    #expect(isTooEarly)
    waits.endPass(at: now)
    #expect(waits.next == now + .seconds(5))
    now += .seconds(5)
    pause = try fail()
    #expect(pause == .seconds(60))
    now += .seconds(20)
    let (isPostponed, isMended) = (waits.isPostponed(1, at: now), waits.endPass(at: now))
    #expect(!isPostponed && isMended && waits.next == nil)
  }

  @Test("is due at once where a person asks for it")
  mutating func hurried() throws {
    for _ in 0..<20 { now += try fail() }
    _ = try fail()
    waits.hurry(at: now)
    #expect(waits.next == now)
    let isPostponed = waits.isPostponed(1, at: now)
    #expect(!isPostponed)
  }
}
