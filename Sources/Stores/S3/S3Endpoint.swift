import Config
import Core
import Store

/// Where a bucket is, and how its objects are addressed.
struct S3Endpoint: Hashable, Sendable {
  let scheme: String
  /// What goes into the URL, the `Host` header and the signature: the port only where it is not the scheme's own.
  let host: String
  let bucket: String
  /// Before every key: empty, or ending in `/`.
  let prefix: String
  /// `host/bucket/key` instead of `bucket.host/key`.
  let isPathStyle: Bool

  init(_ settings: S3Settings) throws(StoreFault) {
    let text = settings.endpoint ?? S3Endpoint.amazon(settings)
    func refuse(_ why: String) -> StoreFault {
      StoreFault(.denied, "Cannot use the endpoint", at: text, why: why, remedy: "Write it as https://host[:port]")
    }
    guard let colon = text.range(of: "://") else { throw refuse("it has no scheme") }
    let scheme = text[..<colon.lowerBound].lowercased()
    guard scheme == "https" || scheme == "http" else { throw refuse("its scheme is neither https nor http") }
    var authority = text[colon.upperBound...].lowercased()
    while authority.hasSuffix("/") { authority.removeLast() }
    let allowed = authority.utf8.allSatisfy {
      (97...122).contains($0) || (48...57).contains($0) || [45, 46, 58, 91, 93, 95].contains($0)  // - . : [ ] _
    }
    guard !authority.isEmpty, allowed else { throw refuse("only a host and a port are expected after the scheme") }
    let standardPort = scheme == "https" ? ":443" : ":80"
    if authority.hasSuffix(standardPort) { authority.removeLast(standardPort.count) }

    self.scheme = scheme
    bucket = settings.bucket
    prefix = settings.prefix.isEmpty ? "" : settings.prefix + "/"
    // A bucket cannot be a label before an IP address; and a certificate's wildcard stands for one label only.
    let isAddress = authority.hasPrefix("[") || S3Endpoint.isAddress(authority)
    isPathStyle = settings.forcePathStyle || isAddress || (scheme == "https" && settings.bucket.contains("."))
    host = isPathStyle ? authority : "\(settings.bucket).\(authority)"
  }

  /// Amazon's own, of the region (docs.aws.amazon.com/general/latest/gr/s3.html).
  private static func amazon(_ settings: S3Settings) -> String {
    let (region, variants) = (settings.region, settings.variants)
    let domain = region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
    let dual = variants.contains(.dualstack) ? ".dualstack" : ""
    if variants.contains(.accelerate) { return "https://s3-accelerate\(dual).\(domain)" }
    return "https://s3\(variants.contains(.fips) ? "-fips" : "")\(dual).\(region).\(domain)"
  }

  /// Where a new bucket is for now; nil: the answer leads nowhere, or where no data of ours may go. Only the host is taken, by the same
  /// scheme, and only one of the same domain or address: whoever answers in the store's place must not choose who gets the objects.
  func host(redirectedBy answer: Answer) -> String? {
    guard answer.status == 307, let location = answer.headers["location"], let mark = location.firstRange(of: "://"),
      location[..<mark.lowerBound].lowercased() == scheme
    else { return nil }
    guard let other = StrangeAnswer.host(of: location)?.lowercased(), other != host else { return nil }
    let (own, new) = (S3Endpoint.name(of: host), S3Endpoint.name(of: other))
    if own == new { return other }
    guard !S3Endpoint.isAddress(new), !S3Endpoint.isAddress(own), !new.hasPrefix("[") else { return nil }
    let labels = own.split(separator: ".")
    // The last two, or three where the last ones belong to a country: amazonaws.com.cn.
    let count = labels.last?.utf8.count == 2 ? 3 : 2
    guard labels.count > count else { return nil }
    return new.hasSuffix("." + labels.suffix(count).joined(separator: ".")) ? other : nil
  }

  private static func name(of authority: String) -> String {
    if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") { return String(authority[...end]) }
    return String(authority.prefix { $0 != ":" })
  }

  private static func isAddress(_ authority: String) -> Bool {
    let parts = authority.prefix { $0 != ":" }.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
  }

  /// Decoded path of an object, or of the bucket.
  func path(_ objectKey: String?) -> String {
    let bucketPath = isPathStyle ? "/\(bucket)" : ""
    guard let objectKey else { return bucketPath.isEmpty ? "/" : bucketPath }
    return "\(bucketPath)/\(objectKey)"
  }

  func objectKey(_ key: StoreKey) -> String { prefix + key.description }

  /// For people.
  func place(_ objectKey: String?) -> String { "s3://\(bucket)/\(objectKey ?? prefix)" }
}

extension String {
  /// The first occurrence, without Foundation.
  fileprivate func range(of text: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
      start = index(after: start)
    }
    return nil
  }
}
