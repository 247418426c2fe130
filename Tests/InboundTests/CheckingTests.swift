import Config
import Core
import Files
import Inbound
import Ledger
import Spool
import SystemPackage
import Testing

@testable import FeedKit

@Suite("What is refused, held, or kept back")
struct CheckingTests {
  @Test("A bad file is in quarantine, whole, with its reasons, and is never seen in the hand-over folder")
  func quarantine() throws {
    let rig = try Rig(.landingElsewhere)
    try rig.land("bad.csv", Sample.crooked)
    #expect(try rig.run().quarantined == 1)
    #expect(try rig.handedOver.isEmpty && rig.landed.isEmpty)
    let id = try #require(try rig.drops(.quarantine).first)
    let reason = try rig.reasons(.quarantine, id)[0]
    #expect(reason.code == .columnCount && reason.row == 2 && reason.part == FileName("bad.csv"))
    #expect(try rig.text(rig.spool.path(.quarantine, id).appending("parts/bad.csv")) == Sample.crooked)
    #expect(try rig.record(id)?.outcome == .quarantined)
    let event = try #require(rig.events.first(.dropQuarantined))
    #expect(event.fields[.reason] == "column_count" && event.fields[.drop] == id)
    #expect(try rig.run(3).quarantined == 0)
  }

  @Test(
    "What cannot be a table is refused",
    arguments: [
      ([UInt8](), Reason.Code.empty), (Array("id,email\n".utf8), .headerOnly),
      ([0x50, 0x4b, 3, 4, 0, 0], .notText), (Array("-----BEGIN PGP MESSAGE-----\n".utf8), .encrypted),
      (Array("id\n1\0\n".utf8), .nulByte), (Array(Sample.gzip(Sample.table).dropLast(3)), .gzipTruncated),
    ])
  func refused(bytes: [UInt8], code: Reason.Code) throws {
    let rig = try Rig()
    try rig.land("a.csv", bytes)
    #expect(try rig.run().quarantined == 1)
    #expect(try rig.reasons(.quarantine, rig.drops(.quarantine)[0]).map(\.code) == [code])
  }

  @Test("A packed file is checked inside and handed over as it came")
  func gzip() throws {
    let rig = try Rig()
    let bytes = Sample.gzip(Sample.table)
    try rig.land("a.csv.gz", bytes)
    try rig.run()
    #expect(try rig.files.contents(of: rig.settings.handover.appending("a.csv.gz"), limit: 1000) == bytes)
    #expect(try rig.plan(.archive, rig.drops(.archive)[0]).rows == 3)
  }

  @Test("Empty drops: archive")
  func emptyArchive() throws {
    let rig = try Rig { $0.require.empty = .archive }
    try rig.land("a.csv", "id,email\n")
    #expect(try rig.run().archived == 1)
    #expect(try rig.handedOver.isEmpty)
    let record = try #require(try rig.record(rig.drops(.archive)[0]))
    #expect(record.outcome == .archived && record.handedOverAt == nil)
    #expect(rig.events.count(.feedEmpty) == 1)
  }

  @Test("Empty drops: deliver")
  func emptyDeliver() throws {
    let rig = try Rig { $0.require.empty = .deliver }
    try rig.land("a.csv", "")
    #expect(try rig.run().handedOver == 1)
    #expect(try rig.handed("a.csv") == "")
  }

  @Test("Required columns")
  func columns() throws {
    let rig = try Rig { $0.require.columns = ["email", "status"] }
    try rig.land("a.csv", Sample.table)
    #expect(try rig.run().quarantined == 1)
    #expect(try rig.reasons(.quarantine, rig.drops(.quarantine).first ?? "")[0].code == .missingColumn)
  }

  @Test("The same content again: skip archives it")
  func duplicateSkip() throws {
    let rig = try Rig()
    try rig.land("a.csv", Sample.table)
    try rig.run()
    try rig.land("b.csv", Sample.table)
    #expect(try rig.run().duplicates == 1)
    #expect(try rig.handedOver == ["a.csv"])
    #expect(try rig.drops(.archive).count == 2)
    #expect(rig.events.count(.dropDuplicate) == 1)
  }

  @Test("Twins that arrive together are one delivery")
  func twins() throws {
    let rig = try Rig()
    for name in ["a.csv", "b.csv", "c.csv"] { try rig.land(name, Sample.table) }
    let summary = try rig.run()
    #expect(summary.handedOver == 1 && summary.duplicates == 2)
    #expect(try rig.handedOver.count == 1)
  }

  @Test("The same content again: quarantine, and deliver")
  func duplicatePolicies() throws {
    let strict = try Rig { $0.duplicates = .quarantine }
    try strict.land("a.csv", Sample.table)
    try strict.land("b.csv", Sample.table)
    let summary = try strict.run()
    #expect(summary.handedOver == 1 && summary.quarantined == 1)
    #expect(try strict.reasons(.quarantine, strict.drops(.quarantine).first ?? "")[0].code == .duplicate)
    let easy = try Rig { $0.duplicates = .deliver }
    try easy.land("a.csv", Sample.table)
    try easy.land("b.csv", Sample.table)
    #expect(try easy.run().handedOver == 2)
  }

  @Test("A packed file and one with a byte order mark are duplicates of the plain one, and the other way round")
  func duplicateText() throws {
    let mark: [UInt8] = [0xef, 0xbb, 0xbf]
    let kinds = [Array(Sample.table.utf8), Sample.gzip(Sample.table), mark + Array(Sample.table.utf8)]
    for first in kinds.indices {
      let rig = try Rig()
      try rig.land("a.csv", kinds[first])
      #expect(try rig.run().handedOver == 1)
      for (number, bytes) in kinds.enumerated() { try rig.land("b\(number).csv", bytes) }
      #expect(try rig.run().duplicates == 3)
      rig.restart(ledger: try Ledger(path: nil))
      for (number, bytes) in kinds.enumerated() { try rig.land("c\(number).csv", bytes) }
      #expect(try rig.run().duplicates == 3, "a ledger made anew knows it as well")
      try rig.land("other.csv.gz", Sample.gzip(Sample.other))
      #expect(try rig.run().handedOver == 1)
    }
    let together = try Rig()
    for (number, bytes) in kinds.enumerated() { try together.land("d\(number).csv", bytes) }
    let summary = try together.run()
    #expect(summary.handedOver == 1 && summary.duplicates == 2)
  }

  @Test("What version 0.1 knew of a packed file makes its twin a duplicate still")
  func duplicateOfBefore() throws {
    let rig = try Rig()
    try rig.land("a.csv.gz", Sample.gzip(Sample.table))
    try rig.run()
    let plan = try rig.plan(.archive, rig.drops(.archive)[0])
    try rig.ledger.transact("before") { (t) throws(LedgerFault) in
      try t.drops.noteOutcome(plan.id, .accepted, content: plan.parts[0].sha256, rows: 3, at: rig.wall)
    }
    try rig.land("b.csv.gz", Sample.gzip(Sample.table))
    #expect(try rig.run().duplicates == 1)
  }

  @Test("What was refused does not make its twin a duplicate")
  func refusedTwin() throws {
    let rig = try Rig()
    try rig.land("a.csv", Sample.crooked)
    try rig.run()
    try rig.land("b.csv", Sample.crooked)
    let summary = try rig.run()
    #expect(summary.duplicates == 0 && summary.quarantined == 1)
  }

  @Test("A doubtful drop is held")
  func doubtful() throws {
    let rig = try Rig()
    // Two rows, or one with a quote and a line break in it.
    try rig.land("a.csv", "a\n\"x\\\"\ny\"\n")
    #expect(try rig.run().held == 1)
    #expect(try rig.reasons(.held, rig.drops(.held).first ?? "")[0].code == .ambiguousEscape)
    #expect(try rig.handedOver.isEmpty)
  }

  @Test("Lines that end in CR alone are no empty drop, whatever becomes of those; said outright, they are rewritten")
  func lineEnds() throws {
    let rig = try Rig { $0.require.empty = .archive }
    let text = "id,email\r1,a\r2,b\r"
    try rig.land("a.csv", text)
    #expect(try rig.run().quarantined == 1)
    #expect(try rig.reasons(.quarantine, rig.drops(.quarantine)[0]).map(\.code) == [.lineEnd])
    rig.settings.format.lineEnd = .cr
    rig.settings.rewrite = FeedSettings.Rewrite()
    rig.engine.reload(rig.settings)
    try rig.land("b.csv", text)
    #expect(try rig.run().handedOver == 1)
    #expect(try rig.handed("b.csv") == "id\temail\n1\ta\n2\tb\n")
  }

  @Test("A drop with an override passes, whatever was found")
  func override() throws {
    let rig = try Rig()
    try rig.land("a.csv", Sample.crooked)
    try rig.run()
    let id = try rig.drops(.quarantine)[0]
    try rig.put(rig.spool.path(.quarantine, id).appending(DropPlan.overrideName), Array("{}\n".utf8))
    try rig.spool.move([id], from: .quarantine, to: .claimed)
    #expect(try rig.run().handedOver == 1)
    #expect(try rig.handed("a.csv") == Sample.crooked)
    #expect(try rig.record(id)?.outcome == .accepted)
  }

  @Test("A check stops when asked, at any question; the drop stays, and a later pass takes it on")
  func stopped() throws {
    for patience in 0..<30 {
      let rig = try Rig()
      let rows = (0..<25_000).map { "\($0),abcdef" }.joined(separator: "\n")
      try rig.land("a.csv", "id,text\n" + rows + "\n")
      try rig.run(1)
      let asked = Counter()
      let summary = try rig.run(1) { asked.next() > patience }
      if summary.handedOver == 1 {
        #expect(patience > 8, "it was asked between the phases and between the reads")
        return
      }
      #expect(summary.wasStopped)
      #expect(try rig.handedOver.isEmpty)
      #expect(try rig.run().handedOver == 1)
    }
    Issue.record("thirty questions are more than one pass asks")
  }

  @Test("A disk that fails to read is asked again; a drop that it never reads is held, and the others go on")
  func failingReads() throws {
    for heals in [true, false] {
      let disk = TouchyFiles()
      let rig = try Rig(files: disk)
      try rig.land("a.csv", Sample.table)
      try rig.run(1)
      disk.refuse(.open, below: rig.spool.path(.claimed), .io)
      try rig.run(1)
      let id = try #require(try rig.drops(.claimed).first)
      disk.allow()
      if !heals { disk.refuse(.open, below: rig.spool.path(.claimed, id).appending(DropPlan.partsName), .io) }
      try rig.land("b.csv", Sample.other)
      for _ in 0..<8 {
        rig.pass(.seconds(10))
        try rig.run(1)
      }
      #expect(try rig.handedOver == (heals ? ["a.csv", "b.csv"] : ["b.csv"]))
      #expect(try rig.drops(.held) == (heals ? [] : [id]))
      if !heals { #expect(try rig.reasons(.held, id)[0].code == .unreadable) }
    }
  }

  @Test("A drop without a readable plan is set aside, and the others go on")
  func damagedPlan() throws {
    let rig = try Rig()
    try rig.run(1)
    let id = DropID(seen: rig.wall, salt: 0xabcdef)
    try rig.files.makeDirectory(rig.spool.path(.claimed, id), mode: .stateDirectory)
    try rig.put(rig.spool.path(.claimed, id).appending(DropPlan.fileName), Array("not json".utf8))
    try rig.land("a.csv", Sample.table)
    let summary = try rig.run()
    #expect(summary.damaged == 1 && summary.handedOver == 1)
    #expect(try rig.reasons(.damaged, id.description)[0].code == .damaged)
    #expect(rig.events.count(.dropDamaged) == 1)
  }

  @Test("A drop on its way to the hand-over folder whose plan forgot the names is set aside: no name is made up")
  func namelessPlan() throws {
    let rig = try Rig()
    try rig.run(1)
    let id = DropID(seen: rig.wall, salt: 0xabcdef)
    let part = DropPart(name: "a.csv", landing: "/landing", size: 12, inode: 7, changed: 7)
    let plan = DropPlan(id: id, feed: rig.settings.name, seenAt: rig.wall, parts: [part])
    try rig.files.makeDirectory(rig.spool.path(.handover, id), mode: .stateDirectory)
    try rig.files.writePlan(plan, to: rig.spool.path(.handover, id).appending(DropPlan.fileName))
    try rig.land("b.csv", Sample.table)
    let summary = try rig.run()
    #expect(summary.damaged == 1 && summary.handedOver == 1)
    #expect(try rig.handedOver == ["b.csv"])
    #expect(try rig.reasons(.damaged, id.description)[0].message.contains("under which names"))
  }
}
