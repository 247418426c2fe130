import Config
import Core
import Store
import Testing

@testable import Outbound

@Suite("A state folder that is older than its store says")
struct StoreAgeTests {
  static let settings: StreamSettings = {
    guard let name = StreamName("opens") else { preconditionFailure("a good name") }
    return StreamSettings(name: name, logs: [], stores: [])
  }()
  static let sealed = Timestamp(.init(year: 2026, month: 3, day: 12, hour: 6))

  /// What is known of the first three batches.
  static func key(_ number: Int, utc: String = "20260312T060000Z", host: String = "acc") -> String {
    "opens/dt=2026-03-12/\(host)_opens_\(utc)_\(BatchID(stream: settings.name, sequence: number).sequenceText).csv.gz"
  }

  func age(of keys: [String], last: Int = 3) throws -> Int? {
    var age = RollbackCheck(
      Self.settings, try KeyTemplate(Self.settings.key), host: "acc", last: last, sealed: Self.sealed, at: Self.sealed)
    for key in keys { try age.see(key) { $0 <= last ? Self.key($0) : nil } }
    return age.newer
  }

  @Test("Later numbers of ours beside those that are known: the folder is older")
  func later() throws {
    #expect(try age(of: [Self.key(2), Self.key(3), Self.key(4), Self.key(5)]) == 5)
    #expect(try age(of: [Self.key(5)]) == 5)
  }

  @Test("What is known, other hosts' batches, and what is no batch say nothing")
  func nothing() throws {
    #expect(try age(of: []) == nil)
    #expect(try age(of: [Self.key(1), Self.key(2), Self.key(3)]) == nil)
    #expect(try age(of: [Self.key(9, host: "acc2"), "opens/dt=2026-03-12/README", "sends/" + Self.key(7)]) == nil)
  }

  @Test("A folder that shares its names with another's is not taken for an older one")
  func shared() throws {
    #expect(try age(of: [Self.key(1, utc: "20260101T000000Z"), Self.key(4)]) == nil)
    #expect(try age(of: [Self.key(3), Self.key(3 + Limits.longestGap + 1)]) == nil)
  }

  @Test("Asked for is what can have come since the last batch, day by day, or all where that is not said")
  func prefixes() throws {
    func prefixes(_ key: String, sealed: Timestamp?, column: String = "", days: Int64 = 0) throws -> [String] {
      var settings = Self.settings
      settings.partitionBy = column
      return RollbackCheck(
        settings, try KeyTemplate(key), host: "acc", last: 3, sealed: sealed, at: Self.sealed + .seconds(days * 86_400)
      ).prefixes
    }
    let byDay = "{stream}/dt={date}/{host}_{seq}.csv.gz"
    #expect(
      try prefixes(byDay, sealed: Self.sealed) == [
        "opens/dt=2026-03-11", "opens/dt=2026-03-12", "opens/dt=2026-03-13",
      ])
    #expect(try prefixes(byDay, sealed: nil) == ["opens/dt="])
    #expect(try prefixes(byDay, sealed: Self.sealed, column: "timestamp") == ["opens/dt="])
    #expect(try prefixes(byDay, sealed: Self.sealed, days: 400) == ["opens/dt="])
    #expect(try prefixes("x/{host}/{utc}_{seq}.csv.gz", sealed: Self.sealed) == ["x/acc/"])
  }

  @Test("A number is read out of every key that a template makes, and out of no other")
  func numbers() throws {
    let values = KeyTemplate.Values(
      batch: BatchID(stream: Self.settings.name, sequence: 1_234_567), host: "a c", date: Self.sealed,
      sealedAt: Self.sealed, schema: "0a1b2c3d")
    for text in [
      Self.settings.key, "{seq}", "{host}/{stream}/{schema}/{date}/{utc}-{seq}.gz", "{stream}{seq}-{schema}",
    ] {
      let template = try KeyTemplate(text)
      let key = template.render(values).description
      #expect(template.sequence(in: key, stream: Self.settings.name, host: "a c") == 1_234_567, "\(key)")
      #expect(template.sequence(in: key + "x", stream: Self.settings.name, host: "a c") == nil, "\(key)")
      #expect(template.sequence(in: "x" + key, stream: Self.settings.name, host: "a c") == nil, "\(key)")
    }
  }
}
