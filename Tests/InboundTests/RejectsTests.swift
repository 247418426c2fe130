import Config
import Core
import Files
import Inbound
import Ledger
import Spool
import SystemPackage
import Testing

@testable import FeedKit

@Suite("Bad rows are left out")
struct RejectsTests {
  private static let table = """
    id,email,birth
    1,a@b.de,2001-02-03
    2,nobody,2001-02-03
    3,"a ""b"" c",
    4,d@e.de,2001-02-31
    5,"two
    lines",
    6
    7,g@h.de,

    """

  private func rig(
    atMost: FeedSettings.Rejects.Bound? = .rows(10), _ change: (inout FeedSettings) -> Void = { _ in }
  ) throws -> Rig {
    try Rig {
      $0.require.types = ["email": .email, "birth": .date]
      $0.require.notNull = ["id"]
      $0.rejects = atMost.map { FeedSettings.Rejects(atMost: $0) }
      change(&$0)
    }
  }

  private func rejected(_ rig: Rig, _ name: String) throws -> String {
    let folder = try #require(try rig.drops(.quarantine).first { $0.hasSuffix(".rejected") })
    return try rig.text(rig.spool.path(.quarantine, folder).appending(FileName(name)))
  }

  @Test(
    "Good rows are handed over byte for byte, bad ones lie in quarantine as they were, with a line for each that says why"
  )
  func split() throws {
    let rig = try rig()
    try rig.land("a.csv", Self.table)
    #expect(try rig.run().handedOver == 1)
    #expect(try rig.handed("a.csv") == "id,email,birth\n1,a@b.de,2001-02-03\n7,g@h.de,\n")
    #expect(
      try rejected(rig, "a.csv") == """
        id,email,birth
        2,nobody,2001-02-03
        3,"a ""b"" c",
        4,d@e.de,2001-02-31
        5,"two
        lines",
        6

        """)
    #expect(
      try rejected(rig, "a.csv.reasons.jsonl") == """
        {"row":2,"line":3,"column":2,"code":"bad_type"}
        {"row":3,"line":4,"column":2,"code":"bad_type"}
        {"row":4,"line":5,"column":3,"code":"bad_type"}
        {"row":5,"line":6,"column":2,"code":"bad_type"}
        {"row":6,"line":8,"column":2,"code":"column_count"}

        """)
    let id = try rig.drops(.archive)[0]
    #expect(
      try rig.text(rig.spool.path(.archive, id).appending("parts/a.csv")) == Self.table, "the archive has what came")
    let plan = try rig.plan(.archive, id)
    #expect(plan.rows == 7 && plan.parts[0].rejected == 5)
    let event = try #require(rig.events.first(.rowsRejected))
    #expect(event.message.contains("5 rows of 7") && event.fields[.path]?.hasSuffix("\(id).rejected") == true)
    #expect(!event.message.contains("nobody"))
    #expect(
      try rig.files.info(rig.spool.root.appending("rows")).map { _ in
        try rig.names(in: rig.spool.root.appending("rows"))
      } ?? [] == [])
    // The same content once more is a duplicate, whatever was left out of it.
    try rig.land("b.csv", Self.table)
    #expect(try rig.run().duplicates == 1)
  }

  @Test("Packed, marked and rewritten tables are split the same way", arguments: [false, true], ["\n", "\r\n"])
  func packed(isRewritten: Bool, end: String) throws {
    let rig = try rig {
      if isRewritten { $0.rewrite = FeedSettings.Rewrite() }
    }
    let text = "\u{feff}" + Self.table.replacing("\n", with: end)
    try rig.land("a.csv.gz", Sample.gzip(text))
    #expect(try rig.run().handedOver == 1)
    if isRewritten {
      #expect(try rig.handed("a.csv") == "id\temail\tbirth\n1\ta@b.de\t2001-02-03\n7\tg@h.de\t\n")
    } else {
      let bytes = try rig.files.contents(of: rig.settings.handover.appending("a.csv.gz"), limit: 1_000)
      try rig.land("again.csv.gz", bytes)
      #expect(bytes.starts(with: [0x1f, 0x8b]))
      rig.settings.require.types = [:]
      rig.settings.rejects = nil
      var rewrite = FeedSettings.Rewrite()
      rewrite.delimiter = UInt8(ascii: ",")
      rig.settings.rewrite = rewrite
      rig.engine.reload(rig.settings)
      #expect(try rig.run().handedOver == 1)
      #expect(try rig.handed("again.csv") == "id,email,birth\n1,a@b.de,2001-02-03\n7,g@h.de,\n")
    }
    #expect(try rejected(rig, "a.csv").contains("5,\"two" + end + "lines\","))
  }

  @Test(
    "Above the bound the whole drop is refused, and a release leaves the bad rows out",
    arguments: [
      FeedSettings.Rejects.Bound.rows(4), .share(7_000),
    ])
  func bound(atMost: FeedSettings.Rejects.Bound) throws {
    let rig = try rig(atMost: atMost)
    try rig.land("a.csv", Self.table)
    #expect(try rig.run().quarantined == 1)
    let id = try #require(DropID(try rig.drops(.quarantine)[0]))
    let reasons = try rig.reasons(.quarantine, id.description)
    #expect(reasons.map(\.code) == [.tooManyRejects, .badType, .badType, .badType, .badType, .columnCount])
    #expect(reasons[0].message == "5 bad rows of 7; rejects.at_most is \(atMost)")
    #expect(reasons[1].row == 2 && reasons[1].line == 3 && reasons[1].column == 2)
    #expect(reasons[1].message == "The value of “email” is not an e-mail address")
    #expect(try rig.handedOver.isEmpty)
    try rig.engine.release(id, by: Requester("j.doe", reason: "known"), at: rig.now)
    #expect(try rig.run(1).handedOver == 1)
    #expect(try rig.handed("a.csv") == "id,email,birth\n1,a@b.de,2001-02-03\n7,g@h.de,\n")
  }

  @Test("Without rejects one bad row refuses the drop")
  func strict() throws {
    let rig = try rig(atMost: nil)
    try rig.land("a.csv", "id,email,birth\n1,a@b.de,\n,a@b.de,\n")
    #expect(try rig.run().quarantined == 1)
    #expect(try rig.reasons(.quarantine, rig.drops(.quarantine)[0]).map(\.code) == [.missingValue])
  }

  @Test(
    "What breaks the table is no bad row",
    arguments: [
      "id,email,birth\n1,a@b.de,\n2,\"open,\n3,c@d.de,\n", "id,email\n1,a@b.de\n",
      "id,email,birth\n1,a@b.de,\n2,\u{0},\n",
    ])
  func broken(text: String) throws {
    let rig = try rig()
    try rig.land("a.csv", text)
    #expect(try rig.run().quarantined == 1)
    #expect(try rig.drops(.quarantine).count == 1)
  }

  @Test("Where no good row is left, nothing is handed over")
  func allBad() throws {
    let rig = try rig()
    try rig.land("a.csv", "id,email,birth\n1,x,\n2,y,\n")
    #expect(try rig.run().quarantined == 1)
    #expect(try rig.reasons(.quarantine, rig.drops(.quarantine)[0])[0].message.hasSuffix("none is left"))
  }

  private static let twice =
    "id,email,birth\n1,a@b.de,\n2,b@b.de,\n3,a@b.de,\n4,,\n5,,\n6,x,\n7,\"a@b.de\",2001-01-01\n"

  @Test(
    "Of rows with one key as many are kept as the feed says",
    arguments: [
      (FeedSettings.Unique.Keep.none, "2,b@b.de,\n4,,\n5,,\n"), (.first, "1,a@b.de,\n2,b@b.de,\n4,,\n5,,\n"),
      (.last, "2,b@b.de,\n4,,\n5,,\n7,\"a@b.de\",2001-01-01\n"),
    ])
  func unique(keep: FeedSettings.Unique.Keep, good: String) throws {
    let rig = try rig {
      $0.unique = FeedSettings.Unique(columns: ["email"])
      $0.unique?.keep = keep
    }
    try rig.land("a.csv", Self.twice)
    #expect(try rig.run().handedOver == 1)
    #expect(try rig.handed("a.csv") == "id,email,birth\n" + good)
    #expect(try rejected(rig, "a.csv.reasons.jsonl").contains("\"code\":\"duplicate_key\""))
  }

  @Test("Keys are compared over all parts of a set; without rejects any duplicate refuses it")
  func parts() throws {
    let rig = try rig(atMost: nil) { $0.unique = FeedSettings.Unique(columns: ["email"]) }
    try rig.land("a.csv", "id,email,birth\n1,a@b.de,\n")
    try rig.land("a_2.csv", "id,email,birth\n2,b@b.de,\n3,a@b.de,\n")
    #expect(try rig.run().quarantined == 1)
    let reasons = try rig.reasons(.quarantine, rig.drops(.quarantine)[0])
    #expect(reasons.map(\.code) == [.duplicateKey, .duplicateKey])
    #expect(reasons.map { $0.part?.description } == ["a.csv", "a_2.csv"] && reasons.map(\.row) == [1, 2])
    rig.settings.rejects = FeedSettings.Rejects(atMost: .share(5_000))
    rig.settings.unique?.keep = .last
    rig.engine.reload(rig.settings)
    try rig.engine.retry(try #require(DropID(rig.drops(.quarantine)[0])), at: rig.now)
    #expect(try rig.run(1).handedOver == 1)
    #expect(try rig.handed("a.csv") == "id,email,birth\n")
    #expect(try rig.handed("a_2.csv") == "id,email,birth\n2,b@b.de,\n3,a@b.de,\n")
  }

  @Test("Cells are read as the quotes of the table have it")
  func escapes() throws {
    let rig = try rig { $0.require.length = ["id": 5] }
    try rig.land("a.csv", "id,email,birth\n\"a\\\"b,c\",a@b.de,\n\"a\\\"b,cd\",b@b.de,\n")
    #expect(try rig.run().handedOver == 1)
    #expect(try rig.handed("a.csv") == "id,email,birth\n\"a\\\"b,c\",a@b.de,\n")
  }

  @Test("Which rows are bad outlives neither a restart nor a wait: they are looked for again")
  func restart() throws {
    let rig = try rig { $0.collision = .fail }
    try rig.put(rig.settings.handover.appending("a.csv"), [])
    try rig.land("a.csv", Self.table)
    #expect(try rig.run().held == 1)
    try rig.files.remove(rig.settings.handover.appending("a.csv"))
    let id = try #require(DropID(try rig.drops(.held)[0]))
    rig.restart()
    try rig.engine.retry(id, at: rig.now)
    #expect(try rig.run(1).handedOver == 1)
    #expect(try rig.handed("a.csv") == "id,email,birth\n1,a@b.de,2001-02-03\n7,g@h.de,\n")
  }

  @Test("Bad rows go with quarantine.keep, and with a purge of their drop")
  func gone() throws {
    let rig = try rig { $0.quarantineKeep = .seconds(86_400) }
    try rig.land("a.csv", Self.table)
    try rig.run()
    #expect(try rig.drops(.quarantine).count == 1)
    let id = try #require(DropID(try rig.drops(.archive)[0]))
    try rig.engine.purge(id, by: Requester("j.doe", reason: "asked"), at: rig.now)
    #expect(try rig.drops(.quarantine).isEmpty)
    try rig.land("b.csv", Self.table + "8,h@i.de,\n")
    try rig.run()
    #expect(try rig.drops(.quarantine).count == 1)
    rig.pass(.seconds(2 * 86_400))
    try rig.run()
    #expect(try rig.drops(.quarantine).isEmpty)
  }
}
