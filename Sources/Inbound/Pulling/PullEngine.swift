public import Config
public import Core
public import Files
import Formats
public import Journal
public import Ledger
import Spool
import Store
import SystemPackage

/// Fetches new objects into landing, without a thread or a store of its own: each pass says what is to be listed, fetched and deleted,
/// and each end is noted.
///
/// What holds after each call:
/// 1. An object gets its name in landing only whole, durable, and recorded as being placed: the vanished hidden file is the receipt.
/// 2. Nothing in landing is replaced: a name that is taken is waited for.
/// 3. An object is deleted only after the drop it went into was durably handed over, or archived; one whose drop was refused stays.
/// 4. What is known is forgotten only when the store has not shown it for `Limits.pullMemory`.
public struct PullEngine: Sendable {
  let state: StateFolder
  let files: any Files
  let ledger: Ledger
  let events: any EventSink
  let minFree: UInt64
  let concurrency: [StoreName: Int]
  var random: any RandomNumberGenerator & Sendable
  var feeds: [FeedPull]
  var underWay: [StoreName: Int] = [:]
  /// Pieces of work that came to a good end in this life.
  public internal(set) var progress = 0
  /// Which stores answered in this life, and which could not be reached.
  public internal(set) var reached: [StoreName: Bool] = [:]

  /// Nil where no feed pulls.
  public init?(
    settings: Settings, files: any Files, ledger: Ledger, events: any EventSink,
    random: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()
  ) {
    feeds = settings.feeds.compactMap { FeedPull($0) }
    if feeds.isEmpty { return nil }
    state = StateFolder(settings.state)
    self.files = files
    self.ledger = ledger
    self.events = events
    self.random = random
    minFree = settings.limits.minFree
    concurrency = Dictionary(settings.stores.map { ($0.name, $0.concurrency) }, uniquingKeysWith: { a, _ in a })
  }

  /// Whether nothing is under way or due: for `run --once`. What waits for a name in landing does not count.
  public var isIdle: Bool {
    underWay.values.allSatisfy { $0 == 0 }
      && feeds.allSatisfy { $0.isStopped || ($0.listedOnce && !$0.isSettling && $0.wanted.allSatisfy(\.isBlocked)) }
  }

  /// Whether something could not be fetched or asked for.
  public var isWaiting: Bool { feeds.contains { $0.wait != nil } }

  /// - Throws: a `LedgerFault`, after which nothing may be decided. A feed's own trouble makes that feed wait.
  public mutating func pass(at now: Moment) throws(LedgerFault) -> PullPass {
    var pass = PullPass(next: now.uptime + Limits.pullRest)
    for index in feeds.indices {
      do {
        try self.pass(index, at: now, &pass)
        if let wait = feeds[index].wait, wait.isOurs, now.uptime >= wait.until { goOn(index) }
      } catch let fault as LedgerFault {
        throw fault
      } catch let fault as FileFault {
        leaveAlone(index, fault.description, fault.kind == .full ? .diskLow : .lanePaused, .lane, isOurs: true, at: now)
      } catch {
        preconditionFailure("a fault of an unknown kind: \(error)")
      }
      if let wait = feeds[index].wait { pass.next = min(pass.next, wait.until) }
    }
    return pass
  }

  private mutating func pass(_ index: Int, at now: Moment, _ pass: inout PullPass) throws {
    feeds[index].isStopped = isPaused(feeds[index].name)
    if feeds[index].isStopped { return }
    if let wait = feeds[index].wait, now.uptime < wait.until { return }
    try prepare(index)
    try place(index, at: now, &pass)
    for work in try deletions(index) { begin(work, &pass) }
    // What is found again while much is waiting would be for nothing.
    if !feeds[index].isListing, feeds[index].wanted.count <= Limits.pullWindow / 2 {
      if now.uptime < feeds[index].nextList {
        pass.next = min(pass.next, feeds[index].nextList)
      } else if freeSlots(index) > 0 {
        feeds[index].beginList(at: now)
        let feed = feeds[index]
        begin(.list(PullList(feed: feed.name, store: feed.store, prefix: feed.names.prefix)), &pass)
      }
    }
    try fetch(index, at: now, &pass)
  }

  private func isPaused(_ name: FeedName) -> Bool {
    do { return try PauseMark(name, state: state, files: files).isSet() } catch { return true }
  }

  private mutating func begin(_ work: PullWork, _ pass: inout PullPass) {
    underWay[work.store, default: 0] += 1
    pass.works.append(work)
  }

  // MARK: - Landing

  /// Once in each life: what was being fetched is fetched anew, what was recorded as being placed goes on.
  private mutating func prepare(_ index: Int) throws {
    let (landing, name) = (feeds[index].landing, feeds[index].name)
    guard try files.info(landing)?.kind == .directory else {
      throw FileFault(
        .missing, "Cannot fetch to", at: landing, why: "there is no such directory",
        remedy: "Make it, or mount what it belongs to")
    }
    guard !feeds[index].isPrepared else { return }
    let placing = try ledger.read { (t) throws(LedgerFault) in try t.pulled(name, in: .placing) }
    let kept = Set(placing.compactMap { feeds[index].part(of: $0.source).name })
    for name in try files.list(landing) where FeedPull.isPart(name) && !kept.contains(name) {
      try files.remove(landing.appending(name))
    }
    feeds[index].isPrepared = true
    feeds[index].mayPlace = true
  }

  /// What is fetched and recorded gets its name, where that is free.
  private mutating func place(_ index: Int, at now: Moment, _ pass: inout PullPass) throws {
    guard feeds[index].mayPlace else { return }
    let name = feeds[index].name
    let placing = try ledger.read { (t) throws(LedgerFault) in try t.pulled(name, in: .placing) }
    var placed: [DropPart.Origin] = []
    var folders: Set<FilePath> = []
    for record in placing {
      let part = feeds[index].part(of: record.source)
      guard try files.info(part) != nil else {
        // It was renamed before a stop.
        placed.append(record.source)
        continue
      }
      guard let target = feeds[index].target(record.path) else { continue }
      let folder = target.parent
      if folder != feeds[index].landing { try files.ensureDirectory(folder) }
      do {
        try files.move(part, to: target)
        folders.formUnion([folder, feeds[index].landing])
        placed.append(record.source)
        pass.landed += 1
      } catch {
        // The one before it has not been taken yet.
        guard error.kind == .exists else { throw error }
        pass.next = min(pass.next, now.uptime + Limits.pullRetry)
      }
    }
    if !folders.isEmpty { try files.sync(folders.sorted { $0.string < $1.string }) }
    if !placed.isEmpty {
      let done = placed
      try ledger.transact("landed") { (t) throws(LedgerFault) in
        for source in done { try t.note(.landed, of: source, name, from: .placing) }
      }
    }
    feeds[index].mayPlace = placed.count < placing.count
  }

  // MARK: - What is due

  private mutating func deletions(_ index: Int) throws -> [PullWork] {
    guard feeds[index].pull.after == .delete, freeSlots(index) > 0 else { return [] }
    let (name, store) = (feeds[index].name, feeds[index].store)
    let most = freeSlots(index) + feeds[index].deleting.count
    let due = try ledger.read { (t) throws(LedgerFault) in try t.finished(name, limit: most) }
    let feed = feeds[index]
    let new = due.filter {
      $0.source.store == store && !feed.deleting.contains($0.source.key) && feed.fetching[$0.source.key] == nil
    }
    return new.prefix(freeSlots(index)).map { record in
      feeds[index].deleting.insert(record.source.key)
      return .delete(PullDelete(feed: name, source: record.source))
    }
  }

  private mutating func fetch(_ index: Int, at now: Moment, _ pass: inout PullPass) throws {
    for number in feeds[index].wanted.indices {
      let candidate = feeds[index].wanted[number].candidate
      let key = candidate.source.key
      if feeds[index].fetching[key] != nil || feeds[index].deleting.contains(key) { continue }
      guard freeSlots(index) > 0, let target = feeds[index].target(candidate.pathText) else { return }
      // A static name whose former content has not been taken: its turn comes.
      let isTaken = try files.info(target) != nil
      feeds[index].wanted[number].isBlocked = isTaken
      if isTaken {
        pass.next = min(pass.next, now.uptime + Limits.pullRetry)
        continue
      }
      guard try hasRoom(for: candidate, index, at: now) else {
        pass.next = min(pass.next, now.uptime + Limits.pullRest)
        return
      }
      let part = feeds[index].part(of: candidate.source)
      do { try files.remove(part) } catch { if error.kind != .missing { throw error } }
      feeds[index].fetching[candidate.source.key] = candidate.source.size
      begin(.fetch(PullFetch(feed: feeds[index].name, candidate: candidate, part: part)), &pass)
    }
  }

  private func freeSlots(_ index: Int) -> Int {
    // A store that failed last is asked one thing at a time.
    let most = feeds[index].wait == nil ? concurrency[feeds[index].store] ?? 1 : 1
    return max(0, most - underWay[feeds[index].store, default: 0])
  }

  private mutating func hasRoom(for candidate: PullCandidate, _ index: Int, at now: Moment) throws(FileFault) -> Bool {
    let promised = feeds.total { $0.fetching.values.total { $0 } }
    let free = try files.freeBytes(at: feeds[index].landing)
    let hasRoom = free >= promised +| candidate.source.size +| minFree
    if !hasRoom, !feeds[index].isLow {
      let why = "\(counted(candidate.source.size, "byte")) to be fetched, \(free) free, \(minFree) to be kept free"
      report(index, .diskLow, "Feed \(feeds[index].name) fetches nothing for now: \(why)", reason: why)
    }
    feeds[index].isLow = !hasRoom
    return hasRoom
  }

  func report(
    _ index: Int, _ kind: EventKind, _ message: String, reason: String? = nil, _ more: [Event.Field: String] = [:]
  ) {
    var fields = more
    fields[.feed] = feeds[index].name.text
    fields[.store] = feeds[index].store.text
    fields[.reason] = reason
    events.record(kind, message, fields)
  }
}
