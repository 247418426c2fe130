import Core
import Crypto
import FoundationEssentials

/// Azure's SharedKey signature (learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key). Pure.
struct SharedKey: Sendable {
  var account: String
  var key: [UInt8]

  struct Request: Sendable {
    var method: String
    /// As it goes into the URL, encoded.
    var path: String
    /// Decoded.
    var query: [(name: String, value: String)] = []
    /// All that begin with `x-ms-` and the standard ones that count are signed.
    var headers: [(name: String, value: String)] = []
    var bodySize: UInt64 = 0
  }

  /// The value of `Authorization`.
  func authorization(_ request: Request) -> String {
    let code = HMAC<SHA256>.authenticationCode(
      for: Array(toSign(request).utf8), using: SymmetricKey(data: key))
    return "SharedKey \(account):\(Data(code).base64EncodedString())"
  }

  func toSign(_ request: Request) -> String {
    var values: [String: String] = [:]
    for (name, value) in request.headers { values[name.lowercased()] = trimmed(value) }
    values["content-length"] = request.bodySize == 0 ? nil : String(request.bodySize)
    let standard = SharedKey.standard.map { (values[$0] ?? "") + "\n" }.joined()
    // The service ignores hyphens at first when it sorts. Of the headers that navette sends no two differ in that alone.
    let own = values.filter { $0.key.hasPrefix("x-ms-") }.sorted { $0.key < $1.key }
      .map { "\($0.key):\($0.value)\n" }.joined()
    let query = request.query.map { ($0.name.lowercased(), $0.value) }.sorted { $0 < $1 }
      .map { "\n\($0.0):\($0.1)" }.joined()
    return "\(request.method)\n\(standard)\(own)/\(account)\(request.path)\(query)"
  }

  private static let standard = [
    "content-encoding", "content-language", "content-length", "content-md5", "content-type", "date",
    "if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range",
  ]
}
