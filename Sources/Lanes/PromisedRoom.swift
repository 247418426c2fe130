internal import Threads

/// Bytes that lanes are about to write below their folders, so that two of them do not count on the same free space.
public final class PromisedRoom: Sendable {
  private let bytes = Locked<[String: UInt64]>([:])

  public init() {}

  /// What the lane has under way now, in place of what it had.
  public func promise(_ count: UInt64, by lane: String) { bytes.withLock { $0[lane] = count == 0 ? nil : count } }

  public var total: UInt64 {
    bytes.withLock { bytes in
      bytes.values.reduce(0) { sum, more in
        let (total, isTooMuch) = sum.addingReportingOverflow(more)
        return isTooMuch ? .max : total
      }
    }
  }
}
