import Core
import Files
import Journal
import Ledger
import Spool
import Store

/// Before the first batch of this life goes to a store: is the state folder as new as what the store holds?
struct Comparing {
  /// Stores that in this life have nothing left to say against the age of this folder.
  private var cleared: Set<StoreName> = []

  /// What the store is asked. Nil: nothing, for a folder of which it has confirmed nothing yet has no past to be older than.
  func question(of store: StoreName, _ context: StreamContext, at now: Moment) throws -> RollbackCheck? {
    let confirmed = try context.ledger.read { (t) throws(LedgerFault) in
      try t.batches.lastConfirmed(of: context.name, by: store)
    }
    guard let confirmed else { return nil }
    let last = max(
      confirmed.id.sequence, try SequenceFloor.read(of: context.name, context.state, context.files).last)
    return RollbackCheck(
      context.settings, context.key, host: context.host, last: last, sealed: confirmed.sealedAt,
      isMarked: context.schemaRule != nil && !KeyMark.isMarked(context.settings.key), at: now.wall)
  }

  /// - Returns: what stops the lane; nil where a person has said that it may go on, which it does behind the store's last number.
  func meet(
    _ check: RollbackCheck, of store: StoreName, _ batches: inout StreamBatches, _ context: StreamContext
  ) throws(FileFault) -> LedgerFault? {
    guard let newest = check.newer else { return nil }
    var numbers = try SequenceFloor.read(of: context.name, context.state, context.files)
    guard numbers.isAdopted else { return check.fault(store) }
    numbers.last = max(numbers.last, newest)
    try numbers.write(of: context.name, context.state, context.files)
    batches.sequence = max(batches.sequence ?? 0, newest)
    context.events.record(
      .laneResumed,
      "Stream \(context.name) goes on behind number \(newest): store \(store) holds batches that this state folder, which was adopted, does not know of",
      [.stream: context.name.text, .store: store.text, .reason: "adopted"])
    return nil
  }

  /// Once none of the stream's stores has anything left to say against this folder, a word that was given for another day ends.
  mutating func clear(_ store: StoreName, _ context: StreamContext) throws(FileFault) {
    cleared.insert(store)
    guard cleared.isSuperset(of: context.settings.stores) else { return }
    var numbers = try SequenceFloor.read(of: context.name, context.state, context.files)
    guard numbers.isAdopted else { return }
    numbers.isAdopted = false
    try numbers.write(of: context.name, context.state, context.files)
  }
}
