import Core
import Files
import Lanes
import Spool
import SystemPackage

/// The batches of a stream that are its own to work on, as the steps of a pass hand them on.
struct StreamBatches {
  /// The last number that was given; nil before the first look.
  var sequence: Int?
  /// In `ready`, and written, or synced and recorded, by this process.
  var adopted: Set<BatchID> = []
  /// In `damaged`, and not known by the ledger: nobody knows which records they hold.
  var undecided: Set<BatchID> = []
  /// In `ready`, not known by the ledger, and waiting to be adopted: its records are in no cursor yet.
  var unrecorded: Set<BatchID> = []
  /// Logs with records that people have asked to be deleted, as far as plans of purged batches tell.
  var purgedSources: Set<SourceID> = []

  /// The one that is cut next.
  func next(in pass: StreamPass) throws(FileFault) -> BatchID {
    let last = sequence ?? 0
    guard last < BatchID.lastSequence else {
      throw FileFault(
        .damaged, "Cannot seal a batch of stream", at: pass.name.text,
        why: "the number \(last) was given, and there is no higher one",
        remedy: "Look for a batch with that number in the state folder, and at numbers.json")
    }
    return BatchID(stream: pass.name, sequence: last + 1)
  }

  mutating func notePurged(_ plan: BatchPlan?) { purgedSources.formUnion(plan?.segments.map(\.source) ?? []) }

  /// One batch's step. Its own fault makes it wait, or sets it aside.
  /// - Throws: what is not the batch's own fault, and what a disk may give the next time.
  mutating func each<Result>(
    _ id: BatchID, in place: BatchPlace, _ pass: inout StreamPass,
    _ body: (inout StreamBatches, inout StreamPass) throws -> Result
  ) throws -> ItemOutcome<Result> {
    try pass.each(.batch(id)) { pass in try orAside(id, from: place, in: &pass, body) }.flatMap { $0 }
  }

  /// The same of one for which nothing waits.
  mutating func orAside<Result>(
    _ id: BatchID, from place: BatchPlace, in pass: inout StreamPass,
    _ body: (inout StreamBatches, inout StreamPass) throws -> Result
  ) throws -> ItemOutcome<Result> {
    do {
      return .done(try body(&self, &pass))
    } catch let fault as FileFault {
      let folder = pass.spool.path(place, id)
      let isHopeless = fault.kind == .missing || fault.kind == .damaged || pass.waits.isPersistent(.batch(id))
      guard fault.isBelow(folder), isHopeless, fault.kind != .exhausted else { throw fault }
      // Taken away by a person while we looked; or nothing of ours.
      guard try pass.files.info(folder)?.kind == .directory else { return .gone }
      let reason = Reason(.damaged, fault.description)
      try setAside(id, from: place, reason, in: &pass)
      return .setAside(reason)
    }
  }
}

extension ItemOutcome {
  func flatMap<Other>(_ body: (Value) throws -> ItemOutcome<Other>) rethrows -> ItemOutcome<Other> {
    switch self {
    case .done(let value): try body(value)
    case .waits(let until, let why): .waits(until: until, why: why)
    case .setAside(let reason): .setAside(reason)
    case .gone: .gone
    }
  }
}
