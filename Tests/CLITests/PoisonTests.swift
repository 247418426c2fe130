import Foundation
import TestKit
import Testing

@Suite("An item on which the agent crashes", .serialized)
struct PoisonTests {
  /// Runs until the fault. - Returns: how it ended.
  private func life(_ site: Site, _ kind: String, at place: String) async throws -> Int32 {
    let agent = try RunningProgram(
      Shim.wrapper(kind, at: place) + site.arguments(["run"]), environment: Site.environment)
    return try #require(try await agent.ended(within: .seconds(60)), "it still runs: \(agent.stderr)")
  }

  private func neighbours(_ site: Site, _ agent: RunningProgram) async throws {
    try site.write("landing/good.csv", audience(1))
    try site.append("log/good.csv", "id,label\n1,x\n")
    try await eventually("the neighbours are served") {
      try #require(agent.exitCode == nil, "\(agent.stderr)")
      let sent = try await site.records()
      return site.text("import/good.csv") == audience(1) && sent.contains("1,x")
    }
  }

  private func stop(_ agent: RunningProgram) async throws {
    agent.signal(SIGTERM)
    #expect(try await agent.ended(within: .seconds(20)) == 0, "\(agent.stderr)")
  }

  @Test(arguments: ["ill", "segv", "abort"])
  func isSetAsideByTheThirdLife(_ kind: String) async throws {
    let site = try Site()
    try site.write("landing/poison.csv", audience(7))
    let place = "*/parts/poison.csv"
    for _ in 0..<2 { #expect(try await life(site, kind, at: place) > 128) }
    let agent = try await site.agent(as: Shim.wrapper(kind, at: place))
    try await neighbours(site, agent)
    let drops = try await site.navette("drops", "--state", "damaged")
    #expect(drops.stdout.contains("crashed_agent") && drops.stdout.contains("poison.csv"), "\(drops.stdout)")
    #expect(agent.stderr.contains("drop_damaged"))
    try await stop(agent)
    // Nothing happens to it at the next start, and a person lets it go on.
    let next = try await site.agent()
    let id = try #require(site.names(in: "state/feeds/audiences/damaged").first)
    #expect(try await site.navette("release", id, "--reason", "a new version").exitCode == 0)
    try await eventually("it is handed over") { site.text("import/poison.csv") == audience(7) }
    try await stop(next)
    let last = try await site.navette("run", "--once")
    #expect(last.exitCode == 0 && !last.stderr.contains("damaged"), "\(last.stderr)")
  }

  @Test func inLandingIsSetAsideToo() async throws {
    let site = try Site()
    let name = "manifest-aep-00000000-0000-4000-8000-000000000001.json"
    try site.write("landing/\(name)", "{}")
    for _ in 0..<2 { #expect(try await life(site, "ill", at: "*/landing/\(name)") > 128) }
    let agent = try await site.agent(as: Shim.wrapper("ill", at: "*/landing/\(name)"))
    try await neighbours(site, agent)
    #expect(try await site.navette("drops", "--state", "damaged").stdout.contains("crashed_agent"))
    #expect(site.names(in: "landing").isEmpty)
    try await stop(agent)
  }

  @Test func aLogIsPassedOver() async throws {
    let site = try Site()
    try site.append("log/poison.csv", "id,label\n7,x\n")
    let place = "*/log/poison.csv*"
    for _ in 0..<2 { #expect(try await life(site, "ill", at: place) > 128) }
    let agent = try await site.agent(as: Shim.wrapper("ill", at: place))
    try await neighbours(site, agent)
    try await eventually("status names it") {
      let status = try await site.navette("status").stdout
      return status.contains("poison.csv") && status.contains("crashed 2 times")
    }
    try await stop(agent)
    let next = try await site.agent()
    #expect(try await site.navette("retry", "--all").exitCode == 0)
    try await eventually("it is sent") { try await site.records().contains("7,x") }
    try await stop(next)
  }

  @Test func aBatchIsSetAside() async throws {
    let site = try Site()
    try site.append("log/a.csv", "id,label\n7,x\n")
    #expect(try await site.navette("flush").exitCode == 0)
    let place = "*/ready/opens-000001/object.csv.gz"
    for _ in 0..<2 { #expect(try await life(site, "ill", at: place) > 128) }
    let agent = try await site.agent(as: Shim.wrapper("ill", at: place))
    try await neighbours(site, agent)
    #expect(try await site.navette("batches", "--state", "damaged").stdout.contains("opens-000001"))
    try await stop(agent)
    let next = try await site.agent()
    let retried = try await site.navette("retry", "opens-000001")
    #expect(retried.exitCode == 0, "\(retried.stdout)\(retried.stderr)")
    try await eventually("it is sent") { try await site.records().contains("7,x") }
    try await stop(next)
  }

  /// Said of nothing that was in hand: whoever kills the agent kills it.
  @Test func killedTenTimesItIsHandedOverInTheEnd() async throws {
    let site = try Site()
    try site.write("landing/patient.csv", audience(7))
    for _ in 0..<10 {
      let agent = try await site.agent(as: Shim.wrapper("hang", at: "*/parts/patient.csv"))
      try await eventually("it is in hand") {
        !site.names(in: "state/feeds/audiences/claimed").isEmpty
      }
      agent.signal(SIGKILL)
      _ = try await agent.ended(within: .seconds(10))
    }
    let agent = try await site.agent()
    try await eventually("it is handed over") { site.text("import/patient.csv") == audience(7) }
    try await neighbours(site, agent)
    #expect(site.names(in: "state/feeds/audiences/damaged").isEmpty)
    try await stop(agent)
  }

  @Test func aLogIsSentInTheEndAndKeepsNoOtherWaiting() async throws {
    let site = try Site()
    try site.append("log/patient.csv", "id,label\npatient,x\n")
    var info = stat()
    try #require(stat(site.path("log/patient.csv"), &info) == 0)
    let item = "\(info.st_ino):\(info.st_size)"
    for round in 0..<10 {
      if round > 0 { try site.append("log/good.csv", "id,label\n\(round),x\n") }
      let agent = try await site.agent(as: Shim.wrapper("hang", at: "*/log/patient.csv*"))
      if round > 0 {
        try await eventually("record \(round) of the other log is sent", within: .seconds(60)) {
          try await site.records().contains("\(round),x")
        }
      }
      try await eventually("the log is in hand", within: .seconds(60)) { try site.hasInHand(item) }
      agent.signal(SIGKILL)
      _ = try await agent.ended(within: .seconds(10))
    }
    let agent = try await site.agent()
    try await eventually("it is sent", within: .seconds(60)) { try await site.records().contains("patient,x") }
    try await neighbours(site, agent)
    let sent = try await site.records().filter { $0 != "1,x" }
    #expect(sent.count == Set(sent).count, "each once: \(sent)")
    try await stop(agent)
  }
}

extension Site {
  /// Whether the agent that runs has, or had, this in hand in its life: what stands in the slots of the file, which end it.
  fileprivate func hasInHand(_ item: String) throws -> Bool {
    let bytes = try Data(contentsOf: URL(filePath: path("state/in-hand")))
    return bytes.suffix(128 * 256).range(of: Data(item.utf8)) != nil
  }
}
