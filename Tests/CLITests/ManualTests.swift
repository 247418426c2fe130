import Foundation
import SystemPackage
import TestKit
import Testing

@Suite("The manual of the commands")
struct ManualTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// Every field that the program writes, of an agent that was killed and of one that never ran.
  @Test func namesEachFieldOfTheStatus() async throws {
    let page = try String(contentsOf: Self.root.appending(path: "docs/man/navette.1"), encoding: .utf8)
    let section = try #require(
      page.components(separatedBy: ".Sh STATUS AS JSON\n").last?.components(separatedBy: ".Sh ")[0])
    let named = Set(
      section.split(separator: "\n").filter {
        $0.hasPrefix(".Ic ") || $0.hasPrefix(".It Ic ") || $0.hasPrefix(".Pq Ic ")
      }
      .flatMap { $0.split(separator: " ").map(String.init) })
    let site = try Site(Site.settings(feed: "pull: { store: shelf, prefix: audiences/ }"))
    let agent = try await site.agent()
    agent.signal(SIGKILL)
    _ = try await agent.ended(within: .seconds(10))
    let status = try await site.navette("status", "--json").stdout
    let fields = Self.keys(try JSONSerialization.jsonObject(with: Data(status.utf8)))
    #expect(fields.isSuperset(of: ["blocked", "damaged", "clock_doubted_since", "last_end", "listed_at"]), "\(status)")
    #expect(fields.subtracting(named) == [])
  }

  private static func keys(_ json: Any) -> Set<String> {
    switch json {
    case let object as [String: Any]: object.values.reduce(Set(object.keys)) { $0.union(keys($1)) }
    case let list as [Any]: list.reduce([]) { $0.union(keys($1)) }
    default: []
    }
  }

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
