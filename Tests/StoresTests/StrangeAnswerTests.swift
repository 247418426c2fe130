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

/// What answers is not the store: a login page of the network, a proxy, a firewall, or a server of another kind at the port. No batch may
/// be held for it, and no key be blamed.
@Suite("Answers that are not the store's")
struct StrangeAnswerTests {
  private let folder: TemporaryFolder
  private let file: StoredFile
  private let key: StoreKey
  private let files = LinuxFiles()
  /// Until the test is over.
  private let kept = Locked<[PythonServer]>([])

  private func keep(_ server: PythonServer) -> PythonServer {
    kept.withLock { $0.append(server) }
    return server
  }

  init() throws {
    folder = try TemporaryFolder()
    file = try StoredFile.sample(at: folder.path.appending("object"), size: 20_000, seed: 31, files)
    key = try #require(StoreKey("in/object.csv.gz"))
  }

  private struct Canned: Encodable {
    var status = 200
    var headers: [String: String] = [:]
    var body = ""
  }

  private func canned(_ answers: Canned...) async throws -> PythonServer {
    keep(try await PythonServer.canned(String(decoding: try JSONEncoder().encode(answers), as: UTF8.self)))
  }

  private func stores(_ port: Int) throws -> [any RemoteStore] {
    [try s3Store(cannedSettings(port)), try azureStore(cannedAzure(port))]
  }

  /// What each call of a store says to one and the same answer.
  private func faults(_ store: any RemoteStore) async throws -> [StoreFault] {
    let copy = folder.path.appending(uniqueName())
    let found = [
      try await fault { _ = try await store.create(file, at: key) },
      try await fault { _ = try await store.read(key, into: copy) },
      try await fault { _ = try await store.readBack(key) },
      try await fault { try await store.list("") { _ in } },
      try await fault { try await store.delete(key) },
    ]
    #expect(try files.info(copy) == nil)
    return found
  }

  private static let page =
    "<!DOCTYPE html>\n<html><head><title>Welcome to the hotel's network</title></head><body>Log in</body></html>"

  // MARK: Pages

  @Test(
    "a page of HTML is a store that cannot be reached, whatever its status, and its title is shown",
    arguments: [200, 302, 307, 401, 403, 511])
  func portal(status: Int) async throws {
    let server = try await canned(
      Canned(
        status: status,
        headers: ["Content-Type": "text/html", "ETag": "\"5f1\"", "Location": "http://login.example.net/?id=7"],
        body: Self.page))
    // Some have no tag.
    let bare = try await canned(Canned(status: status, body: "  " + Self.page))
    for store in try stores(server.port) {
      #expect(try await fault { _ = try await store.stat(key) }.kind == .unreachable)
    }
    for store in try stores(server.port) + stores(bare.port) {
      // With a tag, what is asked for might be a page; not so what is sent.
      let all = try await [
        fault { _ = try await store.create(file, at: key) }, fault { try await store.list("") { _ in } },
      ]
      for fault in all {
        #expect(fault.kind == .unreachable, "\(fault)")
        #expect(
          fault.why.contains("HTTP status \(status)") && fault.why.contains("“Welcome to the hotel's network”"),
          "\(fault)")
        #expect(fault.remedy?.contains("login page") == true && !fault.description.contains("id=7"))
      }
    }
    for store in try stores(bare.port) {
      for fault in try await faults(store) { #expect(fault.kind == .unreachable, "\(fault)") }
    }
  }

  @Test("an object that is a page is an object")
  func pageAsObject() async throws {
    let md5 = "26952a95b56af0083b939a3ea97b95e5"
    let server = try await canned(
      Canned(headers: ["Content-Type": "text/html", "ETag": "\"\(md5)\""], body: Self.page))
    for (number, store) in try stores(server.port).enumerated() {
      let copy = folder.path.appending("page-\(number)")
      #expect(try await store.read(key, into: copy).size == UInt64(Self.page.utf8.count))
      #expect(try files.contents(of: copy, limit: 1_000) == Array(Self.page.utf8))
    }
  }

  @Test("a web server at the address is a wrong address")
  func webServer() async throws {
    for status in [404, 405] {
      let server = try await canned(
        Canned(
          status: status, headers: ["Server": "nginx"], body: "<html><head><title>\(status) nginx</title></head></html>"
        ))
      for store in try stores(server.port) {
        for fault in try await faults(store) {
          #expect(fault.kind == .wrongPlace && fault.why.contains("“\(status) nginx”"), "\(fault)")
        }
        // Of an answer without a body no more can be said.
        if status == 404 { #expect(try await store.stat(key) == nil) }
      }
    }
  }

  @Test("a gateway's pages for a server that is away, or too slow, are waited for as ever")
  func gateways() async throws {
    for status in [500, 502, 503, 504] {
      let server = try await canned(
        Canned(status: status, headers: ["Content-Type": "text/html"], body: "<html></html>"))
      for store in try stores(server.port) {
        for fault in try await faults(store) { #expect(fault.kind == .throttled(afterMilliseconds: nil), "\(fault)") }
      }
    }
  }

  @Test("a page of a proxy or a firewall names it")
  func proxyPages() async throws {
    let squid = try await canned(
      Canned(
        status: 403, headers: ["X-Squid-Error": "ERR_ACCESS_DENIED 0", "Content-Type": "text/html"],
        body: "<html><head><title>ERROR: The requested URL could not be retrieved</title></head></html>"))
    let via = try await canned(Canned(status: 403, headers: ["Via": "1.1 gate"], body: "<html><H1>Blocked</H1></html>"))
    for store in try stores(squid.port) {
      let fault = try await fault { _ = try await store.create(file, at: key) }
      #expect(
        fault.kind == .unreachable && fault.why.contains("of a proxy (X-Squid-Error: ERR_ACCESS_DENIED 0)"), "\(fault)")
      #expect(fault.why.contains("could not be retrieved"))
    }
    for store in try stores(via.port) {
      let fault = try await fault { _ = try await store.create(file, at: key) }
      #expect(fault.kind == .unreachable && fault.why.contains("of a proxy “Blocked”"), "\(fault)")
    }
    let password = try await canned(Canned(status: 407, body: "<html><title>Who are you?</title></html>"))
    for store in try stores(password.port) {
      let fault = try await fault { _ = try await store.create(file, at: key) }
      #expect(
        fault.kind == .denied && fault.why.contains("the proxy refused") && fault.remedy?.contains("proxy") == true)
    }
  }

  @Test("an object without a tag is none: what answered is kept out of the file and is no content")
  func noTag() async throws {
    let server = try await canned(Canned(body: "id,mail\n1,somebody\n"))
    for store in try stores(server.port) {
      let copy = folder.path.appending(uniqueName())
      for fault in [
        try await fault { _ = try await store.read(key, into: copy) },
        try await fault { _ = try await store.readBack(key) },
      ] {
        #expect(fault.kind == .unreachable && fault.why.contains("without an ETag"), "\(fault)")
        #expect(!fault.description.contains("somebody"))
      }
      #expect(try files.info(copy) == nil)
    }
  }

  // MARK: Other protocols

  @Test("a server of another kind at the port is a wrong address, not a wrong key")
  func otherProtocols() async throws {
    // The beginnings of what gRPC (HTTP/2), SSH, a mail server and something else say.
    let settings: [UInt8] = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 5, 0, 0, 64, 0]
    let servers: [PythonServer] = [
      keep(try await PythonServer.raw(settings)),
      keep(try await PythonServer.raw(Array("SSH-2.0-OpenSSH_9.6\r\n".utf8), "first")),
      keep(try await PythonServer.raw(Array("220 mail.example.net ESMTP\r\n".utf8))),
    ]
    for server in servers {
      for store in try stores(server.port) {
        let fault = try await fault { _ = try await store.create(file, at: key) }
        #expect(fault.kind == .wrongPlace && fault.remedy?.contains("no HTTP server") == true, "\(fault)")
      }
      let secure = try s3Store(cannedSettings(server.port) { $0.endpoint = "https://127.0.0.1:\(server.port)" })
      let fault = try await fault { _ = try await secure.create(file, at: key) }
      #expect(fault.kind == .wrongPlace && fault.remedy?.contains("no TLS at this port") == true, "\(fault)")
    }
  }

  @Test("a connection that ends within the headers is no answer")
  func headersCut() async throws {
    for text in [
      "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nx-amz-id-2: 1\r\nx-ms-version: 1\r\n",
    ] {
      let server = keep(try await PythonServer.raw(Array(text.utf8)))
      for store in try stores(server.port) {
        for fault in try await faults(store) + [fault { _ = try await store.stat(key) }] {
          #expect(fault.kind == .unreachable, "\(fault)")
        }
      }
    }
  }

  @Test("plain HTTP at a port of TLS says so, whoever listens there")
  func plainToTLS() async throws {
    let words = [
      "<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head></html>",
      "Client sent an HTTP request to an HTTPS server.\n",
      "<html>Reason: You're speaking plain HTTP to an SSL-enabled server port.</html>",
    ]
    for text in words {
      let server = try await canned(Canned(status: 400, body: text))
      for store in try stores(server.port) {
        let fault = try await fault { _ = try await store.create(file, at: key) }
        #expect(fault.kind == .wrongPlace && fault.why.contains("wants TLS"), "\(fault)")
        #expect(fault.remedy?.contains("https://") == true)
      }
    }
    // An alert of TLS, as OpenSSL sends it to what is no handshake.
    let alert = keep(try await PythonServer.raw([21, 3, 1, 0, 2, 2, 10]))
    for store in try stores(alert.port) {
      let fault = try await fault { _ = try await store.create(file, at: key) }
      #expect(fault.kind == .wrongPlace && fault.remedy?.contains("http or https") == true, "\(fault)")
    }
  }

  // MARK: The store's own, told apart

  @Test("a bucket or container that is missing is a wrong address; a right that is missing is not")
  func missing() async throws {
    let bucket = try await canned(
      Canned(status: 404, headers: ["x-amz-request-id": "1"], body: "<Error><Code>NoSuchBucket</Code></Error>"))
    let s3 = try await fault { _ = try await s3Store(cannedSettings(bucket.port)).create(file, at: key) }
    #expect(s3.kind == .wrongPlace && s3.remedy?.contains("Create the bucket") == true, "\(s3)")
    let container = try await canned(
      Canned(
        status: 404, headers: ["x-ms-error-code": "ContainerNotFound"],
        body: "<Error><Code>ContainerNotFound</Code></Error>"))
    let azure = try await fault { _ = try await azureStore(cannedAzure(container.port)).create(file, at: key) }
    #expect(azure.kind == .wrongPlace && azure.remedy?.contains("Create the container") == true, "\(azure)")
    let denied = try await canned(
      Canned(status: 403, headers: ["x-amz-request-id": "1"], body: "<Error><Code>AccessDenied</Code></Error>"))
    let store = try s3Store(cannedSettings(denied.port))
    #expect(try await fault { _ = try await store.create(file, at: key) }.kind == .forbidden)
    #expect(try await fault { try await store.list("") { _ in } }.kind == .denied)
  }

  @Test("a digest that the store does not tell, or tells wrongly, is named by its header")
  func headers() async throws {
    let other = String(repeating: "0", count: 64)
    let claim = "x-amz-meta-navette-sha256"
    func kind(_ words: String) -> StoreKind {
      words.contains(" by ") || words.hasPrefix("by ") ? .mismatch : .unreachable
    }
    let put = Canned(headers: ["ETag": "\"no-md5\"", "x-amz-request-id": "1"])
    func stored(_ more: [String: String], size: Int? = nil) -> Canned {
      Canned(headers: ["Content-Length": "\(size ?? Int(file.size))", "x-amz-request-id": "1"].merging(more) { $1 })
    }
    // Where nothing differs it is asked again.
    let cases: [(Canned, String)] = [
      (stored([:]), "etag is missing, x-amz-checksum-sha256 is missing, \(claim) is missing"),
      (stored([claim: "", "ETag": "\"\""]), "\(claim) is empty"),
      (
        stored([claim: "no digest", "x-amz-checksum-sha256": ""]),
        "x-amz-checksum-sha256 is empty, \(claim) is no SHA-256"
      ),
      (stored([claim: other]), "by \(claim) its SHA-256 is \(other)"),
      (
        stored(["x-amz-checksum-sha256": Data(repeating: 0, count: 32).base64EncodedString()]),
        "by x-amz-checksum-sha256"
      ),
      (stored(["ETag": "\"\(String(other.prefix(32)))\""]), "by its ETag its MD5 is"),
      (stored([claim: file.sha256.description], size: 4), "4 bytes by content-length, ours has 20000"),
    ]
    for (answer, words) in cases {
      let server = try await canned(put, answer)
      let fault = try await fault { _ = try await s3Store(cannedSettings(server.port)).create(file, at: key) }
      #expect(fault.kind == kind(words) && fault.why.contains(words), "\(words): \(fault)")
    }
    let created = Canned(status: 201, headers: ["x-ms-request-id": "1"])
    func blob(_ more: [String: String]) -> Canned {
      Canned(
        headers: ["Content-Length": "\(file.size)", "ETag": "\"0x1\"", "x-ms-request-id": "1"].merging(more) { $1 })
    }
    for (answer, words) in [
      (blob(["Content-MD5": ""]), "content-md5 is empty, x-ms-meta-navettesha256 is missing"),
      (blob(["x-ms-meta-navettesha256": other]), "by x-ms-meta-navettesha256 its SHA-256 is \(other)"),
    ] {
      let server = try await canned(created, answer)
      let fault = try await fault { _ = try await azureStore(cannedAzure(server.port)).create(file, at: key) }
      #expect(fault.kind == kind(words) && fault.why.contains(words), "\(words): \(fault)")
    }
  }

  // MARK: Azure, after an answer that was lost

  @Test(
    "where a policy, a lease or the archive refuses, it is looked whether the blob is ours",
    arguments: [
      "BlobImmutableDueToPolicy", "LeaseIdMissing", "LeaseAlreadyPresent", "BlobArchived", "BlobBeingRehydrated",
      "InvalidBlobType", "SnapshotsPresent",
    ])
  func afterLostAnswer(code: String) async throws {
    let refusal = Canned(
      status: 409, headers: ["x-ms-error-code": code],
      body: "<Error><Code>\(code)</Code><Message>Not now.</Message></Error>")
    let ours = Canned(
      headers: [
        "Content-Length": "\(file.size)", "ETag": "\"0x1\"", "x-ms-meta-navettesha256": file.sha256.description,
      ])
    var others = ours
    others.headers["x-ms-meta-navettesha256"] = String(repeating: "0", count: 64)
    let none = Canned(status: 404, headers: ["x-ms-error-code": "BlobNotFound"])
    let there = try await canned(refusal, ours)
    #expect(try await azureStore(cannedAzure(there.port)).create(file, at: key).outcome == .alreadyThere)
    let another = try await canned(refusal, others)
    #expect(
      try await fault { _ = try await azureStore(cannedAzure(another.port)).create(file, at: key) }.kind == .mismatch)
    // Nothing there: the refusal stands, by its own code.
    let nothing = try await canned(refusal, none)
    let fault = try await fault { _ = try await azureStore(cannedAzure(nothing.port)).create(file, at: key) }
    #expect(fault.why.hasPrefix("\(code), HTTP status 409") && fault.kind != .mismatch, "\(fault)")
  }
}
