public import Core
import Files
import Journal
import Ledger
public import Store
import SystemPackage

// What becomes of lists, downloads and deletions.
extension PullWorker {
  /// One page of a list that is under way.
  public mutating func note(_ page: [ListedObject], of list: PullList, at now: Moment) throws(LedgerFault) {
    guard feed.isListing else { return }
    var known: [String: PulledRecord] = [:]
    let keys = page.map(\.key).filter { feed.names.answer($0) != .ignored }
    known = try ledger.read { (t) throws(LedgerFault) in
      var known: [String: PulledRecord] = [:]
      for key in keys { known[key] = try t.pulled(feed.name, feed.store, key: key) }
      return known
    }
    let plan = pullPlan(
      page, feed.names, of: feed.store, known: known, isAtRest: { feed.isAtRest($0, at: now.uptime) },
      stale: now.wall - Limits.pullSeen)
    let refused = plan.refuse.sorted { $0.key.key < $1.key.key }.prefix(
      max(0, Limits.pullRefused - feed.refusals))
    feed.refusals += refused.count
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
        .dropWaiting, "\(shown) in store \(feed.store) is not fetched for feed \(feed.name): \(why)",
        reason: "bad_name", [.key: shown])
    }
    feed.take(plan.fetch)
    feed.observe(plan.settling, at: now.uptime)
  }

  /// The work has ended; the next pass acts on it.
  public mutating func note(_ end: PullEnd, at now: Moment) throws(LedgerFault) {
    switch end {
    case .listed(_, let result):
      underWay -= 1
      try noteList(result, at: now)
    case .fetched(let fetch, let result):
      underWay -= 1
      feed.fetching[fetch.candidate.source.key] = nil
      promise()
      switch result {
      case .success(let receipt): try take(fetch, receipt, at: now)
      case .failure(let fault): try refuse(fetch, fault, at: now)
      }
    case .deleted(let work, let result):
      let source = work.source
      underWay -= 1
      feed.deleting.remove(source.key)
      switch result {
      case .success:
        answered()
        feed.undeleted[source.key] = nil
        try ledger.transact("deleted") { (t) throws(LedgerFault) in
          try t.note(.done, of: source, work.feed, from: .landed)
        }
      case .failure(let fault): try leave(source, fault, at: now)
      }
    }
  }

  /// The work was broken off by ourselves, which says nothing of the store.
  public mutating func drop(_ work: PullWork) {
    underWay -= 1
    switch work {
    case .list: feed.isListing = false
    case .fetch(let fetch):
      feed.fetching[fetch.candidate.source.key] = nil
      promise()
    case .delete(let work): feed.deleting.remove(work.source.key)
    }
  }

  // MARK: - Ends

  private mutating func noteList(
    _ result: Result<[BarredFolder], StoreFault>, at now: Moment
  ) throws(LedgerFault) {
    switch result {
    case .failure(let fault):
      feed.isListing = false
      return try trouble(fault, at: now)
    case .success(let barred): tellBarred(barred)
    }
    answered()
    feed.endList(at: now)
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
    _ fetch: PullFetch, _ receipt: Receipt, at now: Moment
  ) throws(LedgerFault) {
    answered()
    let source = fetch.candidate.source
    feed.wanted.removeAll { $0.candidate == fetch.candidate }
    feed.denials = 0
    let isSame = receipt.size == source.size && (receipt.tag == nil || source.tag == nil || receipt.tag == source.tag)
    guard isSame else {
      clear(fetch)
      return try noteAnother(fetch, receipt, at: now)
    }
    (feed.held[source.key], feed.undeleted[source.key]) = (nil, nil)
    let inode: UInt64
    do throws(FileFault) {
      inode = try secured(fetch, in: feed.landing)
    } catch {
      clear(fetch)
      return leaveAlone(
        error.description, error.kind == .full ? .diskLow : .lanePaused, .lane, isOurs: true, at: now)
    }
    let record = PulledRecord(
      source, path: fetch.candidate.pathText, state: .placing, inode: inode, at: now.wall, listedAt: now.wall)
    try ledger.transact("fetched") { (t) throws(LedgerFault) in
      try t.note(record, feed.name)
      try t.note(feed.standing, feed.name)
    }
    feed.mayPlace = true
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

  // MARK: - Trouble

  mutating func answered() {
    feed.answers += 1
    reached = true
    progress += 1
    goOn()
  }

  mutating func goOn() {
    guard feed.wait != nil else { return }
    feed.wait = nil
    report(.laneResumed, "Feed \(feed.name) fetches from store \(feed.store) again")
  }

  mutating func trouble(_ fault: StoreFault, at now: Moment) throws(LedgerFault) {
    if fault.kind != .unreachable { reached = true } else if reached == nil { reached = false }
    var atLeast = Duration.zero
    var backoff = Backoff.retry
    var kind = EventKind.lanePaused
    switch fault.kind {
    case .untrusted, .expired, .denied: (backoff, kind) = (.refused, .credentialRefused)
    case .throttled(let milliseconds): atLeast = .milliseconds(min(milliseconds ?? 0, Limits.longestWait.milliseconds))
    case .full: kind = .diskLow
    case .unreachable, .refused, .mismatch: break
    }
    leaveAlone(fault.description, kind, backoff, atLeast: atLeast, at: now)
    try ledger.transact("trouble") { (t) throws(LedgerFault) in try t.note(feed.standing, feed.name) }
  }

  /// Makes the feed's pulling wait. Said once, until it goes on.
  mutating func leaveAlone(
    _ fault: String, _ kind: EventKind, _ backoff: Backoff, atLeast: Duration = .zero,
    isOurs: Bool = false, at now: Moment
  ) {
    let before = feed.wait
    // What began together and fails together is one failure.
    if let before, now.uptime < before.until { return }
    let attempts = (before?.attempts ?? 0) + 1
    let delay = max(backoff.delay(attempt: attempts, random: random.next()), atLeast)
    feed.wait = PullState.Wait(
      attempts: attempts, until: now.uptime + delay, fault: fault, isOurs: isOurs)
    guard before == nil else { return }
    report(
      kind, "Feed \(feed.name) does not fetch from store \(feed.store) for now: \(fault)",
      reason: fault)
  }
}
