import Core

/// What Azure refused, and what that means for the batch. The codes are those of
/// learn.microsoft.com/rest/api/storageservices/blob-service-error-codes and common-rest-api-error-codes.
struct AzureRefusal {
  let status: Int
  let code: String
  private let message: String
  private let retryAfterMilliseconds: Int64?
  /// Of the SAS token, where there is one.
  private let isPastExpiry: Bool
  private let credential: AzureAccess.Credential

  init(_ answer: Answer, _ access: AzureAccess, now: Timestamp) {
    // Both services explain themselves in the same document.
    let plain = S3Refusal(answer, now: now)
    status = answer.status
    code = answer.headers["x-ms-error-code"] ?? plain.code
    message = plain.message
    retryAfterMilliseconds = plain.retryAfterMilliseconds
    isPastExpiry = access.expires.map { $0 <= now } ?? false
    credential = access.credential
  }

  /// - Parameter secrets: never printed, even where the service repeats them.
  func fault(_ what: String, at place: String, hiding secrets: [String]) -> StoreFault {
    let (kind, remedy) = byCode ?? byStatus
    var why = code.isEmpty ? "HTTP status \(status)" : "\(code), HTTP status \(status)"
    // After the first line come the request's number and, with a wrong signature, the text that was signed.
    let first = message.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
    let words = S3Refusal.clean(first, hiding: secrets)
    if !words.isEmpty, !words.hasPrefix("RequestId:") { why += ": \(words)" }
    return StoreFault(kind, what, at: place, why: why, remedy: remedy)
  }

  private var byCode: (StoreKind, String?)? {
    switch code {
    case "AuthenticationFailed", "InvalidAuthenticationInfo", "NoAuthenticationInformation": login
    case "AuthorizationFailure", "AuthorizationPermissionMismatch", "InsufficientAccountPermissions",
      "AuthorizationSourceIPMismatch", "AuthorizationProtocolMismatch", "AuthorizationServiceMismatch",
      "AuthorizationResourceTypeMismatch", "UnauthorizedBlobOverwrite", "PublicAccessNotPermitted", "AccountIsDisabled",
      "KeyBasedAuthenticationNotPermitted":
      (.denied, rights)
    // Nothing is there, or `AzureStore` would have compared it: the policy is the container's.
    case "BlobImmutableDueToPolicy":
      (.denied, "A policy of the container lets nothing be written: ask its owner")
    case "ContainerNotFound", "ResourceNotFound", "InvalidResourceName", "ContainerDisabled":
      (.wrongPlace, "Create the container, or correct the store's url")
    case "ServerBusy", "InternalError", "OperationTimedOut", "TooManyRequests":
      (.throttled(afterMilliseconds: retryAfterMilliseconds), nil)
    // The bytes that arrived are not those that were announced: the way is to blame, and sending once more helps.
    case "Md5Mismatch", "Crc64Mismatch":
      (.unreachable, "The bytes were damaged on the way; if it stays, look for a proxy that changes them")
    // Of blocks: somebody else wrote at this name, or the service threw them away.
    case "ContainerBeingDeleted", "InvalidBlockList", "InvalidBlobOrBlock", "SnapshotsPresent", "ConditionNotMet":
      (.unreachable, nil)
    case "RequestBodyTooLarge", "BlockCountExceedsLimit": (.refused, "Make batches smaller: batch.max_bytes")
    case "LeaseIdMissing", "LeaseIdMismatchWithBlobOperation", "LeaseAlreadyPresent", "LeaseLost":
      (.unreachable, "Somebody holds a lease of this blob: break it")
    case "BlobAccessTierNotSupportedForAccountType", "AccessTierNotSupportedForBlobType", "InvalidBlobTier":
      (.denied, "This account has no such tier: correct access_tier, or leave it out")
    case "BlobArchived", "BlobBeingRehydrated":
      (.refused, "The blob is in the archive tier, where nobody can read it: have it rehydrated")
    default: nil
    }
  }

  private var login: (StoreKind, String?) {
    switch credential {
    case .token where isPastExpiry: (.expired, "Its time is over: put a new sas_token in its place")
    case .token: (.denied, "Check sas_token: it may be damaged, not valid yet, or of another container")
    case .key: (.denied, "Check account_key, and the machine's clock")
    case .identity: (.denied, "Check that the identity belongs to the tenant of this account")
    }
  }

  private var rights: String {
    switch credential {
    case .token: "The sas_token needs the rights to read, create, write, list (sp=rcwl), and delete for check --connect"
    case .key: "Check the account's firewall, and that it takes account keys"
    case .identity: "Give the identity the role Storage Blob Data Contributor on the container"
    }
  }

  private var byStatus: (StoreKind, String?) {
    switch status {
    case 429, 500, 502, 503, 504: (.throttled(afterMilliseconds: retryAfterMilliseconds), nil)
    case 507: (.full, "Make room in the account, or raise its quota")
    case 401: login
    case 403: (.denied, rights)
    case 407: (.denied, "Check the proxy's user and password")
    case 413: (.refused, "Make batches smaller: batch.max_bytes; or raise the limit of what stands before the store")
    case 408, 409, 412, 425: (.unreachable, nil)
    case 300..<400, 404, 405, 501:
      (.wrongPlace, "Check the store's url and endpoint: this does not answer like a container of Azure")
    case 400..<500: (.refused, "Read the service's words; then: navette retry")
    default: (.unreachable, nil)
    }
  }
}
