internal import CLinux
public import Core
internal import Glibc
public import SystemPackage

/// The disk itself.
public struct LinuxFiles: Files {
  private let roots: GuardedRoots
  private let progress: @Sendable () -> Void

  /// - Parameters:
  ///   - guarded: folders to which others may write: below them no link is followed.
  ///   - progress: told again and again while a long copy goes on. On the caller's thread; must be quick.
  public init(guarded: [FilePath] = [], progress: @escaping @Sendable () -> Void = {}) {
    roots = GuardedRoots(guarded)
    self.progress = progress
  }

  public func list(_ directory: FilePath) throws(FileFault) -> [FileName] {
    var names: [FileName] = []
    try eachName(in: directory) { (name) throws(FileFault) in names.append(name) }
    return names.sorted()
  }

  public func eachName(
    in directory: FilePath, _ body: (FileName) throws(FileFault) -> Void
  ) throws(FileFault) {
    let stream = try openStream(directory)
    defer { closedir(stream) }
    guard let offset = MemoryLayout<dirent>.offset(of: \.d_name) else { preconditionFailure("dirent has no d_name") }
    while true {
      errno = 0
      guard let entry = readdir(stream) else { break }
      // Read in place: the record ends with the name, so it may be shorter than the type.
      let name = UnsafeRawPointer(entry) + offset
      let bytes = UnsafeRawBufferPointer(start: name, count: strlen(name.assumingMemoryBound(to: CChar.self)))
      if bytes.elementsEqual(".".utf8) || bytes.elementsEqual("..".utf8) { continue }
      try body(FileName(bytes: bytes))
    }
    if errno != 0 { throw FileFault(errno: errno, "Cannot list", directory) }
  }

  public func info(_ path: FilePath) throws(FileFault) -> FileInfo? {
    do {
      return try info(step("Cannot examine", path))
    } catch {
      if error.kind == .missing { return nil }
      throw error
    }
  }

  public func linkTarget(of path: FilePath) throws(FileFault) -> FilePath? {
    let step = try step("Cannot examine", path)
    var text = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    let (count, failure) = step.attempted { readlinkat($0, $1, &text, text.count - 1) }
    if failure == EINVAL || failure == ENOENT { return nil }
    if let failure { throw step.fault(failure, "Cannot examine") }
    text[count] = 0
    return FilePath(platformString: text)
  }

  public func open(_ path: FilePath) throws(FileFault) -> any ReadableFile {
    let file = try openRegular(path)
    posix_fadvise(file.number, 0, 0, POSIX_FADV_SEQUENTIAL)
    return file
  }

  public func keepOpen(_ path: FilePath) throws(FileFault) -> any KeptFile { try openRegular(path) }

  public func create(_ path: FilePath, mode: AccessMode) throws(FileFault) -> any WritableFile {
    try createFile(path, mode: mode)
  }

  public func append(to path: FilePath) throws(FileFault) -> any WritableFile {
    try regular(path, O_WRONLY | O_APPEND)
  }

  public func makeDirectory(_ path: FilePath, mode: AccessMode) throws(FileFault) {
    let step = try step("Cannot create directory", path)
    try step.demand("Cannot create directory") { mkdirat($0, $1, mode_t(mode.rawValue)) }
    // The umask took bits away.
    try Descriptor("Cannot set the mode of", step, O_RDONLY | O_DIRECTORY).setMode(mode)
  }

  public func link(_ path: FilePath, as twin: FilePath) throws(FileFault) {
    let one = try step("Cannot link", path)
    let other = try step("Cannot link \(path.shown) as", twin)
    let failure = LastStep.both(one, other) { linkat($0, $1, $2, $3, 0) }
    guard let failure else { return }
    let place = ErrnoMap.kind(failure) == .missing ? path : twin
    throw FileFault(errno: failure, "Cannot link \(path.shown) as", place)
  }

  public func copy(_ path: FilePath, to target: FilePath, mode: AccessMode) throws(FileFault) {
    let source = try openRegular(path)
    let file = try createFile(target, mode: mode)
    if cl_clone(source.number, file.number) == 0 { return }
    posix_fadvise(source.number, 0, 0, POSIX_FADV_SEQUENTIAL)
    try source.copyRest(to: file, progress)
  }

  public func move(_ path: FilePath, to target: FilePath) throws(FileFault) {
    let from = try step("Cannot move", path)
    let to = try step("Cannot move \(path.shown) to", target)
    var failure = LastStep.both(from, to, cl_rename_exclusive)
    // A file system that cannot rename exclusively says EINVAL, an old kernel ENOSYS.
    if failure == EINVAL || failure == ENOSYS { failure = try moveChecked(from, to: to) }
    if let failure { throw FileFault(errno: failure, "Cannot move \(path.shown) to", target) }
  }

  public func replace(_ path: FilePath, with new: FilePath) throws(FileFault) {
    let from = try step("Cannot move", new)
    let to = try step("Cannot move \(new.shown) over", path)
    let failure = LastStep.both(from, to) { renameat($0, $1, $2, $3) }
    if let failure { throw FileFault(errno: failure, "Cannot move \(new.shown) over", path) }
  }

  public func truncate(
    _ path: FilePath, to size: UInt64, inode: UInt64, expected: UInt64
  ) throws(FileFault) -> Truncation? {
    let file = try descriptor("Cannot cut off", path, O_WRONLY)
    return try file.truncate(to: size, inode: inode, expected: expected)
  }

  public func remove(_ path: FilePath) throws(FileFault) {
    let step = try step("Cannot remove", path)
    let (_, failure) = step.attempted { unlinkat($0, $1, 0) }
    if failure == EISDIR {
      try step.demand("Cannot remove directory") { unlinkat($0, $1, AT_REMOVEDIR) }
    } else if let failure {
      throw step.fault(failure, "Cannot remove")
    }
  }

  public func writers(of path: FilePath) throws(FileFault) -> Writers {
    let file: Descriptor
    do {
      file = try openRegular(path)
    } catch {
      if error.kind == .denied { return .unknown }
      throw error
    }
    return try file.writers()
  }

  public func freeBytes(at path: FilePath) throws(FileFault) -> UInt64 {
    var space = statvfs()
    let step = try step("Cannot ask for the free space at", path)
    if step.isGuarded {
      try step.demand("Cannot ask for the free space at") { cl_space($0, $1, &space) }
    } else {
      try demand("Cannot ask for the free space at", path) { statvfs($0, &space) }
    }
    return UInt64(space.f_bavail) * UInt64(space.f_frsize)
  }

  public func mayWrite(in directory: FilePath) -> Bool {
    guard let step = try? step("Cannot ask for rights in", directory) else { return false }
    let failure =
      step.isGuarded
      ? step.attempted(cl_may_write).failure
      : step.attempted { faccessat($0, $1, W_OK | X_OK, AT_EACCESS) }.failure
    return failure != EACCES && (failure != ELOOP || !step.isGuarded)
  }

  public func set(mode: AccessMode, owner: UInt32?, group: UInt32?, of path: FilePath) throws(FileFault) {
    let file = try descriptor("Cannot open", path, O_RDONLY)
    // Owner first: a change of owner may take mode bits away.
    if owner != nil || group != nil { try file.setOwner(owner, group: group) }
    try file.setMode(mode)
  }
}

extension LinuxFiles {
  func step(_ what: @autoclosure () -> String, _ path: FilePath) throws(FileFault) -> LastStep {
    try LastStep(what(), path, roots)
  }

  func descriptor(
    _ what: String, _ path: FilePath, _ flags: Int32, mode: AccessMode? = nil
  ) throws(FileFault) -> Descriptor {
    try Descriptor(what, step(what, path), flags, mode: mode)
  }

  private func info(_ step: borrowing LastStep) throws(FileFault) -> FileInfo {
    var raw = cl_info()
    try step.demand("Cannot examine") { cl_info_at($0, $1, 0, &raw) }
    return FileInfo(raw)
  }

  private func openStream(_ directory: FilePath) throws(FileFault) -> OpaquePointer {
    let step = try step("Cannot list", directory)
    guard step.isGuarded else {
      let (stream, failure) = directory.withPlatformString { (text) -> (OpaquePointer?, Int32) in (opendir(text), errno)
      }
      guard let stream else { throw FileFault(errno: failure, "Cannot list", directory) }
      return stream
    }
    let folder = try step.demand("Cannot list") { cl_open_folder($0, $1, O_RDONLY) }
    if let stream = fdopendir(folder) { return stream }
    let failure = errno
    close(folder)
    throw step.fault(failure, "Cannot list")
  }

  private func openRegular(_ path: FilePath) throws(FileFault) -> Descriptor { try regular(path, O_RDONLY) }

  private func regular(_ path: FilePath, _ flags: Int32) throws(FileFault) -> Descriptor {
    let file = try descriptor("Cannot open", path, flags)
    guard try file.info().kind == .file else {
      throw FileFault(.damaged, "Cannot open", at: path, why: "not a regular file")
    }
    return file
  }

  private func createFile(_ path: FilePath, mode: AccessMode) throws(FileFault) -> Descriptor {
    let file = try descriptor("Cannot create", path, O_WRONLY | O_CREAT | O_EXCL, mode: mode)
    // The umask took bits away.
    try file.setMode(mode)
    return file
  }

  /// Where the kernel cannot rename exclusively: a second name, then the first goes. Between the two both names are there; the
  /// next pass finds the thing at its target and its old name still to be removed. What cannot have a second name is renamed
  /// after a look: only there another process could slip in.
  private func moveChecked(_ from: borrowing LastStep, to: borrowing LastStep) throws(FileFault) -> Int32? {
    var raw = cl_info()
    let isThere = from.attempted { cl_info_at($0, $1, 0, &raw) }.failure == nil
    if !isThere || FileInfo(raw).kind != .directory {
      let failure = LastStep.both(from, to) { linkat($0, $1, $2, $3, 0) }
      guard let failure else { return from.attempted { unlinkat($0, $1, 0) }.failure }
      if failure != EPERM, failure != EOPNOTSUPP, failure != ENOSYS { return failure }
    }
    switch to.attempted({ cl_info_at($0, $1, 0, &raw) }).failure {
    case nil: return EEXIST
    case ENOENT: return LastStep.both(from, to) { renameat($0, $1, $2, $3) }
    case let failure: return failure
    }
  }
}
