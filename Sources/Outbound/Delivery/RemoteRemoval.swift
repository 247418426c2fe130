import Core
import Ledger
import Store

/// What came of deleting a batch's object in one store, because a person asked for that.
public enum Removal: Hashable, Sendable {
  case deleted
  /// It was there no more.
  case absent
  /// Why it stays: another object has its name, or the store refused.
  case left(String)
}

/// What a store holds of a batch: the object, and what tells of it beside it.
struct RemoteObject: Sendable {
  let key: StoreKey
  let manifest: StoreKey?
  let size: UInt64
  let sha256: Digest
  let md5: String
  let sent: SentObject

  /// Why what is there is not what was sent; nil where nothing speaks against it.
  func complaint(_ found: Receipt) -> String? {
    if found.size != size { return "it has \(counted(found.size, "byte")), and \(size) were sent" }
    if let digest = found.sha256, digest != sha256 { return "its SHA-256 is another" }
    if let theirs = found.md5, theirs != md5.lowercased() { return "its MD5 is another" }
    return nil
  }

  /// The manifest first: it must not tell of an object that is gone.
  func remove(from store: any RemoteStore) async throws(StoreFault) -> Removal {
    var found = try await store.stat(key)
    // Where the store tells no digest, the bytes do: somebody else's object of the same size is none of ours.
    if let told = found, complaint(told) == nil, told.sha256 == nil, told.md5 == nil {
      let version = told.version
      found = try await store.readBack(key)
      found?.version = version
    }
    if let found, let why = complaint(found) { return .left("another object has its name: \(why)") }
    if let manifest { try await store.delete(manifest, version: try await store.stat(manifest)?.version) }
    // Also where nothing is seen: a version that is hidden is kept all the same.
    let versions = Set([sent.receipt.version, found?.version].compactMap(\.self))
    if versions.isEmpty {
      if found != nil { try await store.delete(key) }
    } else {
      for version in versions.sorted() { try await store.delete(key, version: version) }
    }
    return found == nil && versions.isEmpty ? .absent : .deleted
  }
}
