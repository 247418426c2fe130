import Files
private import Glibc
public import SystemPackage

/// A folder of the test's own on a real disk, removed with all that is in it when the last reference goes.
public final class TemporaryFolder: Sendable {
  public let path: FilePath

  /// `below`: on which file system; `/tmp` and `/dev/shm` are often two.
  public init(below parent: String = "/tmp") throws {
    var template = Array("\(parent)/navette-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
    path = FilePath(platformString: template)
  }

  deinit { TemporaryFolder.clear(path) }

  private static func clear(_ path: FilePath) {
    let files = LinuxFiles()
    if (try? files.info(path))?.kind == .directory {
      for name in (try? files.list(path)) ?? [] { clear(path.appending(name)) }
    }
    try? files.remove(path)
  }
}
