import Foundation
import SystemPackage
import TestKit
import Testing

/// What needs root to be made: other owners, mounts, disks that are small.
private let isRoot = geteuid() == 0
private let needsRoot = Comment(
  rawValue: "only root can make other owners and mounts; run the suite as root to have it")

@Suite("Among owners, mounts and disks that are not its own", .serialized)
struct EnvironmentTests {
  private static let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]

  /// Files of root, readable, in folders that others may write to: no lease, no hard link, no chmod.
  @Test(.enabled(if: isRoot, needsRoot)) func anUnprivilegedAgentServesFilesOfOthers() async throws {
    let site = try Site(Site.settings(batch: "max_age: 300ms"))
    try open(site, ["", "landing", "import", "log", "shelf", "state"])
    let agent = try await site.agent(as: Self.nobody)
    try site.write("landing/a.csv", audience(1))
    try site.append("log/a.csv", "id\n1\n2\n")
    try await eventually("the file is handed over") { site.handedOver == ["a.csv"] }
    #expect(site.text("import/a.csv") == audience(1))
    #expect(site.names(in: "landing").isEmpty)
    try await eventually("the records are sent") { try await site.records() == ["1", "2"] }
    // A writer that goes on in the log that was set aside: its records follow.
    let aside = try #require(site.names(in: "log").first)
    try site.append("log/\(aside)", "3\n")
    try site.append("log/a.csv", "id\n4\n")
    try await eventually("the late record follows") { try await Set(site.records()) == ["1", "2", "3", "4"] }
    agent.signal(SIGTERM)
    #expect(try await agent.ended(within: .seconds(20)) == 0)
    #expect(!agent.stderr.contains(" error "), "\(agent.stderr)")
  }

  @Test(.enabled(if: isRoot, needsRoot)) func commandsOfRootLeaveNothingThatTheAgentCannotTouch() async throws {
    let site = try Site(Site.settings(batch: "max_age: 4h"))
    try open(site, ["", "landing", "import", "log", "shelf"])
    try site.makeFolder("state")
    try #require(chown(site.path("state"), 65_534, 65_534) == 0)
    for words in [["run", "--once"], ["flush"], ["status"], ["verify"], ["rebuild"]] {
      try site.append("log/a.csv", "id\n1\n")
      let outcome = try await Spawn.run(site.arguments(words), environment: Site.environment)
      #expect(outcome.exitCode == 0, "\(words): \(outcome.stderr)")
    }
    let foreign = try await Spawn.run(
      ["find", site.path("state"), "!", "-user", "65534"], environment: Site.environment)
    #expect(foreign.exitCode == 0 && foreign.stdout.isEmpty, "\(foreign.stdout)")
    let agent = try await site.agent(as: Self.nobody)
    let flushed = try await site.navette("flush")
    #expect(flushed.exitCode == 0, "\(flushed.stderr)")
    #expect(agent.exitCode == nil)
  }

  /// Rename and link fail between all of them; only copies work.
  @Test func stateAndFoldersMayLieOnDifferentFileSystems() async throws {
    let other = try TemporaryFolder(below: "/dev/shm")
    let site = try Site(Site.settings(state: "\(other.path)/state"))
    if try device(other.path.string) == device(site.root) {
      withKnownIssue("/dev/shm and /tmp are one here") { Issue.record() }
    }
    let agent = try await site.agent()
    for number in 1...3 { try site.write("landing/\(number).csv", audience(number, rows: 2_000)) }
    try site.append("log/a.csv", "id\n1\n2\n")
    try await eventually("the files are handed over") { site.handedOver == ["1.csv", "2.csv", "3.csv"] }
    for number in 1...3 { #expect(site.text("import/\(number).csv") == audience(number, rows: 2_000)) }
    try await eventually("the records are sent") { try await site.records() == ["1", "2"] }
    #expect(site.names(in: "landing").isEmpty)
    agent.signal(SIGTERM)
    #expect(try await agent.ended(within: .seconds(20)) == 0)
  }

  private func open(_ site: Site, _ names: [String]) throws {
    for name in names {
      try site.makeFolder(name)
      try #require(chmod(site.path(name), 0o777) == 0)
    }
  }

  private func device(_ path: String) throws -> Int? {
    try FileManager.default.attributesOfItem(atPath: path)[.systemNumber] as? Int
  }
}

@Suite("Where folders are full, away or read-only", .serialized)
struct TroubleTests {
  /// The agent in mounts of its own, with the folder `small` on a disk of that size; and the site as the agent sees it.
  private func onSmallDisk(_ site: Site, _ folder: String, _ size: String) async throws -> (Site, RunningProgram) {
    try site.makeFolder(folder)
    let mount = "mount -t tmpfs -o size=\(size),mode=0755 small '\(site.path(folder))' && exec \"$@\""
    let agent = try await site.agent(as: ["unshare", "-m", "/bin/sh", "-c", mount, "sh"])
    var inside = site
    inside.root = "/proc/\(agent.pid)/root" + site.root
    return (inside, agent)
  }

  private func fill(_ site: Site, _ name: String) throws {
    let file = open(site.path(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
    try #require(file >= 0)
    defer { close(file) }
    let block = [UInt8](repeating: 7, count: 4_096)
    while write(file, block, block.count) > 0 {}
  }

  private func count(_ word: String, _ agent: RunningProgram) -> Int {
    agent.stderr.split(separator: "\n").count { $0.contains(" \(word) ") }
  }

  @Test(.enabled(if: isRoot, needsRoot)) func aFullHandoverMakesTheDropWait() async throws {
    let (site, agent) = try await onSmallDisk(Site(), "import", "4m")
    try fill(site, "import/.ballast")
    let text = audience(1, rows: 20_000)
    try site.write("landing/a.csv", text)
    try await eventually("it says so") { count("drop_waiting", agent) == 1 }
    try await Task.sleep(for: .seconds(5))
    #expect(count("drop_waiting", agent) == 1, "said once: \(agent.stderr)")
    #expect(site.handedOver.isEmpty)
    #expect(site.names(in: "import") == [".ballast"], "what is half done gives its room back")
    try FileManager.default.removeItem(atPath: site.path("import/.ballast"))
    try await eventually("it goes on by itself", within: .seconds(40)) { site.handedOver == ["a.csv"] }
    #expect(site.text("import/a.csv") == text)
    #expect(count("drop_handed_over", agent) == 1)
  }

  @Test(.enabled(if: isRoot, needsRoot)) func aFullStateFolderPausesBothLanes() async throws {
    let (site, agent) = try await onSmallDisk(Site(), "state", "8m")
    try fill(site, "state/ballast")
    let text = audience(1, rows: 20_000)
    try site.write("landing/a.csv", text)
    try site.append("log/a.csv", "id\n" + (1...2_000).map { "\($0)\n" }.joined())
    try await eventually("it says so") { count("lane_paused", agent) + count("disk_low", agent) >= 2 }
    try await Task.sleep(for: .seconds(6))
    #expect(count("lane_paused", agent) + count("disk_low", agent) <= 4, "no flood: \(agent.stderr)")
    #expect(agent.exitCode == nil)
    #expect(site.handedOver.isEmpty)
    #expect(try await site.records().isEmpty)
    try FileManager.default.removeItem(atPath: site.path("state/ballast"))
    try await eventually("the file is handed over", within: .seconds(60)) { site.handedOver == ["a.csv"] }
    #expect(site.text("import/a.csv") == text)
    try await eventually("the records are sent", within: .seconds(60)) { try await site.records().count == 2_000 }
    #expect(try await site.records() == (1...2_000).map(String.init))
    agent.signal(SIGTERM)
    #expect(try await agent.ended(within: .seconds(20)) == 0, "\(agent.stderr)")
  }

  @Test func aHandoverThatGoesAndComesBackLosesNothing() async throws {
    let site = try Site()
    let agent = try await site.agent()
    try FileManager.default.moveItem(atPath: site.path("import"), toPath: site.path("away"))
    try site.write("landing/a.csv", audience(1))
    try await eventually("it says so") { count("lane_paused", agent) == 1 }
    try await Task.sleep(for: .seconds(1))
    #expect(!FileManager.default.fileExists(atPath: site.path("import")), "nobody asked it to make one")
    try FileManager.default.moveItem(atPath: site.path("away"), toPath: site.path("import"))
    try await eventually("it goes on by itself") { site.handedOver == ["a.csv"] }
    try await eventually("it says that too") { count("lane_resumed", agent) == 1 }
  }

  @Test func aLandingThatGoesAndComesBackIsWatchedAgain() async throws {
    let site = try Site()
    let agent = try await site.agent()
    try FileManager.default.moveItem(atPath: site.path("landing"), toPath: site.path("away"))
    try site.write("away/a.csv", audience(1))
    try await eventually("it says so", within: .seconds(90)) { count("lane_paused", agent) == 1 }
    try FileManager.default.moveItem(atPath: site.path("away"), toPath: site.path("landing"))
    try await eventually("it goes on by itself", within: .seconds(90)) { site.handedOver == ["a.csv"] }
    try await Task.sleep(for: .milliseconds(300))
    try site.write("landing/b.csv", audience(2))
    try await eventually("it is awake", within: .seconds(10)) { site.handedOver == ["a.csv", "b.csv"] }
  }

  @Test(.enabled(if: isRoot, needsRoot)) func aReadOnlyStoreIsTriedAgain() async throws {
    let site = try Site()
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    for name in ["", "landing", "import", "log", "shelf", "state"] {
      try site.makeFolder(name)
      try #require(chmod(site.path(name), 0o777) == 0)
    }
    try #require(chown(site.path("state"), 65_534, 65_534) == 0)
    let agent = try await site.agent(as: nobody)
    try #require(chmod(site.path("shelf"), 0o555) == 0)
    try site.append("log/a.csv", "id\n1\n")
    try await eventually("it says so") {
      agent.stderr.contains("credential_refused") || agent.stderr.contains("upload_retry")
    }
    let status = try await site.navette("status", "--json")
    #expect(status.stdout.contains(#""waiting":1"#), "\(status.stdout)")
    try #require(chmod(site.path("shelf"), 0o777) == 0)
    let flushed = try await site.navette("flush")
    #expect(flushed.exitCode == 0)
    try await eventually("it is sent") { try await site.records() == ["1"] }
  }
}
