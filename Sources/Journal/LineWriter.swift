import Core
private import Glibc
import Threads

/// Whole lines to a descriptor, from any thread: a line is never cut by another one.
///
/// Never fails and never waits long. Where the reader is gone or does not read for a second, the line is lost, because
/// moving data matters more than talking about it; the next line then begins on a line of its own. The process must ignore
/// SIGPIPE, as the agent does.
public final class LineWriter: Sendable {
  public static let standardError = LineWriter(descriptor: 2)

  private let descriptor: Int32
  private let patience: Duration
  /// Whether the last line broke off in the middle.
  private let torn = Locked(false)

  /// The descriptor stays the caller's.
  public init(descriptor: Int32, patience: Duration = Limits.linePatience) {
    self.descriptor = descriptor
    self.patience = patience
  }

  /// `line` has no line break.
  public func write(_ line: String) {
    torn.withLock { torn in
      var bytes = Array(line.utf8)
      if torn { bytes.insert(UInt8(ascii: "\n"), at: 0) }
      bytes.append(UInt8(ascii: "\n"))
      let written = bytes.withUnsafeBytes { send($0) }
      if written == bytes.count {
        torn = false
      } else if written > 0 {
        torn = true
      }
    }
  }

  /// How many bytes went out.
  private func send(_ bytes: UnsafeRawBufferPointer) -> Int {
    var sent = 0
    while sent < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[sent...])
      let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
      if count >= 0 {
        sent += count
      } else if errno == EAGAIN {
        guard waitUntilWritable() else { return sent }
      } else if errno != EINTR {
        return sent
      }
    }
    return sent
  }

  private func waitUntilWritable() -> Bool {
    var look = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    let ready = poll(&look, 1, Int32(patience.milliseconds))
    return ready > 0 || (ready < 0 && errno == EINTR)
  }

  /// Whether the descriptor leads to the journal: systemd names its device and inode in `JOURNAL_STREAM` (systemd.exec(5)).
  public func isJournal(_ journalStream: String?) -> Bool {
    var found = stat()
    guard let journalStream, fstat(descriptor, &found) == 0 else { return false }
    return journalStream == "\(found.st_dev):\(found.st_ino)"
  }
}
