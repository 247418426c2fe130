import Core
import Testing

@testable import Config

@Suite("Shapes of rows, as they are written")
struct ShapeReadingTests {
  private func read(_ lines: String, stream: String = "") throws -> (StreamSettings?, [ConfigProblem]) {
    let text = """
      state: /tmp
      stores: { shelf: { url: "file:///srv/shelf" } }
      streams:
        out:
          logs: [/l]
          store: shelf
          \(stream)
          \(lines.replacing("\n", with: "\n    "))
      """
    let walk = Walk()
    let (root, problems) = YamlParser.parse(Array(text.utf8), file: "m")
    walk.report(problems)
    let tree = try #require(root)
    let settings = Settings(
      Section(tree, place: .start(of: "m"), spot: Spot(walk: walk, path: "", quiet: false)), machine: "h")
    Consistency.check(settings, walk)
    return (settings.streams.first, walk.problems)
  }

  @Test("All forms of a column, in their order")
  func forms() throws {
    let (stream, problems) = try read(
      """
      shape:
        instance: acc-prod
        columns:
          _id: "{instance}:tl:{iTrackingLogId}:{columns.eventType}"
          eventType: { from: [iUrlType], map: { "1": directMarketing.emailClicked, "2": directMarketing.emailOpened }, skip: ["4"], else: skip }
          timestamp: { from: tsLog, format: "yyyy/MM/dd HH:mm:ss", zone: Europe/Paris, ambiguous: later, decimals: 3 }
          crmId: sCrmId
          source: { value: campaign }
          braces: "{{{[@delivery-id]}}}"
      """)
    #expect(problems.isEmpty, "\(problems)")
    let columns = try #require(stream?.rows.shape?.columns)
    #expect(columns.map(\.name) == ["_id", "eventType", "timestamp", "crmId", "source", "braces"])
    #expect(
      columns[0].value
        == .text(
          ShapeText([
            .constant("acc-prod:tl:"), .source(SourceColumn("iTrackingLogId")), .constant(":"), .shaped("eventType"),
          ])))
    guard case .map(let map) = columns[1].value, case .time(let time) = columns[2].value else {
      Issue.record("a map and a time")
      return
    }
    #expect(map.result(of: ["1"]) == .value("directMarketing.emailClicked") && map.result(of: ["9"]) == .skip)
    #expect(time.zone == "Europe/Paris" && time.ambiguous == .later && time.decimals == 3)
    #expect(columns[3].value == .source(SourceColumn("sCrmId")))
    #expect(columns[4].value == .text(ShapeText([.constant("campaign")])))
    #expect(
      columns[5].value
        == .text(ShapeText([.constant("{"), .source(SourceColumn("[@delivery-id]")), .constant("}")])))
  }

  @Test("A preset is changed, added to, and left out of")
  func presets() throws {
    let (stream, problems) = try read(
      """
      shape:
        preset: broadlog
        instance: acc
        columns:
          timestamp: { zone: UTC }
          eventType: { map: { "0,3,*": other }, else: skip }
          reason: ~
          crmId: sCrmId
      """)
    #expect(problems.isEmpty, "\(problems)")
    let shape = try #require(stream?.rows.shape)
    #expect(
      shape.columns.map(\.name) == [
        "_id", "eventType", "timestamp", "broadlogID", "deliveryID", "recipientID", "status", "crmId",
      ])
    guard case .map(let map)? = shape["eventType"]?.value else {
      Issue.record("a map")
      return
    }
    for (values, result) in [
      (["0", "1", "0"], ValueMap.Result.value("directMarketing.emailSent")),
      (["0", "2", "2"], .value("directMarketing.emailBounced")),
      (["0", "2", "1"], .value("directMarketing.emailBouncedSoft")), (["0", "6", "0"], .skip),
      (["1", "1", "0"], .skip),
      (["0", "3", "x"], .value("other")), (["0", "2", "0"], .skip), (["0", "9", "9"], .skip),
    ] {
      #expect(map.result(of: values) == result, "\(values)")
    }
    let known = try ShapePreset.broadlog.rules(instance: "acc")
    guard case .map(let unchanged)? = known["eventType"]?.value else {
      Issue.record("a map")
      return
    }
    for values in [["0", "2", "0"], ["0", "2", ""], ["0", "9", "0"], ["77", "1", "0"], ["", "", ""]] {
      #expect(unchanged.result(of: values) == .aside, "\(values)")
    }
  }

  @Test(
    "What cannot be meant is refused where it stands",
    arguments: [
      ("shape: { columns: { _id: \"{host}:{id}\" } }", "{host}"),
      ("shape: { columns: { _id: \"{instance}:{id}\" } }", "instance is missing"),
      ("shape: { preset: tracking }", "instance is missing"),
      ("shape: { preset: tracking, instance: a }", "time zone of “timestamp”"),
      ("shape: { columns: {} }", "needs columns"),
      ("shape: { columns: { a: \"{b\" } }", "never closed"),
      ("shape: { columns: { a: \"b}\" } }", "without a {"),
      ("shape: { columns: { t: { from: x, format: \"YYYY/MM/dd\", zone: UTC } } }", "Write yyyy"),
      ("shape: { columns: { t: { from: x, format: \"yyyy/MM/dd\", zone: Mars/Base } } }", "no time zone of this name"),
      ("shape: { columns: { t: { from: x, zone: UTC } } }", "format"),
      ("shape: { columns: { t: { from: x, format: yyyy/MM/dd, zone: UTC, decimals: 2 } } }", "0 or 3"),
      ("shape: { columns: { e: { from: [a, b], map: { \"1\": x } } } }", "expected 2 values"),
      ("shape: { columns: { e: { from: [a, b, c, d], map: { \"1\": x } } } }", "up to 3"),
      ("shape: { columns: { e: { from: a, map: { \"1\": x }, skip: [\"*,2\"], other: 1 } } }", "unknown key"),
      ("shape: { columns: { a: \"{columns.b}\" } }", "no column “b”"),
      ("shape: { columns: { a: \"x{columns.b}\", b: \"y{columns.c}\", c: \"z{d}\" } }", "has such a column in it"),
      ("shape: { columns: { a: [b] } }", "a column of the log"),
      ("shape: { columns: { a: b } }\nheader: { from: none }", "without a header"),
      ("shape: { columns: { a: b } }\nheader: { rename: { b: c } }", "the shape says"),
      ("shape: { columns: { a: b } }\nrecord: line", "a record has no columns"),
      ("encoding: utf-16", "rotation is rename"),
      ("rows: { max_bytes: 0 }", "from 1"),
      ("rejects: { at_most: 120% }", "a share"),
    ])
  func refused(lines: String, words: String) throws {
    let (_, problems) = try read(lines)
    #expect(problems.contains { "\($0)".contains(words) }, "\(problems)")
  }
}
