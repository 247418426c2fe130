public import Core

/// What came of `retry`.
public struct Retried: Hashable, Sendable {
  public internal(set) var batches: [BatchID] = []
  /// Transfers of them that have begun at once; the others follow as their stores take them.
  public internal(set) var started = 0
  /// Transfers of them that were under way before.
  public internal(set) var underWay = 0
  /// Asked for, and still not as they were sealed; why.
  public internal(set) var damaged: [BatchID: String] = [:]
  /// Asked for, and neither held nor waiting for a store.
  public internal(set) var unknown: [BatchID] = []
  /// Held because their columns have changed: no retry decides about that.
  public internal(set) var undecided: [BatchID] = []

  public init() {}

  /// What came of it in another stream.
  public mutating func add(_ other: Retried) {
    batches += other.batches
    started += other.started
    underWay += other.underWay
    damaged.merge(other.damaged) { first, _ in first }
    unknown += other.unknown
    undecided += other.undecided
  }

  public mutating func add(unknown batches: Set<BatchID>) { unknown = (unknown + batches).sorted() }
}

/// What came of `release`.
public enum Released: Hashable, Sendable {
  /// Why it cannot be.
  case refused(String)
  /// It was damaged, and has a plan again.
  case planned
  /// Their columns had changed: the batch, and those behind it under the same header.
  case schema([BatchID])
}

/// What came of `purge`.
public struct Purged: Hashable, Sendable {
  /// Where the batch lay; nil: its folder was gone before.
  public let place: BatchPlace?
  public internal(set) var bytes: UInt64
  /// Stores that have the object all the same: deleting it there is up to their owners.
  public internal(set) var confirmedBy: [StoreName] = []
  /// Stores that may have it: an attempt was made, and nobody knows how it ended.
  public internal(set) var perhapsAt: [StoreName] = []
  /// Logs that still hold records of the batch.
  public internal(set) var logs: [Log] = []
  /// Nil where it cannot be read.
  var plan: BatchPlan?

  public struct Log: Hashable, Sendable {
    public let path: String
    public let why: Why

    public enum Why: Hashable, Sendable {
      /// Others write it, or rotate it.
      case notOurs
      /// It was set aside, and its writer has it open still.
      case open
      /// It holds records that no store has confirmed yet.
      case unsent
    }
  }
}
