import Core
import Files
import Journal
import SystemPackage

// What must be so before anything is concluded from what a folder holds: an empty mount point looks like a folder from which
// everything was taken, and a full disk is noticed before it is full.
//
// - A folder that was a mount and is none now is away: nothing is taken, removed or believed until it is back.
// - `drop.json` remembers it too, so that a restart (before the file system is mounted, say) concludes nothing either.
extension FeedPass {
  /// Whether a file system of its own is mounted there. False where there is no such folder.
  func isMount(_ folder: FilePath) throws(FileFault) -> Bool {
    guard let info = try files.info(folder), let above = try files.info(folder.parent) else {
      return false
    }
    return info.device != above.device
  }

  /// - Returns: whether it is a mount.
  @discardableResult
  mutating func requireMounted(_ folder: FilePath, _ doing: String) throws(FileFault) -> Bool {
    if try isMount(folder) {
      feed.mounts.insert(folder)
      return true
    }
    guard feed.mounts.contains(folder) else { return false }
    throw FileFault(
      .missing, doing, at: folder.shown, why: "the file system that was mounted there is gone",
      remedy: "Mount it again; if the folder below is meant from now on, restart the agent")
  }

  /// Drops whose originals may lie in a landing folder that is away: they wait until it is back.
  mutating func isAway(_ plan: DropPlan) throws(FileFault) -> Bool {
    // What was checked had left landing before.
    guard plan.landingIsMount == true, plan.checkedAt == nil, plan.parts.contains(where: isInLanding) else {
      return false
    }
    if try isMount(landing) {
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

  /// Where a drop was staged; what is configured now may be another folder.
  func handover(of plan: DropPlan) -> FilePath { plan.staged.map { FilePath($0.folder) } ?? handover }

  /// A staged file that is gone is a receipt, if its folder is the one that it was staged in.
  func requireStaging(of plan: DropPlan) throws(FileFault) {
    let folder = handover(of: plan)
    guard try files.info(folder)?.kind == .directory else {
      throw FileFault(
        .missing, "Cannot hand over to", at: folder, why: "there is no such directory",
        remedy: "Make it, or mount what it belongs to")
    }
    guard plan.staged?.isMount == true, try !isMount(folder) else { return }
    throw FileFault(
      .missing, "Cannot hand over to", at: folder,
      why: "drop \(plan.id) was staged on a file system that is not mounted now", remedy: "Mount it again")
  }

  // MARK: Room

  /// - Parameter bytes: about to be written below that folder.
  func requireRoom(for bytes: UInt64, at folder: FilePath) throws(FileFault) {
    guard host.minFree > 0 else { return }
    let free = try files.freeBytes(at: folder)
    guard free < bytes +| host.minFree else { return }
    throw FileFault(
      .full, "Cannot take more into", at: folder,
      why: "\(counted(free, "byte")) free, \(bytes) needed, limits.min_free is \(host.minFree)",
      remedy: "Free space, or enlarge the volume; work goes on by itself")
  }

  /// The hand-over folder's own volume may be filled; that of the state folder not.
  func requireHandOverRoom(for bytes: UInt64) throws(FileFault) {
    guard host.minFree > 0, try files.info(handover)?.device == files.info(spool.root)?.device else { return }
    try requireRoom(for: bytes, at: spool.root)
  }
}
