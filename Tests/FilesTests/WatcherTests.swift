import Core
import Files
import Glibc
import SystemPackage
import TestKit
import Testing
import Threads

/// Wakes as they come, and a wait for them that holds no thread.
private final class Wakes: Sendable {
  private let seen = Locked<[FilePath?]>([])

  func note(_ path: FilePath?) { seen.withLock { $0.append(path) } }
  var all: [FilePath?] { seen.withLock { $0 } }
  func clear() { seen.withLock { $0 = [] } }
  func forget(_ path: FilePath) { seen.withLock { $0.removeAll { $0 == path } } }

  func wait(_ condition: ([FilePath?]) -> Bool) async throws -> Bool {
    for _ in 0..<2_000 {
      if condition(all) { return true }
      try await Task.sleep(for: .milliseconds(5))
    }
    return false
  }
}

@Suite("The watcher")
struct WatcherTests {
  let files = LinuxFiles()
  let folder: TemporaryFolder
  private let wakes = Wakes()
  let watcher: Watcher
  var path: FilePath { folder.path }

  init() throws {
    folder = try TemporaryFolder()
    let wakes = wakes
    watcher = Watcher(onWake: { wakes.note($0) }, onOverflow: { wakes.note("/overflow") })
  }

  @Test("The first write to a file is told, and no other before it is asked for again")
  func growth() async throws {
    let log = path.appending("a.log")
    try files.put("", at: log)
    let file = try files.append(to: log)
    func write() throws {
      try Array("x\n".utf8).withUnsafeBufferPointer { (raw) throws(FileFault) in
        try file.write(UnsafeRawBufferPointer(raw))
      }
    }
    for round in 1...3 {
      #expect(watcher.watchGrowth(of: log))
      #expect(!watcher.watchGrowth(of: log), "asked for again")
      for _ in 1...5 { try write() }
      #expect(try await wakes.wait { $0.contains(log) })
      try write()
      try await settle(watcher)
      #expect(wakes.all.count { $0 == log } == 1, "round \(round)")
      wakes.clear()
    }
    // It is the file that is watched, whatever it is called by then; and what is there now can be, too.
    #expect(watcher.watchGrowth(of: log))
    try files.move(log, to: path.appending("a.log.1"))
    try write()
    #expect(try await wakes.wait { $0.contains(log) })
    wakes.clear()
    try files.put("", at: log)
    #expect(watcher.watchGrowth(of: log))
    watcher.unwatch(log)
    let other = try files.append(to: log)
    try Array("x".utf8).withUnsafeBufferPointer { (raw) throws(FileFault) in
      try other.write(UnsafeRawBufferPointer(raw))
    }
    try await settle(watcher)
    #expect(!wakes.all.contains(log))
    #expect(!watcher.watchGrowth(of: path.appending("nowhere")))
  }

  /// Returns when all that was done before has been told: the kernel keeps one order for all folders of a watcher. The second act is told
  /// after the whole of the batch that the first was in.
  private func settle(_ watcher: Watcher) async throws {
    let fence = try TemporaryFolder()
    defer { watcher.unwatch(fence.path) }
    #expect(watcher.watch(fence.path) == .watching)
    for count in 1...2 {
      // One event, and no second one that is told after it was looked for.
      try files.makeDirectory(fence.path.appending(FileName("d\(count)")), mode: .stateDirectory)
      let isTold = try await wakes.wait { $0.contains(fence.path) }
      #expect(isTold)
      wakes.forget(fence.path)
    }
  }

  @Test("wakes for a file that comes, is renamed, becomes readable or goes, and not otherwise")
  func wakes() async throws {
    #expect(watcher.watch(path) == .watching)
    #expect(watcher.watch(path) == .watching)
    let (a, b) = (path.appending("a"), path.appending("b"))
    let acts: [@Sendable (LinuxFiles) throws -> Void] = [
      { try $0.put("1", at: a) }, { try $0.move(a, to: b) },
      { try $0.set(mode: AccessMode(rawValue: 0o644), owner: nil, group: nil, of: b) }, { try $0.remove(b) },
    ]
    for (index, act) in acts.enumerated() {
      wakes.clear()
      try act(files)
      #expect(try await wakes.wait { $0.contains(path) }, "act \(index)")
      // The rest of the same act's events.
      try await settle(watcher)
    }
    wakes.clear()
    _ = try files.list(path)
    _ = try files.info(path)
    try await settle(watcher)
    #expect(wakes.all.isEmpty)
  }

  @Test("misses nothing of a burst: whoever looks after each wake finds every file")
  func burst() async throws {
    #expect(watcher.watch(path) == .watching)
    let path = path
    let writer = Task.detached {
      for index in 0..<2_000 { try LinuxFiles().put("x", at: path.appending(FileName("f\(index)"))) }
    }
    var found = 0
    while found < 2_000 {
      guard try await wakes.wait({ !$0.isEmpty }) else { break }
      wakes.clear()
      found = try files.list(path).count
    }
    try await writer.value
    #expect(found == 2_000)
  }

  /// A watcher whose reader stays in its first wake until it is let go, so that events queue up.
  private func heldWatcher() async throws -> (watcher: Watcher, letGo: @Sendable () -> Void) {
    let (entered, leave) = (Locked(false), Locked(false))
    let wakes = wakes
    let held = Watcher(
      onWake: { path in
        entered.withLock { $0 = true }
        while !leave.withLock({ $0 }) { usleep(1_000) }
        wakes.note(path)
      }, onOverflow: { wakes.note("/overflow") })
    #expect(held.watch(path) == .watching)
    try files.put("x", at: path.appending("first"))
    #expect(try await wakes.wait { _ in entered.withLock { $0 } })
    return (held, { leave.withLock { $0 = true } })
  }

  @Test("costs one wake for all that is in the queue, not one per file")
  func oneWake() async throws {
    let (held, letGo) = try await heldWatcher()
    for index in 0..<500 { try files.put("x", at: path.appending(FileName("f\(index)"))) }
    letGo()
    #expect(try await wakes.wait { $0.count >= 2 })
    try await settle(held)
    // The first event's wake, one for the rest of its burst at most, and one for the 500.
    #expect((2...3).contains(wakes.all.count))
    held.stop()
  }

  @Test("wakes when the folder goes or is renamed, and watches the next one of that name")
  func replaced() async throws {
    let watched = path.appending("d")
    try files.makeDirectory(watched, mode: .stateDirectory)
    #expect(watcher.watch(watched) == .watching)
    try files.move(watched, to: path.appending("old"))
    #expect(try await wakes.wait { $0.contains(watched) })
    #expect(watcher.watch(watched) == .polled("no such folder"))
    try files.makeDirectory(watched, mode: .stateDirectory)
    #expect(watcher.watch(watched) == .watching)
    try await settle(watcher)
    wakes.clear()
    try files.put("x", at: path.appending("old/f"))
    try await settle(watcher)
    #expect(wakes.all.isEmpty, "the renamed folder is no longer watched")
    try files.remove(watched)
    #expect(try await wakes.wait { $0.contains(watched) })
    #expect(watcher.watch(watched) == .polled("no such folder"))
  }

  @Test("serves two paths to one folder, and forgets each by itself")
  func twoPaths() async throws {
    let link = path.appending("link")
    #expect(symlink(path.string, link.string) == 0)
    #expect(watcher.watch(path) == .watching)
    #expect(watcher.watch(link) == .watching)
    try files.put("x", at: path.appending("a"))
    #expect(try await wakes.wait { $0.contains(path) && $0.contains(link) })
    watcher.unwatch(link)
    try await settle(watcher)
    wakes.clear()
    try files.put("x", at: path.appending("b"))
    #expect(try await wakes.wait { $0.contains(path) })
    #expect(!wakes.all.contains(link))
  }

  @Test("says why a folder must be looked at instead")
  func polled() throws {
    #expect(watcher.watch(path.appending("nowhere")) == .polled("no such folder"))
    try files.put("x", at: path.appending("file"))
    #expect(watcher.watch(path.appending("file")) == .polled("no such folder"))
  }

  @Test("calls nobody after it was stopped, and may be stopped from its own call")
  func stop() async throws {
    #expect(watcher.watch(path) == .watching)
    watcher.stop()
    watcher.stop()
    // It has waited for its thread: nobody is there who could call.
    try files.put("x", at: path.appending("a"))
    #expect(wakes.all.isEmpty)

    let own = Locked<Watcher?>(nil)
    let wakes = wakes
    let second = Watcher(
      onWake: { path in
        own.withLock { $0 }?.stop()
        wakes.note(path)
      }, onOverflow: {})
    own.withLock { $0 = second }
    #expect(second.watch(path) == .watching)
    try files.put("x", at: path.appending("b"))
    #expect(try await wakes.wait { !$0.isEmpty })
    own.withLock { $0 = nil }
  }

  @Test("reports what the kernel dropped, and asks for a look everywhere")
  func overflow() async throws {
    let limit = try Int(files.text("/proc/sys/fs/inotify/max_queued_events").dropLast()) ?? 16_384
    guard limit <= 65_536 else {
      print("skipped: the kernel queues \(limit) events here")
      return
    }
    let (held, letGo) = try await heldWatcher()
    let (a, b) = (path.appending("a"), path.appending("b"))
    try files.put("x", at: a)
    for _ in 0..<(limit / 4 + 1) {
      try files.move(a, to: b)
      try files.move(b, to: a)
    }
    letGo()
    #expect(try await wakes.wait { $0.contains("/overflow") && $0.contains(nil) })
    held.stop()
  }
}
