import Foundation
import SystemPackage
import TestKit
import Testing

@Suite("A running agent", .serialized)
struct AgentTests {
  @Test func handsOverWhateverWayAFileArrives() async throws {
    let site = try Site()
    let agent = try await site.agent()
    let slow = Array(audience(1, rows: 400).utf8)
    let file = open(site.path("landing/slow.csv"), O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
    // Longer between two writes than the feed's settle time: an open writer means "not complete".
    for part in [slow[..<1_000], slow[1_000..<4_000], slow[4_000...]] {
      try #require(write(file, Array(part), part.count) == part.count)
      try await Task.sleep(for: .milliseconds(400))
      #expect(site.handedOver.isEmpty)
    }
    close(file)
    try site.write("landing/.renamed.csv.filepart", audience(2))
    try FileManager.default.moveItem(
      atPath: site.path("landing/.renamed.csv.filepart"), toPath: site.path("landing/renamed.csv"))
    try site.write("old.csv", audience(3))
    let copied = try await Spawn.run(
      ["/bin/sh", "-c", "touch -d 2001-02-03 old.csv && cp -p old.csv landing/old.csv"], environment: Site.environment,
      directory: site.folder.path)
    #expect(copied.exitCode == 0)
    try await eventually("all are handed over") { site.handedOver == ["old.csv", "renamed.csv", "slow.csv"] }
    #expect(site.text("import/slow.csv") == String(decoding: slow, as: UTF8.self))
    #expect(site.text("import/renamed.csv") == audience(2))
    #expect(site.text("import/old.csv") == audience(3))
    #expect(site.names(in: "landing").isEmpty)
    agent.signal(SIGTERM)
    #expect(try await agent.ended(within: .seconds(20)) == 0)
    #expect(agent.stderr.contains("notice drop_handed_over feed=audiences"), "\(agent.stderr)")
  }

  @Test func sendsWhatIsAppendedToLogs() async throws {
    let site = try Site()
    let agent = try await site.agent()
    try site.append("log/a.csv", "id,label\n1,x\n")
    try await eventually("the first record is sent") { try await site.records() == ["1,x"] }
    try site.append("log/a.csv", "id,label\n2,\"y\nz\"\n3,w\n")
    try await eventually("the others too") { try await site.records() == ["1,x", "2,\"y", "z\"", "3,w"] }
    try await eventually("logs that are sent go") { site.names(in: "log").isEmpty }
    agent.signal(SIGTERM)
    #expect(try await agent.ended(within: .seconds(20)) == 0)
    let verified = try await site.navette("verify")
    #expect(verified.exitCode == 0, "\(verified.stdout)")
  }

  @Test func refusesACopyOfItsMemoryUntilItIsAdopted() async throws {
    let site = try Site()
    try site.append("log/a.csv", "id,label\n1,x\n")
    #expect(try await site.navette("run", "--once").exitCode == 0)
    // A backup of now, which is put back after more was sent.
    let first = try await Spawn.run(
      ["/bin/sh", "-c", "cp -a state backup"], environment: Site.environment, directory: site.folder.path)
    #expect(first.exitCode == 0)
    try site.append("log/a.csv", "id,label\n2,y\n")
    #expect(try await site.navette("run", "--once").exitCode == 0)
    let second = try await Spawn.run(
      ["/bin/sh", "-c", "rm -rf state && cp -a backup state"], environment: Site.environment,
      directory: site.folder.path)
    #expect(second.exitCode == 0)
    let refused = try await site.navette("run", "--once")
    #expect(refused.exitCode == 74)
    #expect(refused.stderr.contains("is a copy"), "\(refused.stderr)")
    #expect(try await site.navette("run", "--once", "--adopt").exitCode == 0)
    #expect(try await site.navette("run", "--once").exitCode == 0)
    #expect(try await site.records() == ["1,x", "2,y"])
  }

  @Test func endsAtOnceWhenIdle() async throws {
    let site = try Site()
    for signal in [SIGTERM, SIGINT] {
      let agent = try await site.agent()
      try await Task.sleep(for: .milliseconds(500))
      let began = ContinuousClock.now
      agent.signal(signal)
      #expect(try await agent.ended(within: .seconds(10)) == 0)
      #expect(ContinuousClock.now - began < .seconds(2))
      #expect(agent.stderr.contains("agent_stopping"))
    }
  }

  @Test func aSecondAgentRefusesAndNamesTheFirst() async throws {
    let site = try Site()
    let agent = try await site.agent()
    for words in [["run"], ["run", "--once"], ["rebuild"]] {
      let outcome = try await Spawn.run(site.arguments(words), environment: Site.environment)
      #expect(outcome.exitCode == 75)
      #expect(outcome.stderr.contains("(pid \(agent.pid))"), "\(outcome.stderr)")
    }
    let status = try await site.navette("status", "--json")
    let told = try JSONDecoder().decode(Status.self, from: Data(status.stdout.utf8))
    #expect(told.agent.running && told.agent.pid == agent.pid && told.schema == 1)
  }

  private struct Status: Decodable {
    struct Agent: Decodable {
      let running: Bool
      let pid: Int32?
    }
    let schema: Int
    let agent: Agent
  }

  @Test func jsonEventsCarryTheJournalsFields() async throws {
    let site = try Site()
    try site.write("landing/good.csv", audience(1))
    try site.write("landing/bad.csv", "a,b\n1\n")
    try site.append("log/a.csv", "id,label\n1,x\n")
    let outcome = try await site.navette("run", "--once", "--log-format", "json")
    #expect(outcome.exitCode == 1)
    var fields: [String: [String: Any]] = [:]
    for line in outcome.stderr.split(separator: "\n") {
      let event = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      let name = try #require(event["NAVETTE_EVENT"] as? String)
      #expect(event["schema"] as? Int == 1)
      #expect((event["MESSAGE_ID"] as? String)?.count == 32)
      #expect((event["MESSAGE"] as? String)?.isEmpty == false)
      #expect((event["PRIORITY"] as? Int).map { (3...6).contains($0) } == true)
      fields[name] = event
    }
    #expect(fields["drop_handed_over"]?["NAVETTE_FEED"] as? String == "audiences")
    #expect(fields["drop_handed_over"]?["NAVETTE_ROWS"] as? Int == 20)
    #expect((fields["drop_handed_over"]?["NAVETTE_DROP"] as? String)?.isEmpty == false)
    #expect(fields["drop_quarantined"]?["NAVETTE_REASON"] as? String == "column_count")
    #expect(fields["batch_confirmed"]?["NAVETTE_STREAM"] as? String == "opens")
    #expect(fields["batch_confirmed"]?["NAVETTE_STORE"] as? String == "shelf")
    #expect((fields["batch_confirmed"]?["NAVETTE_KEY"] as? String)?.hasPrefix("opens/") == true)
    #expect(fields["batch_confirmed"]?["NAVETTE_BATCH"] as? String == "opens-000001")
    #expect(Set(fields.keys).isSuperset(of: ["drop_seen", "segment_rotated", "batch_sealed"]))
  }

  @Test func aReloadBringsANewFeed() async throws {
    let site = try Site()
    let agent = try await site.agent()
    try site.makeFolder("landing2")
    try site.makeFolder("import2")
    let more = "\n  second: { landing: ROOT/landing2, handover: ROOT/import2, ready: { settle: 100ms } }\nstreams:"
    try site.configure(Site.settings().replacing("\nstreams:", with: more))
    agent.signal(SIGHUP)
    try await eventually("it has reloaded") { agent.stderr.contains("config_reloaded") }
    try site.write("landing/a.csv", audience(1))
    try site.write("landing2/b.csv", audience(2))
    try await eventually("both feeds work") { site.handedOver == ["a.csv"] && site.names(in: "import2") == ["b.csv"] }
    agent.signal(SIGTERM)
    #expect(try await agent.ended(within: .seconds(20)) == 0)
  }

  @Test(arguments: ["feeds: [", "STATE", "streams: { opens: { logs: [\"ROOT/log/*.csv\"], store: nowhere } }"])
  func aBadReloadChangesNothing(_ bad: String) async throws {
    let site = try Site()
    let agent = try await site.agent()
    // `STATE`: a good configuration, but of another state folder.
    try site.configure(bad == "STATE" ? Site.settings(state: "ROOT/other") : bad)
    agent.signal(SIGHUP)
    try await eventually("it has refused") { agent.stderr.contains("config_refused") }
    try site.write("landing/a.csv", audience(1))
    try await eventually("the old one is in force") { site.handedOver == ["a.csv"] }
    agent.signal(SIGTERM)
    #expect(try await agent.ended(within: .seconds(20)) == 0)
  }

  @Test func reloadsInQuickSuccessionLoseNothing() async throws {
    let site = try Site()
    let agent = try await site.agent()
    for number in 1...8 {
      try site.write("landing/\(number).csv", audience(number))
      try site.append("log/a.csv", number == 1 ? "id\n1\n" : "\(number)\n")
      agent.signal(SIGHUP)
      if number % 2 == 0 { agent.signal(SIGHUP) }
      try await Task.sleep(for: .milliseconds(30))
    }
    try await eventually("all are handed over") { site.handedOver.count == 8 }
    try site.write("landing/last.csv", audience(9))
    try await eventually("it still works") { site.handedOver.count == 9 }
    agent.signal(SIGTERM)
    #expect(try await agent.ended(within: .seconds(20)) == 0)
  }

  @Test func asksToFlushAreHeeded() async throws {
    let site = try Site(Site.settings(batch: "max_age: 4h"))
    let agent = try await site.agent()
    try site.append("log/a.csv", "id\n1\n")
    try site.write("landing/a.csv", audience(1))
    try await eventually("a file takes its way meanwhile") { site.handedOver == ["a.csv"] }
    #expect(try await site.records().isEmpty)
    agent.signal(SIGUSR1)
    try await eventually("SIGUSR1 sends what is there") { try await site.records() == ["1"] }
    try site.append("log/a.csv", "id\n2\n")
    let flushed = try await site.navette("flush")
    #expect(flushed.exitCode == 0)
    #expect(flushed.stdout == "the agent (pid \(agent.pid)) has done it\n")
    try await eventually("so does `navette flush`") { try await site.records() == ["1", "2"] }
    #expect(site.names(in: "state/requests").isEmpty)
  }

  @Test func aRequestThatCannotBeReadKeepsNoOtherFromBeingHeeded() async throws {
    let site = try Site(Site.settings(batch: "max_age: 4h"))
    let agent = try await site.agent()
    try site.write("state/requests/0-large.json", String(repeating: "x", count: 100_000))
    try site.makeFolder("state/requests/1-folder.json")
    try site.append("log/a.csv", "id\n1\n")
    let flushed = try await site.navette("flush")
    #expect(flushed.exitCode == 0, "\(flushed.stderr)\(agent.stderr)")
    try await eventually("it is sent") { try await site.records() == ["1"] }
  }
}
