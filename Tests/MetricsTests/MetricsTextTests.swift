import Core
import Foundation
import Metrics
import Testing

private let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

private func text(_ path: String) throws -> String {
  try String(contentsOf: root.appending(path: path), encoding: .utf8)
}

@Suite("Metrics as text")
struct MetricsTextTests {
  private func snapshot() -> MetricsSnapshot {
    var snapshot = MetricsSnapshot(
      version: "1.2.3", startedAt: Timestamp(seconds: 1_773_295_200), takenAt: Timestamp(seconds: 1_773_295_260))
    snapshot.spoolLimitBytes = 20 << 30
    var feed = MetricsSnapshot.Feed("audiences")
    feed.drops = ["held": 2]
    feed.totals = ["handed_over": 7]
    feed.bytes = 1 << 50
    snapshot.feeds = [feed]
    var lane = MetricsSnapshot.Lane("inbound")
    (lane.passes, lane.passSeconds) = (3, 0.25)
    snapshot.lanes = [lane]
    var store = MetricsSnapshot.Store("aep")
    store.credentialDaysLeft = 2.5
    snapshot.stores = [store, MetricsSnapshot.Store("shelf")]
    return snapshot
  }

  @Test func hasTypeUnitHelpAndAnEnd() {
    let text = MetricsText.render(snapshot())
    #expect(
      text.hasPrefix(
        """
        # TYPE navette_build_info gauge
        # HELP navette_build_info Which navette this is; always 1.
        navette_build_info{version="1.2.3"} 1
        # TYPE navette_start_timestamp_seconds gauge
        # UNIT navette_start_timestamp_seconds seconds
        # HELP navette_start_timestamp_seconds When the agent started, seconds since 1970.
        navette_start_timestamp_seconds 1773295200

        """), "\(text)")
    #expect(text.hasSuffix("\n# EOF\n"))
    for line in [
      "# TYPE navette_drops counter", #"navette_drops_total{feed="audiences",outcome="handed_over"} 7"#,
      #"navette_drops_total{feed="audiences",outcome="quarantined"} 0"#,
      #"navette_feed_drops{feed="audiences",state="held"} 2"#,
      #"navette_feed_drops{feed="audiences",state="waiting"} 0"#,
      #"navette_drop_bytes_total{feed="audiences"} 1125899906842624"#,
      #"navette_pass_duration_seconds_sum{lane="inbound"} 0.25"#,
      #"navette_pass_duration_seconds_count{lane="inbound"} 3"#,
      #"navette_store_credential_days_left{store="aep"} 2.5"#, "navette_spool_limit_bytes 21474836480",
    ] {
      #expect(text.contains("\n\(line)\n"), "\(line)")
    }
  }

  @Test func whatIsNotKnownIsAbsent() {
    let text = MetricsText.render(snapshot())
    #expect(!text.contains("days_left{store=\"shelf\"}") && !text.contains("navette_state_free_bytes"))
    #expect(!text.contains("stream") && !text.contains("last_success"))
  }

  @Test func familiesAreNamedByTheRules() {
    var seen: Set<String> = []
    for family in MetricFamily.all {
      #expect(seen.insert(family.name).inserted, "\(family.name) twice")
      #expect(family.name.wholeMatch(of: /navette_[a-z_]+[a-z]/) != nil && !family.name.hasSuffix("_total"))
      #expect(family.unit.map { family.name.hasSuffix("_\($0)") } ?? true, "\(family.name)")
      #expect(family.help.hasSuffix(".") && !family.help.contains("\n") && !family.help.contains("\\"))
      #expect(!family.labels.contains { ["file", "path", "name", "key", "drop", "batch"].contains($0) })
    }
  }
}

@Suite("What is written about metrics is so")
struct MetricsDocumentsTests {
  @Test func thePageListsThemAll() throws {
    let rows = MetricFamily.all.map { family in
      let labels = family.labels.isEmpty ? "" : family.labels.map { "`\($0)`" }.joined(separator: " ")
      let names = family.series.map { "`\($0)`" }.joined(separator: " ")
      return "| \(names) | \(family.kind.rawValue) | \(labels) | \(family.help) |"
    }
    let page = try text("docs/monitoring/metrics.md")
    let found = page.split(separator: "\n").filter { $0.hasPrefix("| `navette_") }.map(String.init)
    #expect(found == rows, "\(rows.joined(separator: "\n"))")
  }

  @Test("rules and dashboard name nothing else", arguments: ["navette.rules.yaml", "navette.dashboard.json"])
  func names(file: String) throws {
    let known = Set(MetricFamily.all.flatMap(\.series))
    let text = try text("docs/monitoring/\(file)")
    let named = Set(text.matches(of: /\bnavette_[a-z_]+/).map { String($0.output) })
    #expect(named.count > 10 && named.isSubset(of: known), "\(named.subtracting(known).sorted())")
  }

  @Test func eachAlertIsTried() throws {
    let alerts = Set(
      try text("docs/monitoring/navette.rules.yaml").matches(of: /- alert: (\w+)/).map { String($0.output.1) })
    // Twice at least: when it is silent, and when it is told. `make lint` runs them.
    let tried = try text("Tests/monitoring/navette.rules.test.yaml").matches(of: /alertname: (\w+)/)
      .reduce(into: [String: Int]()) { $0[String($1.output.1), default: 0] += 1 }
    #expect(alerts.count > 15 && alerts.allSatisfy { tried[$0, default: 0] >= 2 }, "\(tried)")
  }

  @Test func theDashboardIsJSON() throws {
    let data = Data(try text("docs/monitoring/navette.dashboard.json").utf8)
    let board = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let panels = try #require(board["panels"] as? [[String: Any]])
    #expect(Set(panels.compactMap { $0["id"] as? Int }).count == panels.count && panels.count > 10)
  }
}
