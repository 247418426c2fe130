import Core
import Journal
import Ledger
import Store

// One object that cannot be fetched, placed or deleted stops only itself.
extension PullEngine {
  /// What came is not what was listed. Mostly another version has taken its place since: the next list, soon, tells of it. Where list
  /// and answers go on to disagree, it rests longer each time.
  mutating func noteAnother(
    _ fetch: PullFetch, _ receipt: Receipt, _ index: Int, at now: Moment
  ) throws(LedgerFault) {
    let (source, settle) = (fetch.candidate.source, feeds[index].settle)
    let what =
      receipt.size == source.size
      ? "another ETag" : "\(counted(receipt.size, "byte")), and not \(source.size)"
    let why = "its list and its answer disagree: it came with \(what)"
    let isHeld = feeds[index].hold(fetch.candidate) {
      $0.wait(why, settle, longest: Limits.longestWait, at: now.uptime)
    }
    if feeds[index].held[source.key]?.rest.attempts == 1 {
      feeds[index].nextList = min(feeds[index].nextList, now.uptime + settle)
    } else {
      try tell(fetch.candidate, isHeld, .dropWaiting, "changed", index, at: now)
    }
  }

  /// A download has failed.
  mutating func refuse(_ fetch: PullFetch, _ fault: StoreFault, _ index: Int, at now: Moment) throws(LedgerFault) {
    clear(fetch)
    let (candidate, settle) = (fetch.candidate, feeds[index].settle)
    let why = fault.description
    switch fault.kind {
    case .refused, .mismatch:
      // It is this object, gone perhaps: the next list tells whether it is still wanted.
      answered(index)
      let isHeld = feeds[index].hold(candidate) {
        $0.wait(why, settle, longest: Limits.longestWait, at: now.uptime)
      }
      try tell(candidate, isHeld, .dropWaiting, "\(fault.kind)", index, at: now)
    case .denied:
      reached[feeds[index].store] = true
      feeds[index].denials += 1
      let isHeld = feeds[index].hold(candidate) {
        $0.wait(why, max(settle, .seconds(30)), longest: Limits.longestWait, at: now.uptime)
      }
      // With rights to none of them the list tells it soon, or one of these is enough to read.
      let isOne = feeds[index].denials <= Limits.pullTold
      try tell(candidate, isHeld, isOne ? .credentialRefused : nil, "\(fault.kind)", index, at: now)
    case .unreachable:
      if let doubt = feeds[index].held[candidate.source.key]?.rest.doubt, doubt < feeds[index].answers {
        let isHeld = feeds[index].hold(candidate) {
          $0.wait(why, settle, longest: Limits.pullRest, at: now.uptime)
        }
        return try tell(candidate, isHeld, .dropWaiting, "\(fault.kind)", index, at: now)
      }
      // The others have their turn before it.
      let answers = feeds[index].answers
      _ = feeds[index].hold(candidate) {
        $0.doubt = answers
        $0.until = now.uptime
      }
      try trouble(index, fault, at: now)
    case .untrusted, .expired, .throttled, .full: try trouble(index, fault, at: now)
    }
  }

  /// A deletion has failed: the object stays until it is tried again.
  mutating func leave(
    _ source: DropPart.Origin, _ fault: StoreFault, _ index: Int, at now: Moment
  ) throws(LedgerFault) {
    let (key, settle, answers) = (source.key, feeds[index].settle, feeds[index].answers)
    var rest = feeds[index].undeleted[key] ?? ObjectRest(fault: "")
    let isNew = feeds[index].undeleted[key] == nil
    guard !isNew || feeds[index].undeleted.count < Limits.pullWindow else { return try trouble(index, fault, at: now) }
    switch fault.kind {
    case .refused, .mismatch, .denied:
      reached[feeds[index].store] = true
      rest.wait(
        fault.description, max(settle, .seconds(fault.kind == .denied ? 30 : 0)), longest: Limits.longestWait,
        at: now.uptime)
    case .unreachable:
      let isToBlame = rest.doubt.map { $0 < answers } ?? false
      rest.wait(fault.description, settle, longest: Limits.pullRest, at: now.uptime)
      guard isToBlame else {
        (rest.doubt, rest.attempts) = (answers, 0)
        feeds[index].undeleted[key] = rest
        return try trouble(index, fault, at: now)
      }
    case .untrusted, .expired, .throttled, .full: return try trouble(index, fault, at: now)
    }
    let isTold = rest.isTold
    rest.isTold = true
    feeds[index].undeleted[key] = rest
    guard !isTold else { return }
    let shown = FileName(key).maskedShort
    report(
      index, fault.kind == .denied ? .credentialRefused : .dropWaiting,
      "\(shown) was not deleted for feed \(feeds[index].name), and is tried again: \(fault)", reason: "\(fault.kind)",
      [.key: shown])
    try noteStanding(index)
  }

  /// Nothing was asked of the store: it is looked at again before long.
  mutating func passOver(
    _ candidate: PullCandidate, _ why: String, _ kind: EventKind, _ reason: String, _ index: Int, at now: Moment
  ) throws(LedgerFault) {
    let isHeld = feeds[index].hold(candidate) { $0.wait(why, Limits.pullRest, at: now.uptime) }
    try tell(candidate, isHeld, kind, reason, index, at: now)
  }

  /// It has its bytes in landing, and no place for its name there.
  mutating func tellMisplaced(_ index: Int, _ source: DropPart.Origin, _ fault: FileFault) {
    guard feeds[index].misplaced.count < Limits.pullWindow, feeds[index].misplaced.insert(source.key).inserted else {
      return
    }
    let shown = FileName(source.key).maskedShort
    report(
      index, .dropWaiting, "\(shown) was fetched for feed \(feeds[index].name) and has no place in landing: \(fault)",
      reason: "no_folder", [.key: shown])
  }

  /// Once of each folder, until it can be listed. What lies below it is neither new nor gone.
  mutating func tellBarred(_ folders: [BarredFolder], _ index: Int) {
    let (before, names) = (feeds[index].barred, feeds[index].names)
    let ours = folders.filter { names.mayHold($0.key) }
    feeds[index].barred = Dictionary(ours.map { ($0.key, $0.fault.description) }, uniquingKeysWith: { a, _ in a })
    if !ours.isEmpty { for key in feeds[index].held.keys { feeds[index].held[key]?.isListed = true } }
    for folder in ours where before[folder.key] == nil {
      let shown = FileName(folder.key).maskedShort
      report(
        index, .dropWaiting,
        "\(shown) in store \(feeds[index].store) cannot be listed for feed \(feeds[index].name) for now; the rest is: "
          + folder.fault.description, reason: "\(folder.fault.kind)", [.key: shown])
    }
  }

  /// Once of each object, until it is fetched.
  private mutating func tell(
    _ candidate: PullCandidate, _ isHeld: Bool, _ kind: EventKind?, _ reason: String, _ index: Int, at now: Moment
  ) throws(LedgerFault) {
    let key = candidate.source.key
    guard isHeld, let rest = feeds[index].held[key]?.rest else {
      leaveAlone(
        index, "more than \(counted(Limits.pullHeld, "object")) cannot be fetched", .lanePaused, .lane, at: now)
      return try noteStanding(index)
    }
    guard !rest.isTold else { return }
    feeds[index].held[key]?.rest.isTold = true
    if let kind {
      let shown = FileName(key).maskedShort
      report(
        index, kind,
        "\(shown) is not fetched from store \(feeds[index].store) for feed \(feeds[index].name) for now; others are: "
          + rest.fault, reason: reason, [.key: shown])
    }
    try noteStanding(index)
  }

  private func noteStanding(_ index: Int) throws(LedgerFault) {
    let feed = feeds[index]
    try ledger.transact("standing") { (t) throws(LedgerFault) in try t.note(feed.standing, feed.name) }
  }
}
