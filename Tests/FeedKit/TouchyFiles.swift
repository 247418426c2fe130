import Core
import Files
import SystemPackage
import Threads

/// The real disk, with mounts that come and go, refusals, and room that runs out, as a test says.
final class TouchyFiles: Files {
  enum Act: Hashable { case list, open, create, copy, move, remove, makeDirectory }

  private struct Knobs: Sendable {
    /// Device numbers of what lies at and below.
    var mounts: [FilePath: UInt64] = [:]
    /// What is found instead.
    var away: [FilePath: FilePath] = [:]
    var refusals: [(act: Act, below: FilePath, kind: FileKind)] = []
    var free: UInt64?
    var afterCopy: (@Sendable (FilePath) -> Void)?
  }

  private let disk = LinuxFiles()
  private let knobs = Locked(Knobs())

  func mount(_ folder: FilePath) { knobs.withLock { ($0.mounts[folder], $0.away[folder]) = (777, nil) } }
  /// What is left is the empty folder below.
  func unmount(_ folder: FilePath, leaving empty: FilePath) {
    knobs.withLock { ($0.mounts[folder], $0.away[folder]) = (nil, empty) }
  }
  func refuse(_ act: Act, below folder: FilePath, _ kind: FileKind) {
    knobs.withLock { $0.refusals.append((act, folder, kind)) }
  }
  func allow() { knobs.withLock { $0.refusals = [] } }
  func setFree(_ bytes: UInt64?) { knobs.withLock { $0.free = bytes } }
  /// Once.
  func afterCopy(_ body: @escaping @Sendable (FilePath) -> Void) { knobs.withLock { $0.afterCopy = body } }

  private func real(_ path: FilePath) -> FilePath {
    let away = knobs.withLock { $0.away.first { path.starts(with: $0.key) } }
    guard let away else { return path }
    return away.value.pushing(FilePath(root: nil, path.components.dropFirst(away.key.components.count)))
  }

  private func device(_ path: FilePath) -> UInt64? {
    knobs.withLock { $0.mounts.first { path.starts(with: $0.key) }?.value }
  }

  private func check(_ act: Act, _ path: FilePath) throws(FileFault) {
    let kind = knobs.withLock { $0.refusals.first { $0.act == act && path.starts(with: $0.below) }?.kind }
    if let kind { throw FileFault(kind, "Cannot \(act)", at: path, why: "the test says so") }
  }

  func mayWrite(in directory: FilePath) -> Bool {
    !knobs.withLock {
      $0.refusals.contains { $0.act == .move && $0.kind == .denied && directory.starts(with: $0.below) }
    }
  }
  func list(_ directory: FilePath) throws(FileFault) -> [FileName] {
    try check(.list, directory)
    return try disk.list(real(directory))
  }
  func linkTarget(of path: FilePath) throws(FileFault) -> FilePath? { try disk.linkTarget(of: real(path)) }
  func info(_ path: FilePath) throws(FileFault) -> FileInfo? {
    guard var info = try disk.info(real(path)) else { return nil }
    if let device = device(path) { info.device = device }
    return info
  }
  func open(_ path: FilePath) throws(FileFault) -> any ReadableFile {
    try check(.open, path)
    return try disk.open(real(path))
  }
  func keepOpen(_ path: FilePath) throws(FileFault) -> any KeptFile {
    try check(.open, path)
    return try disk.keepOpen(real(path))
  }
  func create(_ path: FilePath, mode: AccessMode) throws(FileFault) -> any WritableFile {
    try check(.create, path)
    return try disk.create(real(path), mode: mode)
  }
  func append(to path: FilePath) throws(FileFault) -> any WritableFile { try disk.append(to: real(path)) }
  func makeDirectory(_ path: FilePath, mode: AccessMode) throws(FileFault) {
    try check(.makeDirectory, path)
    try disk.makeDirectory(real(path), mode: mode)
  }
  func link(_ path: FilePath, as twin: FilePath) throws(FileFault) { try disk.link(real(path), as: real(twin)) }
  func copy(_ path: FilePath, to target: FilePath, mode: AccessMode) throws(FileFault) {
    try check(.copy, target)
    try disk.copy(real(path), to: real(target), mode: mode)
    let act = knobs.withLock { knobs in
      defer { knobs.afterCopy = nil }
      return knobs.afterCopy
    }
    act?(path)
  }
  func move(_ path: FilePath, to target: FilePath) throws(FileFault) {
    if device(path) != device(target) {
      throw FileFault(.crossDevice, "Cannot move", at: target, why: "another mount")
    }
    try check(.move, path)
    try disk.move(real(path), to: real(target))
  }
  func replace(_ path: FilePath, with new: FilePath) throws(FileFault) { try disk.replace(real(path), with: real(new)) }
  func sync(_ paths: [FilePath]) throws(FileFault) { try disk.sync(paths.map(real)) }
  func truncate(
    _ path: FilePath, to size: UInt64, inode: UInt64, expected: UInt64
  ) throws(FileFault) -> Truncation? {
    try disk.truncate(real(path), to: size, inode: inode, expected: expected)
  }
  func remove(_ path: FilePath) throws(FileFault) {
    try check(.remove, path)
    try disk.remove(real(path))
  }
  func writers(of path: FilePath) throws(FileFault) -> Writers { try disk.writers(of: real(path)) }
  func freeBytes(at path: FilePath) throws(FileFault) -> UInt64 {
    if let free = knobs.withLock({ $0.free }) { return free }
    return try disk.freeBytes(at: real(path))
  }
  func set(mode: AccessMode, owner: UInt32?, group: UInt32?, of path: FilePath) throws(FileFault) {
    try disk.set(mode: mode, owner: owner, group: group, of: real(path))
  }
}
