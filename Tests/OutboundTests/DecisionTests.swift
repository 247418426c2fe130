import Config
import Core
import Files
import Formats
import Lanes
import Ledger
import SystemPackage
import Testing

@testable import Outbound

@Suite("What a stream's steps decide, without a disk")
struct DecisionTests {
  private static let stream = StreamName("opens")
  private static let start = Timestamp(.init(year: 2026, month: 3, day: 12, hour: 6))

  private func moment(_ seconds: Int) -> Moment {
    Moment(wall: Self.start + .seconds(seconds), uptime: .seconds(1_000 + seconds))
  }

  private func log(
    _ path: FilePath = "/logs/a.csv", _ role: LogFile.Role = .live, size: UInt64 = 100, cursor: UInt64 = 0,
    changed: Int64 = 1, inode: UInt64 = 7, writers: Writers = .none, seen: Int = 0
  ) throws -> LogFile {
    let identity = SourceIdentity(
      device: 1, inode: inode, birth: nil, headBytes: 0, head: DigestHasher.digest(of: []))
    let record = SourceRecord(
      id: SourceID(DigestHasher.digest(of: "\(path.string) \(seen)".utf8)), stream: try #require(Self.stream),
      path: path.string, identity: identity, seenAt: Self.start + .seconds(seen), cursor: cursor)
    let info = FileInfo(
      kind: .file, size: size, device: 1, inode: inode, links: 1, mode: .stateFile, owner: 0, group: 0, modified: 0,
      changed: changed, born: nil)
    return LogFile(record: record, path: path, role: role, form: .plain, info: info, writers: writers)
  }

  // MARK: - How far a log is read

  @Test("A log that was set aside is at its end when the kernel says that nobody has it open, a live one never")
  func final() throws {
    let progress = LogProgress(rotation: .rename)
    #expect(progress.isFinal(try log("/logs/a.csv", .aside, writers: .none), at: moment(0)))
    #expect(!progress.isFinal(try log("/logs/a.csv", .aside, writers: .some), at: moment(0)))
    #expect(!progress.isFinal(try log(writers: .none), at: moment(0)))
    #expect(LogProgress(rotation: .closed).isFinal(try log(writers: .none), at: moment(0)))
  }

  @Test("Where the kernel may not be asked, it is at its end when it has not changed for long enough")
  func rest() throws {
    let rest = Int(Limits.restBeforeFinal.components.seconds)
    var progress = LogProgress(rotation: .rename)
    let log = try log("/logs/a.csv", .aside, writers: .unknown)
    #expect(!progress.isFinal(log, at: moment(0)), "nobody has looked at it before")
    progress.noteRest(of: [log], at: moment(0))
    #expect(!progress.isFinal(log, at: moment(rest - 1)) && progress.isFinal(log, at: moment(rest)))
    let grown = try self.log("/logs/a.csv", .aside, size: 101, changed: 2, writers: .unknown)
    progress.noteRest(of: [grown], at: moment(rest))
    #expect(!progress.isFinal(grown, at: moment(rest)) && progress.isFinal(grown, at: moment(2 * rest)))
    progress.noteRest(of: [grown], at: moment(rest + 1))
    #expect(progress.isFinal(grown, at: moment(2 * rest)), "it has been at rest since the first look")
  }

  @Test("Records are taken from the logs that the rotation leaves to us")
  func ours() throws {
    let (live, aside) = (try log(writers: .some), try log("/logs/a.csv", .aside))
    func takes(_ rotation: StreamSettings.Rotation, _ log: LogFile) -> Bool {
      LogProgress(rotation: rotation).isOurs(log, at: moment(0))
    }
    #expect(!takes(.rename, live) && takes(.rename, aside))
    #expect(takes(.copytruncate, live) && takes(.follow, live) && !takes(.closed, live))
    #expect(takes(.closed, try log(writers: .none)))
  }

  @Test("What waits has waited since it was first seen, or since there was anything again")
  func waiting() throws {
    var progress = LogProgress(rotation: .rename)
    let record = try log().record
    #expect(progress.noteUnread(10, of: record, at: moment(60).wall) == record.seenAt)
    #expect(progress.noteUnread(20, of: record, at: moment(70).wall) == record.seenAt)
    progress.noteCursor(of: record.id)
    #expect(progress.noteUnread(5, of: record, at: moment(80).wall) == moment(80).wall)
    #expect(progress.noteUnread(0, of: record, at: moment(90).wall) == moment(90).wall)
    #expect(progress.noteUnread(5, of: record, at: moment(95).wall) == moment(95).wall)
    progress.forget(record.id)
    #expect(progress.noteUnread(5, of: record, at: moment(99).wall) == record.seenAt)
  }

  @Test("A log is let go when nothing lies behind its cursor but what is no record")
  func spent() throws {
    var progress = LogProgress(rotation: .rename)
    #expect(progress.isSpent(try log("/logs/a.csv", .aside, cursor: 100), at: moment(0)))
    let rest = try log("/logs/a.csv", .aside, cursor: 90)
    #expect(!progress.isSpent(rest, at: moment(0)))
    progress.noteExhausted(progress.cuttable(rest, at: moment(0)))
    #expect(progress.isSpent(rest, at: moment(0)))
    #expect(
      !progress.isSpent(try log("/logs/a.csv", .aside, size: 101, cursor: 90), at: moment(0)), "something has come")
    let header = try log("/logs/b.csv", .aside, size: 8)
    progress.noteHeader(of: header.record.id, end: 8)
    #expect(progress.isSpent(header, at: moment(0)))
  }

  // MARK: - Order

  @Test("What was written later waits for the older log of its name, and for nothing else")
  func order() throws {
    var logs = StreamLogs(rotation: .rename, pins: "/state/pinned")
    let older = try log("/logs/a.csv.20260312T060000Z.navette", .aside)
    let (newer, other) = (try log("/logs/a.csv", seen: 1), try log("/logs/b.csv"))
    logs.found = [older, newer, other]
    var waits = ItemWaits<StreamItem>()
    #expect(logs.found.allSatisfy { logs.isNext($0, waits) })
    let fault = FileFault(.denied, "Cannot read", at: older.path, why: "it is a test")
    _ = waits.postpone(.log(older.path), fault, at: moment(0))
    #expect(!logs.isNext(newer, waits) && logs.isNext(other, waits))
  }

  @Test("What a step lets go is told to the next look once")
  func left() throws {
    var logs = StreamLogs(rotation: .rename, pins: "/state/pinned")
    let source = try log().record.id
    logs.forget(source)
    #expect(logs.takeLeft() == [source] && logs.takeLeft().isEmpty)
  }

  // MARK: - What becomes of a cut

  @Test("A cut becomes a batch where it has records and is full, wanted or before a gap")
  func worth() throws {
    var cut = Cut()
    #expect(!cut.isWorthSealing(everything: true))
    cut.rows = 1
    #expect(cut.isWorthSealing(everything: true) && !cut.isWorthSealing(everything: false))
    cut.isFull = true
    #expect(cut.isWorthSealing(everything: false))
    cut.isFull = false
    cut.gaps = [Gap(source: try log().record, from: 0, to: 9)]
    #expect(cut.isWorthSealing(everything: false))
  }

  @Test("What could not be sealed is unread still, and another cut is tried only where it may give more")
  func more() throws {
    var cut = Cut()
    cut.ended = [try log().record.id]
    #expect(cut.exhausted(isSealed: false) == cut.ended && !cut.mayLeaveMore(isSealed: false))
    cut.isFull = true
    #expect(cut.mayLeaveMore(isSealed: false), "a log without records stood before one with another header")
    cut.rows = 3
    #expect(cut.exhausted(isSealed: false).isEmpty && cut.exhausted(isSealed: true) == cut.ended)
    #expect(cut.mayLeaveMore(isSealed: true) && !cut.mayLeaveMore(isSealed: false))
  }

  // MARK: - Items

  @Test("What one step does not do, the next does not see")
  func outcomes() {
    let reason = Reason(.damaged, "it is a test")
    func next(_ value: Int) -> ItemOutcome<String> { value > 0 ? .done("\(value)") : .gone }
    #expect(ItemOutcome.done(1).flatMap(next) == .done("1"))
    #expect(ItemOutcome.done(0).flatMap(next) == .gone)
    #expect(ItemOutcome<Int>.setAside(reason).flatMap(next) == .setAside(reason))
    #expect(ItemOutcome<Int>.waits(until: .seconds(1), why: "x").flatMap(next) == .waits(until: .seconds(1), why: "x"))
  }
}
