import Core
import Store
import Testing

@Suite("A batch's key is made from its template, and is always a key")
struct KeyTemplateTests {
  func values(host: String = "acc-prod", schema: String = "v1") throws -> KeyTemplate.Values {
    let stream = try #require(StreamName("opens"))
    let sealed = try #require(Timestamp(text: "2026-03-12T06:00:00Z"))
    return KeyTemplate.Values(
      batch: BatchID(stream: stream, sequence: 42), host: host, date: sealed - .seconds(86_400), sealedAt: sealed,
      schema: schema)
  }

  @Test("Every placeholder is filled")
  func filled() throws {
    let template = try KeyTemplate("{stream}/dt={date}/{host}_{stream}_{utc}_{seq}.csv.gz")
    #expect(
      template.render(try values()).description
        == "opens/dt=2026-03-11/acc-prod_opens_20260312T060000Z_000042.csv.gz")
    #expect(try KeyTemplate("{schema}/{seq}").render(try values()).description == "v1/000042")
  }

  @Test("Strange hosts make plain keys", arguments: ["a b", "ä", "..", "a/b", "", String(repeating: "x", count: 300)])
  func strangeHosts(_ host: String) throws {
    let key = try KeyTemplate("{host}/{seq}").render(try values(host: host))
    #expect(StoreKey.complaint(about: key.description) == nil)
    #expect(key.description.split(separator: "/").count == 2)
  }

  @Test(
    "What could not make a key each time is refused",
    arguments: [
      "", "{stream}", "{stream}/{utc}", "/{seq}", "{seq}/", "a//{seq}", "../{seq}", "{seq} x", "{seq}:", "{nope}/{seq}",
      "{seq", "seq}", "{host}{stream}{schema}{schema}{seq}",
    ])
  func refused(_ text: String) {
    #expect(throws: TemplateComplaint.self) { try KeyTemplate(text) }
  }

  @Test("A number is read back from its key, also where it has more digits than it is padded to")
  func numbers() throws {
    let template = try KeyTemplate("{stream}/dt={date}/{host}_{stream}_{utc}_{seq}.csv.gz")
    let stream = try #require(StreamName("opens"))
    for number in [1, 999_999, 1_000_000, 12_345_678] {
      var filling = try values()
      filling.batch = BatchID(stream: stream, sequence: number)
      let key = template.render(filling).description
      #expect(template.sequence(in: key, stream: stream, host: filling.host) == number)
    }
  }
}
