import Config
import Core
import Files
import Store
import SystemPackage
import TestKit
import Testing
import Threads

@testable import Stores

/// A store that breaks its word in one way, over one that keeps it.
private final class OddStore: RemoteStore {
  enum Way: Hashable, Sendable {
    case honest
    /// `If-None-Match` is accepted and passed over.
    case replaces
    /// It looks first and writes afterwards, so that all who come at once find nothing.
    case looksFirst
    /// What comes in parts replaces.
    case replacesInParts
    /// It says that the name is taken, and writes all the same.
    case refusesAndReplaces
    /// Neither reads nor deletes are allowed.
    case dropBox
    /// What is put there is gone at once.
    case takesAway
    case refuses(StoreKind)
  }

  let way: Locked<Way>
  let store: SimStore
  private let looks = Locked(0)
  private let calls = Locked<[String]>([])
  private let server = Locked<String?>("Server/1.0")

  init(_ way: Way) {
    self.way = Locked(way)
    store = SimStore(files: LinuxFiles())
  }

  var traits: StoreTraits { store.traits }
  var asked: [String] { calls.withLock { $0 } }
  var contests: Int { asked.count { $0.hasPrefix("contend") } }
  func become(_ way: Way) { self.way.withLock { $0 = way } }
  func call(_ name: String?) { server.withLock { $0 = name } }
  private func note(_ call: String) { calls.withLock { $0.append(call) } }

  private func named(_ receipt: Receipt) -> Receipt {
    var receipt = receipt
    receipt.server = server.withLock { $0 }
    return receipt
  }

  private func bytes(_ file: StoredFile) throws(StoreFault) -> [UInt8] {
    do { return try LinuxFiles().contents(of: file.path, limit: 1 << 20) } catch {
      throw StoreFault(.refused, "Cannot read", at: file.path.string)
    }
  }

  func contend(_ file: StoredFile, at key: StoreKey, inParts: Bool) async throws(StoreFault) -> Contest? {
    note("contend \(key)\(inParts ? " in parts" : "")")
    switch way.withLock({ $0 }) {
    case .replaces: return try put(file, key)
    case .looksFirst where !inParts:
      if store.keys.contains(key.description) { return .lost }
      // All of a round have looked before one writes.
      let mine = looks.withLock { looks in
        looks += 1
        return looks
      }
      let round = (mine + Limits.contestants - 1) / Limits.contestants * Limits.contestants
      while looks.withLock({ $0 }) < round { await Task.yield() }
      return try put(file, key)
    case .replacesInParts where inParts: return try put(file, key)
    case .refusesAndReplaces where store.keys.contains(key.description):
      _ = try put(file, key)
      return .lost
    case .takesAway: return .won
    case .refuses(let kind): throw StoreFault(kind, "Cannot upload to", at: "odd://\(key)", why: "as the test asked.")
    default: break
    }
    do throws(StoreFault) {
      return try await store.create(file, at: key).outcome == .created ? .won : .lost
    } catch {
      guard error.kind == .mismatch else { throw error }
      return .lost
    }
  }

  private func put(_ file: StoredFile, _ key: StoreKey) throws(StoreFault) -> Contest {
    store.put(try bytes(file), at: key.description)
    return .won
  }

  func create(_ file: StoredFile, at key: StoreKey) async throws(StoreFault) -> Receipt {
    note("create \(key)")
    return named(try await store.create(file, at: key))
  }

  func stat(_ key: StoreKey) async throws(StoreFault) -> Receipt? {
    note("stat \(key)")
    try mayRead(key)
    return try await store.stat(key).map(named)
  }

  private func mayRead(_ key: StoreKey) throws(StoreFault) {
    guard way.withLock({ $0 }) == .dropBox else { return }
    throw StoreFault(.denied, "Cannot ask for", at: "odd://\(key)", why: "nobody may read here")
  }

  func list(_ prefix: String, _ each: @escaping @Sendable ([ListedObject]) async throws -> Void) async throws {
    try await store.list(prefix, each)
  }

  func read(_ key: StoreKey, into target: FilePath, atMost most: UInt64) async throws(StoreFault) -> Receipt {
    try await store.read(key, into: target, atMost: most)
  }

  func readBack(_ key: StoreKey) async throws(StoreFault) -> Receipt? {
    try mayRead(key)
    return try await store.readBack(key)
  }

  func delete(_ key: StoreKey) async throws(StoreFault) {
    try mayRead(key)
    try await store.delete(key)
  }
}

@Suite("Whether a store replaces objects is tried")
struct PreflightTests {
  private let files = LinuxFiles()
  private let folder: TemporaryFolder
  private let file: StoredFile
  private let key: StoreKey
  private var settings: StoreSettings

  init() throws {
    folder = try TemporaryFolder()
    file = try StoredFile.sample(at: folder.path.appending("batch"), size: 2_000, seed: 3, files)
    key = try #require(StoreKey("opens/batch.csv.gz"))
    settings = StoreSettings(
      name: try #require(StoreName("aep")),
      target: .s3(
        S3Settings(
          bucket: "b", prefix: "", region: "r", accessKeyID: Secret("ID"), secretAccessKey: Secret("s3cr3t"))))
  }

  private func preflight(_ store: any RemoteStore) throws -> Preflight {
    Preflight(
      store, name: "aep", key: try settings.probeKey(host: "acc"), folder: folder.path.appending("probes"), files: files
    )
  }

  private func proven(
    _ store: any RemoteStore, at time: @escaping @Sendable () -> Timestamp = wallClock,
    _ change: (inout StoreSettings) -> Void = { _ in }
  ) throws -> ProvenStore {
    var settings = settings
    change(&settings)
    return try ProvenStore(
      store, settings, host: "acc", folder: folder.path.appending("probes"),
      memory: ProofMemory(folder.path.appending("proofs/aep.json"), files: files), files: files, clock: time)
  }

  // MARK: What is found

  @Test("One that keeps its word is trusted, and nothing is left of the probes")
  func honest() async throws {
    let store = OddStore(.honest)
    let outcome = try await preflight(store).run()
    #expect(outcome == Preflight.Outcome(server: "Server/1.0", isLeft: false))
    #expect(store.store.keys == [] && store.contests == Limits.contestants + 2)
    #expect(try files.info(folder.path.appending("probes")) == nil)
    let shelf = LocalStore(folder.path.appending("shelf"), files: files)
    for _ in 0..<3 { #expect(try await preflight(shelf).run().isLeft == false) }
    #expect(try files.list(folder.path.appending("shelf/navette-probe")) == [])
  }

  @Test(
    "One that replaces is not: at once, late, in parts, or while it says that it does not",
    arguments: [OddStore.Way.replaces, .looksFirst, .replacesInParts, .refusesAndReplaces])
  private func lies(_ way: OddStore.Way) async throws {
    let store = OddStore(way)
    let found = try await fault { _ = try await preflight(store).run() }
    #expect(found.kind == .unproven && found.description.contains("trust: single_writer"), "\(way): \(found)")
    let other = try await fault { _ = try await proven(store).create(file, at: key) }
    #expect(other.kind == .unproven && !store.store.keys.contains(key.description), "\(way): \(other)")
  }

  @Test("Where nobody may read or delete, the probe stays, and is used again")
  func dropBox() async throws {
    let store = OddStore(.dropBox)
    for _ in 0..<3 {
      #expect(try await preflight(store).run() == Preflight.Outcome(server: nil, isLeft: true))
      #expect(store.store.keys == ["navette-probe/acc.probe"])
    }
    let found = store.store.bytes(at: "navette-probe/acc.probe")
    store.become(.replaces)
    #expect(try await fault { _ = try await preflight(store).run() }.kind == .unproven)
    #expect(store.store.bytes(at: "navette-probe/acc.probe") != found)
  }

  @Test("What cannot be tried is said with its reason; what passes by itself stays what it is, and holds no batch")
  func cannotBeTried() async throws {
    for (kind, expected) in [
      (.denied, .denied), (.refused, .unproven), (.mismatch, .unproven), (.expired, .expired),
      (.untrusted, .untrusted), (.full, .full), (.forbidden, .denied),
    ] as [(StoreKind, StoreKind)] {
      let fault = try await fault { _ = try await preflight(OddStore(.refuses(kind))).run() }
      #expect(fault.kind == expected, "\(fault)")
      #expect(!fault.description.contains(".."), "\(fault)")
      if [.denied, .unproven].contains(expected) { #expect(fault.description.contains("trust: single_writer")) }
    }
    let gone = try await fault { _ = try await preflight(OddStore(.takesAway)).run() }
    #expect(gone.kind == .unproven, "\(gone)")
  }

  // MARK: When

  @Test("Many batches at once wait for one try; what is known holds over lives, for a week, and for this store alone")
  func remembered() async throws {
    let store = OddStore(.honest)
    let first = try proven(store)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<8 {
        let key = try #require(StoreKey("opens/\(number)"))
        group.addTask { _ = try await first.create(file, at: key) }
      }
      try await group.waitForAll()
    }
    let once = Limits.contestants + 2
    #expect(store.contests == once && store.asked.first { !$0.hasPrefix("stat") }?.hasPrefix("contend") == true)
    _ = try await proven(store).create(file, at: key)
    #expect(store.contests == once)
    _ = try await proven(store, at: { wallClock() + .seconds(6 * 86_400) }).create(file, at: key)
    #expect(store.contests == once)
    _ = try await proven(store, at: { wallClock() + .seconds(8 * 86_400) }).create(file, at: key)
    #expect(store.contests == 2 * once)
    // Of a clock that was wrong then nothing is believed.
    _ = try await proven(store).create(file, at: key)
    #expect(store.contests == 3 * once)
    let text = String(
      decoding: try files.contents(of: folder.path.appending("proofs/aep.json"), limit: 9_999), as: UTF8.self)
    #expect(!text.contains("s3cr3t") && !text.contains("\"ID\""))
  }

  @Test("Another place, other rights, another probe or another version of the service: it is tried again")
  func changed() async throws {
    let store = OddStore(.honest)
    _ = try await proven(store).create(file, at: key)
    var tries = Limits.contestants + 2
    for change in [
      { $0.target = .s3(S3Settings(bucket: "other", prefix: "", region: "r", accessKeyID: Secret("ID"))) },
      { $0.target = .s3(S3Settings(bucket: "other", prefix: "", region: "r", accessKeyID: Secret("OTHER"))) },
      { $0.probe = "elsewhere/" }, { $0.target = .folder("/shelf") },
    ] as [(inout StoreSettings) -> Void] {
      _ = try await proven(store, at: wallClock, change).create(file, at: key)
      tries += Limits.contestants + 2
      #expect(store.contests == tries)
    }
    let last = try proven(store)
    _ = try await last.create(file, at: key)
    tries += Limits.contestants + 2
    store.call("Server/2.0")
    _ = try await last.create(file, at: key)
    #expect(store.contests == tries)
    // That answer came by another version: the next batch waits until it was tried.
    store.become(.replaces)
    #expect(try await fault { _ = try await last.create(file, at: key) }.kind == .unproven)
    store.become(.honest)
    _ = try await last.create(file, at: key)
  }

  @Test("What passes says nothing of the store: what was known is known still")
  func passes() async throws {
    let store = OddStore(.honest)
    _ = try await proven(store).create(file, at: key)
    let before = try files.contents(of: folder.path.appending("proofs/aep.json"), limit: 9_999)
    store.become(.refuses(.expired))
    let late = try proven(store, at: { wallClock() + .seconds(8 * 86_400) })
    #expect(try await fault { _ = try await late.create(file, at: key) }.kind == .expired)
    #expect(try files.contents(of: folder.path.appending("proofs/aep.json"), limit: 9_999) == before)
  }

  // MARK: trust: single_writer

  @Test("Where a person vouches for it, nothing is tried, and each object is looked for before and after")
  func singleWriter() async throws {
    let store = OddStore(.replaces)
    let alone = try proven(store, at: wallClock) { $0.trust = .singleWriter }
    #expect(try await alone.create(file, at: key).outcome == .created)
    #expect(store.asked == ["stat \(key)", "create \(key)", "stat \(key)"])
    #expect(try await alone.create(file, at: key).outcome == .alreadyThere)
    #expect(store.asked.count { $0.hasPrefix("create") } == 1)
    store.store.put([1, 2, 3], at: key.description)
    #expect(try await fault { _ = try await alone.create(file, at: key) }.kind == .mismatch)
    #expect(store.store.bytes(at: key.description) == [1, 2, 3])
  }

  @Test("An object that is another one right after it was sent is no object of ours")
  func replacedMeanwhile() async throws {
    let store = OddStore(.honest)
    let name = key.description
    store.store.set { (step) throws(StoreFault) in
      if step == "created \(name)" { store.store.put([9], at: name) }
    }
    let alone = try proven(store, at: wallClock) { $0.trust = .singleWriter }
    #expect(try await fault { _ = try await alone.create(file, at: key) }.kind == .mismatch)
  }

  // MARK: The bucket's own policy

  @Test("For AWS there is a policy, for its partitions and the store's folder; for others there is none")
  func policy() throws {
    guard case .s3(var s3) = settings.target else { return }
    var settings = settings
    let plain = try #require(BucketPolicy(settings)).lines.joined()
    #expect(plain.contains("\"arn:aws:s3:::b/*\"") && plain.contains("\"s3:if-none-match\": \"true\""))
    (s3.prefix, s3.region) = ("from/campaign", "cn-north-1")
    settings.target = .s3(s3)
    #expect(try #require(BucketPolicy(settings)).lines.joined().contains("arn:aws-cn:s3:::b/from/campaign/*"))
    s3.endpoint = "https://minio.example.net"
    settings.target = .s3(s3)
    #expect(BucketPolicy(settings) == nil)
  }
}
