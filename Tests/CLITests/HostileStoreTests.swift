import Foundation
import TestKit
import Testing

@Suite("Stores that send anything", .serialized)
struct HostileStoreTests {
  private static let server =
    #filePath.split(separator: "/").dropLast(2).map { "/" + $0 }.joined()
    + "/servers/hostile_s3.py"

  private static let kinds = [
    "endless-body", "short-body", "cut-body", "other-tag", "forbidden", "same-token", "two-tokens", "fresh-tokens",
    "empty-pages", "endless-xml", "huge-xml", "many-entries", "endless-headers", "endless-100", "drip", "odd-negative",
    "odd-word", "odd-float", "odd-over", "odd-most", "wild",
  ]
  /// Those whose sound object comes all the same.
  private static let sound = [
    "good", "endless-body", "short-body", "cut-body", "other-tag", "forbidden", "odd-most", "wild",
  ]

  private func memory(of pid: Int32) throws -> Int {
    let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
    return try #require(line.split(separator: " ").compactMap { Int($0) }.first) / 1_024
  }

  @Test(.timeLimit(.minutes(5))) func eachHarmsItsOwnFeedAlone() async throws {
    // Ends with its standard input.
    let server = try RunningProgram(
      ["/bin/sh", "-c", "tail -f /dev/null | python3 -u \(Self.server)"], environment: Site.environment)
    try await eventually("the server runs") { server.stdout.contains("\n") }
    let port = try #require(server.stdout.split(separator: "\n").first.flatMap { Int($0) })
    let site = try Site()
    let names = Self.kinds + ["good"]
    for name in names {
      try site.makeFolder("in/\(name)")
      try site.makeFolder("out/\(name)")
    }
    try site.configure(settings(names, port))
    let agent = try await site.agent()
    try site.append("log/a.csv", "id\n1\n")
    try site.write("landing/a.csv", audience(1))
    try await eventually("the stream goes on", within: .seconds(60)) { try await site.records() == ["1"] }
    try await eventually("the feed that fetches nothing too", within: .seconds(60)) { site.handedOver == ["a.csv"] }
    for name in Self.sound {
      try await eventually("\(name) brings what is sound", within: .seconds(60)) {
        site.names(in: "out/\(name)").contains { $0.hasPrefix("good") }
      }
    }
    // One is told of each, and only of its own.
    let told = names.filter { !["good", "drip"].contains($0) }
    try await eventually("each is told", within: .seconds(60)) {
      let lines = agent.stderr.split(separator: "\n")
      return told.allSatisfy { name in lines.contains { $0.contains("feed=\(name) ") || $0.contains("feed=\(name):") } }
    }
    let fetched = server.stdout.split(separator: "\n").count { $0.contains("/bad.csv") }
    #expect(fetched < 100, "\(fetched) downloads of what is bad")
    #expect(agent.stderr.split(separator: "\n").count < 300)
    let status = try await site.navette("status")
    #expect(status.exitCode == 0 && status.stdout.contains("disagree"), "\(status.stdout)")
    #expect(try memory(of: agent.pid) < 150, "MiB")
    #expect(agent.exitCode == nil)
    for name in names { #expect(site.names(in: "in/\(name)").allSatisfy { $0.hasPrefix(".navette") || $0 == "wild" }) }
    agent.signal(SIGTERM)
    #expect(try await agent.ended(within: .seconds(30)) == 0, "\(agent.stderr)")
  }

  private func settings(_ names: [String], _ port: Int) -> String {
    let stores = names.map { name in
      """
        \(name): { url: "s3://\(name)", region: eu-west-1, access_key_id: a, secret_access_key: b,
          endpoint: "http://127.0.0.1:\(port)", timeouts: { connect: 1s, stall: 2s } }
      """
    }
    let feeds = names.map { name in
      """
        \(name): { landing: ROOT/in/\(name), handover: ROOT/out/\(name), ready: { settle: 100ms }, duplicates: deliver,
          pull: { store: \(name), every: 1s } }
      """
    }
    return Site.settings().replacing("stores:", with: "stores:\n" + stores.joined(separator: "\n"))
      .replacing("feeds:", with: "feeds:\n" + feeds.joined(separator: "\n"))
  }
}
