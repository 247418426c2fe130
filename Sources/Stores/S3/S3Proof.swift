import Core
import Files
import Store

/// Whether a stored object is our file, where its ETag is that of parts.
extension S3Bucket {
  func verdict(
    on stored: S3Evidence, _ file: StoredFile, _ objectKey: String, _ what: S3Act
  ) async throws(StoreFault) -> S3Evidence.Verdict {
    let first = stored.verdict(for: file)
    // A SHA-256 of the service's own is better than what can be had here.
    guard stored.size == file.size, stored.checksum == nil, let composite = stored.composite else { return first }
    if case .differs = first { return first }
    let told = try await partSize(of: composite.parts, file.size, objectKey, what)
    let partSize = told ?? parts.size(for: file.size)
    let place = client.endpoint.place(objectKey)
    let plan = try await local(what.words, place) { [files] () throws(FileFault) in
      try S3Plan(file.path, partSize: partSize, files)
    }
    guard plan.sha256 == file.sha256 else { throw changed(file, plan.sha256, what.words, place) }
    if plan.tag == "\(composite.md5)-\(composite.parts)" { return .same }
    // Cut in another way than we would, the same bytes have another ETag.
    return told == nil ? first : .differs("its ETag is \(stored.tag ?? "")")
  }

  /// Of all parts but the last, as the service tells it; nil where it tells nothing that could be true.
  private func partSize(
    of count: Int, _ size: UInt64, _ objectKey: String, _ what: S3Act
  ) async throws(StoreFault) -> UInt64? {
    func fits(_ partSize: UInt64) -> Bool {
      partSize > 0 && (size +| (partSize - 1)) / partSize == UInt64(clamping: count)
    }
    let request = S3Client.Request(method: .head, objectKey: objectKey, query: [("partNumber", "1")])
    let answer = try await client.send(request, what)
    if answer.isSuccess, let told = answer.headers["content-length"].flatMap({ UInt64($0) }), fits(told) { return told }
    return nil
  }
}
