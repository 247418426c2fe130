import Core
import Testing

@testable import Config

@Suite("When a feed expects its drops")
struct ExpectTests {
  private func text(_ expect: String) -> String {
    """
    state: /s
    feeds:
      in:
        landing: /in
        handover: /out
        expect: \(expect)
    """
  }

  private func times(_ expect: String) throws -> [String] {
    let settings = try Bench(text(expect)).read()
    return try #require(settings.feeds.first?.expect).by.map(\.description)
  }

  @Test("One time, a list in any order, or one that is repeated")
  func times() throws {
    #expect(try times(#"{ by: "06:00" }"#) == ["06:00"])
    #expect(try times(#"{ by: ["18:00", "06:00"] }"#) == ["06:00", "18:00"])
    #expect(try times("{ every: 6h }") == ["00:00", "06:00", "12:00", "18:00"])
    #expect(try times(#"{ by: "07:30", every: 8h }"#) == ["07:30", "15:30", "23:30"])
    #expect(try times(#"{ by: "23:15", every: 12h }"#) == ["11:15", "23:15"])
    #expect(try times("{ every: 1h }").count == 24)
  }

  @Test(
    "What makes no sense is refused",
    arguments: [
      ("{}", "this key is missing: give a time of day"), ("{ every: 5h }", "that divides a day"),
      ("{ every: 30m }", "from 1h to 12h"), ("{ every: 24h }", "from 1h to 12h"), ("{ by: [] }", "with at least one"),
      (#"{ by: ["06:00", "06:00"] }"#, "stands in the list twice"),
      (#"{ by: ["06:00", "18:00"], every: 3h }"#, "either several times stand in by, or every repeats one"),
      (#"{ by: ["06:00", "06:20"] }"#, "two due times are 20m apart"), ("{ every: 3h, grace: 3h }", "3h apart"),
      (#"{ by: ["23:50", "00:10"] }"#, "20m apart"),
    ])
  func refused(expect: String, complaint: String) {
    let problems = Bench(text(expect)).problems()
    #expect(problems.count == 1 && problems[0].contains(complaint), "\(problems)")
  }
}
