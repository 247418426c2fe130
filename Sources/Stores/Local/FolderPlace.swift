import Core
import Files
import SystemPackage

/// Whether a store's folder, which was not used before, may be made where the settings say. A name that was mistyped, and a disk that is not
/// mounted, must not become a folder on another disk, into which everything goes.
struct FolderPlace: Sendable {
  /// The table of file systems, and whether something is mounted at a folder; nil where nobody can tell.
  var table: FilePath = "/etc/fstab"
  var isPoint: @Sendable (FilePath) -> Bool? = { Mounts.isPoint($0) }

  /// - Throws: `.io`, since it may be there later.
  func check(_ root: FilePath, _ what: String, _ files: any Files) throws(FileFault) {
    // First: where the disk is missing, the folder above is mostly missing for that reason.
    for point in points(files) where root.starts(with: point) {
      guard isPoint(point) != true else { continue }
      throw FileFault(
        .io, what, at: root, why: "nothing is mounted at \(point.shown), where \(table.shown) has a file system",
        remedy: "Mount it: what is written without it would lie on another disk")
    }
    if let found = try files.info(root) {
      guard found.kind != .directory, found.kind != .link else { return }
      throw FileFault(
        .io, what, at: root, why: "it is no folder", remedy: "Move it away, or change the store's url")
    }
    let parent = root.parent
    // A link to a folder is a folder here.
    guard let info = try files.info(parent), info.kind == .directory || info.kind == .link else {
      throw FileFault(
        .io, what, at: root, why: "there is no folder \(parent.shown) in which it could be made",
        remedy: "Check the store's url; if it is right, make that folder, or mount what holds it")
    }
  }

  /// Without the root itself.
  private func points(_ files: any Files) -> [FilePath] {
    guard let bytes = try? files.contents(of: table, limit: Limits.mountTableBytes) else { return [] }
    return Mounts.planned(String(decoding: bytes, as: UTF8.self)).filter { !$0.components.isEmpty }
  }
}
