import Core
import Files
import Formats
import Journal
import Lanes
import Store
import SystemPackage

/// What is wanted is fetched, the oldest first, each into a hidden file of landing. One object that cannot be fetched stops only itself.
struct Fetching: Sendable {
  private struct Wanted: Hashable {
    let candidate: PullCandidate
    /// Its name in landing is taken.
    var isBlocked = false
  }

  /// Oldest first.
  private var wanted: [Wanted] = []
  /// Bytes by key.
  private var fetching: [String: UInt64] = [:]
  /// What could not be fetched.
  var held = HeldObjects()
  /// Objects in a row to which there was no right.
  private var denials = 0
  private var isLow = false

  var wantedCount: Int { wanted.count }
  /// Keys.
  var underWay: Set<String> { Set(fetching.keys) }
  var isBlocked: Bool { wanted.allSatisfy(\.isBlocked) }
  var isResting: Bool { held.resting > 0 }

  // For `status`.

  var waiting: Int { wanted.count + held.resting }
  var fault: String? { held.fault }

  // MARK: What is wanted

  /// A list may tell one key twice.
  mutating func want(_ candidates: [PullCandidate]) {
    var known = Set(wanted.map(\.candidate.source.key))
    wanted += candidates.filter { known.insert($0.source.key).inserted }.map { Wanted(candidate: $0) }
  }

  /// Whoever is due is wanted again, behind the others.
  mutating func wake(in pass: inout PullPass) {
    let due = held.wake(at: pass.now.uptime, most: max(0, Limits.pullWindow - wanted.count))
    wanted += due.map { Wanted(candidate: $0) }
    if let next = held.next(after: pass.now.uptime) { pass.summary.look(at: next) }
  }

  // MARK: A pass

  /// - Parameter deleting: keys.
  mutating func run(except deleting: Set<String>, in pass: inout PullPass) throws {
    try fetch(except: deleting, in: &pass)
    if let next = held.next(after: pass.now.uptime) { pass.summary.look(at: next) }
  }

  private mutating func fetch(except deleting: Set<String>, in pass: inout PullPass) throws {
    var number = 0
    while number < wanted.count {
      let candidate = wanted[number].candidate
      let key = candidate.source.key
      if fetching[key] != nil || deleting.contains(key) {
        number += 1
        continue
      }
      switch try admit(candidate, in: pass) {
      case .noName: break
      case .nameTaken:
        wanted[number].isBlocked = true
        pass.summary.look(at: pass.now.uptime + Limits.pullRetry)
      case .passedOver(let why, let kind, let reason):
        // It leaves the wanted.
        passOver(candidate, why, kind, reason, in: &pass)
        continue
      case .whenOthersAreDone: wanted[number].isBlocked = false
      case .noRoom(let why):
        wanted[number].isBlocked = false
        pass.summary.look(at: pass.now.uptime + Limits.pullRest)
        return tellLow(why, in: pass)
      case .now:
        wanted[number].isBlocked = false
        isLow = false
        let part = pass.feed.part(of: candidate.source)
        do { try pass.files.remove(part) } catch { if error.kind != .missing { throw error } }
        // Last: whatever is thrown before takes no slot along.
        guard pass.takeSlot() else { return }
        fetching[key] = candidate.source.size
        promise(in: pass)
        pass.begin(.fetch(PullFetch(feed: pass.feed.name, candidate: candidate, part: part)))
      }
      number += 1
    }
  }

  private enum Admission {
    case now
    /// It can be no file in landing.
    case noName
    /// By a former content that has not been taken: its turn comes.
    case nameTaken
    /// It rests; smaller ones, or others, do not.
    case passedOver(String, EventKind, String)
    /// What is under way takes the room.
    case whenOthersAreDone
    /// Nothing finds room.
    case noRoom(String)
  }

  private func admit(_ candidate: PullCandidate, in pass: PullPass) throws(FileFault) -> Admission {
    guard let target = pass.feed.target(candidate.pathText) else { return .noName }
    do {
      if try pass.files.info(target) != nil { return .nameTaken }
    } catch {
      guard candidate.path.count > 1 else { throw error }
      // A folder of its own is in the way, or barred.
      return .passedOver("\(error)", .dropWaiting, "no_folder")
    }
    let size = candidate.source.size
    if let most = candidate.bound(pass.feed.maxBytes) {
      return .passedOver("\(counted(size, "byte")), and require.max_bytes is \(most)", .dropWaiting, "too_large")
    }
    let minFree = pass.host.minFree
    let promised = pass.host.room.total
    let free = try pass.files.freeBytes(at: pass.feed.landing)
    if free >= promised +| size +| minFree { return .now }
    let why = "\(counted(size, "byte")) to be fetched, \(free) free, \(minFree) to be kept free"
    if free <= minFree { return .noRoom(why) }
    return free >= size +| minFree ? .whenOthersAreDone : .passedOver(why, .diskLow, "full")
  }

  private mutating func tellLow(_ why: String, in pass: PullPass) {
    if !isLow { pass.report(.diskLow, "Feed \(pass.feed.name) fetches nothing for now: \(why)", reason: "full") }
    isLow = true
  }

  // MARK: Ends

  /// It is under way no more, however it ended.
  mutating func end(_ fetch: PullFetch, in pass: PullPass) {
    fetching[fetch.candidate.source.key] = nil
    promise(in: pass)
  }

  private func promise(in pass: PullPass) {
    pass.host.room.promise(fetching.values.total { $0 }, by: pass.lane)
  }

  enum Accepted { case asListed, another, anotherAtFirst }

  mutating func accept(_ fetch: PullFetch, _ receipt: Receipt, in pass: inout PullPass) -> Accepted {
    pass.answered()
    let source = fetch.candidate.source
    wanted.removeAll { $0.candidate == fetch.candidate }
    denials = 0
    let isSameTime = receipt.modified == nil || source.modified == nil || source.isModified(at: receipt.modified)
    if receipt.size == source.size, receipt.tag == nil || source.tag == nil || receipt.tag == source.tag, isSameTime {
      held.release(source.key)
      return .asListed
    }
    fetch.clear(pass.files)
    // Mostly another version has taken its place since: the next list, soon, tells of it. Where list and answers go on to disagree, it
    // rests longer each time.
    let (settle, now) = (pass.feed.settle, pass.now.uptime)
    let what =
      receipt.size != source.size
      ? "\(counted(receipt.size, "byte")), and not \(source.size)" : isSameTime ? "another ETag" : "another time"
    let why = "its list and its answer disagree: it came with \(what)"
    let isHeld = hold(fetch.candidate) { $0.wait(why, settle, longest: Limits.longestWait, at: now) }
    if held[source.key]?.attempts == 1 { return .anotherAtFirst }
    tell(fetch.candidate, isHeld, .dropWaiting, "changed", in: &pass)
    return .another
  }

  /// A download has failed.
  mutating func refuse(_ fetch: PullFetch, _ fault: StoreFault, in pass: inout PullPass) {
    fetch.clear(pass.files)
    let (candidate, settle, now) = (fetch.candidate, pass.feed.settle, pass.now.uptime)
    let (why, reason) = (fault.description, "\(fault.kind)")
    switch fault.kind {
    case .refused, .mismatch:
      // It is this object, gone perhaps: the next list tells whether it is still wanted.
      pass.answered()
      let isHeld = hold(candidate) { $0.wait(why, settle, longest: Limits.longestWait, at: now) }
      tell(candidate, isHeld, .dropWaiting, reason, in: &pass)
    case .denied, .forbidden:
      pass.feed.reached = true
      denials += 1
      let least = max(settle, Limits.pullDenied)
      let isHeld = hold(candidate) { $0.wait(why, least, longest: Limits.longestWait, at: now) }
      // With rights to none of them the list tells it soon, or one of these is enough to read.
      tell(candidate, isHeld, denials <= Limits.pullTold ? .credentialRefused : nil, reason, in: &pass)
    case .unreachable:
      if let doubt = held[candidate.source.key]?.doubt, doubt < pass.feed.answers {
        let isHeld = hold(candidate) { $0.wait(why, settle, longest: Limits.pullRest, at: now) }
        return tell(candidate, isHeld, .dropWaiting, reason, in: &pass)
      }
      // The others have their turn before it.
      let answers = pass.feed.answers
      _ = hold(candidate) {
        $0.doubt = answers
        $0.until = now
      }
      pass.trouble(fault)
    case .untrusted, .expired, .unproven, .throttled, .full, .wrongPlace: pass.trouble(fault)
    }
  }

  /// Nothing was asked of the store: it is looked at again before long.
  private mutating func passOver(
    _ candidate: PullCandidate, _ why: String, _ kind: EventKind, _ reason: String, in pass: inout PullPass
  ) {
    let now = pass.now.uptime
    let isHeld = hold(candidate) { $0.wait(why, Limits.pullRest, at: now) }
    tell(candidate, isHeld, kind, reason, in: &pass)
  }

  /// Takes it out of the wanted. False where so many are held that the feed itself must wait.
  private mutating func hold(_ candidate: PullCandidate, _ change: (inout ObjectRest) -> Void) -> Bool {
    wanted.removeAll { $0.candidate == candidate }
    return held.hold(candidate, change)
  }

  /// Once of each object, until it is fetched.
  private mutating func tell(
    _ candidate: PullCandidate, _ isHeld: Bool, _ kind: EventKind?, _ reason: String, in pass: inout PullPass
  ) {
    let key = candidate.source.key
    guard isHeld, let rest = held[key] else {
      pass.leaveAlone(
        "more than \(counted(Limits.pullHeld, "object")) cannot be fetched", "too_many", .lanePaused, .lane)
      return pass.isStandingNew = true
    }
    guard !rest.isTold else { return }
    held.markTold(key)
    if let kind {
      let shown = FileName(key).maskedShort
      pass.report(
        kind,
        "\(shown) is not fetched from store \(pass.feed.store) for feed \(pass.feed.name) for now; others are: "
          + rest.fault, reason: reason, [.key: shown])
    }
    pass.isStandingNew = true
  }
}
