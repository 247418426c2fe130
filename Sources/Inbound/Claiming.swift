import Core
import Files
import Journal
import Lanes
import Spool
import SystemPackage

// The end of step 1: from `gathering` to `claimed`, and what was taken leaves landing.
extension FeedPass {

  mutating func claim(_ plans: [DropPlan]) throws {
    guard !plans.isEmpty else { return }
    try spool.move(plans.map(\.id), from: .gathering, to: .claimed)
    try recordSeen(plans)
    _ = try clearOriginals(plans)
    for plan in plans { forget(plan) }
  }

  /// Removes from landing what was claimed, durably.
  ///
  /// An original is first renamed to a hidden name, then looked at again, then removed: what a sender renames over it
  /// in between is not touched.
  /// - Returns: the drops of which landing holds nothing any more.
  mutating func clearOriginals(_ all: [DropPlan]) throws -> [DropPlan] {
    var plans: [DropPlan] = []
    for plan in all where try !isAway(plan) { plans.append(plan) }
    guard try files.info(landing)?.kind == .directory else { return plans }
    var cleared: [DropPlan] = []
    var changed: Set<FilePath> = []
    for plan in plans {
      let isClear = try each(.drop(plan.id)) { pass in .done(try pass.clear(plan, &changed)) }.value == true
      if isClear { cleared.append(plan) }
      for part in plan.parts where isInLanding(part) {
        feed.uncleared[original(of: part)] = isClear ? nil : part.inode
      }
    }
    let folders = changed.sorted { $0.string < $1.string }
    do throws(FileFault) {
      try sync(folders)
      return cleared
    } catch {
      guard error.kind == .denied else { throw error }
    }
    // A folder below landing may have been barred to us since: its drops wait.
    var barred: Set<FilePath> = []
    for folder in folders where folder != landing {
      do throws(FileFault) { try sync([folder]) } catch {
        if error.kind != .denied { throw error }
        barred.insert(folder)
      }
    }
    return cleared.filter { plan in !plan.parts.contains { barred.contains(FilePath($0.landing)) } }
  }

  /// - Returns: whether landing holds nothing of it any more.
  private func clear(_ plan: DropPlan, _ changed: inout Set<FilePath>) throws -> Bool {
    var isClear = true
    for (number, part) in plan.parts.enumerated() where isInLanding(part) {
      let folder = FilePath(part.landing)
      let hidden = folder.appending(FileName(".\(plan.id).\(number).taken"))
      if try holding(.clear, plan.id, { () throws(FileFault) in try isOriginal(part, of: plan.id) }) {
        do throws(FileFault) { try files.move(original(of: part), to: hidden) } catch {
          if error.kind == .denied, !files.mayWrite(in: folder), folder == landing { throw LaneFault(fault: error) }
          if error.kind != .missing { throw error }
        }
        changed.insert(folder)
      }
      guard let info = try files.info(hidden) else { continue }
      changed.insert(folder)
      if info.isSame(as: part), info.size == part.size {
        try files.remove(hidden)
      } else {
        // Another file: it gets its name back. Where that is taken once more, it waits until it is free.
        do { try files.move(hidden, to: original(of: part)) } catch {
          guard error.kind == .exists else { throw error }
          isClear = false
        }
      }
    }
    return isClear
  }

  /// Before landing is looked at: what is ours already is not taken again.
  mutating func clearOriginalsThatWereAway() throws {
    feed.hasOriginalsAway = false
    for slice in try workable(in: .claimed).slices(of: Self.slice) {
      _ = try clearOriginals(claimed(slice))
    }
  }

  /// The plans of claimed drops. What cannot be read is dealt with by the checks.
  mutating func claimed(_ ids: some Sequence<DropID>) -> [DropPlan] {
    ids.compactMap { id in
      if let plan = try? plan(.claimed, id) { return plan }
      feed.stuck.insert(id)
      return nil
    }
  }

  /// Whether landing holds what this claimed part was made of. After a power cut its ctime can be that of a rename which is undone:
  /// then the bytes decide.
  private func isOriginal(_ part: DropPart, of id: DropID) throws(FileFault) -> Bool {
    let path = original(of: part)
    guard let info = try files.info(path), info.kind == .file, info.isSame(as: part), info.size == part.size else {
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
      let count = try a.fill(&left, at: offset)
      guard try b.fill(&right, at: offset) == count, left[..<count] == right[..<count] else { return false }
      if count < left.count { return true }
      offset += UInt64(count)
    }
  }

  /// Drops whose originals may lie in a landing folder that is away: they wait until it is back.
  private mutating func isAway(_ plan: DropPlan) throws(FileFault) -> Bool {
    // What was checked had left landing before.
    guard plan.landingIsMount == true, plan.checkedAt == nil, plan.parts.contains(where: isInLanding) else {
      return false
    }
    if try MountGuard.isMount(landing, files) {
      feed.reported[plan.id] = nil
      return false
    }
    feed.hasOriginalsAway = true
    let why = "its original may still lie in the landing folder, which is not mounted"
    if feed.reported.updateValue(why, forKey: plan.id) == nil {
      report(.dropWaiting, "\(plan.shown) of feed \(settings.name) waits: \(why)", plan, [.reason: "not_mounted"])
    }
    return true
  }

  // MARK: Small things

  func original(of part: DropPart) -> FilePath { FilePath(part.landing).appending(part.name) }

  /// False where the feed has another landing folder by now.
  func isInLanding(_ part: DropPart) -> Bool { FilePath(part.landing).starts(with: landing) }

  mutating func forget(_ plan: DropPlan) {
    for part in plan.parts { feed.folders[FilePath(part.landing)]?.settling.forget(part.name) }
  }
}

extension FileInfo {
  /// Whether it is the file that the part was made of. Older plans know no device.
  func isSame(as part: DropPart) -> Bool { inode == part.inode && (part.device == nil || device == part.device) }
}
