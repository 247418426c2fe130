import CLinux
import Core
import Foundation
import SystemPackage
import TestKit
import Testing

@testable import Files

@Suite("Nothing in place of in-hand keeps an agent from starting")
struct InHandFileTests {
  private let folder: TemporaryFolder
  private var path: FilePath { folder.path.appending("in-hand") }
  private static let life = InHandFile.Life(program: "0.1.0", boot: "b", invocation: "i")

  init() throws { folder = try TemporaryFolder() }

  private func put(_ bytes: [UInt8]) throws { try Data(bytes).write(to: URL(filePath: path.string)) }
  private func bytes() throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path.string))) }

  enum Content: CaseIterable { case nothing, short, zeroes, garbage, long, foreign, damaged }

  private func content(_ content: Content) throws -> [UInt8] {
    let size = MemoryLayout<cl_area>.size
    var random = SteadyNumbers()
    func noise(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) } }
    switch content {
    case .nothing: return []
    case .short: return noise(100)
    case .zeroes: return [UInt8](repeating: 0, count: size)
    case .garbage: return noise(size)
    case .long: return noise(3 * size)
    case .foreign, .damaged:
      let (file, _) = InHandFile.open(path, Self.life)
      _ = file.begin()
      var whole = try bytes()
      whole[content == .foreign ? 16 : 40] ^= 0x3f
      return whole
    }
  }

  @Test(arguments: Content.allCases) func whateverItHoldsIsNoPast(_ kind: Content) throws {
    try put(try content(kind))
    let (file, fault) = InHandFile.open(path, Self.life)
    #expect(fault == nil && file.past == InHandFile.Past())
    #expect(InHandFile.past(try bytes(), boot: "b") == InHandFile.Past())
    _ = file.begin()
    // From here on it is one of ours.
    #expect(InHandFile.open(path, Self.life).0.past.last?.how == .interrupted)
  }

  @Test func halfOfAFileIsNoPast() throws {
    _ = InHandFile.open(path, Self.life).0.begin()
    let whole = try bytes()
    for count in stride(from: 0, to: whole.count, by: 997) {
      #expect(InHandFile.past(Array(whole[..<count]), boot: "b") == InHandFile.Past())
    }
    // Any one byte that is another than it was: told or not, it is read without harm.
    for at in stride(from: 0, to: whole.count, by: 61) {
      var bad = whole
      bad[at] ^= 0xff
      _ = InHandFile.past(bad, boot: "b")
    }
  }

  enum Thing: CaseIterable { case link, brokenLink, fifo, folder, otherName, readOnlyFolder }

  @Test(arguments: Thing.allCases) func whateverLiesThereIsLeftAloneAndSaid(_ thing: Thing) throws {
    let other = folder.path.appending("other").string
    try Data("mine".utf8).write(to: URL(filePath: other))
    switch thing {
    case .link: try FileManager.default.createSymbolicLink(atPath: path.string, withDestinationPath: other)
    case .brokenLink: try FileManager.default.createSymbolicLink(atPath: path.string, withDestinationPath: "/nowhere")
    case .fifo: #expect(mkfifo(path.string, 0o600) == 0)
    case .folder: #expect(mkdir(path.string, 0o700) == 0)
    case .otherName: #expect(link(other, path.string) == 0)
    case .readOnlyFolder:
      // Nobody may write there, not even root.
      let (file, fault) = InHandFile.open("/proc/in-hand", Self.life)
      #expect(fault != nil && file.past == InHandFile.Past())
      return
    }
    let (file, fault) = InHandFile.open(path, Self.life)
    #expect(fault != nil && file.past == InHandFile.Past())
    let hands = file.begin()
    hands.holding(Work(.command, .pass)) {}
    hands.end(code: 0)
    #expect(try Data(contentsOf: URL(filePath: other)) == Data("mine".utf8))
  }

  @Test func aFullDiskLeavesItInMemory() throws {
    // A limit of the process would hit other tests: the device that is always full stands in for the disk.
    let (file, fault) = InHandFile.open("/dev/full", Self.life)
    #expect(fault != nil)
    file.begin().holding(Work(.command, .pass)) {}
  }

  // MARK: What systemd says

  private let word = LifeEnd.Word(result: "watchdog", code: "dumped", status: "ABRT")

  @Test func systemdsWordBelongsToTheLifeThatItIsAbout() throws {
    #expect(throws: FileFault.self) { try InHandFile.note(word, of: "i", at: path) }
    let hands = InHandFile.open(path, Self.life).0.begin()
    #expect(try !InHandFile.note(word, of: "another", at: path))
    #expect(try !InHandFile.note(word, of: "", at: path))
    #expect(InHandFile.open(path, Self.life).0.past.last?.word == nil)
    #expect(try InHandFile.note(word, of: "i", at: path))
    let last = try #require(InHandFile.open(path, Self.life).0.past.last)
    #expect(last.word == word && last.how == .interrupted && last.isExact)
    // The watchdog's signal is one that somebody sent, and no fault of ours; a fault stays one.
    hands.area.pointee.crash = cl_crash(state: 2, signal: SIGABRT, code: 0, sender: 1, slot: -1, thread: 1, at_ns: 5)
    #expect(InHandFile.open(path, Self.life).0.past.last?.how == .interrupted)
    hands.area.pointee.crash.sender = 0
    #expect(InHandFile.open(path, Self.life).0.past.last?.how == .crashed)
    // The next life begins without it.
    _ = InHandFile.open(path, Self.life).0.begin()
    #expect(InHandFile.open(path, Self.life).0.past.last?.word == nil)
    #expect(InHandFile.lastBefore(try bytes())?.word == word)
  }

  @Test func itIsWrittenIntoNothingElse() throws {
    for content in [[UInt8](), Array("something of somebody's".utf8)] {
      try put(content)
      #expect(try !InHandFile.note(word, of: "i", at: path))
      #expect(try bytes() == content)
    }
  }

  @Test func anItemCostsLittle() throws {
    let hands = InHandFile.open(path, Self.life).0.begin()
    let work = Work(
      .feed(try #require(FeedName("audiences"))), .check, .drop(DropID(seen: Timestamp(seconds: 0), salt: 1)))
    let rounds = 200_000
    let began = threadTime()
    for _ in 0..<rounds { hands.holding(work) {} }
    let each = (threadTime() - began) / rounds
    // Some 200 ns of this thread's own time, whatever else runs; 6 µs under the thread sanitizer. A file that is written and synced costs more than the bound.
    #expect(each < .microseconds(40), "\(each)")
    print("in hand and out of it again: \(each)")
  }

  private func threadTime() -> Duration {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
  }
}
