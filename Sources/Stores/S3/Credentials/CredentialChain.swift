import Config
import Core
import Files
import Store
import SystemPackage

/// Where keys are looked for, and what that needs. The order is that of Amazon's own clients
/// (docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html).
struct CredentialPlaces: Sendable {
  var environment: [String: String]
  var source = ConfigSource.disk
  /// Of tokens: STS.
  var region: String
  var tokens: SecurityTokens
  /// Of this machine: no proxy, little patience.
  var hosted: HostedCredentials
  var blocking: BlockingQueue

  /// Nil where it is not set, or empty.
  subscript(name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }

  init(
    environment: [String: String], settings: S3Settings, store: StoreSettings, agent: String, files: any Files,
    clock: @escaping @Sendable () -> Timestamp
  ) {
    func threads(_ options: TransferOptions) -> TransferThreads {
      TransferThreads(slots: 1, options: options, files: files)
    }
    self.environment = environment
    region = settings.region
    blocking = BlockingQueue("credentials")
    let own = settings.stsEndpoint ?? environment["AWS_ENDPOINT_URL_STS"].flatMap { $0.isEmpty ? nil : $0 }
    tokens = SecurityTokens(
      endpoint: own ?? SecurityTokens.endpoint(of: settings.region, settings.variants), region: settings.region,
      threads: threads(
        TransferOptions(
          connectTimeout: store.connectTimeout, stallTimeout: store.stallTimeout,
          // A private authority is that of the private service; Amazon's STS has Amazon's.
          caFile: own == nil ? nil : settings.caFile, proxy: store.proxy.map { .url($0) } ?? .environment,
          agent: agent)),
      clock: clock)
    hosted = HostedCredentials(
      environment: environment,
      threads: threads(
        TransferOptions(connectTimeout: Limits.keysConnect, stallTimeout: Limits.keysStall, proxy: .none, agent: agent))
    )
  }
}

/// Keys of the configuration, or else of the first place that has some; and the role taken on with them.
struct CredentialChain: CredentialSource {
  let given: AWSCredentials?
  let profile: String?
  let role: String?
  let externalID: String?
  let session: String?
  let places: CredentialPlaces

  init(_ settings: S3Settings, _ places: CredentialPlaces) {
    given = CredentialChain.given(settings)
    profile = settings.profile
    role = settings.roleARN
    externalID = settings.externalID
    session = settings.roleSessionName
    self.places = places
  }

  static func given(_ settings: S3Settings) -> AWSCredentials? {
    guard let id = settings.accessKeyID, let secret = settings.secretAccessKey else { return nil }
    return AWSCredentials(
      keyID: id.reveal(), secret: secret.reveal(), sessionToken: settings.sessionToken?.reveal(), expires: nil)
  }

  func fetch() async throws(StoreFault) -> AWSCredentials? {
    guard let found = try await base() else { return nil }
    guard let role else { return found }
    return try await places.tokens.assume(
      SecurityTokens.Role(arn: role, session: session ?? places["AWS_ROLE_SESSION_NAME"], externalID: externalID),
      with: found)
  }

  private func base() async throws(StoreFault) -> AWSCredentials? {
    if let given { return given }
    if let profile { return try await Profiles(places).credentials(of: profile, isAsked: true) }
    if let found = try environment() { return found }
    if let found = try await webIdentity() { return found }
    let name = places["AWS_PROFILE"] ?? places["AWS_DEFAULT_PROFILE"]
    if let found = try await Profiles(places).credentials(of: name ?? "default", isAsked: name != nil) { return found }
    if let found = try await places.hosted.container(places.source) { return found }
    return try await places.hosted.instance()
  }

  private func environment() throws(StoreFault) -> AWSCredentials? {
    try places.environmentKeys()
  }

  private func webIdentity() async throws(StoreFault) -> AWSCredentials? {
    guard let file = places["AWS_WEB_IDENTITY_TOKEN_FILE"], let arn = places["AWS_ROLE_ARN"] else { return nil }
    return try await places.webIdentity(
      SecurityTokens.Role(arn: arn, session: places["AWS_ROLE_SESSION_NAME"]), tokenFile: file)
  }
}

extension CredentialPlaces {
  func environmentKeys() throws(StoreFault) -> AWSCredentials? {
    switch (self["AWS_ACCESS_KEY_ID"], self["AWS_SECRET_ACCESS_KEY"]) {
    case (nil, nil): return nil
    case (let id?, let secret?):
      return AWSCredentials(keyID: id, secret: secret, sessionToken: self["AWS_SESSION_TOKEN"], expires: nil)
    case (let id, _):
      throw StoreFault(
        .denied, AWSCredentials.what, at: "the environment",
        why: "\(id == nil ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY") is missing", remedy: "Set both, or neither")
    }
  }

  /// The token is read anew each time: who writes the file renews it.
  func webIdentity(_ role: SecurityTokens.Role, tokenFile: String) async throws(StoreFault) -> AWSCredentials {
    let token = trimmed(String(decoding: try read(tokenFile), as: UTF8.self))
    guard !token.isEmpty else {
      throw StoreFault(
        .denied, AWSCredentials.what, at: tokenFile, why: "the file with the token is empty",
        remedy: "Whoever writes it must renew it: it is read again by itself")
    }
    return try await tokens.assume(role, webIdentity: token)
  }

  /// A token, or a file of profiles: a few KiB. Links are followed; Kubernetes makes some.
  func read(_ path: String) throws(StoreFault) -> [UInt8] {
    do throws(FileFault) {
      return try source.read(FilePath(path), Limits.keysFileBytes)
    } catch {
      throw StoreFault(
        error.kind == .io ? .unreachable : .denied, AWSCredentials.what, at: path, why: error.why,
        remedy: "Let the user that navette runs as read it")
    }
  }
}
