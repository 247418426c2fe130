import Foundation
import SystemPackage
import TestKit
import Testing

@Suite("The file of what is in hand, with the built program", .serialized)
struct InHandTests {
  @Test(arguments: ["ln -s /etc/passwd state/in-hand", "mkfifo state/in-hand", "mkdir state/in-hand"])
  func whateverLiesInItsPlaceIsSaidOnce(_ command: String) async throws {
    let site = try Site()
    let made = try await Spawn.run(
      ["/bin/sh", "-c", "mkdir -m 750 state && \(command)"], environment: Site.environment, directory: site.folder.path)
    try #require(made.exitCode == 0)
    let agent = try await site.agent()
    try site.write("landing/a.csv", audience(1))
    try await eventually("it works") { site.handedOver == ["a.csv"] }
    #expect(agent.stderr.components(separatedBy: "warning in_hand_failed").count == 2, "\(agent.stderr)")
    let status = try await site.navette("status", "--json")
    #expect(status.exitCode == 0 && status.stdout.contains("\"last_end\":null"), "\(status.stdout)")
    agent.signal(SIGTERM)
    #expect(try await agent.ended(within: .seconds(20)) == 0)
  }

  @Test(arguments: ["", "garbage", String(repeating: "x", count: 100_000)])
  func whateverItHoldsIsNoReasonNotToStart(_ content: String) async throws {
    let site = try Site()
    try site.makeFolder("state")
    try site.write("state/in-hand", content)
    let outcome = try await site.navette("run", "--once")
    #expect(outcome.exitCode == 0 && !outcome.stderr.contains("agent_") && !outcome.stderr.contains("in_hand"))
    #expect(try await site.navette("status").stdout.contains("last end: stopped cleanly"))
  }

  @Test func whoeverCutsItOffDoesNotEndTheAgent() async throws {
    let site = try Site()
    let agent = try await site.agent()
    for round in 0..<3 {
      try site.write("state/in-hand", "")
      try site.write("landing/\(round).csv", audience(round))
      try await eventually("it works") { site.handedOver.count == round + 1 }
    }
    agent.signal(SIGTERM)
    #expect(try await agent.ended(within: .seconds(20)) == 0)
    let next = try await site.navette("run", "--once")
    #expect(next.exitCode == 0 && !next.stderr.contains("agent_"), "\(next.stderr)")
  }

  @Test func whatTheAgentStartsHasNoneOfItsHandlers() async throws {
    let site = try Site(Site.settings(stream: "reopen: [\"/bin/sh\", \"ROOT/look\"]"))
    try site.write(
      "look", "sed -n 's/^SigCgt:.//p; s/^SigBlk:.//p' /proc/self/status >'\(site.path("seen"))'; kill -SEGV $$\n")
    try site.append("log/a.csv", "id,label\n1,x\n")
    let outcome = try await site.navette("run", "--once")
    let seen = try #require(site.text("seen")).split(separator: "\n")
    #expect(seen.count == 2 && seen.allSatisfy { UInt64($0, radix: 16).map { $0 & 0x7fff_ffff } == 0 }, "\(seen)")
    #expect(outcome.exitCode == 0, "\(outcome.stderr)")
    let next = try await site.navette("run", "--once")
    #expect(!next.stderr.contains("agent_"), "a child's crash is none of ours: \(next.stderr)")
  }

  // MARK: What systemd says

  private func afterStop(_ site: Site, _ invocation: String, _ words: (String, String, String)) async throws {
    let more = [
      "INVOCATION_ID": invocation, "SERVICE_RESULT": words.0, "EXIT_CODE": words.1, "EXIT_STATUS": words.2,
    ]
    let outcome = try await Spawn.run(
      site.arguments(["after-stop"]), environment: Site.environment.merging(more) { $1 })
    #expect(outcome.exitCode == 0 && outcome.stdout.isEmpty && outcome.stderr.isEmpty, "\(outcome.stderr)")
  }

  @Test(arguments: [
    (("watchdog", "dumped", "ABRT"), SIGABRT, "agent_interrupted reason=watchdog"),
    (("oom-kill", "killed", "KILL"), SIGKILL, "agent_interrupted reason=oom-kill"),
    (("signal", "killed", "KILL"), SIGKILL, "agent_interrupted reason=SIGKILL"),
    (("timeout", "killed", "KILL"), SIGKILL, "agent_interrupted reason=timeout"),
    (("signal", "killed", "SEGV"), SIGSEGV, "agent_crashed reason=SIGSEGV"),
  ])
  func reachesTheNextStart(_ words: (String, String, String), _ signal: Int32, _ event: String) async throws {
    let site = try Site()
    let agent = try await site.agent(as: ["/usr/bin/env", "INVOCATION_ID=0123abc"])
    agent.signal(signal)
    #expect(try await agent.ended(within: .seconds(10)) == 128 + signal)
    try await afterStop(site, "0123abc", words)
    let status = try await site.navette("status", "--json").stdout
    #expect(status.contains("\"service_result\":\"\(words.0)\""), "\(status)")
    let next = try await site.navette("run", "--once").stderr
    #expect(next.contains(event) && next.contains("systemd says: \(words.0)"), "\(next)")
  }

  @Test func ofAnotherStartIsNotTaken() async throws {
    let site = try Site()
    try await afterStop(site, "1", ("exit-code", "exited", "78"))
    #expect(!FileManager.default.fileExists(atPath: site.path("state/in-hand")))
    let agent = try await site.agent(as: ["/usr/bin/env", "INVOCATION_ID=2"])
    agent.signal(SIGKILL)
    _ = try await agent.ended(within: .seconds(10))
    try await afterStop(site, "1", ("oom-kill", "killed", "KILL"))
    #expect(try await site.navette("run", "--once").stderr.contains("agent_interrupted reason=unknown"))
    // By hand it is of no use.
    #expect(try await site.navette("after-stop").exitCode == 64)
  }

  @Test func anotherRunOfTheMachineIsTold() async throws {
    let site = try Site()
    let agent = try await site.agent(as: ["/usr/bin/env", "NAVETTE_BOOT_ID=1111"])
    agent.signal(SIGKILL)
    _ = try await agent.ended(within: .seconds(10))
    let next = try await Spawn.run(
      site.arguments(["run", "--once"]), environment: Site.environment.merging(["NAVETTE_BOOT_ID": "2222"]) { $1 })
    #expect(next.stderr.contains("agent_interrupted reason=reboot"), "\(next.stderr)")
  }
}
