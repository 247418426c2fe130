import Foundation
import SystemPackage
import TestKit
import Testing

/// One installation in a folder of its own: a feed, a stream, a folder as the store, and the built program run on them.
struct Site: Sendable {
  let folder: TemporaryFolder
  /// Where the test sees the site; under `/proc/PID/root` where an agent has mounts of its own.
  var root: String

  static let environment = [
    "TZ": "UTC", "LC_ALL": "C.UTF-8", "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin",
  ]

  /// - Parameter settings: the text of `navette.yaml`, with `ROOT` for the folder.
  init(_ settings: String = Site.settings(), below parent: String = "/tmp") throws {
    folder = try TemporaryFolder(below: parent)
    root = folder.path.string
    for name in ["landing", "import", "log", "shelf"] { try makeFolder(name) }
    try configure(settings)
  }

  /// - Parameters:
  ///   - state: where the state folder lies.
  ///   - feed: more keys of the feed.
  ///   - stream: more keys of the stream.
  static func settings(
    state: String = "ROOT/state", handover: String = "ROOT/import", feed: String = "", stream: String = "",
    batch: String = "max_age: 300ms", store: String = "url: \"file://ROOT/shelf\"", limits: String = "min_free: 0"
  ) -> String {
    """
    state: \(state)
    host: acc
    limits: { \(limits) }
    stores:
      shelf: { \(store) }
    feeds:
      audiences: { landing: ROOT/landing, handover: \(handover), ready: { settle: 100ms }, \(feed) }
    streams:
      opens: { logs: ["ROOT/log/*.csv"], store: shelf, batch: { \(batch) }, \(stream) }
    """
  }

  func configure(_ settings: String) throws {
    try write("navette.yaml", settings.replacing("ROOT", with: folder.path.string))
  }

  // MARK: The program

  func arguments(_ words: [String]) -> [String] {
    [Program.path] + words + ["--config", folder.path.string + "/navette.yaml"]
  }

  func navette(_ words: String..., timeout: Duration = .seconds(60)) async throws -> Spawn.Outcome {
    try await Spawn.run(arguments(words), environment: Site.environment, directory: folder.path, timeout: timeout)
  }

  /// A running agent that has said that it runs.
  func agent(_ words: String..., as wrapper: [String] = []) async throws -> RunningProgram {
    let agent = try RunningProgram(wrapper + arguments(["run"] + words), environment: Site.environment)
    try await eventually("the agent runs", within: .seconds(30)) {
      agent.exitCode != nil || agent.stderr.contains("agent_started")
    }
    try #require(agent.exitCode == nil, "\(agent.stderr)")
    return agent
  }

  // MARK: Files

  func path(_ name: String) -> String { root + "/" + name }

  func makeFolder(_ name: String) throws {
    try FileManager.default.createDirectory(atPath: path(name), withIntermediateDirectories: true)
  }

  func write(_ name: String, _ text: String) throws { try put(name, text, O_TRUNC) }

  func append(_ name: String, _ text: String) throws { try put(name, text, O_APPEND) }

  /// Closed on exec, unlike Foundation's: a program that another test starts meanwhile would have it open for writing as long as it runs.
  private func put(_ name: String, _ text: String, _ how: Int32) throws {
    let file = open(path(name), O_WRONLY | O_CREAT | O_CLOEXEC | how, 0o644)
    guard file >= 0 else { throw Errno(rawValue: errno) }
    defer { close(file) }
    let bytes = Array(text.utf8)
    guard Glibc.write(file, bytes, bytes.count) == bytes.count else { throw Errno(rawValue: errno) }
  }

  func text(_ name: String) -> String? {
    FileManager.default.contents(atPath: path(name)).map { String(decoding: $0, as: UTF8.self) }
  }

  func names(in name: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path(name))) ?? []).sorted()
  }

  /// What is shown in the hand-over folder: hidden names are nobody's business.
  var handedOver: [String] { names(in: "import").filter { !$0.hasPrefix(".") } }

  /// The records of all objects in the store, in the order of the objects' names.
  /// - Parameter from: the folder of the store.
  func records(from store: String = "shelf", header: Int = 1) async throws -> [String] {
    let script = "find \"$0\" -name '*.gz' | sort | while read -r f; do gzip -dc \"$f\" | tail -n +\(header + 1); done"
    let outcome = try await Spawn.run(["/bin/sh", "-c", script, path(store)], environment: Site.environment)
    #expect(outcome.exitCode == 0 && outcome.stderr.isEmpty, "\(outcome.stderr)")
    return outcome.stdout.split(separator: "\n").map(String.init)
  }
}

/// Looks again and again until it is so.
func eventually(
  _ what: String, within limit: Duration = .seconds(30), location: SourceLocation = #_sourceLocation,
  _ condition: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + limit
  while try await !condition() {
    guard ContinuousClock.now < deadline else {
      Issue.record("after \(limit) still not so: \(what)", sourceLocation: location)
      throw CancellationError()
    }
    try await Task.sleep(for: .milliseconds(20))
  }
}

/// An audience file of that many rows; each number gives other rows.
func audience(_ number: Int, rows: Int = 20) -> String {
  "email,segment\r\n" + (0..<rows).map { "p\(number).\($0)@example.com,s\(number)\r\n" }.joined()
}
