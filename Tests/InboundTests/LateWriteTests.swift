import Config
import Core
import Files
import Glibc
import Journal
import Ledger
import Spool
import SystemPackage
import TestKit
import Testing
import Threads

@testable import FeedKit
@testable import Inbound

/// An uploader who keeps a file open, whatever becomes of its name.
private final class Uploader {
  private let descriptor: Int32

  init(_ path: FilePath, _ text: String = "") {
    descriptor = path.string.withCString { Glibc.open($0, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644) }
    write(text)
  }

  func write(_ text: String) {
    let bytes = Array(text.utf8)
    _ = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
  }

  func cut(to size: Int) { _ = ftruncate(descriptor, size) }
  func overwrite(_ text: String) {
    cut(to: 0)
    write(text)
  }

  deinit { close(descriptor) }
}

@Suite("What comes after a file was taken")
struct LateWriteTests {
  private static let late = "id,email\n1,a\n2,b\n3,c\n4,d\n5,e\n"
  private static let rest = "4,d\n5,e\n"

  /// A second name keeps the way to the inode for the test; it makes the agent copy.
  private func taken(
    _ layout: Rig.Layout, _ name: String = "a.csv", _ text: String = Sample.table, files: (any Files)? = nil,
    _ change: (inout FeedSettings) -> Void = { _ in }
  ) throws -> (Rig, Int32) {
    let rig = try Rig(layout, files: files, change)
    try rig.land(name, text)
    // As an uploader whom nobody knows of: a descriptor that may be read, and written through /proc later.
    let path = rig.settings.landing.appending(FileName(name))
    let descriptor = path.string.withCString { Glibc.open($0, O_RDONLY | O_CLOEXEC) }
    try rig.run()
    return (rig, descriptor)
  }

  private func later(_ descriptor: Int32) -> Uploader { Uploader(FilePath("/proc/self/fd/\(descriptor)")) }

  /// The next look, the rest that the file needs, and the way to held. A program that another test starts has what is open here open as well,
  /// for an instant.
  private func finish(_ rig: Rig, until isOver: () throws -> Bool = { true }) throws {
    for _ in 0..<12 { try rig.run(1) }
    for _ in 0..<400 where try !isOver() {
      usleep(5_000)
      try rig.run(1)
    }
  }

  @Test(
    "What is appended is told, and held whole, renamed or copied", arguments: [Rig.Layout.oneMount, .landingElsewhere])
  func appended(_ layout: Rig.Layout) throws {
    let (rig, descriptor) = try taken(layout)
    defer { close(descriptor) }
    #expect(try rig.handed("a.csv") == Sample.table)
    let first = try #require(try rig.drops(.archive).first)
    later(descriptor).write(Self.rest)
    try finish(rig) { try rig.drops(.held).count == 1 }
    let event = try #require(rig.events.first(.lateWrite))
    #expect(event.fields[.drop] == first && event.fields[.reason] == "grown")
    #expect(rig.events.count(.lateWrite) == 1)
    let second = try #require(try rig.drops(.held).first)
    #expect(try rig.drops(.held).count == 1)
    #expect(try rig.text(rig.spool.path(.held, second).appending("parts").appending("a.csv")) == Self.late)
    let reason = try #require(try rig.reasons(.held, second).first)
    #expect(reason.code == .lateWrite && reason.message.contains(first))
    #expect(try rig.plan(.held, second).restOf?.description == first)
    // The archive has what was handed over.
    let archived = rig.spool.path(.archive, first).appending("parts").appending("a.csv")
    #expect(try rig.text(archived) == Sample.table)
    #expect(try rig.handedOver == ["a.csv"])
    // A person lets it go.
    try rig.engine.release(
      try #require(DropID(second)), by: Requester("anna", reason: "the whole file"), at: rig.now)
    try rig.run(2)
    #expect(try rig.handed("a-2.csv") == Self.late)
    #expect(try rig.drops(.held).isEmpty)
  }

  @Test(
    "It is told while somebody writes still, and held when he is through",
    arguments: [Rig.Layout.oneMount, .landingElsewhere])
  func slow(_ layout: Rig.Layout) throws {
    let (rig, descriptor) = try taken(layout)
    defer { close(descriptor) }
    do {
      let uploader = later(descriptor)
      uploader.write("4,d\n")
      try finish(rig)
      #expect(rig.events.count(.lateWrite) == 1)
      #expect(try rig.drops(.held).isEmpty)
      uploader.write("5,e\n")
      try finish(rig)
      #expect(try rig.drops(.held).isEmpty)
    }
    try finish(rig) { try rig.drops(.held).count == 1 }
    let held = try #require(try rig.drops(.held).first)
    #expect(try rig.text(rig.spool.path(.held, held).appending("parts").appending("a.csv")) == Self.late)
    #expect(rig.events.count(.lateWrite) == 1)
  }

  @Test("A second part that comes later still is seen, too", arguments: [Rig.Layout.oneMount, .landingElsewhere])
  func twice(_ layout: Rig.Layout) throws {
    let (rig, descriptor) = try taken(layout)
    defer { close(descriptor) }
    later(descriptor).write("4,d\n")
    try finish(rig) { try rig.drops(.held).count == 1 }
    #expect(try rig.drops(.held).count == 1)
    later(descriptor).write("5,e\n")
    try finish(rig) { try rig.drops(.held).count == 2 }
    let texts = try rig.drops(.held).map {
      try rig.text(rig.spool.path(.held, $0).appending("parts").appending("a.csv"))
    }
    #expect(texts.contains(Self.late) && texts.count == 2)
    #expect(rig.events.count(.lateWrite) == 2)
  }

  @Test(
    "Overwritten in place, to the same length: told, and held", arguments: [Rig.Layout.oneMount, .landingElsewhere])
  func overwritten(_ layout: Rig.Layout) throws {
    let (rig, descriptor) = try taken(layout)
    defer { close(descriptor) }
    let first = try #require(try rig.drops(.archive).first)
    let other = String(Sample.table.map { $0 == "a" ? "z" : $0 })
    later(descriptor).overwrite(other)
    try finish(rig) { try rig.drops(.held).count == 1 }
    #expect(rig.events.first(.lateWrite)?.fields[.reason] == "rewritten")
    let held = try #require(try rig.drops(.held).first)
    #expect(try rig.text(rig.spool.path(.held, held).appending("parts").appending("a.csv")) == other)
    // Where the archive had the sender's own file, it does not pretend.
    let archived = rig.spool.path(.archive, first).appending("parts").appending("a.csv")
    if layout == .oneMount {
      #expect(try rig.files.info(archived) == nil)
    } else {
      #expect(try rig.text(archived) == Sample.table)
    }
  }

  @Test("Cut off: told, and held as it is", arguments: [Rig.Layout.oneMount, .landingElsewhere])
  func cut(_ layout: Rig.Layout) throws {
    let (rig, descriptor) = try taken(layout)
    defer { close(descriptor) }
    later(descriptor).cut(to: 0)
    try finish(rig) { try rig.drops(.held).count == 1 }
    #expect(rig.events.first(.lateWrite)?.fields[.reason] == "cut")
    #expect(try rig.drops(.held).count == 1)
  }

  @Test("A mode or a time that is set later is nothing", arguments: [Rig.Layout.oneMount, .landingElsewhere])
  func touched(_ layout: Rig.Layout) throws {
    let (rig, descriptor) = try taken(layout)
    defer { close(descriptor) }
    _ = fchmod(descriptor, 0o600)
    var times = [timespec(tv_sec: 1_700_000_000, tv_nsec: 0), timespec(tv_sec: 1_700_000_000, tv_nsec: 0)]
    _ = futimens(descriptor, &times)
    try finish(rig)
    #expect(rig.events.count(.lateWrite) == 0)
    #expect(try rig.drops(.held).isEmpty)
  }

  @Test(
    "What was refused, held, empty or known is no exception", arguments: [Rig.Layout.oneMount, .landingElsewhere],
    ["bad", "empty", "twin"])
  func others(_ layout: Rig.Layout, _ what: String) throws {
    let (rig, descriptor) = try taken(
      layout, "a.csv", what == "bad" ? Sample.crooked : what == "empty" ? "" : Sample.table
    ) {
      $0.require.empty = .archive
    }
    defer { close(descriptor) }
    var (open, name) = (descriptor, "a.csv")
    if what == "twin" {
      name = "b.csv"
      try rig.land(name, Sample.table)
      open = rig.settings.landing.appending("b.csv").string.withCString { Glibc.open($0, O_RDONLY | O_CLOEXEC) }
      #expect(try rig.run().duplicates == 1)
    }
    later(open).write(what == "empty" ? Sample.table : Self.rest)
    try finish(rig) { try rig.drops(.held).count == 1 }
    #expect(rig.events.count(.lateWrite) == 1)
    let held = try #require(try rig.drops(.held).first)
    let text = try rig.text(rig.spool.path(.held, held).appending("parts").appending(FileName(name)))
    #expect(text == (what == "bad" ? Sample.crooked + Self.rest : what == "empty" ? Sample.table : Self.late))
    if what == "twin" { close(open) }
  }

  @Test(
    "After ten minutes nothing is looked at any more, and no pass comes for it",
    arguments: [Rig.Layout.oneMount, .landingElsewhere])
  func over(_ layout: Rig.Layout) throws {
    let (rig, descriptor) = try taken(layout)
    defer { close(descriptor) }
    var looks = 0
    while rig.uptime < .seconds(1_000) {
      let next = try rig.run(1).next
      guard let next, next < .seconds(1_000) else { break }
      looks += 1
      rig.pass(max(next - rig.uptime, .zero))
    }
    #expect(looks <= 10)
    #expect(rig.uptime > .seconds(600))
    later(descriptor).write(Self.rest)
    try finish(rig)
    #expect(rig.events.count(.lateWrite) == 0)
  }

  @Test("What is purged is let go of")
  func purged() throws {
    let (rig, descriptor) = try taken(.landingElsewhere)
    defer { close(descriptor) }
    let drop = try #require(DropID(try rig.drops(.archive)[0]))
    try rig.engine.purge(drop, by: Requester("anna", reason: "erasure"), at: rig.now)
    later(descriptor).write(Self.rest)
    try finish(rig)
    #expect(rig.events.count(.lateWrite) == 0)
    #expect(try rig.drops(.held).isEmpty)
  }

  @Test("It is let go of first where room is short", arguments: [true, false])
  func short(_ isShort: Bool) throws {
    let disk = TouchyFiles()
    let (rig, descriptor) = try taken(.landingElsewhere, files: disk)
    defer { close(descriptor) }
    if isShort { disk.setFree(40) }
    try rig.run(4)
    disk.setFree(nil)
    later(descriptor).write(Self.rest)
    try finish(rig)
    #expect(rig.events.count(.lateWrite) == (isShort ? 0 : 1))
  }

  @Test("What was refused and grew long after it was taken is checked as it is, when a person asks")
  func grewLongAfter() throws {
    let rig = try Rig { $0.require.minRows = 4 }
    try rig.land("a.csv", Sample.table)
    let descriptor = rig.settings.landing.appending("a.csv").string.withCString { Glibc.open($0, O_RDONLY | O_CLOEXEC) }
    defer { close(descriptor) }
    #expect(try rig.run().quarantined == 1)
    rig.restart()
    later(descriptor).write(Self.rest)
    let drop = try #require(DropID(try rig.drops(.quarantine)[0]))
    try rig.engine.retry(drop, at: rig.now)
    for _ in 0..<4 { try rig.run(1) }
    #expect(try rig.handed("a.csv") == Self.late)
  }

  // MARK: Before it is handed over

  @Test("What is appended between the check and the hand-over is in what is handed over", arguments: [1, 2])
  func beforeHandOver(_ copies: Int) throws {
    let disk = TouchyFiles()
    let rig = try Rig(.oneMount, files: disk)
    try rig.land("a.csv", Sample.table)
    let descriptor = rig.settings.landing.appending("a.csv").string.withCString { Glibc.open($0, O_RDONLY | O_CLOEXEC) }
    defer { close(descriptor) }
    disk.afterCopy { _ in Uploader(FilePath("/proc/self/fd/\(descriptor)")).write(Self.rest) }
    try rig.run(2)
    #expect(try rig.handedOver.isEmpty)
    try rig.run(4)
    #expect(try rig.handed("a.csv") == Self.late)
    #expect(rig.events.count(.lateWrite) == 0)
    #expect(try rig.plan(.archive, try rig.drops(.archive)[0]).bytes == UInt64(Self.late.utf8.count))
  }

  @Test("Appended while the hand-over folder is away: the whole file goes when it is back")
  func handOverAway() throws {
    let rig = try Rig(.oneMount)
    try rig.files.remove(rig.settings.handover)
    try rig.land("a.csv", Sample.table)
    let descriptor = rig.settings.landing.appending("a.csv").string.withCString { Glibc.open($0, O_RDONLY | O_CLOEXEC) }
    defer { close(descriptor) }
    try rig.run(3)
    later(descriptor).write(Self.rest)
    try rig.files.makeDirectory(rig.settings.handover, mode: .init(rawValue: 0o755))
    rig.pass(.seconds(60))
    for _ in 0..<8 { try rig.run(1) }
    #expect(try rig.handed("a.csv") == Self.late)
  }

  @Test("The same where it was copied: what was taken first is held, and so is the whole file")
  func handOverAwayCopied() throws {
    let rig = try Rig(.landingElsewhere)
    try rig.files.remove(rig.settings.handover)
    try rig.land("a.csv", Sample.table)
    let descriptor = rig.settings.landing.appending("a.csv").string.withCString { Glibc.open($0, O_RDONLY | O_CLOEXEC) }
    defer { close(descriptor) }
    try rig.run(3)
    later(descriptor).write(Self.rest)
    try rig.files.makeDirectory(rig.settings.handover, mode: .init(rawValue: 0o755))
    rig.pass(.seconds(60))
    for _ in 0..<8 { try rig.run(1) }
    #expect(try rig.handedOver.isEmpty)
    #expect(rig.events.count(.lateWrite) == 1)
    #expect(try rig.drops(.held).count == 2)
    #expect(try rig.drops(.held).allSatisfy { try rig.reasons(.held, $0).first?.code == .lateWrite })
  }

  @Test("Written on between the copy and the removal: it stays in landing, and the drop is held")
  func beforeRemoval() throws {
    let disk = TouchyFiles()
    let rig = try Rig(.landingElsewhere, files: disk)
    try rig.land("a.csv", Sample.table)
    let path = rig.settings.landing.appending("a.csv")
    // So that it is copied without a try to rename it.
    try rig.files.link(path, as: rig.settings.landing.appending(".second"))
    disk.refuse(.move, below: path, .io)
    try rig.run(2)
    Uploader(path).write(Self.rest)
    disk.allow()
    rig.pass(.seconds(30))
    for _ in 0..<6 { try rig.run(1) }
    #expect(rig.events.count(.lateWrite) == 1)
    let held = try #require(try rig.drops(.held).first)
    #expect(try rig.reasons(.held, held).first?.code == .lateWrite)
    #expect(try rig.handed("a.csv") == Self.late)
    #expect(try rig.landed == [".second"])
    try rig.engine.release(try #require(DropID(held)), by: Requester("anna", reason: "both"), at: rig.now)
    try rig.run(2)
    #expect(try rig.handed("a-2.csv") == Sample.table)
  }

  @Test("So many are kept open, and no more: what was taken first is given up first")
  func bounded() throws {
    let folder = try TemporaryFolder()
    let (files, taken) = (LinuxFiles(), TakenFiles())
    let (feed, other) = (try #require(FeedName("audiences")), try #require(FeedName("others")))
    func keep(_ number: UInt32, _ feed: FeedName, bytes: UInt64) throws {
      let path = folder.path.appending(FileName("\(number)"))
      _ = try files.create(path, mode: .stateFile)
      let file = try files.keepOpen(path)
      try files.remove(path)
      var info = try file.info()
      info.size = bytes
      let part = DropPart(name: "a.csv", landing: "/x", size: bytes, inode: info.inode, changed: info.changed)
      let drop = DropID(seen: Timestamp(seconds: 1_773_295_200), salt: number)
      taken.keep(TakenFile(part, of: drop, feed, file, info, at: .seconds(100)))
    }
    for number in 0..<300 as Range<UInt32> { try keep(number, number.isMultiple(of: 2) ? feed : other, bytes: 1) }
    #expect(taken.files(of: feed).count + taken.files(of: other).count == 256)
    #expect(taken.files(of: DropID(seen: Timestamp(seconds: 1_773_295_200), salt: 43)).isEmpty)
    try keep(300, feed, bytes: (1 << 30) - 10)
    #expect(taken.keptBytes(of: feed) + taken.keptBytes(of: other) <= 1 << 30)
    #expect(taken.files(of: DropID(seen: Timestamp(seconds: 1_773_295_200), salt: 300)).count == 1)
    // Larger than all that may be kept.
    try keep(301, other, bytes: 2 << 30)
    #expect(taken.files(of: feed).isEmpty && taken.files(of: other).isEmpty)
  }
}
