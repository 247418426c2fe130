public import Core
private import Crypto
public import Files
public import Store
public import SystemPackage
internal import Threads

/// A store in memory, honest unless told otherwise. It outlives the program that uses it: `gate` alone belongs to a life.
public final class SimStore: StoreReader, StoreProbe {
  /// What goes wrong at one `create`.
  public enum Trouble: Hashable, Sendable {
    /// Nothing happened.
    case refused(StoreKind)
    /// The object is there, but nobody learns of it.
    case replyLost
    /// The object is there, and the store says that its digest is another.
    case lyingDigest
    /// It takes that long.
    case slow(Duration)
  }

  public typealias Gate = @Sendable (String) throws(StoreFault) -> Void

  private struct Object: Sendable {
    var bytes: [UInt8]
    var sha256: Core.Digest
  }

  private struct State: Sendable {
    var objects: [String: Object] = [:]
    var troubles: [Trouble] = []
    var creates = 0
    var reading: (@Sendable (Question) throws(StoreFault) -> Void)?
  }

  public enum Question: Hashable, Sendable { case list, read }

  private let state = Locked(State())
  private let currentGate: Locked<Gate>
  private let files: any Files

  public let traits: StoreTraits

  /// - Parameters:
  ///   - files: the disk that batches lie on.
  ///   - gate: called before and after every effect, with `create KEY`, `created KEY`, `delete KEY`, `deleted KEY`; what it throws, the
  ///     caller gets. Called after an effect, the effect stays.
  public init(files: any Files, gate: @escaping Gate = { (_) throws(StoreFault) in }) {
    self.files = files
    currentGate = Locked(gate)
    traits = StoreTraits(createOnly: true, returnsDigest: true, largestObject: UInt64(Int64.max))
  }

  public func set(gate: @escaping Gate) { currentGate.withLock { $0 = gate } }

  /// For the next calls of `create`, one each, after those already waiting.
  public func expect(_ troubles: Trouble...) { state.withLock { $0.troubles += troubles } }

  /// Whatever was expected goes well now.
  public func forgive() { state.withLock { $0.troubles = [] } }

  public var keys: [String] { state.withLock { $0.objects.keys.sorted() } }
  public func bytes(at key: String) -> [UInt8]? { state.withLock { $0.objects[key]?.bytes } }
  /// Calls of `create`, whatever came of them.
  public var creates: Int { state.withLock { $0.creates } }

  /// The outside world puts an object there.
  public func put(_ bytes: [UInt8], at key: String) {
    let object = Object(bytes: bytes, sha256: Digest(SHA256.hash(data: bytes)))
    state.withLock { $0.objects[key] = object }
  }

  /// Asked before each list and each read; what it throws, the caller gets.
  public func setReading(_ hook: (@Sendable (Question) throws(StoreFault) -> Void)?) {
    state.withLock { $0.reading = hook }
  }

  private func ask(_ question: Question) throws(StoreFault) {
    let hook = state.withLock { $0.reading }
    try hook?(question)
  }

  /// Of the object's content, as some services have it.
  public func tag(at key: String) -> String? { state.withLock { $0.objects[key] }.map { Self.tag($0) } }
  private static func tag(_ object: Object) -> String { String(object.sha256.description.prefix(16)) }

  /// The outside world takes it away.
  public func lose(_ key: String) { state.withLock { $0.objects[key] = nil } }

  // MARK: Store

  public func create(_ file: StoredFile, at key: StoreKey) async throws(StoreFault) -> Receipt {
    let what = "Cannot upload to"
    try file.refuseEmpty(what, at: place(key))
    let trouble: Trouble? = state.withLock { state in
      state.creates += 1
      return state.troubles.isEmpty ? nil : state.troubles.removeFirst()
    }
    switch trouble {
    case .refused(let kind): throw StoreFault(kind, what, at: place(key), why: "as the test asked")
    case .slow(let time):
      do { try await Task.sleep(for: time) } catch {
        throw StoreFault(.unreachable, what, at: place(key), why: "stopped")
      }
    case .replyLost, .lyingDigest, nil: break
    }
    let bytes = try contents(of: file, what, key)
    let object = Object(bytes: bytes, sha256: Digest(SHA256.hash(data: bytes)))
    guard object.sha256 == file.sha256, bytes.count == file.size else {
      throw StoreFault(.refused, what, at: place(key), why: "the file is not what was announced")
    }
    try gate("create \(key)")
    let before = state.withLock { state in
      let before = state.objects[key.description]
      if before == nil { state.objects[key.description] = object }
      return before
    }
    try gate("created \(key)")
    if let before, before.sha256 != object.sha256 {
      throw StoreFault(.mismatch, what, at: place(key), why: "another object has this key")
    }
    switch trouble {
    case .replyLost: throw StoreFault(.unreachable, what, at: place(key), why: "the answer was lost")
    case .lyingDigest: throw StoreFault(.mismatch, what, at: place(key), why: "the store's SHA-256 is another")
    default: return receipt(before == nil ? .created : .alreadyThere, object)
    }
  }

  public func stat(_ key: StoreKey) async throws(StoreFault) -> Receipt? {
    state.withLock { $0.objects[key.description] }.map { receipt(.found, $0) }
  }

  // MARK: StoreReader and StoreProbe

  public func list(_ prefix: String, _ each: @escaping @Sendable ([ListedObject]) async throws -> Void) async throws {
    try ask(.list)
    let found = state.withLock { state in
      state.objects.filter { $0.key.hasPrefix(prefix) }
        .sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        .map { ListedObject(key: $0.key, size: UInt64($0.value.bytes.count), tag: Self.tag($0.value), modified: nil) }
    }
    // Small pages, so that callers meet more than one.
    for start in stride(from: 0, to: found.count, by: 10) {
      try await each(Array(found[start..<min(start + 10, found.count)]))
    }
  }

  public func read(_ key: StoreKey, into target: FilePath, atMost most: UInt64) async throws(StoreFault) -> Receipt {
    let what = "Cannot download"
    try ask(.read)
    guard let object = state.withLock({ $0.objects[key.description] }) else {
      throw StoreFault(.refused, what, at: place(key), why: "there is no such object")
    }
    guard UInt64(object.bytes.count) <= most else { throw .tooLong(what, at: place(key), most: most) }
    do {
      let file = try files.create(target, mode: .stateFile)
      try object.bytes.withUnsafeBufferPointer { (raw) throws(FileFault) in try file.write(UnsafeRawBufferPointer(raw))
      }
    } catch {
      throw StoreFault(.refused, what, at: place(key), why: error.description)
    }
    return receipt(.found, object)
  }

  public func readBack(_ key: StoreKey) async throws(StoreFault) -> Receipt? { try await stat(key) }

  public func delete(_ key: StoreKey) async throws(StoreFault) {
    try gate("delete \(key)")
    state.withLock { $0.objects[key.description] = nil }
    try gate("deleted \(key)")
  }

  public func delete(_ key: StoreKey, listedAs object: ListedObject) async throws(StoreFault) -> Bool {
    try gate("delete \(key)")
    let isGone = state.withLock { state in
      guard let there = state.objects[key.description] else { return true }
      guard Self.tag(there) == object.tag else { return false }
      state.objects[key.description] = nil
      return true
    }
    try gate("deleted \(key)")
    return isGone
  }

  private func gate(_ step: String) throws(StoreFault) {
    let gate = currentGate.withLock { $0 }
    try gate(step)
  }

  private func contents(of file: StoredFile, _ what: String, _ key: StoreKey) throws(StoreFault) -> [UInt8] {
    do {
      return try files.contents(of: file.path, limit: 1 << 30)
    } catch {
      throw StoreFault(.refused, what, at: place(key), why: error.description)
    }
  }

  private func receipt(_ outcome: Receipt.Outcome, _ object: Object) -> Receipt {
    Receipt(outcome: outcome, size: UInt64(object.bytes.count), sha256: object.sha256, tag: Self.tag(object))
  }

  private func place(_ key: StoreKey) -> String { "sim://\(key)" }
}
