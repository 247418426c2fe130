import Core
import Files
import Ledger
import Spool
import SystemPackage

/// Logs that were in hand when the agent died otherwise than by a crash of its own are read last, one at a time: whatever they do, the
/// others are through by then. A pass leaves them out; where it finds nothing else to seal, it takes one of them by itself. Logs of the
/// same name that are newer wait for it.
struct LogTurns {
  enum Turn: Hashable {
    case all
    /// All but those that were in hand.
    case others
    /// One of those that were.
    case one(SourceID?)
  }

  var turn = Turn.all
  /// Uptime at which they were left out for the first time.
  var since: Duration?
  /// As the last look left them out.
  var leftOut: [FilePath] = []
}

extension Suspects {
  /// Whether the stream had the file in hand. - Parameter known: sources that were not found yet.
  func wasInHand(
    _ candidate: LogCandidate, of stream: StreamName, _ known: [SourceID: SourceRecord]
  ) -> Bool {
    if wasInHand(Work(.stream(stream), .look, candidate.info).item) { return true }
    return known.values.contains {
      $0.identity.inode == candidate.info.inode && wasInHand(.source($0.id))
    }
  }
}

extension StreamWorker {
  /// Logs that the stream had in hand.
  private func logsInHand() -> Set<Work.Item> {
    suspects.inHand(of: .stream(lane.name)).filter { item in
      switch item {
      case .file, .source: true
      case .none, .drop, .batch, .object: false
      }
    }
  }

  private func items(of log: LogFile) -> Set<Work.Item> {
    [.source(log.record.id), Work(.stream(log.record.stream), .look, log.info).item]
  }

  private func wasInHand(_ log: LogFile) -> Bool { items(of: log).contains(where: suspects.wasInHand) }

  /// Whether the log's turn is now.
  func isTurn(of log: LogFile) -> Bool {
    switch lane.turns.turn {
    case .all: true
    case .others: !lane.turns.leftOut.contains { LogListing.isOlder($0, than: log) }
    case .one(let source): log.record.id == source
    }
  }

  /// Before a look: without need all are looked at.
  func beginTurn() {
    guard lane.turns.turn == .all, !logsInHand().isEmpty else { return }
    // Where the end of the first logs is where reading begins, all of them must be seen.
    if lane.hasBegun || lane.settings.start != .end { lane.turns.turn = .others }
  }

  /// After a look.
  func leaveOut(_ later: [FilePath]) {
    switch lane.turns.turn {
    case .all: lane.turns.leftOut = []
    case .others:
      lane.turns.leftOut = later + lane.logs.filter(wasInHand).map(\.path)
      lane.logs.removeAll(where: wasInHand)
    case .one:
      lane.turns.leftOut = []
      lane.turns.turn = .one(lane.logs.first(where: wasInHand)?.record.id)
    }
  }

  /// - Parameter read: one round, from a look to sealed batches; gives back when the oldest unread record will be due.
  mutating func readInTurns(
    at now: Moment, _ read: (inout Self) throws -> Timestamp?
  ) throws -> Timestamp? {
    lane.turns.turn = .all
    beginTurn()
    guard lane.turns.turn == .others else { return try read(&self) }
    let (wantsAll, last) = (lane.flush || lane.isCatchingUp, lane.sequence)
    let due = try read(&self)
    // What is theirs is due as well.
    if wantsAll { lane.isCatchingUp = true }
    let since = lane.turns.since ?? now.uptime
    lane.turns.since = since
    let rest = since + Limits.othersFirst - now.uptime
    guard lane.sequence == last, rest <= .zero else {
      // What was sealed is on its way before one of them is touched.
      return min(due ?? .last, now.wall + max(rest, .zero))
    }
    lane.turns.turn = .one(nil)
    let own = try read(&self)
    guard lane.sequence != last || !spoolIsFull else { return own }
    let isMore = lane.sequence != last && lane.isCatchingUp
    if case .one(let source?) = lane.turns.turn,
      let log = lane.logs.first(where: { $0.record.id == source })
    {
      suspects.acquit(items(of: log))
    } else {
      // Gone, or known by another size or number by now.
      suspects.acquit(logsInHand())
    }
    lane.isCatchingUp = isMore || wantsAll && !logsInHand().isEmpty
    return now.wall
  }
}
