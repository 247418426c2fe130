import Core
public import Store

extension S3Store {
  public func contend(_ file: StoredFile, at key: StoreKey, inParts: Bool) async throws(StoreFault) -> Contest? {
    let what = S3Act.upload
    let objectKey = try checked(key, what)
    if inParts {
      return try await S3Multipart(bucket: bucket, file: file, objectKey: objectKey, what: what, width: concurrency)
        .contend()
    }
    let headers =
      bucket.headers.ofObject(file, now: client.now)
      + bucket.headers.ofBody(sha256: file.sha256, md5: Hex.decode(file.md5) ?? [])
    let request = S3Client.Request(
      method: .put, objectKey: objectKey, headers: [("if-none-match", "*")] + headers,
      payloadHash: file.sha256.description, body: .file(file.path, size: file.size))
    let answer = try await client.send(request, what)
    if answer.status == 412 { return .lost }
    guard answer.isSuccess, S3Error(answer.body) == nil else { throw client.fault(answer, what, objectKey) }
    return .won
  }

  /// A version goes for good, with no mark in its place; without one the service does what it does with any object.
  public func delete(_ key: StoreKey, version: String?) async throws(StoreFault) {
    guard let version, !version.isEmpty else { return try await delete(key) }
    let what = S3Act.delete
    let objectKey = try checked(key, what)
    let request = S3Client.Request(method: .delete, objectKey: objectKey, query: [("versionId", version)])
    let answer = try await client.send(request, what)
    if answer.status == 404, S3Error(answer.body)?.code != "NoSuchBucket" { return }
    guard answer.isSuccess else { throw client.fault(answer, what, objectKey) }
  }
}
