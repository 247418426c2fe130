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

  public var description: String {
    let reason = why.isEmpty ? "" : ": \(why)"
    let advice = remedy.map { ". \($0)" } ?? ""
    return "\(what) \(place)\(reason)\(advice)"
  }
}

public enum FileKind: Hashable, Sendable {
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
/// `expired`, `denied`. Hold the batch: `refused`, `mismatch`.
public enum StoreKind: Hashable, Sendable {
  case unreachable
  /// The store asked for a pause; milliseconds where it said how long.
  case throttled(afterMilliseconds: Int64?)
  case untrusted, expired, denied, full, refused
  /// The key holds other content than ours, or the store's digest differs from ours.
  case mismatch
}

public enum LedgerKind: Hashable, Sendable {
  case damaged, busy, full, denied, io, newer
  /// A store holds what a later state of it has sent.
  case older
}

public typealias FileFault = Fault<FileKind>
public typealias StoreFault = Fault<StoreKind>
public typealias LedgerFault = Fault<LedgerKind>
