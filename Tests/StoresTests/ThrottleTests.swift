import Config
import Core
import Store
import Testing

@Suite("Bandwidth")
struct ThrottleTests {
  private func moment(_ milliseconds: Int64) -> Moment {
    Moment(wall: Timestamp(seconds: 1_000), uptime: .milliseconds(milliseconds))
  }

  @Test("All uploads share one allowance: together they are never faster than it")
  func shared() {
    let throttle = Throttle { _ in 1_000_000 }
    var free: [Int64] = [0, 0, 0, 0]
    var sent = 0
    // Four transfers that each wait as they are told.
    while let (index, at) = free.enumerated().map({ ($0.offset, $0.element) }).min(by: { $0.1 < $1.1 }), at < 10_000 {
      let (bytes, wait) = throttle.take(262_144, at: moment(at))
      sent += bytes
      free[index] = at + max(1, wait.milliseconds)
    }
    #expect(sent > 9_500_000 && sent < 10_600_000, "\(sent)")
  }

  @Test("Nothing waits where there is no limit, and a lower rate is felt at once")
  func windows() throws {
    let throttle = Throttle { $0.seconds < 2_000 ? nil : 1_000 }
    #expect(throttle.take(1 << 20, at: moment(0)) == (1 << 20, .zero))
    let later = Moment(wall: Timestamp(seconds: 2_000), uptime: .seconds(1_000))
    let (bytes, wait) = throttle.take(1 << 20, at: later)
    #expect(bytes == 100 && wait <= .milliseconds(100))
  }

  @Test("A window holds from its beginning up to its end, past midnight too; of two that overlap the lower rate counts")
  func hours() throws {
    func window(_ from: Int, _ to: Int, _ rate: UInt64) throws -> LimitSettings.Window {
      LimitSettings.Window(
        from: try #require(TimeOfDay(hour: from, minute: 0)), to: try #require(TimeOfDay(hour: to, minute: 0)),
        rate: rate)
    }
    let windows = LimitSettings.Bandwidth.windows([try window(8, 18, 5), try window(17, 20, 3), try window(22, 2, 9)])
    func rate(_ hour: Int) -> UInt64? {
      LimitSettings.rate(windows, at: .init(year: 2026, month: 3, day: 12, hour: hour))
    }
    #expect([7, 8, 17, 18, 20, 23, 1, 2].map(rate) == [nil, 5, 3, 3, nil, 9, 9, nil])
    #expect(LimitSettings.rate(.steady(7), at: .init(year: 2026, month: 3, day: 12)) == 7)
  }
}
