internal import CLinux
internal import Core
internal import Glibc
internal import SystemPackage

/// An open file of the kernel's, closed when the last reference goes. It is both doors: nothing but the type at which it is handed
/// out says whether it may be read or written.
final class Descriptor: KeptFile, WritableFile {
  let number: Int32
  private let path: FilePath

  /// The flags that every open has: never inherited by a child, never through a link, never waiting for the other end of a FIFO.
  init(
    _ what: String, _ step: borrowing LastStep, _ flags: Int32, mode: AccessMode? = nil
  ) throws(FileFault) {
    let all = flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
    number = try step.demand(what) { openat($0, $1, all, mode_t(mode?.rawValue ?? 0) & 0o777) }
    path = step.path
  }

  deinit { close(number) }

  func info() throws(FileFault) -> FileInfo {
    var raw = cl_info()
    guard cl_info_of(number, &raw) == 0 else { throw FileFault(errno: errno, "Cannot examine", path) }
    return FileInfo(raw)
  }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(FileFault) -> Int {
    guard let start = Int(exactly: offset) else { throw FileFault(errno: EINVAL, "Cannot read", path) }
    return try checked("Cannot read") { pread(number, buffer.baseAddress, buffer.count, start) }
  }

  func writers() throws(FileFault) -> Writers {
    // What other machines write, or the process behind FUSE, this kernel does not know; and NFS answers EAGAIN where it merely has no
    // delegation.
    if FileSystem.type(of: self)?.isRemote != false { return .unknown }
    guard let failure = attempt({ cl_probe_lease(number) }).failure else { return .none }
    return failure == EAGAIN ? .some : .unknown
  }

  func nextData(from offset: UInt64) -> UInt64? {
    guard let start = off_t(exactly: offset) else { return nil }
    let (place, failure) = attempt { cl_next_data(number, Int64(start)) }
    // Not every file system can tell.
    guard let failure else { return UInt64(place) }
    return failure == ENXIO ? nil : offset
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(FileFault) {
    var done = 0
    while done < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
      done += try checked("Cannot write") { Glibc.write(number, rest.baseAddress, rest.count) }
    }
  }

  /// From where both files stand to the end of this one.
  func copyRest(to target: Descriptor, _ progress: () -> Void) throws(FileFault) {
    // The kernel moves what it can by itself. Whatever it refuses, or wrongly takes for the end (pseudo files), the loop moves.
    while attempt({ cl_copy_range(number, target.number, Limits.kernelCopyBytes) }).result > 0 { progress() }
    try withUnsafeTemporaryAllocation(byteCount: Limits.copyBytes, alignment: 4096) { (buffer) throws(FileFault) in
      while true {
        let count = try checked("Cannot read") { Glibc.read(number, buffer.baseAddress, buffer.count) }
        if count == 0 { return }
        try target.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        progress()
      }
    }
  }

  func truncate(to size: UInt64, inode: UInt64, expected: UInt64) throws(FileFault) -> Truncation? {
    guard let length = off_t(exactly: size) else { throw FileFault(errno: EINVAL, "Cannot cut off", path) }
    let began = SystemClock.uptime()
    let before = try info()
    guard before.kind == .file, before.inode == inode, before.size == expected, size <= expected else { return nil }
    _ = try checked("Cannot cut off") { Int(ftruncate(number, length)) }
    return Truncation(window: SystemClock.uptime() - began, size: try info().size)
  }

  func setMode(_ mode: AccessMode) throws(FileFault) {
    _ = try checked("Cannot set the mode of") { Int(fchmod(number, mode_t(mode.rawValue))) }
  }

  func setOwner(_ owner: UInt32?, group: UInt32?) throws(FileFault) {
    _ = try checked("Cannot set the owner of") { Int(fchown(number, owner ?? .max, group ?? .max)) }
  }

  func checked(_ what: String, _ call: () -> Int) throws(FileFault) -> Int {
    let (result, failure) = attempt(call)
    if let failure { throw FileFault(errno: failure, what, path) }
    return result
  }
}

extension FileInfo {
  init(_ raw: cl_info) {
    let kind: Kind =
      switch raw.mode & S_IFMT {
      case S_IFREG: .file
      case S_IFDIR: .directory
      case S_IFLNK: .link
      default: .other
      }
    self.init(
      kind: kind, size: raw.size, device: raw.device, inode: raw.inode, links: raw.links,
      mode: AccessMode(rawValue: raw.mode), owner: raw.owner, group: raw.group, modified: raw.modified_ns,
      changed: raw.changed_ns, born: raw.born_ns < 0 ? nil : raw.born_ns)
  }
}
