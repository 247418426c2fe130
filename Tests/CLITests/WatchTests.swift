import Foundation
import TestKit
import Testing

@Suite("status --watch", .serialized)
struct WatchTests {
  /// What a terminal of 100 columns shows; a script judges the rest.
  private func screen(of site: Site, showing word: String) async throws -> String {
    let judge = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "servers/watch_pty.py").path
    let python = ProcessInfo.processInfo.environment["NAVETTE_TEST_PYTHON"] ?? "python3"
    let outcome = try await Spawn.run(
      [python, judge, word, site.path("navette.yaml")],
      environment: Site.environment.merging(["NAVETTE": Program.path]) { $1 }, timeout: .seconds(120))
    #expect(outcome.exitCode == 0, "\(outcome.stderr)\(outcome.stdout)")
    return outcome.stdout
  }

  private func site() async throws -> Site {
    let site = try Site(Site.settings(batch: "max_age: 300ms"))
    try site.write("landing/a.csv", audience(1))
    try site.write("landing/torn.csv", "a,b\n1\n")
    try site.append("log/a.csv", "id,t\n1,x\n2,y\n")
    return site
  }

  @Test func showsBothLanesWhileAnAgentRuns() async throws {
    let site = try await site()
    let agent = try await site.agent()
    try await eventually("both lanes have worked") {
      agent.stderr.contains("batch_confirmed") && agent.stderr.contains("drop_handed_over")
        && agent.stderr.contains("drop_quarantined")
    }
    let shown = try await screen(of: site, showing: "LAST EVENTS")
    for word in [
      "navette 0.1.0", "agent: running, pid \(agent.pid)", "spool: [", "FEED", "audiences", "ROWS/H", "STREAM", "opens",
      "LAST HOUR", "█", "LAST EVENTS", "batch_confirmed   opens-000001  by shelf",
    ] {
      #expect(shown.contains(word), "\(word) is missing:\n\(shown)")
    }
    #expect(shown.split(separator: "\n").allSatisfy { $0.count <= 100 })
    #expect(agent.exitCode == nil)
  }

  @Test func andWhileNoneRuns() async throws {
    let site = try await site()
    try await eventually("both drops are through") {
      _ = try await site.navette("run", "--once")
      return site.handedOver.count == 1 && site.names(in: "state/feeds/audiences/quarantine").count == 1
    }
    let shown = try await screen(of: site, showing: "LAST EVENTS")
    #expect(shown.contains("agent: not running") && shown.contains("drop_quarantined"), "\(shown)")
  }

  @Test func isTextAgainAndAgainWhereNoTerminalIs() async throws {
    let site = try await site()
    let watch = try RunningProgram(site.arguments(["status", "--watch"]), environment: Site.environment)
    try await eventually("it has looked twice") {
      watch.stdout.components(separatedBy: "agent: not running").count > 2
    }
    watch.signal(SIGTERM)
    #expect(try await watch.ended(within: .seconds(10)) == 0)
    #expect(!watch.stdout.contains("\u{1b}") && watch.stderr.isEmpty)
    #expect(watch.stdout.firstMatch(of: #/\d\dZ\nagent: not running\nspool: /#) != nil)
  }

  @Test func refusesJSONAndABadStart() async throws {
    let site = try await site()
    #expect(try await site.navette("status", "--watch", "--json").exitCode == 64)
    try site.makeFolder("state")
    try site.write("state/ledger.sqlite", String(repeating: "no ledger ", count: 500))
    #expect(try await site.navette("status", "--watch").exitCode == 74)
  }
}

@Suite("status for those who may only read")
struct ReaderStatusTests {
  /// As a user of no other rights than one group's; nil where the test cannot become one.
  private func asMember(of group: String, _ site: Site, _ words: String...) async throws -> Spawn.Outcome? {
    guard geteuid() == 0 else {
      print("skipped, not root: \(#function)")
      return nil
    }
    return try await Spawn.run(
      ["setpriv", "--reuid=65534", "--regid=\(group)", "--clear-groups"] + site.arguments(words),
      environment: Site.environment)
  }

  @Test func theGroupOfTheStateFolderMayLook() async throws {
    let site = try Site()
    try site.write("landing/a.csv", audience(1))
    try site.append("log/a.csv", "id,t\n1,x\n")
    try await eventually("the drop is through") {
      _ = try await site.navette("run", "--once")
      return site.handedOver == ["a.csv"]
    }
    let script = "chgrp -R 4242 \"$0/state\" && chmod -R g+s \"$0/state\" && chmod 755 \"$0\""
    let prepared = try await Spawn.run(
      ["/bin/sh", "-c", script, site.folder.path.string], environment: Site.environment)
    guard geteuid() == 0 else { return }
    #expect(prepared.exitCode == 0, "\(prepared.stderr)")
    // At rest, and in use.
    for isRunning in [false, true] {
      let agent = isRunning ? try await site.agent() : nil
      guard let outcome = try await asMember(of: "4242", site, "status") else { return }
      #expect(outcome.exitCode == 0 && outcome.stderr.isEmpty, "running \(isRunning): \(outcome)")
      #expect(outcome.stdout.contains("opens   0 s  0 B          0        0     1"), "\(outcome.stdout)")
      #expect(outcome.stdout.contains(isRunning ? "agent: running, pid" : "agent: not running"))
      #expect(try await asMember(of: "4242", site, "drops")?.stdout.contains("a.csv") == true)
      _ = agent
    }
    let stranger = try #require(try await asMember(of: "4243", site, "status"))
    #expect(stranger.exitCode == 74)
    #expect(stranger.stderr.contains("as a member of the group that owns the state folder"), "\(stranger)")
  }
}
