public import Core
public import SystemPackage
internal import Threads

/// In the place of a store that could not be made, as where its `ca_file` has gone since the configuration was checked. Each call
/// throws why, so that only the lanes of this store wait; and it is tried again to make it, on use, so that nobody needs to reload.
public final class MendingStore: RemoteStore {
  private enum Stage: Sendable {
    case broken(StoreFault, triedAt: Duration)
    case made(any RemoteStore)
  }

  /// Between two attempts.
  public static let pause = Limits.remakePause

  private let make: @Sendable () throws(StoreFault) -> any RemoteStore
  private let uptime: @Sendable () -> Duration
  private let stage: Locked<Stage>

  public init(
    _ fault: StoreFault, uptime: @escaping @Sendable () -> Duration = SystemClock.uptime,
    make: @escaping @Sendable () throws(StoreFault) -> any RemoteStore
  ) {
    self.make = make
    self.uptime = uptime
    stage = Locked(.broken(fault, triedAt: uptime()))
  }

  /// The store itself; where it cannot be made, one in its place.
  public static func store(_ make: @escaping @Sendable () throws(StoreFault) -> any RemoteStore) -> any RemoteStore {
    do throws(StoreFault) { return try make() } catch { return MendingStore(error, make: make) }
  }

  public var traits: StoreTraits {
    if case .made(let store) = stage.withLock({ $0 }) { return store.traits }
    return StoreTraits(createOnly: true, returnsDigest: false, largestObject: .max)
  }

  private func store() throws(StoreFault) -> any RemoteStore {
    let now = uptime()
    let (found, isDue): (Stage, Bool) = stage.withLock { stage in
      guard case .broken(let fault, let triedAt) = stage, now - triedAt >= Self.pause else { return (stage, false) }
      // Whoever comes meanwhile has the old answer.
      stage = .broken(fault, triedAt: now)
      return (stage, true)
    }
    switch found {
    case .made(let store): return store
    case .broken(let fault, _):
      guard isDue else { throw fault }
      do throws(StoreFault) {
        let store = try make()
        stage.withLock { $0 = .made(store) }
        return store
      } catch {
        stage.withLock { $0 = .broken(error, triedAt: now) }
        throw error
      }
    }
  }

  // MARK: RemoteStore

  public func create(_ file: StoredFile, at key: StoreKey) async throws(StoreFault) -> Receipt {
    try await store().create(file, at: key)
  }

  public func stat(_ key: StoreKey) async throws(StoreFault) -> Receipt? { try await store().stat(key) }

  public func list(_ prefix: String, _ each: @escaping @Sendable ([ListedObject]) async throws -> Void) async throws {
    try await store().list(prefix, each)
  }

  public func list(
    _ prefix: String, depth: Int, barred: @escaping @Sendable (BarredFolder) -> Void,
    _ each: @escaping @Sendable ([ListedObject]) async throws -> Void
  ) async throws { try await store().list(prefix, depth: depth, barred: barred, each) }

  public func find(_ key: StoreKey) async throws -> ListedObject? { try await store().find(key) }

  public func read(_ key: StoreKey, into target: FilePath, atMost most: UInt64) async throws(StoreFault) -> Receipt {
    try await store().read(key, into: target, atMost: most)
  }

  public func readBack(_ key: StoreKey) async throws(StoreFault) -> Receipt? { try await store().readBack(key) }

  public func delete(_ key: StoreKey) async throws(StoreFault) { try await store().delete(key) }

  public func delete(_ key: StoreKey, listedAs object: ListedObject) async throws(StoreFault) -> Bool {
    try await store().delete(key, listedAs: object)
  }

  public func delete(_ key: StoreKey, version: String?) async throws(StoreFault) {
    try await store().delete(key, version: version)
  }

  public func contend(_ file: StoredFile, at key: StoreKey, inParts: Bool) async throws(StoreFault) -> Contest? {
    try await store().contend(file, at: key, inParts: inParts)
  }
}
