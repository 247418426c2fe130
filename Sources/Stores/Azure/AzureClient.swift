import Config
import Core
import Files
import Store
import Synchronization

/// Sends authorized requests to one container.
final class AzureClient: Sendable {
  let access: AzureAccess
  private let threads: TransferThreads
  private let identity: AzureIdentity
  private let clock: @Sendable () -> Timestamp
  /// Seconds that the service's clock is ahead of ours, once a refusal has told.
  private let skew = Atomic<Int64>(0)

  /// Answers tell checksums since 2019-02-02; one piece may be large since 2019-12-12.
  static let version = "2021-12-02"

  init(
    _ access: AzureAccess, threads: TransferThreads, identity: AzureIdentity, clock: @escaping @Sendable () -> Timestamp
  ) {
    self.access = access
    self.threads = threads
    self.identity = identity
    self.clock = clock
  }

  struct Request: Sendable {
    var method: Transfer.Method
    /// With the prefix; nil: the container itself.
    var objectKey: String?
    var query: [(name: String, value: String)] = []
    var headers: [(name: String, value: String)] = []
    var body = Transfer.Body.none
    var sink = Transfer.Sink.bytes(limit: Limits.errorBytes)

    fileprivate var holdsObject: Bool {
      if case .bytes = sink { return false }
      return true
    }
  }

  var now: Timestamp { clock() + .seconds(skew.load(ordering: .relaxed)) }

  /// The answer of the service, whatever its status. Authorized at the moment of sending. Where the service finds our clock wrong, its own is
  /// taken; where it finds a token outdated, a new one is fetched; then the request is sent once more.
  func send(_ request: Request, _ what: String) async throws(StoreFault) -> Answer {
    let answer = try await sendAsNeeded(request, what)
    let isOfObject = request.objectKey != nil && (request.method == .head || request.holdsObject)
    let strange = StrangeAnswer.azure.fault(
      answer, isOfObject: isOfObject, holdsObject: request.objectKey != nil && request.holdsObject, what,
      at: access.place(request.objectKey), hiding: access.secrets)
    if let strange { throw strange }
    return answer
  }

  private func sendAsNeeded(_ request: Request, _ what: String) async throws(StoreFault) -> Answer {
    let sentAt = now
    var token: String?
    if case .identity = access.credential { token = try await identity.token(now: sentAt) }
    let first = try await sendOnce(request, at: sentAt, token: token, what)
    if let token, first.status == 401 {
      await identity.forget(token)
      return try await sendOnce(request, at: now, token: try await identity.token(now: now), what)
    }
    guard let date = first.headers["date"].flatMap(HTTPDate.parse), isSkewed(first, theirs: date, ours: sentAt) else {
      return first
    }
    skew.store(date.seconds -| clock().seconds, ordering: .relaxed)
    return try await sendOnce(request, at: now, token: token, what)
  }

  func fault(_ answer: Answer, _ what: String, _ objectKey: String?) -> StoreFault {
    refusal(answer).fault(what, at: access.place(objectKey), hiding: access.secrets)
  }

  func refusal(_ answer: Answer) -> AzureRefusal { AzureRefusal(answer, access, now: now) }

  private func sendOnce(
    _ request: Request, at time: Timestamp, token: String?, _ what: String
  ) async throws(StoreFault) -> Answer {
    let path = access.path(request.objectKey)
    var headers = request.headers + [("x-ms-date", HTTPDate.text(time)), ("x-ms-version", AzureClient.version)]
    var query = SigV4.canonicalQuery(request.query)
    switch access.credential {
    case .key(let key):
      let signed = SharedKey.Request(
        method: request.method.rawValue, path: path, query: request.query, headers: headers,
        bodySize: request.body.size)
      headers.append(("authorization", key.authorization(signed)))
    case .token(let token): query += (query.isEmpty ? "" : "&") + token.query
    case .identity: headers.append(("authorization", "Bearer \(token ?? "")"))
    }
    let transfer = Transfer(
      method: request.method, url: access.origin + path + (query.isEmpty ? "" : "?\(query)"), headers: headers,
      body: request.body, sink: request.sink, needsTag: request.holdsObject)
    do {
      return try await threads.run(transfer)
    } catch {
      throw error.fault(what, at: access.place(request.objectKey))
    }
  }

  /// Azure bears 15 minutes, and says no more than that the authentication failed.
  private func isSkewed(_ answer: Answer, theirs: Timestamp, ours: Timestamp) -> Bool {
    guard case .key = access.credential, answer.status == 403 else { return false }
    return refusal(answer).code == "AuthenticationFailed" && abs(theirs.seconds - ours.seconds) > Limits.skewTold
  }
}
