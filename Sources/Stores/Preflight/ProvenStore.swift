public import Config
public import Core
public import Files
public import Store
public import SystemPackage
import Threads

/// A store to which nothing is sent before it was seen to replace nothing. Everything but sending goes through as it is.
///
/// It is tried before the first object, again after a change of its place, its rights or its server, and every week. With
/// `trust: single_writer` it is not: then nobody else writes there, and each object is looked for before it is sent and afterwards.
public final class ProvenStore: RemoteStore {
  private struct State: Sendable {
    var proof: Proof?
    var isLoaded = false
    /// Somebody tries it: what was begun meanwhile waits for the outcome.
    var isTrying = false
    var waiters: [UInt64: CheckedContinuation<Result<Void, StoreFault>?, Never>] = [:]
    var number: UInt64 = 0
  }

  public let probeKey: StoreKey
  private let store: any RemoteStore
  private let preflight: Preflight
  private let memory: ProofMemory
  private let identity: Digest
  private let isSingleWriter: Bool
  private let name: StoreName
  private let clock: @Sendable () -> Timestamp
  private let state = Locked(State())

  /// - Parameters:
  ///   - folder: for the probes; made and removed.
  ///   - clock: the wall clock.
  public init(
    _ store: any RemoteStore, _ settings: StoreSettings, host: String, folder: FilePath, memory: ProofMemory,
    files: any Files, clock: @escaping @Sendable () -> Timestamp
  ) throws(StoreFault) {
    let key = try settings.probeKey(host: host)
    self.store = store
    self.memory = memory
    self.clock = clock
    name = settings.name
    identity = settings.identity
    isSingleWriter = settings.trust == .singleWriter
    probeKey = key
    preflight = Preflight(store, name: settings.name.text, key: key, folder: folder, files: files)
  }

  public var traits: StoreTraits { store.traits }

  // MARK: Sending

  public func create(_ file: StoredFile, at key: StoreKey) async throws(StoreFault) -> Receipt {
    if isSingleWriter { return try await createAlone(file, at: key) }
    try await prove()
    let receipt = try await store.create(file, at: key)
    met(receipt.server)
    return receipt
  }

  private enum Turn { case trusted, first, after }

  /// Returns where the store may be trusted. The first who asks tries it, in its own task, so that a crash meanwhile is known to be of its
  /// batch; the others have its outcome, or, where it is broken off, one of them tries anew.
  public func prove() async throws(StoreFault) {
    while true {
      let now = clock()
      let turn: Turn = state.withLock { state in
        if !state.isLoaded {
          state.proof = memory.read()
          state.isLoaded = true
        }
        if state.isTrying { return .after }
        if state.proof?.holds(identity, at: now) == true { return .trusted }
        state.isTrying = true
        return .first
      }
      switch turn {
      case .trusted: return
      case .first: return try await tried().get()
      case .after:
        if let result = await outcome() { return try result.get() }
        guard !Task.isCancelled else {
          throw StoreFault(.unreachable, "Cannot try store", at: name.text, why: "it was stopped")
        }
      }
    }
  }

  /// Nil where there is none: whoever tried it was stopped, or this task was.
  private func outcome() async -> Result<Void, StoreFault>? {
    let mine = state.withLock { state in
      state.number += 1
      return state.number
    }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let mayWait = state.withLock { state in
          guard state.isTrying, !Task.isCancelled else { return false }
          state.waiters[mine] = continuation
          return true
        }
        if !mayWait { continuation.resume(returning: nil) }
      }
    } onCancel: {
      state.withLock { $0.waiters.removeValue(forKey: mine) }?.resume(returning: nil)
    }
  }

  /// The same, whatever is known of it.
  public func proveAnew() async throws(StoreFault) { try await tried().get() }

  private func tried() async -> Result<Void, StoreFault> {
    let result: Result<Preflight.Outcome, StoreFault>
    do throws(StoreFault) { result = .success(try await preflight.run()) } catch { result = .failure(error) }
    var proof = Proof(at: clock(), outcome: .holds, store: identity.description)
    switch result {
    case .success(let outcome): proof.servers = [outcome.server].compactMap(\.self)
    case .failure(let fault):
      // What passes says nothing of the store: what was known of it is known still.
      guard fault.kind == .unproven else {
        end(.failure(fault), nil)
        return .failure(fault)
      }
      proof.outcome = .fails
    }
    memory.note(proof)
    end(result.map { _ in }, proof)
    return result.map { _ in }
  }

  private func end(_ result: Result<Void, StoreFault>, _ proof: Proof?) {
    let waiters = state.withLock { state in
      if let proof { state.proof = proof }
      defer { (state.isTrying, state.waiters) = (false, [:]) }
      return state.waiters
    }
    let isStopped = Task.isCancelled && proof == nil
    for waiter in waiters.values { waiter.resume(returning: isStopped ? nil : result) }
  }

  /// Another version of the service may be another service: the next object waits until it was tried.
  private func met(_ server: String?) {
    guard let server else { return }
    let proof: Proof? = state.withLock { state in
      guard var proof = state.proof, !proof.servers.contains(server) else { return nil }
      let isFirst = proof.servers.isEmpty
      proof.servers = Array((proof.servers + [server]).suffix(Limits.proofServers))
      if !isFirst { proof.outcome = .outdated }
      state.proof = proof
      return proof
    }
    if let proof { memory.note(proof) }
  }

  // MARK: Without a proof

  private func createAlone(_ file: StoredFile, at key: StoreKey) async throws(StoreFault) -> Receipt {
    if var found = try await store.stat(key) {
      try await compare(found, file, key)
      found.outcome = .alreadyThere
      return found
    }
    let receipt = try await store.create(file, at: key)
    guard let found = try await store.stat(key) else {
      throw StoreFault(
        .unreachable, "Cannot send to store", at: name.text, why: "it took \(key), and then there is none",
        remedy: "If it stays: something takes objects away before they can be looked for")
    }
    try await compare(found, file, key)
    return receipt
  }

  private func compare(_ found: Receipt, _ file: StoredFile, _ key: StoreKey) async throws(StoreFault) {
    var sha256 = found.sha256
    if found.size == file.size, sha256 == nil { sha256 = try await store.readBack(key)?.sha256 }
    guard found.size == file.size, sha256 == file.sha256 else {
      throw StoreFault(
        .mismatch, "Cannot send to store", at: name.text, why: "another object has the name \(key)",
        remedy: "Somebody else writes there: look at it, and take trust: single_writer away; then: navette retry")
    }
  }

  // MARK: Everything else

  public func stat(_ key: StoreKey) async throws(StoreFault) -> Receipt? { try await store.stat(key) }

  public func list(_ prefix: String, _ each: @escaping @Sendable ([ListedObject]) async throws -> Void) async throws {
    try await store.list(prefix, each)
  }

  public func list(
    _ prefix: String, depth: Int, barred: @escaping @Sendable (BarredFolder) -> Void,
    _ each: @escaping @Sendable ([ListedObject]) async throws -> Void
  ) async throws { try await store.list(prefix, depth: depth, barred: barred, each) }

  public func find(_ key: StoreKey) async throws -> ListedObject? { try await store.find(key) }

  public func read(_ key: StoreKey, into target: FilePath, atMost most: UInt64) async throws(StoreFault) -> Receipt {
    try await store.read(key, into: target, atMost: most)
  }

  public func readBack(_ key: StoreKey) async throws(StoreFault) -> Receipt? { try await store.readBack(key) }

  public func delete(_ key: StoreKey) async throws(StoreFault) { try await store.delete(key) }

  public func delete(_ key: StoreKey, listedAs object: ListedObject) async throws(StoreFault) -> Bool {
    try await store.delete(key, listedAs: object)
  }

  public func delete(_ key: StoreKey, version: String?) async throws(StoreFault) {
    try await store.delete(key, version: version)
  }

  public func contend(_ file: StoredFile, at key: StoreKey, inParts: Bool) async throws(StoreFault) -> Contest? {
    try await store.contend(file, at: key, inParts: inParts)
  }
}
