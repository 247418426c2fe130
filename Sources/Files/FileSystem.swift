internal import CLinux
public import SystemPackage

/// What kind of file system a path lies on. Magic numbers: `linux/magic.h` and statfs(2).
public struct FileSystem: Hashable, Sendable {
  public let name: String
  /// Changes made on other machines (or by the process behind fuse) cause no event here, and leases don't tell.
  public let isRemote: Bool

  /// Nil where the kernel doesn't say: no such path, or no permission.
  public static func type(at path: FilePath) -> FileSystem? {
    FileSystem(magic: path.withPlatformString { cl_file_system_type($0) })
  }

  static func type(of file: Descriptor) -> FileSystem? { FileSystem(magic: cl_file_system_type_of(file.number)) }

  private init?(magic: Int) {
    guard magic != -1 else { return nil }
    // Some types are declared as signed 32-bit numbers.
    let known = Self.remote[UInt32(truncatingIfNeeded: magic)]
    (name, isRemote) = (known ?? "local", known != nil)
  }

  private static let remote: [UInt32: String] = [
    0x6969: "nfs", 0xff53_4d42: "cifs", 0xfe53_4d42: "smb2", 0x517b: "smb", 0x6573_5546: "fuse", 0x0102_1997: "9p",
    0x00c3_6400: "ceph", 0x5346_414f: "afs", 0x7375_7245: "coda", 0x0bd0_0bd0: "lustre", 0x0116_1970: "gfs2",
    0x7461_636f: "ocfs2",
  ]
}
