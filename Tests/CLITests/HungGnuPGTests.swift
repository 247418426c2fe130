import Foundation
import TestKit
import Testing

@Suite("A GnuPG that hangs, with the program as it ships")
struct HungGnuPGTests {
  /// Neither reads nor writes, and tells that it was started.
  private static let shim = "#!/bin/sh\necho started >> ROOT/starts\nexec sleep 100000\n"

  @Test(
    "Its own feed waits, told; the others hand over meanwhile, with one worker for all, and no pass waits for it again")
  func others() async throws {
    let site = try Site(
      """
      state: ROOT/state
      limits: { min_free: 0, workers: 1 }
      feeds:
        sealed:
          landing: ROOT/sealed
          handover: ROOT/opened
          ready: { settle: 100ms }
          decrypt: { key: "${file:ROOT/key}" }
        audiences: { landing: ROOT/landing, handover: ROOT/import, ready: { settle: 100ms } }
      """)
    for folder in ["sealed", "opened", "bin"] { try site.makeFolder(folder) }
    try site.write("key", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n")
    try site.write("bin/gpg", Self.shim.replacing("ROOT", with: site.root))
    chmod(site.path("bin/gpg"), 0o755)
    var environment = Site.environment
    environment["PATH"] = "\(site.path("bin")):\(Site.environment["PATH"] ?? "/usr/bin:/bin")"
    let agent = try RunningProgram(site.arguments(["run"]), environment: environment)
    try await eventually("the agent runs") { agent.stderr.contains("agent_started") }

    try site.write("sealed/a.csv.asc", "-----BEGIN PGP MESSAGE-----\n\nhQEMA\n=abcd\n-----END PGP MESSAGE-----\n")
    try await eventually("GnuPG was started") { site.text("starts") != nil }
    for number in 0..<5 {
      try site.write("landing/\(number).csv", audience(number))
      try await eventually("handed over while GnuPG hangs") { site.handedOver.contains("\(number).csv") }
    }
    #expect(!agent.stderr.contains("hangs"), "the others had to wait until it was given up")

    try await eventually("it is told", within: .seconds(180)) { agent.stderr.contains("it hangs") }
    // What needs no key goes on in the same feed, with what is encrypted beside it.
    try site.write("sealed/b.csv.asc", "-----BEGIN PGP MESSAGE-----\n\nhQEMA\n=abcd\n-----END PGP MESSAGE-----\n")
    try site.write("sealed/plain.csv", audience(9))
    try await eventually("the plain one is handed over", within: .seconds(30)) {
      site.names(in: "opened").contains("plain.csv")
    }
    #expect(site.text("starts") == "started\n", "it was tried again at once")
    #expect(site.names(in: "opened").filter { !$0.hasPrefix(".") } == ["plain.csv"])
    let status = try await site.navette("status")
    #expect(status.stdout.contains("hangs"), "\(status.stdout)")
    #expect(agent.exitCode == nil)
  }
}
