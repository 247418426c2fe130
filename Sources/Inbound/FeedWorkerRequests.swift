public import Core
import Files
import Journal
import Ledger
import Spool

// What people ask of a feed, in the frame of a pass.
extension FeedWorker {
  /// Hands over a held or quarantined drop all the same: it is checked again, and what was found before passes.
  /// - Parameter asBaseline: drops that come later are compared with it.
  /// - Throws: `OperatorRefusal`; faults of the ledger and of the disk.
  public mutating func release(_ id: DropID, by who: Requester, asBaseline: Bool = false, at now: Moment) throws {
    try act(on: id, at: now) { pass, place in
      try Operating().release(id, from: place, by: who, asBaseline: asBaseline, in: &pass)
    }
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
    try act(on: id, at: now) { pass, place in try Operating().retry([id], from: place, in: &pass) }
  }

  /// Every held drop is checked again, and a feed that waits for a fault goes on. What was refused stays so.
  /// - Returns: how many drops.
  public mutating func retryAll(at now: Moment) throws -> Int {
    try perform(at: now) { pass in
      let held = try pass.drops(in: .held).filter { try Operating().hasData(.held, $0, in: pass) }
      for slice in held.slices(of: Limits.dropsTogether) { try Operating().retry(Array(slice), from: .held, in: &pass) }
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
      if place == .held || place == .damaged { return try Operating().purge([id], from: place, by: who, in: &pass) }
      // Said twice, nothing is left to do.
      if try Operating().hasData(place, id, in: pass) { try Operating().purge([id], from: place, by: who, in: &pass) }
    }
  }

  /// The same for all its drops that were seen before that time.
  /// - Returns: how many drops.
  public mutating func purge(before time: Timestamp, by who: Requester, at now: Moment) throws -> Int {
    try perform(at: now) { pass in
      var count = 0
      for (place, ids) in try Operating().purgeable(before: time, in: pass) {
        try Operating().purge(ids, from: place, by: who, in: &pass)
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
      if try !Operating().hasData(place, id, in: pass) { throw OperatorRefusal.withoutData(id) }
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
