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
  /// `x-amz-server-side-encryption-customer-key-MD5`: of the key that only we have.
  var customerKey: String?
  /// Headers that should tell something, and what is wrong with them.
  var faults: [String] = []
  /// `x-amz-server-side-encryption`: how the service says it keeps the bytes.
  var encryption: String?
  /// `x-amz-version-id`, where the bucket keeps versions.
  var version: String?
  /// What the service calls itself.
  var server: String?

  init(_ headers: AnswerHeaders) {
    size = headers["content-length"].flatMap { UInt64($0) }
    tag = headers["etag"].map(unquoted)
    // `…-3` is a checksum of checksums, of three parts. Some services leave out the number: of an object of parts only a checksum that
    // is said to be of the whole is one.
    let type = headers["x-amz-checksum-type"]
    let isOfParts = tag.map { S3Evidence.composite($0) != nil } ?? false
    if type != "COMPOSITE", type == "FULL_OBJECT" || !isOfParts, let text = headers["x-amz-checksum-sha256"],
      let bytes = Data(base64Encoded: text), bytes.count == Digest.byteCount
    {
      checksum = Digest(bytes)
    }
    claimed = headers[S3Evidence.claimName].flatMap { Digest(hex: $0) }
    customerKey = headers["x-amz-server-side-encryption-customer-key-md5"]
    faults = S3Evidence.faults(headers, isOfParts: isOfParts)
    encryption = headers["x-amz-server-side-encryption"]
    version = headers["x-amz-version-id"]
    server = headers["server"]
    let hasOwnKey =
      encryption?.hasPrefix("aws:kms") == true || headers["x-amz-server-side-encryption-customer-algorithm"] != nil
    guard !hasOwnKey, let tag else { return }
    if tag.utf8.count == 32, let bytes = Hex.decode(tag) { md5 = Hex.encode(bytes) }
    composite = S3Evidence.composite(tag)
  }

  private static func faults(_ headers: AnswerHeaders, isOfParts: Bool) -> [String] {
    [
      ("content-length", "is no number"), ("etag", ""), ("x-amz-checksum-sha256", "is no SHA-256"),
      (claimName, "is no SHA-256"),
    ]
    .compactMap { name, wrong in
      guard let text = headers[name] else { return "\(name) is missing" }
      if trimmed(text).isEmpty || text == "\"\"" { return "\(name) is empty" }
      switch name {
      case "content-length": return UInt64(text) == nil ? "\(name) \(wrong)" : nil
      case claimName: return Digest(hex: text) == nil ? "\(name) \(wrong)" : nil
      case "x-amz-checksum-sha256":
        return isOfParts || Data(base64Encoded: text)?.count == Digest.byteCount ? nil : "\(name) \(wrong)"
      default: return nil
      }
    }
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
    if size != file.size { return .differs("it has \(counted(size, "byte")) by content-length, ours has \(file.size)") }
    if let checksum {
      return checksum == file.sha256
        ? .same : .differs("by x-amz-checksum-sha256 its SHA-256 is \(checksum), ours is \(file.sha256)")
    }
    if let md5, md5 != file.md5.lowercased() { return .differs("by its ETag its MD5 is \(md5), ours is \(file.md5)") }
    if let claimed, claimed != file.sha256 {
      return .differs("by \(S3Evidence.claimName) its SHA-256 is \(claimed), ours is \(file.sha256)")
    }
    return md5 == nil && claimed == nil ? .unproven : .same
  }

  /// For an answer to PUT, of an object or a part, which echoes what was stored.
  func verdictOnUpload(sha256: Digest, md5 sent: String) -> Verdict {
    if let checksum, checksum != sha256 {
      return .differs("by x-amz-checksum-sha256 the store has the SHA-256 \(checksum), ours is \(sha256)")
    }
    guard let md5 else { return checksum == nil ? .unproven : .same }
    if md5 == sent.lowercased() { return .same }
    // An echoed SHA-256 that agrees makes it likely that this ETag is no MD5: the stored object is asked.
    return checksum == nil ? .differs("by its ETag the store has the MD5 \(md5), ours is \(sent)") : .unproven
  }

  func receipt(_ outcome: Receipt.Outcome, size: UInt64) -> Receipt {
    Receipt(
      outcome: outcome, size: size, sha256: checksum ?? claimed, tag: tag, md5: md5, version: version,
      server: server)
  }
}
