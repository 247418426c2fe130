import CLinux
import Glibc
import SystemPackage

/// What the kernel says about paths. Tests put their own answer for the type of the file system.
struct Environment {
  var fileSystemType: @Sendable (FilePath) -> Int = { path in
    path.withPlatformString { Int(cl_file_system_type($0)) }
  }

  /// Where programs are looked for.
  var path = getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"

  /// For the questions that mode bits alone do not answer.
  var effectiveUser = geteuid()

  init() {}

  func fileSystemType(of path: FilePath) -> Int { fileSystemType(path) }

  /// Magic numbers of statfs(2), `linux/magic.h`: SQLite's shared memory and locks need one machine.
  static let networkTypes: [Int: String] = [0x6969: "NFS", 0xff53_4d42: "CIFS", 0xfe53_4d42: "SMB"]

  enum Kind {
    case folder, file, other
    var words: String {
      switch self {
      case .folder: "a folder"
      case .file: "a file"
      case .other: "neither file nor folder"
      }
    }
  }

  /// Of what a link points to; nil where there is nothing.
  func kind(of path: FilePath) -> Kind? {
    guard let info = info(path) else { return nil }
    switch info.mode & UInt32(S_IFMT) {
    case UInt32(S_IFDIR): return .folder
    case UInt32(S_IFREG): return .file
    default: return .other
    }
  }

  /// For the effective user; root may everything but what a read-only file system refuses.
  func allows(_ path: FilePath, _ rights: Int32) -> Bool {
    path.withPlatformString { faccessat(AT_FDCWD, $0, rights, AT_EACCESS) } == 0
  }

  /// Only the owner of a file, or of the folder, may rename in it.
  func isSticky(_ path: FilePath) -> Bool {
    guard let info = info(path), info.mode & UInt32(S_ISVTX) != 0 else { return false }
    return effectiveUser != 0 && effectiveUser != info.owner
  }

  func isDangling(_ path: FilePath) -> Bool {
    var info = cl_info()
    return path.withPlatformString { cl_info_at(AT_FDCWD, $0, 0, &info) } == 0 && self.info(path) == nil
  }

  func isLink(_ path: FilePath) -> Bool {
    var info = cl_info()
    return path.withPlatformString { cl_info_at(AT_FDCWD, $0, 0, &info) } == 0
      && info.mode & UInt32(S_IFMT) == UInt32(S_IFLNK)
  }

  func ownership(_ path: FilePath) -> Ownership? {
    info(path).map {
      Ownership(owner: $0.owner, group: $0.group, setsGroup: $0.mode & UInt32(S_ISGID) != 0)
    }
  }

  struct Identity: Hashable {
    let device, inode: UInt64
  }

  func identity(_ path: FilePath) -> Identity? {
    info(path).map { Identity(device: $0.device, inode: $0.inode) }
  }

  /// The nearest folder at or above the path that is there.
  func nearest(_ path: FilePath) -> FilePath {
    var path = path
    while kind(of: path) == nil, path.removeLastComponent() {}
    return path
  }

  /// With all links followed; what is not there yet is kept as it is named.
  func resolved(_ path: FilePath) -> FilePath {
    let there = nearest(path)
    guard let real = there.withPlatformString({ realpath($0, nil) }) else { return path }
    defer { free(real) }
    var result = FilePath(platformString: real)
    for component in path.components.dropFirst(there.components.count) { result.append(component) }
    return result
  }

  /// Whether a program of that name could be run.
  func hasProgram(_ name: String) -> Bool {
    path.split(separator: ":").contains { folder in
      let file = FilePath(String(folder)).appending(name)
      return kind(of: file) == .file && allows(file, X_OK)
    }
  }

  func names(in folder: FilePath) -> [String] { (try? ConfigSource.disk.list(folder)) ?? [] }

  /// The name of the effective user, as the system knows it; its number where it has none.
  var user: String {
    let id = effectiveUser
    var buffer = [CChar](repeating: 0, count: 4_096)
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    guard getpwuid_r(id, &entry, &buffer, buffer.count, &found) == 0, found != nil, let name = entry.pw_name else {
      return "user \(id)"
    }
    return String(cString: name)
  }

  private func info(_ path: FilePath) -> cl_info? {
    var info = cl_info()
    return path.withPlatformString { cl_info_at(AT_FDCWD, $0, 1, &info) } == 0 ? info : nil
  }
}
