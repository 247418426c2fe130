import Foundation
import TestKit
import Testing

@Suite("An agent that tells its figures")
struct MetricsTests {
  private func site(_ metrics: String = "textfile: ROOT/prom/navette.prom", store: String? = nil) throws -> Site {
    let text = store.map { Site.settings(store: $0) } ?? Site.settings()
    let site = try Site(text + "\nmetrics: { \(metrics) }\n")
    try site.makeFolder("prom")
    return site
  }

  private func configure(_ site: Site, _ metrics: String) throws {
    try site.configure(Site.settings() + "\nmetrics: { \(metrics) }\n")
  }

  /// As two independent parsers read them: `name label=value … number`.
  private func samples(_ text: String) async throws -> [String] {
    let environment = ProcessInfo.processInfo.environment
    let judge = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "servers/metrics_oracle.py").path
    let outcome = try await Spawn.run(
      [environment["NAVETTE_TEST_PYTHON"] ?? "python3", judge], environment: Site.environment, input: Array(text.utf8))
    #expect(outcome.exitCode == 0, "\(outcome.stderr)")
    return outcome.stdout.split(separator: "\n").map(String.init)
  }

  private func value(_ name: String, in site: Site) -> String? {
    site.text("prom/navette.prom")?.split(separator: "\n").first { $0.hasPrefix("\(name) ") }
      .map { String($0.dropFirst(name.count + 1)) }
  }

  private func curl(_ words: String...) async throws -> Spawn.Outcome {
    try await Spawn.run(
      ["curl", "-sS", "--max-time", "10"] + words, environment: Site.environment.merging(["no_proxy": "*"]) { $1 })
  }

  @Test func countsWhatHappensAndGoesOnCountingAfterARestart() async throws {
    let site = try site()
    try site.write("landing/a.csv", audience(1))
    try site.write("landing/torn.csv", "a,b\n1\n")
    try site.append("log/a.csv", "id,t\n1,x\n2,y\n")
    let handedOver = #"navette_drops_total{feed="audiences",outcome="handed_over"}"#
    let confirmed = #"navette_batches_total{stream="opens",outcome="confirmed"}"#
    var agent = try await site.agent()
    try await eventually("both lanes are told") {
      value(handedOver, in: site) == "1" && value(confirmed, in: site) == "1"
        && value(#"navette_feed_drops{feed="audiences",state="quarantine"}"#, in: site) == "1"
    }
    let text = try #require(site.text("prom/navette.prom"))
    let found = try await samples(text)
    for sample in [
      "navette_build_info version=0.1.0 1", "navette_drops_total feed=audiences outcome=quarantined 1",
      "navette_drop_rows_total feed=audiences 20", "navette_batch_rows_total stream=opens 2",
      "navette_events_total event=drop_quarantined 1", "navette_feed_paused feed=audiences 0",
      "navette_stream_lag_bytes stream=opens 0", "navette_store_failures store=shelf 0", "navette_spool_bytes 0",
      "navette_feed_drops feed=audiences state=waiting 0", "navette_config_refused 0",
    ] {
      #expect(found.contains(sample), "\(sample)")
    }
    #expect(!text.contains("torn") && !text.contains("a.csv") && !text.contains(site.folder.path.string))
    let rights = try FileManager.default.attributesOfItem(atPath: site.path("prom/navette.prom"))
    #expect(rights[.posixPermissions] as? Int == 0o644)
    #expect(site.names(in: "prom") == ["navette.prom"])

    agent.signal(SIGTERM)
    #expect(try await agent.ended(within: .seconds(20)) == 0)
    // What would stand still there would lie.
    #expect(site.names(in: "prom").isEmpty)
    try site.write("landing/b.csv", audience(2))
    agent = try await site.agent()
    try await eventually("the count goes on") { value(handedOver, in: site) == "2" }
    #expect(value(confirmed, in: site) == "1")
    #expect(value(#"navette_events_total{event="drop_quarantined"}"#, in: site) == "0")
  }

  @Test func tellsOfStoresInTrouble() async throws {
    let store =
      #"url: s3://bucket/p, region: x, endpoint: "http://127.0.0.1:9", access_key_id: A, secret_access_key: B"#
    let site = try site(store: store)
    try site.append("log/a.csv", "id\n1\n")
    let agent = try await site.agent()
    try await eventually("failures are told") {
      value(#"navette_upload_retries_total{stream="opens"}"#, in: site).flatMap { Int($0) } ?? 0 > 0
        && value(#"navette_stream_batches{stream="opens",state="ready"}"#, in: site) == "1"
    }
    #expect(value(#"navette_store_failures{store="shelf"}"#, in: site) != "0")
    #expect(value("navette_spool_bytes", in: site) != "0")
    _ = agent
  }

  @Test func tellsOfADropThatIsLate() async throws {
    // Due two hours ago, by a clock that has no summer.
    let due = Date(timeIntervalSinceNow: -7_200).formatted(.iso8601.time(includingFractionalSeconds: false)).prefix(5)
    let expect = "expect: { by: \"\(due)\", days: [mon, tue, wed, thu, fri, sat, sun], timezone: UTC }"
    let site = try Site(Site.settings(feed: expect) + "\nmetrics: { textfile: ROOT/prom/navette.prom }\n")
    try site.makeFolder("prom")
    let isLate = #"navette_feed_late{feed="audiences"}"#
    #expect(try await site.navette("run", "--once").exitCode == 0)
    let script =
      "import sqlite3, sys, time; db = sqlite3.connect(sys.argv[1]); "
      + "db.execute('UPDATE expectations SET since = ?, settled = ?', [int((time.time() - 10800) * 1e9)] * 2); db.commit()"
    let moved = try await Spawn.run(
      ["python3", "-c", script, site.path("state/ledger.sqlite")], environment: Site.environment)
    #expect(moved.exitCode == 0, "\(moved.stderr)")
    let agent = try await site.agent()
    try await eventually("it is late") { value(isLate, in: site) == "1" }
    try site.write("landing/a.csv", audience(1))
    try await eventually("it is late no more") { value(isLate, in: site) == "0" }
    #expect(value(#"navette_events_total{event="feed_arrived"}"#, in: site) == "1", "\(agent.stderr)")
  }

  @Test("One round tells how it ended, and the next one tells more; who only waits for another agent tells nothing")
  func rounds() async throws {
    let site = try site("textfile: ROOT/prom/navette.prom, listen: \"unix:ROOT/prom/m.sock\"")
    try site.write("landing/a.csv", audience(1))
    try site.append("log/a.csv", "id,t\n1,x\n2,y\n")
    // What another program has just written may not count as complete at first.
    try await eventually("both lanes are through") {
      try await site.navette("run", "--once").exitCode == 0 && site.handedOver == ["a.csv"]
    }
    #expect(site.names(in: "prom") == ["navette.prom"])
    let found = try await samples(try #require(site.text("prom/navette.prom")))
    for sample in [
      "navette_drops_total feed=audiences outcome=handed_over 1", "navette_batch_rows_total stream=opens 2",
      "navette_batches_total outcome=confirmed stream=opens 1", "navette_events_total event=drop_handed_over 1",
      "navette_feed_drops feed=audiences state=waiting 0", "navette_stream_lag_bytes stream=opens 0",
    ] {
      #expect(found.contains(sample), "\(sample): \(found)")
    }
    #expect(
      found.contains { $0.hasPrefix("navette_pass_duration_seconds_count lane=outbound ") && !$0.hasSuffix(" 0") })
    try site.write("landing/torn.csv", "a,b\n1\n")
    try await eventually("it is refused") { try await site.navette("run", "--once").exitCode == 1 }
    #expect(value(#"navette_drops_total{feed="audiences",outcome="quarantined"}"#, in: site) == "1")

    let agent = try await site.agent()
    try await eventually("the agent tells") { site.names(in: "prom") == ["m.sock", "navette.prom"] }
    #expect(try await site.navette("run", "--once").exitCode == 75)
    #expect(site.names(in: "prom") == ["m.sock", "navette.prom"] && agent.exitCode == nil)
  }

  @Test func answersWhoeverAsksAndFollowsAReload() async throws {
    let site = try site("listen: \"unix:ROOT/prom/m.sock\"")
    let agent = try await site.agent()
    try await eventually("it listens") { site.names(in: "prom") == ["m.sock"] }
    let socket = try await curl("--unix-socket", site.path("prom/m.sock"), "http://x/metrics")
    #expect(try await samples(socket.stdout).contains("navette_build_info version=0.1.0 1"), "\(socket)")

    try configure(site, "textfile: ROOT/prom/other.prom, listen: \"127.0.0.1:29701\"")
    agent.signal(SIGHUP)
    try await eventually("the new settings are in force") { site.names(in: "prom") == ["other.prom"] }
    try await eventually("it listens at the new address") {
      try await curl("http://127.0.0.1:29701/metrics").stdout.hasSuffix("# EOF\n")
    }
    try site.configure("feeds: [")
    agent.signal(SIGHUP)
    try await eventually("the refusal is told") {
      try await curl("http://127.0.0.1:29701/metrics").stdout.contains("\nnavette_config_refused 1\n")
    }
    try configure(site, "")
    agent.signal(SIGHUP)
    try await eventually("nothing is left") { site.names(in: "prom").isEmpty }
    #expect(try await curl("http://127.0.0.1:29701/metrics").exitCode == 7)
    #expect(agent.exitCode == nil)
  }

  @Test func aFolderThatIsNotThereStopsNoLane() async throws {
    let site = try site("textfile: ROOT/gone/navette.prom, listen: \"unix:ROOT/gone/m.sock\"")
    let check = try await site.navette("check")
    #expect(check.exitCode == 78)
    #expect(
      check.stderr.contains(
        "metrics.textfile: there is no folder \(site.path("gone")). Create it, or change metrics.textfile"))
    let agent = try await site.agent()
    try site.write("landing/a.csv", audience(1))
    try await eventually("the lane goes on") { site.handedOver == ["a.csv"] }
    try await eventually("it is said") {
      agent.stderr.contains("reason=textfile") && agent.stderr.contains("reason=listen")
    }
    for number in 2...4 { try site.write("landing/\(number).csv", audience(number)) }
    try await eventually("the lane goes on") { site.handedOver.count == 4 }
    try site.makeFolder("gone")
    try await eventually("it is tried again") { site.names(in: "gone") == ["m.sock", "navette.prom"] }
    #expect(agent.stderr.split(separator: "\n").count { $0.contains("metrics_failed") } == 2, "\(agent.stderr)")
  }
}
