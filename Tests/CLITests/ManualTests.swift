import Foundation
import SystemPackage
import TestKit
import Testing

@Suite("The manual of the commands")
struct ManualTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// What `--help` says and what navette(1) says come from one place.
  @Test func isThatOfTheProgramAsItIs() async throws {
    let script = Self.root.appending(path: "scripts/manual").path
    let outcome = try await Spawn.run(["python3", script, Program.path], environment: Site.environment)
    #expect(outcome.exitCode == 0 && outcome.stderr.isEmpty, "\(outcome.stderr)")
    let page = try String(contentsOf: Self.root.appending(path: "docs/man/navette.1"), encoding: .utf8)
    let new = outcome.stdout.split(separator: "\n")
    let old = page.split(separator: "\n")
    let differing = zip(new, old).first { $0 != $1 }.map { "now: \($0), in the page: \($1)" } ?? "one ends early"
    #expect(outcome.stdout == page, "docs/man/navette.1 is not current, run `make man` (\(differing))")
  }
}
