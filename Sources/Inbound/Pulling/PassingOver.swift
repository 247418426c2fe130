import Core
import Journal
import Ledger
import Store

// One object that cannot be fetched, placed or deleted stops only itself.
extension PullWorker {
  /// What came is not what was listed. Mostly another version has taken its place since: the next list, soon, tells of it. Where list
  /// and answers go on to disagree, it rests longer each time.
  mutating func noteAnother(
    _ fetch: PullFetch, _ receipt: Receipt, at now: Moment
  ) throws(LedgerFault) {
    let (source, settle) = (fetch.candidate.source, feed.settle)
    let what =
      receipt.size == source.size
      ? "another ETag" : "\(counted(receipt.size, "byte")), and not \(source.size)"
    let why = "its list and its answer disagree: it came with \(what)"
    let isHeld = feed.hold(fetch.candidate) {
      $0.wait(why, settle, longest: Limits.longestWait, at: now.uptime)
    }
    if feed.held[source.key]?.rest.attempts == 1 {
      feed.nextList = min(feed.nextList, now.uptime + settle)
    } else {
      try tell(fetch.candidate, isHeld, .dropWaiting, "changed", at: now)
    }
  }

  /// A download has failed.
  mutating func refuse(_ fetch: PullFetch, _ fault: StoreFault, at now: Moment) throws(LedgerFault) {
    clear(fetch)
    let (candidate, settle) = (fetch.candidate, feed.settle)
    let why = fault.description
    switch fault.kind {
    case .refused, .mismatch:
      // It is this object, gone perhaps: the next list tells whether it is still wanted.
      answered()
      let isHeld = feed.hold(candidate) {
        $0.wait(why, settle, longest: Limits.longestWait, at: now.uptime)
      }
      try tell(candidate, isHeld, .dropWaiting, "\(fault.kind)", at: now)
    case .denied:
      reached = true
      feed.denials += 1
      let isHeld = feed.hold(candidate) {
        $0.wait(why, max(settle, .seconds(30)), longest: Limits.longestWait, at: now.uptime)
      }
      // With rights to none of them the list tells it soon, or one of these is enough to read.
      let isOne = feed.denials <= Limits.pullTold
      try tell(candidate, isHeld, isOne ? .credentialRefused : nil, "\(fault.kind)", at: now)
    case .unreachable:
      if let doubt = feed.held[candidate.source.key]?.rest.doubt, doubt < feed.answers {
        let isHeld = feed.hold(candidate) {
          $0.wait(why, settle, longest: Limits.pullRest, at: now.uptime)
        }
        return try tell(candidate, isHeld, .dropWaiting, "\(fault.kind)", at: now)
      }
      // The others have their turn before it.
      let answers = feed.answers
      _ = feed.hold(candidate) {
        $0.doubt = answers
        $0.until = now.uptime
      }
      try trouble(fault, at: now)
    case .untrusted, .expired, .throttled, .full: try trouble(fault, at: now)
    }
  }

  /// A deletion has failed: the object stays until it is tried again.
  mutating func leave(
    _ source: DropPart.Origin, _ fault: StoreFault, at now: Moment
  ) throws(LedgerFault) {
    let (key, settle, answers) = (source.key, feed.settle, feed.answers)
    var rest = feed.undeleted[key] ?? ObjectRest(fault: "")
    let isNew = feed.undeleted[key] == nil
    guard !isNew || feed.undeleted.count < Limits.pullWindow else { return try trouble(fault, at: now) }
    switch fault.kind {
    case .refused, .mismatch, .denied:
      reached = true
      rest.wait(
        fault.description, max(settle, .seconds(fault.kind == .denied ? 30 : 0)), longest: Limits.longestWait,
        at: now.uptime)
    case .unreachable:
      let isToBlame = rest.doubt.map { $0 < answers } ?? false
      rest.wait(fault.description, settle, longest: Limits.pullRest, at: now.uptime)
      guard isToBlame else {
        (rest.doubt, rest.attempts) = (answers, 0)
        feed.undeleted[key] = rest
        return try trouble(fault, at: now)
      }
    case .untrusted, .expired, .throttled, .full: return try trouble(fault, at: now)
    }
    let isTold = rest.isTold
    rest.isTold = true
    feed.undeleted[key] = rest
    guard !isTold else { return }
    let shown = FileName(key).maskedShort
    report(
      fault.kind == .denied ? .credentialRefused : .dropWaiting,
      "\(shown) was not deleted for feed \(feed.name), and is tried again: \(fault)", reason: "\(fault.kind)",
      [.key: shown])
    try noteStanding()
  }

  /// Nothing was asked of the store: it is looked at again before long.
  mutating func passOver(
    _ candidate: PullCandidate, _ why: String, _ kind: EventKind, _ reason: String, at now: Moment
  ) throws(LedgerFault) {
    let isHeld = feed.hold(candidate) { $0.wait(why, Limits.pullRest, at: now.uptime) }
    try tell(candidate, isHeld, kind, reason, at: now)
  }

  /// It has its bytes in landing, and no place for its name there.
  mutating func tellMisplaced(_ source: DropPart.Origin, _ fault: FileFault) {
    guard feed.misplaced.count < Limits.pullWindow, feed.misplaced.insert(source.key).inserted else {
      return
    }
    let shown = FileName(source.key).maskedShort
    report(
      .dropWaiting, "\(shown) was fetched for feed \(feed.name) and has no place in landing: \(fault)",
      reason: "no_folder", [.key: shown])
  }

  /// Once of each folder, until it can be listed. What lies below it is neither new nor gone.
  mutating func tellBarred(_ folders: [BarredFolder]) {
    let (before, names) = (feed.barred, feed.names)
    let ours = folders.filter { names.mayHold($0.key) }
    feed.barred = Dictionary(ours.map { ($0.key, $0.fault.description) }, uniquingKeysWith: { a, _ in a })
    if !ours.isEmpty { for key in feed.held.keys { feed.held[key]?.isListed = true } }
    for folder in ours where before[folder.key] == nil {
      let shown = FileName(folder.key).maskedShort
      report(
        .dropWaiting,
        "\(shown) in store \(feed.store) cannot be listed for feed \(feed.name) for now; the rest is: "
          + folder.fault.description, reason: "\(folder.fault.kind)", [.key: shown])
    }
  }

  /// Once of each object, until it is fetched.
  private mutating func tell(
    _ candidate: PullCandidate, _ isHeld: Bool, _ kind: EventKind?, _ reason: String, at now: Moment
  ) throws(LedgerFault) {
    let key = candidate.source.key
    guard isHeld, let rest = feed.held[key]?.rest else {
      leaveAlone(
        "more than \(counted(Limits.pullHeld, "object")) cannot be fetched", .lanePaused, .lane, at: now)
      return try noteStanding()
    }
    guard !rest.isTold else { return }
    feed.held[key]?.rest.isTold = true
    if let kind {
      let shown = FileName(key).maskedShort
      report(
        kind,
        "\(shown) is not fetched from store \(feed.store) for feed \(feed.name) for now; others are: "
          + rest.fault, reason: reason, [.key: shown])
    }
    try noteStanding()
  }

  private func noteStanding() throws(LedgerFault) {
    try ledger.transact("standing") { (t) throws(LedgerFault) in try t.note(feed.standing, feed.name) }
  }
}
