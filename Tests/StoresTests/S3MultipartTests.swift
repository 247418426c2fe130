import Config
import Core
import Crypto
import Files
import Store
import SystemPackage
import TestKit
import Testing
import Threads

@testable import Stores

@Suite("S3: objects in parts")
struct S3MultipartTests {
  private let files = LinuxFiles()
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
    // Four parts of 5 MiB, the last one short.
    file = try StoredFile.sample(at: folder.path.appending("object"), size: 16_000_001, seed: 6, LinuxFiles())
    key = try #require(StoreKey("\(uniqueName())/object.csv.gz"))
  }

  private func uploads(_ servers: Servers) async throws -> String {
    try await servers.aws(
      "s3api", "list-multipart-uploads", "--bucket", servers.bucket, "--prefix", key.description, "--query", "Uploads")
  }

  private func expectWhole(_ servers: Servers, _ key: StoreKey) async throws {
    let copy = folder.path.appending(uniqueName())
    #expect(try await servers.store().read(key, into: copy).sha256 == file.sha256)
  }

  // MARK: Against real servers

  @Test("one arrives whole, once, encrypted or not, and leaves no upload behind")
  func whole() async throws {
    guard let servers = Servers.required() else { return }
    let ways: [(inout S3Settings) -> Void] = [
      { _ in }, { $0.endpoint = servers.strict }, { $0.checksum = .whenRequired },
      {
        $0.serverSideEncryption = .kms
        $0.kmsKeyID = "campaign"
        $0.tags = ["team": "crm"]
      },
    ]
    let other = try StoredFile.sample(at: folder.path.appending("other"), size: Int(file.size), seed: 7, files)
    for (number, way) in ways.enumerated() {
      let key = try #require(StoreKey("\(key)-\(number)"))
      let store = try s3StoreOfParts(servers.settings(way))
      let receipt = try await store.create(file, at: key)
      #expect(receipt.outcome == .created && receipt.sha256 == file.sha256)
      #expect(number == 3 || receipt.tag?.hasSuffix("-4") == true)
      #expect(try await store.create(file, at: key).outcome == .alreadyThere)
      #expect(try await store.stat(key)?.sha256 == file.sha256)
      #expect(try await fault { _ = try await store.create(other, at: key) }.kind == .mismatch)
      try await expectWhole(servers, key)
    }
    #expect(try await uploads(servers) == "null\n")
  }

  @Test("after a break only what is missing is sent")
  func resume() async throws {
    guard let servers = Servers.required() else { return }
    // curl itself asks once more where a kept connection ends without an answer.
    let cut = keep(try await PythonServer.proxy(to: servers.s3, "cut-request:11000000", "cut-request:1000"))
    do {
      let store = try s3StoreOfParts(servers.settings { $0.endpoint = "http://127.0.0.1:\(cut.port)" }, concurrency: 1)
      #expect(try await fault { _ = try await store.create(file, at: key) }.kind == .unreachable)
    }
    #expect(try await servers.store().stat(key) == nil)
    #expect(try await uploads(servers).contains(key.description))
    let watched = keep(try await PythonServer.proxy(to: servers.s3))
    do {
      let store = try s3StoreOfParts(
        servers.settings { $0.endpoint = "http://127.0.0.1:\(watched.port)" }, concurrency: 1)
      #expect(try await store.create(file, at: key).outcome == .created)
    }
    let sent = try await watched.bytesUp()
    #expect(sent > 5_000_000 && sent < 8_000_000, "\(sent) bytes")
    try await expectWhole(servers, key)
    #expect(try await uploads(servers) == "null\n")
  }

  @Test("where the last answer is lost, the next try finds the object")
  func lost() async throws {
    guard let servers = Servers.required() else { return }
    // curl itself asks once more where a kept connection ends without an answer.
    let dropped = "drop-reply-to:<CompleteMultipartUpload"
    let proxy = keep(try await PythonServer.proxy(to: servers.s3, dropped, dropped))
    let store = try s3StoreOfParts(servers.settings { $0.endpoint = "http://127.0.0.1:\(proxy.port)" }, concurrency: 1)
    #expect(try await fault { _ = try await store.create(file, at: key) }.kind == .unreachable)
    #expect(try await store.create(file, at: key).outcome == .alreadyThere)
    try await expectWhole(servers, key)
  }

  @Test("an abandoned upload of other bytes is not built upon, and goes")
  func foreign() async throws {
    guard let servers = Servers.required() else { return }
    let other = try StoredFile.sample(at: folder.path.appending("other"), size: 5 << 20, seed: 8, files)
    let place = ["--bucket", servers.bucket, "--key", key.description]
    let id = try await servers.aws(
      "s3api", "create-multipart-upload", place[0], place[1], place[2], place[3], "--query", "UploadId", "--output",
      "text"
    ).filter { !$0.isNewline }
    _ = try await servers.aws(
      "s3api", "upload-part", place[0], place[1], place[2], place[3], "--upload-id", id, "--part-number", "1", "--body",
      other.path.string)
    #expect(try await s3StoreOfParts(servers.settings()).create(file, at: key).outcome == .created)
    try await expectWhole(servers, key)
    #expect(try await uploads(servers) == "null\n")
  }

  @Test("an object that Amazon's client sent in other parts is known for the same")
  func recut() async throws {
    guard let servers = Servers.required() else { return }
    _ = try await servers.aws("s3", "cp", file.path.string, "s3://\(servers.bucket)/\(key)", "--no-progress")
    let store = try s3StoreOfParts(servers.settings())
    let tag = try await store.stat(key)?.tag
    #expect(tag?.hasSuffix("-2") == true, "parts of 8 MiB were expected: \(tag ?? "")")
    #expect(try await store.create(file, at: key).outcome == .alreadyThere)
    let other = try StoredFile.sample(at: folder.path.appending("other"), size: Int(file.size), seed: 9, files)
    #expect(try await fault { _ = try await store.create(other, at: key) }.kind == .mismatch)
  }

  @Test("a file that changed on our disk is not sent")
  func changed() async throws {
    guard let servers = Servers.required() else { return }
    try files.remove(file.path)
    _ = try StoredFile.sample(at: file.path, size: Int(file.size), seed: 10, files)
    let store = try s3StoreOfParts(servers.settings())
    #expect(try await fault { _ = try await store.create(file, at: key) }.kind == .refused)
    #expect(try await uploads(servers) == "null\n")
  }

  // MARK: Against prepared answers

  private static let begun =
    #"{"body":"<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>"}"#
  private static let noUploads = #"{"body":"<ListMultipartUploadsResult/>"}"#
  private static let done =
    #"{"body":"<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>"}"#

  /// One request after the other: is it there, what is open, begin, two parts, and then.
  private func canned(_ small: StoredFile, partTag: String? = nil, _ end: String...) async throws -> (
    any RemoteStore, PythonServer
  ) {
    let plan = try S3Plan(small.path, partSize: 60_000, files)
    let parts = plan.parts.map { #"{"headers":{"ETag":"\"\#(partTag ?? Hex.encode($0.md5))\""}}"# }
    let answers = [#"{"status":404}"#, Self.noUploads, Self.begun] + parts + end
    let server = keep(try await PythonServer.canned("[\(answers.joined(separator: ","))]"))
    let store = try s3StoreOfParts(cannedSettings(server.port), concurrency: 1, threshold: 50_000, smallest: 60_000)
    return (store, server)
  }

  private func small() throws -> StoredFile {
    try StoredFile.sample(at: folder.path.appending("small"), size: 100_000, seed: 11, files)
  }

  private func head(_ small: StoredFile, tag: String) -> String {
    #"{"headers":{"Content-Length":"100000","ETag":"\"\#(tag)\"","x-amz-meta-navette-sha256":"\#(small.sha256)"}}"#
  }

  @Test("the last step says create only, and every part what it is")
  func requests() async throws {
    let small = try small()
    let tag = try S3Plan(small.path, partSize: 60_000, files).tag
    let (store, server) = try await canned(small, Self.done, head(small, tag: tag))
    #expect(try await store.create(small, at: key).outcome == .created)
    let requests = try await server.requests(atLeast: 7)
    #expect(requests.map { $0.prefix { $0 != " " } } == ["HEAD", "GET", "POST", "PUT", "PUT", "POST", "HEAD"])
    #expect(requests[1].hasPrefix("GET /bucket?prefix=") && requests[1].contains("&uploads= "))
    #expect(requests[2].contains("?uploads= ") && requests[2].contains(#""x-amz-checksum-algorithm": "SHA256""#))
    #expect(requests[2].contains(#""x-amz-meta-navette-sha256": "\#(small.sha256)""#))
    #expect(requests[2].contains(#""content-length": "0""#))
    #expect(requests[3].contains("?partNumber=1&uploadId=u1 ") && requests[3].contains(#""content-length": "60000""#))
    #expect(requests[4].contains("?partNumber=2&uploadId=u1 ") && requests[4].contains(#""content-length": "40000""#))
    for part in ["content-md5", "x-amz-checksum-sha256"] { #expect(requests[3].contains("\"\(part)\"")) }
    #expect(requests[5].contains("?uploadId=u1 ") && requests[5].contains(#""if-none-match": "*""#))
  }

  @Test("a success that carries an error is none; what is neither is not believed")
  func errorInSuccess() async throws {
    let small = try small()
    let error = #"{"body":"  <Error><Code>InternalError</Code></Error>"}"#
    let (store, _) = try await canned(small, error)
    #expect(try await fault { _ = try await store.create(small, at: key) }.kind == .throttled(afterMilliseconds: nil))
    for body in ["", "<CompleteMultipartUploadResult><ETag>x", "<html/>", "<Error><Code>Intern"] {
      let (store, _) = try await canned(small, #"{"body":"\#(body)"}"#)
      let fault = try await fault { _ = try await store.create(small, at: key) }
      let isUnclear = fault.why == "the answer neither says that the object is made nor why not"
      let isOther = ["Intern, HTTP status 200", "HTTP status 200, an HTML page"].contains(fault.why)
      #expect(fault.kind == .unreachable && (isUnclear || isOther), "\(body): \(fault)")
    }
  }

  @Test("a part or a whole with another ETag is a mismatch, and the upload goes")
  func lies() async throws {
    let small = try small()
    let wrong = String(repeating: "0", count: 32)
    let (store, server) = try await canned(small, partTag: wrong, "{}")
    #expect(try await fault { _ = try await store.create(small, at: key) }.kind == .mismatch)
    let requests = try await server.requests(atLeast: 5)
    #expect(requests.last?.hasPrefix("DELETE ") == true && requests.last?.contains("?uploadId=u1 ") == true)
    let (whole, _) = try await canned(small, Self.done, head(small, tag: "\(wrong)-2"), "{}")
    #expect(try await fault { _ = try await whole.create(small, at: key) }.kind == .mismatch)
    let (silent, _) = try await canned(
      small, Self.done, #"{"headers":{"Content-Length":"100000","x-amz-request-id":"1"}}"#, "{}")
    #expect(try await fault { _ = try await silent.create(small, at: key) }.kind == .unreachable)
  }

  @Test("an upload that went away meanwhile is begun anew the next time")
  func gone() async throws {
    let small = try small()
    let (store, _) = try await canned(small, #"{"status":404,"body":"<Error><Code>NoSuchUpload</Code></Error>"}"#)
    let fault = try await fault { _ = try await store.create(small, at: key) }
    #expect(fault.kind == .unreachable && fault.why == "NoSuchUpload, HTTP status 404")
  }

  @Test("a token that ends in the middle of the parts costs nothing of what was sent: with the next one, the rest goes")
  func tokenEnds() async throws {
    let small = try small()
    let plan = try S3Plan(small.path, partSize: 60_000, files)
    let first = Hex.encode(plan.parts[0].md5)
    let over = #"{"status":400,"body":"<Error><Code>ExpiredToken</Code></Error>"}"#
    let answers = [
      #"{"status":404}"#, Self.noUploads, Self.begun, #"{"headers":{"ETag":"\"\#(first)\""}}"#, over,
      // The next try.
      #"{"status":404}"#,
      #"{"body":"<ListMultipartUploadsResult><Upload><Key>\#(key)</Key><UploadId>u1</UploadId></Upload></ListMultipartUploadsResult>"}"#,
      #"{"body":"<ListPartsResult><Part><PartNumber>1</PartNumber><ETag>\#(first)</ETag><Size>60000</Size></Part></ListPartsResult>"}"#,
      #"{"headers":{"ETag":"\"\#(Hex.encode(plan.parts[1].md5))\""}}"#, Self.done, head(small, tag: plan.tag),
    ]
    let server = keep(try await PythonServer.canned("[\(answers.joined(separator: ","))]"))
    func store(_ token: String) throws -> any RemoteStore {
      try s3StoreOfParts(
        cannedSettings(server.port) { $0.sessionToken = Secret(token) }, concurrency: 1, threshold: 50_000,
        smallest: 60_000)
    }
    let fault = try await fault { _ = try await store("first-token").create(small, at: key) }
    #expect(fault.kind == .expired && !fault.description.contains("first-token"), "\(fault)")
    #expect(try await store("second-token").create(small, at: key).outcome == .created)
    let requests = try await server.requests(atLeast: 11)
    #expect(!requests.contains { $0.hasPrefix("DELETE ") })
    #expect(requests.filter { $0.contains("partNumber=1&") }.count == 1)
    #expect(requests.filter { $0.contains("partNumber=2&") && $0.contains("second-token") }.count == 1)
  }

  @Test("where uploads may not be listed, a new one is begun")
  func unlisted() async throws {
    let small = try small()
    let plan = try S3Plan(small.path, partSize: 60_000, files)
    let parts = plan.parts.map { #"{"headers":{"ETag":"\"\#(Hex.encode($0.md5))\""}}"# }
    let denied = #"{"status":403,"body":"<Error><Code>AccessDenied</Code></Error>"}"#
    let answers = [#"{"status":404}"#, denied, Self.begun] + parts + [Self.done, head(small, tag: plan.tag)]
    let server = keep(try await PythonServer.canned("[\(answers.joined(separator: ","))]"))
    let store = try s3StoreOfParts(cannedSettings(server.port), concurrency: 1, threshold: 50_000, smallest: 60_000)
    #expect(try await store.create(small, at: key).outcome == .created)
  }

  // MARK: Values

  @Test("a file is cut without a gap, and the tag of the whole is S3's")
  func plan() throws {
    let bytes = try files.contents(of: file.path, limit: 1 << 25)
    let plan = try S3Plan(file.path, partSize: 5_000_000, files)
    #expect(
      plan.parts.map(\.number) == [1, 2, 3, 4]
        && plan.parts.map(\.size) == [5_000_000, 5_000_000, 5_000_000, 1_000_001])
    #expect(plan.sha256 == file.sha256 && plan.size == file.size)
    var md5s: [UInt8] = []
    for part in plan.parts {
      let slice = bytes[Int(part.from)..<Int(part.from + part.size)]
      #expect(Core.Digest(SHA256.hash(data: slice)) == part.sha256)
      md5s += Insecure.MD5.hash(data: slice)
    }
    #expect(plan.tag == "\(Hex.encode(Insecure.MD5.hash(data: md5s)))-4")
    let even = try S3Plan(file.path, partSize: file.size, files)
    #expect(even.parts.count == 1 && even.parts[0].sha256 == file.sha256)
  }

  @Test("parts are within S3's bounds for any object")
  func bounds() {
    let parts = S3Parts()
    for size in [1, parts.threshold, 16 << 30, 160 << 30, 161 << 30, S3Parts.largestObject] as [UInt64] {
      let part = parts.size(for: size)
      #expect(part >= 5 << 20 && part <= 5 << 30 && (size + part - 1) / part <= UInt64(S3Parts.most), "\(size)")
    }
  }

  @Test("ETags of parts are known by their form")
  func tags() {
    let md5 = String(repeating: "aB", count: 16)
    #expect(S3Evidence.composite("\(md5)-3")?.parts == 3)
    for other in [md5, "\(md5)-0", "\(md5)-10001", "\(md5)-x", "\(md5)-3-3", "-CKicn4fknv8CEAE=", "zz-1", ""] {
      #expect(S3Evidence.composite(other) == nil, "\(other)")
    }
  }
}
