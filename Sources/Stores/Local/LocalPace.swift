import Core
import Files
import Glibc
import Store
import SystemPackage
import Threads

/// One copy to or from a folder: it can be broken off between its chunks, and waits between them for `limits.bandwidth`, by whichever
/// thread copies.
final class LocalPace: Sendable {
  private let throttle: Throttle?
  private let isStopped = Locked(false)

  init(_ throttle: Throttle?) { self.throttle = throttle }

  /// Whoever waits for the copy has given it up.
  func stop() { isStopped.withLock { $0 = true } }

  /// Waits until so many bytes may have been copied.
  /// - Throws: where it was stopped.
  func pass(_ count: Int, _ path: FilePath) throws(FileFault) {
    var left = count
    while left > 0 {
      if isStopped.withLock({ $0 }) {
        throw FileFault(.io, "Cannot copy", at: path, why: "it was broken off", remedy: "It is tried again")
      }
      guard let (bytes, wait) = throttle?.take(left, at: SystemClock.now()) else { return }
      if wait > .zero { usleep(UInt32(clamping: wait.nanoseconds / 1_000)) }
      left -= bytes
      TransferWatch.current?.moved()
    }
  }
}
