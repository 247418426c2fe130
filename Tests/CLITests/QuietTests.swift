import Foundation
import TestKit
import Testing

@Suite("An agent that has nothing to do", .serialized)
struct QuietTests {
  @Test(
    "sleeps, also where it tells its figures", arguments: ["", "textfile: ROOT/n.prom, listen: \"unix:ROOT/n.sock\""])
  func sleeps(metrics: String) async throws {
    let site = try Site(Site.settings(batch: "max_age: 4h") + "\nmetrics: { \(metrics) }\n")
    let agent = try await site.agent()
    // What start-up had to do is over after some seconds.
    try await Task.sleep(for: .seconds(4))
    var seen: [String: Int] = switches(of: agent.pid)
    let ticks = try cpuTicks(of: agent.pid)
    var wakes = 0
    var total = 0
    for _ in 1...20 * 4 {
      try await Task.sleep(for: .milliseconds(250))
      let now = switches(of: agent.pid)
      let switched = now.reduce(0) { $0 + max(0, $1.value - (seen[$1.key] ?? 0)) }
      total += switched
      if switched > 0 { wakes += 1 }
      seen = now
    }
    let used = try cpuTicks(of: agent.pid) - ticks
    print("idle for 20 s: woke up \(wakes) times, \(total) voluntary context switches, \(used) ticks of 10 ms")
    // At most one wake-up in ten seconds, and one that a boundary of a quarter of a second cuts in two.
    #expect(wakes <= 3)
    // A wake-up is a lane's thread, its store's, and the one that keeps the alarms; on a busy machine a lock makes one more wait.
    #expect(total <= 30)
    #expect(used <= 2)
    #expect(agent.exitCode == nil)
  }

  @Test("is not woken by a busy log of which something waits")
  func busyLog() async throws {
    let site = try Site(Site.settings(stream: "rotation: follow", batch: "max_age: 4h"))
    try site.write("log/opens.csv", "id,text\n")
    let agent = try await site.agent()
    try await Task.sleep(for: .seconds(4))
    try site.append("log/opens.csv", "1,first\n")
    try await Task.sleep(for: .seconds(2))
    // Kept open: what is closed after writing is told by the folder.
    let file = open(site.path("log/opens.csv"), O_WRONLY | O_APPEND | O_CLOEXEC)
    defer { close(file) }
    let before = switches(of: agent.pid).values.reduce(0, +)
    for number in 1...1_000 {
      let line = "\(number),line\n"
      try #require(write(file, line, line.utf8.count) == line.utf8.count)
      if number.isMultiple(of: 100) { try await Task.sleep(for: .milliseconds(300)) }
    }
    let switched = switches(of: agent.pid).values.reduce(0, +) - before
    print("1,000 lines in a log of which something waits: \(switched) voluntary context switches")
    #expect(switched <= 40)
    #expect(agent.exitCode == nil)
  }

  /// By thread: how often it went to sleep.
  private func switches(of pid: Int32) -> [String: Int] {
    let folder = "/proc/\(pid)/task"
    var counts: [String: Int] = [:]
    for thread in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
      let status = (try? String(contentsOfFile: "\(folder)/\(thread)/status", encoding: .utf8)) ?? ""
      for line in status.split(separator: "\n") where line.hasPrefix("voluntary_ctxt_switches:") {
        counts[thread] = line.split(separator: "\t").last.flatMap { Int($0) }
      }
    }
    return counts
  }

  private func cpuTicks(of pid: Int32) throws -> Int {
    let stat = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
    let fields = stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].split(separator: " ")
    return (Int(fields[12]) ?? 0) + (Int(fields[13]) ?? 0)
  }
}

@Suite("Nothing that is said holds personal data or secrets")
struct PrivacyTests {
  private static let address = "jane.roe.4711@private-person.example"
  private static let secret = "wJalrXUtnFEMIK7MDENGbPxRfiCYSECRETKEY"
  private static let identity = "AKIASECRETKEYID00001"

  @Test func neitherByEventsNorByCommandsNorInWhatIsKept() async throws {
    // A store that cannot be reached, with keys in the configuration: the faults must not tell them.
    let store =
      "url: s3://bucket/prefix, region: eu-west-1, endpoint: \"http://127.0.0.1:9\", "
      + "access_key_id: \(Self.identity), secret_access_key: \(Self.secret)"
    let site = try Site(Site.settings(store: store))
    try site.write("landing/list for \(Self.address).csv", "email,name\n\(Self.address),Jane\n")
    try site.write("landing/torn.csv", "email,name\n\(Self.address)\n")
    try site.write("landing/quote.csv", "email,name\n\"\(Self.address),Jane\n")
    try site.write("landing/nul.csv", "email,\(Self.address)\n\(Self.address)\0,x\n")
    try site.append("log/a.csv", "email,\(Self.address)\n\(Self.address),1\n")
    var said: [String] = []
    func hear(_ words: [String]) async throws -> Spawn.Outcome {
      let outcome = try await Spawn.run(site.arguments(words), environment: Site.environment)
      said += ["\(words)", outcome.stdout, outcome.stderr]
      return outcome
    }
    let agent = try await site.agent("--log-format", "json")
    try await eventually("the store's fault is known") { agent.stderr.contains("upload_retry") }
    try await eventually("the drops are judged") {
      site.names(in: "state/feeds/audiences/quarantine").count == 3 && site.handedOver.count == 1
    }
    agent.signal(SIGTERM)
    #expect(try await agent.ended(within: .seconds(25)) == 0)
    said.append(agent.stderr)
    #expect(try await hear(["run", "--once"]).exitCode == 69)
    for words in ["status", "batches", "verify", "check"] { _ = try await hear([words]) }
    _ = try await hear(["check", "--connect"])
    _ = try await hear(["status", "--json"])
    _ = try await hear(["show", "opens-000001"])
    for id in site.names(in: "state/feeds/audiences/quarantine") {
      _ = try await hear(["show", id, "--json"])
      said.append(site.text("state/feeds/audiences/quarantine/\(id)/reasons.json") ?? "")
      #expect(said.last?.isEmpty == false)
    }
    try site.configure(Site.settings(store: store.replacing("region:", with: "regiom:")))
    #expect(try await hear(["check"]).exitCode == 78)
    for text in said {
      #expect(!text.contains("jane.roe") && !text.contains("private-person"), "\(text)")
      #expect(!text.contains(Self.secret) && !text.contains(Self.identity), "\(text)")
    }
  }
}
