import Testing

@testable import Core

@Suite("Time zones")
struct ClockZoneTests {
  private func time(_ text: String) throws -> Timestamp { try #require(Timestamp(text: text)) }

  @Test(
    "the rule at the end of a zone's file tells summer time for ever",
    arguments: [
      ("CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T00:59:59Z", 3_600),
      ("CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T01:00:00Z", 7_200),
      ("CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T00:59:59Z", 7_200),
      ("CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T01:00:00Z", 3_600),
      ("EST5EDT,M3.2.0,M11.1.0", "2026-03-08T06:59:59Z", -18_000),
      ("EST5EDT,M3.2.0,M11.1.0", "2026-03-08T07:00:00Z", -14_400),
      ("AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-01-15T00:00:00Z", 39_600),
      ("AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-07-15T00:00:00Z", 36_000),
      ("<+0545>-5:45", "2026-07-15T00:00:00Z", 20_700), ("IST-1GMT0,M10.5.0,M3.5.0/1", "2026-07-15T00:00:00Z", 3_600),
      ("IST-1GMT0,M10.5.0,M3.5.0/1", "2026-12-15T00:00:00Z", 0),
      ("XXX3YYY,J60/0,J300/0", "2024-03-01T02:59:59Z", -10_800),
      ("XXX3YYY,J60/0,J300/0", "2024-03-01T03:00:00Z", -7_200), ("UTC0", "2026-07-15T00:00:00Z", 0),
    ])
  func rules(rule: String, instant: String, offset: Int) throws {
    let rule = try #require(ZoneRule(rule))
    #expect(rule.offset(at: try time(instant).seconds) == offset)
  }

  @Test(
    "what is no rule is refused",
    arguments: ["", "CE-1", "CET", "CET-1CEST,M13.1.0,M1.1.0", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-200"])
  func noRules(text: String) { #expect(ZoneRule(text) == nil) }

  @Test("a zone of this machine tells the past from its table and the future from its rule")
  func paris() throws {
    let zone = try #require(SystemZone.named("Europe/Paris"))
    for (instant, offset) in [
      ("1980-07-01T12:00:00Z", 7_200), ("1995-12-01T12:00:00Z", 3_600), ("2026-06-01T12:00:00Z", 7_200),
      ("2026-12-01T12:00:00Z", 3_600), ("2090-06-15T12:00:00Z", 7_200), ("1970-01-01T00:00:00Z", 3_600),
    ] { #expect(zone.offset(at: try time(instant)) == offset, "\(instant)") }
    #expect(SystemZone.named("Europe/Nowhere") == nil)
    #expect(SystemZone.named("UTC") == .utc)
  }

  @Test("damaged files are no zones")
  func damaged() {
    #expect(ClockZone(tzif: []) == nil)
    #expect(ClockZone(tzif: Array("TZif2".utf8) + Array(repeating: 255, count: 200)) == nil)
    #expect(ClockZone(tzif: Array("TZif2".utf8) + Array(repeating: 0, count: 200)) == nil)
  }

  @Test("a time that is skipped in spring comes later, one that comes twice in autumn counts once")
  func switches() throws {
    let zone = try #require(SystemZone.named("Europe/Paris"))
    let half = [(hour: 2, minute: 30)]
    #expect(zone.next(half, after: try time("2026-03-28T12:00:00Z")) == (try time("2026-03-29T01:30:00Z")))
    #expect(zone.next(half, after: try time("2026-03-29T01:30:00Z")) == (try time("2026-03-30T00:30:00Z")))
    #expect(zone.next(half, after: try time("2026-10-24T12:00:00Z")) == (try time("2026-10-25T00:30:00Z")))
    #expect(zone.next(half, after: try time("2026-10-25T00:30:00Z")) == (try time("2026-10-26T01:30:00Z")))
  }

  @Test("the next of several times of day is the nearest one, today or tomorrow")
  func nearest() throws {
    let times = [0, 6, 12, 18].map { (hour: $0, minute: 0) }
    #expect(ClockZone.utc.next(times, after: try time("2026-03-12T06:00:00Z")) == (try time("2026-03-12T12:00:00Z")))
    #expect(ClockZone.utc.next(times, after: try time("2026-03-12T19:00:00Z")) == (try time("2026-03-13T00:00:00Z")))
    #expect(ClockZone.utc.next([], after: try time("2026-03-12T19:00:00Z")) == nil)
    let paris = try #require(SystemZone.named("Europe/Paris"))
    #expect(paris.next(times, after: try time("2026-07-12T21:59:59Z")) == (try time("2026-07-12T22:00:00Z")))
  }

  @Test(
    "where no change of the clocks is near, a time comes once, as a closer look finds it",
    arguments: [
      "Europe/Paris", "Europe/Dublin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca",
      "UTC",
    ])
  func steady(name: String) throws {
    let zone = try #require(SystemZone.named(name))
    var (looked, known) = (0, nil as ClockZone.Steady?)
    // Half an hour and a bit, so that all minutes come; years of the table, years of the rule, and the day that Apia left out.
    for (from, to) in [
      ("1916-01-01", "1917-01-01"), ("2011-06-01", "2012-06-01"), ("2026-01-01", "2027-03-01"),
      ("2090-01-01", "2091-01-01"),
    ] {
      for local in stride(from: try time(from).seconds, to: try time(to).seconds, by: 1_859) {
        let found = zone.occurrence(of: Timestamp(seconds: local).fields)
        if known?.local.contains(local) != true { known = zone.steady(around: local) }
        if let known, known.local.contains(local) {
          #expect(found == .once(Timestamp(seconds: local - Int64(known.offset))), "\(local)")
        } else {
          looked += 1
        }
      }
    }
    #expect(looked < 4_000)
  }

  @Test("a stretch between two changes ends where the offset does")
  func periods() throws {
    let rule = try #require(ZoneRule("CET-1CEST,M3.5.0,M10.5.0/3"))
    for text in ["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z"] {
      let change = try time(text).seconds
      #expect(rule.period(at: change - 1).to == change && rule.period(at: change).from == change)
    }
    let zone = try #require(SystemZone.named("Europe/Paris"))
    let summer = zone.period(at: try time("1999-06-01").seconds)
    #expect(summer.from == (try time("1999-03-28T01:00:00Z").seconds) && summer.offset == 7_200)
    #expect(summer.to == (try time("1999-10-31T01:00:00Z").seconds))
  }
}
