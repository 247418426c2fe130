public import Core
public import SystemPackage

/// Every path and name below the state folder. No other module spells one.
public struct StateFolder: Hashable, Sendable {
  public let root: FilePath

  public init(_ root: FilePath) { self.root = root }

  public var ledger: FilePath { root.appending("ledger.sqlite") }
  public var lock: FilePath { root.appending("lock") }
  public var machine: FilePath { root.appending("machine.json") }
  /// Which file on which disk `machine.json` is: a copy of the folder is another.
  public var original: FilePath { root.appending("original.json") }
  /// What commands ask of the agent, one file a request.
  public var requests: FilePath { root.appending("requests") }
  /// Where a store's folder lay, for stores that are folders.
  public func store(_ name: StoreName) -> FilePath { root.appending("stores").appending("\(name.text).json") }
  public var feeds: FilePath { root.appending("feeds") }
  public var streams: FilePath { root.appending("streams") }
  /// GnuPG's home while a feed's key is in use.
  public var gnupg: FilePath { root.appending("gnupg") }
  public func feed(_ name: FeedName) -> FilePath { feeds.appending(name.text) }
  /// There while a person has paused the feed; see `PauseMark`.
  public func pauseOfFeed(_ name: FeedName) -> FilePath { feed(name).appending("paused.json") }
  /// The same of a stream.
  public func pauseOfStream(_ name: StreamName) -> FilePath { stream(name).appending("paused.json") }
  public func stream(_ name: StreamName) -> FilePath { streams.appending(name.text) }

  /// A ledger that was put aside: `ledger.sqlite.damaged-20260312T060000Z`.
  public func damagedLedger(at time: Timestamp) -> FilePath { root.appending("ledger.sqlite.damaged-\(time.compact)") }
}
