public import Config
public import Core
public import Files
public import Store
public import SystemPackage
import Threads

/// Objects in an S3 bucket, or in that of a service which speaks S3.
public struct S3Store: StoreReader, StoreProbe {
  let client: S3Client
  let bucket: S3Bucket
  let concurrency: Int
  /// Keys that are being uploaded to, in parts.
  private let busy = Locked<Set<String>>([])

  public let traits = StoreTraits(createOnly: true, returnsDigest: true, largestObject: S3Parts.largestObject)

  /// Nothing is sent yet. `.denied` where the settings cannot be right.
  /// - Parameters:
  ///   - environment: for the AWS chain, where the settings have no keys.
  ///   - clock: the wall clock, for signatures; what the service says of its own corrects it.
  public init(
    _ settings: StoreSettings, _ s3: S3Settings, files: any Files, agent: String,
    environment: [String: String], throttle: Throttle? = nil, clock: @escaping @Sendable () -> Timestamp
  ) throws(StoreFault) {
    try self.init(
      settings, s3, files: files, agent: agent, environment: environment, throttle: throttle, clock: clock,
      partsForTests: S3Parts())
  }

  /// For tests: with other bounds than ours.
  init(
    _ settings: StoreSettings, _ s3: S3Settings, files: any Files, agent: String,
    environment: [String: String], throttle: Throttle? = nil, clock: @escaping @Sendable () -> Timestamp,
    partsForTests parts: S3Parts
  ) throws(StoreFault) {
    var options = TransferOptions(settings, caFile: s3.caFile, agent: agent)
    options.throttle = throttle
    concurrency = settings.concurrency
    let places = CredentialPlaces(
      environment: environment, settings: s3, store: settings, agent: agent, files: files, clock: clock)
    let chain = CredentialChain(s3, places)
    let keys =
      chain.given.flatMap { s3.roleARN == nil ? CredentialCache($0) : nil } ?? CredentialCache(chain, clock: clock)
    let customerKey = try s3.customerKey.map { secret throws(StoreFault) in try S3CustomerKey(secret.reveal()) }
    client = try S3Client(
      s3, keys, customerKey, threads: TransferThreads(slots: concurrency, options: options, files: files), clock: clock)
    bucket = S3Bucket(
      client: client, headers: S3ObjectHeaders(s3, customerKey: customerKey), files: files,
      blocking: BlockingQueue("store-s3"), parts: parts)
  }

  // MARK: Store

  public func create(_ file: StoredFile, at key: StoreKey) async throws(StoreFault) -> Receipt {
    let what = S3Act.upload
    let objectKey = try checked(key, what)
    try file.refuseEmpty(what.words, at: client.endpoint.place(objectKey))
    guard file.size <= S3Parts.largestObject else {
      throw StoreFault(
        .refused, what.words, at: client.endpoint.place(objectKey),
        why: "\(counted(file.size, "byte")), and an object has at most \(S3Parts.largestObject)",
        remedy: "Make batches smaller: batch.max_bytes")
    }
    return file.size > bucket.parts.threshold
      ? try await createInParts(file, objectKey, what) : try await createAtOnce(file, objectKey, what)
  }

  private func createAtOnce(
    _ file: StoredFile, _ objectKey: String, _ what: S3Act
  ) async throws(StoreFault) -> Receipt {
    let headers =
      bucket.headers.ofObject(file, now: client.now)
      + bucket.headers.ofBody(sha256: file.sha256, md5: Hex.decode(file.md5) ?? [])
    let request = S3Client.Request(
      method: .put, objectKey: objectKey, headers: [("if-none-match", "*")] + headers,
      payloadHash: file.sha256.description, body: .file(file.path, size: file.size))
    let answer = try await client.send(request, what)
    if answer.status == 412 { return try await bucket.compare(file, objectKey, what) }
    // Some services answer 200 at once to keep the connection, and then tell the error in the body.
    guard answer.isSuccess, S3Error(answer.body) == nil else {
      let fault = client.fault(answer, what, objectKey)
      try await bucket.blameDisk(fault, answer, file)
      throw fault
    }
    let evidence = S3Evidence(answer.headers)
    switch evidence.verdictOnUpload(sha256: file.sha256, md5: file.md5) {
    case .same where bucket.headers.complaint(evidence) == nil: return evidence.receipt(.created, size: file.size)
    case .differs(let why): throw bucket.mismatch(what, objectKey, why)
    case .same, .unproven:
      let stored = try await bucket.evidence(of: objectKey, what)
      guard let stored, stored.verdict(for: file) == .same else {
        throw bucket.unconfirmed(what, objectKey, stored, file)
      }
      try bucket.checkEncryption(stored, objectKey, what)
      return stored.receipt(.created, size: file.size)
    }
  }

  private func createInParts(
    _ file: StoredFile, _ objectKey: String, _ what: S3Act
  ) async throws(StoreFault) -> Receipt {
    // Two of them would take each other's upload for a remainder of an earlier run.
    guard busy.withLock({ $0.insert(objectKey).inserted }) else {
      throw StoreFault(
        .unreachable, what.words, at: client.endpoint.place(objectKey), why: "an upload to this key is under way")
    }
    defer { busy.withLock { _ = $0.remove(objectKey) } }
    return try await S3Multipart(bucket: bucket, file: file, objectKey: objectKey, what: what, width: concurrency)
      .create()
  }

  public func stat(_ key: StoreKey) async throws(StoreFault) -> Receipt? {
    let what = S3Act.ask
    let objectKey = try checked(key, what)
    guard let evidence = try await bucket.evidence(of: objectKey, what) else { return nil }
    guard let size = evidence.size else {
      throw StoreFault(
        .unreachable, what.words, at: client.endpoint.place(objectKey),
        why: "the answer does not tell the object's size")
    }
    return evidence.receipt(.found, size: size)
  }

  // MARK: StoreReader

  /// In the order of the service; AWS promises that of the keys' bytes.
  public func list(_ prefix: String, _ each: @escaping @Sendable ([ListedObject]) async throws -> Void) async throws {
    try await list(prefix, depth: .max, barred: { _ in }, each)
  }

  /// Told of as barred: names that were not asked for. A service that does not keep to the prefix may have kept others back.
  public func list(
    _ prefix: String, depth _: Int, barred: @escaping @Sendable (BarredFolder) -> Void,
    _ each: @escaping @Sendable ([ListedObject]) async throws -> Void
  ) async throws {
    let what = S3Act.list
    let root = client.endpoint.prefix
    var continuation: String?
    var watch = ListWatch()
    repeat {
      var query = [("list-type", "2"), ("max-keys", "1000"), ("prefix", root + prefix)]
      if let continuation { query.append(("continuation-token", continuation)) }
      // 1000 keys of 1024 bytes, each byte perhaps a reference of six, and what stands around them.
      let request = S3Client.Request(method: .get, query: query, sink: .bytes(limit: Limits.s3PageBytes))
      let answer = try await client.send(request, what)
      guard answer.isSuccess, S3Error(answer.body) == nil else { throw client.fault(answer, what, nil) }
      guard let page = S3Page(answer.body) else {
        throw StoreFault(
          .unreachable, what.words, at: client.endpoint.place(nil),
          why: "the answer is not a whole page of a list", remedy: "Check that the endpoint speaks S3")
      }
      let objects = page.entries.compactMap { entry -> ListedObject? in
        guard entry.key.utf8.starts(with: (root + prefix).utf8) else { return nil }
        return ListedObject(
          key: String(entry.key.dropFirst(root.count)), size: entry.size, tag: entry.tag, modified: entry.modified)
      }
      if let why = watch.complaint(
        token: page.continuation, first: page.entries.first?.key, count: page.entries.count, wanted: objects.count)
      {
        throw StoreFault(
          .unreachable, what.words, at: client.endpoint.place(nil), why: why,
          remedy: "Check that the endpoint speaks S3")
      }
      if !objects.isEmpty { try await each(objects) }
      continuation = page.continuation
    } while continuation != nil
    if let rest = watch.passedOver(of: prefix, what.words, at: client.endpoint.place(nil), service: "S3") {
      barred(rest)
    }
  }

  /// The receipt's digest is that of the bytes which arrived; where the service tells one too, they agree.
  public func read(_ key: StoreKey, into target: FilePath, atMost most: UInt64) async throws(StoreFault) -> Receipt {
    let what = S3Act.download
    let objectKey = try checked(key, what)
    let request = S3Client.Request(
      method: .get, objectKey: objectKey, headers: bucket.headers.ofQuestion, sink: .file(target, most: most))
    let answer = try await client.send(request, what)
    guard answer.isSuccess else { throw client.fault(answer, what, objectKey) }
    let place = client.endpoint.place(objectKey)
    if answer.truncated { throw StoreFault.tooLong(what.words, at: place, most: most) }
    let (size, sha256) = try await bucket.local(what.words, place) { [files = bucket.files] () throws(FileFault) in
      try files.digest(of: target)
    }
    let evidence = S3Evidence(answer.headers)
    if let checksum = evidence.checksum, checksum != sha256 {
      try await bucket.local(what.words, place) { [files = bucket.files] () throws(FileFault) in
        try files.remove(target)
      }
      throw StoreFault(.unreachable, what.words, at: place, why: "the bytes were damaged on the way")
    }
    return Receipt(outcome: .found, size: size, sha256: sha256, tag: evidence.tag)
  }

  public func readBack(_ key: StoreKey) async throws(StoreFault) -> Receipt? {
    let what = S3Act.readBack
    let objectKey = try checked(key, what)
    let answer = try await client.send(S3Client.Request(method: .get, objectKey: objectKey, sink: .digest), what)
    if answer.status == 404, S3Error(answer.body)?.code == "NoSuchKey" { return nil }
    guard answer.isSuccess else { throw client.fault(answer, what, objectKey) }
    return Receipt(
      outcome: .found, size: answer.received, sha256: answer.sha256, tag: S3Evidence(answer.headers).tag)
  }

  // MARK: StoreProbe

  public func delete(_ key: StoreKey) async throws(StoreFault) {
    let what = S3Act.delete
    let objectKey = try checked(key, what)
    let answer = try await client.send(S3Client.Request(method: .delete, objectKey: objectKey), what)
    if answer.status == 404, S3Error(answer.body)?.code != "NoSuchBucket" { return }
    guard answer.isSuccess else { throw client.fault(answer, what, objectKey) }
  }

  /// AWS compares since 2025. Others pass the condition over, or refuse it as a thing not built.
  public func delete(_ key: StoreKey, listedAs object: ListedObject) async throws(StoreFault) -> Bool {
    let what = S3Act.delete
    let objectKey = try checked(key, what)
    if let tag = object.tag {
      let request = S3Client.Request(method: .delete, objectKey: objectKey, headers: [("if-match", "\"\(tag)\"")])
      let answer = try await client.send(request, what)
      if answer.status == 412 { return false }
      if answer.status == 404, S3Error(answer.body)?.code != "NoSuchBucket" { return true }
      if answer.isSuccess { return true }
      guard answer.status == 501 else { throw client.fault(answer, what, objectKey) }
    }
    try await delete(key)
    return true
  }

  // MARK: Parts

  func checked(_ key: StoreKey, _ what: S3Act) throws(StoreFault) -> String {
    let objectKey = client.endpoint.objectKey(key)
    guard objectKey.utf8.count <= Limits.keyBytes else {
      throw StoreFault(
        .refused, what.words, at: client.endpoint.place(objectKey),
        why: "with its prefix the key is longer than \(Limits.keyBytes) bytes", remedy: "Shorten the stream's key")
    }
    return objectKey
  }
}
