import Foundation
import TestKit
import Testing

@Suite("Logs that others rotate, and logs that we empty, with the built program")
struct RotationTests {
  private func numbers(_ site: Site) async throws -> [Int] {
    try await site.records().map { Int($0.prefix { $0.isNumber }) ?? 0 }
  }

  @Test(
    "copytruncate under a writer that never rests: no line twice, in order, at most one lost a cut; the log stays small"
  )
  func busy() async throws {
    let site = try Site(Site.settings(stream: "rotation: copytruncate", batch: "max_age: 100ms"))
    try site.append("log/opens.csv", "id,text\n")
    let agent = try await site.agent()
    let file = open(site.path("log/opens.csv"), O_WRONLY | O_APPEND | O_CLOEXEC)
    defer { close(file) }
    var largest = 0
    for number in 1...2_000 {
      let line = "\(number),line\n"
      try #require(write(file, line, line.utf8.count) == line.utf8.count)
      largest = max(largest, Int(lseek(file, 0, SEEK_END)))
      // The lane looks when something happens in the folder: appends alone it finds out by itself.
      if number.isMultiple(of: 100) { _ = try await site.navette("flush") }
      try await Task.sleep(for: .milliseconds(1))
    }
    agent.signal(SIGTERM)
    _ = try await agent.ended(within: .seconds(20))
    #expect(try await site.navette("run", "--once").exitCode == 0)
    let (sent, cuts) = (try await numbers(site), agent.stderr.components(separatedBy: "segment_rotated").count - 1)
    #expect(sent == Set(sent).sorted() && Set(sent).isSubset(of: 1...2_000), "\(agent.stderr)")
    // What falls into the microseconds between the last look and a cut is lost, and the event says so.
    #expect(sent.count >= 2_000 - cuts, "\(cuts) cuts: \(agent.stderr)")
    #expect(site.text("log/opens.csv") == "id,text\n")
    #expect(cuts > 2, "\(agent.stderr)")
    #expect(site.names(in: "state/streams/opens/pinned").isEmpty)
  }

  @Test(
    "What comes to a log that is all sent is known at once, not at the next look",
    arguments: ["follow", "copytruncate", "rename"])
  func inTime(rotation: String) async throws {
    let site = try Site(Site.settings(stream: "rotation: \(rotation)", batch: "max_age: 500ms"))
    try site.append("log/opens.csv", "id,text\n")
    let agent = try await site.agent()
    var file: Int32 = -1
    var written: [Date] = []
    for number in 1...6 {
      if file < 0 || rotation == "rename" {
        if file >= 0 { close(file) }
        file = open(site.path("log/opens.csv"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        if lseek(file, 0, SEEK_END) == 0 { try #require(write(file, "id,text\n", 8) == 8) }
      }
      let line = "\(number),line\n"
      written.append(Date())
      try #require(write(file, line, line.utf8.count) == line.utf8.count)
      try await eventually("record \(number) is sent") { try await numbers(site).count == number }
    }
    close(file)
    // As the agent's own lines tell it, for the test itself may be slow to see it. By the clock alone it would be 15 s for each.
    let lines = agent.stderr.split(separator: "\n").filter { $0.contains(" batch_sealed ") }
    let sealed = lines.compactMap { try? Date(String($0.prefix(20)), strategy: .iso8601) }
    try #require(sealed.count == written.count, "\(agent.stderr)")
    let waited = zip(written, sealed).reduce(0) { $0 + max(0, $1.1.timeIntervalSince($1.0)) }
    print("\(rotation): 6 records, each on its own, were sealed after \(waited) s together")
    #expect(waited < 45)
    agent.signal(SIGTERM)
    #expect(try await agent.ended(within: .seconds(20)) == 0)
  }

  @Test("closed: files that were moved in are taken whole and stay")
  func closed() async throws {
    let site = try Site(Site.settings(stream: "rotation: closed"))
    try site.write("log/a.csv", "id,text\n1,a\n2,b")
    // A test beside this one may be starting a process, which has our file open for an instant.
    try await eventually("it is taken") {
      _ = try await site.navette("run", "--once")
      return try await !numbers(site).isEmpty
    }
    #expect(try await site.navette("run", "--once").exitCode == 0)
    #expect(try await numbers(site) == [1, 2])
    #expect(site.text("log/a.csv") == "id,text\n1,a\n2,b")
  }

  /// Directives of logrotate.
  static let manners = [
    "create", "copytruncate", "create\ncompress", "create\ncompress\ndelaycompress", "copytruncate\ncompress",
    "create\ncompress\ndateext\ndateformat -%Y%m%d-%s",
  ]

  @Test("follow: every line once, in order, whatever logrotate does with the logs", arguments: manners)
  func follow(manner: String) async throws {
    let site = try Site(
      Site.settings(stream: "rotation: follow").replacing("ROOT/log/*.csv", with: "ROOT/log/opens.csv"))
    let isDated = manner.contains("dateext")
    try site.write("rotate.conf", "\(site.path("log/opens.csv")) {\nrotate 3\n\(manner)\n}\n")
    try chmod(site, "log", 0o755)
    try chmod(site, "rotate.conf", 0o644)
    let agent = try await site.agent()
    var number = 1
    try site.append("log/opens.csv", "id,text\n1,line\n")
    _ = try await site.navette("flush")
    try await eventually("the agent has seen the log") { try await numbers(site) == [1] }
    for round in 1...(isDated ? 3 : 8) {
      // As a program does that opens its log anew after each rotation.
      if site.text("log/opens.csv") ?? "" == "", !manner.contains("copytruncate") {
        try site.append("log/opens.csv", "id,text\n")
      }
      for _ in 0..<200 {
        number += 1
        try site.append("log/opens.csv", "\(number),line\n")
      }
      if round.isMultiple(of: 2) {
        // Three rotations on, the oldest log is deleted: the agent must have seen it.
        try await eventually("all is sent") {
          // A copy that logrotate still has open is left out of a flush.
          _ = try await site.navette("flush")
          return try await numbers(site).count >= number
        }
      }
      let outcome = try await Spawn.run(
        ["logrotate", "-f", "-s", site.path("rotate.state"), site.path("rotate.conf")],
        environment: Site.environment.merging(["PATH": "/usr/sbin:/usr/bin:/bin"]) { $1 })
      #expect(outcome.exitCode == 0, "\(outcome.stderr)")
      if isDated { try await Task.sleep(for: .milliseconds(1_100)) }
    }
    agent.signal(SIGTERM)
    _ = try await agent.ended(within: .seconds(20))
    #expect(try await site.navette("run", "--once").exitCode == 0)
    let sent = try await numbers(site)
    #expect(sent == Array(1...number), "\(Self.runs(sent)) \(agent.stderr)")
    #expect(!agent.stderr.contains("source_gap"), "\(agent.stderr)")
    #expect(site.names(in: "log").count == 4)
    #expect(site.names(in: "state/streams/opens/pinned").isEmpty)
  }

  /// As runs of successive numbers, to see at a glance what is missing, twice or out of order.
  private static func runs(_ numbers: [Int]) -> String {
    var runs: [ClosedRange<Int>] = []
    for number in numbers {
      if let last = runs.last, last.upperBound + 1 == number {
        runs[runs.count - 1] = last.lowerBound...number
      } else {
        runs.append(number...number)
      }
    }
    return runs.map { "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: " ")
  }

  private func chmod(_ site: Site, _ name: String, _ mode: mode_t) throws {
    try #require(Glibc.chmod(site.path(name), mode) == 0)
  }

  @Test("follow: rotated and packed while the agent is down, then it catches up, without a line lost or sent twice")
  func down() async throws {
    for manner in ["create", "copytruncate", "create\ncompress"] {
      let site = try Site(
        Site.settings(stream: "rotation: follow").replacing("ROOT/log/*.csv", with: "ROOT/log/opens.csv"))
      try site.write("rotate.conf", "\(site.path("log/opens.csv")) {\nrotate 9\n\(manner)\n}\n")
      try chmod(site, "log", 0o755)
      try chmod(site, "rotate.conf", 0o644)
      var number = 0
      for round in 1...6 {
        if site.text("log/opens.csv") ?? "" == "", !manner.contains("copytruncate") || round == 1 {
          try site.append("log/opens.csv", "id,text\n")
        }
        for _ in 0..<20 {
          number += 1
          try site.append("log/opens.csv", "\(number),line\n")
          if number == 7 { #expect(try await site.navette("run", "--once").exitCode == 0) }
        }
        let outcome = try await Spawn.run(
          ["logrotate", "-f", "-s", site.path("rotate.state"), site.path("rotate.conf")],
          environment: Site.environment.merging(["PATH": "/usr/sbin:/usr/bin:/bin"]) { $1 })
        #expect(outcome.exitCode == 0, "\(outcome.stderr)")
        if round == 3 { #expect(try await site.navette("run", "--once").exitCode == 0) }
      }
      #expect(try await site.navette("run", "--once").exitCode == 0)
      #expect(try await numbers(site) == Array(1...number), "\(manner)")
    }
  }
}
