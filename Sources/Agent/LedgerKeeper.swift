import Config
import Core
import Files
import Inbound
import Journal
import Ledger
import Outbound
import Spool
import SystemPackage

/// What a rebuilt ledger is filled from has been reported when it happened; what cannot be read has not.
private struct Silence: EventSink {
  let events: any EventSink
  func record(_ event: Event) { if event.kind == .dropDamaged { events.record(event) } }
}

/// Opens the ledger, whatever became of it: a missing or damaged one is put aside and made anew from the state folders.
///
/// Whether one of years is damaged, reading through it would tell after seconds: that is done where the last agent did not stop in good
/// order.
enum LedgerKeeper {
  static func open(
    _ settings: Settings, _ files: any Files, _ events: any EventSink, at now: Moment
  ) throws -> Ledger {
    let state = StateFolder(settings.state)
    // SQLite takes an empty file for a new ledger: believed, it would forget every cursor.
    let size = try files.info(state.ledger)?.size ?? 0
    let isThere = size > 0
    // Who meets a damaged page later ends with it, and that end is one out of order.
    let isTrusted = size > Limits.ledgerReadThrough && LastLife.end(state, files, isRunning: true)?.how == .stopped
    do throws(LedgerFault) {
      let ledger = try Ledger(path: state.ledger)
      if !isTrusted { try ledger.check() }
      if isThere { return ledger }
      guard try hasPlans(state, files) else { return ledger }
      try fill(ledger, settings, files, events, at: now)
      said("was missing", events, state)
      return ledger
    } catch {
      guard error.kind == .damaged else { throw error }
    }
    let ledger = try rebuild(settings, files, events, at: now)
    said("was damaged", events, state)
    return ledger
  }

  /// To look at, also for those who may not write in the state folder.
  static func reader(_ state: StateFolder, _ files: any Files) throws(LedgerFault) -> Ledger {
    try Ledger(reading: state.ledger) {
      do { return try files.info(FilePath(state.ledger.string + "-wal")) == nil } catch { return false }
    }
  }

  /// Puts the ledger aside, where there is one, and makes it anew. The agent must be stopped: the caller holds its lock.
  /// - Parameter told: of how many batches and drops are through, of how many.
  static func rebuild(
    _ settings: Settings, _ files: any Files, _ events: any EventSink, at now: Moment,
    told: (Int, Int) -> Void = { _, _ in }
  ) throws -> Ledger {
    let state = StateFolder(settings.state)
    let aside = try freeName(state.damagedLedger(at: now.wall), files)
    for suffix in ["", "-wal", "-shm"] {
      let path = FilePath(state.ledger.string + suffix)
      if try files.info(path) != nil { try files.move(path, to: FilePath(aside.string + suffix)) }
    }
    try files.sync([state.root])
    let ledger = try Ledger(path: state.ledger)
    try fill(ledger, settings, files, events, at: now, told: told)
    return ledger
  }

  /// Two may be put aside in one second.
  private static func freeName(_ path: FilePath, _ files: any Files) throws(FileFault) -> FilePath {
    var name = path
    var number = 2
    while try files.info(name) != nil {
      name = FilePath("\(path)-\(number)")
      number += 1
    }
    return name
  }

  private static func fill(
    _ ledger: Ledger, _ settings: Settings, _ files: any Files, _ events: any EventSink, at now: Moment,
    told: (Int, Int) -> Void = { _, _ in }
  ) throws(LedgerFault) {
    do {
      let outbound = OutboundRebuild(state: StateFolder(settings.state), files: files)
      var feeds = settings.feeds.map { feed in
        FeedWorker(
          feed, state: StateFolder(settings.state), files: files, ledger: ledger, events: Silence(events: events),
          salt: { 0 })
      }
      let all = try outbound.count() + feeds.total { try $0.count() }
      var done = 0
      try outbound.fill(ledger, at: now.wall) {
        done += 1
        told(min(done, all), all)
      }
      for index in feeds.indices {
        try feeds[index].adopt(at: now)
        done += (try? feeds[index].count()) ?? 0
        told(min(done, all), all)
      }
    } catch let fault as LedgerFault {
      throw fault
    } catch {
      throw LedgerFault(.io, "Cannot make the ledger anew from", at: settings.state.string, why: "\(error)")
    }
  }

  private static func hasPlans(_ state: StateFolder, _ files: any Files) throws(LedgerFault) -> Bool {
    do throws(FileFault) {
      for lanes in [state.streams, state.feeds] where try files.info(lanes) != nil {
        for lane in try files.list(lanes) where try files.info(lanes.appending(lane))?.kind == .directory {
          for place in try files.list(lanes.appending(lane)) {
            // Beside the places lie files that say something of the lane.
            let path = lanes.appending(lane).appending(place)
            if try files.info(path)?.kind == .directory, try !files.list(path).isEmpty { return true }
          }
        }
      }
      return false
    } catch {
      throw LedgerFault(.io, error.what, at: error.place, why: error.why, remedy: error.remedy)
    }
  }

  private static func said(_ what: String, _ events: any EventSink, _ state: StateFolder) {
    events.record(
      .ledgerRebuilt, "The ledger \(what) and was made anew from the state folders",
      [.path: state.ledger.string, .reason: what])
  }
}
