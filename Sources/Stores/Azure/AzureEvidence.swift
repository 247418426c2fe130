import Core
import FoundationEssentials
import Store

/// What an answer of Azure says of a blob's content.
struct AzureEvidence: Hashable {
  var size: UInt64?
  /// Computed by the service for what came in one piece; of blocks it is what the uploader said.
  var md5: String?
  /// `x-ms-meta-navettesha256`: what the uploader said; the service never looked.
  var claimed: Digest?
  var tag: String?

  static let claimName = "x-ms-meta-navettesha256"

  init(_ headers: AnswerHeaders) {
    size = headers["content-length"].flatMap { UInt64($0) }
    if let text = headers["content-md5"], let bytes = Data(base64Encoded: text), bytes.count == 16 {
      md5 = Hex.encode(bytes)
    }
    claimed = headers[AzureEvidence.claimName].flatMap { Digest(hex: $0) }
    tag = headers["etag"].map(unquoted)
  }

  /// For an answer to HEAD.
  func verdict(for file: StoredFile) -> S3Evidence.Verdict {
    guard let size else { return .unproven }
    if size != file.size { return .differs("it has \(counted(size, "byte")), ours has \(file.size)") }
    if let md5, md5 != file.md5.lowercased() { return .differs("its MD5 is \(md5)") }
    if let claimed, claimed != file.sha256 { return .differs("it says that its SHA-256 is \(claimed)") }
    return md5 == nil && claimed == nil ? .unproven : .same
  }

  func receipt(_ outcome: Receipt.Outcome, size: UInt64) -> Receipt {
    Receipt(outcome: outcome, size: size, sha256: claimed, tag: tag)
  }
}
