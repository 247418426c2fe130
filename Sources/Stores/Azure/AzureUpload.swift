import Core
import Files
import FoundationEssentials
import Store
import SystemPackage

/// How an object comes into being: in one piece, or as blocks that become an object at once.
extension AzureStore {
  func createWhole(_ file: StoredFile, _ objectKey: String, _ what: String) async throws(StoreFault) -> Receipt {
    let answer = try await client.send(putting(file, objectKey), what)
    if isTaken(answer) { return try await compare(file, objectKey, what, after: answer) }
    guard answer.isSuccess else {
      let fault = client.fault(answer, what, objectKey)
      if client.refusal(answer).code == "Md5Mismatch" { try await checkOurs(file, objectKey, what) }
      throw fault
    }
    let stored = AzureEvidence(answer.headers)
    if let md5 = stored.md5, md5 != file.md5.lowercased() {
      throw mismatch(what, objectKey, "by content-md5 the store has the MD5 \(md5), ours is \(file.md5)")
    }
    if let theirs = answer.headers["x-ms-content-crc64"] {
      let ours = try await crc64(file, objectKey, what)
      guard theirs == ours else {
        throw mismatch(what, objectKey, "by x-ms-content-crc64 the store's CRC-64 is \(theirs), ours is \(ours)")
      }
    } else if stored.md5 == nil {
      return try await confirmed(file, objectKey, what)
    }
    var receipt = stored.receipt(.created, size: file.size)
    receipt.sha256 = file.sha256
    return receipt
  }

  /// Each block goes with a checksum that the service looks at, and all checksums come from one pass over the file that also gave
  /// the digest of what was sealed: so the object is ours, although nobody computes the MD5 of the whole.
  func createOfBlocks(_ file: StoredFile, _ objectKey: String, _ what: String) async throws(StoreFault) -> Receipt {
    // Not worth sending if it is there already.
    if try await evidenceOfStored(objectKey, what) != nil { return try await compare(file, objectKey, what) }
    let plan = try await local(what, client.access.place(objectKey)) { [files, rule] () throws(FileFault) in
      try AzureBlocks(file, rule, files)
    }
    guard plan.size == file.size, plan.sha256 == file.sha256 else { throw changed(file, objectKey, what, plan.sha256) }
    try await send(plan.blocks, of: file, objectKey, what)
    let answer = try await client.send(completion(of: plan, file, objectKey), what)
    if isTaken(answer) { return try await compare(file, objectKey, what, after: answer) }
    guard answer.isSuccess else { throw client.fault(answer, what, objectKey) }
    return try await confirmed(file, objectKey, what)
  }

  func putting(_ file: StoredFile, _ objectKey: String) -> AzureClient.Request {
    AzureClient.Request(
      method: .put, objectKey: objectKey,
      headers: AzureStore.createOnly + [
        ("x-ms-blob-type", "BlockBlob"), ("content-md5", AzureStore.md5(file)),
        ("x-ms-blob-content-type", file.contentType),
        (AzureEvidence.claimName, file.sha256.description),
      ] + tier, body: .file(file.path, size: file.size))
  }

  /// The step that makes an object of the blocks.
  func completion(of plan: AzureBlocks, _ file: StoredFile, _ objectKey: String) -> AzureClient.Request {
    AzureClient.Request(
      method: .put, objectKey: objectKey, query: [("comp", "blocklist")],
      headers: AzureStore.createOnly + [
        ("x-ms-blob-content-md5", AzureStore.md5(file)), ("x-ms-blob-content-type", file.contentType),
        (AzureEvidence.claimName, file.sha256.description),
      ] + tier, body: .bytes(plan.list))
  }

  /// Side by side, as many as the store may have transfers; they are read from the disk while they go.
  func send(
    _ blocks: [AzureBlocks.Block], of file: StoredFile, _ objectKey: String, _ what: String
  ) async throws(StoreFault) {
    let fault = await withTaskGroup(of: StoreFault?.self) { group -> StoreFault? in
      var rest = blocks[...]
      for _ in 0..<concurrency {
        if let block = rest.popFirst() { group.addTask { await send(block, of: file, objectKey, what) } }
      }
      while let result = await group.next() {
        if let fault = result {
          group.cancelAll()
          return fault
        }
        if let block = rest.popFirst() { group.addTask { await send(block, of: file, objectKey, what) } }
      }
      return nil
    }
    if let fault { throw fault }
  }

  private func send(
    _ block: AzureBlocks.Block, of file: StoredFile, _ objectKey: String, _ what: String
  ) async -> StoreFault? {
    let request = AzureClient.Request(
      method: .put, objectKey: objectKey, query: [("comp", "block"), ("blockid", block.id)],
      headers: [("x-ms-content-crc64", block.crc64)], body: .slice(file.path, from: block.from, size: block.size))
    do throws(StoreFault) {
      let answer = try await client.send(request, what)
      guard answer.isSuccess else {
        if client.refusal(answer).code == "Crc64Mismatch" { try await checkOurs(file, objectKey, what) }
        return client.fault(answer, what, objectKey)
      }
      if let theirs = answer.headers["x-ms-content-crc64"], theirs != block.crc64 {
        return StoreFault(
          .unreachable, what, at: client.access.place(objectKey), why: "the store tells another CRC-64 of a block")
      }
      return nil
    } catch {
      return error
    }
  }

  // MARK: What is there

  func evidenceOfStored(_ objectKey: String, _ what: String) async throws(StoreFault) -> AzureEvidence? {
    let answer = try await client.send(AzureClient.Request(method: .head, objectKey: objectKey), what)
    // With a container that is missing the code is another one.
    if answer.status == 404, ["BlobNotFound", ""].contains(client.refusal(answer).code) { return nil }
    guard answer.isSuccess else { throw client.fault(answer, what, objectKey) }
    return AzureEvidence(answer.headers)
  }

  /// Only where something differs it is another object. Where nothing does, nothing speaks against ours, and it is asked again.
  private func confirmed(_ file: StoredFile, _ objectKey: String, _ what: String) async throws(StoreFault) -> Receipt {
    var why = "the store does not confirm size and digest of what it took"
    if let stored = try await evidenceOfStored(objectKey, what) {
      switch stored.verdict(for: file) {
      case .same: return stored.receipt(.created, size: file.size)
      case .differs(let difference): throw mismatch(what, objectKey, "\(why): \(difference)")
      case .unproven: if !stored.faults.isEmpty { why += ": \(stored.faults.joined(separator: ", "))" }
      }
    } else {
      why += ": asked for it, it says that there is no such object"
    }
    throw StoreFault(
      .unreachable, what, at: client.access.place(objectKey), why: why,
      remedy: "It is tried again. If it stays, look for what stands before the store, or ask who runs it")
  }

  /// Something is there already: ours, of an upload whose answer was lost, or another's.
  /// - Parameter answer: says so; where nothing is there all the same, it has another reason.
  private func compare(
    _ file: StoredFile, _ objectKey: String, _ what: String, after answer: Answer? = nil
  ) async throws(StoreFault) -> Receipt {
    guard let stored = try await evidenceOfStored(objectKey, what) else {
      if let answer, !AzureStore.saysExists.contains(client.refusal(answer).code) {
        throw client.fault(answer, what, objectKey)
      }
      throw StoreFault(
        .unreachable, what, at: client.access.place(objectKey),
        why: "the store says that there is an object, and then that there is none")
    }
    switch stored.verdict(for: file) {
    case .same: return stored.receipt(.alreadyThere, size: file.size)
    case .differs(let why): throw mismatch(what, objectKey, "another object has this key: \(why)")
    case .unproven:
      throw mismatch(
        what, objectKey,
        "an object has this key, and the store tells nothing to compare it by: \(stored.faults.joined(separator: ", "))"
      )
    }
  }

  /// A token that may create and nothing else is told so in its own way.
  func isTaken(_ answer: Answer) -> Bool {
    let code = client.refusal(answer).code
    return switch answer.status {
    case 409: AzureStore.saysExists.contains(code) || AzureStore.mayExist.contains(code)
    case 412: true
    case 403: code == "UnauthorizedBlobOverwrite"
    default: false
    }
  }

  private static let saysExists = ["BlobAlreadyExists", "UnauthorizedBlobOverwrite", "ConditionNotMet"]
  /// Refused before the service came to the condition: perhaps because it is there, written by the request whose answer was lost.
  private static let mayExist = [
    "BlobImmutableDueToPolicy", "BlobArchived", "BlobBeingRehydrated", "InvalidBlobType", "SnapshotsPresent",
    "LeaseIdMissing", "LeaseAlreadyPresent",
  ]

  // MARK: Tools

  private var tier: [(name: String, value: String)] { accessTier.map { [("x-ms-access-tier", $0.rawValue)] } ?? [] }

  static let createOnly: [(name: String, value: String)] = [("if-none-match", "*")]

  static func md5(_ file: StoredFile) -> String { Data(Hex.decode(file.md5) ?? []).base64EncodedString() }

  func checked(_ key: StoreKey, _ what: String) throws(StoreFault) -> String {
    let objectKey = client.access.objectKey(key)
    guard objectKey.utf8.count <= Limits.keyBytes else {
      throw StoreFault(
        .refused, what, at: client.access.place(objectKey),
        why: "with its prefix the key is longer than \(Limits.keyBytes) bytes", remedy: "Shorten the stream's key")
    }
    return objectKey
  }

  private func mismatch(_ what: String, _ objectKey: String, _ why: String) -> StoreFault {
    StoreFault(
      .mismatch, what, at: client.access.place(objectKey), why: why,
      remedy: "Look at the object; move it away if it is wrong, then: navette retry")
  }

  private func crc64(_ file: StoredFile, _ objectKey: String, _ what: String) async throws(StoreFault) -> String {
    try await local(what, client.access.place(objectKey)) { [files] () throws(FileFault) in
      var crc = CRC64()
      _ = try files.digest(of: file.path) { (chunk) throws(FileFault) in crc.update(chunk) }
      return crc.base64
    }
  }

  /// Where the store received other bytes than we announced: is it the way, or our disk?
  private func checkOurs(_ file: StoredFile, _ objectKey: String, _ what: String) async throws(StoreFault) {
    let found = try await local(what, client.access.place(objectKey)) { [files] () throws(FileFault) in
      try files.digest(of: file.path)
    }
    guard found.sha256 == file.sha256 else { throw changed(file, objectKey, what, found.sha256) }
  }

  private func changed(_ file: StoredFile, _ objectKey: String, _ what: String, _ found: Digest) -> StoreFault {
    StoreFault(
      .refused, what, at: client.access.place(objectKey),
      why: "\(file.path.shown) is no longer what was sealed: its SHA-256 is \(found)",
      remedy: "The disk, or a person, changed it: the batch cannot be sent")
  }

  func local<Value: Sendable>(
    _ what: String, _ place: String, _ body: @escaping @Sendable () throws(FileFault) -> Value
  ) async throws(StoreFault) -> Value {
    do { return try await blocking.run(body) } catch { throw TransferFailure.file(error).fault(what, at: place) }
  }
}
