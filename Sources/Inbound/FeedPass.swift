import Config
import Core
import Files
import Formats
import Journal
import Lanes
import Ledger
import Spool
import SystemPackage

/// What a pass has to work with.
struct PassContext {
  let files: any Files
  let ledger: Ledger
  let events: any EventSink
  let hands: Hands
  let suspects: Suspects
  let clock: ClockTrust
  let turn: Turn
  let reportPath: (FeedName) -> FilePath
  /// Bytes that stay free on the volume of the state folder; 0: not looked at.
  let minFree: UInt64
  /// Names of drops: unique together with the second in which they were seen.
  let salt: () -> UInt32
  let keys: KeyRingCache
  /// Of all feeds.
  let taken: TakenFiles
  /// Nil: only what a folder looks like is looked at.
  let mounts: MountWatch?
}

/// One pass over one feed: what its steps share. The steps are in `Steps`, and their order is in `FeedWorker`.
///
/// What holds after each call:
/// 1. A drop leaves `gathering` only whole and durable.
/// 2. A drop leaves `claimed` only after its originals have left landing, durably: what lies in landing is never taken twice.
/// 3. A drop lies in `handover` only if all its parts were staged, durably: a staged file that is gone was handed over.
/// 4. Whatever is reported or recorded of a drop is durable before.
struct FeedPass {
  var feed: FeedCommon
  let host: PassContext
  let now: Moment
  let stop: () -> Bool
  var summary = PassSummary()
  /// The first that came upon a whole step: something could not be looked at, or done.
  var fault: FileFault?
  /// Nothing more is begun in this pass.
  var isOver = false
  /// Items that failed in this pass, and whether one went well.
  var failures = 0
  var hasProgress = false

  var files: any Files { host.files }
  var spool: Spool<DropPlace> { feed.spool }
  var settings: FeedSettings { feed.settings }
  var landing: FilePath { feed.settings.landing }
  var handover: FilePath { feed.settings.handover }

  var reader: PartReader {
    PartReader(files: files, settings: settings, keys: host.keys, turn: host.turn, stop: stop)
  }

  init(_ feed: FeedCommon, _ host: PassContext, at now: Moment, stop: @escaping () -> Bool) {
    self.feed = feed
    self.host = host
    self.now = now
    self.stop = stop
  }

  /// The feed waits for what keeps it from going on, or goes on.
  mutating func end() {
    if let fault { pause(for: fault) } else if !summary.wasStopped { resume() }
    if fault == nil, !summary.wasStopped, !summary.isPaused { feed.waits.endPass(at: now.uptime) }
    summary.blocked = feed.waits.waits.count
  }

  private mutating func pause(for fault: FileFault) {
    let pause = FeedCommon.Pause(fault, after: feed.pause, at: now)
    if feed.pause?.kind != fault.kind {
      let kind: EventKind =
        fault.kind == .full && !fault.isBelow(handover) ? .diskLow : .lanePaused
      host.events.record(
        kind, "Feed \(settings.name) is paused: \(pause.why)",
        [.feed: settings.name.text, .reason: "\(fault.kind)", .path: fault.place])
    }
    feed.pause = pause
    summary.look(at: pause.until)
    summary.trouble = pause.why
  }

  private mutating func resume() {
    guard feed.pause != nil else { return }
    feed.pause = nil
    report(.laneResumed, "Feed \(settings.name) goes on")
  }
}

// MARK: - Small things that every step needs

extension FeedPass {
  /// What lies in a folder says nothing where its file system went, or another hides it.
  func requireMounts(_ state: FilePath) throws(FileFault) {
    guard let mounts = host.mounts else { return }
    for (folder, doing) in [
      (state, "Cannot work in"), (landing, "Cannot look into"), (handover, "Cannot hand over to"),
    ] {
      if let fault = mounts.fault(at: folder, doing) { throw fault }
    }
  }

  func partsPath(_ place: DropPlace, _ id: DropID) -> FilePath {
    spool.path(place, id).appending(DropPlan.partsName)
  }
  func planPath(_ place: DropPlace, _ id: DropID) -> FilePath {
    spool.path(place, id).appending(DropPlan.fileName)
  }
  func reasonsPath(_ place: DropPlace, _ id: DropID) -> FilePath {
    spool.path(place, id).appending(DropPlan.reasonsName)
  }

  /// Where a part lies in the hand-over folder before it has its name. Hidden, and `.part` for those who look all the same.
  func stagedPath(_ plan: DropPlan, _ number: Int) -> FilePath {
    handover(of: plan).appending(FileName(".\(plan.id).\(number).part"))
  }

  /// Where a drop was staged; what is configured now may be another folder.
  func handover(of plan: DropPlan) -> FilePath { plan.staged.map { FilePath($0.folder) } ?? handover }

  /// A full disk is noticed before it is full.
  /// - Parameter bytes: about to be written below that folder.
  func requireRoom(for bytes: UInt64, at folder: FilePath) throws(FileFault) {
    guard host.minFree > 0 else { return }
    var free = try files.freeBytes(at: folder)
    guard free < bytes +| host.minFree else { return }
    // What is kept only because something might come late goes first.
    if host.taken.relieve() {
      free = try files.freeBytes(at: folder)
      guard free < bytes +| host.minFree else { return }
    }
    throw FileFault(
      .full, "Cannot take more into", at: folder,
      why: "\(counted(free, "byte")) free, \(bytes) needed, limits.min_free is \(host.minFree)",
      remedy: "Free space, or enlarge the volume; work goes on by itself")
  }

  func original(of part: DropPart) -> FilePath { FilePath(part.landing).appending(part.name) }

  /// False where the feed has another landing folder by now.
  func isInLanding(_ part: DropPart) -> Bool { FilePath(part.landing).starts(with: landing) }

  /// Drops in the place, in the order in which they were seen. What has no drop's name is not ours and stays alone.
  func drops(in place: DropPlace) throws(FileFault) -> [DropID] {
    try spool.entries(in: place).compactMap { DropID($0) }
  }

  /// Those of them that may be worked on.
  func workable(in place: DropPlace) throws(FileFault) -> [DropID] {
    try drops(in: place).filter { feed.unadopted[$0] == nil }
  }

  /// The same in no order and a slice at a time: the archive may hold more than memory should. False from `body` ends it.
  func eachSlice(of place: DropPlace, _ body: ([DropID]) throws -> Bool) throws {
    try spool.eachSlice(in: place, of: Limits.dropsTogether) { names in
      // Alive, even where there is much to look at.
      _ = stop()
      return try body(names.compactMap { DropID($0) })
    }
  }

  func plan(_ place: DropPlace, _ id: DropID) throws(FileFault) -> DropPlan {
    try holding(.plan, id) { () throws(FileFault) in
      let path = planPath(place, id)
      let plan = try files.readPlan(DropPlan.self, at: path)
      guard plan.id == id, plan.feed == settings.name else {
        throw FileFault(.damaged, "Cannot use", at: path, why: "it is the plan of another drop")
      }
      // They are chosen before a drop comes here: what has none is not the plan that it was moved with.
      if place == .handover, plan.dataIndices.contains(where: { plan.parts[$0].finalName == nil }) {
        throw FileFault(
          .damaged, "Cannot use", at: path, why: "it does not say under which names its files are handed over")
      }
      return plan
    }
  }

  /// Said for the next life, should this one end meanwhile.
  func holding<Result, Failure: Error>(
    _ step: Work.Step, _ id: DropID, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try host.hands.holding(Work(.feed(settings.name), step, .drop(id)), body)
  }

  func holding<Result, Failure: Error>(
    _ step: Work.Step, _ seen: Settling.Observation, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let file = Work.Item.file(inode: seen.inode, size: seen.size)
    return try host.hands.holding(Work(.feed(settings.name), step, file), body)
  }

  func sync(_ paths: [FilePath]) throws(FileFault) {
    if !paths.isEmpty { try files.sync(paths) }
  }

  func report(_ kind: EventKind, _ message: String, reason: String? = nil) {
    var fields: [Event.Field: String] = [.feed: settings.name.text]
    fields[.reason] = reason
    host.events.record(kind, message, fields)
  }

  func report(
    _ kind: EventKind, _ message: String, _ plan: DropPlan, _ more: [Event.Field: String] = [:]
  ) {
    var fields = more
    fields[.feed] = settings.name.text
    fields[.drop] = plan.id.description
    fields[.bytes] = String(plan.bytes)
    if let rows = plan.rows { fields[.rows] = String(rows) }
    host.events.record(kind, message, fields)
  }

  /// A drop waits for its sender.
  mutating func wait(for plan: DropPlan, _ why: String) -> ItemOutcome<DropPlan> {
    summary.waiting += 1
    let until = now.uptime + max(settings.settle.answered, Limits.writtenPause)
    summary.look(at: until)
    return .waits(until: until, why: why)
  }

  /// A file in landing waits, and people hear of it.
  func reportWaiting(_ name: FileName, _ why: String, in folder: FilePath) {
    host.events.record(
      .dropWaiting, "\(name.masked) of feed \(settings.name) waits: \(why)",
      [.feed: settings.name.text, .path: folder.appending(FileName(name.masked)).shown, .reason: why])
  }
}

extension DropPlan {
  /// Where copies are made, below the drop.
  static let copying: FileName = "copying"

  /// What people know the drop by: its file's name, masked where it may hold an address.
  var shown: String {
    guard let first = parts.first else { return "an empty set" }
    let count = data.count
    return count < 2 ? first.name.masked : "\(first.name.masked) and \(count - 1) more"
  }
}

extension RandomAccessCollection where Index == Int {
  func slices(of size: Int) -> [SubSequence] {
    stride(from: startIndex, to: endIndex, by: size).map { self[$0..<Swift.min($0 + size, endIndex)] }
  }
}
