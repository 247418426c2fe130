import Core
import Store
import SystemPackage

extension SFTPStore {
  /// The protocol removes by name alone. So the file is set aside within its folder, looked at, and only then removed: what a sender
  /// renames to its name in between is not touched. Its time is to the second: what is written anew within one second, with as many
  /// bytes, is not told apart, nor what is still written through a handle that was opened before.
  public func delete(_ key: StoreKey, listedAs object: ListedObject) async throws(StoreFault) -> Bool {
    let what = "Cannot delete"
    let place = SFTPObject(root: root, key: key)
    guard let aside = place.aside else { return try await deleteInPlace(place.path, object, what) }
    // Of an attempt that was killed.
    try await giveBack(aside, to: place.path, what)
    guard let before = try await client.attributes(of: place.path, what) else { return true }
    guard before.isListed(as: object) else { return false }
    if let refusal = try await client.rename(place.path, to: aside, what) {
      guard try await client.attributes(of: place.path, what) != nil else {
        // Somebody took it, or the answer was lost.
        try await giveBack(aside, to: place.path, what)
        if try await client.attributes(of: place.path, what) == nil { return true }
        throw client.fault(refusal, what, place.path)
      }
      // A user may have the right to delete and not that to rename.
      return try await deleteInPlace(place.path, object, what)
    }
    guard let now = try await client.attributes(of: aside, what) else { return true }
    guard now == before else {
      try await giveBack(aside, to: place.path, what)
      return false
    }
    if let refusal = try await client.remove(aside, what), try await client.attributes(of: aside, what) != nil {
      try await giveBack(aside, to: place.path, what)
      throw client.fault(refusal, what, place.path)
    }
    return true
  }

  private func deleteInPlace(
    _ path: FilePath, _ object: ListedObject, _ what: String
  ) async throws(StoreFault) -> Bool {
    guard let now = try await client.attributes(of: path, what) else { return true }
    guard now.isListed(as: object) else { return false }
    if let refusal = try await client.remove(path, what), try await client.attributes(of: path, what) != nil {
      throw client.fault(refusal, what, path)
    }
    return true
  }

  /// Where its name has been taken meanwhile, it is what the newer one would have replaced. Asked first: some servers rename over what is
  /// there.
  func giveBack(_ aside: FilePath, to path: FilePath, _ what: String) async throws(StoreFault) {
    guard try await client.attributes(of: aside, what) != nil else { return }
    if try await client.attributes(of: path, what) == nil {
      guard let refusal = try await client.rename(aside, to: path, what) else { return }
      guard try await client.attributes(of: aside, what) != nil else { return }
      if try await client.attributes(of: path, what) == nil { throw client.fault(refusal, what, path) }
    }
    _ = try await client.remove(aside, what)
  }
}

extension SFTPAttributes {
  /// Times of lists are of this kind, too; others are finer.
  fileprivate func isListed(as object: ListedObject) -> Bool {
    kind ?? .file == .file && size == object.size && (object.modified == nil || object.modified == modified)
  }
}
