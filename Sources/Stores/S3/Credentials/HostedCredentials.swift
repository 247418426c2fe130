import Config
import Core
import FoundationEssentials
import Store
import SystemPackage

/// Keys that the place where we run hands out: a container's agent, or the instance itself.
///
/// Containers: docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html. Instances: version 2 of the metadata
/// service only, docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html; version 1 answers to anyone
/// who can make us ask, so there is no falling back to it.
struct HostedCredentials: Sendable {
  let environment: [String: String]
  let threads: TransferThreads
  /// Of the container agent.
  var containerHost = "http://169.254.170.2"

  private func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }

  // MARK: Containers

  func container(_ source: ConfigSource) async throws(StoreFault) -> AWSCredentials? {
    let url: String
    if let relative = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
      url = containerHost + (relative.hasPrefix("/") ? "" : "/") + relative
    } else if let full = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
      guard HostedCredentials.mayBeAsked(full) else {
        throw fault(
          .denied, full, "a token may go by https, or to this machine's own addresses only",
          "Correct AWS_CONTAINER_CREDENTIALS_FULL_URI")
      }
      url = full
    } else {
      return nil
    }
    var headers: [(name: String, value: String)] = []
    if let token = try token(source) {
      guard token.utf8.allSatisfy({ $0 >= 32 && $0 != 127 }) else {
        throw fault(.denied, url, "the token to ask with holds a line break")
      }
      headers.append(("Authorization", token))
    }
    let answer = try await ask(.get, url, headers)
    guard answer.isSuccess else { throw refused(answer, url) }
    return try parse(answer.body, url)
  }

  private func token(_ source: ConfigSource) throws(StoreFault) -> String? {
    guard let file = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") else {
      return variable("AWS_CONTAINER_AUTHORIZATION_TOKEN")
    }
    do throws(FileFault) {
      let token = trimmed(String(decoding: try source.read(FilePath(file), Limits.keysTokenBytes), as: UTF8.self))
      if !token.isEmpty { return token }
    } catch {
      throw fault(.denied, file, error.why, "Let the user that navette runs as read it")
    }
    throw fault(
      .denied, file, "the file with the token is empty", "Whoever writes it must renew it: it is read again by itself")
  }

  /// https; or loopback, and the link-local addresses of ECS and EKS.
  static func mayBeAsked(_ url: String) -> Bool {
    let lower = url.lowercased()
    if lower.hasPrefix("https://") { return true }
    guard lower.hasPrefix("http://") else { return false }
    let authority = lower.dropFirst("http://".count).prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    if authority.contains("@") || authority.contains("\\") { return false }
    if authority.hasPrefix("[") {
      let host = authority.prefix { $0 != "]" } + "]"
      let port = authority.dropFirst(host.count)
      return ["[::1]", "[fd00:ec2::23]"].contains(host) && (port.isEmpty || port.hasPrefix(":"))
    }
    let host = String(authority.prefix { $0 != ":" })
    if ["localhost", "169.254.170.2", "169.254.170.23"].contains(host) { return true }
    let numbers = host.split(separator: ".", omittingEmptySubsequences: false)
    return numbers.count == 4 && numbers[0] == "127" && numbers.allSatisfy { UInt8($0) != nil }
  }

  // MARK: Instances

  func instance() async throws(StoreFault) -> AWSCredentials? {
    if variable("AWS_EC2_METADATA_DISABLED")?.lowercased() == "true" { return nil }
    let isIPv6 = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE")?.lowercased() == "ipv6"
    var base =
      variable("AWS_EC2_METADATA_SERVICE_ENDPOINT") ?? (isIPv6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254")
    while base.hasSuffix("/") { base.removeLast() }
    // Nobody there: this is no instance.
    guard
      let session = try? await ask(
        .put, "\(base)/latest/api/token", [("X-aws-ec2-metadata-token-ttl-seconds", "21600")])
    else { return nil }
    // Switched off, or a service that only speaks version 1.
    if [403, 404, 405].contains(session.status) { return nil }
    let token = trimmed(String(decoding: session.body, as: UTF8.self))
    guard session.isSuccess, !token.isEmpty, token.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else {
      throw refused(session, base)
    }
    let headers = [("X-aws-ec2-metadata-token", token)]
    let list = "\(base)/latest/meta-data/iam/security-credentials/"
    let roles = try await ask(.get, list, headers)
    if roles.status == 404 { return nil }
    let name = trimmed(String(decoding: roles.body, as: UTF8.self).prefix { !$0.isNewline })
    guard roles.isSuccess, !name.isEmpty else { throw refused(roles, list) }
    let keys = try await ask(.get, list + SigV4.encode(name), headers)
    guard keys.isSuccess else { throw refused(keys, list) }
    return try parse(keys.body, base)
  }

  // MARK: Both

  private func ask(
    _ method: Transfer.Method, _ url: String, _ headers: [(name: String, value: String)]
  ) async throws(StoreFault) -> Answer {
    do {
      return try await threads.run(Transfer(method: method, url: url, headers: headers))
    } catch {
      throw error.fault(AWSCredentials.what, at: url)
    }
  }

  private func parse(_ body: [UInt8], _ url: String) throws(StoreFault) -> AWSCredentials {
    guard let document = CredentialDocument(body), let found = document.credentials, found.expires != nil else {
      let code = CredentialDocument(body)?.code ?? ""
      let said = code.isEmpty ? "" : ": \(S3Refusal.clean(code, hiding: []))"
      throw fault(.unreachable, url, "the answer holds no whole set of keys\(said)")
    }
    return found
  }

  private func refused(_ answer: Answer, _ url: String) -> StoreFault {
    let isLater = answer.isSuccess || answer.status >= 500 || answer.status == 429
    return fault(isLater ? .unreachable : .denied, url, "HTTP status \(answer.status)")
  }

  private func fault(_ kind: StoreKind, _ url: String, _ why: String, _ remedy: String? = nil) -> StoreFault {
    StoreFault(kind, AWSCredentials.what, at: String(url.prefix { $0 != "?" }), why: why, remedy: remedy)
  }
}

/// What containers, instances and processes answer with, as JSON.
struct CredentialDocument {
  private let fields: Fields

  private struct Fields: Decodable {
    var code: String?
    var version: Int?
    var accessKeyID: String?
    var secretAccessKey: String?
    /// Of a container or an instance; of a process.
    var token: String?
    var sessionToken: String?
    var expiration: String?

    enum CodingKeys: String, CodingKey {
      case code = "Code"
      case version = "Version"
      case accessKeyID = "AccessKeyId"
      case secretAccessKey = "SecretAccessKey"
      case token = "Token"
      case sessionToken = "SessionToken"
      case expiration = "Expiration"
    }
  }

  /// Nil where it is no such document.
  init?(_ body: [UInt8]) {
    guard let fields = try? JSONDecoder().decode(Fields.self, from: Data(body)) else { return nil }
    self.fields = fields
  }

  /// Of an instance: `Success`, or why not.
  var code: String? { fields.code == "Success" ? nil : fields.code }
  /// Of a process.
  var version: Int? { fields.version }

  var credentials: AWSCredentials? {
    guard code == nil, let id = fields.accessKeyID, let secret = fields.secretAccessKey, !id.isEmpty, !secret.isEmpty
    else { return nil }
    var expires: Timestamp?
    if let text = fields.expiration {
      guard let time = Timestamp(text: text, clamping: true) else { return nil }
      expires = time
    }
    let token = fields.token ?? fields.sessionToken
    return AWSCredentials(
      keyID: id, secret: secret, sessionToken: token?.isEmpty == false ? token : nil, expires: expires)
  }
}
