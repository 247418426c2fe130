public import Core
import Files
import Journal
import Ledger
public import Store
import SystemPackage

// What becomes of lists, downloads and deletions.
extension PullEngine {
  /// One page of a list that is under way.
  public mutating func note(_ page: [ListedObject], of list: PullList, at now: Moment) throws(LedgerFault) {
    guard let index = index(of: list.feed), feeds[index].isListing else { return }
    let feed = feeds[index]
    var known: [String: PulledRecord] = [:]
    let keys = page.map(\.key).filter { feed.names.answer($0) != .ignored }
    known = try ledger.read { (t) throws(LedgerFault) in
      var known: [String: PulledRecord] = [:]
      for key in keys { known[key] = try t.pulled(feed.name, feed.store, key: key) }
      return known
    }
    // A day's precision is enough, so that a list of what is known writes nothing.
    let plan = pullPlan(
      page, feed.names, of: feed.store, known: known, isAtRest: { feed.isAtRest($0, at: now.uptime) },
      stale: now.wall - .seconds(86_400))
    let refused = plan.refuse.sorted { $0.key.key < $1.key.key }.prefix(
      max(0, Limits.pullRefused - feeds[index].refusals))
    feeds[index].refusals += refused.count
    if !plan.seen.isEmpty || !refused.isEmpty {
      try ledger.transact("listed") { (t) throws(LedgerFault) in
        for source in plan.seen { try t.noteListed(source, feed.name, at: now.wall) }
        for (source, _) in refused {
          let record = PulledRecord(source, path: "", state: .refused, at: now.wall, listedAt: now.wall)
          try t.note(record, feed.name)
        }
      }
    }
    for (source, why) in refused {
      let shown = FileName(source.key).maskedShort
      report(
        index, .dropWaiting, "\(shown) in store \(feed.store) is not fetched for feed \(feed.name): \(why)",
        reason: "bad_name", [.key: shown])
    }
    feeds[index].take(plan.fetch)
    feeds[index].observe(plan.settling, at: now.uptime)
  }

  /// The work has ended; the next pass acts on it.
  public mutating func note(_ end: PullEnd, at now: Moment) throws(LedgerFault) {
    switch end {
    case .listed(let list, let result):
      release(list.store)
      guard let index = index(of: list.feed) else { return }
      try noteList(index, result, at: now)
    case .fetched(let fetch, let result):
      release(fetch.candidate.source.store)
      guard let index = index(of: fetch.feed) else { return }
      feeds[index].fetching[fetch.candidate.source.key] = nil
      switch result {
      case .success(let receipt): try take(fetch, receipt, index, at: now)
      case .failure(let fault): try refuse(fetch, fault, index, at: now)
      }
    case .deleted(let work, let result):
      let source = work.source
      release(source.store)
      guard let index = index(of: work.feed) else { return }
      feeds[index].deleting.remove(source.key)
      switch result {
      case .success:
        answered(index)
        feeds[index].undeleted[source.key] = nil
        try ledger.transact("deleted") { (t) throws(LedgerFault) in
          try t.note(.done, of: source, work.feed, from: .landed)
        }
      case .failure(let fault): try leave(source, fault, index, at: now)
      }
    }
  }

  /// The work was broken off by ourselves, which says nothing of the store.
  public mutating func drop(_ work: PullWork) {
    release(work.store)
    guard let index = index(of: work.feed) else { return }
    switch work {
    case .list: feeds[index].isListing = false
    case .fetch(let fetch): feeds[index].fetching[fetch.candidate.source.key] = nil
    case .delete(let work): feeds[index].deleting.remove(work.source.key)
    }
  }

  // MARK: - Ends

  private mutating func noteList(
    _ index: Int, _ result: Result<[BarredFolder], StoreFault>, at now: Moment
  ) throws(LedgerFault) {
    switch result {
    case .failure(let fault):
      feeds[index].isListing = false
      return try trouble(index, fault, at: now)
    case .success(let barred): tellBarred(barred, index)
    }
    answered(index)
    feeds[index].endList(at: now)
    let feed = feeds[index]
    try ledger.transact("list") { (t) throws(LedgerFault) in
      // What could not be listed is not gone.
      if feed.barred.isEmpty {
        try t.forgetPulled(
          feed.name, feed.store, listedBefore: feed.listBegan - Limits.pullMemory, nameless: feed.listBegan)
      }
      try t.note(feed.standing, feed.name)
    }
  }

  private mutating func take(
    _ fetch: PullFetch, _ receipt: Receipt, _ index: Int, at now: Moment
  ) throws(LedgerFault) {
    answered(index)
    let source = fetch.candidate.source
    feeds[index].wanted.removeAll { $0.candidate == fetch.candidate }
    feeds[index].denials = 0
    let isSame = receipt.size == source.size && (receipt.tag == nil || source.tag == nil || receipt.tag == source.tag)
    guard isSame else {
      clear(fetch)
      return try noteAnother(fetch, receipt, index, at: now)
    }
    (feeds[index].held[source.key], feeds[index].undeleted[source.key]) = (nil, nil)
    let feed = feeds[index]
    let inode: UInt64
    do throws(FileFault) {
      inode = try secured(fetch, in: feed.landing)
    } catch {
      clear(fetch)
      return leaveAlone(
        index, error.description, error.kind == .full ? .diskLow : .lanePaused, .lane, isOurs: true, at: now)
    }
    let record = PulledRecord(
      source, path: fetch.candidate.pathText, state: .placing, inode: inode, at: now.wall, listedAt: now.wall)
    try ledger.transact("fetched") { (t) throws(LedgerFault) in
      try t.note(record, feed.name)
      try t.note(feed.standing, feed.name)
    }
    feeds[index].mayPlace = true
  }

  /// Durable on return. - Returns: the file's inode.
  private func secured(_ fetch: PullFetch, in landing: FilePath) throws(FileFault) -> UInt64 {
    guard let info = try files.info(fetch.part), info.size == fetch.candidate.source.size else {
      throw FileFault(.io, "Cannot fetch to", at: fetch.part, why: "the file is not as long as its object")
    }
    try files.sync([fetch.part, landing])
    return info.inode
  }

  /// What is left is removed at the next start, if not now.
  func clear(_ fetch: PullFetch) { try? files.remove(fetch.part) }

  private func index(of feed: FeedName) -> Int? { feeds.firstIndex { $0.name == feed } }

  private mutating func release(_ store: StoreName) { underWay[store, default: 1] -= 1 }

  // MARK: - Trouble

  mutating func answered(_ index: Int) {
    feeds[index].answers += 1
    reached[feeds[index].store] = true
    progress += 1
    goOn(index)
  }

  mutating func goOn(_ index: Int) {
    guard feeds[index].wait != nil else { return }
    feeds[index].wait = nil
    report(index, .laneResumed, "Feed \(feeds[index].name) fetches from store \(feeds[index].store) again")
  }

  mutating func trouble(_ index: Int, _ fault: StoreFault, at now: Moment) throws(LedgerFault) {
    let store = feeds[index].store
    if fault.kind != .unreachable { reached[store] = true } else if reached[store] == nil { reached[store] = false }
    var atLeast = Duration.zero
    var backoff = Backoff.retry
    var kind = EventKind.lanePaused
    switch fault.kind {
    case .untrusted, .expired, .denied: (backoff, kind) = (.refused, .credentialRefused)
    case .throttled(let milliseconds): atLeast = .milliseconds(min(milliseconds ?? 0, Limits.longestWait.milliseconds))
    case .full: kind = .diskLow
    case .unreachable, .refused, .mismatch: break
    }
    leaveAlone(index, fault.description, kind, backoff, atLeast: atLeast, at: now)
    let feed = feeds[index]
    try ledger.transact("trouble") { (t) throws(LedgerFault) in try t.note(feed.standing, feed.name) }
  }

  /// Makes the feed's pulling wait. Said once, until it goes on.
  mutating func leaveAlone(
    _ index: Int, _ fault: String, _ kind: EventKind, _ backoff: Backoff, atLeast: Duration = .zero,
    isOurs: Bool = false, at now: Moment
  ) {
    let before = feeds[index].wait
    // What began together and fails together is one failure.
    if let before, now.uptime < before.until { return }
    let attempts = (before?.attempts ?? 0) + 1
    let delay = max(backoff.delay(attempt: attempts, random: random.next()), atLeast)
    feeds[index].wait = FeedPull.Wait(
      attempts: attempts, until: now.uptime + delay, fault: fault, isOurs: isOurs)
    guard before == nil else { return }
    report(
      index, kind, "Feed \(feeds[index].name) does not fetch from store \(feeds[index].store) for now: \(fault)",
      reason: fault)
  }
}
