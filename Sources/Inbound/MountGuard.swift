import Core
import Files
import SystemPackage

/// What must be so before anything is concluded from what a folder holds: an empty mount point looks like a folder from which
/// everything was taken.
///
/// - A folder that was a mount and is none now is away: nothing is taken, removed or believed until it is back.
/// - `drop.json` remembers it too, so that a restart (before the file system is mounted, say) concludes nothing either.
struct MountGuard {
  /// Folders that were seen to be mounts.
  private var mounts: Set<FilePath> = []

  func wasMount(_ folder: FilePath) -> Bool { mounts.contains(folder) }

  /// Whether a file system of its own is mounted there. False where there is no such folder.
  static func isMount(_ folder: FilePath, _ files: any Files) throws(FileFault) -> Bool {
    guard let info = try files.info(folder), let above = try files.info(folder.parent) else { return false }
    return info.device != above.device
  }

  /// - Returns: whether it is a mount.
  @discardableResult
  mutating func require(_ folder: FilePath, _ doing: String, _ files: any Files) throws(FileFault) -> Bool {
    if try Self.isMount(folder, files) {
      mounts.insert(folder)
      return true
    }
    guard mounts.contains(folder) else { return false }
    throw FileFault(
      .missing, doing, at: folder.shown, why: "the file system that was mounted there is gone",
      remedy: "Mount it again; if the folder below is meant from now on, restart the agent")
  }
}
