import Config
import Core
import FoundationEssentials
import Store

/// What is said of every object when it is made: whole, or as an upload of parts.
struct S3ObjectHeaders: Sendable {
  /// Given with every object.
  let fixed: [(name: String, value: String)]
  let encryption: S3Settings.Encryption?
  /// SHA-256 with every upload; some services refuse the header.
  let sendsChecksums: Bool
  let customerKey: S3CustomerKey?
  private let lock: S3Settings.ObjectLock?

  init(_ settings: S3Settings, customerKey: S3CustomerKey?) {
    self.customerKey = customerKey
    lock = settings.objectLock
    var headers: [(name: String, value: String)] = []
    encryption = settings.serverSideEncryption
    sendsChecksums = settings.checksum == .whenSupported
    if let encryption { headers.append(("x-amz-server-side-encryption", encryption.rawValue)) }
    if let key = settings.kmsKeyID { headers.append(("x-amz-server-side-encryption-aws-kms-key-id", key)) }
    // The service's own default, and not every service knows the header.
    if settings.storageClass != "STANDARD" { headers.append(("x-amz-storage-class", settings.storageClass)) }
    if let acl = settings.acl, !acl.isEmpty { headers.append(("x-amz-acl", acl)) }
    if settings.legalHold { headers.append(("x-amz-object-lock-legal-hold", "ON")) }
    if !settings.tags.isEmpty {
      headers.append(("x-amz-tagging", SigV4.canonicalQuery(settings.tags.map { ($0.key, $0.value) })))
    }
    fixed = headers
  }

  /// - Parameter now: from which on days are counted.
  func ofObject(_ file: StoredFile, now: Timestamp) -> [(name: String, value: String)] {
    var headers = fixed + [("content-type", file.contentType), (S3Evidence.claimName, file.sha256.description)]
    if let lock {
      let end = now + .seconds(Int64(lock.days) * 86_400)
      headers += [
        ("x-amz-object-lock-mode", lock.mode.rawValue), ("x-amz-object-lock-retain-until-date", end.iso()),
      ]
    }
    return headers
  }

  /// Of one body, an object's or a part's. Where the service computes others, it refuses.
  func ofBody(sha256: Digest, md5: [UInt8]) -> [(name: String, value: String)] {
    let content = [("content-md5", Data(md5).base64EncodedString())]
    return sendsChecksums
      ? content + [("x-amz-checksum-sha256", Data(sha256.bytes).base64EncodedString())] : content
  }

  /// With HEAD and GET: AWS tells checksums only where it is asked.
  var ofQuestion: [(name: String, value: String)] { sendsChecksums ? [("x-amz-checksum-mode", "ENABLED")] : [] }

  /// Nil where the object is encrypted as it was asked.
  func complaint(_ evidence: S3Evidence) -> String? {
    if let customerKey, evidence.customerKey != customerKey.md5 {
      let found = evidence.customerKey == nil ? "it does not say that it is encrypted with it" : "it names another key"
      return "sse_customer_key is set, and of the object \(found)"
    }
    guard let encryption, evidence.encryption != encryption.rawValue else { return nil }
    let found = evidence.encryption.map { "it says \($0)" } ?? "it does not say that it is encrypted"
    return "server_side_encryption is \(encryption.rawValue), and of the object \(found)"
  }
}
