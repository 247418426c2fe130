import Core
import Testing

@testable import Formats

func inspectJSON(_ bytes: [UInt8], chunk: Int = .max, _ change: (inout JSONRules) -> Void = { _ in }) -> Inspection {
  var rules = JSONRules()
  change(&rules)
  var inspector = JSONInspector(rules: rules)
  var start = 0
  while start < bytes.count {
    let end = start + min(chunk, bytes.count - start)
    bytes[start..<end].withUnsafeBytes { inspector.feed($0) }
    start = end
  }
  return inspector.finish()
}

func inspectJSON(_ text: String, chunk: Int = .max, _ change: (inout JSONRules) -> Void = { _ in }) -> Inspection {
  inspectJSON(Array(text.utf8), chunk: chunk, change)
}

/// The table that becomes of it, and why it could not be written.
func tabulate(
  _ text: String, _ columns: [(String, String)], chunk: Int = .max, _ change: (inout JSONTable) -> Void = { _ in },
  _ dialect: (inout RewriteRules) -> Void = { _ in }
) throws -> (table: String, problems: [Reason]) {
  var table = JSONTable()
  table.columns = try columns.map { PathColumn($0.0, try #require(ValuePath($0.1))) }
  change(&table)
  var target = RewriteRules()
  target.delimiter = UInt8(ascii: ",")
  target.quote = UInt8(ascii: "\"")
  dialect(&target)
  var rewriter = JSONRewriter(JSONRules(), table, to: target)
  var out: [UInt8] = []
  let bytes = Array(text.utf8)
  var start = 0
  while start < bytes.count {
    let end = start + min(chunk, bytes.count - start)
    bytes[start..<end].withUnsafeBytes { rewriter.feed($0) { out += $0 } }
    start = end
  }
  rewriter.finish { out += $0 }
  let isDamaged = rewriter.isDamaged
  #expect(!isDamaged)
  return (String(decoding: out, as: UTF8.self), rewriter.problems)
}

@Suite("Lines of JSON")
struct JSONTests {
  private static let good = #"{"id":1,"p":{"first":"Zoë","last":"O\u0027Neil"},"tags":["a","b"]}"# + "\n"

  @Test("Objects are counted, whatever ends their lines, a mark or gzip", arguments: [1, 3, .max])
  func counted(chunk: Int) {
    for text in [Self.good + Self.good, "{}\r\n{ }\r\n", "{}\n{}", "\u{feff}{}\n{}\n", "{}\n{}\n\n\n"] {
      let found = inspectJSON(text, chunk: chunk)
      #expect(found.reasons.isEmpty && found.rows == 2, "\(found.reasons)")
      let packed = inspectJSON(gzip(Array(text.utf8)), chunk: chunk)
      #expect(packed.reasons.isEmpty && packed.rows == 2 && packed.compression == .gzip)
      #expect(packed.textDigest == found.textDigest && found.textDigest != nil)
    }
  }

  @Test(
    "What is no line of JSON is told by its row, and never quoted",
    arguments: [
      (#"{"a":1}x"#, Reason.Code.badJSON), (#"{"a":1"#, .badJSON), (#"{"a":01}"#, .badJSON), (#"{"a":.5}"#, .badJSON),
      (#"{"a":+1}"#, .badJSON), (#"{"a":1.}"#, .badJSON), (#"{"a":1e}"#, .badJSON), (#"{"a":NaN}"#, .badJSON),
      (#"{"a":tru}"#, .badJSON), (#"{'a':1}"#, .badJSON), (#"{"a":1,}"#, .badJSON), (#"{"a":[1,]}"#, .badJSON),
      (#"{a:1}"#, .badJSON), (#"{"a" 1}"#, .badJSON), (#"{"a":"\x"}"#, .badJSON), (#"{"a":"\u12"}"#, .badJSON),
      ("{\"a\":\"\t\"}", .badJSON), (#"[1]"#, .badJSON), (#""text""#, .badJSON), ("12", .badJSON), ("null", .badJSON),
      ("id,email", .badJSON), (#"{"a":"\ud83d"}"#, .badJSON), (#"{"a":"\ude00"}"#, .badJSON),
      (#"{"a":"\ud83dx"}"#, .badJSON), (#"{"a":"\ud83d\n"}"#, .badJSON), (#"{"a":"\ud83d\ud83d"}"#, .badJSON),
      (#"{"a":"\u0000"}"#, .badJSON), (#"{"a":1,"a":2}"#, .repeatedKey), (#"{"a":1,"\u0061":2}"#, .repeatedKey),
      (#"{"\u0061":1,"a":2}"#, .repeatedKey), (#"{"p":{"q":1,"q":1}}"#, .repeatedKey),
      (#"{"p":[{"q":1,"q":1}]}"#, .repeatedKey), ("{", .badJSON), ("}", .badJSON), (" ", .badJSON),
      (String(repeating: #"{"a":"#, count: 65) + "1" + String(repeating: "}", count: 65), .badJSON),
    ])
  func bad(line: String, code: Reason.Code) throws {
    for gathers in [false, true] {
      for chunk in [1, 7, .max] {
        let found = inspectJSON(Self.good + line + "\n" + Self.good, chunk: chunk) { $0.gathers = gathers }
        let reason = try #require(found.reasons.first)
        #expect(reason.code == code && reason.row == 2, "\(line): \(reason)")
        #expect(found.reasons.count == 1 && found.rows == 3)
        #expect(!reason.message.contains("Zo"))
      }
    }
  }

  @Test(
    "What JSON allows passes",
    arguments: [
      #"{"a":-0,"b":-1.5e+10,"c":1E5,"d":123456789012345678901234567890}"#, #"{ "a" : [ ] , "b" : { } }"#,
      #"{"":1}"#, #"{"a":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}"#, #"{"a":[{"q":1},{"q":2}]}"#,
      #"{"a":{"x":1},"b":{"x":1}}"#, "{\"a\":\"\u{7f}\u{2028}\"}", #"{"A":1,"a":2}"#,
      String(repeating: #"{"a":"#, count: 63) + "{}" + String(repeating: "}", count: 63),
    ])
  func good(line: String) {
    for gathers in [false, true] {
      let found = inspectJSON(line + "\n") { $0.gathers = gathers }
      #expect(found.reasons.isEmpty && found.rows == 1, "\(found.reasons)")
    }
  }

  @Test(
    "A key that comes twice is found among many that are no paths, and hostile keys cost no more than they are long")
  func manyKeys() {
    for count in [10, 33, 5_000] {
      let keys = (0..<count).map { "\"k\($0)\":0" }
      let line = "{\(keys.joined(separator: ","))}"
      #expect(inspectJSON(line).reasons.isEmpty)
      let twice = "{\((keys + ["\"k3\":1"]).joined(separator: ","))}"
      #expect(inspectJSON(twice).reasons.map(\.code) == [.repeatedKey])
      let escaped = "{\((keys + ["\"\\u006b3\":1"]).joined(separator: ","))}"
      #expect(inspectJSON(escaped).reasons.map(\.code) == [.repeatedKey])
    }
  }

  @Test("Text over several lines, or one array, is told as what it is")
  func pretty() {
    let object = inspectJSON("{\n  \"a\": 1\n}\n")
    #expect(object.reasons.first?.message == "The object goes on in the next line: one object a line is expected")
    let array = inspectJSON("[{\"a\":1},{\"a\":2}]\n")
    #expect(array.reasons.first?.message == "The line is an array: one object a line is expected")
  }

  @Test("Bounds, encodings and other kinds of files")
  func bounds() {
    #expect(inspectJSON("").reasons.map(\.code) == [.empty])
    #expect(inspectJSON("\n\n").reasons.map(\.code) == [.empty])
    let gap = inspectJSON("{}\n\n\r\n{}\n\n")
    #expect(gap.reasons.map(\.code) == [.badJSON, .badJSON] && gap.reasons.map(\.row) == [2, 3] && gap.rows == 4)
    #expect(inspectJSON("\u{feff}").reasons.map(\.row) == [nil])
    #expect(inspectJSON("{}\n{}\n") { $0.minRows = 3 }.reasons.map(\.code) == [.tooFewRows])
    #expect(inspectJSON("{}\n{}\n") { $0.maxRows = 1 }.reasons.map(\.code) == [.tooManyRows])
    #expect(inspectJSON("{}\n{\"a\":1}\n") { $0.maxRowBytes = 4 }.reasons.map { $0.row } == [2])
    #expect(inspectJSON("{}\n{\"a\":1}\n", chunk: 1) { $0.maxRowBytes = 4 }.reasons.map(\.code) == [.rowTooLong])
    #expect(inspectJSON("{}\n{\"a\":1}\n") { $0.maxBytes = 6 }.reasons.map(\.code) == [.tooLarge])
    #expect(inspectJSON([0x7b, 0x22, 0xe9, 0x22, 0x3a, 0x31, 0x7d]).reasons.map(\.code) == [.badEncoding])
    #expect(inspectJSON(Array("PAR1".utf8) + [0x15, 0, 0, 0]).reasons.map(\.code) == [.notText])
    #expect(inspectJSON("<!DOCTYPE html><html>").reasons.first?.message.contains("not lines of JSON") == true)
    #expect(inspectJSON("-----BEGIN PGP MESSAGE-----\n").reasons.map(\.code) == [.encrypted])
    let packed = gzip(Array(Self.good.utf8))
    #expect(inspectJSON(Array(packed.dropLast(5))).reasons.map(\.code) == [.gzipTruncated])
    #expect(inspectJSON(gzip(packed)).reasons.map(\.code) == [.notText])
    #expect(inspectJSON(packed + [1]).reasons.map(\.code) == [.gzipTrailing])
  }

  @Test("Required paths, in objects, below arrays, and with dots in a key")
  func required() throws {
    func check(_ path: String, _ line: String) throws -> [Reason] {
      let path = try #require(ValuePath(path))
      return inspectJSON(line + "\n") { $0.required = [path] }.reasons
    }
    #expect(try check("p.q", #"{"p":{"q":null}}"#).isEmpty)
    #expect(try check("p", #"{"p":{}}"#).isEmpty)
    #expect(try check("p.q", #"{"p":{"r":1}}"#).map(\.code) == [.missingKey])
    #expect(try check("p.1.id", #"{"p":[{"id":1},{"id":2}]}"#).isEmpty)
    #expect(try check("p.2.id", #"{"p":[{"id":1},{"id":2}]}"#).map(\.code) == [.missingKey])
    #expect(try check(#"a\.b"#, #"{"a.b":1}"#).isEmpty)
    #expect(try check("a.b", #"{"a.b":1}"#).map(\.code) == [.missingKey])
    #expect(try check("a", #"{"\u0061":1}"#).isEmpty)
  }

  @Test("At most a hundred reasons are kept, and the rest is counted")
  func capped() {
    let found = inspectJSON(String(repeating: "x\n", count: 250))
    #expect(found.reasons.count == Limits.reasons + 1 && found.reasons.last?.message == "… and 150 more")
  }
}

@Suite("Paths")
struct ValuePathTests {
  @Test("Text and keys", arguments: ["a", "a.b", #"a\.b"#, #"a\\"#, #"a\.b.c\\d"#, "é.0", #"\e"#, #"a.\e.b"#])
  func roundTrip(text: String) throws {
    let path = try #require(ValuePath(text))
    #expect(path.description == text)
  }

  @Test("What is none", arguments: ["", ".", "a.", ".a", "a..b", #"a\"#, #"a\x"#, #"\ex"#])
  func none(text: String) { #expect(ValuePath(text) == nil) }
}

@Suite("Paths that are found")
struct FoundPathTests {
  private func paths(_ text: String) -> [String] {
    inspectJSON(text) { $0.gathers = true }.paths.map(\.description)
  }

  @Test("In the order in which they first come; null is no value where an object is one, and arrays are values")
  func order() {
    #expect(paths("{\"b\":1,\"a\":{\"x\":null}}\n{\"a\":{\"y\":2},\"c\":[{\"z\":1}]}\n") == ["b", "a.x", "a.y", "c"])
    #expect(paths("{\"a\":null}\n{\"a\":{\"b\":1}}\n") == ["a.b"])
    #expect(paths("{\"a\":null}\n") == ["a"])
    #expect(paths("{\"a\":{}}\n") == [])
    #expect(paths("{\"a.b\":1,\"a\":{\"b\":2}}\n") == [#"a\.b"#, "a.b"])
    #expect(paths("{\"\":1}\n") == [#"\e"#])
  }

  @Test("Objects in arrays have no columns of their own, also where one of them is required")
  func arrays() throws {
    let path = try #require(ValuePath("ids.0.id"))
    let found = inspectJSON(#"{"ids":[{"id":1,"ns":"x"}],"a":1}"#) {
      $0.gathers = true
      $0.required = [path]
    }
    #expect(found.reasons.isEmpty && found.paths.map(\.description) == ["ids", "a"])
  }

  @Test("A map whose keys are people is told by its size, and memory is bounded")
  func tooMany() {
    var text = ""
    for row in 0..<30_000 { text += "{\"m\":{\"k\(row)\":1}}\n" }
    let found = inspectJSON(text) { $0.gathers = true }
    #expect(found.reasons.first?.code == .tooManyColumns)
    #expect(inspectJSON(text).reasons.isEmpty)
  }
}

@Suite("Tables of JSON")
struct JSONTableTests {
  @Test("Values as they are spelled, from plain and nested paths, in the columns' order", arguments: [1, 5, .max])
  func values(chunk: Int) throws {
    let text = """
      {"id":1.50,"p":{"mail":"a@b.example","n":"Zo\\u00eb \\ud83d\\ude00"},"ok":true,"big":123456789012345678901}
      {"p":{"n":null},"id":-1e-7,"ok":false,"x":1}

      """
    let columns = [("mail", "p.mail"), ("name", "p.n"), ("id", "id"), ("ok", "ok"), ("big", "big")]
    let made = try tabulate(text, columns, chunk: chunk) { ($0.null, $0.missing) = ("NULL", "-") }
    #expect(made.problems.isEmpty)
    #expect(
      made.table == """
        mail,name,id,ok,big
        a@b.example,Zoë 😀,1.50,true,123456789012345678901
        -,NULL,-1e-7,false,-

        """)
  }

  @Test("Text is quoted where the dialect needs it, and refused where it cannot be written")
  func dialects() throws {
    let text = #"{"a":"x,\"y\"\n"}"# + "\n"
    #expect(try tabulate(text, [("a", "a")]).table == "a\n\"x,\"\"y\"\"\n\"\n")
    let refused = try tabulate(text, [("a", "a")], { _ in }) { $0.quote = nil }
    #expect(refused.problems.map(\.code) == [.unwritable] && refused.problems[0].row == 1)
    let replaced = try tabulate(text, [("a", "a")], { _ in }) {
      $0.quote = nil
      $0.replacement = "_"
    }
    #expect(replaced.problems.isEmpty && replaced.table == "a\nx_\"y\"_\n")
  }

  @Test("Arrays of single values are joined, and an element that holds the sign is told")
  func joined() throws {
    let text = #"{"a":["x", "y",1 , true,null,"\u0041"],"b":[]}"# + "\n"
    let made = try tabulate(text, [("a", "a"), ("b", "b")]) { $0.null = "N" }
    #expect(made.table == "a,b\nx;y;1;true;N;A,\n" && made.problems.isEmpty)
    let clash = try tabulate(#"{"a":["x;y"]}"#, [("a", "a")])
    #expect(clash.problems.map(\.code) == [.unwritable])
    let replaced = try tabulate(#"{"a":["x;y","z"]}"#, [("a", "a")], { _ in }) { $0.replacement = "/" }
    #expect(replaced.table == "a\nx/y;z\n" && replaced.problems.isEmpty)
    #expect(try tabulate(#"{"a":["x","y"]}"#, [("a", "a")]) { $0.join = "" }.table == "a\nxy\n")
  }

  @Test("Objects where a value is wanted are refused, or become their text; split ones are missing")
  func nested() throws {
    let text = #"{"a":{"x": 1, "y": "s p"},"b":[{"id": 2}, [3]]}"# + "\n"
    let refused = try tabulate(text, [("a", "a"), ("b", "b")])
    #expect(refused.problems.map(\.column) == [1, 2])
    let made = try tabulate(text, [("a", "a"), ("b", "b"), ("id", "b.0.id")]) { $0.nested = .json }
    #expect(made.problems.isEmpty)
    #expect(made.table == "a,b,id\n\"{\"\"x\"\":1,\"\"y\"\":\"\"s p\"\"}\",\"[{\"\"id\"\":2},[3]]\",2\n")
    let split = try tabulate(#"{"a":{"x":1}}"# + "\n" + #"{"a":7}"#, [("a", "a"), ("x", "a.x")]) { $0.isWhole = true }
    #expect(split.table == "a,x\n,1\n7,\n" && split.problems.isEmpty)
    // Whoever names both wants both.
    let named = try tabulate(#"{"a":{"x":1}}"#, [("a", "a"), ("x", "a.x")]) { $0.nested = .json }
    #expect(named.table == "a,x\n\"{\"\"x\"\":1}\",1\n" && named.problems.isEmpty)
    #expect(try tabulate(#"{"a":{"x":1}}"#, [("a", "a"), ("x", "a.x")]).problems.map(\.column) == [1])
  }

  @Test("A path may be named twice, and keys may be escaped in the text")
  func twice() throws {
    #expect(try tabulate(#"{"\u0061":1}"#, [("one", "a"), ("two", "a")]).table == "one,two\n1,1\n")
  }

  @Test("A row of one empty value is written as such")
  func emptyRow() throws {
    #expect(try tabulate("{}\n", [("a", "a")]).table == "a\n\"\"\n")
    #expect(try tabulate("{}\n", [("a", "a")], { _ in }) { $0.quote = nil }.problems.count == 1)
  }
}
