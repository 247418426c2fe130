import Config
import Core
import Files
import Store
import Synchronization

/// Sends signed requests to one bucket.
final class S3Client: Sendable {
  let endpoint: S3Endpoint
  private let credentials: CredentialCache
  private let region: String
  private let customerKey: S3CustomerKey?
  private let paysItself: Bool
  private let threads: TransferThreads
  private let clock: @Sendable () -> Timestamp
  /// Seconds that the service's clock is ahead of ours, once a refusal has told.
  private let skew = Atomic<Int64>(0)

  init(
    _ settings: S3Settings, _ credentials: CredentialCache, _ customerKey: S3CustomerKey?, threads: TransferThreads,
    clock: @escaping @Sendable () -> Timestamp
  ) throws(StoreFault) {
    endpoint = try S3Endpoint(settings)
    self.credentials = credentials
    region = settings.region
    self.customerKey = customerKey
    paysItself = settings.requesterPays
    self.threads = threads
    self.clock = clock
  }

  struct Request: Sendable {
    var method: Transfer.Method
    /// With the prefix; nil: the bucket itself.
    var objectKey: String?
    var query: [(name: String, value: String)] = []
    var headers: [(name: String, value: String)] = []
    var payloadHash = SigV4.emptyHash
    var body = Transfer.Body.none
    var sink = Transfer.Sink.bytes(limit: Limits.errorBytes)

    /// The answer tells of an object, or holds one.
    fileprivate var isOfObject: Bool { objectKey != nil && (method == .head || holdsObject) }

    fileprivate var holdsObject: Bool {
      if case .bytes = sink { return false }
      return true
    }
  }

  /// The answer of the service, whatever its status. Signed at the moment of sending; where the service finds our clock wrong, its own
  /// is taken and the request is sent once more; so it is where it finds our keys expired, and there are newer ones; and where the
  /// bucket is new and for now elsewhere, it is signed for that host and sent there.
  func send(_ request: Request, _ what: S3Act) async throws(StoreFault) -> Answer {
    let signedAt = now
    let keys = try await credentials.credentials()
    var answer = try await sendOnce(request, with: keys, at: signedAt, what)
    if let date = answer.headers["date"].flatMap(HTTPDate.parse), isSkewed(answer, theirs: date, ours: signedAt) {
      skew.store(date.seconds -| clock().seconds, ordering: .relaxed)
      answer = try await sendOnce(request, with: keys, at: now, what)
    }
    if S3Client.areKeysRefused(answer), let fresh = await credentials.replacement(for: keys) {
      answer = try await sendOnce(request, with: fresh, at: now, what)
    }
    if let host = endpoint.host(redirectedBy: answer) {
      answer = try await sendOnce(request, with: try await credentials.credentials(), at: now, what, host: host)
    }
    let strange = StrangeAnswer.s3.fault(
      answer, isOfObject: request.isOfObject, holdsObject: request.holdsObject, what.words,
      at: endpoint.place(request.objectKey), hiding: secrets)
    if let strange { throw strange }
    return answer
  }

  private var secrets: [String] { credentials.secrets + (customerKey?.secrets ?? []) }

  var now: Timestamp { clock() + .seconds(skew.load(ordering: .relaxed)) }

  func fault(_ answer: Answer, _ what: S3Act, _ objectKey: String?) -> StoreFault {
    S3Refusal(answer, now: now, own: region).fault(what, at: endpoint.place(objectKey), hiding: secrets)
  }

  private func sendOnce(
    _ request: Request, with keys: AWSCredentials, at time: Timestamp, _ what: S3Act, host: String? = nil
  ) async throws(StoreFault) -> Answer {
    let host = host ?? endpoint.host
    let signer = SigV4(keyID: keys.keyID, secret: keys.secret, sessionToken: keys.sessionToken, region: region)
    let signed = signer.sign(
      SigV4.Request(
        method: request.method.rawValue, host: host, path: endpoint.path(request.objectKey),
        query: request.query,
        headers: request.headers + standing(request) + [("x-amz-content-sha256", request.payloadHash)],
        payloadHash: request.payloadHash), at: time)
    let transfer = Transfer(
      method: request.method, url: "\(endpoint.scheme)://\(host)\(signed.target)", headers: signed.headers,
      body: request.body, sink: request.sink, needsTag: request.holdsObject)
    do {
      return try await threads.run(transfer)
    } catch {
      throw error.fault(what.words, at: endpoint.place(request.objectKey))
    }
  }

  /// What goes with every request of its kind.
  private func standing(_ request: Request) -> [(name: String, value: String)] {
    let payer = paysItself ? [("x-amz-request-payer", "requester")] : []
    return request.objectKey == nil || request.method == .delete ? payer : payer + (customerKey?.headers ?? [])
  }

  /// An answer to HEAD has no code; AWS gives 400 to expired tokens.
  private static func areKeysRefused(_ answer: Answer) -> Bool {
    guard answer.status == 400 || answer.status == 403 else { return false }
    if answer.body.isEmpty { return answer.status == 400 }
    let codes = ["ExpiredToken", "InvalidToken", "TokenRefreshRequired", "InvalidAccessKeyId", "InvalidClientTokenId"]
    return codes.contains(S3Error(answer.body)?.code ?? "")
  }

  /// AWS bears 15 minutes. An answer to HEAD has no code, so there the dates must speak; some services answer 400.
  private func isSkewed(_ answer: Answer, theirs: Timestamp, ours: Timestamp) -> Bool {
    guard answer.status == 403 || answer.status == 400 else { return false }
    let apart = abs(theirs.seconds - ours.seconds)
    if answer.body.isEmpty { return apart > Limits.skewTold }
    return S3Error(answer.body)?.code == "RequestTimeTooSkewed" && apart > Limits.skewCoded
  }
}
