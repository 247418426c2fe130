import Control
import Core
import Files
import Inbound
import Journal
import Outbound
import Spool
import SystemPackage
import Threads

/// Turns what the kernel reports of folders into wakes: a landing folder wakes its feeds, a folder of logs its streams, and
/// requests are carried out. An event only wakes; what there is to do, a pass finds out.
final class LaneWatch: Sendable {
  private struct Folders: Sendable {
    var logs: [StreamName: Set<FilePath>] = [:]
    /// Logs whose first write is told.
    var growing: [StreamName: Set<FilePath>] = [:]
    /// Below landing.
    var arrivals: [FeedName: Set<FilePath>] = [:]
    /// Folders of which no event comes, as told.
    var unwatched: Set<FilePath> = []
    var nudged: Set<StreamName> = []
    /// A request has come that nobody has looked at yet.
    var isAsked = false
    var isHandling = false
    var watcher: Watcher?
  }

  private let lanes: LaneSet
  private let run: AgentRun
  private let events: FoldingSink
  private let folders = Locked(Folders())

  init(_ lanes: LaneSet, _ run: AgentRun, _ events: FoldingSink) {
    self.lanes = lanes
    self.run = run
    self.events = events
    let watcher = Watcher(
      guarded: lanes.settings.sharedFolders,
      onWake: { [weak self] folder in self?.wake(folder) },
      onOverflow: { [events] in
        events.record(.watchOverflow, "The kernel dropped folder events; every folder is looked at anew")
      },
      onMount: { [weak self] in self?.lookAtMounts() })
    folders.withLock { $0.watcher = watcher }
    for feed in lanes.feeds { watchLanding(of: feed.name, []) }
    if !watch([run.state.requests]).isEmpty { pollRequests() }
  }

  /// Where the kernel gives no watch (there are few for each user), requests are looked for.
  private func pollRequests() {
    Timers.shared.schedule(after: Limits.requestPoll) { [weak self] in
      guard let self, folders.withLock({ $0.watcher != nil }) else { return }
      Task.onPool { await self.handleRequests() }
      pollRequests()
    }
  }

  func stop() {
    let watcher = folders.withLock { folders in
      defer { folders.watcher = nil }
      return folders.watcher
    }
    watcher?.stop()
  }

  /// After a pass over a feed: its landing folder may have come back, and others may have come below it.
  func passed(_ feed: FeedName, _ pass: PassSummary) {
    let (old, isMore) = folders.withLock { folders in
      let before = folders.arrivals[feed] ?? []
      folders.arrivals[feed] = pass.folders
      // It may lie below the landing folder of another feed, too.
      let others = folders.arrivals.values.reduce(into: Set<FilePath>()) { $0.formUnion($1) }
      return (before.subtracting(others), !pass.folders.isSubset(of: before))
    }
    if let watcher = folders.withLock({ $0.watcher }) { for folder in old { watcher.unwatch(folder) } }
    watchLanding(of: feed, pass.folders)
    // What came before the watch was not told of.
    if isMore { lanes.feed(feed)?.wake() }
    events.expire()
  }

  private func watchLanding(of feed: FeedName, _ below: Set<FilePath>) {
    guard let lane = lanes.feed(feed), let settings = lanes.settings.feeds.first(where: { $0.name == feed }) else {
      return
    }
    let paths = below.union([settings.landing])
    let unwatched = watch(paths)
    lane.poll(!unwatched.isEmpty)
    let news = folders.withLock { folders in
      defer { folders.unwatched = folders.unwatched.subtracting(paths).union(unwatched.keys) }
      return unwatched.filter { !folders.unwatched.contains($0.key) }
    }
    for (folder, why) in news.sorted(by: { $0.key.string < $1.key.string }) {
      events.record(
        .watchOverflow, "\(folder.shown) cannot be watched and is looked at every few seconds: \(why)",
        [.path: folder.shown, .reason: why])
    }
  }

  func passed(_ stream: StreamName, _ pass: StreamSummary) {
    let logs = Set(pass.watch.map { FilePath($0) })
    folders.withLock { $0.logs[stream] = logs }
    watch(logs)
    watchGrowth(of: stream, pass.growing)
    events.expire()
  }

  /// When the oldest record of a log began to wait is told by its first write; what lies unread already needs no word.
  private func watchGrowth(of stream: StreamName, _ logs: [String: GrowingLog]) {
    let paths = Set(logs.keys.map { FilePath($0) })
    let (watcher, old) = folders.withLock { folders in
      let before = folders.growing[stream] ?? []
      folders.growing[stream] = paths
      return (folders.watcher, before.subtracting(paths))
    }
    guard let watcher else { return }
    for path in old { watcher.unwatch(path) }
    for (name, log) in logs {
      let path = FilePath(name)
      guard watcher.watchGrowth(of: path) else { continue }
      // Written to before the watch was there, or another file by now.
      let info = try? run.files.info(path)
      if info?.inode != log.inode || info?.size != log.size { lanes.stream(stream)?.wake() }
    }
  }

  /// - Returns: what cannot be watched, and why. Watching is of use, not needed: where it fails, the lanes look by themselves.
  @discardableResult
  private func watch(_ paths: Set<FilePath>) -> [FilePath: String] {
    guard let watcher = folders.withLock({ $0.watcher }) else { return [:] }
    var unwatched: [FilePath: String] = [:]
    for path in paths { if case .polled(let why) = watcher.watch(path) { unwatched[path] = why } }
    return unwatched
  }

  private func wake(_ folder: FilePath?) {
    guard let folder else { return lanes.wake() }
    if folder == run.state.requests { Task.onPool { await self.handleRequests() } }
    let (arrivals, logs, growing) = folders.withLock { ($0.arrivals, $0.logs, $0.growing) }
    for feed in lanes.settings.feeds where feed.landing == folder || arrivals[feed.name]?.contains(folder) == true {
      lanes.feed(feed.name)?.wake()
    }
    for (stream, folders) in logs where folders.contains(folder) { nudge(stream) }
    for (stream, logs) in growing where logs.contains(folder) { lanes.stream(stream)?.wake() }
  }

  /// Something was mounted somewhere, or unmounted.
  private func lookAtMounts() { if run.mounts.hasNews() { lanes.wake() } }

  private func nudge(_ stream: StreamName) {
    guard folders.withLock({ $0.nudged.insert(stream).inserted }) else { return }
    Timers.shared.schedule(after: Limits.eventCalm) { [self] in
      folders.withLock { _ = $0.nudged.remove(stream) }
      lanes.stream(stream)?.wake()
    }
  }

  /// Carries out what commands have asked, and takes their files away when it is done. One after the other: what comes meanwhile is
  /// heeded after it.
  func handleRequests() async {
    let isFirst = folders.withLock { folders in
      defer { (folders.isAsked, folders.isHandling) = (true, true) }
      return !folders.isHandling
    }
    guard isFirst else { return }
    while takeAsked() { await handleOnce() }
  }

  private func takeAsked() -> Bool {
    folders.withLock { folders in
      folders.isHandling = folders.isAsked
      folders.isAsked = false
      return folders.isHandling
    }
  }

  private func handleOnce() async {
    let queue = RequestQueue(state: run.state, files: run.files)
    let handler = RequestHandler(lanes: lanes, sending: true)
    do {
      for file in try queue.open() { try await queue.answer(file, by: handler, events) }
      try queue.tidy(at: SystemClock.wall())
    } catch {
      events.record(.lanePaused, "The requests cannot be read: \(error)", [.reason: "request"])
    }
  }
}
