import Core
import Store
import SystemPackage
import Testing
import Threads

/// Held by a call for as long as anybody holds the call.
private final class Held: Sendable {}

@Suite("A call that was broken off leaves nothing behind")
struct LingeringTests {
  private struct Store: RemoteStore {
    let held: Held
    let traits = StoreTraits(createOnly: true, returnsDigest: true, largestObject: 1)
    func create(_ file: StoredFile, at key: StoreKey) async throws(StoreFault) -> Receipt {
      Receipt(outcome: .created, size: 1)
    }
    func stat(_ key: StoreKey) async throws(StoreFault) -> Receipt? {
      while !Task.isCancelled { await sleep(for: .milliseconds(5)) }
      return nil
    }
    func list(_ prefix: String, _ each: @escaping @Sendable ([ListedObject]) async throws -> Void) async throws {}
    func read(_ key: StoreKey, into target: FilePath, atMost most: UInt64) async throws(StoreFault) -> Receipt {
      Receipt(outcome: .found, size: 1)
    }
    func readBack(_ key: StoreKey) async throws(StoreFault) -> Receipt? { nil }
    func delete(_ key: StoreKey) async throws(StoreFault) {}
  }

  @Test("neither its store nor the threads of that, however long it might have been waited for")
  func lingering() async throws {
    let key = try #require(StoreKey("a"))
    let name = try #require(StoreName("aep"))
    weak var remembered: Held?
    do {
      let held = Held()
      remembered = held
      let store = WatchedStore(
        Store(held: held), name: name, limits: CallLimits(patience: .seconds(3_600), grace: .seconds(3_600)),
        log: StallLog())
      let caller = Task.onPool { _ = try? await store.stat(key) }
      caller.cancel()
      await caller.value
    }
    while remembered != nil { await sleep(for: .milliseconds(5)) }
  }
}
