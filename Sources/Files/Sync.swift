internal import CLinux
public import Core
internal import Glibc
public import SystemPackage

extension LinuxFiles {
  public func sync(_ paths: [FilePath]) throws(FileFault) {
    try sync(paths, few: Limits.fewPaths)
  }

  func sync(_ paths: [FilePath], few: Int) throws(FileFault) {
    var devices: [UInt64: [(path: FilePath, isDirectory: Bool)]] = [:]
    var seen: Set<FilePath> = []
    for path in paths where seen.insert(path).inserted {
      guard let found = try info(path) else { throw FileFault(errno: ENOENT, LinuxFiles.cannotSync, path) }
      devices[found.device, default: []].append((path, found.kind == .directory))
    }
    for (_, paths) in devices {
      if paths.count <= few {
        for (path, _) in paths { try syncOne(path) }
      } else {
        try syncFileSystem(of: paths)
      }
    }
  }

  private static let cannotSync = "Cannot make durable"

  private func syncOne(_ path: FilePath) throws(FileFault) {
    // A descriptor opened just now still learns of a write that failed before and that nobody was told of (Linux 4.16).
    let file = try descriptor(LinuxFiles.cannotSync, path, O_RDONLY)
    _ = try file.checked(LinuxFiles.cannotSync) { Int(fsync(file.number)) }
  }

  /// `syncfs` reports a failed write since Linux 5.8 only, and only to the first who asks after it. So each file is asked once more:
  /// waiting for writes that are done costs no barrier, but says whether one of them failed. A directory has no writes of its own: what
  /// is in it goes through the file system's journal, and where that fails, nothing succeeds any more.
  private func syncFileSystem(of paths: [(path: FilePath, isDirectory: Bool)]) throws(FileFault) {
    guard let first = paths.first?.path else { return }
    let any = try descriptor(LinuxFiles.cannotSync, first, O_RDONLY)
    _ = try any.checked(LinuxFiles.cannotSync) { Int(cl_sync_file_system(any.number)) }
    for (path, isDirectory) in paths where !isDirectory {
      let file = try descriptor(LinuxFiles.cannotSync, path, O_RDONLY)
      let failure = attempt { cl_await_writes(file.number) }.failure
      switch failure {
      case nil: continue
      case EINVAL, ENOSYS, ESPIPE, EOPNOTSUPP:
        _ = try file.checked(LinuxFiles.cannotSync) { Int(fsync(file.number)) }
      case .some(let code): throw FileFault(errno: code, LinuxFiles.cannotSync, path)
      }
    }
  }
}
