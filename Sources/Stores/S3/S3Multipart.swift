import Core
import Files
import FoundationEssentials
import Store

/// One object, sent in parts. Nobody sees it before the last step, and that step refuses to overwrite.
///
/// A key is written by one batch only, so an upload to it that the service lists is ours: of an earlier run that ended early.
/// Its parts are taken over where they are the bytes of our file. (Listing and aborting need s3:ListBucketMultipartUploads,
/// s3:ListMultipartUploadParts and s3:AbortMultipartUpload; without the first, every run begins anew.)
struct S3Multipart: Sendable {
  let bucket: S3Bucket
  let file: StoredFile
  let objectKey: String
  let what: S3Act
  /// Parts on their way at a time.
  let width: Int

  /// An upload under way, and the ETags of the parts that it has.
  private struct Upload: Sendable {
    let id: String
    var tags: [Int: String] = [:]
  }

  func create() async throws(StoreFault) -> Receipt {
    if let stored = try await bucket.evidence(of: objectKey, what) {
      let receipt = try await bucket.compare(file, objectKey, stored, what)
      // What was begun before the object came is of no use any more.
      await abort(try await openUploads())
      return receipt
    }
    let plan = try await makePlan()
    let open = try await openUploads()
    if let upload = try await resumable(open, plan) {
      let others = open.filter { $0 != upload.id }
      do {
        return try await finish(upload, plan, others)
      } catch {
        // Begun with other settings, perhaps. A new one is what it is.
        guard error.kind == .refused else { throw error }
      }
      return try await finish(try await begin(), plan, others)
    }
    return try await finish(try await begin(), plan, open)
  }

  /// For `S3Store.contend`: a new upload, and nothing is looked at before its last step.
  func contend() async throws(StoreFault) -> Contest {
    let plan = try await makePlan()
    var upload = try await begin()
    do throws(StoreFault) {
      try await send(plan.parts, to: &upload)
      let answer = try await completion(of: upload, plan)
      if answer.status == 412 {
        await abort([upload.id])
        return .lost
      }
      guard answer.isSuccess, S3Error(answer.body) == nil else { throw bucket.client.fault(answer, what, objectKey) }
      return .won
    } catch {
      await abort([upload.id])
      throw error
    }
  }

  private var place: String { bucket.client.endpoint.place(objectKey) }

  private func makePlan() async throws(StoreFault) -> S3Plan {
    let (path, partSize) = (file.path, bucket.parts.size(for: file.size))
    let plan = try await bucket.local(what.words, place) { [files = bucket.files] () throws(FileFault) in
      try S3Plan(path, partSize: partSize, files)
    }
    guard plan.sha256 == file.sha256 else { throw bucket.changed(file, plan.sha256, what.words, place) }
    return plan
  }

  /// Sends what is missing and makes the object. An upload that the next try could go on with stays; the others are aborted.
  private func finish(
    _ begun: Upload, _ plan: S3Plan, _ others: [String]
  ) async throws(StoreFault) -> Receipt {
    var upload = begun
    do {
      try await send(plan.parts.filter { begun.tags[$0.number] == nil }, to: &upload)
      let receipt = try await complete(upload, plan)
      await abort(others)
      return receipt
    } catch {
      if error.kind == .mismatch || error.kind == .refused { await abort([upload.id] + others) }
      throw error
    }
  }

  // MARK: Uploads

  private func begin() async throws(StoreFault) -> Upload {
    var headers = bucket.headers.ofObject(file, now: bucket.client.now)
    if bucket.headers.sendsChecksums { headers.append(("x-amz-checksum-algorithm", "SHA256")) }
    let answer = try await ask(
      S3Client.Request(method: .post, objectKey: objectKey, query: [("uploads", "")], headers: headers))
    // The second is what servers that are made with gofakes3 say, rclone among them.
    for root in ["InitiateMultipartUploadResult", "InitiateMultipartUpload"] {
      if let id = XMLTable(answer.body, at: [root])?.fields["UploadId"], !id.isEmpty { return Upload(id: id) }
    }
    throw unclear("the answer does not name the upload")
  }

  /// To this very key. Empty where we may not ask, or the service cannot tell.
  private func openUploads() async throws(StoreFault) -> [String] {
    var ids: [String] = []
    var marker: [(name: String, value: String)] = []
    // An upload is left by a run that was killed: a page holds a thousand.
    for _ in 0..<10 {
      let query = [("uploads", ""), ("prefix", objectKey)] + marker
      let answer = try await bucket.client.send(
        S3Client.Request(method: .get, query: query, sink: .bytes(limit: Limits.s3PageBytes)), what)
      if [403, 404, 405, 501].contains(answer.status) { return ids }
      guard answer.isSuccess, S3Error(answer.body) == nil else { throw bucket.client.fault(answer, what, objectKey) }
      guard let page = XMLTable(answer.body, at: ["ListMultipartUploadsResult"], row: "Upload") else {
        throw unclear("the answer is not a whole list of uploads")
      }
      for row in page.rows where row["Key"] == objectKey { if let id = row["UploadId"], !id.isEmpty { ids.append(id) } }
      guard trimmed(page.fields["IsTruncated"] ?? "") == "true", let key = page.fields["NextKeyMarker"],
        let id = page.fields["NextUploadIdMarker"]
      else { break }
      marker = [("key-marker", key), ("upload-id-marker", id)]
    }
    return ids
  }

  /// The first one that has parts, all of them our file's.
  private func resumable(_ ids: [String], _ plan: S3Plan) async throws(StoreFault) -> Upload? {
    for id in ids {
      guard let listed = try await parts(of: id), !listed.isEmpty else { continue }
      var upload = Upload(id: id)
      for part in plan.parts { if let tag = listed[part.number]?.tag(for: part) { upload.tags[part.number] = tag } }
      if upload.tags.count == listed.count { return upload }
    }
    return nil
  }

  /// Best effort: what stays costs room, and the bucket's lifecycle rule removes it.
  private func abort(_ ids: [String]) async {
    for id in ids {
      _ = try? await bucket.client.send(
        S3Client.Request(method: .delete, objectKey: objectKey, query: [("uploadId", id)]), what)
    }
  }

  // MARK: Parts

  private struct ListedPart {
    let tag: String
    let size: UInt64?
    let checksum: String?

    /// The ETag, where this is the part.
    func tag(for part: S3Part) -> String? {
      guard size == part.size else { return nil }
      let isSame =
        checksum.map { $0 == Data(part.sha256.bytes).base64EncodedString() }
        ?? (unquoted(tag).lowercased() == Hex.encode(part.md5))
      return isSame ? tag : nil
    }
  }

  /// Nil where the service does not tell.
  private func parts(of id: String) async throws(StoreFault) -> [Int: ListedPart]? {
    var found: [Int: ListedPart] = [:]
    var marker = "0"
    while true {
      let query = [("uploadId", id), ("part-number-marker", marker)]
      let answer = try await bucket.client.send(
        S3Client.Request(method: .get, objectKey: objectKey, query: query, sink: .bytes(limit: Limits.s3PageBytes)),
        what)
      if [403, 404, 405, 501].contains(answer.status) { return nil }
      guard answer.isSuccess, S3Error(answer.body) == nil else { throw bucket.client.fault(answer, what, objectKey) }
      guard let page = XMLTable(answer.body, at: ["ListPartsResult"], row: "Part") else {
        throw unclear("the answer is not a whole list of parts")
      }
      for row in page.rows {
        guard let number = Int(trimmed(row["PartNumber"] ?? "")), let tag = row["ETag"] else { return nil }
        let checksum = row["ChecksumSHA256"].map { trimmed($0) }
        found[number] = ListedPart(
          tag: tag, size: UInt64(trimmed(row["Size"] ?? "")), checksum: checksum?.isEmpty == false ? checksum : nil)
      }
      let next = trimmed(page.fields["NextPartNumberMarker"] ?? "")
      guard trimmed(page.fields["IsTruncated"] ?? "") == "true", let after = Int(next), after > Int(marker) ?? 0 else {
        return found
      }
      marker = next
    }
  }

  /// Side by side. What has arrived when one of them fails is kept by the service.
  private func send(_ parts: [S3Part], to upload: inout Upload) async throws(StoreFault) {
    let id = upload.id
    var rest = parts[...]
    var failure: StoreFault?
    var tags: [Int: String] = [:]
    await withTaskGroup(of: Result<(Int, String), StoreFault>.self) { group in
      func sendNext() {
        guard failure == nil, let part = rest.popFirst() else { return }
        group.addTask { await self.send(part, to: id) }
      }
      for _ in 0..<max(1, width) { sendNext() }
      while let result = await group.next() {
        switch result {
        case .success(let (number, tag)): tags[number] = tag
        case .failure(let fault):
          if failure == nil { failure = fault }
          group.cancelAll()
        }
        sendNext()
      }
    }
    if let failure { throw failure }
    upload.tags.merge(tags) { $1 }
  }

  private func send(_ part: S3Part, to id: String) async -> Result<(Int, String), StoreFault> {
    do throws(StoreFault) {
      let request = S3Client.Request(
        method: .put, objectKey: objectKey, query: [("partNumber", "\(part.number)"), ("uploadId", id)],
        headers: bucket.headers.ofBody(sha256: part.sha256, md5: part.md5), payloadHash: part.sha256.description,
        body: .slice(file.path, from: part.from, size: part.size))
      let answer = try await bucket.client.send(request, what)
      guard answer.isSuccess, S3Error(answer.body) == nil else {
        let fault = bucket.client.fault(answer, what, objectKey)
        try await bucket.blameDisk(fault, answer, file)
        throw fault
      }
      guard let tag = answer.headers["etag"] else { throw unclear("a part was answered without an ETag") }
      let verdict = S3Evidence(answer.headers).verdictOnUpload(sha256: part.sha256, md5: Hex.encode(part.md5))
      if case .differs(let why) = verdict { throw bucket.mismatch(what, objectKey, "of part \(part.number), \(why)") }
      return .success((part.number, tag))
    } catch {
      return .failure(error)
    }
  }

  // MARK: The end

  private func complete(_ upload: Upload, _ plan: S3Plan) async throws(StoreFault) -> Receipt {
    let answer = try await completion(of: upload, plan)
    if answer.status == 412 {
      await abort([upload.id])
      return try await bucket.compare(file, objectKey, what)
    }
    guard answer.isSuccess, S3Error(answer.body) == nil else {
      // After these the upload is good for nothing: AWS says to begin a new one.
      let lost = ["InvalidPart", "InvalidPartOrder", "ConditionalRequestConflict"]
      if lost.contains(S3Error(answer.body)?.code ?? "") { await abort([upload.id]) }
      throw bucket.client.fault(answer, what, objectKey)
    }
    guard let told = XMLTable(answer.body, at: ["CompleteMultipartUploadResult"]) else {
      // It may be made or not: the next try looks.
      throw unclear("the answer neither says that the object is made nor why not")
    }
    guard let stored = try await bucket.evidence(of: objectKey, what) else {
      throw unclear("the store says that it made the object, and then that there is none")
    }
    try check(stored, told.fields["ETag"], plan)
    return stored.receipt(.created, size: file.size)
  }

  private func completion(of upload: Upload, _ plan: S3Plan) async throws(StoreFault) -> Answer {
    let body = S3Multipart.list(plan.parts, upload.tags, withChecksums: bucket.headers.sendsChecksums)
    return try await bucket.client.send(
      S3Client.Request(
        method: .post, objectKey: objectKey, query: [("uploadId", upload.id)], headers: [("if-none-match", "*")],
        payloadHash: SigV4.hash(of: body), body: .bytes(body)), what)
  }

  private func check(_ stored: S3Evidence, _ told: String?, _ plan: S3Plan) throws(StoreFault) {
    if case .differs(let why) = stored.verdict(for: file) { throw bucket.mismatch(what, objectKey, why) }
    guard stored.size == file.size, stored.claimed != nil || stored.checksum != nil else {
      throw bucket.unconfirmed(what, objectKey, stored, file)
    }
    // Not where the service encrypts with a key of its own: then it is no MD5.
    if stored.composite != nil {
      for tag in [stored.tag, told.map(unquoted)] {
        guard let tag, let composite = S3Evidence.composite(tag) else { continue }
        guard "\(composite.md5)-\(composite.parts)" == plan.tag else {
          throw bucket.mismatch(what, objectKey, "the ETag of the whole is \(tag), ours is \(plan.tag)")
        }
      }
    }
    try bucket.checkEncryption(stored, objectKey, what)
  }

  private func ask(_ request: S3Client.Request) async throws(StoreFault) -> Answer {
    let answer = try await bucket.client.send(request, what)
    guard answer.isSuccess, S3Error(answer.body) == nil else { throw bucket.client.fault(answer, what, objectKey) }
    return answer
  }

  private func unclear(_ why: String) -> StoreFault {
    StoreFault(.unreachable, what.words, at: place, why: why, remedy: "If it stays, check that the endpoint speaks S3")
  }

  static func list(_ parts: [S3Part], _ tags: [Int: String], withChecksums: Bool) -> [UInt8] {
    var text = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
    for part in parts {
      let tag = unquoted(tags[part.number] ?? "").replacing("&", with: "&amp;").replacing("<", with: "&lt;")
      text += "<Part><PartNumber>\(part.number)</PartNumber><ETag>&quot;\(tag)&quot;</ETag>"
      if withChecksums {
        text += "<ChecksumSHA256>\(Data(part.sha256.bytes).base64EncodedString())</ChecksumSHA256>"
      }
      text += "</Part>"
    }
    return Array((text + "</CompleteMultipartUpload>").utf8)
  }
}
