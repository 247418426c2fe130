import Config
import Core
import Files
import Glibc
import Inbound
import Journal
import Ledger
import SystemPackage
import Testing

@testable import FeedKit

/// The edge cases of an arrival, by their numbers in the fact sheet on the AEP-to-Campaign hand-off: 1 to 9.
@Suite("Edge cases of arrivals")
struct EdgeCaseTests {
  // MARK: 1

  @Test("1: a writer that dies leaves a file that is at rest and not whole: it is refused, whatever form it has")
  func writerDies() throws {
    let rig = try Rig()
    try rig.land("packed.csv.gz", Array(Sample.gzip(Sample.table).dropLast(7)))
    try rig.land("plain.csv", "id,email\n1,a\n2")
    try rig.land("quoted.csv", "id,email\n1,\"a\n")
    #expect(try rig.run().quarantined == 3)
    #expect(try rig.handedOver.isEmpty)
    let codes = try rig.drops(.quarantine).map { try rig.reasons(.quarantine, $0)[0].code }
    #expect(Set(codes) == [.gzipTruncated, .columnCount, .openQuote])
  }

  @Test("1: a writer that dies half-way and comes back is one drop, whole")
  func writerComesBack() throws {
    let rig = try Rig()
    let (first, rest) = (String(Sample.table.prefix(14)), String(Sample.table.dropFirst(14)))
    try rig.land("a.csv", first)
    try rig.run(1)
    rig.pass(.milliseconds(-1_500))
    try append("a.csv", rest, rig)
    try rig.run(2)
    #expect(try rig.handed("a.csv") == Sample.table && rig.events.count(.dropSeen) == 1)
  }

  @Test("1: where a manifest tells the size, half a file is never taken, however long it rests")
  func manifestTellsSize() throws {
    let rig = try Rig()
    let name = "manifest-5b0c77e1-3f7a-4f0e-9a43-0d1b6a1f2c88-c2f4a9d0-6b1e-4d27-8f35-91ab07de4455.json"
    try rig.land(name, CompletenessTests.manifest([("a.csv", Sample.table.utf8.count)]))
    try rig.land("a.csv", String(Sample.table.prefix(14)))
    try rig.run(20)
    #expect(try rig.handedOver.isEmpty && rig.drops(.quarantine).isEmpty)
    try append("a.csv", String(Sample.table.dropFirst(14)), rig)
    try rig.run(2)
    #expect(try rig.handed("a.csv") == Sample.table)
  }

  // MARK: 2

  @Test("2: temp then rename, write in place, link then unlink, hard link, copy with old times: each arrives once")
  func waysToArrive() throws {
    let rig = try Rig()
    let landing = rig.settings.landing
    try rig.land("renamed.csv.part", "id\n1\n")
    try rig.land("linked.csv.filepart", "id\n2\n")
    try rig.land("in-place.csv", "id\n3\n")
    try rig.put(rig.base.appending("outside.csv"), Array("id\n4\n".utf8))
    try rig.land("old.csv", "id\n5\n")
    #expect(setTimes(landing.appending("old.csv"), 946_684_800))
    try rig.run(2)
    #expect(try rig.handedOver == ["in-place.csv", "old.csv"])
    try rig.files.move(landing.appending("renamed.csv.part"), to: landing.appending("renamed.csv"))
    try rig.files.link(landing.appending("linked.csv.filepart"), as: landing.appending("linked.csv"))
    try rig.files.remove(landing.appending("linked.csv.filepart"))
    try rig.files.link(rig.base.appending("outside.csv"), as: landing.appending("hard.csv"))
    try rig.run(3)
    #expect(try rig.handedOver == ["hard.csv", "in-place.csv", "linked.csv", "old.csv", "renamed.csv"])
    #expect(try rig.landed.isEmpty && rig.events.count(.dropSeen) == 5)
    #expect(
      try rig.text(rig.base.appending("outside.csv")) == "id\n4\n", "the other name of a hard link keeps its file")
  }

  @Test("2: link then unlink, which closes and moves nothing under the final name, wakes the watcher all the same")
  func linkWakes() async throws {
    let rig = try Rig()
    let landing = rig.settings.landing
    try rig.land("a.csv.filepart", Sample.table)
    let (wakes, woken) = AsyncStream.makeStream(of: Bool.self)
    let watcher = Watcher(onWake: { _ in woken.yield(true) }, onOverflow: {})
    #expect(watcher.watch(landing) == .watching)
    try rig.files.link(landing.appending("a.csv.filepart"), as: landing.appending("a.csv"))
    try rig.files.remove(landing.appending("a.csv.filepart"))
    for await _ in wakes { break }
    watcher.stop()
    try rig.run(2)
    #expect(try rig.handedOver == ["a.csv"])
  }

  @Test(
    "2: a folder of which no event comes, as on NFS or with no watch left, is looked at all the same",
    .timeLimit(.minutes(1)))
  func polled() async throws {
    let rig = try Rig { $0.settle = .milliseconds(20) }
    let clock = ContinuousClock()
    let (start, wall) = (clock.now, rig.wall)
    let (passes, told) = AsyncStream.makeStream(of: Int.self)
    let lane = FeedLane(
      rig.settings, state: rig.state, files: rig.files, ledger: rig.ledger, events: rig.events,
      runner: rig.runner(), clock: { Moment(wall: wall, uptime: start.duration(to: clock.now)) },
      report: { summary, _ in told.yield(summary.handedOver) })
    lane.poll(true)
    let running = Task { try await lane.run() }
    for await _ in passes { break }
    try rig.land("a.csv", Sample.table)
    for await count in passes where count == 1 { break }
    lane.stop()
    try await running.value
    #expect(try rig.handedOver == ["a.csv"])
  }

  // MARK: 3

  @Test("3: several closes of one file are one drop")
  func severalCloses() throws {
    let rig = try Rig()
    try rig.land("a.csv", "id,email\n")
    for row in ["1,a\n", "2,b\n", "3,c\n"] {
      try append("a.csv", row, rig)
      try rig.run(1)
      try append("a.csv", "", rig)
    }
    try rig.run(3)
    #expect(try rig.handed("a.csv") == Sample.table && rig.handedOver.count == 1)
    #expect(rig.events.count(.dropSeen) == 1 && rig.events.count(.dropHandedOver) == 1)
  }

  // MARK: 4

  @Test("4: a file that was just closed stays where it is for the settle time, for senders that look at it then")
  func staysAfterClose() throws {
    let rig = try Rig { $0.settle = .seconds(10) }
    try rig.land("a.csv", Sample.table)
    try rig.run(4)
    #expect(try rig.landed == ["a.csv"] && rig.drops(.gathering).isEmpty)
    try rig.run(1)
    #expect(try rig.landed.isEmpty && rig.handedOver == ["a.csv"])
  }

  // MARK: 5

  @Test("5: what is whole is agreed with the sender: a suffix, a marker, a manifest, or rest")
  func conventions() throws {
    let rest = try Rig()
    try rest.land("a.csv", Sample.table)
    try rest.land("b.csv.part", Sample.other)
    try rest.run(2)
    #expect(try rest.handedOver == ["a.csv"] && rest.landed == ["b.csv.part"])
    let marked = try Rig { ($0.marker, $0.include) = ("{stem}.ok", ["*.csv"]) }
    try marked.land("a.csv", Sample.table)
    try marked.run(3)
    #expect(try marked.handedOver.isEmpty)
    try marked.land("a.ok", "")
    try marked.run(2)
    #expect(try marked.handedOver == ["a.csv"] && marked.landed.isEmpty)
    let listed = try Rig { $0.manifest = .required }
    try listed.land("a.csv", Sample.table)
    try listed.run(3)
    #expect(try listed.handedOver.isEmpty)
    let name = "manifest-5b0c77e1-3f7a-4f0e-9a43-0d1b6a1f2c88-c2f4a9d0-6b1e-4d27-8f35-91ab07de4455.json"
    try listed.land(name, CompletenessTests.manifest([("a.csv", Sample.table.utf8.count)]))
    try listed.run(2)
    #expect(try listed.handedOver == ["a.csv"] && listed.landed.isEmpty)
  }

  // MARK: 6

  @Test("6: the same name with new content, as static names have it, is a new drop each time")
  func sameName() throws {
    let rig = try Rig()
    for number in 1...3 {
      try rig.land("audience.csv", "id\n\(number)\n")
      try rig.run()
      #expect(try rig.handed("audience.csv") == "id\n\(number)\n")
      try rig.files.remove(rig.settings.handover.appending("audience.csv"))
    }
    #expect(rig.events.count(.dropHandedOver) == 3 && rig.events.count(.dropDuplicate) == 0)
  }

  @Test("6: a file that is replaced while it waits is handed over as what it became, once")
  func replacedWhileWaiting() throws {
    let rig = try Rig()
    try rig.land("new.csv", Sample.table)
    try rig.run(1)
    try rig.land(".new", Sample.other)
    let landing = rig.settings.landing
    try rig.files.replace(landing.appending("new.csv"), with: landing.appending(".new"))
    try rig.run(3)
    #expect(try rig.handed("new.csv") == Sample.other && rig.events.count(.dropSeen) == 1)
  }

  // MARK: 7

  @Test(
    "7: the same content under a new name goes where the feed's rule says", arguments: FeedSettings.Duplicates.allCases)
  func sameContent(rule: FeedSettings.Duplicates) throws {
    let rig = try Rig { $0.duplicates = rule }
    try rig.land("a_20260312060512.csv", Sample.table)
    try rig.run()
    try rig.land("a_20260312070000.csv", Sample.table)
    let summary = try rig.run()
    #expect(summary.handedOver == (rule == .deliver ? 1 : 0))
    #expect(summary.duplicates == (rule == .skip ? 1 : 0) && summary.quarantined == (rule == .quarantine ? 1 : 0))
    #expect(try rig.handedOver.count == (rule == .deliver ? 2 : 1))
  }

  // MARK: 8

  @Test("8: parts out of order are one drop; a set that stays incomplete is told, and ends in quarantine with its list")
  func parts() throws {
    let export = "acc_segment12341e18-abcd-49c2-836d-123c88e76c39_20260312060512"
    let rig = try Rig { $0.timeout = .seconds(600) }
    try rig.land("\(export)_3.csv", "id\n3\n")
    try rig.run(3)
    try rig.land("\(export).csv", "id\n1\n")
    try rig.run(25)
    #expect(try rig.handedOver.isEmpty)
    #expect(rig.events.first(.dropWaiting)?.message.contains("\(export)_2.csv") == true)
    try rig.land("\(export)_2.csv", "id\n2\n")
    try rig.run(2)
    #expect(try rig.handedOver.count == 3 && rig.drops(.archive).count == 1)
    let late = "acc_segment12341e18-abcd-49c2-836d-123c88e76c39_20260313060512"
    try rig.land("\(late)_2.csv", "id\n4\n")
    try rig.run(2)
    rig.pass(.seconds(601))
    try rig.run(1)
    let reasons = try rig.reasons(.quarantine, try #require(try rig.drops(.quarantine).first))
    #expect(reasons.map(\.code) == [.incomplete] && reasons.map(\.part) == [FileName("\(late).csv")])
  }

  // MARK: 9

  @Test("9: a header alone, zero bytes and no drop at all are three alarms", arguments: FeedSettings.Empty.allCases)
  func empties(rule: FeedSettings.Empty) throws {
    let rig = try Rig { $0.require.empty = rule }
    try rig.land("header.csv", "id,email\n")
    try rig.land("zero.csv", "")
    try rig.run()
    let told = rig.events.all.filter { $0.kind == .feedEmpty }.compactMap { $0.fields[.reason] }
    #expect(told.sorted() == ["empty", "header_only"])
    #expect(try rig.handedOver == (rule == .deliver ? ["header.csv", "zero.csv"] : []))
    #expect(try rig.drops(.quarantine).count == (rule == .quarantine ? 2 : 0))
    #expect(rig.events.count(.feedLate) == 0 && rig.events.count(.feedMissing) == 0)
  }

  @Test("9: a daily drop that does not come is late, then missing")
  func missing() throws {
    let rig = try Rig { $0.expect = FeedSettings.Expect(by: TimeOfDay(hour: 6, minute: 0)!) }
    // The rig's day begins at 06:00 UTC: by then this feed is new, and the next day is the first that counts.
    try rig.run(1)
    rig.pass(.seconds(86_400 + 1_800))
    try rig.run(1)
    #expect(rig.events.count(.feedLate) == 1 && rig.events.count(.feedMissing) == 0)
    rig.pass(.seconds(43_200))
    try rig.run(1)
    #expect(rig.events.count(.feedLate) == 1 && rig.events.count(.feedMissing) == 1)
    #expect(rig.events.first(.feedMissing)?.fields[.reason] == "due 2026-03-13T06:00:00Z")
    #expect(rig.events.count(.feedEmpty) == 0)
  }

  // MARK: -

  private func append(_ name: String, _ text: String, _ rig: Rig) throws {
    let path = rig.settings.landing.appending(FileName(name))
    let file = open(path.string, O_WRONLY | O_APPEND)
    #expect(file >= 0)
    defer { close(file) }
    let bytes = Array(text.utf8)
    #expect(write(file, bytes, bytes.count) == bytes.count)
  }

  private func setTimes(_ path: FilePath, _ seconds: Int) -> Bool {
    let time = timespec(tv_sec: seconds, tv_nsec: 0)
    return utimensat(AT_FDCWD, path.string, [time, time], 0) == 0
  }
}
