import Config
import Core
import Files
import Foundation
import Store
import SystemPackage
import TestKit
import Testing

@testable import Stores

@Suite("What Azure answers") struct AzureAnswerTests {
  private let files = LinuxFiles()

  private static let access = try? AzureAccess(cannedAzure(1))

  private func fault(_ status: Int, _ code: String, _ headers: [String: String] = [:]) throws -> StoreFault {
    var answer = Answer()
    answer.status = status
    answer.headers = AnswerHeaders(headers)
    answer.body = Array("\u{feff}<Error><Code>\(code)</Code><Message>Words.\nRequestId:1</Message></Error>".utf8)
    let access = try #require(Self.access)
    return AzureRefusal(answer, access, now: Timestamp(seconds: 0)).fault("Cannot", at: "there", hiding: [])
  }

  @Test("is retried, paused or held as its code says")
  func kinds() throws {
    let cases: [(Int, String, StoreKind)] = [
      (403, "AuthenticationFailed", .denied), (401, "NoAuthenticationInformation", .denied),
      (403, "AuthorizationPermissionMismatch", .denied), (404, "ContainerNotFound", .wrongPlace),
      (503, "ServerBusy", .throttled(afterMilliseconds: nil)),
      (500, "InternalError", .throttled(afterMilliseconds: nil)),
      (429, "", .throttled(afterMilliseconds: nil)), (400, "Md5Mismatch", .unreachable),
      (409, "ContainerBeingDeleted", .unreachable), (413, "RequestBodyTooLarge", .refused),
      (400, "InvalidInput", .refused),
      (404, "", .wrongPlace), (302, "", .wrongPlace), (413, "", .refused),
    ]
    for (status, code, kind) in cases { #expect(try fault(status, code).kind == kind, "\(status) \(code)") }
    #expect(try fault(503, "ServerBusy", ["Retry-After": "7"]).kind == .throttled(afterMilliseconds: 7000))
    let words = try fault(400, "InvalidInput").description
    #expect(words.contains("InvalidInput, HTTP status 400: Words.") && !words.contains("RequestId"))
  }

  @Test("a page of a list is whole or none")
  func pages() throws {
    let text = """
      \u{feff}<?xml version="1.0"?><EnumerationResults ServiceEndpoint="x"><Prefix>p</Prefix><Blobs>
      <Blob><Name>p/a&amp;b</Name><Properties><Last-Modified>Fri, 24 May 2013 00:00:00 GMT</Last-Modified>
      <Etag>0x1</Etag><Content-Length>12</Content-Length></Properties><Metadata><Name>z</Name></Metadata></Blob>
      <Blob><Name>p/d</Name><Properties><Content-Length>0</Content-Length><ResourceType>directory</ResourceType>
      </Properties></Blob></Blobs><NextMarker>m=1</NextMarker></EnumerationResults>
      """
    let page = try #require(AzurePage(Array(text.utf8)))
    #expect(page.marker == "m=1")
    #expect(page.entries.map(\.name) == ["p/a&b"] && page.entries[0].size == 12 && page.entries[0].tag == "0x1")
    #expect(page.entries[0].modified?.date == "2013-05-24")
    #expect(
      AzurePage(Array(text.replacing("<NextMarker>m=1</NextMarker>", with: "<NextMarker />").utf8))?.marker == nil)
    for damaged in [
      String(text.dropLast(30)), "", "<html></html>", text.replacing(">12<", with: ">twelve<"),
      text.replacing("<Name>p/a&amp;b</Name>", with: ""),
    ] {
      #expect(AzurePage(Array(damaged.utf8)) == nil)
    }
  }

  @Test("a lie is found out: other checksums than ours, or none and nothing stored")
  func lies() async throws {
    let folder = try TemporaryFolder()
    let file = try StoredFile.sample(at: folder.path.appending("f"), size: 5_000, seed: 1, files)
    let key = try #require(StoreKey("k"))
    let md5 = Data(Hex.decode(file.md5) ?? []).base64EncodedString()
    let lies: [(String, StoreKind)] = [
      (#"[{"status":201,"headers":{"Content-MD5":"AAAAAAAAAAAAAAAAAAAAAA=="}}]"#, .mismatch),
      (#"[{"status":201,"headers":{"Content-MD5":"\#(md5)","x-ms-content-crc64":"AAAAAAAAAAA="}}]"#, .mismatch),
      // Nothing differs: perhaps it was no store that said so.
      (#"[{"status":201},{"status":404,"headers":{"x-ms-error-code":"BlobNotFound"}}]"#, .unreachable),
      (#"[{"status":201},{"status":200,"headers":{"Content-Length":"5000","ETag":"\"0x1\""}}]"#, .unreachable),
      (#"[{"status":201},{"status":200,"headers":{"Content-Length":"4999","ETag":"\"0x1\""}}]"#, .mismatch),
    ]
    for (lie, expected) in lies {
      let server = try await PythonServer.canned(lie)
      let store = try azureStore(cannedAzure(server.port))
      let kind = try await StoresTests.fault { _ = try await store.create(file, at: key) }.kind
      #expect(kind == expected, "\(lie)")
    }
  }

  @Test("a request carries what makes it create-only, checked and known again")
  func request() async throws {
    let folder = try TemporaryFolder()
    let file = try StoredFile.sample(at: folder.path.appending("f"), size: 5_000, seed: 1, files)
    let server = try await PythonServer.canned(#"[{"status":201},{"status":500}]"#)
    _ = try await StoresTests.fault {
      _ = try await azureStore(cannedAzure(server.port)).create(file, at: try #require(StoreKey("dt=1/k")))
    }
    let line = try #require(server.requests.first)
    #expect(line.hasPrefix("PUT /container/dt%3D1/k "))
    for part in [
      #""if-none-match": "*""#, #""x-ms-blob-type": "BlockBlob""#, #""x-ms-meta-navettesha256": "\#(file.sha256)""#,
      #""authorization": "SharedKey account:"#, #""content-length": "5000""#, #""x-ms-version""#, #""content-md5""#,
    ] { #expect(line.contains(part), "\(part)") }
  }

  @Test("of many who need a token one asks for it, and a new one is asked for when the old one is refused, once")
  func oneRenewal() async throws {
    let grants = (1...3).map { #"{"body":"{\"access_token\":\"t\#($0)\",\"expires_in\":\"3600\"}"}"# }
    let server = try await PythonServer.canned("[\(grants.joined(separator: ","))]")
    let identity = AzureIdentity(
      try AzureIdentity.Source { ["AZURE_POD_IDENTITY_AUTHORITY_HOST": "http://127.0.0.1:\(server.port)"][$0] },
      options: TransferOptions(), files: files)
    func together() async throws -> Set<String> {
      try await withThrowingTaskGroup(of: String.self) { group in
        for _ in 0..<20 { group.addTask { try await identity.token(now: Timestamp(seconds: 1_000)) } }
        return try await group.reduce(into: []) { $0.insert($1) }
      }
    }
    #expect(try await together() == ["t1"])
    await withTaskGroup(of: Void.self) { group in
      // Each of the requests that were refused says so.
      for _ in 0..<20 { group.addTask { await identity.forget("t1") } }
    }
    #expect(try await together() == ["t2"])
    await identity.forget("t1")
    #expect(try await together() == ["t2"])
    #expect(try await server.requests(atLeast: 2).count == 2)
  }

  @Test("CRC-64 is that of the catalogue, in whatever pieces the bytes come")
  func crc() {
    var whole = CRC64()
    Array("123456789".utf8).withUnsafeBytes { whole.update($0) }
    #expect(whole.value == 0xae8b_1486_0a79_9888)
    let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    var one = CRC64()
    bytes.withUnsafeBytes { one.update($0) }
    for cut in [0, 1, 7, 8, 9, 500, 999] {
      var two = CRC64()
      bytes[..<cut].withUnsafeBytes { two.update($0) }
      bytes[cut...].withUnsafeBytes { two.update($0) }
      #expect(two.value == one.value)
    }
    #expect(CRC64().base64 == "AAAAAAAAAAA=")
  }

  @Test("blocks cover the file, once, and their names tell the content")
  func plan() throws {
    let folder = try TemporaryFolder()
    for (size, count) in [(1, 1), (30_000, 1), (30_001, 2), (600_000, 20)] {
      let file = try StoredFile.sample(at: folder.path.appending("f\(size)"), size: size, seed: 1, files)
      let plan = try AzureBlocks(file, AzureBlocks.Rule(above: 0, size: 30_000), files)
      #expect(plan.blocks.count == count && plan.sha256 == file.sha256)
      #expect(plan.blocks.map(\.size).reduce(0, +) == UInt64(size))
      #expect(Set(plan.blocks.map(\.id)).count == count && Set(plan.blocks.map(\.id.count)).count == 1)
      var from: UInt64 = 0
      for block in plan.blocks {
        #expect(block.from == from)
        from += block.size
      }
    }
  }

  @Test("tokens are taken with or without their mark, and their end is read")
  func tokens() throws {
    #expect(SASToken("?sv=1&se=2026-08-01T10%3A00%3A00Z&sig=a%2Bb")?.expires?.iso() == "2026-08-01T10:00:00Z")
    #expect(SASToken("se=2026-08-01T10:00Z&sig=a")?.expires?.iso() == "2026-08-01T10:00:00Z")
    #expect(SASToken("se=2026-08-01&sig=a")?.expires?.iso() == "2026-08-01T00:00:00Z")
    #expect(SASToken("si=policy&sig=a").map { $0.expires == nil } == true)
    #expect(SASToken("sig=a%2Bb")?.secrets == ["a%2Bb", "a+b"])
    for wrong in ["", "se=2026-08-01", "sig=", "sig=a&se=soon", "sig=a b", "https://x/y?sig=a#b"] {
      #expect(SASToken(wrong) == nil, "\(wrong)")
    }
  }

  @Test("a date is written as it is read")
  func dates() {
    for (seconds, text) in [
      (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (1_369_353_600, "Fri, 24 May 2013 00:00:00 GMT"),
      (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
    ] {
      #expect(HTTPDate.text(Timestamp(seconds: Int64(seconds))) == text)
      #expect(HTTPDate.parse(text) == Timestamp(seconds: Int64(seconds)))
    }
  }
}

@Suite("A SharedKey signature") struct SharedKeyTests {
  private struct Case: Codable {
    var method, target, account, key: String
    var headers: [[String]]
  }

  private struct Verdict: Codable { var authorization: String }

  @Test("is what Microsoft's client makes of anything that navette sends")
  func oracle() async throws {
    var random = SplitMix(state: 20_191_212)
    var cases: [(Case, SharedKey.Request)] = []
    for _ in 0..<400 { cases.append(Self.anyCase(&random)) }
    let input = try cases.map { try JSONEncoder().encode($0.0) + [10] }.reduce(Data(), +)
    let outcome = try await Spawn.run(
      [Servers.python, "\(Servers.folder)/azure_oracle.py"],
      environment: ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? ""], input: Array(input))
    if outcome.exitCode != 0, Servers.isSkippable { return }
    try #require(outcome.exitCode == 0, "the oracle failed: \(outcome.stderr.suffix(500))")
    let verdicts = try outcome.stdout.split(separator: "\n").map {
      try JSONDecoder().decode(Verdict.self, from: Data($0.utf8)).authorization
    }
    try #require(verdicts.count == cases.count)
    for ((given, request), verdict) in zip(cases, verdicts) {
      let key = Array(try #require(Data(base64Encoded: given.key)))
      #expect(SharedKey(account: given.account, key: key).authorization(request) == verdict, "\(given.target)")
    }
  }

  private static func anyCase(_ random: inout SplitMix) -> (Case, SharedKey.Request) {
    let alphabet = Array("abcXYZ019-._~/=+ :@()*&?#%'\"!$,;<>[]{}|ü漢\\^`")
    func text(_ count: Int, _ random: inout SplitMix) -> String {
      String((0..<count).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] })
    }
    let path = "/base/container/" + SigV4.encode(text(Int.random(in: 0..<30, using: &random), &random), keeping: "/")
    let names = ["comp", "restype", "prefix", "marker", "blockid", "maxresults"]
    let query = names.filter { _ in Bool.random(using: &random) }.map {
      (name: $0, value: text(Int.random(in: 1..<8, using: &random), &random))
    }
    // Those that navette sends, and a few that it might.
    let headerNames = [
      "content-md5", "content-type", "if-none-match", "x-ms-date", "x-ms-version", "x-ms-blob-type",
      "x-ms-blob-content-md5", "x-ms-content-crc64", "x-ms-meta-navettesha256", "x-ms-range",
    ]
    let headers = headerNames.filter { _ in Bool.random(using: &random) }.map {
      (name: $0, value: "v=\(UInt8.random(in: 0...255, using: &random)), w/+")
    }
    let size = [0, 0, 1, 5_000_000_000].randomElement(using: &random) ?? 0
    let method = ["GET", "PUT", "HEAD", "DELETE"].randomElement(using: &random) ?? "GET"
    let target = path + (query.isEmpty ? "" : "?" + SigV4.canonicalQuery(query))
    let key = Data((0..<32).map { _ in UInt8.random(in: 0...255, using: &random) }).base64EncodedString()
    let given = Case(
      method: method, target: target, account: "account", key: key,
      headers: headers.map { [$0.name, $0.value] } + [["content-length", "\(size)"]])
    return (
      given,
      SharedKey.Request(method: method, path: path, query: query, headers: headers, bodySize: UInt64(size))
    )
  }
}
