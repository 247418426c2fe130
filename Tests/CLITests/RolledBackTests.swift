import Foundation
import TestKit
import Testing

/// A snapshot of the disk is no copy: what the stores hold tells.
@Suite("A state folder that was rolled back in its very files")
struct RolledBackTests {
  let site: Site

  init() throws { site = try Site() }

  @Test func isRefusedUntilItIsAdopted() async throws {
    try await fall()
    for words in [["run", "--once"], ["run"]] {
      let refused = try await Spawn.run(
        site.arguments(words), environment: Site.environment, directory: site.folder.path, timeout: .seconds(60))
      #expect(refused.exitCode == 74, "\(words): \(refused.stderr)")
      #expect(refused.stderr.contains("is older than what stream opens has sent to store shelf"), "\(refused.stderr)")
      #expect(try await site.records() == ["1,x", "2,y", "3,z"])
    }
    let adopted = try await site.navette("run", "--once", "--adopt")
    #expect(adopted.exitCode == 0, "\(adopted.stderr)")
    try site.append("log/a.csv", "id,label\n5,v\n")
    #expect(try await site.navette("run", "--once").exitCode == 0)
    #expect(try await site.records().sorted() == ["1,x", "2,y", "3,z", "4,w", "5,v"])
    let numbers = site.names(in: "shelf/opens/dt=\(today)").map { $0.suffix(13).prefix(6) }
    #expect(Set(numbers).isSuperset(of: ["000001", "000002", "000003", "000004"]), "\(numbers)")
  }

  /// The other store's reader takes objects away once it has read them: it knows of nothing newer, and may answer first or last.
  @Test(arguments: ["shelf", "attic"])
  func isNoticedByOneStoreOfTwo(reading: String) async throws {
    try site.makeFolder("attic")
    let two = Site.settings().replacing("stores:\n", with: "stores:\n  attic: { url: \"file://ROOT/attic\" }\n")
      .replacing("store: shelf,", with: "store: [shelf, attic],")
    try site.configure(two)
    try await fall()
    try await shell("find \(reading) -name '*.gz' ! -name '*000001*' -delete")
    let other = reading == "shelf" ? "attic" : "shelf"
    for _ in 1...4 {
      let refused = try await site.navette("run", "--once")
      #expect(refused.exitCode == 74, "\(refused.stderr)")
      #expect(try await site.records(from: other) == ["1,x", "2,y", "3,z"])
    }
    // Nor does it take back what a person has said.
    let adopted = try await site.navette("run", "--once", "--adopt")
    #expect(adopted.exitCode == 0, "\(adopted.stderr)")
    #expect(try await site.records(from: other).sorted() == ["1,x", "2,y", "3,z", "4,w"])
  }

  /// Three batches sent, the state as it was after the first, and one more record in the log.
  private func fall() async throws {
    try site.append("log/a.csv", "id,label\n1,x\n")
    #expect(try await site.navette("run", "--once").exitCode == 0)
    try await shell("cp -a state backup")
    for record in ["2,y", "3,z"] {
      try site.append("log/a.csv", "id,label\n\(record)\n")
      #expect(try await site.navette("run", "--once").exitCode == 0)
    }
    try await shell(
      """
      find state -type f ! -name machine.json ! -name original.json -delete
      cd backup && find . -type f ! -name machine.json ! -name original.json -exec cp -p {} ../state/{} ';'
      cd ../state && find . -depth -name 'opens-*' -type d -empty -delete
      """)
    // Keys name the second: a batch with a number that was given before has one of its own, as after any real snapshot.
    try await Task.sleep(for: .milliseconds(1_100))
    try site.append("log/a.csv", "id,label\n4,w\n")
  }

  private func shell(_ script: String) async throws {
    let outcome = try await Spawn.run(
      ["/bin/sh", "-euc", script], environment: Site.environment, directory: site.folder.path)
    try #require(outcome.exitCode == 0, "\(outcome.stderr)")
  }

  private var today: String { String(Date.now.ISO8601Format().prefix(10)) }
}
