import Core
import Crypto

/// AWS Signature Version 4 (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html), for S3: the path
/// is encoded once and not normalised. One encoder makes both the URL that is sent and the canonical form that is signed, so
/// the two cannot differ. Pure: the time is given.
struct SigV4: Sendable {
  var keyID: String
  var secret: String
  var sessionToken: String?
  var region: String
  var service = "s3"

  struct Request: Sendable {
    var method: String
    /// As curl will send it: with the port where it is not the scheme's own.
    var host: String
    /// Decoded, beginning with `/`.
    var path: String
    /// Decoded.
    var query: [(name: String, value: String)] = []
    /// All of them are signed.
    var headers: [(name: String, value: String)] = []
    /// 64 hex digits.
    var payloadHash: String
  }

  struct Signed: Sendable {
    /// The path and query as they go into the URL.
    var target: String
    /// What was given, and `host`, `x-amz-date`, `x-amz-security-token` and `authorization`.
    var headers: [(name: String, value: String)]
  }

  /// SHA-256 of nothing.
  static let emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

  /// 64 hex digits.
  static func hash(of body: [UInt8]) -> String { Hex.encode(SHA256.hash(data: body)) }

  func sign(_ request: Request, at time: Timestamp) -> Signed {
    let date = time.compact
    let day = String(date.prefix(8))
    var headers = [("host", request.host)] + request.headers + [("x-amz-date", date)]
    if let sessionToken { headers.append(("x-amz-security-token", sessionToken)) }

    let path = SigV4.encode(request.path, keeping: "/")
    let query = SigV4.canonicalQuery(request.query)
    let canonicalHeaders = SigV4.canonicalHeaders(headers)
    let names = canonicalHeaders.map(\.name).joined(separator: ";")
    let canonical = [
      request.method, path, query, canonicalHeaders.map { "\($0.name):\($0.value)\n" }.joined(), names,
      request.payloadHash,
    ].joined(separator: "\n")

    let scope = "\(day)/\(region)/\(service)/aws4_request"
    let toSign = "AWS4-HMAC-SHA256\n\(date)\n\(scope)\n\(Hex.encode(SHA256.hash(data: Array(canonical.utf8))))"
    var key = Array("AWS4\(secret)".utf8)
    for part in [day, region, service, "aws4_request"] { key = SigV4.authenticate(part, with: key) }
    let signature = Hex.encode(SigV4.authenticate(toSign, with: key))
    headers.append(
      (
        "authorization",
        "AWS4-HMAC-SHA256 Credential=\(keyID)/\(scope), SignedHeaders=\(names), Signature=\(signature)"
      ))
    return Signed(target: query.isEmpty ? path : "\(path)?\(query)", headers: headers)
  }

  /// Every byte but the unreserved ones as `%XX`.
  static func encode(_ text: String, keeping extra: String = "") -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var encoded: [UInt8] = []
    encoded.reserveCapacity(text.utf8.count)
    for byte in text.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        encoded.append(byte)
      case _ where extra.utf8.contains(byte): encoded.append(byte)
      default: encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: encoded, as: UTF8.self)
  }

  static func canonicalQuery(_ query: [(name: String, value: String)]) -> String {
    query.map { (encode($0.name), encode($0.value)) }
      .sorted { $0 < $1 }
      .map { "\($0.0)=\($0.1)" }
      .joined(separator: "&")
  }

  /// Names in lower case, sorted; values without blanks around them and with single ones inside; a name that comes several
  /// times once, with all its values.
  static func canonicalHeaders(_ headers: [(name: String, value: String)]) -> [(name: String, value: String)] {
    var values: [String: [String]] = [:]
    for (name, value) in headers {
      values[name.lowercased(), default: []].append(value.split(separator: " ").joined(separator: " "))
    }
    return values.sorted { $0.key < $1.key }.map { ($0.key, $0.value.joined(separator: ",")) }
  }

  private static func authenticate(_ text: String, with key: [UInt8]) -> [UInt8] {
    Array(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: SymmetricKey(data: key)))
  }
}
