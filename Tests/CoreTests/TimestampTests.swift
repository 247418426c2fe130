import Core
import Testing

@Suite("Times are read, written and counted right")
struct TimestampTests {
  @Test(
    "Known moments have their known names",
    arguments: [
      (0, "1970-01-01T00:00:00Z"), (-1, "1969-12-31T23:59:59Z"), (951_782_400, "2000-02-29T00:00:00Z"),
      (1_773_295_200, "2026-03-12T06:00:00Z"), (4_107_542_399, "2100-02-28T23:59:59Z"),
      (4_107_542_400, "2100-03-01T00:00:00Z"), (-2_208_988_800, "1900-01-01T00:00:00Z"),
    ] as [(Int64, String)])
  func known(_ seconds: Int64, _ text: String) {
    let time = Timestamp(seconds: seconds)
    #expect(time.iso() == text)
    #expect(Timestamp(text: text) == time)
    #expect(Timestamp(text: time.compact) == time)
    #expect(Timestamp(time.fields) == time)
  }

  @Test("Every day of a leap cycle goes there and back")
  func days() {
    var previous: Timestamp.Fields?
    for day in Int64(-100_000)...100_000 {
      let time = Timestamp(seconds: day * 86_400 + 43_200)
      let fields = time.fields
      #expect(Timestamp(fields) == time)
      if let previous {
        let sameMonth = fields.month == previous.month && fields.day == previous.day + 1
        #expect(sameMonth || fields.day == 1)
      }
      previous = fields
    }
  }

  @Test("Fractions and offsets are read")
  func forms() {
    let six = Timestamp(text: "2026-03-12T06:00:00Z")
    #expect(Timestamp(text: "2026-03-12T07:30:00+01:30") == six)
    #expect(Timestamp(text: "2026-03-12T01:00:00-0500") == six)
    #expect(Timestamp(text: "2026-03-12T06:00:00.25Z")?.nanoseconds == six.map { $0.nanoseconds + 250_000_000 })
    #expect(Timestamp(text: "2026-03-12")?.iso() == "2026-03-12T00:00:00Z")
    #expect(six?.compact == "20260312T060000Z")
    #expect(six?.date == "2026-03-12")
  }

  @Test("Milliseconds before 1970 count forward, as the clock does")
  func beforeTheEpoch() {
    let time = Timestamp(nanoseconds: -1_500_000_000)
    #expect(time.iso(milliseconds: true) == "1969-12-31T23:59:58.500Z")
    #expect(Timestamp(text: time.iso(milliseconds: true)) == time)
    #expect(time.seconds == -2)
  }

  @Test(
    "What is no time is refused",
    arguments: [
      "", "2026", "2026-13-01", "2026-00-10", "2026-01-32", "2026-02-29", "2026-04-31", "0001-01-01",
      "9999-12-31T23:59:59Z", "2026-03-12T24:00:00Z", "2026-03-12T06:60:00Z",
      "2026-03-12T06:00:00X", "2026-03-12T06:00:00Z ", "2026-0312", "20260312", "２026-03-12",
    ])
  func refused(_ text: String) {
    #expect(Timestamp(text: text) == nil)
  }

  @Test("Differences and sums are exact")
  func arithmetic() {
    let time = Timestamp(seconds: 100)
    #expect(time + .milliseconds(1500) - time == .milliseconds(1500))
    #expect((time - .seconds(101)).seconds == -1)
    #expect(time < time + .nanoseconds(1))
  }

  @Test("What lies beyond 64 bits of nanoseconds is the last moment, and nothing traps on the way")
  func extremes() {
    let last = Timestamp(nanoseconds: .max)
    #expect(Timestamp(text: "9999-12-31T23:59:59Z", clamping: true) == last)
    #expect(Timestamp(text: "9999-12-31T23:59:59Z") == nil)
    #expect(Timestamp(text: "0000-01-01T00:00:00Z", clamping: true) == nil)
    #expect(Timestamp(text: "0001-01-01T00:00:00Z", clamping: true) == Timestamp(nanoseconds: .min))
    #expect(Timestamp(text: "2262-02-29T00:00:00Z", clamping: true) == nil)
    #expect(Timestamp(seconds: .max) == last && last + .seconds(1) == last)
    #expect((last - Timestamp(nanoseconds: .min)).nanoseconds == .max)
    #expect(Timestamp(.init(year: .max, month: 1, day: 1)) == last)
    #expect(Duration.seconds(Int64.max).nanoseconds == .max)
    let (most, least): (Int64, Int64) = (.max, .min)
    #expect((UInt64.max +| 1) == UInt64.max)
    #expect(((0 as UInt64) -| 1) == 0)
    #expect((least -| 1) == least)
    #expect((least *| -1) == most)
    #expect([UInt64.max, 1].total { $0 } == .max)
  }
}
