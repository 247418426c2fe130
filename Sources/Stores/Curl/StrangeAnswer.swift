import Core

/// An answer that is not the store's own: of a network's login page, a proxy or a firewall on the way, or of another kind of server at
/// the address. It says nothing of our keys and nothing of the batch.
struct StrangeAnswer {
  /// As the reader knows the service: `S3`.
  let service: String
  /// Begins headers that no one but the service sends: `x-amz-`.
  let mark: String

  static let s3 = StrangeAnswer(service: "S3", mark: "x-amz-")
  static let azure = StrangeAnswer(service: "Azure Blob Storage", mark: "x-ms-")

  /// Nil where the answer may be the service's.
  /// - Parameters:
  ///   - isOfObject: it should tell of an object, or hold one: then it has a tag.
  ///   - holdsObject: only with a tag its body is an object's.
  func fault(
    _ answer: Answer, isOfObject: Bool, holdsObject: Bool = false, _ what: String, at place: String,
    hiding secrets: [String] = []
  ) -> StoreFault? {
    func fault(_ kind: StoreKind, _ why: String, _ remedy: String) -> StoreFault {
      StoreFault(kind, what, at: place, why: why, remedy: remedy)
    }
    let status = "HTTP status \(answer.status)"
    if answer.status == 407 {
      return fault(.denied, "the proxy refused: \(status)", "Check the proxy's user and password")
    }
    let hasTag = answer.headers["etag"] != nil
    guard !answer.headers.hasName(beginning: mark) || (holdsObject && answer.isSuccess && !hasTag) else { return nil }
    if Self.wantsTLS(answer) {
      return fault(.wrongPlace, "\(status): this port wants TLS", "Write the endpoint as https://, or correct its port")
    }
    let isRedirect = (300..<400).contains(answer.status) && S3Error(answer.body) == nil
    guard Self.isPage(answer) || isRedirect else {
      guard isOfObject, answer.isSuccess, !hasTag else { return nil }
      return fault(.unreachable, "\(status) without an ETag: what answered is not \(service)", Self.remedy)
    }
    // An object that is asked for may be a page.
    if answer.isSuccess, holdsObject, hasTag { return nil }
    // Of an answer to HEAD no more is known than that it is not there.
    if answer.status == 404, isOfObject, answer.body.isEmpty { return nil }
    let page = Self.sender(answer) + Self.words(answer, hiding: secrets)
    switch answer.status {
    // What gateways say of a server that is away, and of too much.
    case 429, 408, 413, 500..<510: return nil
    case 404, 405:
      return fault(
        .wrongPlace, "\(status), \(page)", "Check the store's url and endpoint: this does not answer like \(service)")
    case 300..<400:
      let target = Self.host(of: answer.headers["location"] ?? "").map { ", which leads to \($0)" } ?? ""
      return fault(.unreachable, "\(status), \(page)\(target)", Self.remedy)
    default: return fault(.unreachable, "\(status), \(page)", Self.remedy)
    }
  }

  private static let remedy =
    "Not the store answered: look for a login page of the network, a proxy or a firewall on the way, which must let this machine through"

  private static func isPage(_ answer: Answer) -> Bool {
    if answer.headers["content-type"]?.lowercased().hasPrefix("text/html") == true { return true }
    let start = trimmed(String(decoding: answer.body.prefix(64).drop { $0 > 127 }, as: UTF8.self)).lowercased()
    return start.hasPrefix("<!doctype html") || start.hasPrefix("<html")
  }

  /// The words of nginx, Go and Apache.
  private static func wantsTLS(_ answer: Answer) -> Bool {
    guard answer.status == 400 else { return false }
    let text = String(decoding: answer.body.prefix(1_000), as: UTF8.self)
    return ["HTTP request was sent to HTTPS port", "HTTP request to an HTTPS server", "speaking plain HTTP"].contains {
      text.contains($0)
    }
  }

  private static func sender(_ answer: Answer) -> String {
    let headers = answer.headers
    if let squid = headers["x-squid-error"] {
      return "of a proxy (X-Squid-Error: \(S3Refusal.clean(squid, hiding: [])))"
    }
    if headers["via"] != nil || headers["proxy-status"] != nil { return "of a proxy" }
    return isPage(answer) ? "an HTML page" : "a redirect"
  }

  /// What the page calls itself.
  private static func words(_ answer: Answer, hiding secrets: [String]) -> String {
    let text = String(decoding: answer.body, as: UTF8.self)
    for element in ["title", "h1", "h2", "p"] {
      guard let open = text.firstRange(of: "<\(element)>") ?? text.firstRange(of: "<\(element.uppercased())>"),
        let close = text[open.upperBound...].firstRange(of: "</")
      else { continue }
      let words = S3Refusal.clean(String(text[open.upperBound..<close.lowerBound]), hiding: secrets)
      if !words.isEmpty { return " “\(words.prefix(Limits.shownTitle))”" }
    }
    return ""
  }

  /// Without its path, which may hold what identifies somebody.
  static func host(of url: String) -> String? {
    guard let mark = url.firstRange(of: "://") else { return nil }
    let host = url[mark.upperBound...].prefix { !"/?#".contains($0) }
    let isPlain = host.utf8.allSatisfy { ($0 > 44 && $0 < 127 && $0 != 64) }
    return host.isEmpty || host.utf8.count > 253 || !isPlain ? nil : String(host)
  }
}
