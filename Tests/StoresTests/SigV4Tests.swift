import Core
import Foundation
import TestKit
import Testing

@testable import Stores

@Suite struct SigV4Tests {
  /// Of AWS' published Signature Version 4 test suite (key AKIDEXAMPLE, service "service").
  @Test(arguments: [
    ("GET", "/", [], [], "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    (
      "GET", "/", [("Param2", "value2"), ("Param1", "value1")], [],
      "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
    ),
    ("GET", "/ሴ", [], [], "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
    ("POST", "/", [], [], "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    (
      "GET", "/", [], [("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")],
      "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"
    ),
  ])
  func agreesWithThePublishedSuite(
    _ method: String, _ path: String, _ query: [(String, String)], _ headers: [(String, String)], _ signature: String
  ) throws {
    let signer = SigV4(
      keyID: "AKIDEXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", region: "us-east-1", service: "service")
    let request = SigV4.Request(
      method: method, host: "example.amazonaws.com", path: path, query: query.map { ($0.0, $0.1) },
      headers: headers.map { ($0.0, $0.1) }, payloadHash: SigV4.emptyHash)
    let time = try #require(Timestamp(text: "20150830T123600Z"))
    #expect(try authorization(signer.sign(request, at: time)).hasSuffix("Signature=\(signature)"))
  }

  /// Of "Signature Calculations for the Authorization Header" in the S3 API reference.
  @Test(arguments: [
    (
      "GET", "/test.txt", [], [("Range", "bytes=0-9")], SigV4.emptyHash,
      "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    ),
    (
      "PUT", "/test$file.text", [],
      [("Date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")],
      "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
      "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
    ),
    (
      "GET", "/", [("lifecycle", "")], [], SigV4.emptyHash,
      "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
    ),
    (
      "GET", "/", [("prefix", "J"), ("max-keys", "2")], [], SigV4.emptyHash,
      "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
    ),
  ])
  func agreesWithTheExamplesOfS3(
    _ method: String, _ path: String, _ query: [(String, String)], _ headers: [(String, String)], _ hash: String,
    _ signature: String
  ) throws {
    let signer = SigV4(
      keyID: "AKIAIOSFODNN7EXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", region: "us-east-1")
    let request = SigV4.Request(
      method: method, host: "examplebucket.s3.amazonaws.com", path: path, query: query.map { ($0.0, $0.1) },
      headers: headers.map { ($0.0, $0.1) } + [("x-amz-content-sha256", hash)], payloadHash: hash)
    let time = try #require(Timestamp(text: "20130524T000000Z"))
    #expect(try authorization(signer.sign(request, at: time)).hasSuffix("Signature=\(signature)"))
  }

  private func authorization(_ signed: SigV4.Signed) throws -> String {
    try #require(signed.headers.last { $0.name == "authorization" }?.value)
  }

  private struct Case: Codable {
    var method, host, path: String
    var query, headers: [[String]]
    var hash, date, key, secret, region: String
    var token: String?
  }

  private struct Verdict: Codable {
    var path, query, authorization: String
  }

  @Test func agreesWithBotocoreOnAnything() async throws {
    var random = SplitMix(state: 20_130_524)
    let cases = (0..<400).map { _ in Self.anyCase(&random) }
    let input = try cases.map { try JSONEncoder().encode($0) + [10] }.reduce(Data(), +)
    let outcome = try await Spawn.run(
      [Servers.python, "\(Servers.folder)/sigv4_oracle.py"],
      environment: ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? ""], input: Array(input))
    if outcome.exitCode != 0, Servers.isSkippable { return }
    try #require(outcome.exitCode == 0, "the oracle failed: \(outcome.stderr.suffix(500))")
    let verdicts = try outcome.stdout.split(separator: "\n").map {
      try JSONDecoder().decode(Verdict.self, from: Data($0.utf8))
    }
    try #require(verdicts.count == cases.count)
    for (c, verdict) in zip(cases, verdicts) {
      let signer = SigV4(keyID: c.key, secret: c.secret, sessionToken: c.token, region: c.region)
      let signed = signer.sign(
        SigV4.Request(
          method: c.method, host: c.host, path: c.path, query: c.query.map { ($0[0], $0[1]) },
          headers: c.headers.map { ($0[0], $0[1]) } + [("x-amz-content-sha256", c.hash)], payloadHash: c.hash),
        at: try #require(Timestamp(text: c.date)))
      #expect(try authorization(signed) == verdict.authorization)
      #expect(signed.target.prefix { $0 != "?" } == verdict.path)
    }
  }

  private static func anyCase(_ random: inout SplitMix) -> Case {
    let alphabet = Array("abcXYZ019-._~/=+ :@()*&?#%'\"!$,;<>[]{}|ü漢\\^`")
    func text(_ count: Int, _ random: inout SplitMix) -> String {
      String((0..<count).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] })
    }
    let names = [
      "x-amz-meta-a", "x-amz-meta-a-b", "x-amz-server-side-encryption", "content-md5", "if-none-match", "range",
    ]
    return Case(
      method: ["GET", "PUT", "HEAD", "DELETE", "POST"].randomElement(using: &random) ?? "GET",
      host: ["b.s3.eu-west-1.amazonaws.com", "127.0.0.1:8333"].randomElement(using: &random) ?? "",
      path: "/" + text(Int.random(in: 0..<30, using: &random), &random),
      query: (0..<Int.random(in: 0..<4, using: &random)).map { ["q\($0)" + text(3, &random), text(6, &random)] },
      headers: names.filter { _ in Bool.random(using: &random) }.map {
        [$0, "v=\(UInt8.random(in: 0...255, using: &random)), w"]
      },
      hash: Bool.random(using: &random) ? SigV4.emptyHash : SigV4.hash(of: Array(text(9, &random).utf8)),
      date: "20260304T\(10 + Int.random(in: 0..<10, using: &random))0000Z", key: "AKIDEXAMPLE",
      secret: text(20, &random),
      region: ["eu-west-1", "us-gov-east-1", "garage"].randomElement(using: &random) ?? "",
      token: Bool.random(using: &random) ? "token/+=\(text(5, &random))".filter { $0.isASCII && $0 != " " } : nil)
  }
}

struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
