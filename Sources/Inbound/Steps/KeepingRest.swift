import Core
import Files
import Formats
import Ledger
import Spool
import SystemPackage

/// What came late becomes a drop in `gathering`: a copy of the whole file as it is now. The drop that it is the rest of gets back what was
/// checked of it, where its file is the sender's own.
struct KeepingRest {
  /// Durable on return.
  /// - Returns: nil: it changed meanwhile, or the agent is asked to stop.
  func run(_ file: TakenFile, in pass: FeedPass) throws -> DropPlan? {
    let before = try file.file.info()
    try pass.requireRoom(for: before.size, at: pass.spool.root)
    let plan = try begin(file, before, in: pass)
    let drop = pass.spool.path(.gathering, plan.id)
    let folder = drop.appending(DropPlan.copying)
    let copy = folder.appending(file.part.name)
    do throws(FileFault) {
      try pass.files.makeDirectory(folder, mode: .stateDirectory)
      let isWhole = try file.file.copy(before.size, to: copy, in: pass)
      // Who has it open is asked before the look.
      guard isWhole, try file.file.writers() != .some,
        Settling.Observation(try file.file.info()) == Settling.Observation(before)
      else {
        try pass.spool.remove(plan.id, from: .gathering)
        return nil
      }
    } catch {
      // What is half done gives its room back.
      try? pass.spool.remove(plan.id, from: .gathering)
      throw error
    }
    try pass.sync([copy, folder, pass.planPath(.gathering, plan.id), drop, pass.spool.path(.gathering)])
    try pass.files.move(folder, to: drop.appending(DropPlan.partsName))
    try pass.sync([drop])
    return plan
  }

  private func begin(_ file: TakenFile, _ info: FileInfo, in pass: FeedPass) throws(FileFault) -> DropPlan {
    var part = DropPart(
      name: file.part.name, landing: file.part.landing, size: info.size, inode: info.inode, changed: info.changed)
    part.device = file.part.device
    var plan = DropPlan(id: try pass.newDrop(), feed: pass.settings.name, seenAt: pass.now.wall, parts: [part])
    plan.restOf = file.drop
    try pass.files.makeDirectory(pass.spool.path(.gathering, plan.id), mode: .stateDirectory)
    try pass.files.writePlan(plan, to: pass.planPath(.gathering, plan.id))
    return plan
  }

  /// Of a rest that is about to be claimed: may be repeated. The drop that was taken first holds again what was checked, or, where that was
  /// overwritten, nothing: the whole file lies in the rest.
  func restore(_ rest: DropPlan, in pass: FeedPass) throws {
    guard let first = rest.restOf, let late = rest.parts.first, let place = try pass.spool.place(of: first),
      ![.claimed, .handover].contains(place), let plan = try? pass.plan(place, first),
      let part = plan.parts.first(where: { $0.name == late.name })
    else { return }
    let parts = pass.partsPath(place, first)
    let path = parts.appending(part.name)
    guard let info = try pass.files.info(path), info.isSame(as: late), let digest = part.sha256 else { return }
    let file = try pass.files.open(path)
    if info.size == part.size, try file.digest(ofFirst: part.size) == digest { return }
    let copy = pass.spool.path(place, first).appending("restoring")
    try pass.files.removeIfThere(copy)
    let isCopied = info.size >= part.size ? try file.copy(part.size, to: copy, in: pass) : false
    if isCopied, try pass.files.open(copy).digest(ofFirst: part.size) == digest {
      try pass.sync([copy])
      try pass.files.replace(path, with: copy)
      return try pass.sync([parts, pass.spool.path(place, first)])
    }
    try pass.files.removeIfThere(copy)
    guard place == .archive else { return }
    let now = pass.now.wall
    try pass.host.ledger.transact("overwritten") { (t) throws(LedgerFault) in
      try t.history.note(
        first, "late_write", "Its sender overwrote what the archive had of it: what there is now is drop \(rest.id)",
        at: now)
    }
    try pass.files.removeTree(parts)
    try pass.sync([pass.spool.path(place, first)])
  }
}

extension ReadableFile {
  /// - Parameter target: a new file.
  /// - Returns: false: asked to stop, or there is not so much.
  func copy(_ size: UInt64, to target: FilePath, in pass: FeedPass) throws(FileFault) -> Bool {
    let file = try pass.files.create(target, mode: .stateFile)
    return try eachPiece(ofFirst: size) { (piece) throws(FileFault) in
      try file.write(piece)
      return !pass.stop()
    }
  }

  /// Nil: there is not so much.
  func digest(ofFirst size: UInt64) throws(FileFault) -> Digest? {
    var hasher = DigestHasher()
    let isWhole = try eachPiece(ofFirst: size) { (piece) throws(FileFault) in
      hasher.update(piece)
      return true
    }
    return isWhole ? hasher.finish() : nil
  }

  func holdsSame(as other: any ReadableFile) throws(FileFault) -> Bool {
    guard try info().size == other.info().size else { return false }
    var offset: UInt64 = 0
    var room = [UInt8](repeating: 0, count: Limits.chunkBytes)
    return try eachPiece(ofFirst: try info().size) { (piece) throws(FileFault) in
      let count = try other.fill(&room, at: offset)
      offset += UInt64(piece.count)
      return count >= piece.count && room[..<piece.count].elementsEqual(piece)
    }
  }

  /// - Parameter body: false ends it.
  /// - Returns: whether it came to the end.
  private func eachPiece(
    ofFirst size: UInt64, _ body: (UnsafeRawBufferPointer) throws(FileFault) -> Bool
  ) throws(FileFault) -> Bool {
    var room = [UInt8](repeating: 0, count: Limits.chunkBytes)
    var offset: UInt64 = 0
    while offset < size {
      let count = min(try fill(&room, at: offset), Int(clamping: size - offset))
      guard count > 0 else { return false }
      let goesOn = try room[..<count].withUnsafeBufferPointer { (raw) throws(FileFault) in
        try body(UnsafeRawBufferPointer(raw))
      }
      guard goesOn else { return false }
      offset += UInt64(count)
    }
    return true
  }
}
