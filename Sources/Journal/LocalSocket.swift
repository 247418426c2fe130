internal import CLinux
private import Glibc

/// Single messages to a local service that listens on a socket of the file system, or of the abstract namespace (`@name`).
final class LocalSocket: Sendable {
  private let name: String
  private let descriptor: Int32

  init(_ name: String) {
    self.name = name
    descriptor = cl_datagram_socket()
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  enum Answer { case sent, tooLarge, failed }

  /// Waits a second at most where nobody reads.
  func send(_ bytes: [UInt8], passing file: Int32 = -1) -> Answer {
    guard descriptor >= 0 else { return .failed }
    let answer = bytes.withUnsafeBufferPointer {
      cl_send_datagram(descriptor, name, UnsafeRawPointer($0.baseAddress), $0.count, file)
    }
    if answer == 0 { return .sent }
    return errno == EMSGSIZE || errno == ENOBUFS ? .tooLarge : .failed
  }

  /// The same as a file in memory, which has no limit: what the journal takes for large entries.
  func sendAsFile(_ bytes: [UInt8]) -> Bool {
    let file = bytes.withUnsafeBytes { cl_secret_file($0.baseAddress, $0.count) }
    guard file >= 0 else { return false }
    defer { close(file) }
    return send([], passing: file) == .sent
  }
}
