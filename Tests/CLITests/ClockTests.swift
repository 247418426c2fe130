import Foundation
import TestKit
import Testing

@Suite("A clock that is not right")
struct ClockTests {
  private static let year = 365 * 86_400

  private func ahead(_ seconds: Int) -> [String] {
    ["/usr/bin/env", "LD_PRELOAD=\(Shim.clock)", "NAVETTE_TEST_CLOCK=\(seconds)"]
  }

  /// One drop in the archive, one in quarantine, one delivered object.
  private func filled() async throws -> Site {
    let site = try Site()
    try site.write("landing/good.csv", audience(1))
    try site.write("landing/bad.csv", "email,segment\na\n")
    try site.append("log/a.csv", "id,label\n1,x\n")
    _ = try await site.navette("run", "--once")
    try #require(kept(site) == [1, 1, 1])
    return site
  }

  private func kept(_ site: Site) -> [Int] {
    let feed = "state/feeds/audiences"
    let drops = ["archive", "quarantine"].map { place in
      site.names(in: "\(feed)/\(place)").count { !site.names(in: "\(feed)/\(place)/\($0)/parts").isEmpty }
    }
    let delivered = "state/streams/opens/delivered"
    return drops + [site.names(in: delivered).count { site.names(in: "\(delivered)/\($0)").contains("object.csv.gz") }]
  }

  @Test func aYearAheadNothingIsDeletedForItsAge() async throws {
    let site = try await filled()
    for life in 0..<2 {
      let agent = try await site.agent(as: ahead(Self.year))
      // It works, and has looked at all places twice.
      for round in 0..<2 {
        let name = "life\(life)\(round).csv"
        try site.write("landing/\(name)", audience(10 + life * 2 + round))
        try await eventually("it works") { site.handedOver.contains(name) }
      }
      #expect(kept(site)[1...] == [1, 1] && kept(site)[0] >= 1)
      if life == 0 { #expect(agent.stderr.contains("clock_doubted"), "\(agent.stderr)") }
      let status = try await site.navette("status")
      #expect(status.stdout.contains("the clock jumped ahead"), "\(status.stdout)")
      agent.signal(SIGTERM)
      #expect(try await agent.ended(within: .seconds(20)) == 0)
    }
  }

  @Test func aPersonWhoSaysThatItIsRightIsBelieved() async throws {
    let site = try await filled()
    let agent = try await site.agent(as: ahead(Self.year))
    try await eventually("it is doubted") { agent.stderr.contains("clock_doubted") }
    #expect(try await site.navette("resume", "--clock", "--reason", "test").exitCode == 0)
    try await eventually("what is old goes") { self.kept(site) == [0, 0, 0] }
    #expect(try await !site.navette("status").stdout.contains("clock jumped"))
    agent.signal(SIGTERM)
    #expect(try await agent.ended(within: .seconds(20)) == 0)
  }

  @Test func thatGoesOnAsItWasIsNotDoubted() async throws {
    let site = try await filled()
    let agent = try await site.agent()
    try site.write("landing/next.csv", audience(2))
    try await eventually("it works") { site.handedOver.contains("next.csv") }
    #expect(!agent.stderr.contains("clock_doubted"))
    agent.signal(SIGTERM)
    #expect(try await agent.ended(within: .seconds(20)) == 0)
  }

  @Test(arguments: [Int.max / 4, -3_000_000_000])
  func ofNoTimeThereIs(_ seconds: Int) async throws {
    let site = try Site()
    let agent = try await site.agent(as: ahead(seconds))
    try site.write("landing/a.csv", audience(1))
    try await eventually("it works") {
      try #require(agent.exitCode == nil, "\(agent.stderr)")
      return site.handedOver == ["a.csv"]
    }
    agent.signal(SIGTERM)
    #expect(try await agent.ended(within: .seconds(20)) == 0)
  }
}
