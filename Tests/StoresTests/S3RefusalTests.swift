import Config
import Core
import Testing

@testable import Stores

@Suite struct S3RefusalTests {
  private let now = Timestamp(seconds: 1_800_000_000)

  private func fault(_ status: Int, _ code: String = "", _ message: String = "", _ headers: [String: String] = [:])
    -> StoreFault
  {
    var answer = Answer()
    answer.status = status
    answer.headers = AnswerHeaders(headers)
    if !code.isEmpty { answer.body = Array("<Error><Code>\(code)</Code><Message>\(message)</Message></Error>".utf8) }
    return S3Refusal(answer, now: now).fault(.upload, at: "s3://b/k", hiding: ["sesame", "KEYID"])
  }

  @Test(arguments: [
    (403, "SignatureDoesNotMatch", StoreKind.denied), (403, "InvalidAccessKeyId", .denied),
    (403, "AccessDenied", .forbidden),
    (400, "ExpiredToken", .expired), (403, "RequestTimeTooSkewed", .denied), (404, "NoSuchBucket", .wrongPlace),
    (404, "NoSuchKey", .refused), (400, "InvalidRequest", .refused), (400, "AuthorizationHeaderMalformed", .wrongPlace),
    (301, "PermanentRedirect", .wrongPlace), (307, "TemporaryRedirect", .unreachable), (307, "", .unreachable),
    (400, "BadDigest", .unreachable),
    (409, "ConditionalRequestConflict", .unreachable),
    (503, "SlowDown", .throttled(afterMilliseconds: nil)), (500, "InternalError", .throttled(afterMilliseconds: nil)),
    (200, "InternalError", .throttled(afterMilliseconds: nil)), (507, "InsufficientStorage", .full),
    (500, "", .throttled(afterMilliseconds: nil)),
    (502, "", .throttled(afterMilliseconds: nil)), (429, "", .throttled(afterMilliseconds: nil)), (403, "", .denied),
    (400, "", .denied),
    (501, "NotImplemented", .wrongPlace), (413, "", .refused), (200, "Surprise", .unreachable),
  ])
  func everyRefusalHasItsKind(_ status: Int, _ code: String, _ kind: StoreKind) {
    #expect(fault(status, code).kind == kind)
  }

  @Test func aPauseThatIsAskedForIsTold() {
    #expect(fault(503, "SlowDown", "", ["Retry-After": "7"]).kind == .throttled(afterMilliseconds: 7_000))
    #expect(fault(429, "", "", ["Retry-After": "99999999999999"]).kind == .throttled(afterMilliseconds: 86_400_000))
    // 15 January 2027, 08:00:30: half a minute from now.
    let kind = fault(503, "SlowDown", "", ["Retry-After": "Fri, 15 Jan 2027 08:00:30 GMT"]).kind
    #expect(kind == .throttled(afterMilliseconds: 30_000))
  }

  @Test func messagesSayWhatToDoAndNoSecret() {
    let fault = fault(403, "InvalidAccessKeyId", "No key KEYID,\n with sesame " + String(repeating: "x", count: 500))
    let text = fault.description
    #expect(
      text.hasPrefix("Cannot upload to s3://b/k: InvalidAccessKeyId, HTTP status 403: No key ‹secret›,  with ‹secret›"))
    #expect(text.hasSuffix("Check access_key_id and the session token"))
    #expect(text.utf8.count < 400)
  }

  @Test func aWrongRegionIsNamed() {
    let fault = fault(301, "PermanentRedirect", "", ["x-amz-bucket-region": "eu-west-3"])
    #expect(fault.remedy?.contains("to eu-west-3") == true)
    var answer = Answer()
    answer.status = 301
    answer.headers = AnswerHeaders(["x-amz-bucket-region": "eu-west-3"])
    // It is the one that is set: something else is wrong.
    let same = S3Refusal(answer, now: now, own: "eu-west-3").fault(.upload, at: "s3://b/k", hiding: [])
    #expect(same.kind == .wrongPlace && same.remedy?.contains("eu-west-3") == false, "\(same)")
  }

  @Test func addressesAreWrittenAsCurlSendsThem() throws {
    func endpoint(_ bucket: String, _ text: String?, pathStyle: Bool = false) throws -> String {
      var settings = S3Settings(
        bucket: bucket, prefix: "p", region: "eu-west-1", accessKeyID: Secret("a"), secretAccessKey: Secret("b"))
      settings.endpoint = text
      settings.forcePathStyle = pathStyle
      let endpoint = try S3Endpoint(settings)
      return "\(endpoint.scheme)://\(endpoint.host)\(endpoint.path("k"))"
    }
    #expect(try endpoint("b", nil) == "https://b.s3.eu-west-1.amazonaws.com/k")
    #expect(try endpoint("b", "https://S3.Example.net:443/") == "https://b.s3.example.net/k")
    #expect(try endpoint("b", "https://s3.example.net", pathStyle: true) == "https://s3.example.net/b/k")
    #expect(try endpoint("b.c", "https://s3.example.net") == "https://s3.example.net/b.c/k")
    #expect(try endpoint("b", "http://127.0.0.1:9000") == "http://127.0.0.1:9000/b/k")
    #expect(try endpoint("b", "http://[::1]:80") == "http://[::1]/b/k")
    for bad in ["s3.example.net", "ftp://x", "https://", "https://user@host", "https://host/path", "https://h?q"] {
      #expect(throws: StoreFault.self) { try endpoint("b", bad) }
    }
  }
}
