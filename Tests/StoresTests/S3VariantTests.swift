import Config
import Core
import Files
import Foundation
import Store
import SystemPackage
import TestKit
import Testing
import Threads

@testable import Stores

@Suite("S3: endpoints and what goes with an object")
struct S3VariantTests {
  private let folder: TemporaryFolder
  private let file: StoredFile
  private let key: StoreKey
  /// Until the test is over.
  private let kept = Locked<[PythonServer]>([])

  private func keep(_ server: PythonServer) -> PythonServer {
    kept.withLock { $0.append(server) }
    return server
  }

  init() throws {
    folder = try TemporaryFolder()
    file = try StoredFile.sample(at: folder.path.appending("object"), size: 20_000, seed: 41, LinuxFiles())
    key = try #require(StoreKey("\(uniqueName())/object.csv.gz"))
  }

  private static let customerKey = Data((0..<32).map { UInt8($0) }).base64EncodedString()

  // MARK: Addresses

  @Test("Amazon's endpoints have their documented names")
  func endpoints() throws {
    func host(_ region: String, _ variants: Set<S3Settings.Variant>) throws -> String {
      var settings = S3Settings(bucket: "b", prefix: "", region: region)
      settings.variants = variants
      return try S3Endpoint(settings).host
    }
    let names: [(String, Set<S3Settings.Variant>, String)] = [
      ("eu-west-1", [], "b.s3.eu-west-1.amazonaws.com"), ("us-east-1", [.fips], "b.s3-fips.us-east-1.amazonaws.com"),
      ("us-east-1", [.fips, .dualstack], "b.s3-fips.dualstack.us-east-1.amazonaws.com"),
      ("eu-west-1", [.dualstack], "b.s3.dualstack.eu-west-1.amazonaws.com"),
      ("eu-west-1", [.accelerate], "b.s3-accelerate.amazonaws.com"),
      ("eu-west-1", [.accelerate, .dualstack], "b.s3-accelerate.dualstack.amazonaws.com"),
      ("cn-north-1", [], "b.s3.cn-north-1.amazonaws.com.cn"),
    ]
    for (region, variants, name) in names { #expect(try host(region, variants) == name) }
    #expect(SecurityTokens.endpoint(of: "us-east-1", [.fips]) == "https://sts-fips.us-east-1.amazonaws.com")
    #expect(SecurityTokens.endpoint(of: "eu-west-1", [.fips]) == "https://sts.eu-west-1.amazonaws.com")
  }

  @Test("a service that leads on and on is followed once")
  func round() async throws {
    let body = "<Error><Code>TemporaryRedirect</Code></Error>"
    func redirecting(to port: Int) async throws -> PythonServer {
      keep(
        try await PythonServer.canned(
          #"[{"status":307,"headers":{"x-amz-request-id":"1","Location":"http://127.0.0.1:\#(port)/"},"body":"\#(body)"}]"#
        ))
    }
    let second = try await redirecting(to: 1)
    let first = try await redirecting(to: second.port)
    let fault = try await Self.fault { _ = try await s3Store(cannedSettings(first.port)).create(file, at: key) }
    #expect(fault.kind == .unreachable && fault.remedy?.contains("new") == true, "\(fault)")
    #expect(first.requests.count == 1 && second.requests.count == 1)
  }

  private static func fault(_ body: () async throws -> Void) async throws -> StoreFault {
    try await StoresTests.fault(body)
  }

  @Test("only a host of the same domain may be led to")
  func domains() throws {
    func follows(_ own: String?, _ location: String, _ status: Int = 307) throws -> String? {
      var settings = S3Settings(bucket: "b", prefix: "", region: own == nil ? "eu-west-1" : "cn-north-1")
      settings.endpoint = own
      var answer = Answer()
      answer.status = status
      answer.headers = AnswerHeaders(["Location": location])
      return try S3Endpoint(settings).host(redirectedBy: answer)
    }
    let near = "b.s3.eu-west-3.amazonaws.com"
    #expect(try follows(nil, "https://\(near)/k?x") == near)
    #expect(try follows(nil, "https://\(near)/k", 301) == nil)
    for stranger in [
      "http://\(near)/k", "https://b.s3.example.net/", "https://xamazonaws.com/", "https://user@\(near)/",
      "https://192.0.2.1/", "https://[::1]/", "//\(near)/", "/k", "", "https://b.s3.eu-west-1.amazonaws.com/k",
    ] { #expect(try follows(nil, stranger) == nil, "\(stranger)") }
    let china = "https://s3.cn-north-1.amazonaws.com.cn"
    #expect(
      try follows(china, "https://b.s3.cn-northwest-1.amazonaws.com.cn/") == "b.s3.cn-northwest-1.amazonaws.com.cn")
    #expect(try follows(china, "https://evil.com.cn/") == nil)
    #expect(try follows("http://127.0.0.1:1", "http://127.0.0.2:1/") == nil)
    #expect(try follows("https://store.example", "https://other.example/") == nil)
  }

  // MARK: What goes with an object

  @Test(
    "requester pays, object lock, legal hold and a customer's key go with the requests that want them, and no others")
  func headers() async throws {
    let md5 = "Ky0pnNIRxQc="
    let large = try StoredFile.sample(at: folder.path.appending("large"), size: 6 << 20, seed: 4, LinuxFiles())
    let server = keep(
      try await PythonServer.canned(
        #"[{"status":404,"headers":{"x-amz-request-id":"\#(md5)"}},{"body":"<ListMultipartUploadsResult/>","headers":{"x-amz-request-id":"1"}},{"body":"<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>","headers":{"x-amz-request-id":"1"}},{"status":500}]"#
      ))
    let settings = cannedSettings(server.port) {
      $0.requesterPays = true
      $0.legalHold = true
      $0.objectLock = S3Settings.ObjectLock(mode: .compliance, days: 30)
      $0.customerKey = Secret(Self.customerKey)
    }
    _ = try? await s3StoreOfParts(settings, concurrency: 1, threshold: 1 << 20).create(large, at: key)
    _ = try? await s3Store(settings).delete(key)
    _ = try? await s3Store(settings).list("") { _ in }
    _ = try? await s3Store(settings).create(file, at: key)
    let requests = try await server.requests(atLeast: 7)
    let secret = #""x-amz-server-side-encryption-customer-key": "\#(Self.customerKey)""#
    for request in requests {
      #expect(request.contains(#""x-amz-request-payer": "requester""#), "\(request)")
      let isOfObject = !request.hasPrefix("DELETE ") && request.contains("/bucket/\(key)")
      #expect(request.contains(secret) == isOfObject, "\(request)")
      #expect(request.contains(#"customer-algorithm": "AES256""#) == isOfObject)
      let isNew =
        (request.hasPrefix("PUT ") && !request.contains("partNumber")) || request.hasPrefix("POST ")
      #expect(request.contains(#""x-amz-object-lock-legal-hold": "ON""#) == isNew, "\(request)")
      #expect(request.contains(#""x-amz-object-lock-mode": "COMPLIANCE""#) == isNew)
      #expect(request.contains("x-amz-object-lock-retain-until-date") == isNew)
      // All that begins so must be signed.
      let signed = try #require(request.firstRange(of: "SignedHeaders=")).upperBound
      #expect(request[signed...].prefix { $0 != "," }.contains("x-amz-request-payer"))
    }
    #expect(requests.contains { $0.contains("partNumber=1") } && requests.contains { $0.hasPrefix("POST ") })
    let now = Timestamp(seconds: 1_800_000_000)
    let headers = S3ObjectHeaders(settings, customerKey: nil).ofObject(file, now: now)
    #expect(headers.first { $0.name == "x-amz-object-lock-retain-until-date" }?.value == "2027-02-14T08:00:00Z")
  }

  @Test("a customer's key encrypts, and without it nobody reads; a store that ignores it is not believed")
  func customerKey() async throws {
    let lie = keep(
      try await PythonServer.canned(
        #"[{"headers":{"ETag":"\"0\""}},{"headers":{"ETag":"\"0\"","Content-Length":"20000","x-amz-meta-navette-sha256":"\#(file.sha256)"}}]"#
      ))
    let store = try s3Store(cannedSettings(lie.port) { $0.customerKey = Secret(Self.customerKey) })
    let fault = try await Self.fault { _ = try await store.create(file, at: key) }
    #expect(fault.kind == .mismatch && fault.why.contains("sse_customer_key is set"), "\(fault)")
    #expect(!fault.description.contains(Self.customerKey))
    for wrong in ["", "short", Data(count: 16).base64EncodedString()] {
      let fault = try await Self.fault { _ = try S3CustomerKey(wrong) }
      #expect(fault.kind == .denied && fault.remedy?.contains("openssl rand") == true)
    }

    guard let servers = Servers.required() else { return }
    let real = try servers.store { $0.customerKey = Secret(Self.customerKey) }
    #expect(try await real.create(file, at: key).outcome == .created)
    #expect(try await real.create(file, at: key).outcome == .alreadyThere)
    #expect(try await real.readBack(key)?.sha256 == file.sha256)
    let large = try StoredFile.sample(at: folder.path.appending("large"), size: 12 << 20, seed: 5, LinuxFiles())
    let largeKey = try #require(StoreKey("\(key)-large"))
    let parts = try s3StoreOfParts(servers.settings { $0.customerKey = Secret(Self.customerKey) })
    #expect(try await parts.create(large, at: largeKey).outcome == .created)
    #expect(try await parts.readBack(largeKey)?.sha256 == large.sha256)
    let blind = try servers.store()
    await #expect(throws: StoreFault.self) { _ = try await blind.readBack(key) }
  }

  // MARK: Evidence

  @Test("a checksum of parts without its number is not taken for that of the whole")
  func composite() {
    let digest = Data(repeating: 7, count: 32).base64EncodedString()
    func evidence(_ headers: [String: String]) -> S3Evidence {
      S3Evidence(AnswerHeaders(headers.merging(["Content-Length": "5", "x-amz-checksum-sha256": digest]) { $1 }))
    }
    let ofParts = "\"\(String(repeating: "a", count: 32))-2\""
    #expect(evidence(["ETag": ofParts]).checksum == nil)
    #expect(evidence(["ETag": ofParts, "x-amz-checksum-type": "COMPOSITE"]).checksum == nil)
    #expect(evidence(["ETag": ofParts, "x-amz-checksum-type": "FULL_OBJECT"]).checksum != nil)
    #expect(evidence(["ETag": "\"\(String(repeating: "a", count: 32))\""]).checksum != nil)
  }

  // MARK: Keys

  @Test("a container's token file that is empty is a credential that heals")
  func emptyToken() async throws {
    let path = folder.path.appending("token")
    try LinuxFiles().write(Array("\n".utf8), to: path)
    let environment = [
      "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/",
      "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": path.string, "AWS_EC2_METADATA_DISABLED": "true",
    ]
    let settings = S3Settings(bucket: "bucket", prefix: "", region: "eu-west-1")
    let store = StoreSettings(name: try #require(StoreName("test")), target: .s3(settings))
    let places = CredentialPlaces(
      environment: environment, settings: settings, store: store,
      agent: "navette/test", files: LinuxFiles(), clock: wallClock)
    let fault = try await Self.fault { _ = try await CredentialChain(settings, places).fetch() }
    #expect(
      fault.kind == .denied && fault.why.contains("empty") && fault.remedy?.contains("renew") == true, "\(fault)")
  }
}
