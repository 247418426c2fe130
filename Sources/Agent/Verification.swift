public import Config
public import Core
import Files
import Ledger
import Spool
import Store
import Stores
import SystemPackage
import Threads

/// Compares what the ledger says was confirmed with what the stores really hold.
public struct Verification {
  /// One difference.
  public struct Finding: Hashable, Sendable, Encodable {
    public enum Kind: String, Hashable, Sendable, Encodable {
      case missing, short, altered, extra, gap
    }
    public let kind: Kind
    public let store: String
    public let key: String
    public let batch: String?
    public let message: String
  }

  /// How far it has come with reading contents back.
  public struct Progress: Hashable, Sendable {
    public internal(set) var objects = 0
    public internal(set) var bytes: UInt64 = 0
    /// Of how many.
    public internal(set) var allObjects = 0
    public internal(set) var allBytes: UInt64 = 0
    public init() {}
  }

  public private(set) var checked = 0
  /// Objects that may be gone by now, as the store's `lifetime` says, and are.
  public private(set) var expired = 0

  private let withContent: Bool
  private let told: (Progress) -> Void
  private var progress = Progress()

  /// - Parameters:
  ///   - content: every object is read back, and its digest is that of its bytes; otherwise the store's word is taken.
  ///   - progress: told after each object, with contents only.
  public init(content: Bool = false, progress: @escaping (Progress) -> Void = { _ in }) {
    withContent = content
    told = progress
  }

  /// - Parameters:
  ///   - stream: nil: all.
  ///   - since: batches sealed at or after.
  ///   - found: told of each difference at once.
  /// - Throws: `Failure` where a store cannot be reached or the ledger cannot be read.
  public mutating func run(
    _ settings: Settings, stream: StreamName?, since: Timestamp?, found: (Finding) -> Void
  ) async throws {
    let files = LinuxFiles(settings)
    let state = StateFolder(settings.state)
    do {
      try StateOwnership.becomeOwner(of: state, files)
      _ = try StateForm.read(state, files)
      guard try files.info(state.ledger) != nil else {
        throw Failure(
          .stateUnusable, "There is no ledger in \(state.root): no agent has run with this state folder yet")
      }
      let ledger = try Ledger(reading: state.ledger)
      let streams = settings.streams.filter { stream == nil || $0.name == stream }
      if withContent { try sum(ledger, streams, since) }
      for configured in streams {
        let spool = Spool<BatchPlace>(root: state.stream(configured.name), files: files)
        try findLost(ledger, configured, spool, since, found)
        for gap in try ledger.read(GapTable.list(of:since:), configured.name, since) {
          found(
            Finding(
              kind: .gap, store: "", key: gap.path, batch: nil,
              message: "\(gap.at.iso()): \(gap.detail)"))
        }
        for name in configured.stores {
          guard let storeSettings = settings.store(name) else { continue }
          let memory = FolderMemory(state.store(name), files: files, isNoting: false)
          let store = try makeStore(storeSettings, files: files, memory: memory) { SystemClock.now().wall }
          // Services do not tell a bucket that is gone from objects that are, unless they are asked for a list.
          try await Self.patiently { try await store.list(storeSettings.probe) { _ in } }
          try await compare(ledger, configured, storeSettings, store, since, found)
          try await findExtra(ledger, configured, settings.host, name, store, since, found)
        }
      }
    } catch let fault as StoreFault {
      throw Failure(fault)
    } catch let fault as LedgerFault {
      throw Failure(fault)
    } catch let fault as FileFault {
      throw Failure(fault)
    }
  }

  private mutating func compare(
    _ ledger: Ledger, _ stream: StreamSettings, _ settings: StoreSettings, _ store: any RemoteStore,
    _ since: Timestamp?,
    _ found: (Finding) -> Void
  ) async throws {
    let comparison = Comparison(withContent: withContent, carriesDigest: store.traits.returnsDigest)
    var after: BatchID?
    while true {
      let last = after
      let page = try ledger.read { (t) throws(LedgerFault) in
        try t.batches.confirmed(
          of: stream.name, by: settings.name, since: since, after: last, limit: Limits.verifySlice)
      }
      guard let end = page.last else { return }
      after = end.batch.id
      let entries = page.filter { StoreKey($0.batch.key) != nil }
      let keys = entries.compactMap { StoreKey($0.batch.key) }
      try await receipts(of: keys, store, width: settings.concurrency) { index, receipt in
        let entry = entries[index]
        checked += 1
        let isOld = settings.lifetime > .zero && SystemClock.now().wall - entry.confirmedAt >= settings.lifetime
        if receipt == nil, isOld {
          expired += 1
        } else if let finding = comparison.difference(entry, receipt, settings.name) {
          found(finding)
        }
        guard withContent else { return }
        progress.objects += 1
        progress.bytes +|= entry.batch.compressedBytes
        told(progress)
      }
    }
  }

  private mutating func sum(_ ledger: Ledger, _ streams: [StreamSettings], _ since: Timestamp?) throws {
    for stream in streams {
      for store in stream.stores {
        let total = try ledger.read { (t) throws(LedgerFault) in
          try t.batches.confirmedTotal(of: stream.name, by: store, since: since)
        }
        progress.allObjects += total.objects
        progress.allBytes +|= total.bytes
      }
    }
  }

  /// Asks for several at a time and tells of them in their order. The first fault ends it.
  private func receipts(
    of keys: [StoreKey], _ store: any RemoteStore, width: Int, _ each: (Int, Receipt?) -> Void
  ) async throws {
    let isContent = withContent
    try await withThrowingTaskGroup(of: (Int, Receipt?).self) { group in
      var begun = 0
      var (next, waiting) = (0, [Int: Receipt?]())
      func begin() {
        guard begun < keys.count else { return }
        let (index, key) = (begun, keys[begun])
        begun += 1
        group.addTask {
          (index, try await Self.patiently { isContent ? try await store.readBack(key) : try await store.stat(key) })
        }
      }
      for _ in 0..<max(1, width) { begin() }
      while let (index, receipt) = try await group.next() {
        waiting[index] = .some(receipt)
        while let receipt = waiting.removeValue(forKey: next) {
          each(next, receipt)
          next += 1
        }
        begin()
      }
    }
  }

  /// One bad moment of a store must not end the comparison of a hundred thousand objects: asks again, twice.
  private static func patiently<Value>(_ ask: () async throws -> Value) async throws -> Value {
    for pause in [Limits.verifyFirstPause, Limits.verifySecondPause] {
      do {
        return try await ask()
      } catch let fault as StoreFault where fault.kind.isAway {
        var wait = pause
        if case .throttled(let told?) = fault.kind {
          wait = max(pause, min(.milliseconds(told), Limits.verifyLongestPause))
        }
        await sleep(for: wait)
      }
    }
    return try await ask()
  }

  /// Batches whose folders were taken away before every store had them.
  private func findLost(
    _ ledger: Ledger, _ stream: StreamSettings, _ spool: Spool<BatchPlace>, _ since: Timestamp?,
    _ found: (Finding) -> Void
  ) throws {
    var after: BatchID?
    while true {
      let last = after
      let page = try ledger.read { (t) throws(LedgerFault) in
        try t.batches.open(of: stream.name, since: since, after: last, limit: Limits.verifySlice)
      }
      guard let end = page.last else { return }
      after = end.id
      for batch in page where try spool.isNowhere(batch.id) {
        let deliveries = try ledger.read(DeliveryTable.list(of:), batch.id)
        for delivery in deliveries where delivery.confirmedAt == nil {
          found(
            Finding(
              kind: .missing, store: delivery.store.text, key: batch.key, batch: batch.id.description,
              message: "it was not sent, and its folder is gone from the spool"))
        }
      }
    }
  }

  /// Objects under the stream's part of the store that no batch of the ledger accounts for.
  private func findExtra(
    _ ledger: Ledger, _ stream: StreamSettings, _ host: String, _ name: StoreName, _ store: any RemoteStore,
    _ since: Timestamp?,
    _ found: (Finding) -> Void
  ) async throws {
    let keys = OwnKeys(stream.key, stream: stream.name.text, host: host)
    let template = try? KeyTemplate(stream.key)
    let strays = Locked<[ListedObject]>([])
    try await Self.patiently {
      strays.withLock { $0 = [] }
      try await store.list(keys.prefix) { page in
        for object in page {
          if let since, let modified = object.modified, modified < since { continue }
          if keys.isAnotherHosts(object.key) { continue }
          let number = template?.sequence(in: object.key, stream: stream.name, host: host) ?? 0
          let batch = (1...BatchID.lastSequence).contains(number) ? BatchID(stream: stream.name, sequence: number) : nil
          let known = try ledger.read { (t) throws(LedgerFault) in
            if try t.batches.knows(key: object.key) { return true }
            // Of a batch that ended long ago the number is left.
            guard let batch else { return false }
            return try t.batches.hasForgotten(batch)
          }
          if !known { strays.withLock { $0.append(object) } }
        }
      }
    }
    for object in strays.withLock({ $0 }) {
      found(
        Finding(
          kind: .extra, store: name.text, key: object.key, batch: nil, message: "no batch of the ledger accounts for it"
        ))
    }
  }
}
