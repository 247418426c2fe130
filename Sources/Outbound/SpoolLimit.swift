public import Core
import Threads

/// `limits.spool_max_bytes`, for all streams together. Each stream looks before it seals, so at most one batch of each may lie above it.
public final class SpoolLimit: Sendable {
  public let most: UInt64
  private let fullSince = Locked<Timestamp?>(nil)

  public init(_ most: UInt64) { self.most = most }

  /// Since when the spool has been full; nil: it has room.
  public var since: Timestamp? { fullSince.withLock { $0 } }

  /// - Returns: whether it has become full (true) or found room again (false); nil: it is as before.
  func look(_ spooled: UInt64, at now: Timestamp) -> Bool? {
    fullSince.withLock { since in
      let isFull = spooled >= most
      guard isFull != (since != nil) else { return nil }
      since = isFull ? now : nil
      return isFull
    }
  }
}
