import Config
import Core
import Files
import Formats
import SystemPackage
import Testing

@testable import Inbound

@Suite("Decisions of the inbound lane")
struct InboundPlanTests {
  @Test(
    "Unfinished files never count",
    arguments: [
      ".hidden", "a.part", "a.csv.PART", "a.tmp", "a.temp", "a.filepart", "a.crdownload", ".a.swp", "a.swp",
      "a.writing",
      "a.csv~", "~a.csv", "",
    ])
  func unfinished(name: String) { #expect(LandingFilter.isUnfinished(FileName(name))) }

  @Test("Others do", arguments: ["a.csv", "part", "tmp.csv", "a.parts", "-a.csv", "ä b.txt", "a~b.csv"])
  func finished(name: String) { #expect(!LandingFilter.isUnfinished(FileName(name))) }

  @Test("include and exclude are patterns, and a name need not be UTF-8")
  func filter() {
    var settings = FeedSettings(name: FeedName("f")!, landing: "/l", handover: "/h")
    settings.include = ["*.csv", "*.txt"]
    settings.exclude = ["test-*"]
    let filter = LandingFilter(settings)
    #expect(filter.kind(of: FileName("a.csv")) != nil)
    #expect(filter.kind(of: FileName(bytes: [0xff, 0xfe] + Array(".txt".utf8))) != nil)
    #expect(filter.kind(of: FileName("a.xml")) == nil)
    #expect(filter.kind(of: FileName("test-a.csv")) == nil)
    #expect(filter.kind(of: FileName("a.csv.part")) == nil)
  }

  @Test(
    "A taken name gets a number before its extension",
    arguments: [
      ("x.csv", "x-2.csv"), ("x", "x-2"), ("x.csv.gz", "x-2.csv.gz"), (".x", ".x-2"), ("a.b.csv", "a.b-2.csv"),
      ("x.gz", "x-2.gz"),
    ])
  func number(name: String, expected: String) { #expect(numbered(FileName(name), 2) == FileName(expected)) }

  @Test("A numbered name fits the kernel's bound, and is not cut within a character")
  func longName() {
    let result = numbered(FileName(String(repeating: "ä", count: 125) + ".csv"), 12)
    #expect(result.bytes.count <= 255)
    #expect(result.plain?.hasSuffix("-12.csv") == true)
    #expect(result.plain?.hasPrefix("ää") == true)
  }

  private func finding(_ reasons: [Reason.Code], doubtful: [Reason.Code] = [], size: UInt64 = 5) -> PartFinding {
    var inspector = TableInspector(rules: TableRules())
    var inspection = inspector.finish()
    inspection.rawBytes = 5
    inspection.reasons = reasons.map { Reason($0, "because") }
    inspection.doubtful = doubtful.map { Reason($0, "because") }
    let part = DropPart(name: FileName("a"), landing: "/l", size: size, inode: 1, changed: 1)
    return PartFinding(part: part, inspection: inspection)
  }

  @Test("A sound drop is accepted, a broken one refused, a doubtful one held, a released one accepted")
  func verdicts() {
    let require = FeedSettings.Require()
    #expect(judge([finding([])], require, nil) == .accepted)
    #expect(judge([finding([.columnCount])], require, nil).outcome == .quarantined)
    #expect(judge([finding([]), finding([.nulByte])], require, nil).outcome == .quarantined)
    #expect(judge([finding([], doubtful: [.ambiguousEscape])], require, nil).outcome == .held)
    #expect(judge([finding([], size: 4)], require, nil).outcome == .held)
    #expect(judge([finding([.columnCount])], require, Override()) == .accepted)
  }

  @Test("All that is found is listed: the first of each kind, however many there are of others")
  func listing() {
    let many = finding([Reason.Code](repeating: .columnCount, count: Limits.reasons))
    let verdict = judge([many, many, finding([.rowTooLong], doubtful: [.ambiguousEscape])], .init(), nil)
    #expect(verdict.reasons.count == Limits.reasons + 2)
    #expect(verdict.reasons.suffix(2).map(\.code) == [.rowTooLong, .ambiguousEscape])
    let override = Override(passes: Array(Set(verdict.reasons.map(\.code))))
    #expect(judge([many, many, finding([.rowTooLong], doubtful: [.ambiguousEscape])], .init(), override) == .accepted)
    #expect(judge([finding([.unwritable, .columnCount])], .init(), Override()).reasons.map(\.code) == [.unwritable])
  }

  @Test("An empty drop goes where the feed wants it")
  func empty() {
    var require = FeedSettings.Require()
    #expect(judge([finding([.headerOnly])], require, nil).outcome == .quarantined)
    require.empty = .archive
    #expect(judge([finding([.empty])], require, nil).outcome == .archived)
    require.empty = .deliver
    #expect(judge([finding([.headerOnly])], require, nil) == .accepted)
    #expect(judge([finding([.headerOnly, .missingColumn])], require, nil).outcome == .quarantined)
  }

  @Test("A sweep takes what is too old, then the oldest of what is too much, never the last day's for its size")
  func sweep() {
    let now = Timestamp(seconds: 100 * 86_400)
    func kept(_ days: Int64, _ bytes: UInt64) -> KeptDrop {
      let since = Timestamp(seconds: (100 - days) * 86_400)
      return KeptDrop(id: DropID(seen: since, salt: UInt32(days)), since: since, bytes: bytes)
    }
    let drops = [kept(0, 50), kept(2, 30), kept(10, 30), kept(40, 30)]
    func swept(keep: Int64, _ maxBytes: UInt64?) -> [KeptDrop] {
      var look = KeptDrops()
      for drop in drops { look.add(drop) }
      return look.sweepable(keep: .seconds(keep * 86_400), maxBytes: maxBytes, at: now)
    }
    #expect(swept(keep: 30, nil) == [drops[3]])
    #expect(swept(keep: 30, 110) == [drops[3]])
    #expect(swept(keep: 30, 100) == [drops[3], drops[2]])
    #expect(swept(keep: 30, 10) == [drops[3], drops[2], drops[1]])
    #expect(swept(keep: 50, nil).isEmpty)
  }

  @Test("A look at a place that holds more than memory should finds the oldest, and counts the bytes of all")
  func boundedSweep() {
    let now = Timestamp(seconds: 1_000 * 86_400)
    var look = KeptDrops(limit: 3)
    for days in (2...200).shuffled() {
      let since = Timestamp(seconds: (1_000 - Int64(days)) * 86_400)
      look.add(KeptDrop(id: DropID(seen: since, salt: UInt32(days)), since: since, bytes: 10))
    }
    let (long, short) = (Duration.seconds(1_000 * 86_400), Duration.seconds(198 * 86_400))
    func salts(_ swept: [KeptDrop]) -> [String] { swept.map { String($0.id.description.suffix(2)) } }
    #expect(salts(look.sweepable(keep: long, maxBytes: 1_980, at: now)) == ["c8"])
    #expect(salts(look.sweepable(keep: long, maxBytes: 0, at: now)) == ["c8", "c7", "c6"])
    #expect(salts(look.sweepable(keep: short, maxBytes: nil, at: now)) == ["c8", "c7"])
  }

  @Test("The content of a drop does not depend on names")
  func content() {
    let start = Timestamp(seconds: 0)
    var plan = DropPlan(id: DropID(seen: start, salt: 1), feed: FeedName("f")!, seenAt: start, parts: [])
    #expect(contentDigest(plan) == nil)
    plan.parts = [DropPart(name: FileName("a"), landing: "/", size: 1, inode: 1, changed: 1)]
    #expect(contentDigest(plan) == nil)
    let digest = DigestHasher.digest(of: [1])
    plan.parts[0].sha256 = digest
    #expect(contentDigest(plan) == digest)
    plan.parts.append(plan.parts[0])
    #expect(contentDigest(plan) != digest)
  }
}
