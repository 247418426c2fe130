import Config
import Core
import Inbound
import Outbound
import Pull
import Threads

/// Told of each finished pass; tells whom it concerns: the watches on folders, the metrics, the service manager, and a feed's pull.
final class LaneReporter: Sendable {
  private struct State {
    var watch: LaneWatch?
    /// Empty once lanes stop, so that neither keeps the other.
    var pulls: [FeedName: PullLane] = [:]
  }

  private let standings: LaneStandings
  private let notice: ServiceNotice?
  private let metrics: MetricsKeeper?
  /// Of the lanes, as the service manager's notice knows them.
  private let generation: Int
  private let state = Locked(State())

  init(_ settings: Settings, _ notice: ServiceNotice?, _ metrics: MetricsKeeper?, _ generation: Int) {
    standings = LaneStandings(settings)
    (self.notice, self.metrics, self.generation) = (notice, metrics, generation)
  }

  func use(_ watch: LaneWatch) { state.withLock { $0.watch = watch } }

  func use(_ pulls: [PullLane]) {
    let byFeed = Dictionary(pulls.map { ($0.name, $0) }, uniquingKeysWith: { a, _ in a })
    state.withLock { $0.pulls = byFeed }
  }

  func leave() { state.withLock { $0 = State() } }

  func passed(_ feed: FeedName, _ pass: PassSummary, at now: Moment) {
    standings.passed(feed, pass)
    let (watch, pull) = state.withLock { ($0.watch, $0.pulls[feed]) }
    watch?.passed(feed, pass)
    metrics?.passed(feed, pass, at: now)
    // A name in landing may be free, and an object done with.
    if pass.hasEnded { pull?.wake() }
    notice?.passed(feed.lane, of: generation, standings.words)
  }

  func passed(_ stream: StreamName, _ pass: StreamSummary, at now: Moment) {
    standings.passed(stream, pass)
    state.withLock { $0.watch }?.passed(stream, pass)
    metrics?.passed(stream, pass, at: now)
    notice?.passed(stream.lane, of: generation, standings.words)
  }
}

extension FeedName {
  /// What its lane is known by.
  var lane: String { "feed \(self)" }
}

extension StreamName {
  var lane: String { "stream \(self)" }
}
