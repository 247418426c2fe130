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

  init(_ settings: S3Settings) {
    var headers: [(name: String, value: String)] = []
    encryption = settings.serverSideEncryption
    sendsChecksums = settings.checksum == .whenSupported
    if let encryption { headers.append(("x-amz-server-side-encryption", encryption.rawValue)) }
    if let key = settings.kmsKeyID { headers.append(("x-amz-server-side-encryption-aws-kms-key-id", key)) }
    // The service's own default, and not every service knows the header.
    if settings.storageClass != "STANDARD" { headers.append(("x-amz-storage-class", settings.storageClass)) }
    if let acl = settings.acl, !acl.isEmpty { headers.append(("x-amz-acl", acl)) }
    if !settings.tags.isEmpty {
      headers.append(("x-amz-tagging", SigV4.canonicalQuery(settings.tags.map { ($0.key, $0.value) })))
    }
    fixed = headers
  }

  func ofObject(_ file: StoredFile) -> [(name: String, value: String)] {
    fixed + [("content-type", file.contentType), (S3Evidence.claimName, file.sha256.description)]
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
    guard let encryption, evidence.encryption != encryption.rawValue else { return nil }
    let found = evidence.encryption.map { "it says \($0)" } ?? "it does not say that it is encrypted"
    return "server_side_encryption is \(encryption.rawValue), and of the object \(found)"
  }
}
