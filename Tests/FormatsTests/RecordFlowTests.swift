import Core
import Testing

@testable import Formats

@Suite("Records on their way into an object")
struct RecordFlowTests {
  private static let header = "id,text"

  private func flow(shape: ShapeRules? = nil, rules: RecordRules? = nil, header: String = header) throws -> RecordFlow {
    let names = ColumnNames(Array(header.utf8))
    let shaper = try shape.map { try RowShaper($0, columns: names.names, zone: { $0 == "UTC" ? .utc : nil }) }
    return RecordFlow(
      dialect: .csv(), maxRecord: 1_024, header: HeaderWatch(Array(header.utf8), mayChange: true),
      judge: RowJudge(
        header: names, names: names.names, rules: rules, replacement: ValueReplacement(), shaper: shaper), dates: nil)
  }

  /// What comes out of a text of complete records, told in one go.
  private func pass(_ text: String, _ flow: inout RecordFlow, room: UInt64 = .max) -> (text: String, RecordFlow.Passed)
  {
    var (out, day, ids) = ([] as [UInt8], nil as Timestamp?, SeenIDs(most: 100))
    let passed = Array(text.utf8).withUnsafeBytes { bytes in
      flow.pass(
        bytes, limit: .init(bytes: room, hasRows: false, now: Timestamp(seconds: 1_800_000_000)), day: &day, ids: &ids,
        into: &out)
    }
    return (String(decoding: out, as: UTF8.self), passed)
  }

  @Test("A header that comes again is known, whatever its first and last columns are called")
  func headers() throws {
    for header in ["\"CRM, id\",Status", "Status,\"CRM, id\"", "\"a\",\"b, c\""] {
      let watch = HeaderWatch(Array(header.utf8), mayChange: true)
      func kind(_ line: String) -> HeaderWatch.Kind { Array(line.utf8).withUnsafeBytes { watch.kind(of: $0) } }
      #expect(kind(header + "\r\n") == .same && kind(header + ",new\n") == .other && kind("new," + header) == .other)
      #expect(kind("1,2\n") == .row && kind("\"CRM, id\",2\n") == .row)
    }
  }

  @Test("Empty lines, marks and returns at line ends are left out; all else stays byte for byte")
  func plain() throws {
    var flow = try flow()
    let (text, passed) = pass("\r\n\n1,a\r\n\u{feff}2,\"b\r\nb\"\n\n3,\u{feff}c\n\r\n", &flow)
    #expect(text == "1,a\n2,\"b\r\nb\"\n3,\u{feff}c\n")
    #expect(passed.rows == 3 && passed.stop == nil && passed.aside.isEmpty && passed.skipped == 0)
  }

  @Test("No more comes out than there is room for, but for the first row")
  func room() throws {
    var flow = try flow()
    let (text, passed) = pass("1,aaaa\n2,b\n3,c\n", &flow, room: 11)
    #expect(text == "1,aaaa\n2,b\n" && passed.rows == 2 && passed.stop == .full && passed.consumed == 11)
    let (first, one) = pass("1,aaaa\n2,b\n3,c\n", &flow, room: 3)
    #expect(first == "1,aaaa\n" && one.rows == 1 && one.stop == .full && one.consumed == 7)
  }

  @Test("Rows that AEP would refuse are told by their place and their kind")
  func rules() throws {
    var flow = try flow(
      rules: RecordRules(maxBytes: 40, id: "_id", timestamp: "timestamp"), header: "_id,timestamp,text")
    let rows: [(row: String, fault: RowFault?)] = [
      ("a,2026-03-12T06:00:00Z,x", nil),
      ("b,2026-03-12T06:00:00Z", RowFault(.columnCount)),
      ("c,2026-03-12T06:00:00Z,\0", RowFault(.nulByte)),
      ("d,2026-03-12T06:00:00Z,é", nil),
      ("e,2026-03-12T06:00:00Z,\"x\"y", RowFault(.openQuote)),
      ("f,2026-03-12T06:00:00Z,xxxxxxxxxxxxxxxxxx", RowFault(.rowTooLong)),
      ("g,2026-03-12 06:00:00,x", nil),
      ("h,12/03/2026,x", RowFault(.badTime, column: "timestamp")),
      ("i,,x", RowFault(.badTime, column: "timestamp")),
      ("j,2027-03-12T06:00:00Z,x", RowFault(.futureTime, column: "timestamp")),
      (",2026-03-12T06:00:00Z,x", RowFault(.missingValue, column: "_id")),
      ("a,2026-03-12T07:00:00Z,y", RowFault(.duplicateKey, column: "_id")),
    ]
    let text = rows.map { $0.row + "\n" }.joined()
    let (sent, passed) = pass(text, &flow)
    #expect(sent == rows.filter { $0.fault == nil }.map { $0.row + "\n" }.joined())
    let bytes = Array(text.utf8)
    let told = passed.aside.map { (String(decoding: bytes[$0.from..<$0.to], as: UTF8.self), $0.fault) }
    #expect(told.map(\.0) == rows.filter { $0.fault != nil }.map { $0.row + "\n" })
    #expect(told.map(\.1) == rows.compactMap(\.fault))
  }

  @Test("Text that is not UTF-8 goes aside, row by row")
  func encoding() throws {
    var flow = try flow(rules: RecordRules(maxBytes: 40, id: "", timestamp: ""))
    var (out, day, ids) = ([] as [UInt8], nil as Timestamp?, SeenIDs(most: 100))
    let text: [UInt8] = Array("1,a\n2,".utf8) + [0xe9, 0x0a] + Array("3,c\n".utf8)
    let passed = text.withUnsafeBytes { bytes in
      flow.pass(
        bytes, limit: .init(bytes: .max, hasRows: false, now: Timestamp(seconds: 0)), day: &day, ids: &ids, into: &out)
    }
    #expect(passed.aside.map(\.fault) == [RowFault(.badEncoding)] && out == Array("1,a\n3,c\n".utf8))
  }

  @Test("Of two readings of quotes that one counts in which rows are what the header says, and each row counts once")
  func readings() throws {
    let rows: [(text: String, rows: Int, sent: String?)] = [
      // RFC 4180: a backslash is data.
      ("1,\"x, a\\\",b\n2,\"c\",d\n3,\"a\\\"\"\",f\n4,\"g\",h\n5,\",a\\\",i\n6,j,k\n", 6, nil),
      // As Spark writes: rows anew, so that every reader finds the same.
      (
        "1,\"a\\\"\",c\n2,\"d\",e\n3,\"\\\"heath,\",f\n4,\"g\",h\n", 4,
        "1,\"a\"\"\",c\n2,\"d\",e\n3,\"\"\"heath,\",f\n4,\"g\",h\n"
      ),
      ("1,\"a\\\"\r\n\r\nb\",c\n2,d,e\n", 2, "1,\"a\"\"\r\n\r\nb\",c\n2,d,e\n"),
      ("1,\"a\\\",b\",c\n2,d,e\n", 2, "1,\"a\"\",b\",c\n2,d,e\n"),
    ]
    for (text, count, sent) in rows {
      var plain = try flow(header: "id,v,w")
      let (same, passed) = pass(text, &plain)
      #expect(same == text && passed.rows == count && passed.aside.isEmpty, "\(text)")
      var judged = try flow(rules: RecordRules(maxBytes: 100, id: "", timestamp: ""), header: "id,v,w")
      let (anew, other) = pass(text, &judged)
      #expect(anew == sent ?? text && other.rows == count && other.aside.isEmpty, "\(text)")
    }
  }

  @Test("A row that is skipped is no bad row, whatever else is wrong with it and in whatever order columns stand")
  func skipped() throws {
    let map = ValueMap(from: [SourceColumn("text")], [(.init(["x"]), .skip), (.init([""]), .skip)])
    let strict = ValueMap(from: [SourceColumn("text")], [(.init(["good"]), .value("1"))])
    let time = TimeRule(from: SourceColumn("id"), pattern: try TimePattern("yyyyMMdd"), zone: "UTC")
    var flow = try flow(
      shape: ShapeRules([
        .init("timestamp", .time(time)), .init("strict", .map(strict)), .init("kind", .map(map)),
      ]))
    let (text, passed) = pass("never,x\n,\n20260312,good\n20260312,y\n", &flow)
    #expect(
      text.isEmpty && passed.skipped == 2
        && passed.aside.map(\.fault) == [
          RowFault(.unknownValue, column: "kind"), RowFault(.unknownValue, column: "strict"),
        ])
  }

  @Test("Values are replaced without rules for rows, and no row is left out for it")
  func replaced() throws {
    var replacement = ValueReplacement()
    replacement.backslash = "/"
    let names = ColumnNames(Array(Self.header.utf8))
    var flow = RecordFlow(
      dialect: .csv(), maxRecord: 1_024, header: HeaderWatch(Array(Self.header.utf8), mayChange: true),
      judge: RowJudge(header: names, names: names.names, rules: nil, replacement: replacement, shaper: nil), dates: nil)
    let (text, passed) = pass("1,a\\b\n2,a\\b,c\n3,\"x\"y\\\n4,z\n", &flow)
    #expect(text == "1,a/b\n2,a/b,c\n3,\"x\"y\\\n4,z\n" && passed.rows == 4)
  }

  @Test("Ids are remembered over batches that were sealed, and not beyond the window")
  func window() throws {
    var ids = SeenIDs(most: 3)
    func add(_ id: String) -> Bool { Array(id.utf8).withUnsafeBytes { ids.add($0) } }
    #expect(add("a") && add("b") && !add("a"))
    ids.drop()
    // What was not sealed is cut again.
    #expect(add("a") && add("b"))
    ids.keep()
    #expect(!add("a") && add("c") && add("d"))
    ids.keep()
    #expect(add("a") && !add("d"))
    var none = SeenIDs(most: 0)
    #expect(([[1], [1]] as [[UInt8]]).allSatisfy { $0.withUnsafeBytes { none.add($0) } })
    none.keep()
  }
}
