public import Config
public import Core
public import Files
import FoundationEssentials
public import Store
public import SystemPackage

/// Objects in an S3 bucket, or in that of a service which speaks S3.
public struct S3Store: StoreReader, StoreProbe {
  private let client: S3Client
  private let checksum: S3Settings.Checksum
  private let files: any Files
  private let blocking: BlockingQueue

  /// AWS' bound for one PUT (docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html).
  public static let largestPut: UInt64 = 5 << 30

  public let traits = StoreTraits(createOnly: true, returnsDigest: true, largestObject: largestPut)

  /// Nothing is sent yet. `.denied` where the settings cannot be right.
  /// - Parameter clock: the wall clock, for signatures; what the service says of its own corrects it.
  public init(
    _ settings: StoreSettings, _ s3: S3Settings, files: any Files, agent: String,
    clock: @escaping @Sendable () -> Timestamp
  ) throws(StoreFault) {
    let options = TransferOptions(
      connectTimeout: settings.connectTimeout, stallTimeout: settings.stallTimeout, caFile: s3.caFile, agent: agent)
    client = try S3Client(
      s3, threads: TransferThreads(slots: settings.concurrency, options: options, files: files),
      clock: clock)
    checksum = s3.checksum
    self.files = files
    blocking = BlockingQueue("navette.s3")
  }

  // MARK: Store

  public func create(_ file: StoredFile, at key: StoreKey) async throws(StoreFault) -> Receipt {
    let what = "Cannot upload to"
    let objectKey = try checked(key, what)
    guard file.size <= S3Store.largestPut else {
      throw StoreFault(
        .refused, what, at: client.endpoint.place(objectKey),
        why: "\(file.size) bytes, and one upload carries at most \(S3Store.largestPut)",
        remedy: "Make batches smaller: batch.max_bytes")
    }
    let answer = try await client.send(upload(file, objectKey), what)
    if answer.status == 412 { return try await compare(file, objectKey, what) }
    // Some services answer 200 at once to keep the connection, and then tell the error in the body.
    guard answer.isSuccess, S3Error(answer.body) == nil else {
      let fault = client.fault(answer, what, objectKey)
      try await blameDisk(fault, answer, file)
      throw fault
    }
    let evidence = S3Evidence(answer.headers)
    switch evidence.verdictOnUpload(of: file) {
    case .same: return evidence.receipt(.created, size: file.size)
    case .differs(let why): throw mismatch(what, objectKey, why)
    case .unproven:
      let stored = try await evidenceOfStored(objectKey, what)
      guard let stored, stored.verdict(for: file) == .same else {
        throw mismatch(what, objectKey, "the store does not confirm size and digest of what it took")
      }
      return stored.receipt(.created, size: file.size)
    }
  }

  public func stat(_ key: StoreKey) async throws(StoreFault) -> Receipt? {
    let what = "Cannot ask for"
    let objectKey = try checked(key, what)
    guard let evidence = try await evidenceOfStored(objectKey, what) else { return nil }
    guard let size = evidence.size else {
      throw StoreFault(
        .unreachable, what, at: client.endpoint.place(objectKey), why: "the answer does not tell the object's size")
    }
    return evidence.receipt(.found, size: size)
  }

  // MARK: StoreReader

  /// In the order of the service; AWS promises that of the keys' bytes.
  public func list(_ prefix: String, _ each: @Sendable ([ListedObject]) async throws -> Void) async throws {
    let what = "Cannot list"
    let root = client.endpoint.prefix
    var continuation: String?
    repeat {
      var query = [("list-type", "2"), ("max-keys", "1000"), ("prefix", root + prefix)]
      if let continuation { query.append(("continuation-token", continuation)) }
      // 1000 keys of 1024 bytes, each byte perhaps a reference of six, and what stands around them.
      let request = S3Client.Request(method: .get, query: query, sink: .bytes(limit: 8 << 20))
      let answer = try await client.send(request, what)
      guard answer.isSuccess, S3Error(answer.body) == nil else { throw client.fault(answer, what, nil) }
      guard let page = S3Page(answer.body), page.continuation == nil || page.continuation != continuation else {
        throw StoreFault(
          .unreachable, what, at: client.endpoint.place(nil),
          why: "the answer is not a whole page of a list", remedy: "Check that the endpoint speaks S3")
      }
      let objects = page.entries.compactMap { entry -> ListedObject? in
        guard entry.key.hasPrefix(root) else { return nil }
        return ListedObject(
          key: String(entry.key.dropFirst(root.count)), size: entry.size, tag: entry.tag, modified: entry.modified)
      }
      if !objects.isEmpty { try await each(objects) }
      continuation = page.continuation
    } while continuation != nil
  }

  /// The receipt's digest is that of the bytes which arrived; where the service tells one too, they agree.
  public func read(_ key: StoreKey, into target: FilePath) async throws(StoreFault) -> Receipt {
    let what = "Cannot download"
    let objectKey = try checked(key, what)
    let request = S3Client.Request(
      method: .get, objectKey: objectKey, headers: checksumMode, sink: .file(target))
    let answer = try await client.send(request, what)
    guard answer.isSuccess else { throw client.fault(answer, what, objectKey) }
    let place = client.endpoint.place(objectKey)
    let (size, sha256) = try await local(what, place) { [files] () throws(FileFault) in try files.digest(of: target) }
    let evidence = S3Evidence(answer.headers)
    if let checksum = evidence.checksum, checksum != sha256 {
      try await local(what, place) { [files] () throws(FileFault) in try files.remove(target) }
      throw StoreFault(.unreachable, what, at: place, why: "the bytes were damaged on the way")
    }
    return Receipt(outcome: .found, size: size, sha256: sha256, tag: evidence.tag)
  }

  // MARK: StoreProbe

  public func delete(_ key: StoreKey) async throws(StoreFault) {
    let what = "Cannot delete"
    let objectKey = try checked(key, what)
    let answer = try await client.send(S3Client.Request(method: .delete, objectKey: objectKey), what)
    if answer.status == 404, S3Error(answer.body)?.code != "NoSuchBucket" { return }
    guard answer.isSuccess else { throw client.fault(answer, what, objectKey) }
  }

  // MARK: Parts

  private var checksumMode: [(name: String, value: String)] {
    checksum == .whenSupported ? [("x-amz-checksum-mode", "ENABLED")] : []
  }

  private func upload(_ file: StoredFile, _ objectKey: String) -> S3Client.Request {
    var headers = [
      ("if-none-match", "*"), ("content-md5", Data(Hex.decode(file.md5) ?? []).base64EncodedString()),
      (S3Evidence.claimName, file.sha256.description),
    ]
    if checksum == .whenSupported {
      headers.append(("x-amz-checksum-sha256", Data(file.sha256.bytes).base64EncodedString()))
    }
    return S3Client.Request(
      method: .put, objectKey: objectKey, headers: headers, payloadHash: file.sha256.description,
      body: .file(file.path, size: file.size))
  }

  private func checked(_ key: StoreKey, _ what: String) throws(StoreFault) -> String {
    let objectKey = client.endpoint.objectKey(key)
    guard objectKey.utf8.count <= Limits.keyBytes else {
      throw StoreFault(
        .refused, what, at: client.endpoint.place(objectKey),
        why: "with its prefix the key is longer than \(Limits.keyBytes) bytes", remedy: "Shorten the stream's key")
    }
    return objectKey
  }

  private func evidenceOfStored(_ objectKey: String, _ what: String) async throws(StoreFault) -> S3Evidence? {
    let request = S3Client.Request(method: .head, objectKey: objectKey, headers: checksumMode)
    let answer = try await client.send(request, what)
    if answer.status == 404 { return nil }
    guard answer.isSuccess else { throw client.fault(answer, what, objectKey) }
    return S3Evidence(answer.headers)
  }

  /// Something is there already: ours, of an upload whose answer was lost, or another's.
  private func compare(_ file: StoredFile, _ objectKey: String, _ what: String) async throws(StoreFault) -> Receipt {
    guard let stored = try await evidenceOfStored(objectKey, what) else {
      throw StoreFault(
        .unreachable, what, at: client.endpoint.place(objectKey),
        why: "the store says that there is an object, and then that there is none")
    }
    switch stored.verdict(for: file) {
    case .same: return stored.receipt(.alreadyThere, size: file.size)
    case .differs(let why): throw mismatch(what, objectKey, "another object has this key: \(why)")
    case .unproven:
      throw mismatch(what, objectKey, "an object has this key, and the store tells nothing to compare it by")
    }
  }

  private func mismatch(_ what: String, _ objectKey: String, _ why: String) -> StoreFault {
    StoreFault(
      .mismatch, what, at: client.endpoint.place(objectKey), why: why,
      remedy: "Look at the object; move it away if it is wrong, then: navette retry")
  }

  /// Where the store received other bytes than we announced: is it the way, or our disk?
  private func blameDisk(_ fault: StoreFault, _ answer: Answer, _ file: StoredFile) async throws(StoreFault) {
    let codes = ["BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"]
    guard codes.contains(S3Error(answer.body)?.code ?? "") else { return }
    let found = try await local(fault.what, fault.place) { [files] () throws(FileFault) in
      try files.digest(of: file.path)
    }
    guard found.sha256 != file.sha256 else { return }
    throw StoreFault(
      .refused, fault.what, at: fault.place,
      why: "\(file.path.string) is no longer what was sealed: its SHA-256 is \(found.sha256)",
      remedy: "The disk, or a person, changed it: the batch cannot be sent")
  }

  private func local<Value: Sendable>(
    _ what: String, _ place: String, _ body: @escaping @Sendable () throws(FileFault) -> Value
  ) async throws(StoreFault) -> Value {
    do { return try await blocking.run(body) } catch { throw TransferFailure.file(error).fault(what, at: place) }
  }
}
