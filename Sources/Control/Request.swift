public import Core

/// What a command asks of the agent: a file in `requests/`, which is removed once it was carried out.
public enum Request: Hashable, Sendable, Codable {
  /// Nil: every stream.
  case flush(streams: [StreamName]?)
  /// Drops and batches to be tried again now; nil: all.
  case retry(ids: [String]?)
  /// - baseline: drops that come later are compared with it; nil: they are not.
  case release(drop: DropID, by: Requester, baseline: Bool? = nil)
  /// A batch in `damaged`.
  case releaseBatch(BatchID, by: Requester)
  /// The machine's clock is right, though it has jumped.
  case believeClock(by: Requester)
  /// Feeds and streams, by name.
  case pause(lanes: [String], by: Requester)
  case resume(lanes: [String], by: Requester)
  /// - remote: what stores hold of the batches is deleted there, too.
  case purge(drops: [DropID], batches: [BatchID], by: Requester, remote: Bool? = nil)
  case purgeFeed(FeedName, before: Timestamp, by: Requester)

  /// Stores are asked in the course of it.
  public var needsStores: Bool { if case .purge(_, _, _, remote: true) = self { true } else { false } }
  public var isFlush: Bool { if case .flush = self { true } else { false } }
}

/// What came of a request, for the command that waits for it.
public struct Answer: Hashable, Sendable, Codable {
  public var lines: [String] = []
  /// Something that was asked for could not be done.
  public var isRefused = false

  public init(lines: [String] = [], isRefused: Bool = false) { (self.lines, self.isRefused) = (lines, isRefused) }

  mutating func refuse(_ line: String) {
    lines.append(line)
    isRefused = true
  }

  mutating func add(_ other: Answer) {
    lines += other.lines
    isRefused = isRefused || other.isRefused
  }
}
