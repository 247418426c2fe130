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
  /// `x-ms-version-id`, where the account keeps versions.
  var version: String?
  /// What the service calls itself.
  var server: String?
  /// Headers that should tell something, and what is wrong with them.
  var faults: [String] = []

  static let claimName = "x-ms-meta-navettesha256"

  init(_ headers: AnswerHeaders) {
    size = headers["content-length"].flatMap { UInt64($0) }
    if let text = headers["content-md5"], let bytes = Data(base64Encoded: text), bytes.count == 16 {
      md5 = Hex.encode(bytes)
    }
    claimed = headers[AzureEvidence.claimName].flatMap { Digest(hex: $0) }
    tag = headers["etag"].map(unquoted)
    version = headers["x-ms-version-id"]
    server = headers["server"]
    faults = ["content-length", "content-md5", AzureEvidence.claimName].compactMap { name in
      guard let text = headers[name] else { return "\(name) is missing" }
      if trimmed(text).isEmpty { return "\(name) is empty" }
      let isUsable = name == "content-md5" ? md5 != nil : name == AzureEvidence.claimName ? claimed != nil : size != nil
      return isUsable ? nil : "\(name) is damaged"
    }
  }

  /// For an answer to HEAD.
  func verdict(for file: StoredFile) -> S3Evidence.Verdict {
    guard let size else { return .unproven }
    if size != file.size { return .differs("it has \(counted(size, "byte")) by content-length, ours has \(file.size)") }
    if let md5, md5 != file.md5.lowercased() {
      return .differs("by content-md5 its MD5 is \(md5), ours is \(file.md5)")
    }
    if let claimed, claimed != file.sha256 {
      return .differs("by \(AzureEvidence.claimName) its SHA-256 is \(claimed), ours is \(file.sha256)")
    }
    return md5 == nil && claimed == nil ? .unproven : .same
  }

  func receipt(_ outcome: Receipt.Outcome, size: UInt64) -> Receipt {
    Receipt(outcome: outcome, size: size, sha256: claimed, tag: tag, md5: md5, version: version, server: server)
  }
}
