import Config
import Core
import Files
import FoundationEssentials
import Glibc
import Store
import SystemPackage
import Threads

/// Tokens for an identity that needs no secret of ours: of a workload (`AZURE_FEDERATED_TOKEN_FILE`, as Kubernetes sets it), or of
/// the machine, from its metadata service. A token is kept until five minutes before its end; one renewal at a time.
actor AzureIdentity {
  /// What the environment says, by the names that Microsoft's own clients use.
  struct Source: Sendable {
    var tokenFile, tenant, client: String?
    var authority = "https://login.microsoftonline.com"
    var metadata = "http://169.254.169.254"

    init(_ environment: @Sendable (String) -> String?) {
      func value(_ name: String) -> String? { environment(name).flatMap { $0.isEmpty ? nil : $0 } }
      func address(_ name: String) -> String? {
        value(name).map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 }
      }
      tokenFile = value("AZURE_FEDERATED_TOKEN_FILE")
      tenant = value("AZURE_TENANT_ID")
      client = value("AZURE_CLIENT_ID")
      authority = address("AZURE_AUTHORITY_HOST") ?? authority
      metadata = address("AZURE_POD_IDENTITY_AUTHORITY_HOST") ?? metadata
    }
  }

  private struct Token: Sendable {
    var text: String
    var expires: Timestamp
  }

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
      let answer = try await source.tokenFile == nil ? askMachine() : askAuthority()
      let fresh = try Self.read(answer, now, place)
      token = fresh
      return .success(fresh)
    } catch {
      return .failure(error)
    }
  }

  private nonisolated var place: String { source.tokenFile == nil ? source.metadata : source.authority }
  private static let what = "Cannot get a token from"

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

  /// learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow, third case
  private func askAuthority() async throws(StoreFault) -> Answer {
    guard let tenant = source.tenant, let client = source.client, let file = source.tokenFile else {
      throw StoreFault(
        .denied, Self.what, at: place,
        why: "AZURE_TENANT_ID or AZURE_CLIENT_ID is not set beside AZURE_FEDERATED_TOKEN_FILE")
    }
    let assertion: [UInt8]
    do {
      // It is a link, and it changes: read anew each time.
      assertion = try files.contents(of: Self.resolved(FilePath(file)), limit: Limits.azureAssertionBytes)
    } catch {
      throw TransferFailure.file(error).fault(Self.what, at: place)
    }
    let form = SigV4.canonicalQuery([
      ("client_id", client), ("scope", "https://storage.azure.com/.default"), ("grant_type", "client_credentials"),
      ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
      ("client_assertion", trimmed(String(decoding: assertion, as: UTF8.self))),
    ])
    let transfer = Transfer(
      method: .post, url: "\(source.authority)/\(SigV4.encode(tenant))/oauth2/v2.0/token",
      headers: [("Content-Type", "application/x-www-form-urlencoded")], body: .bytes(Array(form.utf8)))
    do { return try await network.run(transfer) } catch { throw error.fault(Self.what, at: place) }
  }

  private static func resolved(_ path: FilePath) -> FilePath {
    guard let real = path.withPlatformString({ realpath($0, nil) }) else { return path }
    defer { free(real) }
    return FilePath(platformString: real)
  }

  /// What the answer says is not printed: it may hold a token.
  private static func read(_ answer: Answer, _ now: Timestamp, _ place: String) throws(StoreFault) -> Token {
    func fault(_ kind: StoreKind, _ why: String, _ remedy: String? = nil) -> StoreFault {
      StoreFault(kind, what, at: place, why: why, remedy: remedy)
    }
    guard answer.isSuccess else {
      let code = (try? JSONDecoder().decode(Refusal.self, from: Data(answer.body)))?.error ?? ""
      let known = code.utf8.count <= 40 && code.utf8.allSatisfy { (97...122).contains($0) || $0 == UInt8(ascii: "_") }
      let why = "HTTP status \(answer.status)" + (known && !code.isEmpty ? ", \(code)" : "")
      switch answer.status {
      case 400, 401, 403:
        throw fault(.denied, why, "Check the identity of this machine or workload, and AZURE_CLIENT_ID")
      case 404, 410, 429, 500...: throw fault(.throttled(afterMilliseconds: nil), why)
      default: throw fault(.unreachable, why)
      }
    }
    guard let grant = try? JSONDecoder().decode(Grant.self, from: Data(answer.body)), !grant.token.isEmpty,
      grant.token.utf8.allSatisfy({ $0 > 32 && $0 < 127 })
    else { throw fault(.unreachable, "the answer holds no token") }
    return Token(text: grant.token, expires: now + .seconds(grant.lifetime))
  }

  private struct Refusal: Decodable { var error: String? }

  /// The metadata service writes its numbers as texts.
  private struct Grant: Decodable {
    var token: String
    var lifetime: Int64

    enum Key: String, CodingKey { case token = "access_token", lifetime = "expires_in" }
    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: Key.self)
      token = try container.decode(String.self, forKey: .token)
      let text = try? container.decode(String.self, forKey: .lifetime)
      let seconds = try text.flatMap { Int64($0) } ?? container.decode(Int64.self, forKey: .lifetime)
      lifetime = min(max(0, seconds), Limits.azureTokenLife)
    }
  }
}
