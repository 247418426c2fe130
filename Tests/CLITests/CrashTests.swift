import Foundation
import SystemPackage
import TestKit
import Testing
import Threads

/// Breaks the world around the built program from outside: libraries that are loaded before the C library.
enum Shim {
  /// Built once for all tests.
  private static let fault = built("fault")
  private static let hang = built("hang")
  static let clock = built("clock")
  private static let vanish = built("vanish")

  private static func built(_ name: String) -> String {
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let made = FileManager.default.temporaryDirectory.appending(path: "navette-\(name)-\(getpid()).so").path
    let compiler = try? Child(["cc", "-shared", "-fPIC", "-o", made, "/\(root)/Tests/shims/\(name).c", "-ldl"])
    _ = compiler?.wait(atMost: .seconds(60))
    return made
  }

  /// A crash. - Parameter place: the path of a file at whose reading it happens, a pattern; or `connect`.
  static func wrapper(_ kind: String, at place: String) -> [String] {
    ["/usr/bin/env", "LD_PRELOAD=\(fault)", "NAVETTE_TEST_FAULT=\(place)", "NAVETTE_TEST_FAULT_KIND=\(kind)"]
  }

  /// A lane that hangs for as long as a file of its name lies in that folder: what goes behind `/usr/bin/env`.
  static func hanging(_ folder: String) -> [String] { ["LD_PRELOAD=\(hang)", "NAVETTE_TEST_HANG=\(folder)"] }

  /// A file that is there once, and then gone for as long as one of its name and `.gone` lies beside it.
  static func vanishing(_ file: String) -> [String] {
    ["/usr/bin/env", "LD_PRELOAD=\(vanish)", "NAVETTE_TEST_VANISH=\(file)"]
  }
}

@Suite("A crash is seen", .serialized)
struct CrashTests {
  /// Runs until the fault. - Returns: how it ended.
  private func crash(_ site: Site, _ kind: String, at place: String) async throws -> Int32 {
    let agent = try RunningProgram(
      Shim.wrapper(kind, at: place) + site.arguments(["run"]), environment: Site.environment)
    return try #require(try await agent.ended(within: .seconds(30)), "it still runs: \(agent.stderr)")
  }

  private func events(_ kind: String, in text: String) -> [Substring] {
    text.split(separator: "\n").filter { $0.contains(" \(kind) ") }
  }

  /// What the next start tells, and that the one after it does not tell it again.
  private func told(_ site: Site) async throws -> String {
    let next = try await site.navette("run", "--once")
    let later = try await site.navette("run", "--once")
    for kind in ["agent_crashed", "agent_interrupted", "in_hand_failed"] {
      #expect(events(kind, in: later.stderr).isEmpty, "\(later.stderr)")
    }
    return next.stderr
  }

  private func lastEnd(_ site: Site) async throws -> [String: Any] {
    let outcome = try await site.navette("status", "--json")
    let report = try JSONSerialization.jsonObject(with: Data(outcome.stdout.utf8)) as? [String: Any]
    let agent = try #require(report?["agent"] as? [String: Any])
    return try #require(agent["last_end"] as? [String: Any], "\(outcome.stdout)")
  }

  @Test(arguments: [
    ("segv", SIGSEGV, "SIGSEGV"), ("ill", SIGILL, "SIGILL"), ("abort", SIGABRT, "SIGABRT"),
    ("trap", SIGTRAP, "SIGTRAP"),
    ("fpe", SIGFPE, "SIGFPE"), ("bus", SIGBUS, "SIGBUS"), ("stack", SIGSEGV, "SIGSEGV"),
  ])
  func ofTheThreadThatChecksADrop(_ kind: String, _ signal: Int32, _ name: String) async throws {
    let site = try Site()
    try site.write("landing/poison.csv", audience(1))
    #expect(try await crash(site, kind, at: "*/claimed/*/parts/poison.csv") == 128 + signal)
    let drop = try #require(site.names(in: "state/feeds/audiences/claimed").first)
    let end = try await lastEnd(site)
    #expect(end["how"] as? String == "crashed" && end["signal"] as? String == name, "\(end)")
    let item = try #require((end["in_hand"] as? [[String: Any]])?.first)
    #expect(item["item"] as? String == drop && item["lane"] as? String == "feed audiences", "\(item)")
    let status = try await site.navette("status").stdout
    #expect(status.contains("with \(name) while checking drop \(drop) of feed audiences"), "\(status)")
    let text = try await told(site)
    let event = try #require(events("agent_crashed", in: text).first, "\(text)")
    #expect(event.contains("error agent_crashed feed=audiences drop=\(drop) reason=\(name)"), "\(event)")
    #expect(!text.contains("poison.csv crashed") && events("agent_crashed", in: text).count == 1)
    #expect(site.handedOver == ["poison.csv"])
    #expect(try await lastEnd(site)["how"] as? String == "stopped")
  }

  @Test func ofWhatIsDoneInTheOtherLanes() async throws {
    let site = try Site()
    try site.append("log/a.csv", "id,label\n1,x\n")
    #expect(try await crash(site, "segv", at: "*/log/a.csv*") == 128 + SIGSEGV)
    #expect(try await told(site).contains("agent_crashed stream=opens"))
    try site.append("log/a.csv", "id,label\n2,y\n")
    // The thread that writes to a store that is a folder.
    #expect(try await crash(site, "ill", at: "*/ready/*/object.csv.gz") == 128 + SIGILL)
    let text = try await told(site)
    #expect(text.contains("agent_crashed stream=opens batch=opens-000002 store=shelf reason=SIGILL"), "\(text)")
    #expect(text.contains("while sending batch opens-000002 of stream opens, store shelf"), "\(text)")
    #expect(try await site.records() == ["1,x", "2,y"])
  }

  @Test func ofTheThreadThatSpeaksToAServer() async throws {
    let store =
      "url: \"s3://bucket/x\", endpoint: \"http://127.0.0.1:9\", region: r, access_key_id: k, secret_access_key: s"
    let site = try Site(Site.settings(store: store))
    try site.append("log/a.csv", "id,label\n1,x\n")
    #expect(try await crash(site, "segv", at: "connect") == 128 + SIGSEGV)
    let item = try #require((try await lastEnd(site)["in_hand"] as? [[String: Any]])?.first)
    #expect(item["store"] as? String == "shelf" && item["lane"] as? String == "stream opens", "\(item)")
  }

  @Test func ofAnObjectThatIsFetched() async throws {
    let site = try Site(Site.settings(feed: "pull: { store: shelf, prefix: in/ }"))
    try site.makeFolder("shelf/in")
    try site.write("shelf/in/jo@example.com.csv", audience(1))
    #expect(try await crash(site, "abort", at: "*/shelf/in/jo@example.com.csv") == 128 + SIGABRT)
    let text = try await told(site)
    let event = try #require(events("agent_crashed", in: text).first, "\(text)")
    #expect(event.contains("while fetching object ") && event.contains("store=shelf"), "\(event)")
    #expect(!event.contains("jo@") && !event.contains("example"), "a name is told: \(event)")
    #expect(site.handedOver == ["jo@example.com.csv"])
  }

  @Test(arguments: [("SIGSEGV", SIGSEGV), ("SIGABRT", SIGABRT), ("SIGILL", SIGILL), ("SIGKILL", SIGKILL)])
  func twentyFromOutsideInARow(_ name: String, _ signal: Int32) async throws {
    let site = try Site()
    for round in 0..<20 {
      let agent = try await site.agent()
      let crashed = events("agent_crashed", in: agent.stderr)
      let interrupted = events("agent_interrupted", in: agent.stderr)
      let (mine, others) = signal == SIGKILL ? (interrupted, crashed) : (crashed, interrupted)
      #expect(mine.count == (round == 0 ? 0 : 1) && others.isEmpty, "\(agent.stderr)")
      if signal != SIGKILL { for line in mine { #expect(line.contains("reason=\(name)"), "\(line)") } }
      // Half of them early.
      if round % 2 == 0 { try await Task.sleep(for: .milliseconds(50)) }
      agent.signal(signal)
      #expect(try await agent.ended(within: .seconds(10)) == 128 + signal)
    }
    let end = try await lastEnd(site)
    #expect(end["how"] as? String == (signal == SIGKILL ? "interrupted" : "crashed"))
    // A signal that somebody sent is no fault of what was in hand. After SIGKILL, which leaves no word, that is told, whatever it was in
    // that instant: `killedInTheMiddleOfADropItTellsWhatWasInHand`.
    let inHand = try #require(end["in_hand"] as? [Any])
    #expect(signal == SIGKILL || inHand.isEmpty, "what was hit from outside is no suspect: \(end)")
  }

  @Test func eachOverOneDropIsToldUntilItIsSetAside() async throws {
    let site = try Site()
    try site.write("landing/poison.csv", audience(1))
    for round in 0..<2 {
      let agent = try RunningProgram(
        Shim.wrapper("segv", at: "*/claimed/*/parts/poison.csv") + site.arguments(["run"]),
        environment: Site.environment)
      #expect(try await agent.ended(within: .seconds(30)) == 128 + SIGSEGV)
      let drop = try #require(site.names(in: "state/feeds/audiences/claimed").first)
      let told = events("agent_crashed", in: agent.stderr)
      #expect(told.count == (round == 0 ? 0 : 1) && told.allSatisfy { $0.contains("drop=\(drop)") }, "\(agent.stderr)")
    }
    let text = try await told(site)
    #expect(events("agent_crashed", in: text).count == 1 && events("drop_damaged", in: text).count == 1, "\(text)")
    #expect(site.handedOver.isEmpty && site.names(in: "state/feeds/audiences/damaged").count == 1)
  }

  @Test func killedInTheMiddleOfADropItTellsWhatWasInHand() async throws {
    let site = try Site()
    try site.write("landing/slow.csv", audience(1))
    let agent = try await site.agent(as: Shim.wrapper("hang", at: "*/claimed/*/parts/slow.csv"))
    try await eventually("it is claimed") { !site.names(in: "state/feeds/audiences/claimed").isEmpty }
    try await Task.sleep(for: .milliseconds(300))
    agent.signal(SIGKILL)
    #expect(try await agent.ended(within: .seconds(10)) == 128 + SIGKILL)
    let drop = try #require(site.names(in: "state/feeds/audiences/claimed").first)
    let text = try await told(site)
    let event = try #require(events("agent_interrupted", in: text).first, "\(text)")
    #expect(event.contains("checking drop \(drop) of feed audiences"), "\(event)")
    #expect(site.handedOver == ["slow.csv"])
  }

  @Test func aCleanStopTellsNothing() async throws {
    let site = try Site()
    for signal in [SIGTERM, SIGINT] {
      let agent = try await site.agent()
      agent.signal(signal)
      #expect(try await agent.ended(within: .seconds(20)) == 0)
    }
    #expect(try await site.navette("run", "--once").exitCode == 0)
    let agent = try await site.agent()
    #expect(!agent.stderr.contains("agent_crashed") && !agent.stderr.contains("agent_interrupted"), "\(agent.stderr)")
    let end = try await lastEnd(site)
    #expect(end["how"] as? String == "stopped" && end["exit_status"] as? Int == 0, "\(end)")
    #expect(try await !site.navette("status").stdout.contains("last end"))
    agent.signal(SIGTERM)
    #expect(try await agent.ended(within: .seconds(20)) == 0)
    #expect(try await site.navette("status").stdout.contains("last end: stopped cleanly at "))
  }

  @Test func anEndWithAReasonIsNoCrash() async throws {
    let site = try Site()
    #expect(try await site.navette("run", "--once").exitCode == 0)
    try FileManager.default.removeItem(atPath: site.path("state/original.json"))
    try site.write("state/machine.json", "{\"schema\":1,\"machine\":\"another\"}")
    #expect(try await site.navette("run", "--once").exitCode == 74)
    let end = try await lastEnd(site)
    #expect(end["how"] as? String == "failed" && end["exit_status"] as? Int == 74, "\(end)")
    let adopted = try await site.navette("run", "--once", "--adopt")
    #expect(adopted.exitCode == 0 && !adopted.stderr.contains("agent_"), "\(adopted.stderr)")
  }
}
