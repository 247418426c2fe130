import Core
import Files
public import Store

extension AzureStore {
  public func contend(_ file: StoredFile, at key: StoreKey, inParts: Bool) async throws(StoreFault) -> Contest? {
    let what = "Cannot upload to"
    let objectKey = try checked(key, what)
    var request = putting(file, objectKey)
    if inParts {
      let plan = try await local(what, client.access.place(objectKey)) { [files, rule] () throws(FileFault) in
        try AzureBlocks(file, rule, files)
      }
      try await send(plan.blocks, of: file, objectKey, what)
      request = completion(of: plan, file, objectKey)
    }
    let answer = try await client.send(request, what)
    if isTaken(answer) { return .lost }
    guard answer.isSuccess else { throw client.fault(answer, what, objectKey) }
    return .won
  }

  /// What is deleted becomes an earlier version where the account keeps those: then that version goes, too.
  public func delete(_ key: StoreKey, version: String?) async throws(StoreFault) {
    try await delete(key)
    guard let version, !version.isEmpty else { return }
    let what = "Cannot delete a version of"
    let objectKey = try checked(key, what)
    let answer = try await client.send(
      AzureClient.Request(method: .delete, objectKey: objectKey, query: [("versionid", version)]), what)
    if answer.status == 404, ["BlobNotFound", "ResourceNotFound"].contains(client.refusal(answer).code) { return }
    guard answer.isSuccess else { throw client.fault(answer, what, objectKey) }
  }
}
