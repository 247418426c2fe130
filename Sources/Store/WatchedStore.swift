public import Core
public import SystemPackage
internal import Threads

/// A store whose every call ends. One that neither ends nor moves a byte for longer than all of the store's own limits is broken off, and
/// answered as `.unreachable`; where it does not end then either, its caller goes on without it, and `StallLog` is told: nothing
/// in a healthy program does that. The same holds for a caller that is cancelled: it is let go in time for the agent to stop.
public struct WatchedStore: RemoteStore {
  private let store: any RemoteStore
  private let name: StoreName
  private let limits: CallLimits
  private let log: StallLog

  public init(_ store: any RemoteStore, name: StoreName, limits: CallLimits, log: StallLog) {
    (self.store, self.name, self.limits, self.log) = (store, name, limits, log)
  }

  public var traits: StoreTraits { store.traits }

  public func create(_ file: StoredFile, at key: StoreKey) async throws(StoreFault) -> Receipt {
    try await ended("put \(key)") { [store] _ in try await store.create(file, at: key) }
  }

  public func stat(_ key: StoreKey) async throws(StoreFault) -> Receipt? {
    try await ended("look at \(key)") { [store] _ in try await store.stat(key) }
  }

  public func list(_ prefix: String, _ each: @escaping @Sendable ([ListedObject]) async throws -> Void) async throws {
    try await call("list") { [store] watch in
      try await store.list(prefix) { page in try await Self.take(page, watch, each) }
    }.result().get()
  }

  public func list(
    _ prefix: String, depth: Int, barred: @escaping @Sendable (BarredFolder) -> Void,
    _ each: @escaping @Sendable ([ListedObject]) async throws -> Void
  ) async throws {
    try await call("list") { [store] watch in
      try await store.list(prefix, depth: depth, barred: barred) { page in try await Self.take(page, watch, each) }
    }.result().get()
  }

  public func find(_ key: StoreKey) async throws -> ListedObject? {
    try await call("look at an object") { [store] _ in try await store.find(key) }.result().get()
  }

  /// What is done with a page is the caller's time, not the store's.
  private static func take(
    _ page: [ListedObject], _ watch: TransferWatch, _ each: @Sendable ([ListedObject]) async throws -> Void
  ) async throws {
    watch.pause()
    defer { watch.resume() }
    try await each(page)
  }

  public func read(_ key: StoreKey, into target: FilePath, atMost most: UInt64) async throws(StoreFault) -> Receipt {
    // A key that others chose may tell about people.
    try await ended("get an object") { [store] _ in try await store.read(key, into: target, atMost: most) }
  }

  public func readBack(_ key: StoreKey) async throws(StoreFault) -> Receipt? {
    try await ended("read \(key) back") { [store] _ in try await store.readBack(key) }
  }

  public func delete(_ key: StoreKey) async throws(StoreFault) {
    try await ended("delete an object") { [store] _ in try await store.delete(key) }
  }

  public func delete(_ key: StoreKey, listedAs object: ListedObject) async throws(StoreFault) -> Bool {
    try await ended("delete an object") { [store] _ in try await store.delete(key, listedAs: object) }
  }

  public func delete(_ key: StoreKey, version: String?) async throws(StoreFault) {
    try await ended("delete \(key)") { [store] _ in try await store.delete(key, version: version) }
  }

  public func contend(_ file: StoredFile, at key: StoreKey, inParts: Bool) async throws(StoreFault) -> Contest? {
    try await ended("put \(key)") { [store] _ in try await store.contend(file, at: key, inParts: inParts) }
  }

  private func call<Value: Sendable>(
    _ what: String, _ body: @escaping @Sendable (TransferWatch) async throws -> Value
  ) -> WatchedCall<Value> {
    WatchedCall(Stall(store: name, what: what, patience: limits.patience), limits, log, body)
  }

  private func ended<Value: Sendable>(
    _ what: String, _ body: @escaping @Sendable (TransferWatch) async throws -> Value
  ) async throws(StoreFault) -> Value {
    do {
      return try await call(what, body).result().get()
    } catch let fault as StoreFault {
      throw fault
    } catch {
      let why = error is CancellationError ? "it was stopped before it was done" : "\(error)"
      throw StoreFault(.unreachable, "Cannot use store", at: name.text, why: why)
    }
  }
}

/// How long a call to a store is waited for.
public struct CallLimits: Hashable, Sendable {
  /// Without a byte moved; longer than every limit that the store keeps itself.
  public var patience: Duration
  /// Between being broken off and being left behind.
  public var grace: Duration

  public init(patience: Duration, grace: Duration = Limits.callGrace) {
    (self.patience, self.grace) = (patience, grace)
  }
}

/// A call to a store that stands still.
public struct Stall: Hashable, Sendable {
  public let store: StoreName
  /// For people: "put opens/dt=2026-03-12/…".
  public let what: String
  public let patience: Duration

  var fault: StoreFault {
    StoreFault(
      .unreachable, "Cannot \(what) in store", at: store.text,
      why: "no byte moved for \(patience.components.seconds) s, and it was broken off")
  }
}

/// Counts the calls that were left behind and have not ended since.
public final class StallLog: Sendable {
  public typealias Report = @Sendable (_ stall: Stall, _ isNew: Bool, _ count: Int) -> Void
  private let count = Locked(0)
  private let report: Report

  /// - Parameter report: told when one is left behind (`isNew`), and when it has ended after all; how many there are now.
  public init(_ report: @escaping Report = { _, _, _ in }) { self.report = report }

  func began(_ stall: Stall) { change(stall, by: 1) }
  func ended(_ stall: Stall) { change(stall, by: -1) }

  private func change(_ stall: Stall, by step: Int) {
    let now = count.withLock { count in
      count += step
      return count
    }
    report(stall, step > 0, now)
  }
}
