import Config
import Core
import Files
import Journal
import Lanes
import Ledger
import Store
import SystemPackage
import TestKit
import Testing
import Threads

@testable import FeedKit
@testable import Pull

/// A rig whose feed pulls: each turn is a pass of the puller, its work in the store, and a pass of the lane.
final class Puller {
  let rig: Rig
  let store: SimStore
  var settings: Settings
  var engine: PullWorker
  var remote: any RemoteStore
  var freezesLane = false
  var works: [PullWork] = []

  init(files: (any Files)? = nil, _ change: (inout FeedSettings) -> Void = { _ in }) throws {
    let name = try #require(StoreName("aep"))
    rig = try Rig(files: files) {
      $0.pull = FeedSettings.Pull(store: name)
      $0.pull?.prefix = "audiences/"
      $0.pull?.every = .seconds(3)
      change(&$0)
    }
    store = SimStore(files: LinuxFiles())
    remote = store
    settings = Settings()
    settings.state = rig.state.root
    settings.limits.minFree = 1
    settings.stores = [StoreSettings(name: name, target: .folder("/nowhere"))]
    settings.feeds = [rig.settings]
    engine = try Self.make(rig, settings, rig.ledger)
  }

  func restart(ledger: Ledger? = nil) throws {
    rig.restart(ledger: ledger)
    engine = try Self.make(rig, settings, ledger ?? rig.ledger)
  }

  static func make(_ rig: Rig, _ settings: Settings, _ ledger: Ledger) throws -> PullWorker {
    try #require(
      PullWorker(
        settings.feeds[0], state: rig.state, files: rig.files, ledger: ledger, events: rig.events,
        minFree: settings.limits.minFree,
        slots: StoreSlots(settings.stores.reduce(into: [:]) { $0[$1.name] = $1.concurrency })))
  }

  func turn(_ count: Int = 1) async throws {
    for _ in 0..<count {
      let pass = try engine.pass(at: rig.now)
      works += pass.works
      for work in pass.works {
        let pages = Locked<[[ListedObject]]>([])
        let end = await work.carryOut(in: remote) { page, _ in pages.withLock { $0.append(page) } }
        if case .list(let list) = work {
          for page in pages.withLock({ $0 }) { try engine.note(page, of: list, at: rig.now) }
        }
        engine.ended(work, at: rig.now.uptime)
        try engine.note(try #require(end), at: rig.now)
      }
      if freezesLane { rig.pass(.seconds(3)) } else { try rig.run(1) }
    }
  }

  var fetched: Int {
    works.count { if case .fetch = $0 { true } else { false } }
  }
  func put(_ text: String, at key: String) { store.put(Array(text.utf8), at: "audiences/\(key)") }
}

/// A store that lists and answers as the test says: what it lists need not be what it has.
struct LyingStore: RemoteStore {
  let traits = StoreTraits(createOnly: true, returnsDigest: true, largestObject: 1)
  let files: any Files
  var objects: @Sendable () -> [ListedObject]
  /// The bytes and the tag of an answer.
  var answer: @Sendable (String) throws(StoreFault) -> (text: String, tag: String?)
  var deletion: @Sendable (String) throws(StoreFault) -> Void = { (_) throws(StoreFault) in }

  func create(_ file: StoredFile, at key: StoreKey) async throws(StoreFault) -> Receipt {
    throw StoreFault(.refused, "Cannot upload to", at: "lie://\(key)", why: "nobody asked for it")
  }
  func stat(_ key: StoreKey) async throws(StoreFault) -> Receipt? { nil }
  func list(_ prefix: String, _ each: @escaping @Sendable ([ListedObject]) async throws -> Void) async throws {
    try await each(objects().filter { $0.key.hasPrefix(prefix) })
  }
  func read(_ key: StoreKey, into target: FilePath, atMost most: UInt64) async throws(StoreFault) -> Receipt {
    let (text, tag) = try answer(key.description)
    let bytes = Array(text.utf8)
    guard bytes.count <= most else { throw .tooLong("Cannot download", at: "lie://\(key)", most: most) }
    do {
      let file = try files.create(target, mode: .stateFile)
      try bytes.withUnsafeBufferPointer { (raw) throws(FileFault) in try file.write(UnsafeRawBufferPointer(raw)) }
    } catch {
      throw StoreFault(.unreachable, "Cannot download", at: "lie://\(key)", why: "\(error)")
    }
    return Receipt(outcome: .found, size: UInt64(bytes.count), tag: tag)
  }
  func readBack(_ key: StoreKey) async throws(StoreFault) -> Receipt? { nil }
  func delete(_ key: StoreKey) async throws(StoreFault) { try deletion(key.description) }
}
