import Core
import Files
import Formats
import Journal
import Lanes
import Ledger
import Spool
import Store
import SystemPackage

// `damaged`: batches that cannot be sent as they lie there, whole and with a reason, so that all others go on.
//
// What the ledger knows of blocks nothing: its records count as taken. Of one that it does not know, nobody can tell which records it
// holds: until a person decides, the stream reads no logs, or records could be sent twice.
extension StreamBatches {
  mutating func setAside(
    _ id: BatchID, from place: BatchPlace, _ reason: Reason, in pass: inout StreamPass
  ) throws {
    let path = pass.spool.path(place, id).appending(DropPlan.reasonsName)
    try pass.files.writePlan([reason], to: path)
    try pass.files.sync([path, pass.spool.path(place, id)])
    let isKnown = try pass.ledger.transact("damaged") { (t) throws(LedgerFault) in
      guard try t.batches.knows(id) else { return false }
      // Offered to no store.
      if try t.batches.find(id)?.isOpen == true { try t.deliveries.noteHeld(id, at: pass.now.wall) }
      try t.history.note(
        id, EventKind.batchDamaged.rawValue, "from \(place.rawValue): \(reason.message)", at: pass.now.wall)
      return true
    }
    adopted.remove(id)
    try pass.spool.move([id], from: place, to: .damaged)
    if !isKnown { undecided.insert(id) }
    pass.waits.forget(.batch(id))
    let consequence =
      isKnown
      ? "The others go on" : "Nobody knows which records it holds, so the stream reads no logs until a person decides"
    pass.report(
      .batchDamaged, "Batch \(id) is set aside in damaged: \(reason.message). \(consequence)",
      [
        .batch: id.description, .reason: reason.code.rawValue,
        .path: pass.spool.path(.damaged, id).shown,
      ])
  }

  /// What the agent crashed on twice. A log stays where it is, and is passed over.
  mutating func setAsideCrashed(in pass: inout StreamPass) throws {
    for work in pass.suspects.crashed(in: .stream(pass.name)) {
      guard case .batch(let id) = work.item else { continue }
      if let place = try pass.spool.place(of: id), place != .damaged, place != .building {
        let why = "The agent crashed \(Suspects.enoughCrashes) times while it was \(work.step.words) it"
        try setAside(id, from: place, Reason(.crashedAgent, why), in: &pass)
      }
      pass.suspects.forgive(work.item, at: pass.now.wall)
    }
  }

  /// What nobody can tell must not be read past.
  mutating func requireDecisions(in pass: StreamPass) throws(FileFault) {
    if let first = unrecorded.min() {
      let wait = pass.waits.waits[.batch(first)]
      throw FileFault(
        wait?.kind ?? .io, "Cannot read the logs of stream", at: pass.name.text,
        why: "batch \(first), which holds records of them, is not recorded yet: \(wait?.reason ?? "it waits")")
    }
    for id in undecided where try pass.files.info(pass.spool.path(.damaged, id)) == nil { undecided.remove(id) }
    guard let first = undecided.min() else { return }
    let more = undecided.count > 1 ? ", and \(undecided.count - 1) more," : ""
    throw FileFault(
      .damaged, "Cannot read the logs of stream", at: pass.name.text,
      why: "batch \(first)\(more) cannot be read, and the ledger does not know which records it holds",
      remedy:
        "Put its files back and run: navette retry \(first). Or give it up: navette purge --batch \(first); its records are then taken from the logs once more"
    )
  }

  /// A batch in `damaged` whose files were put right goes on.
  /// - Returns: what is still wrong with it.
  mutating func takeBack(_ id: BatchID, in pass: StreamPass) throws -> String? {
    let folder = pass.spool.path(.damaged, id)
    do throws(FileFault) {
      let plan = try pass.files.batchPlan(of: id, in: folder)
      try pass.files.requireObject(of: plan, in: folder)
    } catch {
      return error.description
    }
    try giveBack(id, in: pass)
    return nil
  }

  private mutating func giveBack(_ id: BatchID, in pass: StreamPass) throws {
    let folder = pass.spool.path(.damaged, id)
    let reasons = folder.appending(DropPlan.reasonsName)
    do throws(FileFault) { try pass.files.remove(reasons) } catch { if error.kind != .missing { throw error } }
    let isDelivered = try pass.ledger.read { (t) throws(LedgerFault) in try t.batches.find(id)?.isOpen == false }
    try pass.spool.move([id], from: .damaged, to: isDelivered ? .delivered : .ready)
    undecided.remove(id)
  }

  /// Of a batch that nobody knows, nothing is left: the logs are read as if it had never been. Its number is not given again.
  mutating func forget(_ id: BatchID, by: String, reason: String, in pass: inout StreamPass) throws {
    var numbers = try SequenceFloor.read(of: pass.name, pass.context.state, pass.files)
    numbers.last = max(numbers.last, id.sequence)
    try numbers.write(of: pass.name, pass.context.state, pass.files)
    try pass.spool.remove(id, from: .damaged)
    try pass.files.sync([pass.spool.path(.damaged)])
    undecided.remove(id)
    pass.pause = nil
    pass.report(
      .batchPurged,
      "Batch \(id), of which nobody knew what it held, was deleted on request: its records are taken from the logs again",
      [.batch: id.description, .bytes: "0", .reason: reason])
  }

  /// Makes the plan of a batch in `damaged` anew from what the ledger knows, where its object is what was sealed.
  /// - Returns: why that cannot be done.
  mutating func release(_ id: BatchID, by who: Requester, in pass: StreamPass) throws -> String? {
    guard try pass.spool.place(of: id) == .damaged else { return "it does not lie in damaged" }
    if try takeBack(id, in: pass) != nil, let why = try makeAnew(id, in: pass) { return why }
    let sentence = "by \(who.name): \(who.reason)"
    try pass.ledger.transact("release") { (t) throws(LedgerFault) in
      try t.deliveries.forgive(id, at: pass.now.wall)
      try t.history.note(id, "released", sentence, at: pass.now.wall)
    }
    return nil
  }

  private mutating func makeAnew(_ id: BatchID, in pass: StreamPass) throws -> String? {
    let folder = pass.spool.path(.damaged, id)
    guard
      let plan = try pass.ledger.read({ (t) throws(LedgerFault) in try t.batches.plan(of: id, host: pass.context.host) }
      )
    else {
      return "the ledger does not know which records it holds"
    }
    if let complaint = plan.complaint { return "what the ledger knows of it cannot be: \(complaint)" }
    do throws(FileFault) {
      try pass.files.requireObject(of: plan, in: folder)
      guard try pass.files.digest(of: folder.appending(BatchPlan.objectName)) == plan.sha256 else {
        return "its object is not what was sealed"
      }
      let path = folder.appending(BatchPlan.fileName)
      if let info = try pass.files.info(path), info.kind != .file { try pass.files.removeTree(path) }
      try pass.files.writePlan(plan, to: path)
      try pass.files.sync([path, folder])
    } catch {
      return error.description
    }
    try giveBack(id, in: pass)
    return nil
  }
}

extension Files {
  /// Of all that is in the file.
  fileprivate func digest(of path: FilePath) throws(FileFault) -> Digest {
    let file = try open(path)
    var hasher = DigestHasher()
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: Limits.chunkBytes, alignment: 16)
    defer { room.deallocate() }
    var offset: UInt64 = 0
    while true {
      let count = try file.read(into: room, at: offset)
      if count == 0 { return hasher.finish() }
      hasher.update(UnsafeRawBufferPointer(rebasing: room[..<count]))
      offset += UInt64(count)
    }
  }
}
