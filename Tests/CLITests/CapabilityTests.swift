import Foundation
import Glibc
import TestKit
import Testing

/// The agent as an account of its own, and an uploader of another: with the one capability that the service has, and without it.
@Suite("CAP_LEASE", .enabled(if: geteuid() == 0, "needs root"))
struct CapabilityTests {
  private static let account = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
  private static let without = account + ["--bounding-set=-all"]
  private static let with =
    account + ["--inh-caps=-all,+lease", "--ambient-caps=-all,+lease", "--bounding-set=-all,+lease"]

  private func site(_ settings: String) async throws -> Site {
    let site = try Site(settings)
    try await site.shell("chown -R 65534:65534 . && chmod 755 . && chmod 777 landing")
    return site
  }

  @Test("an upload of another account that pauses is not taken before it is closed")
  func waits() async throws {
    let site = try await site(Site.settings())
    let agent = try await site.agent(as: Self.with)
    // Its writer is this process, which is another user.
    let upload = open(site.path("landing/half.csv"), O_WRONLY | O_CREAT | O_CLOEXEC, 0o666)
    try #require(upload >= 0)
    let (first, second) = (audience(1), "2,b\n")
    try #require(write(upload, first, first.utf8.count) == first.utf8.count)
    // Others come after it and go through, several settle times long.
    for number in 1...4 {
      try site.write("landing/\(number).csv", audience(number + 10))
      try await eventually("\(number).csv is handed over") { site.handedOver.contains("\(number).csv") }
      #expect(!site.handedOver.contains("half.csv"))
    }
    try #require(write(upload, second, second.utf8.count) == second.utf8.count)
    close(upload)
    try await eventually("it is handed over, whole") { site.text("import/half.csv") == first + second }
    let status = try await site.navette("status", "--json")
    #expect(status.stdout.contains(#""complete_when":"nobody has it open for writing"#), "\(status.stdout)")
    #expect(agent.stderr.contains("a file is whole when nobody has it open for writing"))
  }

  @Test("without it check, status and the start say that silence counts, and check warns of a short one")
  func tells() async throws {
    let site = try await site(Site.settings())
    func check() async throws -> String {
      try await Spawn.run(Self.without + site.arguments(["check"]), environment: Site.environment).stdout
    }
    let short = try await check()
    #expect(
      short.contains("at rest for 100ms; who writes it cannot be asked") && short.contains("write settle: auto"),
      "\(short)")
    try site.configure(Site.settings().replacing("settle: 100ms", with: "settle: auto"))
    let long = try await check()
    #expect(
      long.contains("a file is whole when it has been at rest for 30s") && !long.contains("settle: auto"), "\(long)")
    let agent = try await site.agent(as: Self.without)
    #expect(agent.stderr.contains("it has been at rest for 30s; who writes it cannot be asked"), "\(agent.stderr)")
    let status = try await site.navette("status")
    #expect(status.stdout.contains("audiences: a file is whole when it has been at rest for 30s"), "\(status.stdout)")
  }

  @Test("a program that the agent starts has no capability, and cannot have it back")
  func children() async throws {
    let command =
      #"reopen: ["/bin/sh", "-c", "grep ^Cap /proc/self/status >ROOT/log/caps.new; mv ROOT/log/caps.new ROOT/log/caps"]"#
    let site = try await site(
      Site.settings(stream: command))
    let agent = try await site.agent(as: Self.with)
    try await site.shell("printf 'id\\n1\\n' >log/a.csv && chown 65534:65534 log/a.csv")
    try await eventually("the command has run", within: .seconds(60)) {
      agent.exitCode != nil || site.text("log/caps") != nil
    }
    let caps = site.text("log/caps") ?? agent.stderr
    for kind in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
      #expect(caps.contains("\(kind):\t0000000000000000"), "\(caps)")
    }
    // It has it itself.
    #expect(agent.stderr.contains("nobody has it open for writing"), "\(agent.stderr)")
  }
}
