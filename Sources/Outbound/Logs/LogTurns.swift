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
  private var since: Duration?
  /// As the last look left them out.
  private var leftOut: [FilePath] = []

  /// Whether the log's turn is now.
  func isTurn(of log: LogFile) -> Bool {
    switch turn {
    case .all: true
    case .others: !leftOut.contains { LogListing.isOlder($0, than: log) }
    case .one(let source): log.record.id == source
    }
  }

  /// Before a look: without need all are looked at.
  mutating func begin(in pass: StreamPass) {
    if turn == .all, !Self.inHand(pass).isEmpty { turn = .others }
  }

  /// After a look.
  mutating func leaveOut(_ later: [FilePath], of logs: inout [LogFile], in pass: StreamPass) {
    func wasInHand(_ log: LogFile) -> Bool { Self.items(of: log).contains(where: pass.suspects.wasInHand) }
    switch turn {
    case .all: leftOut = []
    case .others:
      leftOut = later + logs.filter(wasInHand).map(\.path)
      logs.removeAll(where: wasInHand)
    case .one:
      leftOut = []
      turn = .one(logs.first(where: wasInHand)?.record.id)
    }
  }

  /// How long the others still have before one of them is touched.
  mutating func rest(at uptime: Duration) -> Duration {
    let first = since ?? uptime
    since = first
    return first + Limits.othersFirst - uptime
  }

  /// The one whose turn it was has done no harm.
  func acquit(_ logs: [LogFile], in pass: StreamPass) {
    if case .one(let source?) = turn, let log = logs.first(where: { $0.record.id == source }) {
      pass.suspects.acquit(Self.items(of: log))
    } else {
      // Gone, or known by another size or number by now.
      pass.suspects.acquit(Self.inHand(pass))
    }
  }

  /// Logs that the stream had in hand.
  static func inHand(_ pass: StreamPass) -> Set<Work.Item> {
    pass.suspects.inHand(of: .stream(pass.name)).filter { item in
      switch item {
      case .file, .source: true
      case .none, .drop, .batch, .object: false
      }
    }
  }

  private static func items(of log: LogFile) -> Set<Work.Item> {
    [.source(log.record.id), Work(.stream(log.record.stream), .look, log.info).item]
  }
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

  /// - Throws: where the agent crashed on the file: it is not even looked at.
  func pass(_ candidate: LogCandidate) throws(FileFault) {
    let item = Work.Item.file(inode: candidate.info.inode, size: candidate.info.size)
    if isAside(item) { throw crash(on: item, at: candidate.path) }
  }

  func crash(on item: Work.Item, at path: FilePath) -> FileFault {
    FileFault(
      .damaged, "Cannot read", at: path, why: "the agent crashed \(Self.enoughCrashes) times on it",
      remedy: "Report it. To try it again: navette retry \(item.text)")
  }
}
