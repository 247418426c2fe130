public import Config
public import Core
public import Lanes

/// Takes the encryption off what arrives. GnuPG does it for the agent; see `GnuPG`.
public protocol Decrypter: Sendable {
  /// A ring that holds the feed's key, until it is closed.
  /// - Parameter turn: the feed's; others have its place while a program is waited for.
  /// - Throws: where the key cannot be used at all, whatever it is used for. `.hung`: it is not to be tried again soon.
  func open(_ settings: FeedSettings.Decrypt, of feed: FeedName, _ turn: Turn) throws(FileFault) -> any KeyRing

  /// Removes what a process that was killed left of a ring.
  func sweep() throws(FileFault)
}

/// One feed's key, ready for use. One thread at a time.
public protocol KeyRing: AnyObject {
  /// Fills the buffer with the message's next bytes and says how many; 0 at its end.
  typealias Source = (UnsafeMutableRawBufferPointer) throws(FileFault) -> Int
  /// Takes clear text; false: it wants no more.
  typealias Sink = (UnsafeRawBufferPointer) throws(FileFault) -> Bool

  /// Memory does not grow with the message. What the sink was given counts for nothing before the answer is `.whole`: only its end
  /// tells whether a message was altered or cut off.
  func decrypt(from source: Source, stop: () -> Bool, to sink: Sink) throws(FileFault) -> Decryption

  /// Ends what runs for it and removes the key. May be said again.
  func close()
}

public enum Decryption: Hashable, Sendable {
  /// All of it, and its integrity is proved.
  case whole
  /// The sink wanted no more.
  case enough
  case stopped
  case refused(Reason)
}

/// The key ring of the feed that is being worked on: one at a time, opened when the first encrypted part is met.
final class KeyRingCache {
  let decrypter: any Decrypter
  private let now: () -> Duration
  private var open: (feed: FeedName, ring: any KeyRing)?
  /// It hung, and is left alone until then: a hang costs a minute, and there may be many parts.
  private var rest: (fault: FileFault, until: Duration, pause: Duration)?

  init(_ decrypter: any Decrypter, now: @escaping () -> Duration = SystemClock.uptime) {
    (self.decrypter, self.now) = (decrypter, now)
  }

  /// - Parameter body: works with the feed's ring.
  func using<Result>(
    _ feed: FeedName, _ settings: FeedSettings.Decrypt, _ turn: Turn,
    _ body: (any KeyRing) throws(FileFault) -> Result
  ) throws(FileFault) -> Result {
    if let rest, now() < rest.until { throw rest.fault }
    do throws(FileFault) {
      let result = try body(try ring(of: feed, settings, turn))
      rest = nil
      return result
    } catch {
      if error.kind == .hung {
        let pause = min(rest.map { $0.pause * 2 } ?? Limits.gpgRest, Limits.gpgLongestRest)
        rest = (error, now() + pause, pause)
        close()
      }
      throw error
    }
  }

  private func ring(
    of feed: FeedName, _ settings: FeedSettings.Decrypt, _ turn: Turn
  ) throws(FileFault) -> any KeyRing {
    if let open, open.feed == feed { return open.ring }
    close()
    let ring = try decrypter.open(settings, of: feed, turn)
    open = (feed, ring)
    return ring
  }

  func close() {
    open?.ring.close()
    open = nil
  }
}
