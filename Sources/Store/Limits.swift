public import Core

/// Every number that bounds calls to any store, with its reason; all are listed in `docs/state-folder.md`.
extension Limits {
  /// A store that was away, or busy: asked again after this, then twice as long each time.
  static let retryBase: Duration = .seconds(1)

  /// No later, at first: it is asked by one transfer at a time, so asking often costs little, and finds within
  /// seconds that it is back.
  static let retryCap: Duration = .seconds(3)

  /// After so many attempts, some five minutes, it is asked less often.
  static let retryMany = 150

  /// The longest wait then.
  static let retryLateCap: Duration = .seconds(30)

  /// A store that rejects the request is asked again after this: a person must act, so asking often helps nobody.
  static let refusedBase: Duration = .seconds(30)

  /// No later: what a person has mended goes on by itself.
  static let refusedCap: Duration = .seconds(900)

  /// A disk that is full, a folder that is missing: looked at again after this.
  static let laneBase: Duration = .seconds(2)

  /// No later.
  static let laneCap: Duration = .seconds(60)

  /// Milliseconds: chance makes no wait shorter.
  static let shortestBackoff: Int64 = 500

  /// Bytes that a host or a schema may take in a key.
  static let keyValueBytes = 64

  /// Between two attempts to make a store that could not be made.
  static let remakePause: Duration = .seconds(5)

  /// Between a call to a store being broken off and being left behind.
  public static let callGrace: Duration = .seconds(10)

  /// Digits of a header's digest in the keys of its batches: two headers of one stream that share them are not met in ten thousand years.
  static let keyMarkDigits = 8
}
