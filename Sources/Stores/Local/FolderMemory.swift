public import Core
public import Files
import FoundationEssentials
public import SystemPackage

/// Where a store's folder lay when it was first used. A disk that is not mounted leaves an empty folder, or none: without this memory
/// objects would be written in its stead, on another disk, and be confirmed.
///
/// It lies in the state folder, so that nothing but objects is in the store's.
public struct FolderMemory: Sendable {
  private struct Record: Codable {
    var schema = 1
    var root: String
    /// See `Mounts.home`; nil where the kernel does not tell.
    var home: String?
  }

  private let file: FilePath
  private let files: any Files
  private let isNoting: Bool
  private let home: @Sendable (FilePath) -> String?

  /// - Parameters:
  ///   - file: the record, in a folder that may be made.
  ///   - isNoting: false for those who only look.
  public init(
    _ file: FilePath, files: any Files, isNoting: Bool = true,
    home: @escaping @Sendable (FilePath) -> String? = { Mounts.home(of: $0) }
  ) {
    (self.file, self.files, self.isNoting, self.home) = (file, files, isNoting, home)
  }

  /// Why the folder is not the one that was used; nil where it is, or where none was used yet.
  public func complaint(about root: FilePath) throws(FileFault) -> String? {
    guard let known = record(of: root) else { return nil }
    let (info, now) = (try files.info(root), home(root))
    if info == nil || (info?.kind == .link && now == nil) {
      return "the folder is gone, and nothing is written in its stead"
    }
    guard let then = known.home, let now, now != then else { return nil }
    return "the folder is another than it was: \(now) of a file system, and it was \(then)"
  }

  /// What to do about it.
  public var remedy: String { "Mount the disk that holds it. If it is to begin anew, remove \(file.shown)" }

  func isKnown(_ root: FilePath) -> Bool { record(of: root) != nil }

  /// Durable on return.
  func note(_ root: FilePath) throws(FileFault) {
    guard isNoting, !isKnown(root) else { return }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let bytes = try? encoder.encode(Record(root: root.string, home: home(root))) else { return }
    let folder = file.parent
    try files.ensureDirectory(folder)
    try files.write(Array(bytes) + [UInt8(ascii: "\n")], to: file)
    try files.sync([folder])
  }

  /// One that cannot be read is none, as that of another folder is: somebody has changed the store's url.
  private func record(of root: FilePath) -> Record? {
    guard let bytes = try? files.contents(of: file, limit: Limits.folderMemoryBytes),
      let record = try? JSONDecoder().decode(Record.self, from: Data(bytes)), record.root == root.string
    else { return nil }
    return record
  }
}
