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

  /// Said again, it changes nothing. A plan that cannot be read is passed over: its batch's folder stays for a person to look at.
  public func fill(_ ledger: Ledger, at now: Timestamp) throws {
    guard try files.info(state.streams) != nil else { return }
    for stream in try files.list(state.streams).compactMap({ StreamName($0.description) }) {
      let spool = Spool<BatchPlace>(root: state.stream(stream), files: files)
      for place in [BatchPlace.delivered, .held, .ready] {
        for name in try spool.entries(in: place) where BatchID(name) != nil {
          guard
            let plan = try? files.readPlan(BatchPlan.self, at: spool.path(place, name).appending(BatchPlan.fileName))
          else {
            continue
          }
          try Self.record(plan, in: place, ledger, at: now)
        }
      }
    }
  }

  /// Says of one batch what its plan and its place say.
  static func record(_ plan: BatchPlan, in place: BatchPlace, _ ledger: Ledger, at now: Timestamp) throws(LedgerFault) {
    try ledger.transact("rebuild") { (t) throws(LedgerFault) in
      try t.note(plan, due: now)
      try t.advance(plan)
      if place == .delivered { try t.noteDelivered(plan.id, at: plan.sealedAt) }
      try t.noteHistory(plan.id, "rebuilt", "from its plan in \(place.rawValue)", at: now)
    }
  }
}
