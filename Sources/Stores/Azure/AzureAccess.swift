import Config
import Core
import FoundationEssentials
import Store

/// Where a container is, and what opens it.
struct AzureAccess: Sendable {
  enum Credential: Sendable {
    case key(SharedKey)
    case token(SASToken)
    case identity
  }

  let account: String
  let container: String
  /// Before every key: empty, or ending in `/`.
  let prefix: String
  /// `https://host[:port]`
  let origin: String
  /// Before the container: empty, or `/account` where the host serves several.
  let basePath: String
  let credential: Credential

  init(_ settings: AzureSettings) throws(StoreFault) {
    account = settings.account
    container = settings.container
    prefix = settings.prefix.isEmpty ? "" : settings.prefix + "/"
    var endpoint = settings.endpoint
    switch settings.access {
    case .accountKey(let key): credential = .key(try AzureAccess.key(account, key.reveal(), "account_key"))
    case .sasToken(let token): credential = .token(try AzureAccess.token(token.reveal(), "sas_token"))
    case .managedIdentity: credential = .identity
    case .connectionString(let text):
      let parts = AzureAccess.parts(text.reveal())
      if let name = parts["accountname"], name != account {
        throw AzureAccess.refuse("connection_string", "it is for the account \(name), and the url says \(account)")
      }
      if let key = parts["accountkey"] {
        credential = .key(try AzureAccess.key(account, key, "the AccountKey of connection_string"))
      } else if let token = parts["sharedaccesssignature"] {
        credential = .token(try AzureAccess.token(token, "the SharedAccessSignature of connection_string"))
      } else {
        throw AzureAccess.refuse("connection_string", "it has neither AccountKey nor SharedAccessSignature")
      }
      let scheme = parts["defaultendpointsprotocol"] ?? "https"
      endpoint =
        endpoint ?? parts["blobendpoint"]
        ?? parts["endpointsuffix"].map { "\(scheme)://\(settings.account).blob.\($0)" }
    }
    let url = endpoint ?? "https://\(account).blob.core.windows.net"
    (origin, basePath) = try AzureAccess.split(AzureAccess.blobService(url))
  }

  /// An account with hierarchical names has a second host, of another protocol; the objects are the same at both.
  private static func blobService(_ url: String) -> String {
    url.replacing(".dfs.", with: ".blob.", maxReplacements: 1)
  }

  /// Encoded, as it goes into the URL and into the signature.
  func path(_ objectKey: String?) -> String {
    "\(basePath)/\(container)" + (objectKey.map { "/" + SigV4.encode($0, keeping: "/") } ?? "")
  }

  func objectKey(_ key: StoreKey) -> String { prefix + key.description }

  /// For people.
  func place(_ objectKey: String?) -> String { "azblob://\(account)/\(container)/\(objectKey ?? prefix)" }

  /// Never to be printed.
  var secrets: [String] {
    switch credential {
    case .key(let key): [Data(key.key).base64EncodedString()]
    case .token(let token): token.secrets
    case .identity: []
    }
  }

  /// When the right to come here ends, where that is known.
  var expires: Timestamp? {
    if case .token(let token) = credential { return token.expires }
    return nil
  }

  // MARK: Parts

  private static func refuse(_ place: String, _ why: String) -> StoreFault {
    StoreFault(.denied, "Cannot use", at: place, why: why, remedy: "Copy it anew from the portal of Azure")
  }

  private static func key(_ account: String, _ text: String, _ place: String) throws(StoreFault) -> SharedKey {
    guard let bytes = Data(base64Encoded: trimmed(text)), !bytes.isEmpty else {
      throw refuse(place, "it is not in base64")
    }
    return SharedKey(account: account, key: Array(bytes))
  }

  private static func token(_ text: String, _ place: String) throws(StoreFault) -> SASToken {
    guard let token = SASToken(text) else { throw refuse(place, "it is not a shared access signature") }
    return token
  }

  /// Names in lower case.
  private static func parts(_ text: String) -> [String: String] {
    var parts: [String: String] = [:]
    for field in text.split(separator: ";") {
      let pair = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if pair.count == 2 { parts[trimmed(pair[0]).lowercased()] = trimmed(pair[1]) }
    }
    return parts
  }

  private static func split(_ url: String) throws(StoreFault) -> (origin: String, path: String) {
    let schemes = ["https://", "http://"]
    guard let scheme = schemes.first(where: url.hasPrefix), !url.contains("?"),
      url.utf8.allSatisfy({ $0 > 32 && $0 < 127 })
    else { throw refuse("the endpoint", "it is not like https://host[:port][/path]") }
    let rest = url.dropFirst(scheme.count)
    let host = rest.prefix { $0 != "/" }
    guard !host.isEmpty, !host.contains("@") else { throw refuse("the endpoint", "it has no host") }
    var path = rest.dropFirst(host.count)
    while path.hasSuffix("/") { path.removeLast() }
    return (scheme + host, String(path))
  }
}
