import Core
public import Store

extension SFTPStore {
  /// Each one uploads a part of its own, so that the rename alone decides, which is what two agents with one key would have.
  public func contend(_ file: StoredFile, at key: StoreKey, inParts: Bool) async throws(StoreFault) -> Contest? {
    if inParts { return nil }
    let what = "Cannot upload to"
    let object = SFTPObject(root: root, key: key)
    guard let part = object.part(of: file) else {
      throw StoreFault(.refused, what, at: client.place(object.path), why: "the name leaves no room for one beside it")
    }
    try await upload(file, object, part: part, what)
    guard let refusal = try await client.rename(part, to: object.path, what) else { return .won }
    do { _ = try await client.remove(part, what) } catch {}
    // The protocol has one word for most refusals: that it was this one, the object shows.
    guard try await client.size(of: object.path, what) != nil else { throw client.fault(refusal, what, object.path) }
    return .lost
  }
}
