import Config
import Core
import Store

/// AWS' Security Token Service: keys for a role, for an hour or so
/// (docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html and API_AssumeRoleWithWebIdentity.html).
struct SecurityTokens: Sendable {
  struct Role: Hashable, Sendable {
    var arn: String
    /// Shown in the account's audit log.
    var session: String?
    var externalID: String?
    /// Seconds; nil: the role's own.
    var duration: String?
  }

  let endpoint: String
  let region: String
  let threads: TransferThreads
  let clock: @Sendable () -> Timestamp

  /// With FIPS there are some in America only.
  static func endpoint(of region: String, _ variants: Set<S3Settings.Variant> = []) -> String {
    let name = variants.contains(.fips) && region.hasPrefix("us-") ? "sts-fips" : "sts"
    return "https://\(name).\(region).\(region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com")"
  }

  func assume(_ role: Role, with keys: AWSCredentials) async throws(StoreFault) -> AWSCredentials {
    var form = [("Action", "AssumeRole")] + fields(role)
    if let externalID = role.externalID { form.append(("ExternalId", externalID)) }
    let first = try await ask(form, signedWith: keys, at: clock())
    // A clock that is wrong by minutes is told by the answer's own date.
    if first.status == 400 || first.status == 403, let date = first.headers["date"].flatMap(HTTPDate.parse),
      abs(date.seconds - clock().seconds) > Limits.skewTold
    {
      return try credentials(try await ask(form, signedWith: keys, at: date), role, hiding: keys.secrets)
    }
    return try credentials(first, role, hiding: keys.secrets)
  }

  func assume(_ role: Role, webIdentity token: String) async throws(StoreFault) -> AWSCredentials {
    let form = [("Action", "AssumeRoleWithWebIdentity"), ("WebIdentityToken", token)] + fields(role)
    return try credentials(try await ask(form, signedWith: nil, at: clock()), role, hiding: [token])
  }

  private func fields(_ role: Role) -> [(name: String, value: String)] {
    var form = [("Version", "2011-06-15"), ("RoleArn", role.arn), ("RoleSessionName", role.session ?? "navette")]
    if let duration = role.duration { form.append(("DurationSeconds", duration)) }
    return form
  }

  private func ask(
    _ form: [(name: String, value: String)], signedWith keys: AWSCredentials?, at time: Timestamp
  ) async throws(StoreFault) -> Answer {
    var base = endpoint
    while base.hasSuffix("/") { base.removeLast() }
    guard let mark = base.firstRange(of: "://") else {
      throw StoreFault(
        .denied, AWSCredentials.what, at: base, why: "this is no address of STS",
        remedy: "Write sts_endpoint, or AWS_ENDPOINT_URL_STS, as https://host[:port]")
    }
    let body = Array(SigV4.canonicalQuery(form).utf8)
    var headers = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")]
    if let keys {
      let signer = SigV4(
        keyID: keys.keyID, secret: keys.secret, sessionToken: keys.sessionToken, region: region, service: "sts")
      headers =
        signer.sign(
          SigV4.Request(
            method: "POST", host: String(base[mark.upperBound...]), path: "/", headers: headers,
            payloadHash: SigV4.hash(of: body)), at: time
        ).headers
    }
    let transfer = Transfer(method: .post, url: base + "/", headers: headers, body: .bytes(body))
    do {
      return try await threads.run(transfer)
    } catch {
      throw error.fault(AWSCredentials.what, at: endpoint)
    }
  }

  private func credentials(
    _ answer: Answer, _ role: Role, hiding secrets: [String]
  ) throws(StoreFault) -> AWSCredentials {
    let strange = StrangeAnswer(service: "STS", mark: "x-amzn-").fault(
      answer, isOfObject: false, AWSCredentials.what, at: endpoint, hiding: secrets)
    if let strange { throw strange }
    guard answer.isSuccess else { throw refusal(answer, role, hiding: secrets) }
    for action in ["AssumeRole", "AssumeRoleWithWebIdentity"] {
      let path = ["\(action)Response", "\(action)Result", "Credentials"]
      guard let fields = XMLTable(answer.body, at: path)?.fields.mapValues({ trimmed($0) }) else { continue }
      guard let id = fields["AccessKeyId"], let secret = fields["SecretAccessKey"],
        let token = fields["SessionToken"],
        let expires = fields["Expiration"].flatMap({ Timestamp(text: $0, clamping: true) }),
        !id.isEmpty, !secret.isEmpty, !token.isEmpty
      else { break }
      return AWSCredentials(keyID: id, secret: secret, sessionToken: token, expires: expires)
    }
    throw StoreFault(.unreachable, AWSCredentials.what, at: endpoint, why: "the answer holds no whole set of keys")
  }

  private func refusal(_ answer: Answer, _ role: Role, hiding secrets: [String]) -> StoreFault {
    let error = XMLTable(answer.body, at: ["ErrorResponse", "Error"])?.fields ?? [:]
    let code = trimmed(error["Code"] ?? "")
    let words = S3Refusal.clean(error["Message"] ?? "", hiding: secrets)
    let why = [code.isEmpty ? "" : "\(code), ", "HTTP status \(answer.status)", words.isEmpty ? "" : ": \(words)"]
    let (kind, remedy): (StoreKind, String?) =
      switch code {
      case "Throttling", "ThrottlingException", "RequestLimitExceeded": (.throttled(afterMilliseconds: nil), nil)
      case "IDPCommunicationError": (.unreachable, nil)
      case "ExpiredTokenException", "ExpiredToken": (.expired, "Renew the token that the role is taken on with")
      case "AccessDenied": (.denied, "Let the trust policy of \(role.arn) name these keys, or this identity")
      default:
        answer.status >= 500 || answer.status == 429
          ? (.throttled(afterMilliseconds: nil), nil) : (.denied, "Check role_arn, external_id and the keys")
      }
    return StoreFault(kind, AWSCredentials.what, at: endpoint, why: why.joined(), remedy: remedy)
  }
}
