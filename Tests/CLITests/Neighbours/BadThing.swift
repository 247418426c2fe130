import Foundation
import SystemPackage
import TestKit
import Testing

/// Something bad, beside which everything good goes on: one row of the table.
struct BadThing: Sendable, CustomTestStringConvertible {
  let name: String
  /// More keys of the feed `audiences`, of the stream `opens`, and of the limits.
  var feed = ""
  var stream = ""
  var limits = "min_free: 0"
  /// Another store than a folder for `opens`.
  var store = "url: \"file://ROOT/shelf\""
  /// The agent runs as a user that is not root, to whom the site belongs.
  var isUsers = false
  /// What stands before the program's own words.
  var wrapper: [String] = []
  /// Before the agent starts.
  var before: @Sendable (Site) async throws -> Void = { _ in }
  /// While it runs.
  var put: @Sendable (Site) async throws -> Void = { _ in }
  /// The stream `opens` itself must wait: promise 1 wants it so, or it has no store.
  var blocksStream = false
  var blocksFeed = false
  /// What `status` (text) must show; each a part of it.
  var named: [String] = []
  /// What the agent must have told.
  var told: [String] = []
  var mend: (@Sendable (Site) async throws -> Void)?
  /// It came right: after `mend`, or by itself.
  var right: (@Sendable (Site) async throws -> Bool)?

  var testDescription: String { name }

  var settings: String {
    """
    state: ROOT/state
    host: acc
    limits: { \(limits) }
    stores:
      shelf: { url: "file://ROOT/shelf" }
      first: { \(store) }
    feeds:
      audiences: { landing: ROOT/landing, handover: ROOT/import, ready: { settle: 100ms, timeout: 1s }, \(feed) }
      others: { landing: ROOT/landing2, handover: ROOT/import2, ready: { settle: 100ms } }
    streams:
      opens: { logs: ["ROOT/log/*.csv"], store: first, batch: { max_age: 300ms }, \(stream) }
      clicks: { logs: ["ROOT/log2/*.csv"], store: shelf, batch: { max_age: 300ms } }
    """
  }

  static let user = "65534"

  // MARK: - The run

  /// A few at a time: each is an agent, and the kernel gives a user a hundred watches.
  private static let gate = Gate(6)

  func run() async throws {
    await Self.gate.enter()
    do { try await play() } catch {
      await Self.gate.leave()
      throw error
    }
    await Self.gate.leave()
  }

  private func play() async throws {
    let site = try Site(settings)
    for name in ["landing2", "import2", "log2", "log"] { try site.makeFolder(name) }
    try await before(site)
    var words = wrapper.map { $0.replacing("ROOT", with: site.folder.path.string) }
    if isUsers {
      try await site.shell("chown -R \(Self.user):\(Self.user) . && chmod 755 .")
      words = ["/usr/bin/setpriv", "--reuid=\(Self.user)", "--regid=\(Self.user)", "--clear-groups"] + words
    }
    let agent = try await site.agent(as: words)
    // How long a neighbour takes on this machine now, with nothing bad put yet.
    let quiet = try await serve(site, agent, round: 0)
    try await put(site)
    let took = try await serve(site, agent, round: 1)
    #expect(took <= .seconds(3) + quiet * 4, "a neighbour took \(took), and \(quiet) before")
    for part in named {
      try await eventually("status names \(part)", within: .seconds(60)) {
        try await site.navette("status").stdout.contains(part.replacing("ROOT", with: site.folder.path.string))
      }
    }
    for part in told {
      try await eventually("\(part) is told", within: .seconds(60)) { agent.stderr.contains(part) }
    }
    if let mend { try await mend(site) }
    if let right { try await eventually("it comes right", within: .seconds(60)) { try await right(site) } }
    _ = try await serve(site, agent, round: 2)
    #expect(agent.exitCode == nil, "\(agent.stderr)")
    let began = ContinuousClock.now
    agent.signal(SIGTERM)
    #expect(try await agent.ended(within: .seconds(60)) == 0, "\(agent.stderr)")
    #expect(ContinuousClock.now - began < .seconds(20))
  }

  /// Good files in both feeds, good records in both streams, and a request: all are served.
  /// - Returns: how long the slowest took.
  private func serve(_ site: Site, _ agent: RunningProgram, round: Int) async throws -> Duration {
    let began = ContinuousClock.now
    let feeds = blocksFeed && round == 1 ? ["2"] : ["", "2"]
    for feed in feeds { try site.write("landing\(feed)/good\(round).csv", audience(100 + round)) }
    // What nobody mends stays.
    let streams = blocksStream && (round < 2 || mend == nil) ? ["2"] : ["", "2"]
    for stream in streams { try site.append("log\(stream)/good\(round).csv", "id,label\n\(round)\(stream),x\n") }
    if isUsers { try await site.shell("chown \(Self.user) landing*/good* log*/good* 2>/dev/null; true") }
    try await eventually("good files arrive", within: .seconds(60)) {
      try #require(agent.exitCode == nil, "\(agent.stderr)")
      return feeds.allSatisfy { site.text("import\($0)/good\(round).csv") == audience(100 + round) }
    }
    let pause = try await site.navette("pause", "others", "--reason", "test")
    #expect(pause.exitCode == 0, "\(pause.stdout)\(pause.stderr)")
    let resume = try await site.navette("resume", "others")
    #expect(resume.exitCode == 0, "\(resume.stdout)\(resume.stderr)")
    try await eventually("good records arrive", within: .seconds(60)) {
      try #require(agent.exitCode == nil, "\(agent.stderr)")
      let sent = try await site.records()
      return streams.allSatisfy { sent.contains("\(round)\($0),x") }
    }
    return ContinuousClock.now - began
  }
}

/// So many at a time.
actor Gate {
  private var free: Int
  private var waiting: [CheckedContinuation<Void, Never>] = []

  init(_ free: Int) { self.free = free }

  func enter() async {
    if free > 0 { return free -= 1 }
    await withCheckedContinuation { waiting.append($0) }
  }

  func leave() {
    if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
  }
}

extension Site {
  @discardableResult
  func shell(_ command: String) async throws -> String {
    let outcome = try await Spawn.run(
      ["/bin/sh", "-c", command], environment: Site.environment, directory: folder.path)
    try #require(outcome.exitCode == 0, "\(command): \(outcome.stderr)")
    return outcome.stdout
  }

  func listed(_ words: String...) async throws -> String {
    try await Spawn.run(arguments(words), environment: Site.environment, directory: folder.path).stdout
  }
}

@Suite("One bad thing stops only itself") struct NeighbourTests {
  @Test(arguments: BadThing.manifests) func manifest(_ thing: BadThing) async throws { try await thing.run() }
  @Test(arguments: BadThing.files) func landing(_ thing: BadThing) async throws { try await thing.run() }
  @Test(arguments: BadThing.plans) func plan(_ thing: BadThing) async throws { try await thing.run() }
  @Test(arguments: BadThing.logs) func log(_ thing: BadThing) async throws { try await thing.run() }
  @Test(arguments: BadThing.batches) func batch(_ thing: BadThing) async throws { try await thing.run() }
  @Test(arguments: BadThing.states) func state(_ thing: BadThing) async throws { try await thing.run() }

  @Test func theTableIsLong() {
    let rows =
      BadThing.manifests + BadThing.files + BadThing.plans + BadThing.logs + BadThing.batches + BadThing.states
    #expect(rows.count >= 60)
    #expect(Set(rows.map(\.name)).count == rows.count)
  }
}
