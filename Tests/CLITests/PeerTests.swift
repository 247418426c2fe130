import Foundation
import TestKit
import Testing

/// One way in which logs are rotated somewhere.
struct Manner: Sendable, CustomStringConvertible {
  enum Writer { case appending, careless, link }
  let name: String
  /// Of logrotate.
  let directives: String
  var writer = Writer.appending
  /// More of the stream.
  var stream = ""
  var log = "opens.csv"
  /// logrotate decides by itself.
  var isForced = true
  /// Bytes that no record stands in may be told of.
  var hasHoles = false

  var description: String { name }

  static let all = [
    Manner(
      name: "olddir", directives: "create\nolddir ROOT/log/old", stream: "olddir: [ROOT/log/old]"),
    Manner(
      name: "olddir, packed", directives: "create\ncompress\nolddir ROOT/old",
      stream: "olddir: [ROOT/old]"),
    Manner(name: "olddir that nobody told of", directives: "create\ncompress\nolddir ROOT/log/old"),
    Manner(
      name: "olddir and copytruncate", directives: "copytruncate\nolddir ROOT/log/old",
      stream: "olddir: [ROOT/log/old]"),
    Manner(name: "dateext", directives: "create\ndateext\ndateformat -%Y%m%d-%s"),
    Manner(
      name: "dateext and extension, packed",
      directives: "create\ncompress\nextension .csv\ndateext\ndateformat -%Y%m%d-%s"),
    Manner(name: "maxsize", directives: "create\ndaily\nmaxsize 100", isForced: false),
    Manner(name: "xz", directives: "create\ncompress\ncompresscmd /usr/bin/xz\ncompressext .xz"),
    Manner(
      name: "xz and copytruncate",
      directives: "copytruncate\ncompress\ncompresscmd /usr/bin/xz\ncompressext .xz"),
    Manner(
      name: "zstd",
      directives:
        "create\ncompress\ncompresscmd /usr/bin/zstd\ncompressoptions -qc\ncompressext .zst"),
    Manner(
      name: "bzip2", directives: "create\ncompress\ncompresscmd /usr/bin/bzip2\ncompressext .bz2"),
    Manner(name: "delaycompress", directives: "create\ncompress\ndelaycompress"),
    Manner(
      name: "delaycompress by xz",
      directives: "create\ncompress\ndelaycompress\ncompresscmd /usr/bin/xz\ncompressext .xz"),
    Manner(
      name: "copytruncate under a writer that does not append", directives: "copytruncate",
      writer: .careless, hasHoles: true),
    Manner(name: "shred", directives: "create\nshred"),
    Manner(name: "su", directives: "create\nsu root root"),
    Manner(
      name: "firstaction and lastaction",
      directives:
        "create\nsharedscripts\nfirstaction\ntouch ROOT/first\nendscript\nlastaction\ntouch ROOT/last\nendscript"
    ),
    Manner(name: "hourly", directives: "hourly\ncreate\ncompress"),
    Manner(name: "a log that is a link", directives: "", writer: .link, log: "current.csv"),
  ]
}

/// A program that writes a log: it holds its file open, and opens it anew where another one has its name by now.
private final class Writer {
  private let site: Site
  private let manner: Manner
  private var file: Int32 = -1
  private(set) var number = 0
  private var files = 0

  init(_ site: Site, _ manner: Manner) { (self.site, self.manner) = (site, manner) }

  deinit { if file >= 0 { close(file) } }

  private var path: String { site.path("log/\(manner.log)") }

  func write(_ lines: Int) throws {
    try reopen()
    for _ in 0..<lines {
      number += 1
      try put("\(number),line\n")
    }
  }

  private func put(_ text: String) throws {
    try #require(Glibc.write(file, text, text.utf8.count) == text.utf8.count)
  }

  private func reopen() throws {
    var (own, named) = (stat(), stat())
    if file >= 0, fstat(file, &own) == 0, stat(path, &named) == 0, own.st_ino == named.st_ino {
      return
    }
    if file >= 0 { close(file) }
    file = -1
    if manner.writer == .link { try turn() }
    let append = manner.writer == .careless ? 0 : O_APPEND
    file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | append, 0o644)
    try #require(file >= 0)
    if lseek(file, 0, SEEK_END) == 0 { try put("id,text\n") }
  }

  /// The link leads to the next file.
  func turn() throws {
    files += 1
    let name = "log-2026031\(files).csv"
    try site.write("log/\(name)", "")
    try #require(symlink(name, path + ".new") == 0)
    try #require(rename(path + ".new", path) == 0)
  }
}

@Suite("Logs as others rotate them, with real logrotate and the built program")
struct PeerTests {
  private func site(_ manner: Manner) throws -> Site {
    let site = try Site(
      Site.settings(stream: "rotation: follow, \(manner.stream)", batch: "max_age: 100ms")
        .replacing("ROOT/log/*.csv", with: "ROOT/log/\(manner.log)"))
    for folder in ["log/old", "old"] { try site.makeFolder(folder) }
    let directives = manner.directives.replacing("ROOT", with: site.folder.path.string)
    try site.write(
      "rotate.conf", "\(site.path("log/\(manner.log)")) {\nrotate 9\n\(directives)\n}\n")
    for (name, mode) in [
      ("log", 0o755), ("log/old", 0o755), ("old", 0o755), ("rotate.conf", 0o644),
    ] {
      try #require(chmod(site.path(name), mode_t(mode)) == 0)
    }
    return site
  }

  private func rotate(_ site: Site, _ manner: Manner, _ writer: Writer) async throws {
    if manner.writer == .link { return try writer.turn() }
    let outcome = try await Spawn.run(
      ["logrotate"] + (manner.isForced ? ["-f"] : []) + [
        "-s", site.path("rotate.state"), site.path("rotate.conf"),
      ],
      environment: Site.environment.merging(["PATH": "/usr/sbin:/usr/bin:/bin"]) { $1 })
    try #require(outcome.exitCode == 0, "\(outcome.stderr)")
    // Names by the second must differ.
    if manner.directives.contains("%s") { try await Task.sleep(for: .milliseconds(1_010)) }
  }

  private func numbers(_ site: Site) async throws -> [Int] {
    try await site.records().map { Int($0.prefix { $0.isNumber }) ?? 0 }
  }

  private func check(_ site: Site, _ manner: Manner, _ writer: Writer, _ said: String) async throws {
    let once = try await site.navette("run", "--once")
    #expect(once.exitCode == 0, "\(once.stderr)")
    let sent = try await numbers(site)
    #expect(sent.sorted() == Array(1...writer.number), "\(said)\(once.stderr)")
    let told = (said + once.stderr).split(separator: "\n").filter { $0.contains("source_gap") }
    #expect(manner.hasHoles || told.isEmpty, "\(told)")
    #expect(try await site.navette("verify").exitCode == 0)
  }

  @Test("Each record is sent once while the agent runs", arguments: Manner.all)
  func running(manner: Manner) async throws {
    let site = try site(manner)
    let writer = Writer(site, manner)
    try writer.write(5)
    let agent = try await site.agent()
    try await eventually("the agent has seen the log") { try await numbers(site).count == 5 }
    for _ in 1...3 {
      try writer.write(40)
      try await rotate(site, manner, writer)
    }
    try writer.write(5)
    try await eventually("all is sent") {
      _ = try await site.navette("flush")
      return try await numbers(site).count >= writer.number
    }
    agent.signal(SIGTERM)
    #expect(try await agent.ended(within: .seconds(20)) == 0, "\(agent.stderr)")
    try await check(site, manner, writer, agent.stderr)
  }

  @Test(
    "Each record is sent once that was written and rotated while the agent was away",
    arguments: Manner.all)
  func away(manner: Manner) async throws {
    let site = try site(manner)
    let writer = Writer(site, manner)
    try writer.write(5)
    #expect(try await site.navette("run", "--once").exitCode == 0)
    for _ in 1...3 {
      try writer.write(40)
      try await rotate(site, manner, writer)
    }
    try writer.write(5)
    try await check(site, manner, writer, "")
  }

  @Test(
    "What was rotated out of sight while the agent was away, or stopped at that instant, is told",
    arguments: [true, false])
  func outOfSight(isStopped: Bool) async throws {
    let manner = Manner(name: "rotate 1", directives: "create\nrotate 1")
    let site = try site(manner)
    let writer = Writer(site, manner)
    try writer.write(5)
    let agent = try await site.agent()
    try await eventually("the agent has seen the log") { try await numbers(site).count == 5 }
    agent.signal(isStopped ? SIGSTOP : SIGKILL)
    if !isStopped { _ = try await agent.ended(within: .seconds(20)) }
    for _ in 1...3 {
      try writer.write(5)
      try await rotate(site, manner, writer)
    }
    try writer.write(5)
    if isStopped {
      agent.signal(SIGCONT)
      // It has the first log open still, and reads it on.
      try await eventually("what can be read is sent") { try await Set(6...10).isSubset(of: numbers(site)) }
      agent.signal(SIGTERM)
      _ = try await agent.ended(within: .seconds(20))
      return
    }
    let once = try await site.navette("run", "--once")
    #expect(
      once.exitCode == 1 && once.stderr.contains("source_gap")
        && once.stderr.contains("out_of_sight"), "\(once.stderr)")
    let verify = try await site.navette("verify")
    #expect(
      verify.exitCode == 1 && verify.stdout.contains("gap \(site.path("log/opens.csv")): "),
      "\(verify.stdout)")
    #expect(try await site.navette("verify", "--since", "2100-01-01").exitCode == 0)
    let status = try await site.navette("status", "--json")
    #expect(status.stdout.contains("\"gaps\":1"), "\(status.stdout)")
    #expect(try await site.navette("run", "--once").exitCode == 0)
  }

  @Test(
    "A log that was packed by a program that is not installed here is told, and read once it is")
  func notInstalled() async throws {
    try #require(geteuid() == 0, "mounts need root")
    let manner = Manner(
      name: "xz", directives: "create\ncompress\ncompresscmd /usr/bin/xz\ncompressext .xz")
    let site = try site(manner)
    let writer = Writer(site, manner)
    try writer.write(5)
    #expect(try await site.navette("run", "--once").exitCode == 0)
    try writer.write(5)
    try await rotate(site, manner, writer)
    try writer.write(5)
    let hidden = [
      "unshare", "-m", "sh", "-c",
      "mount --make-rprivate / && mount --bind /dev/null /usr/bin/xz && exec \"$@\"", "sh",
    ]
    let without = try await Spawn.run(
      hidden + site.arguments(["run", "--once"]), environment: Site.environment,
      directory: site.folder.path)
    #expect(without.exitCode == 1, "\(without.stderr)")
    #expect(
      without.stderr.contains("source_gap") && without.stderr.contains("apt-get install xz-utils"),
      "\(without.stderr)")
    #expect(try await site.navette("verify").exitCode == 1)
    try await check(site, manner, writer, "")
  }
}
