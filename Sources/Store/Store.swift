public import Core
public import SystemPackage
internal import Threads

/// A place for objects. An object is written once or not at all: nobody ever sees part of one, and nothing is overwritten.
///
/// Every call may be repeated. `create` at a key that holds the same bytes answers `.alreadyThere`; at one that holds other bytes,
/// it throws `.mismatch` and changes nothing. An empty file is `.refused`.
public protocol Store: Sendable {
  var traits: StoreTraits { get }
  /// On return the object is whole, visible and as durable as the store can make it.
  func create(_ file: StoredFile, at key: StoreKey) async throws(StoreFault) -> Receipt
  /// Nil where there is no such object.
  func stat(_ key: StoreKey) async throws(StoreFault) -> Receipt?
}

/// What `verify` and `pull` need.
public protocol StoreReader: Store {
  /// Every object whose key begins with the prefix (empty: all), in pages: `each` gets one page at a time, so memory does not grow.
  /// In the order of the keys' bytes where the service keeps to it: AWS and folders do, SeaweedFS lists `a/b` before `a-b`.
  func list(_ prefix: String, _ each: @escaping @Sendable ([ListedObject]) async throws -> Void) async throws
  /// The same, but a folder that cannot be listed for a reason of its own is passed over: `barred` is told of it, and of what lies below
  /// it nothing is said. Where a service has no folders, as `list` alone.
  /// - Parameter depth: folders are not looked into that lie deeper below that of the prefix; 0: that one alone.
  func list(
    _ prefix: String, depth: Int, barred: @escaping @Sendable (BarredFolder) -> Void,
    _ each: @escaping @Sendable ([ListedObject]) async throws -> Void
  ) async throws
  /// What a list tells of one object; nil where there is none.
  func find(_ key: StoreKey) async throws -> ListedObject?
  /// Writes the object's bytes into a new file at `target`. `.refused` where there is no such object.
  /// - Parameter most: of an object with more bytes no more than these are taken: it is `.mismatch`, and no file is left.
  func read(_ key: StoreKey, into target: FilePath, atMost most: UInt64) async throws(StoreFault) -> Receipt
  /// Reads the object's bytes and keeps none: size and digest of the receipt are those of what arrived, whatever the service says of
  /// the object. Nil where there is no such object.
  func readBack(_ key: StoreKey) async throws(StoreFault) -> Receipt?
}

/// A folder of a store that cannot be listed.
public struct BarredFolder: Sendable {
  /// Ends in a slash.
  public let key: String
  public let fault: StoreFault
  public init(key: String, fault: StoreFault) { (self.key, self.fault) = (key, fault) }
}

extension StoreReader {
  public func list(
    _ prefix: String, depth: Int, barred: @escaping @Sendable (BarredFolder) -> Void,
    _ each: @escaping @Sendable ([ListedObject]) async throws -> Void
  ) async throws { try await list(prefix, each) }

  public func find(_ key: StoreKey) async throws -> ListedObject? {
    let found = Locked<ListedObject?>(nil)
    try await list(key.description) { page in
      guard let object = page.first(where: { $0.key == key.description }) else { return }
      found.withLock { $0 = object }
    }
    return found.withLock { $0 }
  }

  /// However long it is.
  public func read(_ key: StoreKey, into target: FilePath) async throws(StoreFault) -> Receipt {
    try await read(key, into: target, atMost: .max)
  }
}

extension StoreFault {
  /// Of an object that is read: more has come than it was to have.
  public static func tooLong(_ what: String, at place: String, most: UInt64) -> StoreFault {
    StoreFault(
      .mismatch, what, at: place,
      why: "it has more than the \(counted(most, "byte")) that were to come, and was cut off",
      remedy: "If it stays: the store's list and its answers disagree; ask who runs it")
  }
}

/// What `check --connect` and `pull` need.
public protocol StoreProbe: Store {
  /// Done also where there was nothing.
  func delete(_ key: StoreKey) async throws(StoreFault)
  /// The same, but only while the object is the version that a list has just told of: compared and deleted in one step where the
  /// service can do that. Where it cannot, whatever is there by then is deleted.
  /// - Returns: false where another version has come, which stays; in some services also where there is nothing.
  func delete(_ key: StoreKey, listedAs object: ListedObject) async throws(StoreFault) -> Bool
  /// For good: where the service keeps versions, that version. Done also where there was nothing.
  /// - Parameter version: as the receipt told it; nil: none was told.
  func delete(_ key: StoreKey, version: String?) async throws(StoreFault)
  /// Creates as `create` does, but looks at nothing first or afterwards: the service alone decides whether the name is taken. For the
  /// proof that it does (`Preflight`).
  /// - Parameter inParts: as large objects go there. Nil where the service has no such way.
  func contend(_ file: StoredFile, at key: StoreKey, inParts: Bool) async throws(StoreFault) -> Contest?
}

/// What the service said to one who wanted a name.
public enum Contest: Hashable, Sendable {
  /// The object is there now.
  case won
  /// Refused: there is an object of that name.
  case lost
}

extension StoreProbe {
  public func delete(_ key: StoreKey, version: String?) async throws(StoreFault) { try await delete(key) }

  /// For stores that refuse by themselves and have but one way.
  public func contend(_ file: StoredFile, at key: StoreKey, inParts: Bool) async throws(StoreFault) -> Contest? {
    if inParts { return nil }
    do throws(StoreFault) {
      _ = try await create(file, at: key)
      return .won
    } catch {
      guard error.kind == .mismatch else { throw error }
      return .lost
    }
  }

  public func delete(_ key: StoreKey, listedAs object: ListedObject) async throws(StoreFault) -> Bool {
    try await delete(key)
    return true
  }
}

/// All that a store can do.
public typealias RemoteStore = StoreReader & StoreProbe

public struct StoreTraits: Hashable, Sendable {
  /// The service itself refuses to overwrite; where it can't, `stat` comes first.
  public var createOnly: Bool
  /// `stat` answers with a SHA-256, so contents can be compared without reading them.
  public var returnsDigest: Bool
  /// Bytes of one object.
  public var largestObject: UInt64
  /// When the right to use the store ends; nil where it does not, or nobody knows.
  public var expires: Timestamp?
  public init(createOnly: Bool, returnsDigest: Bool, largestObject: UInt64, expires: Timestamp? = nil) {
    self.createOnly = createOnly
    self.returnsDigest = returnsDigest
    self.largestObject = largestObject
    self.expires = expires
  }
}

/// A sealed file on our disk, with all that a store may want to know of its bytes beforehand.
public struct StoredFile: Hashable, Sendable {
  public let path: FilePath
  public let size: UInt64
  public let sha256: Digest
  /// 32 hex digits.
  public let md5: String
  /// What services that keep such a thing are told.
  public let contentType: String
  public init(
    path: FilePath, size: UInt64, sha256: Digest, md5: String, contentType: String = ContentType.unknown
  ) {
    self.contentType = contentType
    self.path = path
    self.size = size
    self.sha256 = sha256
    self.md5 = md5
  }

  /// Whatever is sealed has a byte at least: what is empty was damaged.
  public func refuseEmpty(_ what: String, at place: String) throws(StoreFault) {
    guard size == 0 else { return }
    throw StoreFault(
      .refused, what, at: place, why: "\(path.string) is empty",
      remedy: "The disk, or a person, changed it: it cannot be sent")
  }
}

/// A key below the store's prefix. Ours: components of `A-Z a-z 0-9 . _ - =`, joined by `/`, none of them empty, `.` or `..`.
public struct StoreKey: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let description: String

  public init?(_ text: String) {
    guard text.utf8.count <= Limits.keyBytes, StoreKey.complaint(about: text) == nil else { return nil }
    description = text
  }

  /// A key that others chose, as a list tells it: any text without control characters, and no component that is empty, `.` or `..`.
  public init?(listed text: String) {
    guard !text.isEmpty, text.utf8.count <= Limits.keyBytes,
      !text.unicodeScalars.contains(where: { $0.value < 32 || (0x7f..<0xa0).contains($0.value) }),
      !text.split(separator: "/", omittingEmptySubsequences: false).contains(where: { ["", ".", ".."].contains($0) })
    else { return nil }
    description = text
  }

  /// Why the text is no key of ours; nil where it is one.
  public static func complaint(about text: String) -> String? {
    if text.utf8.count > Limits.keyBytes { return "longer than \(Limits.keyBytes) bytes" }
    for component in text.split(separator: "/", omittingEmptySubsequences: false) {
      if component.isEmpty { return "an empty component" }
      if component == "." || component == ".." { return "a component “\(component)”" }
      if component.utf8.count > Limits.nameBytes { return "a component longer than \(Limits.nameBytes) bytes" }
      if let bad = component.unicodeScalars.first(where: { !isKeyScalar($0) }) {
        return "the character “\(bad)”; only A-Z a-z 0-9 . _ - / = are allowed"
      }
    }
    return nil
  }

  private static func isKeyScalar(_ s: Unicode.Scalar) -> Bool {
    switch s {
    case "A"..."Z", "a"..."z", "0"..."9", ".", "_", "-", "=": true
    default: false
    }
  }

  public static func < (a: Self, b: Self) -> Bool { a.description < b.description }
}

/// What a store says of an object.
public struct Receipt: Hashable, Sendable, Codable {
  public enum Outcome: String, Hashable, Sendable, Codable { case created, alreadyThere = "already_there", found }
  public var outcome: Outcome
  public var size: UInt64
  /// Where the store tells it.
  public var sha256: Digest?
  /// The store's own tag, as it gives it.
  public var tag: String?
  /// 32 hex digits, where the store tells it.
  public var md5: String?
  /// Where the store keeps versions: which one this is.
  public var version: String?
  /// When it was written, by the store's clock, where nothing better tells it from another one.
  public var modified: Timestamp?
  /// What the service calls itself, with its version.
  public var server: String?
  public init(
    outcome: Outcome, size: UInt64, sha256: Digest? = nil, tag: String? = nil, md5: String? = nil,
    version: String? = nil, modified: Timestamp? = nil, server: String? = nil
  ) {
    self.outcome = outcome
    self.size = size
    self.sha256 = sha256
    self.tag = tag
    self.md5 = md5
    self.version = version
    self.modified = modified
    self.server = server
  }
}

public struct ListedObject: Hashable, Sendable {
  public let key: String
  public let size: UInt64
  public let tag: String?
  public let modified: Timestamp?
  public init(key: String, size: UInt64, tag: String?, modified: Timestamp?) {
    self.key = key
    self.size = size
    self.tag = tag
    self.modified = modified
  }
}
