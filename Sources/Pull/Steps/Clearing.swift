import Core
import Journal
import Ledger
import Store

/// Where the feed says so: what was handed over leaves the store.
struct Clearing: Sendable {
  private(set) var underWay: Set<String> = []
  /// What could not be deleted, by key.
  private var undeleted: [String: ObjectRest] = [:]

  /// For `status`: of one of those that were told.
  var fault: String? {
    undeleted.filter(\.value.isTold).min { $0.key < $1.key }
      .map { "\(FileName($0.key).maskedShort): \($0.value.fault)" }
  }

  /// Another version of it was fetched.
  mutating func forget(_ source: DropPart.Origin) { undeleted[source.key] = nil }

  mutating func breakOff(_ work: PullDelete) { underWay.remove(work.source.key) }

  /// - Parameter fetching: keys.
  mutating func run(except fetching: Set<String>, in pass: inout PullPass) throws {
    guard pass.feed.pull.after == .delete else { return }
    let (name, store) = (pass.feed.name, pass.feed.store)
    let resting = undeleted.filter { $0.value.until > pass.now.uptime }
    if let next = resting.values.map(\.until).min() { pass.summary.look(at: next) }
    let most = pass.host.slots.concurrency(of: store) + underWay.count + resting.count
    let due = try pass.host.ledger.read { (t) throws(LedgerFault) in try t.pulls.finished(name, limit: most) }
    let new = due.filter {
      $0.source.store == store && !underWay.contains($0.source.key) && !fetching.contains($0.source.key)
        && resting[$0.source.key] == nil
    }
    for record in new {
      guard pass.takeSlot() else { return }
      underWay.insert(record.source.key)
      pass.begin(.delete(PullDelete(feed: name, source: record.source)))
    }
  }

  mutating func end(
    _ work: PullDelete, _ result: Result<Void, StoreFault>, in pass: inout PullPass
  ) throws(LedgerFault) {
    let source = work.source
    underWay.remove(source.key)
    switch result {
    case .success:
      pass.answered()
      undeleted[source.key] = nil
      try pass.host.ledger.transact("deleted") { (t) throws(LedgerFault) in
        try t.pulls.note(.done, of: source, work.feed, from: .landed)
      }
    case .failure(let fault): leave(source, fault, in: &pass)
    }
  }

  /// The object stays until it is tried again.
  private mutating func leave(_ source: DropPart.Origin, _ fault: StoreFault, in pass: inout PullPass) {
    let (key, settle, answers, uptime) = (source.key, pass.feed.settle, pass.feed.answers, pass.now.uptime)
    var rest = undeleted[key] ?? ObjectRest(fault: "")
    let isNew = undeleted[key] == nil
    guard !isNew || undeleted.count < Limits.pullWindow else { return pass.trouble(fault) }
    switch fault.kind {
    case .refused, .mismatch, .denied, .forbidden:
      pass.feed.reached = true
      let least = fault.kind == .denied ? Limits.pullDenied : .zero
      rest.wait(fault.description, max(settle, least), longest: Limits.longestWait, at: uptime)
    case .unreachable:
      let isToBlame = rest.doubt.map { $0 < answers } ?? false
      rest.wait(fault.description, settle, longest: Limits.pullRest, at: uptime)
      guard isToBlame else {
        (rest.doubt, rest.attempts) = (answers, 0)
        undeleted[key] = rest
        return pass.trouble(fault)
      }
    case .untrusted, .expired, .unproven, .throttled, .full, .wrongPlace: return pass.trouble(fault)
    }
    let isTold = rest.isTold
    rest.isTold = true
    undeleted[key] = rest
    guard !isTold else { return }
    let shown = FileName(key).maskedShort
    pass.report(
      fault.kind == .denied ? .credentialRefused : .dropWaiting,
      "\(shown) was not deleted for feed \(pass.feed.name), and is tried again: \(fault)", reason: "\(fault.kind)",
      [.key: shown])
    pass.isStandingNew = true
  }
}
