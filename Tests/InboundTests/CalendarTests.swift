import Config
import Core
import Ledger
import Testing

@testable import Inbound

/// Due times and what is told of them, without a disk.
@Suite("When drops are due")
struct CalendarTests {
  private static func time(_ text: String) -> Timestamp { Timestamp(text: text) ?? Timestamp(seconds: 0) }
  private func time(_ text: String) -> Timestamp { Self.time(text) }

  private func expect(
    _ hour: Int, _ minute: Int = 0, _ zone: String = "Europe/Paris",
    days: Set<FeedSettings.Expect.Day> = Set(FeedSettings.Expect.Day.allCases), grace: Duration = .seconds(1_800)
  ) throws -> FeedSettings.Expect {
    var expect = FeedSettings.Expect(by: try #require(TimeOfDay(hour: hour, minute: minute)))
    (expect.timezone, expect.days, expect.grace) = (zone, days, grace)
    return expect
  }

  private static let week: Set<FeedSettings.Expect.Day> = [.mon, .tue, .wed, .thu, .fri]

  // MARK: Due times

  @Test(
    "come once on each day, by the clocks of their zone",
    arguments: [
      ("UTC", 6, 0, "2026-03-12T06:00:00Z", "2026-03-13T06:00:00Z"),
      ("Europe/Paris", 6, 0, "2026-03-28T06:00:00Z", "2026-03-29T04:00:00Z"),
      // Skipped: an hour later.
      ("Europe/Paris", 2, 30, "2026-03-28T06:00:00Z", "2026-03-29T01:30:00Z"),
      ("Europe/Paris", 2, 30, "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"),
      // Twice: the first.
      ("Europe/Paris", 2, 30, "2026-10-24T06:00:00Z", "2026-10-25T00:30:00Z"),
      ("Europe/Paris", 2, 30, "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
      // Where summer begins in October.
      ("Australia/Sydney", 2, 30, "2026-10-03T00:00:00Z", "2026-10-03T16:30:00Z"),
      ("Australia/Sydney", 2, 30, "2026-04-04T00:00:00Z", "2026-04-04T15:30:00Z"),
      ("America/Sao_Paulo", 6, 0, "2026-01-15T12:00:00Z", "2026-01-16T09:00:00Z"),
      // A zone that left out a whole day: the 30th of December 2011.
      ("Pacific/Apia", 6, 0, "2011-12-29T16:00:00Z", "2011-12-30T16:00:00Z"),
      ("Pacific/Apia", 6, 0, "2011-12-30T16:00:00Z", "2011-12-31T16:00:00Z"),
    ])
  func dues(zone: String, hour: Int, minute: Int, after: String, due: String) throws {
    let calendar = try #require(ArrivalCalendar(try expect(hour, minute, zone)))
    #expect(calendar.due(after: time(after)) == time(due))
    #expect(calendar.due(before: calendar.due(after: time(due))) == time(due))
  }

  private func expect(_ times: [(Int, Int)], _ zone: String, grace: Int = 1_800) throws -> FeedSettings.Expect {
    var expect = FeedSettings.Expect(by: try times.map { try #require(TimeOfDay(hour: $0.0, minute: $0.1)) })
    (expect.timezone, expect.grace) = (zone, .seconds(grace))
    return expect
  }

  @Test("come several times on each day, in order, also where clocks skip an hour")
  func several() throws {
    let calendar = try #require(ArrivalCalendar(try expect([(6, 0), (14, 30), (22, 0)], "UTC")))
    var due = time("2026-03-11T23:00:00Z")
    var shown: [String] = []
    for _ in 0..<4 {
      due = calendar.due(after: due)
      shown.append(calendar.shown(due))
    }
    #expect(
      shown == ["2026-03-12 06:00 UTC", "2026-03-12 14:30 UTC", "2026-03-12 22:00 UTC", "2026-03-13 06:00 UTC"])
    // 02:30 is skipped, and comes as 03:30, behind 03:00; 02:00 comes as 03:00, and the two are one.
    let spring = try #require(ArrivalCalendar(try expect([(2, 0), (2, 30), (3, 0), (12, 0)], "Europe/Paris")))
    var found: [Timestamp] = []
    due = time("2026-03-28T23:30:00Z")
    for _ in 0..<3 {
      due = spring.due(after: due)
      found.append(due)
    }
    #expect(found == [time("2026-03-29T01:00:00Z"), time("2026-03-29T01:30:00Z"), time("2026-03-29T10:00:00Z")])
  }

  @Test("stay in order through a year of every three hours, with spans that neither overlap nor turn round")
  func orderOfMany() throws {
    for zone in ["UTC", "Europe/Paris", "Australia/Lord_Howe"] {
      let calendar = try #require(ArrivalCalendar(try expect((0..<8).map { ($0 * 3, 15) }, zone)))
      var due = calendar.due(after: time("2026-01-01T00:00:00Z"))
      for _ in 0..<3_000 {
        let next = calendar.due(after: due)
        #expect(next > due && next - due >= .seconds(2 * 3_600) && next - due <= .seconds(4 * 3_600))
        #expect(calendar.due(before: next) == due)
        #expect(calendar.opening(of: next) >= due && calendar.opening(of: next) <= calendar.handOver(to: next))
        #expect(calendar.handOver(to: next) <= next)
        due = next
      }
    }
  }

  @Test("Every three hours each drop meets its own due time; the one that does not come is late, then missing")
  func everyThreeHours() throws {
    let expect = try expect((0..<8).map { ($0 * 3, 0) }, "UTC")
    let calendar = try #require(ArrivalCalendar(expect))
    var expecting = Expecting(calendar, rule: Expecting.rule(expect), since: time("2026-03-12T00:30:00Z"))
    #expect(expecting.take(time("2026-03-12T02:50:00Z")).isEmpty)
    #expect(expecting.take(time("2026-03-12T06:10:00Z")).isEmpty)
    #expect(expecting.look(at: time("2026-03-12T09:30:00Z")) == [.late(time("2026-03-12T09:00:00Z"))])
    #expect(expecting.look(at: time("2026-03-12T11:00:00Z")) == [.missing(time("2026-03-12T09:00:00Z"))])
    #expect(expecting.take(time("2026-03-12T12:05:00Z")).isEmpty)
    #expect(expecting.due == time("2026-03-12T15:00:00Z"))
    #expect(
      expecting.take(time("2026-03-12T12:20:00Z")) == [
        .extra(time("2026-03-12T12:00:00Z"), at: time("2026-03-12T12:20:00Z"))
      ])
  }

  @Test("One time a day is the rule that it was: nothing begins anew with a new version")
  func rule() throws {
    #expect(Expecting.rule(try expect(6)) == "06:00 mon,tue,wed,thu,fri,sat,sun Europe/Paris 1800000")
    #expect(Expecting.rule(try expect([(6, 0), (18, 0)], "UTC")).hasPrefix("06:00,18:00 mon,"))
  }

  @Test("keep to their days of the week, as these are where the clocks are")
  func weekdays() throws {
    let calendar = try #require(ArrivalCalendar(try expect(6, days: Self.week)))
    // The 13th of March 2026 is a Friday.
    #expect(calendar.due(after: time("2026-03-13T05:00:00Z")) == time("2026-03-16T05:00:00Z"))
    #expect(calendar.due(before: time("2026-03-16T05:00:00Z")) == time("2026-03-13T05:00:00Z"))
    let monday = try #require(ArrivalCalendar(try expect(1, 0, "Asia/Tokyo", days: [.mon])))
    #expect(monday.due(after: time("2026-03-14T00:00:00Z")) == time("2026-03-15T16:00:00Z"))
  }

  @Test("stay in order through a whole year, in every zone tried, with spans that neither overlap nor turn round")
  func order() throws {
    for (zone, hour, grace) in [("Europe/Paris", 2, 1_800), ("Australia/Sydney", 23, 86_400), ("UTC", 0, 0)] {
      let calendar = try #require(ArrivalCalendar(try expect(hour, 30, zone, grace: .seconds(grace))))
      var due = calendar.due(after: time("2026-01-01T00:00:00Z"))
      for _ in 0..<400 {
        let next = calendar.due(after: due)
        #expect(next > due && next - due >= .seconds(23 * 3_600) && next - due <= .seconds(25 * 3_600))
        #expect(calendar.due(before: next) == due)
        #expect(calendar.opening(of: next) <= calendar.handOver(to: next))
        #expect(calendar.handOver(to: next) <= next && calendar.opening(of: next) >= due)
        due = next
      }
    }
  }

  @Test("a zone that this machine does not know makes no calendar")
  func noZone() throws { #expect(ArrivalCalendar(try expect(6, 0, "Europe/Nowhere")) == nil) }

  // MARK: What is told

  private func expecting(
    _ rule: FeedSettings.Expect? = nil, since: String = "2026-03-11T12:00:00Z"
  ) throws -> Expecting {
    let calendar = try #require(ArrivalCalendar(try rule ?? expect(6)))
    return Expecting(calendar, rule: "rule", since: time(since))
  }
  /// 06:00 in Paris.
  private let due: Timestamp = Self.time("2026-03-12T05:00:00Z")
  private let tomorrow: Timestamp = Self.time("2026-03-13T05:00:00Z")

  @Test("a drop that comes in time is no news, and its due time is over")
  func onTime() throws {
    for arrived in ["2026-03-12T00:30:00Z", "2026-03-12T05:00:00Z", "2026-03-12T05:30:00Z"] {
      var one = try expecting()
      #expect(one.take(time(arrived)) == [])
      #expect(one.look(at: time("2026-03-12T06:00:00Z")) == [])
      #expect(one.due == tomorrow && !one.isLate)
    }
  }

  @Test("late is told when the grace is over, once, and ended by the drop that comes then")
  func late() throws {
    var one = try expecting()
    #expect(one.next == time("2026-03-12T05:30:00Z"))
    #expect(one.look(at: time("2026-03-12T05:29:59Z")) == [])
    #expect(one.look(at: time("2026-03-12T05:30:00Z")) == [.late(due)])
    #expect(one.isLate && one.due == due)
    for minute in 31..<59 { #expect(one.look(at: time("2026-03-12T05:\(minute):00Z")) == []) }
    let arrived = time("2026-03-12T08:00:00Z")
    #expect(one.take(arrived) == [.arrived(due, at: arrived)])
    #expect(!one.isLate && one.due == tomorrow)
  }

  @Test("what never comes is missing once the next drop is nearer, and the next due time is watched as ever")
  func missing() throws {
    var one = try expecting()
    _ = one.look(at: time("2026-03-12T05:30:00Z"))
    let nearer = one.next
    #expect(nearer == time("2026-03-12T17:15:00Z"), "half-way between 06:30 and 06:00")
    #expect(one.look(at: nearer) == [.missing(due)])
    #expect(one.state.missed == due && !one.isLate)
    #expect(one.look(at: time("2026-03-13T05:30:00Z")) == [.late(tomorrow)])
    #expect(one.take(time("2026-03-13T05:40:00Z")) == [.arrived(tomorrow, at: time("2026-03-13T05:40:00Z"))])
    #expect(one.state.missed == nil)
  }

  @Test("early is more than six hours before; the drop counts all the same")
  func early() throws {
    var one = try expecting()
    let arrived = time("2026-03-11T22:30:00Z")
    #expect(one.take(arrived) == [.early(due, at: arrived)])
    #expect(one.look(at: time("2026-03-12T06:00:00Z")) == [])
  }

  @Test("a second drop is extra, once; an export by hand in the afternoon does not stand for tomorrow's")
  func extra() throws {
    var one = try expecting()
    #expect(one.take(time("2026-03-12T04:50:00Z")) == [])
    let second = time("2026-03-12T14:00:00Z")
    #expect(one.take(second) == [.extra(due, at: second)])
    #expect(one.take(time("2026-03-12T14:05:00Z")) == [], "of a third nothing is said")
    #expect(one.look(at: time("2026-03-13T05:30:00Z")) == [.late(tomorrow)])
  }

  @Test("a drop on a day without a due time is extra")
  func weekend() throws {
    var one = try expecting(expect(6, days: Self.week))
    #expect(one.take(time("2026-03-12T04:50:00Z")) == [] && one.take(time("2026-03-13T04:50:00Z")) == [])
    let saturday = time("2026-03-14T10:00:00Z")
    #expect(one.take(saturday) == [.extra(time("2026-03-13T05:00:00Z"), at: saturday)])
    #expect(one.look(at: time("2026-03-16T05:30:00Z")) == [.late(time("2026-03-16T05:00:00Z"))])
  }

  @Test("where the evening is the limit, the whole day counts")
  func evening() throws {
    var one = try expecting(expect(23, 0, "UTC"))
    for day in 11...14 {
      #expect(one.take(time("2026-03-\(day)T0\(day - 10):00:00Z") + .seconds(day == 11 ? 43_200 : 0)).count < 2)
      #expect(one.look(at: time("2026-03-\(day)T23:45:00Z")) == [])
    }
  }

  @Test("a rule that is new misses nothing that was due before it")
  func new() throws {
    var one = try expecting(since: "2026-03-12T05:10:00Z")
    #expect(one.look(at: time("2026-03-12T05:30:00Z")) == [] && one.due == tomorrow)
    #expect(one.take(time("2026-03-12T05:40:00Z")) == [], "nor is what comes for it one too many")
  }

  @Test("a stop over many due times: each of the last month is told once, the present one as late")
  func stopped() throws {
    var one = try expecting(since: "2026-01-01T12:00:00Z")
    let news = one.look(at: time("2026-03-12T08:00:00Z"))
    #expect(news.count == 32 && news.last == .late(due))
    #expect(news.dropLast().allSatisfy { if case .missing = $0 { true } else { false } })
    #expect(one.look(at: time("2026-03-12T08:00:01Z")) == [])
  }

  @Test("a clock that is set back tells nothing twice; one that was far ahead is forgotten")
  func clock() throws {
    var one = try expecting()
    #expect(one.look(at: time("2026-03-12T05:30:00Z")) == [.late(due)])
    #expect(one.look(at: time("2026-03-12T05:10:00Z")) == [])
    #expect(one.look(at: time("2026-03-12T05:40:00Z")) == [])
    let far = one.look(at: time("2031-03-12T05:40:00Z"))
    #expect(far.count < 40, "bounded")
    #expect(one.look(at: time("2026-03-12T05:45:00Z")) == [])
    #expect(one.look(at: time("2026-03-13T05:30:00Z")) == [.late(tomorrow)])
  }

  @Test("a grace that is longer than a day loses no due time and tells none twice")
  func longGrace() throws {
    var one = try expecting(expect(6, 0, "UTC", grace: .seconds(86_400)))
    var told: [Expecting.News] = []
    for hour in 0..<96 { told += one.look(at: time("2026-03-12T00:00:00Z") + .seconds(hour * 3_600)) }
    let missed = told.compactMap { if case .missing(let due) = $0 { due } else { nil } }
    #expect(Set(told).count == told.count && missed == ["12", "13", "14"].map { time("2026-03-\($0)T06:00:00Z") })
  }

  @Test("a drop that was refused and then released is the one of its day")
  func released() throws {
    var one = try expecting()
    _ = one.look(at: time("2026-03-12T05:30:00Z"))
    #expect(one.take(time("2026-03-12T04:30:00Z")) == [.arrived(due, at: time("2026-03-12T04:30:00Z"))])
    #expect(one.due == tomorrow)
  }
}
