public import Config
public import Core
import Files
import Ledger
import Spool
import Store
import Stores
import SystemPackage

/// Compares what the ledger says was confirmed with what the stores really hold.
public struct Verification: Sendable {
  /// One difference.
  public struct Finding: Hashable, Sendable, Encodable {
    public enum Kind: String, Hashable, Sendable, Encodable { case missing, short, altered, extra }
    public let kind: Kind
    public let store: String
    public let key: String
    public let batch: String?
    public let message: String
  }

  public private(set) var checked = 0
  /// Objects that may be gone by now, as the store's `lifetime` says, and are.
  public private(set) var expired = 0

  public init() {}

  /// - Parameters:
  ///   - stream: nil: all.
  ///   - since: batches sealed at or after.
  ///   - found: told of each difference at once.
  /// - Throws: `Failure` where a store cannot be reached or the ledger cannot be read.
  public mutating func run(
    _ settings: Settings, stream: StreamName?, since: Timestamp?, found: (Finding) -> Void
  ) async throws {
    let files = LinuxFiles()
    let state = StateFolder(settings.state)
    do {
      try Host.becomeOwner(of: state, files)
      guard try files.info(state.ledger) != nil else {
        throw Failure(
          .stateUnusable, "There is no ledger in \(state.root): no agent has run with this state folder yet")
      }
      let ledger = try Ledger(reading: state.ledger)
      for configured in settings.streams where stream == nil || configured.name == stream {
        for name in configured.stores {
          guard let storeSettings = settings.store(name) else { continue }
          let store = try makeStore(storeSettings, files: files) { SystemClock.now().wall }
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
    var after: BatchID?
    while true {
      let last = after
      let page = try ledger.read { (t) throws(LedgerFault) in
        try t.confirmed(of: stream.name, by: settings.name, since: since, after: last, limit: 500)
      }
      guard let end = page.last else { return }
      after = end.batch.id
      for entry in page {
        guard let key = StoreKey(entry.batch.key) else { continue }
        checked += 1
        let receipt = try await store.stat(key)
        let isOld = settings.lifetime > .zero && SystemClock.now().wall - entry.confirmedAt >= settings.lifetime
        if receipt == nil, isOld {
          expired += 1
        } else if let finding = Self.difference(entry.batch, receipt, settings.name) {
          found(finding)
        }
      }
    }
  }

  static func difference(_ batch: BatchRecord, _ receipt: Receipt?, _ store: StoreName) -> Finding? {
    func finding(_ kind: Finding.Kind, _ message: String) -> Finding {
      Finding(kind: kind, store: store.text, key: batch.key, batch: batch.id.description, message: message)
    }
    guard let receipt else { return finding(.missing, "the store does not hold it") }
    if receipt.size != batch.compressedBytes {
      let kind: Finding.Kind = receipt.size < batch.compressedBytes ? .short : .altered
      return finding(kind, "it has \(receipt.size) bytes, \(batch.compressedBytes) were sent")
    }
    if let digest = receipt.sha256, digest != batch.sha256 {
      return finding(.altered, "its SHA-256 is \(digest), not \(batch.sha256)")
    }
    return nil
  }

  /// Objects under the stream's part of the store that no batch of the ledger accounts for.
  private func findExtra(
    _ ledger: Ledger, _ stream: StreamSettings, _ host: String, _ name: StoreName, _ store: any RemoteStore,
    _ since: Timestamp?,
    _ found: (Finding) -> Void
  ) async throws {
    let keys = OwnKeys(stream.key, stream: stream.name.text, host: host)
    let strays = Guarded<[ListedObject]>([])
    try await store.list(keys.prefix) { page in
      for object in page {
        if let since, let modified = object.modified, modified < since { continue }
        if keys.isAnotherHosts(object.key) { continue }
        let known = try ledger.read { (t) throws(LedgerFault) in try t.knows(key: object.key) }
        if !known { strays.withLock { $0.append(object) } }
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
