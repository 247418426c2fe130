public import Core
public import SystemPackage

/// Every path and name below the state folder. No other module spells one.
public struct StateFolder: Hashable, Sendable {
  public let root: FilePath

  public init(_ root: FilePath) { self.root = root }

  public var ledger: FilePath { at("ledger.sqlite") }
  public var lock: FilePath { at("lock") }
  /// What the agent has in hand, and how earlier lives ended; see `InHandFile`.
  public var inHand: FilePath { at("in-hand") }
  /// When the clock was looked at last; see `ClockTrust`.
  public var clock: FilePath { at("clock.json") }
  /// What people let go on although the agent crashed on it; see `Suspects`.
  public var suspects: FilePath { at("suspects.json") }
  /// Which versions can use the folder; see `StateForm`.
  public var form: FilePath { at("form.json") }
  public var machine: FilePath { at("machine.json") }
  /// Which file on which disk `machine.json` is: a copy of the folder is another.
  public var original: FilePath { at("original.json") }
  /// What commands ask of the agent, one file a request.
  public var requests: FilePath { at("requests") }
  /// Where a store's folder lay, for stores that are folders.
  public func store(_ name: StoreName) -> FilePath { at("stores").appending(FileName("\(name.text).json")) }
  /// That a store was seen to replace nothing, for stores that streams send to.
  public func proof(of name: StoreName) -> FilePath { at("proofs").appending(FileName("\(name.text).json")) }
  /// Where the probes for that are made; there only while it is tried. No name of a store begins so.
  public func probes(for name: StoreName) -> FilePath { at("proofs").appending(FileName("_\(name.text)")) }
  public var feeds: FilePath { at("feeds") }
  public var streams: FilePath { at("streams") }
  /// GnuPG's home while a feed's key is in use.
  public var gnupg: FilePath { at("gnupg") }
  public func feed(_ name: FeedName) -> FilePath { feeds.appending(FileName(name.text)) }
  /// What the feed waits for, for `status`; see `LaneReport`.
  public func report(of name: FeedName) -> FilePath { feed(name).appending(Self.reportName) }
  public func report(of name: StreamName) -> FilePath { stream(name).appending(Self.reportName) }
  /// There while a person has paused the feed; see `PauseMark`.
  public func pauseOfFeed(_ name: FeedName) -> FilePath { feed(name).appending(Self.pauseName) }
  /// The same of a stream.
  public func pauseOfStream(_ name: StreamName) -> FilePath { stream(name).appending(Self.pauseName) }
  public func stream(_ name: StreamName) -> FilePath { streams.appending(FileName(name.text)) }

  /// A ledger that was put aside: `ledger.sqlite.damaged-20260312T060000Z`.
  public func damagedLedger(at time: Timestamp) -> FilePath { at(FileName("ledger.sqlite.damaged-\(time.compact)")) }

  private static let reportName: FileName = "report.json"
  private static let pauseName: FileName = "paused.json"
  private func at(_ name: FileName) -> FilePath { root.appending(name) }
}
