import Core

/// What S3 refused, and what that means for the batch. The codes are those of
/// docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html; services that imitate S3 share them, more or less.
struct S3Refusal {
  let status: Int
  let code: String
  let message: String
  /// That of the bucket, where the service names it.
  let region: String?
  /// The bucket's own, likewise.
  let endpoint: String?
  let retryAfterMilliseconds: Int64?
  /// There was no body to explain anything: an answer to HEAD.
  let isMute: Bool

  /// - Parameter own: the region that is set; the bucket's is named only where it is another.
  init(_ answer: Answer, now: Timestamp, own: String? = nil) {
    let error = S3Error(answer.body)
    status = answer.status
    code = error?.code ?? ""
    message = error?.message ?? ""
    let told =
      error?.region ?? answer.headers["x-amz-bucket-region"] ?? S3Refusal.expectedRegion(error?.message ?? "")
    region = told == own ? nil : told
    endpoint = error?.endpoint
    isMute = answer.body.isEmpty
    retryAfterMilliseconds = answer.headers["retry-after"].flatMap { text in
      // A day is more than any service means, and keeps the product small.
      if let seconds = Int64(text) { return min(max(0, seconds), Limits.retryAfter) * 1000 }
      return HTTPDate.parse(text, clamping: true).map { min(max(0, ($0 - now).milliseconds), Limits.retryAfter * 1000) }
    }
  }

  /// - Parameter secrets: never printed, even where the service repeats them.
  func fault(_ what: S3Act, at place: String, hiding secrets: [String]) -> StoreFault {
    let (kind, remedy) = meaning(for: what)
    var why = code.isEmpty ? "HTTP status \(status)" : "\(code), HTTP status \(status)"
    let words = S3Refusal.clean(message, hiding: secrets)
    if !words.isEmpty { why += ": \(words)" }
    return StoreFault(kind, what.words, at: place, why: why, remedy: remedy)
  }

  private func meaning(for what: S3Act) -> (StoreKind, String?) { byCode(what) ?? byStatus(what) }

  /// What AWS wants for the act that failed.
  private static func right(for what: S3Act) -> String {
    switch what {
    case .list: "Grant s3:ListBucket on the bucket"
    case .download, .readBack: "Grant s3:GetObject on bucket and prefix, and kms:Decrypt with KMS"
    case .delete: "Grant s3:DeleteObject on bucket and prefix; only check --connect, pulls and purge --remote need it"
    case .ask:
      "Grant s3:GetObject on bucket and prefix, and s3:ListBucket, without which what is missing looks forbidden"
    case .upload:
      "Grant s3:PutObject, s3:GetObject and s3:ListBucket on bucket and prefix, and kms:GenerateDataKey with KMS"
    }
  }

  private func byCode(_ what: S3Act) -> (StoreKind, String?)? {
    switch code {
    case "ExpiredToken", "TokenRefreshRequired", "RequestExpired":
      (.expired, "Renew the session token")
    case "InvalidAccessKeyId", "InvalidToken", "InvalidClientTokenId":
      (.denied, "Check access_key_id and the session token")
    case "SignatureDoesNotMatch":
      (.denied, "Check secret_access_key")
    // The keys are good, and this object is not allowed: others may be, and rights come back.
    case "AccessDenied" where what == .upload: (.forbidden, S3Refusal.right(for: what))
    case "AccessDenied": (.denied, S3Refusal.right(for: what))
    case "AllAccessDisabled", "AccountProblem", "InvalidObjectState", "NotSignedUp":
      (.denied, "Ask the owner of the account")
    case "RequestTimeTooSkewed":
      (.denied, "Set the machine's clock")
    case "NoSuchBucket", "InvalidBucketName":
      (.wrongPlace, "Create the bucket, or correct the store's url")
    case "AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException":
      (.wrongPlace, elsewhere)
    // Of a bucket that is new: followed where that is safe, and over within hours.
    case "TemporaryRedirect", "Redirect":
      (
        .unreachable,
        "The bucket is new, or being moved: it is tried again. If it stays, set the store's region and endpoint"
      )
    case "NotImplemented", "MethodNotAllowed":
      (.wrongPlace, "This service lacks what navette needs: PUT with If-None-Match, HEAD, GET, list version 2")
    // The bytes that arrived are not those that were announced. Our file was whole when we looked (`S3Store` looks again), so the way
    // is to blame, and sending once more helps.
    case "BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "IncompleteBody":
      (.unreachable, "The bytes were damaged on the way; if it stays, look for a proxy that changes them")
    // An upload of parts that somebody ended, or whose parts were lost: the next try begins a new one.
    case "NoSuchUpload", "InvalidPart", "InvalidPartOrder": (.unreachable, nil)
    case "RequestTimeout", "ConditionalRequestConflict", "OperationAborted":
      (.unreachable, nil)
    case "SlowDown", "ServiceUnavailable", "InternalError", "TooManyRequests", "RequestLimitExceeded", "Throttling",
      "ThrottlingException", "BandwidthLimitExceeded", "ServerBusy":
      (.throttled(afterMilliseconds: retryAfterMilliseconds), nil)
    case "QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "InsufficientCapacity":
      (.full, "Make room in the store, or raise its quota")
    case "NoSuchKey":
      (.refused, nil)
    case "EntityTooLarge":
      (.refused, "Make batches smaller: batch.max_bytes")
    default: nil
    }
  }

  private func byStatus(_ what: S3Act) -> (StoreKind, String?) {
    switch status {
    case 429, 500, 502, 503, 504: (.throttled(afterMilliseconds: retryAfterMilliseconds), nil)
    case 507: (.full, "Make room in the store, or raise its quota")
    case 403 where isMute: (.denied, "Check the store's keys. \(S3Refusal.right(for: what))")
    case 401, 403: (.denied, "Check the store's keys and their rights")
    case 407: (.denied, "Check the proxy's user and password")
    case 413: (.refused, "Make batches smaller: batch.max_bytes; or raise the limit of what stands before the store")
    case 408, 409, 425: (.unreachable, nil)
    case 307: (.unreachable, "The service leads elsewhere for a while: it is tried again")
    case 300..<400: (.wrongPlace, elsewhere)
    case 404, 405, 501: (.wrongPlace, "Check the store's url and endpoint: this does not answer like an S3 bucket")
    // HEAD cannot say what is wrong; a request without a body has nothing of the batch's own to be refused.
    case 400 where isMute && region != nil: (.wrongPlace, elsewhere)
    case 400 where isMute: (.denied, "Check the store's region, keys and session token")
    case 400..<500: (.refused, "Read the service's words; then: navette retry")
    // 2xx with an error's body, or a status that HTTP does not know.
    default: (.unreachable, nil)
    }
  }

  /// Not followed: a bucket elsewhere is for a person to confirm.
  private var elsewhere: String {
    let own = S3Refusal.clean(endpoint ?? "", hiding: [])
    let address = own.isEmpty ? "the bucket's own" : "\(own), or leave it out"
    return
      "Set the store's region\(region.map { " to \(S3Refusal.clean($0, hiding: []))" } ?? ""), and its endpoint to \(address)"
  }

  /// “the region 'eu-west-9' is wrong; expecting 'eu-west-1'”: so AWS says it where it has no element for it.
  private static func expectedRegion(_ message: String) -> String? {
    guard let mark = message.firstRange(of: "expecting '") else { return nil }
    let name = message[mark.upperBound...].prefix { $0 != "'" }
    let isName = !name.isEmpty && name.utf8.allSatisfy { $0 == 45 || (48...57).contains($0) || (97...122).contains($0) }
    return isName ? String(name) : nil
  }

  /// One line of at most 200 characters.
  static func clean(_ message: String, hiding secrets: [String]) -> String {
    var text = String(message.map { $0.isNewline || $0.unicodeScalars.contains { $0.value < 32 } ? " " : $0 })
    for secret in secrets where !secret.isEmpty {
      text = text.split(separator: secret, omittingEmptySubsequences: false).joined(separator: "‹secret›")
    }
    return trimmed(String(text.prefix(Limits.shownRefusal)))
  }
}
