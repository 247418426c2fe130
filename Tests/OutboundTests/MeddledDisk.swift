import Core
import Files
import SystemPackage
import TestKit
import Threads

/// A disk on which somebody does something once, at a chosen instant.
final class MeddledDisk: Files {
  enum Instant: Hashable {
    /// Just after the first batch has moved to `ready`.
    case sealed
    /// Just after the object of the first batch was created, before a log is read into it.
    case cutting
    /// Just before a batch that was cut is made durable; once it is armed.
    case syncing
    /// Just after the folder of logs was listed, before anything of it is looked at; once it is armed.
    case listed
    /// Just before the log itself is opened; once it is armed.
    case opening
  }

  private let disk: SimFiles
  private let instant: Instant
  private let act: @Sendable (SimFiles) throws -> Void
  private let isDone: Locked<Bool>

  init(_ disk: SimFiles, at instant: Instant = .sealed, _ act: @escaping @Sendable (SimFiles) throws -> Void) {
    (self.disk, self.instant, self.act) = (disk, instant, act)
    isDone = Locked(instant != .sealed && instant != .cutting)
  }

  /// From now on.
  func arm() { isDone.withLock { $0 = false } }

  private func meddle() {
    let isFirst = isDone.withLock { isDone in
      defer { isDone = true }
      return !isDone
    }
    if isFirst { try? act(disk) }
  }

  func move(_ path: FilePath, to target: FilePath) throws(FileFault) {
    try disk.move(path, to: target)
    if instant == .sealed, target.string.contains("/ready/") { meddle() }
  }
  func append(to path: FilePath) throws(FileFault) -> any WritableFile { try disk.append(to: path) }
  func create(_ path: FilePath, mode: AccessMode) throws(FileFault) -> any WritableFile {
    let file = try disk.create(path, mode: mode)
    if instant == .cutting, path.string.contains("/building/") { meddle() }
    return file
  }

  func list(_ directory: FilePath) throws(FileFault) -> [FileName] {
    let names = try disk.list(directory)
    if instant == .listed, directory == "/logs" { meddle() }
    return names
  }
  func linkTarget(of path: FilePath) throws(FileFault) -> FilePath? { try disk.linkTarget(of: path) }
  func info(_ path: FilePath) throws(FileFault) -> FileInfo? { try disk.info(path) }
  func open(_ path: FilePath) throws(FileFault) -> any ReadableFile {
    if instant == .opening, path == "/logs/a.csv" { meddle() }
    return try disk.open(path)
  }
  func keepOpen(_ path: FilePath) throws(FileFault) -> any KeptFile { try disk.keepOpen(path) }
  func makeDirectory(_ path: FilePath, mode: AccessMode) throws(FileFault) { try disk.makeDirectory(path, mode: mode) }
  func link(_ path: FilePath, as twin: FilePath) throws(FileFault) { try disk.link(path, as: twin) }
  func copy(_ path: FilePath, to target: FilePath, mode: AccessMode) throws(FileFault) {
    try disk.copy(path, to: target, mode: mode)
  }
  func replace(_ path: FilePath, with new: FilePath) throws(FileFault) { try disk.replace(path, with: new) }
  func sync(_ paths: [FilePath]) throws(FileFault) {
    if instant == .syncing, paths.contains(where: { $0.string.contains("/building/") }) { meddle() }
    try disk.sync(paths)
  }
  func truncate(
    _ path: FilePath, to size: UInt64, inode: UInt64, expected: UInt64
  ) throws(FileFault) -> Truncation? {
    try disk.truncate(path, to: size, inode: inode, expected: expected)
  }
  func remove(_ path: FilePath) throws(FileFault) { try disk.remove(path) }
  func writers(of path: FilePath) throws(FileFault) -> Writers { try disk.writers(of: path) }
  func freeBytes(at path: FilePath) throws(FileFault) -> UInt64 { try disk.freeBytes(at: path) }
  func set(mode: AccessMode, owner: UInt32?, group: UInt32?, of path: FilePath) throws(FileFault) {
    try disk.set(mode: mode, owner: owner, group: group, of: path)
  }
}
