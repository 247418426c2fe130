internal import Core
internal import Glibc
internal import SystemPackage

/// The one place that turns the kernel's error numbers into faults.
enum ErrnoMap {
  static func kind(_ code: Int32) -> FileKind {
    switch code {
    case ENOENT, ENOTDIR: .missing
    case EEXIST, ENOTEMPTY: .exists
    // A name that does not fit is refused however often it is tried.
    case EACCES, EPERM, EROFS, ENAMETOOLONG: .denied
    case ENOSPC, EDQUOT: .full
    case EXDEV: .crossDevice
    case EMFILE, ENFILE, ENOMEM, ENOBUFS, ENOLCK: .exhausted
    default: .io
    }
  }

  /// `Permission denied (EACCES)`
  static func why(_ code: Int32) -> String {
    let text = String(cString: strerror(code))
    return names[code].map { "\(text) (\($0))" } ?? "\(text) (errno \(code))"
  }

  static func remedy(_ code: Int32) -> String? {
    switch code {
    case EACCES: "Check owner, group and mode of it and of the folders above it"
    case EPERM: "Check its owner; where that is right, lsattr shows whether it is immutable (chattr -i ends that)"
    case EROFS: "Mount it writable, or add it to ReadWritePaths of the unit"
    case ENOSPC: "Free space on this file system"
    case EDQUOT: "Raise the user's disk quota or free space"
    case EMFILE, ENFILE: "Raise the limit of open files (LimitNOFILE of the unit)"
    case ENOMEM: "Give the machine, or the unit (MemoryMax), more memory"
    case ENAMETOOLONG: "Use a shorter name"
    case ELOOP: "Give the real path: a symbolic link is not followed here"
    default: nil
    }
  }

  private static let names: [Int32: String] = [
    ENOENT: "ENOENT", ENOTDIR: "ENOTDIR", EEXIST: "EEXIST", ENOTEMPTY: "ENOTEMPTY", EACCES: "EACCES", EPERM: "EPERM",
    EROFS: "EROFS", ENOSPC: "ENOSPC", EDQUOT: "EDQUOT", EXDEV: "EXDEV", EIO: "EIO", EINVAL: "EINVAL", EISDIR: "EISDIR",
    ELOOP: "ELOOP", EMFILE: "EMFILE", ENFILE: "ENFILE", EMLINK: "EMLINK", ENAMETOOLONG: "ENAMETOOLONG",
    EAGAIN: "EAGAIN",
    EBUSY: "EBUSY", EFBIG: "EFBIG", ETXTBSY: "ETXTBSY", ESTALE: "ESTALE", ENXIO: "ENXIO", ENODEV: "ENODEV",
    ENOMEM: "ENOMEM", ENOSYS: "ENOSYS", EOPNOTSUPP: "EOPNOTSUPP", EBADF: "EBADF", EINTR: "EINTR",
  ]
}

extension Fault<FileKind> {
  init(errno code: Int32, _ what: String, _ path: FilePath) {
    self.init(ErrnoMap.kind(code), what, at: path, why: ErrnoMap.why(code), remedy: ErrnoMap.remedy(code))
  }
}

/// Repeats a call that a signal interrupted. Nil where it worked out, else the error number.
func attempt<Result: SignedInteger>(_ call: () -> Result) -> (result: Result, failure: Int32?) {
  while true {
    let result = call()
    if result >= 0 { return (result, nil) }
    let code = errno
    if code != EINTR { return (result, code) }
  }
}

@discardableResult
func demand<Result: SignedInteger>(
  _ what: String, _ path: FilePath, _ call: (UnsafePointer<CChar>) -> Result
) throws(FileFault) -> Result {
  let (result, failure) = path.withPlatformString { text in attempt { call(text) } }
  if let failure { throw FileFault(errno: failure, what, path) }
  return result
}
