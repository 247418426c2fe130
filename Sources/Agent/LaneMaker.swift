import Config
import Core
import Files
import Glibc
import Inbound
import Lanes
import Outbound
import Pull
import Store
import Threads

/// Makes the lanes of one configuration, and what they share.
struct LaneMaker {
  private let run: AgentRun
  private let settings: Settings
  private let stores: [StoreName: any RemoteStore]
  private let notice: ServiceNotice?
  private let reporter: LaneReporter
  private let workers: Workers
  private let trouble: LedgerTrouble

  init(
    _ run: AgentRun, _ settings: Settings, _ stores: [StoreName: any RemoteStore], _ notice: ServiceNotice?,
    _ reporter: LaneReporter
  ) {
    self.run = run
    self.settings = settings
    self.stores = stores
    self.notice = notice
    self.reporter = reporter
    // auto: as many as there are cores, at most 4.
    workers = Workers(count: settings.limits.workers ?? min(4, max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))))
    trouble = LedgerTrouble(run.events)
  }

  private func runner(_ name: String, on executor: LaneExecutor? = nil) -> LaneRunner {
    LaneRunner(
      name, on: executor, turn: workers.turn(), trouble: trouble, progress: { [notice] in notice?.progressed(name) })
  }

  /// The disk, which tells that the lane is alive while a long copy goes on.
  private func files(_ lane: String) -> LinuxFiles { LinuxFiles(settings) { [notice] in notice?.progressed(lane) } }

  func feeds() -> ([FeedLane], [PullLane]) {
    var (feeds, pulls): ([FeedLane], [PullLane]) = ([], [])
    let slots = StoreSlots(
      Dictionary(settings.stores.map { ($0.name, $0.concurrency) }, uniquingKeysWith: { a, _ in a }))
    let room = PromisedRoom()
    run.taken.forget(except: Set(settings.feeds.map(\.name)))
    for feed in settings.feeds {
      let lane = self.feed(feed)
      feeds.append(lane)
      let worker = PullWorker(
        feed, state: run.state, files: LinuxFiles(settings), ledger: run.ledger, events: run.events,
        minFree: settings.limits.minFree, slots: slots, room: room)
      guard let worker else { continue }
      pulls.append(
        PullLane(
          worker, of: lane, stores: stores, hands: run.hands,
          runner: runner("pull \(feed.name)", on: lane.runner.executor), clock: SystemClock.now))
    }
    return (feeds, pulls)
  }

  private func feed(_ feed: FeedSettings) -> FeedLane {
    FeedLane(
      feed, state: run.state, files: files(feed.name.lane), ledger: run.ledger, events: run.events, hands: run.hands,
      suspects: run.suspects, trust: run.clock, minFree: settings.limits.minFree, taken: run.taken,
      runner: runner(feed.name.lane),
      clock: SystemClock.now, report: { [reporter] pass, now in reporter.passed(feed.name, pass, at: now) })
  }

  func streams() -> ([StreamLane], StoreStates) {
    let shared = StreamsShared(settings)
    let lanes = settings.streams.map { stream in
      StreamLane(
        stream, of: settings, shared: shared, files: files(stream.name.lane), ledger: run.ledger, events: run.events,
        hands: run.hands, suspects: run.suspects, trust: run.clock, stores: stores.mapValues { $0 },
        runner: runner(stream.name.lane), reopen: Reopening.run, clock: SystemClock.now,
        report: { [reporter] pass, now in reporter.passed(stream.name, pass, at: now) })
    }
    return (lanes, shared.stores)
  }
}
