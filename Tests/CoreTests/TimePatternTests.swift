import Testing

@testable import Core

@Suite("Times as a log writes them")
struct TimePatternTests {
  private func read(_ pattern: String, _ text: String) throws -> TimePattern.Reading? {
    let pattern = try TimePattern(pattern)
    return Array(text.utf8).withUnsafeBufferPointer { pattern.read($0) }
  }

  @Test("Reads what its pattern says, and nothing else")
  func reading() throws {
    let found = try #require(try read("yyyy/MM/dd HH:mm:ss", "2026/03/12 06:07:08"))
    #expect(found.fields == .init(year: 2026, month: 3, day: 12, hour: 6, minute: 7, second: 8) && found.offset == nil)
    for text in [
      "2026/03/12 06:07", "2026/03/12 06:07:08 ", "2026-03-12 06:07:08", "2026/13/12 06:07:08", "2026/02/30 06:07:08",
      "2026/03/12 24:07:08", "2026/03/12 06:60:08", "2026/03/12 06:07:60", "", "x", "2026/03/12 6:07:08",
    ] {
      #expect(try read("yyyy/MM/dd HH:mm:ss", text) == nil, "\(text)")
    }
    #expect(try read("yyyy/MM/dd", "2024/02/29")?.fields.day == 29)
    #expect(try read("yyyy/MM/dd", "2023/02/29") == nil)
    #expect(
      try read("d.M.yyyy H:mm", "1.3.2026 6:07")?.fields == .init(year: 2026, month: 3, day: 1, hour: 6, minute: 7))
  }

  @Test("Decimals, offsets and text in apostrophes")
  func pieces() throws {
    let found = try #require(try read("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2026-03-12T06:07:08.050+01:30"))
    #expect(found.nanoseconds == 50_000_000 && found.offset == 5_400)
    for (text, offset) in [("Z", 0), ("-08", -28_800), ("+0530", 19_800)] {
      #expect(try read("yyyyMMddX", "20260312" + text)?.offset == offset)
    }
    #expect(try read("yyyy''MM'day'dd", "2026'03day12") != nil)
    #expect(try read("yyyyMMdd 'o''clock'", "20260312 o'clock") != nil)
    #expect(try TimePattern("yyyy-MM-ddX").hasOffset && !TimePattern("yyyy-MM-dd").hasOffset)
  }

  @Test(
    "A pattern that cannot be meant says what to write",
    arguments: [
      ("YYYY/MM/dd", "yyyy"), ("yyyy/MM/DD", "dd"), ("yyyy/MM/dd hh:mm:ss", "HH"), ("yyyy/MM", "dd"), ("yyyy'MM", "''"),
      ("", "yyyy"), ("yyyy/MM/dd e", "HH"),
    ])
  func faults(pattern: String, remedy: String) {
    #expect {
      _ = try TimePattern(pattern)
    } throws: {
      ($0 as? TimePattern.Fault)?.remedy?.contains(remedy) == true
    }
  }

  @Test("Clocks that are put forward skip an hour, and those that are put back show one twice")
  func changes() throws {
    let paris = try #require(SystemZone.named("Europe/Paris"))
    func at(_ month: Int, _ day: Int, _ hour: Int, _ minute: Int) -> ClockZone.Occurrence {
      paris.occurrence(of: .init(year: 2026, month: month, day: day, hour: hour, minute: minute))
    }
    func utc(_ month: Int, _ day: Int, _ hour: Int, _ minute: Int) -> Timestamp {
      Timestamp(.init(year: 2026, month: month, day: day, hour: hour, minute: minute))
    }
    #expect(at(3, 12, 6, 0) == .once(utc(3, 12, 5, 0)) && at(7, 12, 6, 0) == .once(utc(7, 12, 4, 0)))
    #expect(at(3, 29, 1, 59) == .once(utc(3, 29, 0, 59)) && at(3, 29, 3, 0) == .once(utc(3, 29, 1, 0)))
    #expect(at(3, 29, 2, 0) == .never && at(3, 29, 2, 59) == .never)
    #expect(at(10, 25, 1, 59) == .once(utc(10, 24, 23, 59)) && at(10, 25, 3, 0) == .once(utc(10, 25, 2, 0)))
    #expect(at(10, 25, 2, 0) == .twice(utc(10, 25, 0, 0), utc(10, 25, 1, 0)))
    #expect(at(10, 25, 2, 59) == .twice(utc(10, 25, 0, 59), utc(10, 25, 1, 59)))
    // By half an hour, and a whole day that never was.
    let howe = try #require(SystemZone.named("Australia/Lord_Howe"))
    #expect(howe.occurrence(of: .init(year: 2026, month: 10, day: 4, hour: 2, minute: 15)) == .never)
    let apia = try #require(SystemZone.named("Pacific/Apia"))
    #expect(apia.occurrence(of: .init(year: 2011, month: 12, day: 30, hour: 12)) == .never)
  }
}
