import Core
import Journal
import Ledger
import Store

/// What the store has below the feed's prefix, a page at a time, as often as the feed says.
struct Listing: Sendable {
  /// Uptime; at first: now.
  private var next: Duration = .zero
  private var isUnderWay = false
  private var listedOnce = false
  private var memory = ListMemory()
  private var began = Timestamp(nanoseconds: 0)
  private(set) var listedAt: Timestamp?
  /// Folders of the store that the last list could not look into, and why, by key.
  private var barred: [String: String] = [:]
  /// Names told that can be no file's.
  private var refusals = 0

  /// It has been listed, and nothing of it asks for another list soon.
  var isThrough: Bool { listedOnce && !isUnderWay && !memory.isSettling }
  var isBarred: Bool { !barred.isEmpty }

  /// For `status`.
  var fault: String? { barred.min { $0.key < $1.key }.map { "\(FileName($0.key).maskedShort): \($0.value)" } }

  mutating func run(whileWaiting waiting: Int, _ held: inout HeldObjects, in pass: inout PullPass) {
    // What is found again while much is waiting would be for nothing.
    guard !isUnderWay, waiting <= Limits.pullWindow / 2 else { return }
    guard pass.now.uptime >= next else { return pass.summary.look(at: next) }
    guard pass.takeSlot() else { return }
    (isUnderWay, began) = (true, pass.now.wall)
    memory.begin()
    held.beginList()
    pass.begin(.list(PullList(pass.feed)))
  }

  mutating func hurry(to uptime: Duration) { next = min(next, uptime) }

  mutating func breakOff() { isUnderWay = false }

  /// One page of the list that is under way.
  mutating func take(
    _ page: [ListedObject], _ held: inout HeldObjects, in pass: PullPass
  ) throws(LedgerFault) {
    guard isUnderWay else { return }
    let (feed, now, memory) = (pass.feed, pass.now, memory)
    let keys = page.map(\.key).filter { feed.names.answer($0) != .ignored }
    let known = try pass.host.ledger.read { (t) throws(LedgerFault) in
      var known: [String: PulledRecord] = [:]
      for key in keys { known[key] = try t.pulls.find(feed.name, feed.store, key: key) }
      return known
    }
    let plan = pullPlan(
      page, feed.names, of: feed.store, known: known,
      isAtRest: { memory.isAtRest($0, at: now.uptime, settle: feed.settle) }, stale: now.wall - Limits.pullSeen)
    let refused = plan.refuse.sorted { $0.key.key < $1.key.key }.prefix(max(0, Limits.pullRefused - refusals))
    refusals += refused.count
    if !plan.seen.isEmpty || !plan.exact.isEmpty || !refused.isEmpty {
      try pass.host.ledger.transact("listed") { (t) throws(LedgerFault) in
        for source in plan.seen { try t.pulls.noteListed(source, feed.name, at: now.wall) }
        for var record in plan.exact {
          record.listedAt = now.wall
          try t.pulls.note(record, feed.name)
        }
        for (source, _) in refused {
          let record = PulledRecord(source, path: "", state: .refused, at: now.wall, listedAt: now.wall)
          try t.pulls.note(record, feed.name)
        }
      }
    }
    for (source, why) in refused {
      let shown = FileName(source.key).maskedShort
      pass.report(
        .dropWaiting, "\(shown) in store \(feed.store) is not fetched for feed \(feed.name): \(why)",
        reason: "bad_name", [.key: shown])
    }
    self.memory.take(held.notResting(plan.fetch))
    for source in plan.settling {
      held.markListed(source.key)
      if !held.isResting(source) { self.memory.observe(source, at: now.uptime) }
    }
  }

  /// The list is through.
  /// - Returns: what is wanted, the oldest first.
  mutating func end(
    _ folders: [BarredFolder], _ held: inout HeldObjects, in pass: inout PullPass
  ) -> [PullCandidate] {
    tell(folders, &held, in: pass)
    pass.answered()
    // Some came to rest while the list was under way.
    let wanted = memory.end().filter { !held.isResting($0.source) }
    held.forgetUnlisted()
    (isUnderWay, listedOnce, listedAt) = (false, true, pass.now.wall)
    let every = pass.feed.pull.every
    next =
      pass.now.uptime + (memory.isSettling ? min(every, max(pass.feed.settle, Limits.pullSoonest)) : every)
    return wanted
  }

  func record(_ standing: PullStanding, in pass: PullPass) throws(LedgerFault) {
    let (name, store, began, isWhole) = (pass.feed.name, pass.feed.store, began, barred.isEmpty)
    try pass.host.ledger.transact("list") { (t) throws(LedgerFault) in
      // What could not be listed is not gone.
      if isWhole { try t.pulls.forget(name, store, listedBefore: began - Limits.pullMemory, nameless: began) }
      try t.pulls.note(standing, name)
    }
  }

  /// Once of each folder, until it can be listed. What lies below it is neither new nor gone.
  private mutating func tell(_ folders: [BarredFolder], _ held: inout HeldObjects, in pass: PullPass) {
    let (before, feed) = (barred, pass.feed)
    let ours = folders.filter { feed.names.mayHold($0.key) }
    barred = Dictionary(ours.map { ($0.key, $0.fault.description) }, uniquingKeysWith: { a, _ in a })
    if !ours.isEmpty { held.markAllListed() }
    for folder in ours where before[folder.key] == nil {
      let shown = FileName(folder.key).maskedShort
      pass.report(
        .dropWaiting,
        "\(shown) in store \(feed.store) cannot be listed for feed \(feed.name) for now; the rest is: "
          + folder.fault.description, reason: "\(folder.fault.kind)", [.key: shown])
    }
  }
}
