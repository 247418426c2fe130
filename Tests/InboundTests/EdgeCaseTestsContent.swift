import Config
import Core
import Files
import Formats
import Glibc
import Inbound
import Journal
import Ledger
import SystemPackage
import Testing

@testable import FeedKit

/// The edge cases of what arrived, by their numbers in the fact sheet: 10 to 18.
@Suite("Edge cases of contents and folders")
struct EdgeCaseTestsContent {
  private static let export = "acc_segment12341e18-abcd-49c2-836d-123c88e76c39_2026031206051"

  // MARK: 10

  @Test(
    "10: a full file where an incremental one is the rule is held, and the reverse", arguments: [(100, 3), (3, 100)])
  func rowJump(before: Int, after: Int) throws {
    let rig = try Rig { $0.require.rowChange = 50 }
    func table(_ rows: Int) -> String { "id\n" + (0..<rows).map { "\(before)\($0)\n" }.joined() }
    try rig.land("a.csv", table(before))
    try rig.run()
    try rig.land("b.csv", table(after))
    #expect(try rig.run().held == 1)
    #expect(try rig.reasons(.held, rig.drops(.held)[0])[0].code == .rowsChanged)
    #expect(try rig.handedOver == ["a.csv"])
  }

  // MARK: 11

  @Test("11: an export without the status of its members is told once for its feed, also across restarts")
  func leavers() throws {
    let rig = try Rig()
    try rig.land("plain.csv", "id,email\n0,x\n")
    try rig.run()
    #expect(rig.events.count(.leaversAbsent) == 0, "it is no audience of AEP's")
    for number in 1...2 {
      try rig.land("\(Self.export)\(number).csv", "id,email\n\(number),x\n")
      try rig.run()
      rig.restart()
    }
    #expect(rig.events.count(.leaversAbsent) == 1)
    #expect(try rig.handedOver.count == 3, "it goes its way all the same")
    let mapped = try Rig()
    try mapped.land("\(Self.export)3.csv", "id,segmentMembership.ups.12341e18.status\n1,exited\n")
    try mapped.run()
    #expect(mapped.events.count(.leaversAbsent) == 0)
  }

  // MARK: 12

  @Test("12: another delimiter or header than the feed's last is held, where the feed remembers them")
  func drift() throws {
    let rig = try Rig { $0.require.rememberColumns = true }
    for (number, text) in ["id,email\n1,a\n", "id;email\n2;b\n", "email,id\nc,3\n"].enumerated() {
      try rig.land("\(number).csv", text)
      try rig.run()
    }
    #expect(try rig.handedOver == ["0.csv"] && rig.drops(.held).count == 2)
    for id in try rig.drops(.held) { #expect(try rig.reasons(.held, id)[0].code == .columnsChanged) }
  }

  struct Dialect: Sendable {
    let what: String
    let bytes: [UInt8]
    var rows = 1
    var set: @Sendable (inout FeedSettings) -> Void = { _ in }
  }

  private static let dialects = [
    Dialect(what: "Spark's escapes", bytes: Array(#"id,name\#n1,"Rossi \"Lia\""\#n"#.utf8)),
    Dialect(what: "doubled quotes", bytes: Array("id,name\n1,\"Rossi \"\"Lia\"\"\"\n".utf8)),
    Dialect(what: "a line break in quotes", bytes: Array("id,name\n1,\"a\nb\"\n".utf8)),
    Dialect(what: "a BOM, CRLF and no line end at the end", bytes: [0xef, 0xbb, 0xbf] + Array("id,name\r\n1,a".utf8)),
    Dialect(what: "NULL and null", bytes: Array("id,name\nNULL,null\n".utf8)),
    Dialect(what: "NUL for quotes", bytes: Array("id,name\n\u{0}1,x\u{0},a\n".utf8)) { $0.format.quote = 0 },
    Dialect(
      what: "UTF-16 with its mark",
      bytes: [0xff, 0xfe] + "id,näme\n1,ö\n".utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
    ) { $0.format.encoding = .utf16 },
  ]

  @Test("12: what exports look like is read, and handed over as it came", arguments: dialects.indices)
  func dialect(index: Int) throws {
    let dialect = Self.dialects[index]
    let rig = try Rig { dialect.set(&$0) }
    try rig.land("a.csv", dialect.bytes)
    #expect(try rig.run().handedOver == 1, "\(dialect.what)")
    #expect(try rig.plan(.archive, rig.drops(.archive)[0]).rows == dialect.rows, "\(dialect.what)")
    #expect(try rig.files.contents(of: rig.settings.handover.appending("a.csv"), limit: 1 << 20) == dialect.bytes)
  }

  @Test(
    "12: mixed escapes that can be read in two ways are held; a NUL that is no quote, and UTF-16 unasked, are refused")
  func mixed() throws {
    let rig = try Rig()
    try rig.land("mixed.csv", "a\n\"x\\\"\ny\"\n")
    try rig.land("nul.csv", "a,b\n1,\u{0}\n")
    try rig.land("wide.csv", [0xff, 0xfe] + "id\n1\n".utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] })
    let summary = try rig.run()
    #expect(summary.held == 1 && summary.quarantined == 2 && summary.handedOver == 0)
  }

  // MARK: 13

  @Test("13: names keep every byte: accents, blanks, 255 bytes, a leading dash, a quote, a percent sign")
  func names() throws {
    let rig = try Rig()
    let names = [
      "Été à Paris – VIP.csv", "-rf.csv", "a'b\"c.csv", "100%.csv", "日本.csv",
      String(repeating: "x", count: 251) + ".csv",
      "two  blanks .csv",
    ]
    for (number, name) in names.enumerated() { try rig.land(name, "id\n\(number)\n") }
    try rig.land(".hidden.csv", Sample.table)
    try rig.run()
    #expect(Set(try rig.files.list(rig.settings.handover)) == Set(names.map { FileName($0) }))
    #expect(try rig.landed == [".hidden.csv"])
  }

  @Test("13: a folder that comes together with its first file, and deeper ones, are looked into")
  func folders() throws {
    let rig = try Rig { $0.recursive = true }
    let deep = rig.settings.landing.appending("Lapsed VIP/2026")
    try rig.files.ensureDirectory(deep)
    try rig.put(deep.appending("a.csv"), Array(Sample.table.utf8))
    let summary = try rig.run(1)
    #expect(try rig.engine.pass(at: rig.now).folders.contains(deep), "it is to be watched, too")
    #expect(summary.settling == 1)
    try rig.run(2)
    #expect(try rig.handedOver == ["a.csv"] && rig.names(in: deep).isEmpty)
  }

  // MARK: 14

  @Test("14: a manifest alone, data without it, one of another run, and one that the data's pattern matches")
  func manifests() throws {
    let name = "manifest-5b0c77e1-3f7a-4f0e-9a43-0d1b6a1f2c88-c2f4a9d0-6b1e-4d27-8f35-91ab07de4455.json"
    let alone = try Rig { $0.timeout = .seconds(60) }
    try alone.land(name, CompletenessTests.manifest([("a.csv", 5)]))
    try alone.run(2)
    alone.pass(.seconds(61))
    #expect(try alone.run(1).quarantined == 1)
    let without = try Rig { ($0.timeout, $0.manifest) = (.seconds(60), .required) }
    try without.land("a.csv", Sample.table)
    try without.run(2)
    without.pass(.seconds(61))
    #expect(try without.run(1).quarantined == 1)
    let other = try Rig { $0.timeout = .seconds(60) }
    try other.land("a.csv", Sample.table)
    try other.land(name, CompletenessTests.manifest([("a.csv", 999)]))
    try other.run(3)
    #expect(try other.handedOver.isEmpty && other.drops(.quarantine).isEmpty)
    let matched = try Rig { $0.include = ["*"] }
    try matched.land("a.csv", Sample.table)
    try matched.land(name, CompletenessTests.manifest([("a.csv", Sample.table.utf8.count)]))
    try matched.run(3)
    #expect(try matched.handedOver == ["a.csv"])
    for rig in [alone, without, other] { #expect(try rig.handedOver.isEmpty) }
  }

  // MARK: 15

  @Test("15: an encrypted file is known by its bytes, whatever its name, refused, and passed on where a person says so")
  func encrypted() throws {
    let rig = try Rig()
    // A public-key encrypted session key packet, version 3, and armour.
    try rig.land("binary.csv", [0x85, 0x01, 0x0c, 0x03] + [UInt8](repeating: 0xa5, count: 300))
    try rig.land("armoured.csv.gpg", "-----BEGIN PGP MESSAGE-----\n\nhQEMA6Wl\n=abcd\n-----END PGP MESSAGE-----\n")
    #expect(try rig.run().quarantined == 2)
    let refused = try rig.drops(.quarantine)
    for id in refused { #expect(try rig.reasons(.quarantine, id).map(\.code) == [.encrypted]) }
    #expect(try rig.handedOver.isEmpty)
    let asker = Requester("j.doe", reason: "Campaign decrypts it")
    for id in refused { try rig.engine.release(try #require(DropID(id)), by: asker, at: rig.now) }
    #expect(try rig.run(1).handedOver == 2)
    #expect(try rig.handedOver == ["armoured.csv.gpg", "binary.csv"])
  }

  // MARK: 16

  @Test("16: a file that a full volume cut off is refused; one that is compressed in place is one drop, not two")
  func volume() throws {
    let rig = try Rig()
    try rig.land("cut.csv.gz", Array(Sample.gzip(Sample.table).prefix(20)))
    try rig.land("a.csv", Sample.other)
    try rig.run(1)
    // What gzip does: a new file beside it, then the old one goes.
    try rig.land("a.csv.gz", Sample.gzip(Sample.other))
    try rig.files.remove(rig.settings.landing.appending("a.csv"))
    let summary = try rig.run(3)
    #expect(summary.quarantined == 1 && summary.handedOver == 1)
    #expect(try rig.handedOver == ["a.csv.gz"])
  }

  @Test("16: a file that is compressed under its own name while it is copied is taken as what it became")
  func compressedUnderUs() throws {
    let disk = TouchyFiles()
    let rig = try Rig(files: disk)
    let path = rig.settings.landing.appending("a.csv")
    disk.mount(rig.settings.landing)
    try rig.land("a.csv", Sample.table)
    try rig.run(1)
    disk.afterCopy { _ in
      let packed = Sample.gzip(Sample.table)
      _ = unlink(path.string)
      guard let file = fopen(path.string, "w") else { return }
      fwrite(packed, 1, packed.count, file)
      fclose(file)
    }
    try rig.run(1)
    #expect(try rig.drops(.claimed).isEmpty && rig.handedOver.isEmpty && rig.landed == ["a.csv"])
    try rig.run(2)
    #expect(
      try rig.files.contents(of: rig.settings.handover.appending("a.csv"), limit: 1 << 20) == Sample.gzip(Sample.table))
    #expect(rig.events.count(.dropSeen) == 1)
  }

  @Test("16: a landing folder that we may not write in stops the feed with the reason; nothing is handed over twice")
  func noWrite() throws {
    let disk = TouchyFiles()
    let rig = try Rig(files: disk) { $0.duplicates = .deliver }
    disk.mount(rig.settings.landing)
    try rig.land("a.csv", Sample.table)
    disk.refuse(.move, below: rig.settings.landing, .denied)
    let summary = try rig.run(4)
    #expect(summary.trouble?.contains("Cannot move") == true)
    #expect(try rig.handedOver.isEmpty && rig.landed == ["a.csv"])
    #expect(rig.events.count(.lanePaused) == 1)
    disk.allow()
    rig.pass(.seconds(60))
    try rig.run(3)
    #expect(try rig.handedOver == ["a.csv"] && rig.landed.isEmpty)
    #expect(rig.events.count(.dropSeen) == 1)
  }

  @Test("16: a state volume without room takes nothing over, and goes on by itself")
  func fullDisk() throws {
    let disk = TouchyFiles()
    let rig = try Rig(files: disk, minFree: 1_000)
    try rig.land("a.csv", Sample.table)
    disk.setFree(999)
    try rig.run(3)
    #expect(try rig.landed == ["a.csv"] && rig.handedOver.isEmpty)
    #expect(rig.events.count(.diskLow) == 1)
    disk.setFree(nil)
    rig.pass(.seconds(60))
    #expect(try rig.run(2).handedOver == 1)
  }

  // MARK: 17

  @Test(
    "17: between file systems a drop is copied beside its final name, then renamed",
    arguments: [
      Rig.Layout.landingElsewhere, .handoverElsewhere,
    ])
  func otherFileSystem(layout: Rig.Layout) throws {
    let rig = try Rig(layout)
    let (one, other) = (try rig.files.info(rig.settings.landing), try rig.files.info(rig.settings.handover))
    #expect(one?.device != other?.device)
    try rig.land("a.csv", Sample.table)
    try rig.run()
    #expect(try rig.handed("a.csv") == Sample.table && rig.handedOver == ["a.csv"] && rig.landed.isEmpty)
  }

  // MARK: 18

  @Test("18: a hand-over name is new, keeps its ending for the collector's filter, and matches once")
  func namesOfHandOver() throws {
    let rig = try Rig()
    for number in 1...3 {
      try rig.land("audience.csv.gz", Sample.gzip("id\n\(number)\n"))
      try rig.run()
    }
    let names = try rig.handedOver
    #expect(names.count == 3 && names.allSatisfy { $0.hasSuffix(".csv.gz") && !$0.hasPrefix(".") })
    let collector = Glob("*.csv*")
    #expect(names.filter { collector.matches(Array($0.utf8)) }.count == 3)
    #expect(!LandingName.isSeen(".20260312T060000Z-000001.0.part"), "what is not whole yet matches no filter")
  }

  private enum LandingName {
    /// A shell's `*`, and Campaign's, pass over hidden names.
    static func isSeen(_ name: String) -> Bool { !name.hasPrefix(".") }
  }
}
