import Config
import Core
import Files
import Store
import Synchronization

/// Sends signed requests to one bucket.
final class S3Client: Sendable {
  let endpoint: S3Endpoint
  private let signer: SigV4
  private let threads: TransferThreads
  private let clock: @Sendable () -> Timestamp
  /// Seconds that the service's clock is ahead of ours, once a refusal has told.
  private let skew = Atomic<Int64>(0)

  init(
    _ settings: S3Settings, threads: TransferThreads, clock: @escaping @Sendable () -> Timestamp
  ) throws(StoreFault) {
    endpoint = try S3Endpoint(settings)
    guard let keyID = settings.accessKeyID, let secret = settings.secretAccessKey else {
      throw StoreFault(
        .denied, "Cannot use", at: endpoint.place(nil), why: "there are no keys",
        remedy: "Give access_key_id and secret_access_key")
    }
    signer = SigV4(
      keyID: keyID.reveal(), secret: secret.reveal(), sessionToken: settings.sessionToken?.reveal(),
      region: settings.region)
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
    var sink = Transfer.Sink.bytes(limit: Transfer.errorBodyBytes)
  }

  /// The answer, whatever its status. Signed at the moment of sending; where the service finds our clock wrong, its own is taken and
  /// the request is sent once more.
  func send(_ request: Request, _ what: String) async throws(StoreFault) -> Answer {
    let signedAt = now
    let first = try await sendOnce(request, at: signedAt, what)
    guard let date = first.headers["date"].flatMap(HTTPDate.parse), isSkewed(first, theirs: date, ours: signedAt) else {
      return first
    }
    skew.store(date.seconds - clock().seconds, ordering: .relaxed)
    return try await sendOnce(request, at: now, what)
  }

  var now: Timestamp { clock() + .seconds(skew.load(ordering: .relaxed)) }

  func fault(_ answer: Answer, _ what: String, _ objectKey: String?) -> StoreFault {
    S3Refusal(answer, now: now)
      .fault(
        what, at: endpoint.place(objectKey),
        hiding: [signer.secret, signer.sessionToken ?? "", signer.keyID])
  }

  private func sendOnce(_ request: Request, at time: Timestamp, _ what: String) async throws(StoreFault) -> Answer {
    let signed = signer.sign(
      SigV4.Request(
        method: request.method.rawValue, host: endpoint.host, path: endpoint.path(request.objectKey),
        query: request.query, headers: request.headers + [("x-amz-content-sha256", request.payloadHash)],
        payloadHash: request.payloadHash), at: time)
    let transfer = Transfer(
      method: request.method, url: "\(endpoint.scheme)://\(endpoint.host)\(signed.target)", headers: signed.headers,
      body: request.body, sink: request.sink)
    do {
      return try await threads.run(transfer)
    } catch {
      throw error.fault(what, at: endpoint.place(request.objectKey))
    }
  }

  /// AWS bears 15 minutes. An answer to HEAD has no code, so there the dates must speak; some services answer 400.
  private func isSkewed(_ answer: Answer, theirs: Timestamp, ours: Timestamp) -> Bool {
    guard answer.status == 403 || answer.status == 400 else { return false }
    let apart = abs(theirs.seconds - ours.seconds)
    if answer.body.isEmpty { return apart > 240 }
    return S3Error(answer.body)?.code == "RequestTimeTooSkewed" && apart > 30
  }
}
