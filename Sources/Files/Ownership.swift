internal import CLinux
public import Core
internal import Glibc
internal import SystemPackage

/// Who this process is.
public enum Ownership {
  /// For good: real, effective and saved, with that user's groups, and without any capability.
  /// - Throws: where the process may not.
  public static func become(user: UInt32, group: UInt32) throws(FileFault) {
    let name = getpwuid(user).flatMap { $0.pointee.pw_name }.map { String(cString: $0) }
    guard cl_become(user, group, name) == 0, setuid(0) != 0 else {
      throw FileFault(errno: errno, "Cannot become user \(user)", FilePath())
    }
  }
}
