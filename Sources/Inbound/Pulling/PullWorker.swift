public import Config
public import Core
public import Files
import Formats
public import Journal
public import Lanes
public import Ledger
public import Spool
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
public struct PullWorker: Sendable {
  let state: StateFolder
  let files: any Files
  let ledger: Ledger
  let events: any EventSink
  let minFree: UInt64
  let slots: StoreSlots
  let room: PromisedRoom
  var random: any RandomNumberGenerator & Sendable
  var feed: PullState
  /// Asks for a pass: called when a slot of the store may be free.
  var wake: @Sendable () -> Void = {}
  var underWay = 0
  /// Pieces of work that came to a good end in this life.
  public internal(set) var progress = 0
  /// Whether its store answered in this life; nil: it was not asked.
  public internal(set) var reached: Bool?

  /// Nil where the feed does not pull.
  public init?(
    _ feed: FeedSettings, state: StateFolder, files: any Files, ledger: Ledger, events: any EventSink,
    minFree: UInt64 = 0, slots: StoreSlots, room: PromisedRoom = PromisedRoom(),
    random: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()
  ) {
    guard let pull = PullState(feed) else { return nil }
    self.feed = pull
    self.state = state
    self.files = files
    self.ledger = ledger
    self.events = events
    self.random = random
    self.minFree = minFree
    self.slots = slots
    self.room = room
  }

  var lane: String { feed.name.text }

  /// Whether nothing is under way or due: for `run --once`. What waits for a name in landing does not count.
  public var isIdle: Bool {
    underWay == 0
      && (feed.isStopped || (feed.listedOnce && !feed.isSettling && feed.wanted.allSatisfy(\.isBlocked)))
  }

  /// Whether something could not be fetched or asked for.
  public var isWaiting: Bool {
    feed.wait != nil || !feed.barred.isEmpty || feed.held.values.contains(where: \.isResting)
  }

  /// - Throws: a `LedgerFault`, after which nothing may be decided. Its own trouble makes it wait.
  public mutating func pass(at now: Moment) throws(LedgerFault) -> PullPass {
    var pass = PullPass(next: now.uptime + Limits.pullRest)
    slots.forget(lane)
    do {
      try self.pass(at: now, &pass)
      if let wait = feed.wait, wait.isOurs, now.uptime >= wait.until { goOn() }
    } catch let fault as LedgerFault {
      // Nobody will be told of what was begun.
      for work in pass.works {
        ended(work, at: now.uptime)
        drop(work)
      }
      throw fault
    } catch let fault as FileFault {
      leaveAlone(fault.description, fault.kind == .full ? .diskLow : .lanePaused, .lane, isOurs: true, at: now)
    } catch {
      preconditionFailure("a fault of an unknown kind: \(error)")
    }
    if let wait = feed.wait { pass.next = min(pass.next, wait.until) }
    return pass
  }

  private mutating func pass(at now: Moment, _ pass: inout PullPass) throws {
    feed.isStopped = isPaused(feed.name)
    if feed.isStopped { return }
    if let wait = feed.wait, now.uptime < wait.until { return }
    try prepare()
    if let due = feed.wake(at: now.uptime) { pass.next = min(pass.next, due) }
    try place(at: now, &pass)
    try deletions(at: now, &pass)
    // What is found again while much is waiting would be for nothing.
    if !feed.isListing, feed.wanted.count <= Limits.pullWindow / 2 {
      if now.uptime < feed.nextList {
        pass.next = min(pass.next, feed.nextList)
      } else if takeSlot(at: now, &pass) {
        feed.beginList(at: now)
        begin(.list(PullList(feed: feed.name, store: feed.store, prefix: feed.names.prefix)), &pass)
      }
    }
    try fetch(at: now, &pass)
  }

  private func isPaused(_ name: FeedName) -> Bool {
    do { return try PauseMark(name, state: state, files: files).isSet() } catch { return true }
  }

  /// A slot was taken for it.
  private mutating func begin(_ work: PullWork, _ pass: inout PullPass) {
    underWay += 1
    pass.works.append(work)
  }

  // MARK: - Landing

  /// Once in each life: what was being fetched is fetched anew, what was recorded as being placed goes on.
  private mutating func prepare() throws {
    let (landing, name) = (feed.landing, feed.name)
    guard try files.info(landing)?.kind == .directory else {
      throw FileFault(
        .missing, "Cannot fetch to", at: landing, why: "there is no such directory",
        remedy: "Make it, or mount what it belongs to")
    }
    guard !feed.isPrepared else { return }
    let placing = try ledger.read { (t) throws(LedgerFault) in try t.pulled(name, in: .placing) }
    let kept = Set(placing.compactMap { feed.part(of: $0.source).name })
    for name in try files.list(landing) where PullState.isPart(name) && !kept.contains(name) {
      try files.remove(landing.appending(name))
    }
    feed.isPrepared = true
    feed.mayPlace = true
  }

  /// What is fetched and recorded gets its name, where that is free.
  private mutating func place(at now: Moment, _ pass: inout PullPass) throws {
    guard feed.mayPlace else { return }
    let name = feed.name
    let placing = try ledger.read { (t) throws(LedgerFault) in try t.pulled(name, in: .placing) }
    var placed: [DropPart.Origin] = []
    var folders: Set<FilePath> = []
    for record in placing {
      let part = feed.part(of: record.source)
      guard try files.info(part) != nil else {
        // It was renamed before a stop.
        placed.append(record.source)
        continue
      }
      guard let target = feed.target(record.path) else { continue }
      let folder = target.parent
      do {
        if folder != feed.landing { try files.ensureDirectory(folder) }
        try files.move(part, to: target)
        folders.formUnion([folder, feed.landing])
        placed.append(record.source)
        pass.landed += 1
      } catch {
        // The one before it has not been taken yet; or in its folder's place lies a file, which concerns only what is below.
        guard error.kind == .exists || folder != feed.landing else { throw error }
        if error.kind != .exists { tellMisplaced(record.source, error) }
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
    feed.mayPlace = placed.count < placing.count
  }

  // MARK: - What is due

  private mutating func deletions(at now: Moment, _ pass: inout PullPass) throws {
    guard feed.pull.after == .delete else { return }
    let (name, store) = (feed.name, feed.store)
    let resting = feed.undeleted.filter { $0.value.until > now.uptime }
    if let next = resting.values.map(\.until).min() { pass.next = min(pass.next, next) }
    let most = slots.concurrency(of: store) + feed.deleting.count + resting.count
    let due = try ledger.read { (t) throws(LedgerFault) in try t.finished(name, limit: most) }
    let known = feed
    let new = due.filter {
      $0.source.store == store && !known.deleting.contains($0.source.key) && known.fetching[$0.source.key] == nil
        && resting[$0.source.key] == nil
    }
    for record in new {
      guard takeSlot(at: now, &pass) else { return }
      feed.deleting.insert(record.source.key)
      begin(.delete(PullDelete(feed: name, source: record.source)), &pass)
    }
  }

  private mutating func fetch(at now: Moment, _ pass: inout PullPass) throws {
    var number = 0
    while number < feed.wanted.count {
      let candidate = feed.wanted[number].candidate
      let key = candidate.source.key
      number += 1
      if feed.fetching[key] != nil || feed.deleting.contains(key) { continue }
      let isTaken: Bool
      do {
        guard let target = feed.target(candidate.pathText) else { continue }
        // A static name whose former content has not been taken: its turn comes.
        isTaken = try files.info(target) != nil
      } catch {
        guard candidate.path.count > 1 else { throw error }
        // A folder of its own is in the way, or barred.
        number -= 1
        try passOver(candidate, "\(error)", .dropWaiting, "no_folder", at: now)
        continue
      }
      feed.wanted[number - 1].isBlocked = isTaken
      if isTaken {
        pass.next = min(pass.next, now.uptime + Limits.pullRetry)
        continue
      }
      if let most = tooLarge(candidate) {
        let why = "\(counted(candidate.source.size, "byte")), and require.max_bytes is \(most)"
        number -= 1
        try passOver(candidate, why, .dropWaiting, "too_large", at: now)
        continue
      }
      switch try room(for: candidate) {
      case .enough: break
      case .whenOthersAreDone: continue
      case .never(let why):
        number -= 1
        try passOver(candidate, why, .diskLow, why, at: now)
        continue
      case .none(let why):
        pass.next = min(pass.next, now.uptime + Limits.pullRest)
        return tellLow(why)
      }
      feed.isLow = false
      let part = feed.part(of: candidate.source)
      do { try files.remove(part) } catch { if error.kind != .missing { throw error } }
      // Last: whatever is thrown before takes no slot along.
      guard takeSlot(at: now, &pass) else { break }
      feed.fetching[candidate.source.key] = candidate.source.size
      promise()
      begin(.fetch(PullFetch(feed: feed.name, candidate: candidate, part: part)), &pass)
    }
    if let next = feed.held.values.lazy.filter(\.isResting).map(\.rest.until).min() {
      pass.next = min(pass.next, next)
    }
  }

  /// Where none is free, the pass after one is given back takes it.
  private func takeSlot(at now: Moment, _ pass: inout PullPass) -> Bool {
    // A store that failed last is asked one thing at a time.
    switch slots.take(feed.store, for: lane, most: feed.wait == nil ? nil : 1, at: now.uptime, wake: wake) {
    case .taken: return true
    case .none: return false
    case .othersFirst:
      pass.next = min(pass.next, now.uptime + StoreSlots.patience)
      return false
    }
  }

  /// The work is over, however it ended: its slot is another's. By whoever has carried it out, at once: the lane may be busy for long.
  public func ended(_ work: PullWork, at uptime: Duration) { slots.giveBack(work.store, of: lane, at: uptime) }

  func promise() { room.promise(feed.fetching.values.total { $0 }, by: lane) }

  private enum Room {
    case enough
    /// What is under way takes it.
    case whenOthersAreDone
    /// This object finds none; smaller ones may.
    case never(String)
    /// Nothing does.
    case none(String)
  }

  private func room(for candidate: PullCandidate) throws(FileFault) -> Room {
    let promised = room.total
    let free = try files.freeBytes(at: feed.landing)
    let size = candidate.source.size
    if free >= promised +| size +| minFree { return .enough }
    let why = "\(counted(size, "byte")) to be fetched, \(free) free, \(minFree) to be kept free"
    if free <= minFree { return .none(why) }
    return free >= size +| minFree ? .whenOthersAreDone : .never(why)
  }

  private mutating func tellLow(_ why: String) {
    if !feed.isLow {
      report(.diskLow, "Feed \(feed.name) fetches nothing for now: \(why)", reason: why)
    }
    feed.isLow = true
  }

  /// The bound that it would be refused for after its download; what is packed or encrypted may be a table of any size.
  private func tooLarge(_ candidate: PullCandidate) -> UInt64? {
    let most = feed.maxBytes
    // Text in UTF-16 counts as UTF-8, which may have half as many bytes.
    guard candidate.source.size / 2 > most, let name = candidate.path.last else { return nil }
    let ending = name.bytes.suffix(4).map { $0 | 0x20 }
    let isPacked = [".gz", ".gpg", ".pgp", ".asc"].contains { ending.suffix($0.utf8.count).elementsEqual($0.utf8) }
    return isPacked ? nil : most
  }

  func report(
    _ kind: EventKind, _ message: String, reason: String? = nil, _ more: [Event.Field: String] = [:]
  ) {
    var fields = more
    fields[.feed] = feed.name.text
    fields[.store] = feed.store.text
    fields[.reason] = reason
    events.record(kind, message, fields)
  }
}
