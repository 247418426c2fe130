import Core
import FoundationEssentials
import Store

/// What an answer of S3 says of an object's content.
struct S3Evidence {
  enum Verdict: Hashable {
    case same
    case differs(String)
    /// The service tells nothing that could prove it.
    case unproven
  }

  var size: UInt64?
  /// `x-amz-checksum-sha256` of the whole object.
  var checksum: Digest?
  /// `x-amz-meta-navette-sha256`: what the uploader said; the service never looked.
  var claimed: Digest?
  var tag: String?
  /// The ETag where it is an MD5: not of parts, not encrypted with a key of its own.
  var md5: String?
  /// The ETag where it is the MD5 of the parts' MD5s, and how many they are.
  var composite: (md5: String, parts: Int)?
  /// `x-amz-server-side-encryption`: how the service says it keeps the bytes.
  var encryption: String?

  init(_ headers: AnswerHeaders) {
    size = headers["content-length"].flatMap { UInt64($0) }
    // `…-3` is a checksum of checksums, of three parts.
    if headers["x-amz-checksum-type"] != "COMPOSITE", let text = headers["x-amz-checksum-sha256"],
      let bytes = Data(base64Encoded: text), bytes.count == Digest.byteCount
    {
      checksum = Digest(bytes)
    }
    claimed = headers[S3Evidence.claimName].flatMap { Digest(hex: $0) }
    tag = headers["etag"].map(unquoted)
    encryption = headers["x-amz-server-side-encryption"]
    let hasOwnKey =
      encryption?.hasPrefix("aws:kms") == true || headers["x-amz-server-side-encryption-customer-algorithm"] != nil
    guard !hasOwnKey, let tag else { return }
    if tag.utf8.count == 32, let bytes = Hex.decode(tag) { md5 = Hex.encode(bytes) }
    composite = S3Evidence.composite(tag)
  }

  /// `32 hex digits-3`: of three parts.
  static func composite(_ tag: String) -> (md5: String, parts: Int)? {
    let halves = tag.split(separator: "-", omittingEmptySubsequences: false)
    guard halves.count == 2, halves[0].utf8.count == 32, let bytes = Hex.decode(String(halves[0])),
      let parts = Int(halves[1]), (1...S3Parts.most).contains(parts)
    else { return nil }
    return (Hex.encode(bytes), parts)
  }

  static let claimName = "x-amz-meta-navette-sha256"

  /// For an answer to HEAD. The service's own SHA-256 decides; then its MD5; what the uploader said only where there is neither.
  func verdict(for file: StoredFile) -> Verdict {
    guard let size else { return .unproven }
    if size != file.size { return .differs("it has \(counted(size, "byte")), ours has \(file.size)") }
    if let checksum { return checksum == file.sha256 ? .same : .differs("its SHA-256 is \(checksum)") }
    if let md5, md5 != file.md5.lowercased() { return .differs("its MD5 is \(md5)") }
    if let claimed, claimed != file.sha256 { return .differs("it says that its SHA-256 is \(claimed)") }
    return md5 == nil && claimed == nil ? .unproven : .same
  }

  /// For an answer to PUT, of an object or a part, which echoes what was stored.
  func verdictOnUpload(sha256: Digest, md5 sent: String) -> Verdict {
    if let checksum, checksum != sha256 { return .differs("the store's SHA-256 is \(checksum)") }
    guard let md5 else { return checksum == nil ? .unproven : .same }
    if md5 == sent.lowercased() { return .same }
    // An echoed SHA-256 that agrees makes it likely that this ETag is no MD5: the stored object is asked.
    return checksum == nil ? .differs("the store's MD5 is \(md5)") : .unproven
  }

  func receipt(_ outcome: Receipt.Outcome, size: UInt64) -> Receipt {
    Receipt(outcome: outcome, size: size, sha256: checksum ?? claimed, tag: tag)
  }
}
