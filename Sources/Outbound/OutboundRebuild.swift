public import Core
public import Files
public import Ledger
public import Spool
import SystemPackage

/// Makes the outbound part of a ledger anew from the plans in every place.
public struct OutboundRebuild {
  private let state: StateFolder
  private let files: any Files

  public init(state: StateFolder, files: any Files) {
    self.state = state
    self.files = files
  }

  /// How many batches there are.
  public func count() throws -> Int {
    guard try files.info(state.streams) != nil else { return 0 }
    var count = 0
    for stream in try files.list(state.streams).compactMap({ StreamName($0.description) }) {
      let spool = Spool<BatchPlace>(root: state.stream(stream), files: files)
      for place in [BatchPlace.delivered, .held, .ready] { count += try spool.entries(in: place).count }
    }
    return count
  }

  /// Said again, it changes nothing. A plan that cannot be read is passed over: its batch's folder stays for a person to look at.
  /// - Parameter told: after each batch.
  public func fill(_ ledger: Ledger, at now: Timestamp, told: () -> Void = {}) throws {
    guard try files.info(state.streams) != nil else { return }
    for stream in try files.list(state.streams).compactMap({ StreamName($0.description) }) {
      let spool = Spool<BatchPlace>(root: state.stream(stream), files: files)
      for place in [BatchPlace.delivered, .held, .ready] {
        for name in try spool.entries(in: place) where BatchID(name) != nil {
          defer { told() }
          do {
            try Self.record(spool.path(place, name), of: BatchID(name), in: place, files, ledger, at: now)
          } catch is FileFault {
            continue
          }
        }
      }
    }
  }

  /// Says of one batch what its plan and its place say.
  static func record(
    _ folder: FilePath, of id: BatchID?, in place: BatchPlace, _ files: any Files, _ ledger: Ledger, at now: Timestamp
  ) throws {
    guard let id else { return }
    let plan = try files.batchPlan(of: id, in: folder)
    let purged = try PurgeMark.read(in: folder, place, files)
    // What is not there cannot be sent: nobody must rely on it.
    if place != .delivered, purged == nil { try files.requireObject(of: plan, in: folder) }
    try ledger.transact("rebuild") { (t) throws(LedgerFault) in
      try t.batches.note(plan, due: now)
      try t.batches.advance(plan)
      if let purged { try t.deliveries.notePurged(plan.id, at: purged.at) }
      if place == .delivered, purged?.wasDelivered ?? true {
        try t.deliveries.noteDelivered(plan.id, at: plan.sealedAt)
      }
      for store in purged?.removedFrom ?? [] { try t.deliveries.noteRemoved(plan.id, store, at: purged?.at ?? now) }
      if place == .held { try t.deliveries.noteHeld(plan.id, at: now) }
      try t.history.note(plan.id, "rebuilt", "from its plan in \(place.rawValue)", at: now)
    }
  }
}
