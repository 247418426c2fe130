import Core
import Testing

@testable import Config

@Suite("Settings for Adobe Experience Platform")
struct IngestionTests {
  private func read(_ store: String, _ streams: String...) throws -> Settings {
    let lanes = streams.enumerated().map { "  s\($0): { logs: [/var/log/\($0).csv], store: shelf, \($1) }\n" }.joined()
    return try Bench("stores:\n  shelf: { url: \"file:///srv/shelf\", \(store) }\nstreams:\n\(lanes)").read()
  }

  private func problems(_ store: String, _ stream: String) -> [String] {
    Bench(
      "stores:\n  shelf: { url: \"file:///srv/shelf\", \(store) }\nstreams:\n  s: { logs: [/l/a.csv], store: shelf, \(stream) }\n"
    ).problems()
  }

  @Test("a store says who reads it, and a stream what becomes of a new header; hold goes with aep")
  func schema() throws {
    let aep = try read("for: aep", "after: keep", "schema: auto")
    #expect(aep.stores[0].isForAEP && aep.streams.allSatisfy { aep.isForAEP($0) })
    #expect(aep.streams.map { aep.schemaRule(of: $0) } == [.hold, .auto])
    let other = try read("lifetime: 7d", "after: keep", "schema: hold")
    #expect(!other.stores[0].isForAEP)
    #expect(other.streams.map { other.schemaRule(of: $0) } == [nil, .hold])
    #expect(problems("for: aeb", "after: keep").first?.contains("Did you mean aep?") == true)
  }

  @Test("what is encrypted says so by its name, and what is not, does not; AEP takes no large ones")
  func encrypting() throws {
    let read = try read("for: aep", "encrypt: { key: k }", "encrypt: { key: k, compress: gzip }", "after: keep")
    #expect(read.streams.map { String($0.key.suffix(11)) } == ["eq}.csv.gpg", ".csv.gz.gpg", "seq}.csv.gz"])
    #expect(read.streams.map { $0.encrypt?.compress } == [StreamSettings.Encrypt.Compress.none, .gzip, nil])
    #expect(try self.read("for: aep", "encrypt: { key: k }, key: \"s/{seq}.pgp\"").streams[0].key == "s/{seq}.pgp")
    #expect(problems("for: aep", "encrypt: {}").first?.contains("encrypt.key: this key is missing") == true)
    #expect(
      problems("lifetime: 7d", "encrypt: { key: k }, key: \"s/{seq}.csv.gz\"").first?.hasSuffix(
        "streams.s.key: objects are encrypted, and their names do not say so. End the key in .csv.gpg, or leave it out")
        == true)
    #expect(
      problems("lifetime: 7d", "key: \"s/{seq}.csv.gpg\"").first?.contains(
        "the names say that objects are encrypted, and they are not") == true)
    #expect(
      problems("for: aep", "encrypt: { key: k }, batch: { max_bytes: 1GB }").first?.hasSuffix(
        "streams.s.batch.max_bytes: AEP takes encrypted files of at most 1 GB. Allow at most 990MB") == true)
    #expect(problems("for: aep", "encrypt: { key: k }, batch: { max_bytes: 990MB }").isEmpty)
    #expect(problems("lifetime: 7d", "encrypt: { key: k }, batch: { max_bytes: 1GB }").isEmpty)
  }

  @Test("a dataflow has an interval, of AEP's own bounds, and a store that is for AEP")
  func dataflow() throws {
    #expect(try read("for: aep", "dataflow: { every: 4h }").streams[0].dataflowEvery == .seconds(14_400))
    #expect(
      problems("for: aep", "dataflow: { every: 5m }").first?.contains(
        "expected a time such as 30s, 15m or 4h, from 15m to 31d") == true)
    #expect(problems("for: aep", "dataflow: {}").first?.contains("this key is missing") == true)
    #expect(
      problems("lifetime: 7d", "dataflow: { every: 4h }") == [
        "4:40: streams.s.dataflow: none of its stores is for: aep, so no dataflow is known to read them. Set for: aep at the store, or leave this out"
      ])
  }

  @Test("a budget lengthens all ages by one factor, until they make no more objects a day")
  func budget() throws {
    let settings = try read(
      "budget: { per_day: 30 }", "batch: { max_age: 1h }", "batch: { max_age: 4h }", "batch: { max_age: 1d }",
      "schedule: [\"06:00\"]")
    // 24 + 6 + 1 a day by age, and one by the schedule.
    let objects = settings.streams.prefix(3).map { 86_400.0 / Double(settings.age(of: $0).milliseconds) * 1_000 }
    #expect(objects.reduce(0, +) <= 29 && objects.reduce(0, +) > 28.9)
    let factors = settings.streams.prefix(3).map {
      Double(settings.age(of: $0).milliseconds) / Double($0.batch.maxAge.milliseconds)
    }
    #expect(factors.allSatisfy { abs($0 - 31.0 / 29.0) < 0.001 })
    #expect(settings.lengthening(of: settings.streams[0])?.store.name.text == "shelf")
    #expect(settings.lengthening(of: settings.streams[3]) == nil)
  }

  @Test("a budget that is large enough, and one of a stream that states its dataflow, changes nothing")
  func ample() throws {
    let ample = try read("budget: { per_day: 6 }", "batch: { max_age: 4h }")
    #expect(ample.age(of: ample.streams[0]) == .seconds(14_400) && ample.lengthening(of: ample.streams[0]) == nil)
    let flow = try read("for: aep, budget: { per_day: 1 }", "batch: { max_age: 1h }, dataflow: { every: 4h }")
    #expect(flow.age(of: flow.streams[0]) == .seconds(3_600))
    let none = try read("lifetime: 0s", "batch: { max_age: 1h }")
    #expect(none.age(of: none.streams[0]) == .seconds(3_600))
  }

  @Test("of several stores the tightest budget holds")
  func tightest() throws {
    let settings = try Bench(
      """
      stores:
        a: { url: "file:///srv/a", budget: { per_day: 12 } }
        b: { url: "file:///srv/b", budget: { per_day: 3 } }
      streams:
        s: { logs: [/l/a.csv], store: [a, b], batch: { max_age: 1h } }
      """
    ).read()
    #expect(settings.age(of: settings.streams[0]) == .seconds(8 * 3_600))
    #expect(settings.lengthening(of: settings.streams[0])?.store.name.text == "b")
  }

  @Test("schedules that use up a budget are told")
  func spent() {
    let times = "schedule: [\"00:00\", \"06:00\", \"12:00\"]"
    #expect(
      problems("budget: { per_day: 2 }", times) == [
        "2:57: stores.shelf.budget.per_day: the schedules of its streams alone make 3 objects a day, which leaves nothing for the others. Allow more, or fewer times in streams.NAME.schedule"
      ])
    #expect(problems("budget: { per_day: 3 }", times) == [])
  }
}
