public import Core
import Files
import Journal
import Ledger
import Spool
import SystemPackage

/// Why something that a person asked for cannot be done. Nothing has changed.
public enum OperatorRefusal: Error, Hashable, Sendable, CustomStringConvertible {
  case unknownDrop(DropID)
  case unknownFeed(FeedName)
  /// It lies in a place where this cannot be done.
  case wrongPlace(DropID, DropPlace)
  /// Its data has been swept or purged.
  case withoutData(DropID)

  public var description: String {
    switch self {
    case .unknownDrop(let id): "No feed has a drop \(id)"
    case .unknownFeed(let name): "There is no feed \(name)"
    case .wrongPlace(let id, .archive): "Drop \(id) has come to its end: it lies in archive"
    case .wrongPlace(let id, let place): "Drop \(id) is being worked on: it lies in \(place.rawValue)"
    case .withoutData(let id): "The data of drop \(id) is gone"
    }
  }
}

// What people ask of a feed. Each may be repeated: where a kill came between, the rest is done.
//
// - `override.json` is durable before the drop moves; the ledger learns of it when the drop is checked, whoever wrote it.
// - Whatever is purged is recorded before its bytes go. `drop.json` stays, with the hash.
extension FeedPass {
  /// To `claimed`, with an override that lets pass what was found.
  mutating func release(_ id: DropID, from place: DropPlace, by who: Requester) throws {
    if place == .damaged { try mend(id) }
    let found = place == .damaged ? [] : try Overrides().reasons(place, id, in: self)
    var passes = try Overrides().find(place, id, in: self).map(\.passes) ?? []
    // What was found before and what was found since; an override that lets everything pass stays one.
    if found.isEmpty { passes = place == .damaged ? passes ?? [] : nil }
    if let known = passes { passes = known + found.map(\.code).filter { !known.contains($0) }.uniqued }
    let override = Override(by: who.name, reason: who.reason, at: now.wall, passes: passes)
    let path = Overrides().path(place, id, in: self)
    try files.writePlan(override, to: path)
    try sync([path, spool.path(place, id)])
    try spool.move([id], from: place, to: .claimed)
    if let plan = try? plan(.claimed, id) { try Overrides().run([plan], in: &self) }
    feed.pause = nil
    feed.waits.hurry(at: now.uptime)
  }

  /// To `claimed`: checked again, by the rules as they are now.
  mutating func retry(_ ids: [DropID], from place: DropPlace) throws {
    guard !ids.isEmpty else { return }
    if place == .damaged { for id in ids { try mend(id) } }
    try spool.move(ids, from: place, to: .claimed)
    let now = now.wall
    try host.ledger.transact("retry") { (t) throws(LedgerFault) in
      for id in ids { try t.noteHistory(id, "retried", "To be checked again, from \(place.rawValue)", at: now) }
    }
    feed.pause = nil
  }

  /// Its data goes; a held drop goes to quarantine, where nobody waits for it.
  mutating func purge(_ ids: [DropID], from place: DropPlace, by who: Requester) throws {
    let now = now.wall
    let sentence = "Purged from \(place.rawValue) by \(who.name): \(who.reason)"
    for slice in ids.slices(of: Self.slice) {
      try host.ledger.transact("purge") { (t) throws(LedgerFault) in
        for id in slice { try t.noteHistory(id, "purged", sentence, at: now) }
      }
      let isWaiting = place == .held || place == .damaged
      if isWaiting { try spool.move(Array(slice), from: place, to: .quarantine) }
      let place = isWaiting ? .quarantine : place
      for id in slice { try files.removeTree(partsPath(place, id)) }
      try sync(slice.map { spool.path(place, $0) })
    }
    guard !ids.isEmpty else { return }
    report(
      .placeSwept, "\(who.name) purged \(counted(ids.count, "drop")) of feed \(settings.name) from \(place.rawValue)",
      reason: "purged")
  }

  /// Drops in archive, quarantine, held and damaged that were seen before that time and still have data.
  func purgeable(before time: Timestamp) throws(FileFault) -> [(place: DropPlace, ids: [DropID])] {
    var found: [(DropPlace, [DropID])] = []
    for place in [DropPlace.held, .quarantine, .archive, .damaged] {
      var ids: [DropID] = []
      for id in try drops(in: place) {
        guard let seen = Timestamp(text: id.description.prefix(16)), seen < time else { continue }
        if place == .held || place == .damaged { ids.append(id) } else if try hasData(place, id) { ids.append(id) }
      }
      found.append((place, ids))
    }
    return found
  }

  /// A drop in `damaged` gets a plan that can be worked with, durably, and what was staged of it goes.
  func mend(_ id: DropID) throws(FileFault) {
    if (try? plan(.damaged, id)) == nil {
      let path = planPath(.damaged, id)
      if let info = try files.info(path), info.kind != .file { try files.removeTree(path) }
      try files.writePlan(try SettingAside().madeAnew(id, in: .damaged, in: self), to: path)
      try sync([path, spool.path(.damaged, id)])
    }
    guard try files.info(handover)?.kind == .directory else { return }
    let hidden = Array(".\(id).".utf8)
    var left: [FilePath] = []
    try files.eachName(in: handover) { (name) throws(FileFault) in
      if name.bytes.starts(with: hidden) { left.append(handover.appending(name)) }
    }
    for path in left { try files.removeIfThere(path) }
  }

  func hasData(_ place: DropPlace, _ id: DropID) throws(FileFault) -> Bool {
    try files.info(partsPath(place, id)) != nil
  }

}

extension Array where Element: Hashable {
  /// Each element once, in order.
  fileprivate var uniqued: [Element] {
    var seen: Set<Element> = []
    return filter { seen.insert($0).inserted }
  }
}

extension FeedWorker {
  /// Hands over a held or quarantined drop all the same: it is checked again, and what was found before passes.
  /// - Throws: `OperatorRefusal`; faults of the ledger and of the disk.
  public mutating func release(_ id: DropID, by who: Requester, at now: Moment) throws {
    try act(on: id, at: now) { pass, place in try pass.release(id, from: place, by: who) }
  }

  /// Checks a held or quarantined drop again, by the rules as they are now. One that waits only for its folder is tried at the next
  /// pass.
  /// - Throws: as `release`.
  public mutating func retry(_ id: DropID, at now: Moment) throws {
    let place = try place(of: id)
    if place == .claimed || place == .handover {
      feed.common.waits.hurry(at: now.uptime)
      return feed.common.pause = nil
    }
    try act(on: id, at: now) { pass, place in try pass.retry([id], from: place) }
  }

  /// Every held drop is checked again, and a feed that waits for a fault goes on. What was refused stays so.
  /// - Returns: how many drops.
  public mutating func retryAll(at now: Moment) throws -> Int {
    try perform(at: now) { pass in
      let held = try pass.drops(in: .held).filter { try pass.hasData(.held, $0) }
      for slice in held.slices(of: FeedPass.slice) { try pass.retry(Array(slice), from: .held) }
      pass.feed.pause = nil
      pass.feed.waits.hurry(at: now.uptime)
      return held.count
    }
  }

  /// Deletes the data of a drop in archive, quarantine or held. The ledger and `drop.json` keep that it was, and its hash.
  /// - Throws: as `release`.
  public mutating func purge(_ id: DropID, by who: Requester, at now: Moment) throws {
    let place = try place(of: id)
    guard [.held, .quarantine, .archive, .damaged].contains(place) else { throw OperatorRefusal.wrongPlace(id, place) }
    try perform(at: now) { pass in
      if place == .held || place == .damaged { return try pass.purge([id], from: place, by: who) }
      // Said twice, nothing is left to do.
      if try pass.hasData(place, id) { try pass.purge([id], from: place, by: who) }
    }
  }

  /// The same for all its drops that were seen before that time.
  /// - Returns: how many drops.
  public mutating func purge(before time: Timestamp, by who: Requester, at now: Moment) throws -> Int {
    try perform(at: now) { pass in
      var count = 0
      for (place, ids) in try pass.purgeable(before: time) {
        try pass.purge(ids, from: place, by: who)
        count += ids.count
      }
      return count
    }
  }

  /// Takes nothing from landing and hands nothing over until `resume`, across restarts.
  /// - Returns: false where it was paused before.
  @discardableResult public func pause(by who: Requester, at now: Moment) throws -> Bool {
    guard try mark.set(at: now.wall, by: who) else { return false }
    let (name, why) = (settings.name, "paused by \(who.name): \(who.reason)")
    host.events.record(.lanePaused, "Feed \(name) is \(why)", [.feed: name.text, .reason: why])
    return true
  }

  /// - Returns: false where it was not paused.
  @discardableResult public func resume(by who: Requester) throws -> Bool {
    guard try mark.clear() else { return false }
    let name = settings.name
    host.events.record(.laneResumed, "Feed \(name) goes on, by \(who.name): \(who.reason)", [.feed: name.text])
    return true
  }

  /// Where the state folder cannot be read, nothing moves either.
  var isPaused: Bool { do { return try mark.isSet() } catch { return true } }

  private var mark: PauseMark { PauseMark(settings.name, state: state, files: host.files) }

  // MARK: -

  private func place(of id: DropID) throws -> DropPlace {
    guard let place = try feed.common.spool.place(of: id) else { throw OperatorRefusal.unknownDrop(id) }
    return place
  }

  private mutating func act(
    on id: DropID, at now: Moment, _ body: (inout FeedPass, DropPlace) throws -> Void
  ) throws {
    let place = try place(of: id)
    guard [.held, .quarantine, .damaged].contains(place) else { throw OperatorRefusal.wrongPlace(id, place) }
    try perform(at: now) { pass in
      if try !pass.hasData(place, id) { throw OperatorRefusal.withoutData(id) }
      try body(&pass, place)
    }
  }

  /// In the frame of a pass. A fault may have come between a rename and its sync, so the places are adopted anew.
  private mutating func perform<Result>(
    at now: Moment, _ body: (inout FeedPass) throws -> Result
  ) throws -> Result {
    var pass = FeedPass(feed.common, host, at: now, stop: { false })
    defer { feed.common = pass.feed }
    do {
      if !feed.adopting.isThrough { try feed.adopting.all(&feed.claiming, in: &pass) }
      return try body(&pass)
    } catch {
      if !(error is OperatorRefusal) { feed.adopting.beginAnew() }
      throw error
    }
  }
}
