import Config
import Core
import Files
import Inbound
import Journal
import Ledger
import Spool
import SystemPackage
import Testing

@testable import FeedKit

@Suite("Values, keys and bad lines of JSON")
struct ObjectRowTests {
  private func rig(_ change: (inout FeedSettings) -> Void) throws -> Rig {
    try Rig { settings in
      settings.format.type = .json
      change(&settings)
    }
  }

  @Test("Values by their paths: a type, not null, a length; told by row and line, without the value")
  func values() throws {
    let rig = try rig {
      $0.require.types = ["p.mail": .email]
      $0.require.notNull = ["id"]
      $0.require.length = ["p.name": 3]
    }
    let lines = [
      #"{"id":1,"p":{"mail":"a@b.example","name":"abc"}}"#, #"{"id":2,"p":{"mail":"secret"}}"#, #"{"p":{}}"#,
      #"{"id":null}"#, #"{"id":3,"p":{"name":"\u0061bcd"}}"#,
    ]
    try rig.land("a.json", lines.joined(separator: "\n") + "\n")
    #expect(try rig.run().quarantined == 1)
    let reasons = try rig.reasons(.quarantine, rig.drops(.quarantine)[0])
    #expect(reasons.map(\.code) == [.badType, .missingValue, .missingValue, .valueTooLong])
    #expect(reasons.map(\.row) == [2, 3, 4, 5] && reasons.map(\.line) == [2, 3, 4, 5])
    #expect(!reasons.contains { $0.message.contains("secret") })
  }

  @Test(
    "A key twice over all parts is refused; with rejects the first stays, and the others lie in quarantine as they were"
  )
  func keys() throws {
    let rig = try rig { $0.unique = FeedSettings.Unique(columns: ["id"]) }
    try rig.land("a.json", #"{"id":"x"}"# + "\n" + #"{"id":"\u0078"}"# + "\n")
    #expect(try rig.run().quarantined == 1)
    let reason = try rig.reasons(.quarantine, rig.drops(.quarantine)[0])[0]
    #expect(reason.code == .duplicateKey && reason.row == 1)
    let lenient = try self.rig {
      $0.unique = FeedSettings.Unique(columns: ["id"])
      $0.unique?.keep = .first
      $0.rejects = FeedSettings.Rejects(atMost: .rows(5))
    }
    try lenient.land("a.json", #"{"id":1}"# + "\n" + #"{"id":2}"# + "\n")
    try lenient.land("a_2.json", #"{"id":3}"# + "\n" + #"{ "id" : 1 }"# + "\n")
    #expect(try lenient.run().handedOver == 1)
    #expect(try lenient.handed("a_2.json") == #"{"id":3}"# + "\n")
    let id = try lenient.drops(.archive)[0]
    let folder = lenient.spool.path(.quarantine).appending("\(id).rejected")
    #expect(try lenient.text(folder.appending("a_2.json")) == #"{ "id" : 1 }"# + "\n")
    #expect(try lenient.text(folder.appending("a_2.json.reasons.jsonl")).contains("\"code\":\"duplicate_key\""))
  }

  @Test("Bad lines of each kind are left out up to the bound, packed or not, also of a table that is made of them")
  func rejects() throws {
    let bad = ["x", "", #"{"a":1,"a":2}"#, #"{"b":1}"#, #"{"a":"\ud800"}"#, "[1]", #"{"a":1"#]
    let lines = (1...20).map { "{\"a\":\($0),\"b\":0}" }
    let text = (lines.prefix(10) + bad + lines.suffix(10)).joined(separator: "\n") + "\n"
    func rules(_ settings: inout FeedSettings) {
      settings.require.columns = ["a"]
      settings.rejects = FeedSettings.Rejects(atMost: .share(2_700))
    }
    let rig = try rig(rules)
    try rig.land("a.json", text)
    #expect(try rig.run().handedOver == 1)
    #expect(try rig.handed("a.json") == lines.joined(separator: "\n") + "\n")
    let id = try rig.drops(.archive)[0]
    #expect(try rig.plan(.archive, id).data[0].rejected == bad.count)
    let kept = rig.spool.path(.quarantine).appending("\(id).rejected").appending("a.json")
    #expect(try rig.text(kept) == bad.joined(separator: "\n") + "\n")
    let table = try self.rig {
      rules(&$0)
      $0.rewrite = FeedSettings.Rewrite()
      $0.rewrite?.delimiter = UInt8(ascii: ",")
    }
    try table.land("a.json.gz", Sample.gzip(text))
    #expect(try table.run().handedOver == 1)
    #expect(try table.handed("a.csv") == "a,b\n" + (1...20).map { "\($0),0\n" }.joined())
    let strict = try self.rig {
      rules(&$0)
      $0.rejects = FeedSettings.Rejects(atMost: .share(2_000))
    }
    try strict.land("a.json", text)
    #expect(try strict.run().quarantined == 1)
    let first = try strict.reasons(.quarantine, strict.drops(.quarantine)[0])[0]
    #expect(first.code == .tooManyRejects)
  }

  @Test("More bad rows than reasons are kept, and all are left out", arguments: [true, false])
  func many(isJSON: Bool) throws {
    let rig = try Rig {
      $0.format.type = isJSON ? .json : .delimited
      $0.rejects = FeedSettings.Rejects(atMost: .rows(1_000))
    }
    let good = isJSON ? "{\"a\":1}\n" : "id,mail\n1,x\n"
    let bad = isJSON ? "{\n" : "1\n"
    try rig.land("a", good + String(repeating: bad, count: 250))
    #expect(try rig.run().handedOver == 1)
    #expect(try rig.handed("a") == good)
    #expect(try rig.plan(.archive, rig.drops(.archive)[0]).data[0].rejected == 250)
  }

  @Test("A line longer than a row may be is left out, up to a bound")
  func longLines() throws {
    let rig = try rig {
      $0.require.maxRowBytes = 100
      $0.rejects = FeedSettings.Rejects(atMost: .rows(1))
    }
    let long = "{\"a\":\"\(String(repeating: "x", count: 200))\"}\n"
    try rig.land("a.json", "{\"a\":1}\n" + long)
    #expect(try rig.run().handedOver == 1)
    #expect(try rig.handed("a.json") == "{\"a\":1}\n")
    try rig.land("b.json", "{\"a\":1}\n{\"a\":\"\(String(repeating: "x", count: 2_000))\"}\n")
    #expect(try rig.run().quarantined == 1)
  }

  @Test("Above the bound it is refused, also where a table would be made of it")
  func tooManyOfTable() throws {
    let rig = try rig {
      $0.rejects = FeedSettings.Rejects(atMost: .rows(1))
      $0.rewrite = FeedSettings.Rewrite()
    }
    try rig.land("a.json", "{\"k\":1,\"n\":1}\n1\n2\n")
    #expect(try rig.run().quarantined == 1)
    let id = try #require(DropID(try rig.drops(.quarantine)[0]))
    #expect(try rig.reasons(.quarantine, id.description)[0].code == .tooManyRejects)
    // A release hands over the good ones.
    try rig.engine.release(id, by: Requester("j.doe", reason: "fine"), at: rig.now)
    #expect(try rig.run().handedOver == 1)
    #expect(try rig.handed("a.csv") == "k\tn\n1\t1\n")
  }

  @Test("Bad lines make no columns, and hold no drop for paths of theirs")
  func columnsOfBadLines() throws {
    let rig = try rig {
      $0.rejects = FeedSettings.Rejects(atMost: .rows(2))
      $0.rewrite = FeedSettings.Rewrite()
      $0.require.types = ["k": .integer]
    }
    try rig.land("a.json", "{\"z\":1,\"k\":1.}\n{\"y\":{\"x\":1},\"k\":\"no\"}\n{\"k\":1,\"n\":2}\n")
    #expect(try rig.run().handedOver == 1)
    #expect(try rig.handed("a.csv") == "k\tn\n1\t2\n")
    try rig.land("b.json", "{\"k\":3,\"n\":4}\n{\"z\":1.}\n")
    #expect(try rig.run().handedOver == 1)
  }

  @Test("What cannot be written is told by the row that it is in the file", arguments: [true, false])
  func unwritableBehindRejects(isJSON: Bool) throws {
    let rig = try Rig {
      $0.format.type = isJSON ? .json : .delimited
      $0.rejects = FeedSettings.Rejects(atMost: .rows(2))
      $0.rewrite = FeedSettings.Rewrite()
    }
    try rig.land(
      "a", isJSON ? "12\n{\"k\":\"a\\tb\",\"n\":1}\n3\n{\"k\":\"c\\td\",\"n\":2}\n" : "k,n\n1\na\tb,2\n3\nc\td,2\n")
    #expect(try rig.run().quarantined == 1)
    let reasons = try rig.reasons(.quarantine, rig.drops(.quarantine)[0])
    #expect(reasons.map(\.code) == [.unwritable, .unwritable] && reasons.map(\.row) == [2, 4])
  }

  @Test("A CR before the line end is no part of the row's length; the last row may have no end")
  func lengths() throws {
    let rig = try rig { $0.require.maxRowBytes = 10 }
    try rig.land("a.json", "{\"k\":1234}\r\n{\"k\":1235}\r")
    #expect(try rig.run().handedOver == 1)
    let table = try Rig {
      $0.require.maxRowBytes = 30
      $0.rejects = FeedSettings.Rejects(atMost: .rows(3))
    }
    try table.land("a.csv", "k;n\n1;2\na;\(String(repeating: "x", count: 479))")
    try table.land("b.csv", "k;n\n1;2\na;\(String(repeating: "x", count: 478))")
    let summary = try table.run()
    #expect(summary.quarantined == 1 && summary.handedOver == 1)
  }

  @Test("A byte order mark is no part of the first line, however long that is or where it is left out")
  func marked() throws {
    let rig = try rig {
      $0.require.maxRowBytes = 30
      $0.rejects = FeedSettings.Rejects(atMost: .rows(2))
    }
    let long = "{\"k\":1" + String(repeating: " ", count: 472) + "}"
    try rig.land("a.json", "\u{feff}" + long + "\n{\"k\":2}\n")
    #expect(try rig.run().handedOver == 1)
    #expect(try rig.handed("a.json") == "\u{feff}{\"k\":2}\n")
    try rig.land("b.json", "\u{feff}\n{\"k\":3}\n")
    #expect(try rig.run().handedOver == 1)
    #expect(try rig.handed("b.json") == "\u{feff}{\"k\":3}\n")
  }
}
