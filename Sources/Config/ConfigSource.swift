public import Core
import Glibc
public import SystemPackage

/// Where the reader takes files from: the disk, or a test's own answers.
public struct ConfigSource: Sendable {
  /// The whole file; refuses one of more bytes than the second argument says. The fault's `why` holds nothing of the content.
  public var read: @Sendable (FilePath, Int) throws(FileFault) -> [UInt8]
  /// The names in a folder, in any order; empty where there is no such folder.
  public var list: @Sendable (FilePath) throws(FileFault) -> [String]

  public init(
    read: @escaping @Sendable (FilePath, Int) throws(FileFault) -> [UInt8],
    list: @escaping @Sendable (FilePath) throws(FileFault) -> [String]
  ) {
    self.read = read
    self.list = list
  }

  public static var disk: ConfigSource {
    ConfigSource(
      read: { (path, limit) throws(FileFault) in try readFile(path, limit) },
      list: { (path) throws(FileFault) in try listFolder(path) })
  }

  private static func readFile(_ path: FilePath, _ limit: Int) throws(FileFault) -> [UInt8] {
    let descriptor = path.withPlatformString { open($0, O_RDONLY | O_CLOEXEC) }
    guard descriptor >= 0 else { throw fault(path) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: Limits.configChunk)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw fault(path) }
      if count == 0 { return bytes }
      bytes += chunk[..<count]
      guard bytes.count <= limit else {
        throw FileFault(.io, "Cannot read", at: path.string, why: "it has more than \(limit >> 10) KiB")
      }
    }
  }

  private static func listFolder(_ path: FilePath) throws(FileFault) -> [String] {
    guard let folder = path.withPlatformString({ opendir($0) }) else {
      if errno == ENOENT { return [] }
      throw fault(path)
    }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      names.append(name)
    }
    return names
  }

  private static func fault(_ path: FilePath) -> FileFault {
    let code = errno
    let kind: FileKind = code == ENOENT ? .missing : code == EACCES || code == EPERM ? .denied : .io
    return FileFault(kind, "Cannot read", at: path.string, why: SystemReason.text(code))
  }
}

enum SystemReason {
  /// The kernel's words for an error number: `Permission denied`.
  static func text(_ code: Int32) -> String { Errno(rawValue: code).description }
}
