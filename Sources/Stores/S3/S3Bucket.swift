import Core
import Files
import Store
import SystemPackage

/// What uploads of either kind, and questions, have in common.
struct S3Bucket: Sendable {
  let client: S3Client
  let headers: S3ObjectHeaders
  let files: any Files
  let blocking: BlockingQueue
  let parts: S3Parts

  /// Nil where there is no such object.
  func evidence(of objectKey: String, _ what: S3Act) async throws(StoreFault) -> S3Evidence? {
    let request = S3Client.Request(method: .head, objectKey: objectKey, headers: headers.ofQuestion)
    let answer = try await client.send(request, what)
    if answer.status == 404 { return nil }
    guard answer.isSuccess else { throw client.fault(answer, what, objectKey) }
    return S3Evidence(answer.headers)
  }

  /// Something is there already: ours, of an upload whose answer was lost, or another's.
  func compare(_ file: StoredFile, _ objectKey: String, _ what: S3Act) async throws(StoreFault) -> Receipt {
    guard let stored = try await evidence(of: objectKey, what) else {
      throw StoreFault(
        .unreachable, what.words, at: client.endpoint.place(objectKey),
        why: "the store says that there is an object, and then that there is none")
    }
    return try await compare(file, objectKey, stored, what)
  }

  func compare(
    _ file: StoredFile, _ objectKey: String, _ stored: S3Evidence, _ what: S3Act
  ) async throws(StoreFault) -> Receipt {
    switch try await verdict(on: stored, file, objectKey, what) {
    case .same:
      try checkEncryption(stored, objectKey, what)
      return stored.receipt(.alreadyThere, size: file.size)
    case .differs(let why): throw mismatch(what, objectKey, "another object has this key: \(why)")
    case .unproven:
      throw mismatch(
        what, objectKey,
        "an object has this key, and the store tells nothing to compare it by: \(stored.faults.joined(separator: ", "))"
      )
    }
  }

  func checkEncryption(_ evidence: S3Evidence, _ objectKey: String, _ what: S3Act) throws(StoreFault) {
    guard let complaint = headers.complaint(evidence) else { return }
    throw StoreFault(
      .mismatch, what.words, at: client.endpoint.place(objectKey), why: complaint,
      remedy: "Remove the object and use a service that encrypts so, or leave the setting out; then: navette retry")
  }

  /// After an upload: which header tells another object than ours. Where none does, nothing speaks against ours, and it is asked again:
  /// what took its place may have been no store, and what is there is compared.
  func unconfirmed(_ what: S3Act, _ objectKey: String, _ stored: S3Evidence?, _ file: StoredFile) -> StoreFault {
    var why = "the store does not confirm size and digest of what it took"
    if let stored {
      if case .differs(let difference) = stored.verdict(for: file) {
        return mismatch(what, objectKey, "\(why): \(difference)")
      }
      if !stored.faults.isEmpty { why += ": \(stored.faults.joined(separator: ", "))" }
    } else {
      why += ": asked for it, it says that there is no such object"
    }
    return StoreFault(
      .unreachable, what.words, at: client.endpoint.place(objectKey), why: why,
      remedy: "It is tried again. If it stays, look for what stands before the store, or ask who runs it")
  }

  func mismatch(_ what: S3Act, _ objectKey: String, _ why: String) -> StoreFault {
    StoreFault(
      .mismatch, what.words, at: client.endpoint.place(objectKey), why: why,
      remedy: "Look at the object; move it away if it is wrong, then: navette retry")
  }

  /// Where the store received other bytes than we announced: is it the way, or our disk?
  func blameDisk(_ fault: StoreFault, _ answer: Answer, _ file: StoredFile) async throws(StoreFault) {
    let codes = ["BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"]
    guard codes.contains(S3Error(answer.body)?.code ?? "") else { return }
    let found = try await local(fault.what, fault.place) { [files] () throws(FileFault) in
      try files.digest(of: file.path)
    }
    guard found.sha256 != file.sha256 else { return }
    throw changed(file, found.sha256, fault.what, fault.place)
  }

  func changed(_ file: StoredFile, _ found: Digest, _ what: String, _ place: String) -> StoreFault {
    StoreFault(
      .refused, what, at: place,
      why: "\(file.path.string) is no longer what was sealed: its SHA-256 is \(found)",
      remedy: "The disk, or a person, changed it: the batch cannot be sent")
  }

  func local<Value: Sendable>(
    _ what: String, _ place: String, _ body: @escaping @Sendable () throws(FileFault) -> Value
  ) async throws(StoreFault) -> Value {
    do { return try await blocking.run(body) } catch { throw TransferFailure.file(error).fault(what, at: place) }
  }
}
