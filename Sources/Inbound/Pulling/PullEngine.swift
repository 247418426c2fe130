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
  public var isWaiting: Bool {
    feeds.contains { $0.wait != nil || !$0.barred.isEmpty || $0.held.values.contains(where: \.isResting) }
  }

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
    if let due = feeds[index].wake(at: now.uptime) { pass.next = min(pass.next, due) }
    try place(index, at: now, &pass)
    for work in try deletions(index, at: now, &pass) { begin(work, &pass) }
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
      do {
        if folder != feeds[index].landing { try files.ensureDirectory(folder) }
        try files.move(part, to: target)
        folders.formUnion([folder, feeds[index].landing])
        placed.append(record.source)
        pass.landed += 1
      } catch {
        // The one before it has not been taken yet; or in its folder's place lies a file, which concerns only what is below.
        guard error.kind == .exists || folder != feeds[index].landing else { throw error }
        if error.kind != .exists { tellMisplaced(index, record.source, error) }
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

  private mutating func deletions(_ index: Int, at now: Moment, _ pass: inout PullPass) throws -> [PullWork] {
    guard feeds[index].pull.after == .delete, freeSlots(index) > 0 else { return [] }
    let (name, store) = (feeds[index].name, feeds[index].store)
    let resting = feeds[index].undeleted.filter { $0.value.until > now.uptime }
    if let next = resting.values.map(\.until).min() { pass.next = min(pass.next, next) }
    let most = freeSlots(index) + feeds[index].deleting.count + resting.count
    let due = try ledger.read { (t) throws(LedgerFault) in try t.finished(name, limit: most) }
    let feed = feeds[index]
    let new = due.filter {
      $0.source.store == store && !feed.deleting.contains($0.source.key) && feed.fetching[$0.source.key] == nil
        && resting[$0.source.key] == nil
    }
    return new.prefix(freeSlots(index)).map { record in
      feeds[index].deleting.insert(record.source.key)
      return .delete(PullDelete(feed: name, source: record.source))
    }
  }

  private mutating func fetch(_ index: Int, at now: Moment, _ pass: inout PullPass) throws {
    var number = 0
    while number < feeds[index].wanted.count {
      let candidate = feeds[index].wanted[number].candidate
      let key = candidate.source.key
      number += 1
      if feeds[index].fetching[key] != nil || feeds[index].deleting.contains(key) { continue }
      guard freeSlots(index) > 0 else { break }
      let isTaken: Bool
      do {
        guard let target = feeds[index].target(candidate.pathText) else { continue }
        // A static name whose former content has not been taken: its turn comes.
        isTaken = try files.info(target) != nil
      } catch {
        guard candidate.path.count > 1 else { throw error }
        // A folder of its own is in the way, or barred.
        number -= 1
        try passOver(candidate, "\(error)", .dropWaiting, "no_folder", index, at: now)
        continue
      }
      feeds[index].wanted[number - 1].isBlocked = isTaken
      if isTaken {
        pass.next = min(pass.next, now.uptime + Limits.pullRetry)
        continue
      }
      if let most = tooLarge(candidate, index) {
        let why = "\(counted(candidate.source.size, "byte")), and require.max_bytes is \(most)"
        number -= 1
        try passOver(candidate, why, .dropWaiting, "too_large", index, at: now)
        continue
      }
      switch try room(for: candidate, index) {
      case .enough: break
      case .whenOthersAreDone: continue
      case .never(let why):
        number -= 1
        try passOver(candidate, why, .diskLow, why, index, at: now)
        continue
      case .none(let why):
        pass.next = min(pass.next, now.uptime + Limits.pullRest)
        return tellLow(index, why)
      }
      feeds[index].isLow = false
      let part = feeds[index].part(of: candidate.source)
      do { try files.remove(part) } catch { if error.kind != .missing { throw error } }
      feeds[index].fetching[candidate.source.key] = candidate.source.size
      begin(.fetch(PullFetch(feed: feeds[index].name, candidate: candidate, part: part)), &pass)
    }
    if let next = feeds[index].held.values.lazy.filter(\.isResting).map(\.rest.until).min() {
      pass.next = min(pass.next, next)
    }
  }

  private func freeSlots(_ index: Int) -> Int {
    // A store that failed last is asked one thing at a time.
    let most = feeds[index].wait == nil ? concurrency[feeds[index].store] ?? 1 : 1
    return max(0, most - underWay[feeds[index].store, default: 0])
  }

  private enum Room {
    case enough
    /// What is under way takes it.
    case whenOthersAreDone
    /// This object finds none; smaller ones may.
    case never(String)
    /// Nothing does.
    case none(String)
  }

  private func room(for candidate: PullCandidate, _ index: Int) throws(FileFault) -> Room {
    let promised = feeds.total { $0.fetching.values.total { $0 } }
    let free = try files.freeBytes(at: feeds[index].landing)
    let size = candidate.source.size
    if free >= promised +| size +| minFree { return .enough }
    let why = "\(counted(size, "byte")) to be fetched, \(free) free, \(minFree) to be kept free"
    if free <= minFree { return .none(why) }
    return free >= size +| minFree ? .whenOthersAreDone : .never(why)
  }

  private mutating func tellLow(_ index: Int, _ why: String) {
    if !feeds[index].isLow {
      report(index, .diskLow, "Feed \(feeds[index].name) fetches nothing for now: \(why)", reason: why)
    }
    feeds[index].isLow = true
  }

  /// The bound that it would be refused for after its download; what is packed or encrypted may be a table of any size.
  private func tooLarge(_ candidate: PullCandidate, _ index: Int) -> UInt64? {
    let most = feeds[index].maxBytes
    // Text in UTF-16 counts as UTF-8, which may have half as many bytes.
    guard candidate.source.size / 2 > most, let name = candidate.path.last else { return nil }
    let ending = name.bytes.suffix(4).map { $0 | 0x20 }
    let isPacked = [".gz", ".gpg", ".pgp", ".asc"].contains { ending.suffix($0.utf8.count).elementsEqual($0.utf8) }
    return isPacked ? nil : most
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
