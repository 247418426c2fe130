import Core
import Files
import Journal
import Spool
import SystemPackage

// Step 1: out of landing, into `claimed`.
//
// - `drop.json` is durable before the first part is touched: what lies in `gathering` can always be finished or given up.
// - In `parts/` lies only what is whole. A copy is made in `copying/`, and moved when it is durable and its original did not change.
// - An original is removed only after its drop is claimed and recorded, and only while it is what was claimed.
extension FeedPass {
  private static let copying = "copying"
  /// How long a file may keep coming, or refuse to be read, before people hear of it.
  private static let patience = Duration.seconds(60)

  mutating func gather() throws {
    defer {
      summary.settling = feed.settling.count
      if let next = feed.settling.next(settle: settings.settle) { summary.look(at: max(next, now.uptime)) }
    }
    let found = try scan()
    let rested = feed.settling.observe(
      found.mapValues(Settling.Observation.init), at: now.uptime, settle: settings.settle)
    for slice in rested.slices(of: Self.slice) {
      if stop() { return }
      try gather(slice.compactMap { name in found[name].map { (name, $0) } })
    }
  }

  /// Regular files whose names count.
  private func scan() throws(FileFault) -> [FileName: FileInfo] {
    var found: [FileName: FileInfo] = [:]
    for name in try files.list(landing) where feed.filter.takes(name) {
      // It may go while we look.
      if let info = try files.info(landing.appending(name)), info.kind == .file { found[name] = info }
    }
    return found
  }

  private mutating func gather(_ rested: [(name: FileName, info: FileInfo)]) throws {
    var begun: [(plan: DropPlan, mayRename: Bool)] = []
    for (name, info) in rested {
      guard let writers = try writers(of: landing.appending(name)) else { continue }
      if writers == .some {
        feed.settling.disturb(name, at: now.uptime)
        complain(name, "somebody has it open for writing")
        continue
      }
      // A hard link, or a writer that the kernel does not tell us of: the bytes could change after a rename.
      begun.append((try begin(name, info), feed.canRename && info.links == 1 && writers == .none))
    }
    try sync(
      begun.flatMap { drop in
        [planPath(.gathering, drop.plan.id), partsPath(.gathering, drop.plan.id), spool.path(.gathering, drop.plan.id)]
      } + (begun.isEmpty ? [] : [spool.path(.gathering)]))
    try bringAndClaim(begun)
  }

  /// Nil: it is gone.
  private func writers(of path: FilePath) throws(FileFault) -> Writers? {
    do {
      return try files.writers(of: path)
    } catch {
      if error.kind == .missing { return nil }
      if error.kind == .denied { return .unknown }
      throw error
    }
  }

  private mutating func complain(_ name: FileName, _ why: String) {
    guard feed.settling.isWorthReporting(name, at: now.uptime, patience: Self.patience) else { return }
    host.events.record(
      .dropWaiting, "\(name.masked) of feed \(settings.name) waits: \(why)",
      [.feed: settings.name.text, .path: landing.appending(FileName(name.masked)).shown, .reason: why])
  }

  private func begin(_ name: FileName, _ info: FileInfo) throws(FileFault) -> DropPlan {
    while true {
      let id = DropID(seen: now.wall, salt: host.salt())
      guard try spool.place(of: id) == nil else { continue }
      let part = DropPart(
        name: name, landing: landing.string, size: info.size, inode: info.inode, changed: info.changed)
      let plan = DropPlan(id: id, feed: settings.name, seenAt: now.wall, parts: [part])
      try files.makeDirectory(spool.path(.gathering, id), mode: .stateDirectory)
      try files.makeDirectory(partsPath(.gathering, id), mode: .stateDirectory)
      try write(plan)
      return plan
    }
  }

  /// A new folder needs no temporary name, and its barrier is shared with the rest of the slice.
  private func write(_ plan: DropPlan) throws(FileFault) {
    let file = try files.create(planPath(.gathering, plan.id), mode: .stateFile)
    try encodePlan(plan).withUnsafeBufferPointer { (raw) throws(FileFault) in
      try file.write(UnsafeRawBufferPointer(raw))
    }
  }

  // MARK: Bringing the parts in

  private enum Brought: Equatable {
    case renamed, copied
    /// Changed or gone, or not to be read: what was begun is given up.
    case lost
    /// It came by rename, and somebody writes it still. He keeps his descriptor, so its end comes to us too.
    case stillWritten
  }

  private mutating func bringAndClaim(_ begun: [(plan: DropPlan, mayRename: Bool)]) throws {
    var whole: [DropPlan] = []
    var copied: [DropPlan] = []
    var barriers: Set<FilePath> = []
    for (plan, mayRename) in begun {
      if stop() { break }
      var ways: [Brought] = []
      for part in plan.parts where try files.info(partsPath(.gathering, plan.id).appending(part.name)) == nil {
        ways.append(try bring(part, of: plan.id, mayRename: mayRename))
      }
      if ways.contains(.renamed) || ways.contains(.stillWritten) {
        barriers.formUnion([partsPath(.gathering, plan.id), landing])
      }
      if ways.contains(.lost) {
        try giveUp(plan)
      } else if ways.contains(.stillWritten) {
        // It stays where it is; `resumeGathering` claims it when it is finished.
        feed.settling.forget(plan.parts[0].name)
        wait(for: plan)
      } else {
        if ways.contains(.copied) { copied.append(plan) }
        whole.append(plan)
      }
    }
    try settleCopies(copied)
    try sync(barriers.sorted { $0.string < $1.string })
    try claim(whole)
  }

  private mutating func bring(_ part: DropPart, of id: DropID, mayRename: Bool) throws(FileFault) -> Brought {
    let original = landing.appending(part.name)
    if mayRename, feed.canRename, try isUnchanged(part) {
      let target = partsPath(.gathering, id).appending(part.name)
      do {
        try files.move(original, to: target)
        return try isStillWritten(target, part) ? .stillWritten : .renamed
      } catch {
        switch error.kind {
        case .crossDevice: feed.canRename = false
        case .missing: return .lost
        default: throw error
        }
      }
    }
    return try copy(part, of: id)
  }

  /// After the rename: nobody may have opened it, and nothing else may have taken its name just before.
  private func isStillWritten(_ path: FilePath, _ part: DropPart) throws(FileFault) -> Bool {
    guard let info = try files.info(path) else { return true }
    if info.inode != part.inode || info.size != part.size { return true }
    return try files.writers(of: path) == .some
  }

  private mutating func copy(_ part: DropPart, of id: DropID) throws(FileFault) -> Brought {
    let original = landing.appending(part.name)
    let folder = spool.path(.gathering, id).appending(FileName(Self.copying))
    try files.ensureDirectory(folder)
    do {
      try files.copy(original, to: folder.appending(part.name), mode: .stateFile)
    } catch {
      // The original's own fault concerns no other file.
      if error.place == original.shown || error.kind == .missing {
        complain(part.name, error.description)
        feed.settling.postpone(part.name, until: now.uptime + Self.patience)
        return .lost
      }
      // Room is given back at once: the disk may be full.
      try? files.removeTree(spool.path(.gathering, id))
      throw error
    }
    guard try isUnchanged(part), try files.info(folder.appending(part.name))?.size == part.size,
      try writers(of: original) != .some
    else {
      feed.settling.disturb(part.name, at: now.uptime)
      return .lost
    }
    return .copied
  }

  /// Whether landing holds what `drop.json` says.
  private func isUnchanged(_ part: DropPart) throws(FileFault) -> Bool {
    guard let info = try files.info(landing.appending(part.name)), info.kind == .file else { return false }
    return Settling.Observation(info) == Settling.Observation(part)
  }

  /// Copies that are whole become durable, then parts.
  private func settleCopies(_ plans: [DropPlan]) throws(FileFault) {
    var made: [(copy: FilePath, part: FilePath)] = []
    var folders: [FilePath] = []
    var barriers: [FilePath] = []
    for plan in plans {
      let drop = spool.path(.gathering, plan.id)
      let (folder, parts) = (drop.appending(FileName(Self.copying)), drop.appending(FileName(DropPlan.partsName)))
      for name in try files.list(folder) { made.append((folder.appending(name), parts.appending(name))) }
      folders.append(folder)
      barriers += [parts, drop]
    }
    try sync(made.map(\.copy))
    for (copy, part) in made { try files.move(copy, to: part) }
    for folder in folders { try files.remove(folder) }
    try sync(barriers)
  }

  /// Nothing of a drop is ours yet: landing still has it. A set of which a part is ours waits for the others.
  private mutating func giveUp(_ plan: DropPlan) throws(FileFault) {
    guard try files.list(partsPath(.gathering, plan.id)).isEmpty else { return wait(for: plan) }
    try spool.remove(plan.id, from: .gathering)
  }

  private mutating func wait(for plan: DropPlan) {
    summary.waiting += 1
    summary.look(at: now.uptime + max(settings.settle, .seconds(1)))
  }

  // MARK: Claiming

  private mutating func claim(_ plans: [DropPlan]) throws {
    guard !plans.isEmpty else { return }
    try spool.move(plans.map(\.id), from: .gathering, to: .claimed)
    try recordSeen(plans)
    _ = try clearOriginals(plans)
    for plan in plans { for part in plan.parts { feed.settling.forget(part.name) } }
  }

  /// Removes from landing what was claimed, durably.
  ///
  /// An original is first renamed to a hidden name, then looked at again, then removed: what a sender renames over it
  /// in between is not touched.
  /// - Returns: the drops of which landing holds nothing any more.
  func clearOriginals(_ plans: [DropPlan]) throws(FileFault) -> [DropPlan] {
    guard try files.info(landing)?.kind == .directory else { return plans }
    var cleared: [DropPlan] = []
    var didChange = false
    for plan in plans {
      var isClear = true
      for (number, part) in plan.parts.enumerated() where part.landing == landing.string {
        let hidden = landing.appending(FileName(".\(plan.id).\(number).taken"))
        if try isOriginal(part, of: plan.id) {
          do { try files.move(landing.appending(part.name), to: hidden) } catch {
            if error.kind != .missing { throw error }
          }
          didChange = true
        }
        guard let info = try files.info(hidden) else { continue }
        didChange = true
        if info.inode == part.inode, info.size == part.size {
          try files.remove(hidden)
        } else {
          // Another file: it gets its name back. Where that is taken once more, it waits until it is free.
          do { try files.move(hidden, to: landing.appending(part.name)) } catch {
            guard error.kind == .exists else { throw error }
            isClear = false
          }
        }
      }
      if isClear { cleared.append(plan) }
    }
    if didChange { try sync([landing]) }
    return cleared
  }

  /// Whether landing holds what this claimed part was made of. After a power cut its ctime can be that of a rename which is undone:
  /// then the bytes decide.
  private func isOriginal(_ part: DropPart, of id: DropID) throws(FileFault) -> Bool {
    let path = landing.appending(part.name)
    guard let info = try files.info(path), info.kind == .file, info.inode == part.inode, info.size == part.size else {
      return false
    }
    if info.changed == part.changed { return true }
    if try writers(of: path) == .some { return false }
    return try isEqual(path, partsPath(.claimed, id).appending(part.name))
  }

  private func isEqual(_ one: FilePath, _ other: FilePath) throws(FileFault) -> Bool {
    let (a, b) = (try files.open(one), try files.open(other))
    var left = [UInt8](repeating: 0, count: Limits.chunkBytes)
    var right = left
    var offset: UInt64 = 0
    while true {
      let count = try fill(&left, from: a, at: offset)
      guard try fill(&right, from: b, at: offset) == count, left[..<count] == right[..<count] else { return false }
      if count < left.count { return true }
      offset += UInt64(count)
    }
  }

  /// Fewer bytes than there is room for only at the file's end.
  private func fill(_ buffer: inout [UInt8], from file: any ReadableFile, at offset: UInt64) throws(FileFault) -> Int {
    try buffer.withUnsafeMutableBufferPointer { (room) throws(FileFault) in
      var filled = 0
      while filled < room.count {
        let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(room)[filled...])
        let count = try file.read(into: rest, at: offset + UInt64(filled))
        if count == 0 { break }
        filled += count
      }
      return filled
    }
  }

  // MARK: After a stop

  /// What lies in `gathering` at the start of a pass: left by a stop, or still written by its sender.
  mutating func resumeGathering() throws {
    for slice in try drops(in: .gathering).slices(of: Self.slice) {
      if stop() { return }
      var complete: [DropPlan] = []
      var missing: [(plan: DropPlan, mayRename: Bool)] = []
      for id in slice {
        try files.removeTree(spool.path(.gathering, id).appending(FileName(Self.copying)))
        let parts = partsPath(.gathering, id)
        let names = try files.info(parts) == nil ? [] : try files.list(parts)
        if names.isEmpty {
          // Landing still has it all; the scan finds it.
          try spool.remove(id, from: .gathering)
          continue
        }
        let plan = try plan(.gathering, id)
        guard Set(plan.parts.map(\.name)).isSubset(of: names) else {
          missing.append((plan, false))
          continue
        }
        if try isWritten(plan) { wait(for: plan) } else { complete.append(try remeasured(plan)) }
      }
      try claim(complete)
      try bringAndClaim(missing)
    }
  }

  private func isWritten(_ plan: DropPlan) throws(FileFault) -> Bool {
    for part in plan.parts
    where try files.writers(of: partsPath(.gathering, plan.id).appending(part.name)) == .some { return true }
    return false
  }

  /// What was still written after its rename may have grown. Its bytes and its new size become durable before it is claimed.
  private func remeasured(_ plan: DropPlan) throws(FileFault) -> DropPlan {
    var new = plan
    for (number, part) in plan.parts.enumerated() {
      let path = partsPath(.gathering, plan.id).appending(part.name)
      guard let info = try files.info(path), info.size != part.size else { continue }
      try sync([path])
      new.parts[number] = DropPart(
        name: part.name, landing: part.landing, size: info.size, inode: part.inode, changed: part.changed)
    }
    if new != plan {
      try files.writePlan(new, to: planPath(.gathering, plan.id))
      try sync([planPath(.gathering, plan.id), spool.path(.gathering, plan.id)])
    }
    return new
  }
}
