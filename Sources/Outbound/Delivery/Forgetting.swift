import Core
import Ledger

/// What no place holds any more, and no log of which lies anywhere, leaves the ledger.
extension StreamWorker {
  func forget(at now: Moment) throws {
    let before = now.wall - max(Limits.remembered, lane.settings.deliveredKeep)
    try forgetBatches(before)
    let name = lane.name
    let isAnyOld = try ledger.read { (t) throws(LedgerFault) in
      try !t.forgettableSources(of: name, goneBefore: before, except: [], limit: 1).isEmpty
    }
    guard isAnyOld else { return }
    // They would be told of again at the next start.
    let kept = try skippedSources()
    var count = 0
    while count < Limits.forgetPerSweep, !isStopping() {
      let gone = try ledger.read { (t) throws(LedgerFault) in
        try t.forgettableSources(of: name, goneBefore: before, except: kept, limit: Limits.forgetSlice)
      }
      guard !gone.isEmpty else { return }
      try ledger.transact("forget") { (t) throws(LedgerFault) in
        for source in gone { try t.forget(source) }
      }
      count += gone.count
    }
  }

  private func forgetBatches(_ before: Timestamp) throws {
    let name = lane.name
    var last: Forgettable<BatchID>?
    var count = 0
    while count < Limits.forgetPerSweep, !isStopping() {
      let after = last
      let page = try ledger.read { (t) throws(LedgerFault) in
        try t.forgettable(name, before: before, after: after, limit: Limits.forgetSlice)
      }
      guard let end = page.last else { return }
      last = end
      let gone = try page.map(\.id).filter { try lane.spool.isNowhere($0) }
      guard !gone.isEmpty else { continue }
      try ledger.transact("forget") { (t) throws(LedgerFault) in
        for id in gone { try t.forget(id) }
      }
      count += gone.count
    }
  }
}
