internal import CLinux
public import Core
internal import Glibc
public import SystemPackage

/// The disk itself.
public struct LinuxFiles: Files {
  private let progress: @Sendable () -> Void

  /// - Parameter progress: told again and again while a long copy goes on. On the caller's thread; must be quick.
  public init(progress: @escaping @Sendable () -> Void = {}) { self.progress = progress }

  public func list(_ directory: FilePath) throws(FileFault) -> [FileName] {
    var names: [FileName] = []
    try eachName(in: directory) { (name) throws(FileFault) in names.append(name) }
    return names.sorted()
  }

  public func eachName(
    in directory: FilePath, _ body: (FileName) throws(FileFault) -> Void
  ) throws(FileFault) {
    let (stream, failure) = directory.withPlatformString { (text) -> (OpaquePointer?, Int32) in (opendir(text), errno) }
    guard let stream else { throw FileFault(errno: failure, "Cannot list", directory) }
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
    var raw = cl_info()
    let failure = path.withPlatformString { text in attempt { cl_info_at(text, 0, &raw) }.failure }
    guard let failure else { return FileInfo(raw) }
    if ErrnoMap.kind(failure) == .missing { return nil }
    throw FileFault(errno: failure, "Cannot examine", path)
  }

  public func open(_ path: FilePath) throws(FileFault) -> any ReadableFile {
    let file = try openRegular(path)
    posix_fadvise(file.number, 0, 0, POSIX_FADV_SEQUENTIAL)
    return file
  }

  public func create(_ path: FilePath, mode: AccessMode) throws(FileFault) -> any WritableFile {
    try createFile(path, mode: mode)
  }

  public func makeDirectory(_ path: FilePath, mode: AccessMode) throws(FileFault) {
    try demand("Cannot create directory", path) { mkdir($0, mode_t(mode.rawValue)) }
    // The umask took bits away.
    try Descriptor("Cannot set the mode of", path, O_RDONLY | O_DIRECTORY).setMode(mode)
  }

  public func link(_ path: FilePath, as twin: FilePath) throws(FileFault) {
    let failure = twoPaths(path, twin) { linkat(AT_FDCWD, $0, AT_FDCWD, $1, 0) }
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
    var failure = twoPaths(path, target, cl_rename_exclusive)
    // A file system that cannot rename exclusively says EINVAL, an old kernel ENOSYS.
    if failure == EINVAL || failure == ENOSYS { failure = try moveChecked(path, to: target) }
    if let failure { throw FileFault(errno: failure, "Cannot move \(path.shown) to", target) }
  }

  public func replace(_ path: FilePath, with new: FilePath) throws(FileFault) {
    let failure = twoPaths(new, path) { rename($0, $1) }
    if let failure { throw FileFault(errno: failure, "Cannot move \(new.shown) over", path) }
  }

  public func truncate(
    _ path: FilePath, to size: UInt64, inode: UInt64, expected: UInt64
  ) throws(FileFault) -> Truncation? {
    let file = try Descriptor("Cannot cut off", path, O_WRONLY)
    return try file.truncate(to: size, inode: inode, expected: expected)
  }

  public func remove(_ path: FilePath) throws(FileFault) {
    let (_, failure) = path.withPlatformString { text in attempt { unlink(text) } }
    if failure == EISDIR {
      try demand("Cannot remove directory", path) { rmdir($0) }
    } else if let failure {
      throw FileFault(errno: failure, "Cannot remove", path)
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
    guard let failure = attempt({ cl_probe_lease(file.number) }).failure else { return .none }
    // NFS answers EAGAIN where it merely has no delegation.
    if failure == EAGAIN, FileSystem.type(at: path)?.isRemote != true { return .some }
    return .unknown
  }

  public func freeBytes(at path: FilePath) throws(FileFault) -> UInt64 {
    var space = statvfs()
    try demand("Cannot ask for the free space at", path) { statvfs($0, &space) }
    return UInt64(space.f_bavail) * UInt64(space.f_frsize)
  }

  public func mayWrite(in directory: FilePath) -> Bool {
    directory.withPlatformString { faccessat(AT_FDCWD, $0, W_OK | X_OK, AT_EACCESS) } == 0 || errno != EACCES
  }

  public func set(mode: AccessMode, owner: UInt32?, group: UInt32?, of path: FilePath) throws(FileFault) {
    let file = try Descriptor("Cannot open", path, O_RDONLY)
    // Owner first: a change of owner may take mode bits away.
    if owner != nil || group != nil { try file.setOwner(owner, group: group) }
    try file.setMode(mode)
  }
}

extension LinuxFiles {
  private func openRegular(_ path: FilePath) throws(FileFault) -> Descriptor {
    let file = try Descriptor("Cannot open", path, O_RDONLY)
    guard try file.info().kind == .file else {
      throw FileFault(.io, "Cannot open", at: path, why: "not a regular file")
    }
    return file
  }

  private func createFile(_ path: FilePath, mode: AccessMode) throws(FileFault) -> Descriptor {
    let file = try Descriptor("Cannot create", path, O_WRONLY | O_CREAT | O_EXCL, mode: mode)
    // The umask took bits away.
    try file.setMode(mode)
    return file
  }

  /// Where the kernel cannot rename exclusively: a second name, then the first goes. Between the two both names are there; the
  /// next pass finds the thing at its target and its old name still to be removed. What cannot have a second name is renamed
  /// after a look: only there another process could slip in.
  private func moveChecked(_ path: FilePath, to target: FilePath) throws(FileFault) -> Int32? {
    if try info(path)?.kind != .directory {
      let failure = twoPaths(path, target) { linkat(AT_FDCWD, $0, AT_FDCWD, $1, 0) }
      guard let failure else { return path.withPlatformString { text in attempt { unlink(text) }.failure } }
      if failure != EPERM, failure != EOPNOTSUPP, failure != ENOSYS { return failure }
    }
    if try info(target) != nil { return EEXIST }
    return twoPaths(path, target) { rename($0, $1) }
  }

  private func twoPaths(
    _ a: FilePath, _ b: FilePath, _ call: (UnsafePointer<CChar>, UnsafePointer<CChar>) -> Int32
  ) -> Int32? {
    a.withPlatformString { a in b.withPlatformString { b in attempt { call(a, b) }.failure } }
  }
}
