import Core
import Files
import Glibc
import Store
import SystemPackage
import TestKit
import Testing
import Threads

@testable import Stores

@Suite struct LocalStoreTests {
  private let files = LinuxFiles()
  private let folder: TemporaryFolder
  private let root: FilePath
  private let store: LocalStore

  init() throws {
    folder = try TemporaryFolder()
    root = folder.path.appending("shelf")
    store = LocalStore(root, files: files)
  }

  private func sample(_ size: Int = 100_000) throws -> StoredFile {
    try StoredFile.sample(at: folder.path.appending("f\(size)"), size: size, seed: 3, files)
  }

  @Test func anObjectBeingWrittenByAnotherIsLeftAlone() async throws {
    let file = try sample()
    let key = try #require(StoreKey("d/o.gz"))
    try files.ensureDirectory(root.appending("d"))
    let part = root.appending("d/.o.gz.part")
    do {
      let other = try files.create(part, mode: .stateFile)
      let fault = try await fault { _ = try await store.create(file, at: key) }
      #expect(fault.kind == .unreachable)
      #expect(try other.info().links == 1, "the other's part was taken away")
    }
    // A program that another test starts just now holds our open files too, until it runs: "try again" is true then.
    var outcome: Receipt.Outcome?
    for _ in 0..<100 where outcome == nil {
      outcome = try? await store.create(file, at: key).outcome
      if outcome == nil { try await Task.sleep(for: .milliseconds(50)) }
    }
    #expect(outcome == .created)
    #expect(try files.info(part) == nil)
  }

  @Test func bandwidthHoldsForACopyToAFolderAndFromIt() async throws {
    let file = try sample(300_000)
    let key = try #require(StoreKey("d/slow.gz"))
    let slow = LocalStore(root, files: files, throttle: Throttle { _ in 1_000_000 })
    let began = SystemClock.uptime()
    #expect(try await slow.create(file, at: key).outcome == .created)
    // A tenth of a second is allowed at once.
    #expect(SystemClock.uptime() - began >= .milliseconds(150))
    let second = SystemClock.uptime()
    _ = try await slow.read(key, into: folder.path.appending("back"), atMost: .max)
    #expect(SystemClock.uptime() - second >= .milliseconds(150))
  }

  @Test func aSlowedCopyEndsWhenItsCallerGivesUp() async throws {
    let file = try sample(300_000)
    let key = try #require(StoreKey("d/slow.gz"))
    // It would take half an hour.
    let slow = LocalStore(root, files: files, throttle: Throttle { _ in 150 })
    let copy = Task { try await slow.create(file, at: key) }
    while try files.info(root.appending("d/.slow.gz.part")) == nil { try await Task.sleep(for: .milliseconds(5)) }
    copy.cancel()
    await #expect(throws: StoreFault.self) { try await copy.value }
    #expect(try files.list(root.appending("d")).isEmpty)
  }

  /// Whoever may write to the store's folder may put a link there, and exchange it while we work.
  @Test(arguments: [false, true]) func aLinkInItIsNotFollowed(comesAndGoes: Bool) async throws {
    let file = try sample(1_000)
    let store = LocalStore(root, files: LinuxFiles(guarded: [root]))
    let (opens, foreign) = (root.appending("opens"), folder.path.appending("foreign"))
    for path in [foreign.appending("dt=1"), root] { try files.ensureDirectory(path) }
    try files.put("foreign", at: foreign.appending("dt=1").appending("0.gz"))
    #expect(symlink(foreign.string, opens.string) == 0)
    let swap = folder.path.appending("swap")
    try files.ensureDirectory(swap)
    let exchanger = comesAndGoes ? try Exchanger(opens, swap) : nil
    defer { exchanger?.stop() }
    var (done, denied) = (0, 0)
    for number in 0... {
      let key = try #require(StoreKey("opens/dt=1/\(number % 3).gz"))
      let copy = folder.path.appending(FileName("copy\(number)"))
      let asks: [() async throws -> Void] = [
        {
          let made = try await store.create(file, at: key)
          #expect(made.sha256 == file.sha256)
        },
        { if let found = try await store.stat(key) { #expect(found.sha256 == file.sha256) } },
        {
          let found = try await store.read(key, into: copy)
          #expect(found.sha256 == file.sha256)
        },
        { try await store.list("opens/") { page in #expect(page.allSatisfy { $0.size == file.size }) } },
        { try await store.delete(key) },
      ]
      for (index, ask) in asks.enumerated() {
        do {
          try await ask()
          // A list tells of what is there, and a link is nothing.
          if index != 3 { done += 1 }
        } catch let fault as StoreFault {
          if fault.kind == .denied { denied += 1 }
        }
      }
      if number >= 20, denied > 50, done > 50 || !comesAndGoes { break }
    }
    #expect(comesAndGoes || done == 0)
    exchanger?.stop()
    #expect(try files.list(foreign) == ["dt=1"])
    #expect(try files.list(foreign.appending("dt=1")) == ["0.gz"])
    #expect(try files.text(foreign.appending("dt=1").appending("0.gz")) == "foreign")
  }

  @Test func namesKeptForPartsAreRefused() async throws {
    let file = try sample()
    for name in [".a.part", "d/.x.gz.part", String(repeating: "n", count: 253)] {
      let key = try #require(StoreKey(name))
      #expect(try await fault { _ = try await store.create(file, at: key) }.kind == .refused)
    }
  }

  /// A sender renames another version to the name at the n-th call that a deletion makes of the disk, for every n; and for every n, a
  /// deletion is killed there and asked for again.
  @Test func aVersionThatComesWhileTheOneBeforeIsDeletedStays() async throws {
    let key = try #require(StoreKey("d/a.csv"))
    let target = root.appending("d/a.csv")
    try files.ensureDirectory(target.parent)
    for (step, isKilled) in (0..<9).flatMap({ [($0, false), ($0, true)] }) {
      try? files.remove(target)
      try files.write([1], to: target)
      let listed = try #require(try await list(store).first)
      let calls = Locked(0)
      let shaky = ShakyFiles(files) { [files] (_) throws(FileFault) in
        let call = calls.withLock { calls in
          calls += 1
          return calls
        }
        if call == step + 1, !isKilled { try files.write([2, 2], to: target) }
        if call > step, isKilled { throw FileFault(.io, "Cannot go on", at: "here") }
      }
      let isGone = try? await LocalStore(root, files: shaky).delete(key, listedAs: listed)
      if isKilled { #expect(try await store.delete(key, listedAs: listed), "step \(step)") }
      let left = try files.list(root.appending("d"))
      if isKilled {
        #expect(left.isEmpty, "step \(step)")
      } else if calls.withLock({ $0 }) > step {
        #expect(left.count == 1, "step \(step), \(left)")
        #expect(try files.contents(of: target, limit: 9) == [2, 2], "step \(step)")
      } else {
        #expect(isGone == true && left.isEmpty, "step \(step)")
      }
    }
  }

  private func list(_ store: LocalStore) async throws -> [ListedObject] {
    let found = Locked<[ListedObject]>([])
    try await store.list("") { page in found.withLock { $0 += page } }
    return found.withLock { $0 }
  }

  @Test func aFileThatChangedOnOurDiskIsHeldNotCopied() async throws {
    let file = try sample()
    try files.write([1], to: file.path)
    let key = try #require(StoreKey("o.gz"))
    #expect(try await fault { _ = try await store.create(file, at: key) }.kind == .refused)
    #expect(try files.list(root).isEmpty)
  }

  @Test func nothingOfAnObjectIsReachableForTheWorld() async throws {
    _ = try await store.create(try sample(), at: try #require(StoreKey("d/o.gz")))
    #expect(try files.info(root.appending("d"))?.mode == .stateDirectory)
    #expect(try files.info(root.appending("d/o.gz"))?.mode == .stateFile)
  }

  @Test func aListIsInTheOrderOfKeysAndSkipsParts() async throws {
    let file = try sample(10)
    for name in ["a/b/c", "a-b", "a.b", "a0", "a/b-c", "b"] {
      _ = try await store.create(file, at: try #require(StoreKey(name)))
    }
    try files.write([1], to: root.appending("a/.c.part"))
    let keys = Locked<[String]>([])
    try await store.list("a") { page in keys.withLock { $0 += page.map(\.key) } }
    #expect(keys.withLock { $0 } == ["a-b", "a.b", "a/b-c", "a/b/c", "a0"])
    let none = LocalStore(folder.path.appending("never-made"), files: files)
    try await none.list("") { _ in Issue.record("a page of nothing") }
  }

  @Test func whatIsCreatedSurvivesAPowerCutAtAnyStep() async throws {
    let key = try #require(StoreKey("dt=1/o.gz"))
    let shelf: FilePath = "/s/shelf"
    let before = SimFiles()
    try before.makeDirectory("/s", mode: .stateDirectory)
    try before.write((0..<1000).map { UInt8(truncatingIfNeeded: $0) }, to: "/object", mode: .stateFile)
    try before.sync(["/object", "/s", "/"])
    let file = try StoredFile.describing("/object", before)
    var step = 0
    var isDone = false
    while !isDone {
      let life = SimFiles(before.snapshot)
      life.points.begin(killAt: step)
      isDone = (try? await LocalStore(shelf, files: life).create(file, at: key).outcome) == .created
      for survival in life.snapshot.survivals() {
        let disk = SimFiles(life.snapshot)
        disk.reboot(powerCut: survival)
        let store = LocalStore(shelf, files: disk)
        let found = try await store.stat(key)
        if isDone { #expect(found?.sha256 == file.sha256, "confirmed, then lost: \(survival)") }
        if let found { #expect(found.sha256 == file.sha256, "part of an object is seen, step \(step): \(survival)") }
        #expect(try await store.create(file, at: key).outcome == (found == nil ? .created : .alreadyThere))
      }
      step += 1
    }
    #expect(step > 5, "only \(step) steps were cut")
  }
}

extension StoredFile {
  static func describing(_ path: FilePath, _ files: any Files) throws -> StoredFile {
    let bytes = try files.contents(of: path, limit: 1 << 20)
    return StoredFile(path: path, size: UInt64(bytes.count), sha256: digest(of: bytes), md5: "")
  }
}
