import Foundation
import TestKit
import Testing

@Suite("purge --remote deletes in the store, too")
struct RemovingTests {
  private func objects(_ site: Site) throws -> [String] {
    let shelf = URL(filePath: site.path("shelf"))
    let all = FileManager.default.enumerator(at: shelf, includingPropertiesForKeys: [.isRegularFileKey])
    return try (all?.allObjects as? [URL] ?? []).filter {
      try $0.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true
    }.map(\.lastPathComponent).sorted()
  }

  @Test("without an agent and with one; asked for again it says what is so, and verify misses nothing")
  func removes() async throws {
    let site = try Site()
    for number in 1...2 {
      try site.write("log/\(number).csv", "id\n\(number)\n")
      #expect(try await site.navette("run", "--once").exitCode == 0)
    }
    #expect(try objects(site).count == 2)
    let first = try await site.navette("purge", "--batch", "opens-000001", "--reason", "request 1", "--remote")
    #expect(first.exitCode == 0 && first.stdout.contains("store shelf: deleted there"), "\(first)")
    #expect(try objects(site).count == 1)
    let again = try await site.navette("purge", "--batch", "opens-000001", "--reason", "request 1", "--remote")
    #expect(again.exitCode == 0 && again.stdout.contains("no store has it"), "\(again)")

    // First here alone, then there as well, by the agent that runs.
    let here = try await site.navette("purge", "--batch", "opens-000002", "--reason", "request 2")
    #expect(here.exitCode == 0 && here.stdout.contains("--remote"), "\(here)")
    let agent = try await site.agent()
    let there = try await site.navette("purge", "--batch", "opens-000002", "--reason", "request 2", "--remote")
    #expect(there.exitCode == 0 && there.stdout.contains("store shelf: deleted there"), "\(there)")
    #expect(try objects(site) == [] && agent.stderr.contains("was deleted from store shelf on request"))
    agent.signal(SIGTERM)
    try await eventually("it ends") { agent.exitCode != nil }

    let shown = try await site.navette("show", "opens-000002")
    #expect(shown.stdout.contains("deleted there on request"), "\(shown)")
    let verified = try await site.navette("verify")
    #expect(verified.exitCode == 0 && verified.stdout.contains("0 objects compared, no difference"), "\(verified)")
    let none = try await site.navette("purge", "--batch", "opens-000009", "--reason", "x", "--remote")
    #expect(none.exitCode == 1, "\(none)")
  }

  @Test("it wants a batch")
  func wantsABatch() async throws {
    let site = try Site()
    for words in [["--feed", "audiences", "--before", "1d"], ["--drop", "20260304T101500Z-9f2c41"]] {
      let arguments = ["purge", "--reason", "x", "--remote"] + words
      let said = try await Spawn.run(
        site.arguments(arguments), environment: Site.environment, directory: site.folder.path)
      #expect(said.exitCode == 64 && said.stderr.contains("--remote needs --batch"), "\(said)")
    }
  }
}
