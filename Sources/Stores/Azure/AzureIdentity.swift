import Config
import Core
import Files
import Glibc
import Store
import SystemPackage
import Threads

/// Tokens for an identity of Entra: of the machine, from its metadata service; of a workload, for the token that Kubernetes puts into a
/// file; of an application, for its secret or an assertion signed with its certificate. A token is kept until five minutes before its end;
/// one renewal at a time.
actor AzureIdentity {
  /// What the settings say, and else the environment, by the names that Microsoft's own clients use.
  struct Source: Sendable {
    enum Kind: Hashable, Sendable {
      case machine, workload, secret, certificate

      var remedy: String {
        switch self {
        case .machine: "Check the identity of this machine, and client_id where it has several"
        case .workload: "Check the identity of this workload: tenant_id, client_id and its federated credential"
        case .secret: "Check tenant_id, client_id and client_secret"
        case .certificate: "Check tenant_id, client_id and client_certificate"
        }
      }
    }

    let kind: Kind
    var tokenFile, tenant, client: String?
    var secret: Secret?
    var certificate: EntraCertificate?
    var authority = "https://login.microsoftonline.com"
    var metadata = "http://169.254.169.254"

    init(
      _ settings: AzureSettings.Identity = .init(), _ environment: @Sendable (String) -> String?
    ) throws(StoreFault) {
      func value(_ name: String) -> String? { environment(name).flatMap { $0.isEmpty ? nil : $0 } }
      func address(_ text: String?) -> String? { text.map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 } }
      tokenFile = settings.tokenFile?.string ?? value("AZURE_FEDERATED_TOKEN_FILE")
      tenant = settings.tenant ?? value("AZURE_TENANT_ID")
      client = settings.client ?? value("AZURE_CLIENT_ID")
      secret = settings.secret
      certificate = try settings.certificate.map { text throws(StoreFault) in try EntraCertificate(text.reveal()) }
      authority = address(settings.authority ?? value("AZURE_AUTHORITY_HOST")) ?? authority
      metadata = address(value("AZURE_POD_IDENTITY_AUTHORITY_HOST")) ?? metadata
      switch settings.kind {
      case .managed: kind = tokenFile == nil ? .machine : .workload
      case .workload: kind = .workload
      case .principal: kind = settings.certificate == nil ? .secret : .certificate
      }
    }

    /// What no message may hold.
    var secrets: [String] { secret.map { [$0.reveal()] } ?? [] }
  }

  private typealias Token = EntraAnswer.Token

  private let source: Source
  private let files: any Files
  private let machine: TransferThreads
  private let network: TransferThreads
  private var token: Token?
  private var renewal: Task<Result<Token, StoreFault>, Never>?

  init(_ source: Source, options: TransferOptions, files: any Files) {
    self.source = source
    self.files = files
    network = TransferThreads(slots: 1, options: options, files: files)
    var near = options
    near.proxy = .none
    near.connectTimeout = Limits.azureHostTimeout
    machine = TransferThreads(slots: 1, options: near, files: files)
  }

  func token(now: Timestamp) async throws(StoreFault) -> String {
    if let token, token.expires - now > Limits.azureTokenEarly { return token.text }
    let task = renewal ?? Task(executorPreference: WorkerPool.shared) { await self.renew(now) }
    renewal = task
    switch await task.value {
    case .success(let fresh): return fresh.text
    case .failure(let fault):
      // Better an old one than none.
      if let token, token.expires > now { return token.text }
      throw fault
    }
  }

  /// The service did not want it.
  func forget(_ text: String) { if token?.text == text { token = nil } }

  /// Ends itself: of those who wait for it, each comes to its turn when it may, and a newer one may be under way by then.
  private func renew(_ now: Timestamp) async -> Result<Token, StoreFault> {
    defer { renewal = nil }
    do throws(StoreFault) {
      let answer: EntraAnswer
      if source.kind == .machine {
        answer = wrapped(try await askMachine())
      } else {
        let first = wrapped(try await askAuthority(at: now))
        // A clock that is wrong is told by the answer's own date.
        if first.doubtsTime, let date = first.answer.headers["date"].flatMap(HTTPDate.parse) {
          answer = wrapped(try await askAuthority(at: date))
        } else {
          answer = first
        }
      }
      let fresh = try answer.token(now)
      token = fresh
      return .success(fresh)
    } catch {
      return .failure(error)
    }
  }

  private func wrapped(_ answer: Answer) -> EntraAnswer { EntraAnswer(answer: answer, place: place, kind: source.kind) }

  private nonisolated var place: String { source.kind == .machine ? source.metadata : source.authority }
  private static let what = EntraAnswer.what

  /// learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
  private func askMachine() async throws(StoreFault) -> Answer {
    var query = [("api-version", "2018-02-01"), ("resource", "https://storage.azure.com/")]
    if let client = source.client { query.append(("client_id", client)) }
    let url = "\(source.metadata)/metadata/identity/oauth2/token?\(SigV4.canonicalQuery(query))"
    do {
      return try await machine.run(Transfer(method: .get, url: url, headers: [("Metadata", "true")]))
    } catch {
      let fault = error.fault(Self.what, at: place)
      throw StoreFault(
        fault.kind, fault.what, at: place, why: fault.why,
        remedy: "identity: managed works on machines of Azure that have a managed identity")
    }
  }

  /// learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
  private func askAuthority(at now: Timestamp) async throws(StoreFault) -> Answer {
    guard let tenant = source.tenant, let client = source.client else {
      throw StoreFault(
        .denied, Self.what, at: place, why: "no tenant_id, or no client_id, is known",
        remedy: "Set tenant_id and client_id, or AZURE_TENANT_ID and AZURE_CLIENT_ID")
    }
    let url = "\(source.authority)/\(SigV4.encode(tenant))/oauth2/v2.0/token"
    let form =
      [
        ("client_id", client), ("scope", "https://storage.azure.com/.default"), ("grant_type", "client_credentials"),
      ] + (try proof(of: client, for: url, at: now))
    let transfer = Transfer(
      method: .post, url: url, headers: [("Content-Type", "application/x-www-form-urlencoded")],
      body: .bytes(Array(SigV4.canonicalQuery(form).utf8)))
    do { return try await network.run(transfer) } catch { throw error.fault(Self.what, at: place) }
  }

  /// That we are the application.
  private func proof(
    of client: String, for url: String, at now: Timestamp
  ) throws(StoreFault) -> [(name: String, value: String)] {
    if source.kind == .secret { return [("client_secret", source.secret?.reveal() ?? "")] }
    let assertion =
      source.kind == .certificate
      ? try source.certificate?.assertion(of: client, for: url, at: now) ?? "" : try workloadToken()
    return [
      ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
      ("client_assertion", assertion),
    ]
  }

  /// It is a link, and it changes: read anew each time. While it is gone, no batch is to blame, and it comes back by itself.
  private func workloadToken() throws(StoreFault) -> String {
    func refuse(_ why: String) -> StoreFault {
      StoreFault(
        .denied, "Cannot use", at: source.tokenFile ?? "token_file", why: why,
        remedy: "Whoever writes the token of this workload must renew it: it is read again by itself")
    }
    guard let file = source.tokenFile else { throw refuse("neither token_file nor AZURE_FEDERATED_TOKEN_FILE is set") }
    let bytes: [UInt8]
    do {
      bytes = try files.contents(of: Self.resolved(FilePath(file)), limit: Limits.azureAssertionBytes)
    } catch {
      throw refuse(error.why)
    }
    let token = trimmed(String(decoding: bytes, as: UTF8.self))
    guard !token.isEmpty else { throw refuse("the file with the token is empty") }
    return token
  }

  private static func resolved(_ path: FilePath) -> FilePath {
    guard let real = path.withPlatformString({ realpath($0, nil) }) else { return path }
    defer { free(real) }
    return FilePath(platformString: real)
  }
}
