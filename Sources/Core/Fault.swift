/// The one error shape: code branches on `kind`, people read the rest.
public struct Fault<Kind: Hashable & Sendable>: Error, CustomStringConvertible {
  public let kind: Kind
  /// What failed, as the start of a sentence: "Cannot read the log".
  public let what: String
  /// Where: a path, a key, a store. Never a row value, an address or a secret.
  public let place: String
  /// Why, in the words of whoever refused: "Permission denied (EACCES)".
  public let why: String
  /// What the reader can do now.
  public let remedy: String?
  /// The path that it is about, as the kernel knows it: code compares this, never the words. Nil where it is about no path.
  public let path: [UInt8]?

  public init(
    _ kind: Kind, _ what: String, at place: String, why: String = "", remedy: String? = nil, path: [UInt8]? = nil
  ) {
    self.path = path
    self.kind = kind
    self.what = what
    self.place = place
    self.why = why
    self.remedy = remedy
  }

  /// What failed, where and why, without what to do.
  public var sentence: String { "\(what) \(place)\(why.isEmpty ? "" : ": \(why)")" }

  public var description: String {
    let said = sentence
    guard let remedy, !remedy.isEmpty else { return said }
    // A sentence of somebody else's may end in a full stop already, as those of libcurl and of services do.
    return said.hasSuffix(".") ? "\(said) \(remedy)" : "\(said). \(remedy)"
  }
}

public enum FileKind: Hashable, Sendable, CaseIterable {
  case missing, exists, denied, full, crossDevice
  /// What is read is not what it should be: to read it again would not help.
  case damaged
  /// The disk failed, and may not fail again.
  case io
  /// A program that is needed neither reads nor writes: to ask again soon would take as long.
  case hung
  /// This process or machine has too little of something (descriptors, memory): it says nothing of the file that was met.
  case exhausted
}

/// What a store's refusal means for the batch. Retry: `unreachable`, `throttled`, `full`. Pause the store: `untrusted`,
/// `expired`, `denied`, `wrongPlace`, `unproven`. Try this batch again, less and less often: `forbidden`. Hold the batch: `refused`, `mismatch`.
public enum StoreKind: Hashable, Sendable {
  case unreachable
  /// The store asked for a pause; milliseconds where it said how long.
  case throttled(afterMilliseconds: Int64?)
  case untrusted, expired, denied, full, refused
  /// Nobody has shown yet that the store refuses to replace an object.
  case unproven
  /// What answers is not the store that was meant, or has no such bucket or container: the address must be corrected, not the keys.
  case wrongPlace
  /// The keys are good and have no right to write this object; others may pass, and a right may come back.
  case forbidden
  /// The key holds other content than ours, or the store's digest differs from ours.
  case mismatch
}

public enum LedgerKind: Hashable, Sendable, CaseIterable {
  case damaged, busy, full, denied, io, newer
  /// A store holds what a later state of it has sent.
  case older
}

public typealias FileFault = Fault<FileKind>
public typealias StoreFault = Fault<StoreKind>
public typealias LedgerFault = Fault<LedgerKind>
