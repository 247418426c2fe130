import Core
import Files
import Formats
import Journal
import Ledger
import Spool
import Store
import SystemPackage

extension Files {
  /// The plan of a batch, as one that can be worked with.
  /// - Throws: `.missing`, and `.damaged` where it is not what was sealed.
  func batchPlan(of id: BatchID, in folder: FilePath) throws(FileFault) -> BatchPlan {
    let path = folder.appending(BatchPlan.fileName)
    let plan = try readPlan(BatchPlan.self, at: path)
    func damaged(_ why: String) -> FileFault { FileFault(.damaged, "Cannot use", at: path, why: why) }
    guard plan.id == id else { throw damaged("it is the plan of another batch") }
    guard StoreKey(plan.key) != nil, plan.manifestKey.map({ StoreKey($0) != nil }) ?? true else {
      throw damaged("its key is no object's name")
    }
    return plan
  }

  /// The object is as long as it was sealed; what is in it, the store's answer tells.
  func requireObject(of plan: BatchPlan, in folder: FilePath) throws(FileFault) {
    let path = folder.appending(BatchPlan.objectName)
    guard let info = try info(path), info.kind == .file else {
      throw FileFault(.damaged, "Cannot use batch", at: path, why: "its object is gone")
    }
    guard info.size == plan.compressedBytes else {
      throw FileFault(
        .damaged, "Cannot use batch", at: path,
        why: "it has \(counted(info.size, "byte")), and \(plan.compressedBytes) were sealed")
    }
  }
}

// `damaged`: batches that cannot be sent as they lie there, whole and with a reason, so that all others go on.
//
// What the ledger knows of blocks nothing: its records count as taken. Of one that it does not know, nobody can tell which records it
// holds: until a person decides, the stream reads no logs, or records could be sent twice.
extension StreamWorker {
  /// - Throws: what is not the batch's own fault, and what a disk may give the next time.
  func orAside(
    _ id: BatchID, from place: BatchPlace, at now: Moment, _ body: () throws -> Void
  ) throws {
    do {
      try body()
    } catch let fault as FileFault {
      let folder = lane.spool.path(place, id)
      let isHopeless = fault.kind == .missing || fault.kind == .damaged || lane.waits.isPersistent(.batch(id))
      guard fault.isBelow(folder), isHopeless, fault.kind != .exhausted else { throw fault }
      // Taken away by a person while we looked; or nothing of ours.
      guard try files.info(folder)?.kind == .directory else { return }
      try setAside(id, from: place, Reason(.damaged, fault.description), at: now)
    }
  }

  func setAside(
    _ id: BatchID, from place: BatchPlace, _ reason: Reason, at now: Moment
  ) throws {
    let path = lane.spool.path(place, id).appending(DropPlan.reasonsName)
    try files.writePlan([reason], to: path)
    try files.sync([path, lane.spool.path(place, id)])
    let isKnown = try ledger.transact("damaged") { (t) throws(LedgerFault) in
      guard try t.knows(id) else { return false }
      // Offered to no store.
      if try t.batch(id)?.isOpen == true { try t.noteHeld(id, at: now.wall) }
      try t.noteHistory(
        id, EventKind.batchDamaged.rawValue, "from \(place.rawValue): \(reason.message)", at: now.wall)
      return true
    }
    lane.adopted.remove(id)
    try lane.spool.move([id], from: place, to: .damaged)
    if !isKnown { lane.undecided.insert(id) }
    lane.waits.forget(.batch(id))
    let consequence =
      isKnown
      ? "The others go on" : "Nobody knows which records it holds, so the stream reads no logs until a person decides"
    events.record(
      .batchDamaged, "Batch \(id) is set aside in damaged: \(reason.message). \(consequence)",
      [
        .stream: lane.name.text, .batch: id.description, .reason: reason.code.rawValue,
        .path: lane.spool.path(.damaged, id).shown,
      ])
  }

  /// What the agent crashed on twice. A log stays where it is, and is passed over.
  func setAsideCrashed(at now: Moment) throws {
    for work in suspects.crashed(in: .stream(lane.name)) {
      guard case .batch(let id) = work.item else { continue }
      if let place = try lane.spool.place(of: id), place != .damaged, place != .building {
        let why = "The agent crashed \(Suspects.enoughCrashes) times while it was \(work.step.words) it"
        try setAside(id, from: place, Reason(.crashedAgent, why), at: now)
      }
      suspects.forgive(work.item, at: now.wall)
    }
  }

  func postponeCrashed(at now: Moment) {
    let works = suspects.crashed(in: .stream(lane.name))
    guard !works.isEmpty else { return }
    lane.logs.removeAll { log in
      let item = Work.Item.source(log.record.id)
      guard works.contains(where: { $0.item == item }) else { return false }
      let fault = suspects.crash(on: item, at: log.path)
      postpone(.log(log.path), fault, at: now)
      return true
    }
  }

  /// Makes the plan of a batch in `damaged` anew from what the ledger knows, where its object is what was sealed.
  /// - Returns: why that cannot be done.
  public mutating func release(_ id: BatchID, by who: Requester, at now: Moment) throws -> String? {
    try settleIn(at: now)
    guard try lane.spool.place(of: id) == .damaged else { return "it does not lie in damaged" }
    if try takeBack(id, at: now) != nil, let why = try makeAnew(id) { return why }
    let sentence = "by \(who.name): \(who.reason)"
    try ledger.transact("release") { (t) throws(LedgerFault) in
      try t.forgive(id, at: now.wall)
      try t.noteHistory(id, "released", sentence, at: now.wall)
    }
    return nil
  }

  private func makeAnew(_ id: BatchID) throws -> String? {
    let folder = lane.spool.path(.damaged, id)
    let host = host
    guard let plan = try ledger.read({ (t) throws(LedgerFault) in try t.plan(of: id, host: host) }) else {
      return "the ledger does not know which records it holds"
    }
    if let complaint = plan.complaint { return "what the ledger knows of it cannot be: \(complaint)" }
    do throws(FileFault) {
      try files.requireObject(of: plan, in: folder)
      guard try digest(of: folder.appending(BatchPlan.objectName)) == plan.sha256 else {
        return "its object is not what was sealed"
      }
      let path = folder.appending(BatchPlan.fileName)
      if let info = try files.info(path), info.kind != .file { try files.removeTree(path) }
      try files.writePlan(plan, to: path)
      try files.sync([path, folder])
    } catch {
      return error.description
    }
    try giveBack(id)
    return nil
  }

  private func digest(of path: FilePath) throws(FileFault) -> Digest {
    let file = try files.open(path)
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

  /// What nobody can tell must not be read past.
  func requireDecisions() throws(FileFault) {
    for id in lane.undecided where try files.info(lane.spool.path(.damaged, id)) == nil { lane.undecided.remove(id) }
    guard let first = lane.undecided.min() else { return }
    let more = lane.undecided.count > 1 ? ", and \(lane.undecided.count - 1) more," : ""
    throw FileFault(
      .damaged, "Cannot read the logs of stream", at: lane.name.text,
      why: "batch \(first)\(more) cannot be read, and the ledger does not know which records it holds",
      remedy:
        "Put its files back and run: navette retry \(first). Or give it up: navette purge --batch \(first); its records are then taken from the logs once more"
    )
  }

  /// A batch in `damaged` whose files were put right goes on.
  /// - Returns: what is still wrong with it.
  func takeBack(_ id: BatchID, at now: Moment) throws -> String? {
    let folder = lane.spool.path(.damaged, id)
    do throws(FileFault) {
      let plan = try files.batchPlan(of: id, in: folder)
      try files.requireObject(of: plan, in: folder)
    } catch {
      return error.description
    }
    try giveBack(id)
    return nil
  }

  private func giveBack(_ id: BatchID) throws {
    let folder = lane.spool.path(.damaged, id)
    let reasons = folder.appending(DropPlan.reasonsName)
    do throws(FileFault) { try files.remove(reasons) } catch { if error.kind != .missing { throw error } }
    let isDelivered = try ledger.read { (t) throws(LedgerFault) in try t.batch(id)?.isOpen == false }
    try lane.spool.move([id], from: .damaged, to: isDelivered ? .delivered : .ready)
    lane.undecided.remove(id)
  }

  /// Of a batch that nobody knows, nothing is left: the logs are read as if it had never been. Its number is not given again.
  func forget(_ id: BatchID, by: String, reason: String, at now: Moment) throws {
    var numbers = try SequenceFloor.read(of: lane.name, state, files)
    numbers.last = max(numbers.last, id.sequence)
    try numbers.write(of: lane.name, state, files)
    try lane.spool.remove(id, from: .damaged)
    try files.sync([lane.spool.path(.damaged)])
    lane.undecided.remove(id)
    lane.pause = nil
    events.record(
      .batchPurged,
      "Batch \(id), of which nobody knew what it held, was deleted on request: its records are taken from the logs again",
      [.stream: lane.name.text, .batch: id.description, .bytes: "0", .reason: reason])
  }
}
