import CLinux
import Config
import Core
import Glibc

/// A secret that libcurl takes by path only: an unnamed file in memory, sealed, of this process alone. It never touches a disk,
/// and a killed agent leaves nothing behind.
final class SecretFile: Sendable {
  private let descriptor: Int32

  /// libcurl opens it anew, and from its beginning, for each connection.
  var path: String { "/proc/self/fd/\(descriptor)" }

  init(_ text: String) throws(StoreFault) {
    // A credential is read without the newline at its end, which keys have.
    let bytes = Array((text.hasSuffix("\n") ? text : text + "\n").utf8)
    descriptor = cl_secret_file(bytes, bytes.count)
    guard descriptor >= 0 else {
      throw StoreFault(
        .unreachable, "Cannot keep", at: "the private key",
        why: "no file in memory: \(String(cString: strerror(errno)))")
    }
  }

  deinit { close(descriptor) }
}
