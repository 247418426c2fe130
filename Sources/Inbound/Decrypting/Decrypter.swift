public import Config
public import Core

/// Takes the encryption off what arrives. GnuPG does it for the agent; see `GnuPG`.
public protocol Decrypter: Sendable {
  /// A ring that holds the feed's key, until it is closed.
  /// - Throws: where the key cannot be used at all, whatever it is used for.
  func open(_ settings: FeedSettings.Decrypt, of feed: FeedName) throws(FileFault) -> any KeyRing

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
  private var open: (feed: FeedName, ring: any KeyRing)?

  init(_ decrypter: any Decrypter) { self.decrypter = decrypter }

  func ring(of feed: FeedName, _ settings: FeedSettings.Decrypt) throws(FileFault) -> any KeyRing {
    if let open, open.feed == feed { return open.ring }
    close()
    let ring = try decrypter.open(settings, of: feed)
    open = (feed, ring)
    return ring
  }

  func close() {
    open?.ring.close()
    open = nil
  }
}
