public import Core
public import Store

/// The agent is stopping: what was begun is left as if it had not been.
struct Interrupted: Error {}

/// One transfer that is due. The worker counts it as under way until `note` is told of its end.
public struct Upload: Sendable {
  public let batch: BatchID
  public let store: StoreName
  public let key: StoreKey
  public let file: StoredFile
  public let attempt: Int
  /// The batch's manifest, after the batch itself.
  public let isManifest: Bool
  /// Failures in a row of the store when the transfer began.
  let storeFailures: Int
}

public struct UploadOutcome: Sendable {
  public let upload: Upload
  public let result: Result<Receipt, StoreFault>
  public let took: Duration
  public init(upload: Upload, result: Result<Receipt, StoreFault>, took: Duration) {
    self.upload = upload
    self.result = result
    self.took = took
  }
}

/// A log as a pass has left it.
public struct GrowingLog: Hashable, Sendable {
  public let inode: UInt64
  public let size: UInt64
}

/// What a pass over a stream leaves to its lane.
public struct StreamSummary: Sendable {
  public var uploads: [Upload] = []
  /// Uptime at which to pass again if nothing wakes the lane before.
  public var next: Duration
  /// Folders whose changes should wake the lane.
  public var watch: Set<String> = []
  /// Logs of which nothing is unread, by their paths: the first write to one should wake the lane, which knows then since when it waits.
  public internal(set) var growing: [String: GrowingLog] = [:]
  /// Sealed batches that wait for a store.
  public internal(set) var waiting = 0
  /// Why the stream cannot go on; nil: it can.
  public internal(set) var trouble: String?
  /// A person has paused it.
  public internal(set) var isPaused = false
  public internal(set) var spoolIsFull = false
  /// Set by the lane.
  public internal(set) var took: Duration = .zero

  init(next: Duration) { self.next = next }

  mutating func look(at uptime: Duration) { next = min(next, uptime) }
}
