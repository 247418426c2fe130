import Core
import SystemPackage
import Testing
import Threads

@testable import Store

/// A store of which each call does what the test says.
private struct ScriptedStore: RemoteStore {
  let act: @Sendable () async -> Void
  let traits = StoreTraits(createOnly: true, returnsDigest: true, largestObject: 1)
  func create(_ file: StoredFile, at key: StoreKey) async throws(StoreFault) -> Receipt {
    await act()
    return Receipt(outcome: .created, size: 1)
  }
  func stat(_ key: StoreKey) async throws(StoreFault) -> Receipt? {
    await act()
    if Task.isCancelled { throw StoreFault(.unreachable, "Cannot look at", at: "it", why: "cancelled") }
    return nil
  }
  func list(_ prefix: String, _ each: @escaping @Sendable ([ListedObject]) async throws -> Void) async throws {
    try await each([])
  }
  func read(_ key: StoreKey, into target: FilePath, atMost most: UInt64) async throws(StoreFault) -> Receipt {
    Receipt(outcome: .found, size: 1)
  }
  func readBack(_ key: StoreKey) async throws(StoreFault) -> Receipt? { nil }
  func delete(_ key: StoreKey) async throws(StoreFault) { await act() }
}

@Suite("A call to a store ends, whatever the store does")
struct WatchedStoreTests {
  private let name: StoreName
  private let key: StoreKey
  /// How many calls were left behind, one entry for each change.
  private let counts = Locked<[Int]>([])

  init() throws {
    name = try #require(StoreName("aep"))
    key = try #require(StoreKey("a/b"))
  }

  private func store(
    patience: Duration = .milliseconds(100), grace: Duration = .milliseconds(50),
    _ act: @escaping @Sendable () async -> Void
  ) -> WatchedStore {
    WatchedStore(
      ScriptedStore(act: act), name: name, limits: CallLimits(patience: patience, grace: grace),
      log: StallLog { [counts] _, _, count in counts.withLock { $0.append(count) } })
  }

  @Test("one that stands still is broken off and said to be so; nothing is left behind")
  func brokenOff() async throws {
    let store = store(grace: .seconds(3_600)) { while !Task.isCancelled { await sleep(for: .milliseconds(5)) } }
    let fault = await #expect(throws: StoreFault.self) { _ = try await store.stat(key) }
    #expect(
      fault?.kind == .unreachable && fault?.description.contains("look at a/b in store aep: no byte moved") == true)
    #expect(counts.withLock { $0 } == [])
  }

  @Test("one that cannot be broken off is left behind, counted, and not counted any more once it ends")
  func leftBehind() async throws {
    let isOver = Locked(false)
    let store = store { while !isOver.withLock({ $0 }) { await sleep(for: .milliseconds(5)) } }
    let fault = await #expect(throws: StoreFault.self) { _ = try await store.stat(key) }
    #expect(fault?.kind == .unreachable)
    #expect(counts.withLock { $0 } == [1])
    isOver.withLock { $0 = true }
    while counts.withLock({ $0 }) != [1, 0] { await sleep(for: .milliseconds(5)) }
  }

  @Test("a caller that gives up is let go, and that is no fault of anybody")
  func cancelled() async throws {
    let (isOver, hasBegun) = (Locked(false), Locked(false))
    let store = store(patience: .seconds(3_600)) {
      hasBegun.withLock { $0 = true }
      while !isOver.withLock({ $0 }) { await sleep(for: .milliseconds(5)) }
    }
    let caller = Task.onPool { [key] in try? await store.delete(key) }
    while !hasBegun.withLock({ $0 }) { await sleep(for: .milliseconds(5)) }
    caller.cancel()
    _ = await caller.value
    #expect(counts.withLock { $0 } == [])
    isOver.withLock { $0 = true }
  }

  @Test("a task that was cancelled before gets its end, too")
  func cancelledBefore() async throws {
    let store = store(patience: .seconds(3_600)) { while !Task.isCancelled { await sleep(for: .milliseconds(5)) } }
    let gate = Waker()
    let caller = Task.onPool { [key] in
      _ = await gate.wait(atMost: nil)
      try? await store.delete(key)
    }
    caller.cancel()
    _ = await caller.value
    #expect(counts.withLock { $0 } == [])
  }

  @Test(
    "silence is counted from the last move, that of the queue while it waits there, and not at all while the caller has a page"
  )
  func silence() {
    let (watch, queue) = (TransferWatch(), TransferWatch())
    func later(_ seconds: Int) -> Duration { SystemClock.uptime() + .seconds(seconds) }
    #expect(watch.silence(at: later(100)) > .seconds(99))
    watch.waits(in: queue)
    let soon = later(100)
    queue.moved()
    #expect(watch.silence(at: soon) <= .seconds(100))
    watch.pause()
    #expect(watch.silence(at: later(100)) == .zero)
    watch.resume()
    watch.begins()
    #expect(watch.silence(at: later(100)) > .seconds(99))
    #expect(watch.silence(at: .zero) == .zero)
  }

  @Test("a page of a list reaches the caller, and what it throws ends the list")
  func pages() async throws {
    struct Enough: Error {}
    let pages = Locked(0)
    await #expect(throws: Enough.self) {
      try await store(patience: .seconds(3_600)) {}.list("") { [pages] _ in
        pages.withLock { $0 += 1 }
        throw Enough()
      }
    }
    #expect(pages.withLock { $0 } == 1)
    #expect(counts.withLock { $0 } == [])
  }
}
