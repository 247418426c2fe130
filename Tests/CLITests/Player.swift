import Foundation
import SystemPackage
import TestKit

/// Plays a transcript in a folder of its own.
struct Player {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Transcripts")

  static func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".txt") }.sorted()
  }

  /// What differs, for a reader; empty where all is as written.
  static func differences(_ transcript: Transcript, timeout: Duration = .seconds(60)) async throws -> [String] {
    let directory = "/tmp/navette-cli-\(UUID().uuidString.prefix(8).lowercased())"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let environment = [
      "DIR": directory, "NAVETTE": Program.path, "HOME": directory, "TZ": "UTC", "LC_ALL": "C.UTF-8",
      "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin",
    ]
    var groups: [Int32] = []
    defer { groups.forEach { Spawn.kill(group: $0) } }
    var pattern = Pattern(places: ["$DIR": directory, "$NAVETTE": Program.path])
    for step in transcript.steps {
      let outcome = try await Spawn.run(
        ["/bin/sh", "-c", pattern.filled(step.command)], environment: environment, directory: FilePath(directory),
        timeout: timeout)
      groups.append(outcome.group)
      let found = compare(step, outcome, &pattern)
      // What follows would only repeat the fault.
      if !found.isEmpty { return ["\(transcript.name):\(step.line): $ \(step.command)"] + found }
    }
    return []
  }

  private static func compare(_ step: Transcript.Step, _ outcome: Spawn.Outcome, _ pattern: inout Pattern) -> [String] {
    let stdout = lines(outcome.stdout)
    let stderr = lines(outcome.stderr)
    var differences: [String] = []
    if outcome.timedOut { differences.append("  was killed: it took too long") }
    let same = pattern.matches(step.stdout, stdout) && pattern.matches(step.stderr, stderr)
    if !same || outcome.exitCode != step.exitCode {
      differences += ["  expected:"] + shown(step.stdout, step.stderr, step.exitCode)
      differences += ["  found:"] + shown(stdout, stderr, outcome.exitCode)
    }
    return differences
  }

  private static func lines(_ text: String) -> [String] {
    Transcript.trimmed(text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init))
  }

  private static func shown(_ stdout: [String], _ stderr: [String], _ exitCode: Int32) -> [String] {
    stdout.map { "    \($0)" } + stderr.map { "    ! \($0)" } + ["    [exit \(exitCode)]"]
  }
}
