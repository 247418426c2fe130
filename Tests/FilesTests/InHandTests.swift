import CLinux
import Core
import Foundation
import SystemPackage
import TestKit
import Testing
import Threads

@testable import Files

@Suite("What is in hand is kept for the next life")
struct InHandTests {
  private let folder: TemporaryFolder
  private var path: FilePath { folder.path.appending("in-hand") }
  private let feed: Work.Lane
  private let drop: DropID

  init() throws {
    folder = try TemporaryFolder()
    feed = .feed(try #require(FeedName("audiences")))
    drop = DropID(seen: Timestamp(seconds: 1_772_000_000), salt: 7)
  }

  private static let life = InHandFile.Life(program: "0.1.0", boot: "b1", invocation: "i1")

  private func open(_ life: InHandFile.Life = Self.life) -> (file: InHandFile, fault: FileFault?) {
    let (file, fault) = InHandFile.open(path, life)
    return (file, fault)
  }

  private func bytes() throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path.string))) }

  /// As a handler writes it that runs on the thread that has this slot.
  private func crash(_ hands: Hands, signal: Int32, slot: Int32, sender: Int32 = 0) {
    hands.area.pointee.crash = cl_crash(
      state: 2, signal: signal, code: 1, sender: sender, slot: slot, thread: 1, at_ns: 1_772_000_001_000_000_000)
  }

  @Test func aFirstLifeHasNoPast() throws {
    let (file, fault) = open()
    #expect(fault == nil && file.past == InHandFile.Past())
    file.begin().end(code: 0)
    #expect(try bytes().count == MemoryLayout<cl_area>.size)
    #expect(try FileManager.default.attributesOfItem(atPath: path.string)[.posixPermissions] as? Int == 0o640)
  }

  @Test func aCleanEndIsKnownAsOne() throws {
    open().file.begin().end(code: 0)
    let last = try #require(open().file.past.last)
    #expect(last.how == .stopped && last.isExact && last.pid == getpid() && last.program == "0.1.0")
    #expect(open().file.past.ends == [])
    open().file.begin().end(code: 74)
    let failed = try #require(open().file.past.last)
    #expect(failed.how == .failed && failed.code == 74 && failed.isClean)
  }

  @Test func whoEndsWithoutAWordWasInterrupted() throws {
    let hands = open().file.begin()
    try hands.holding(Work(feed, .check, .drop(drop))) {
      let past = open().file.past
      let last = try #require(past.last)
      #expect(last.how == .interrupted && !last.isExact && !last.hasRebooted && last.word == nil)
      #expect(past.inHand == [Work(feed, .check, .drop(drop))] && last.works == past.inHand && last.inHand == 1)
      #expect(past.ends == [last])
    }
    #expect(open().file.past.inHand == [])
    let elsewhere = open(InHandFile.Life(program: "0.1.0", boot: "b2", invocation: "")).file
    #expect(elsewhere.past.last?.hasRebooted == true)
    let unknown = open(InHandFile.Life(program: "0.1.0", boot: "", invocation: "")).file
    #expect(unknown.past.last?.hasRebooted == false)
  }

  @Test func aCrashNamesWhatItsThreadHadInHand() throws {
    let hands = open().file.begin()
    hands.holding(Work(feed, .pass)) {
      hands.holding(Work(feed, .check, .drop(drop))) {
        #expect(Seat.current != .none)
        crash(hands, signal: SIGILL, slot: Seat.current.slot)
      }
    }
    // Given back or not, the slot of the crash is told; here it was given back, and nothing else is known.
    #expect(open().file.past.last?.works == [])
    let other = Work(.stream(try #require(StreamName("opens"))), .cut, .file(inode: 7, size: 9))
    try hands.holding(other) {
      try hands.holding(Work(feed, .check, .drop(drop))) {
        hands.area.pointee.crash.slot = Seat.current.slot
        let last = try #require(open().file.past.last)
        #expect(last.how == .crashed && last.signal == SIGILL && last.sender == 0 && last.isExact)
        #expect(last.at == Timestamp(seconds: 1_772_000_001))
        #expect(last.works == [Work(feed, .check, .drop(drop))] && last.inHand == 2)
      }
    }
    hands.area.pointee.crash.slot = -1
    #expect(open().file.past.last?.works == [])
  }

  @Test func twoCrashesOverOneItemAreBothRemembered() throws {
    for _ in 0..<2 {
      let hands = open().file.begin()
      hands.holding(Work(feed, .check, .drop(drop))) {
        crash(hands, signal: SIGSEGV, slot: Seat.current.slot)
        // Here it ends, and the next one begins.
        _ = open().file.begin()
      }
      open().file.begin().end(code: 0)
    }
    let past = open().file.past
    #expect(past.last?.how == .stopped)
    let crashes = past.ends.filter { $0.how == .crashed && $0.works.first?.item == .drop(drop) }
    #expect(crashes.count == 2)
  }

  @Test func onlyTheLastSixteenBadEndsAreKept() throws {
    for _ in 0..<40 { _ = open().file.begin() }
    #expect(open().file.past.ends.count == 1 + Int(CL_ENDS))
  }

  @Test func aSlotThatWasBeingWrittenIsKnownAsTorn() throws {
    let hands = open().file.begin()
    hands.holding(Work(feed, .check, .drop(drop))) {
      let slot = cl_area_hand(hands.area, Seat.current.slot)
      slot.pointee.sequence |= 1
      #expect(open().file.past.inHand == [] && open().file.past.last?.inHand == 1)
      slot.pointee.sequence &+= 1
      #expect(open().file.past.inHand.count == 1)
      // Half of it reached the disk before the power went.
      slot.pointee.item.20 = 0
      #expect(open().file.past.inHand == [])
    }
  }

  @Test func everyWorkComesBackAsItWas() throws {
    let (stream, store) = (try #require(StreamName(String(repeating: "s", count: 64))), try #require(StoreName("aep")))
    let source = try #require(SourceID("s0123456789abcdef"))
    var all = Work.Step.allCases.map { Work(feed, $0) }
    all += [
      Work(.stream(stream), .send, .batch(BatchID(stream: stream, sequence: BatchID.lastSequence)), store: store),
      Work(.pull(try #require(FeedName("a"))), .fetch, .object("0123456789abcdef"), store: store),
      Work(.stream(stream), .look, .file(inode: .max, size: .max)), Work(.stream(stream), .cut, .source(source)),
      Work(.command, .plan, .drop(drop)),
    ]
    let hands = open().file.begin()
    for work in all { hands.holding(work) { #expect(open().file.past.inHand == [work]) } }
  }

  @Test func moreWorkersThanSlotsGoOnWithoutOne() throws {
    let hands = open().file.begin()
    let seats = (0..<Int(CL_HANDS) + 5).map { _ in hands.taking(Work(feed, .pass)) }
    #expect(seats.count { $0.seat == .none } == 5)
    hands.holding(Work(feed, .check)) { #expect(Seat.current == .none) }
    #expect(open().file.past.inHand.count == Int(CL_HANDS))
  }

  @Test func aTaskKeepsItsSlotUntilAllOfItIsOver() async throws {
    let hands = open().file.begin()
    let work = Work(feed, .fetch, .object("x"))
    let seen: [Seat] = await Task(executorPreference: hands.taking(work)) {
      await withTaskGroup(of: Seat.self) { group in
        for _ in 0..<4 {
          group.addTask {
            await sleep(for: .milliseconds(1))
            return Seat.current
          }
        }
        return await group.reduce(into: [Seat.current]) { $0.append($1) }
      }
    }.value
    #expect(Set(seen).count == 1 && seen.first != .some(Seat.none))
    try await eventually { self.open().file.past.inHand.isEmpty }
  }

  private func eventually(_ condition: () -> Bool) async throws {
    for _ in 0..<1_000 where !condition() { try await Task.sleep(for: .milliseconds(5)) }
    #expect(condition())
  }
}
