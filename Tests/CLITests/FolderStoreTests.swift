import Foundation
import TestKit
import Testing

@Suite("A store that is a folder") struct FolderStoreTests {
  @Test("whose folder is gone is waited for and never made anew; check and verify say so")
  func gone() async throws {
    let site = try Site()
    let agent = try await site.agent()
    try site.append("log/a.csv", "id\n1\n")
    try await eventually("the first record is sent") { try await site.records() == ["1"] }
    // As a disk that is unmounted.
    let shelf = site.path("shelf")
    try FileManager.default.moveItem(atPath: shelf, toPath: site.path("elsewhere"))
    try site.append("log/a.csv", "id\n2\n")
    try await eventually("the agent says so") { agent.stderr.contains("the folder is gone") }
    let check = try await site.navette("check")
    #expect(check.exitCode == 0 && check.stdout.contains("store shelf: the folder is gone"), "\(check)")
    let connect = try await site.navette("check", "--connect")
    #expect(connect.exitCode == 69 && connect.stdout.contains("store shelf: put: no. "), "\(connect)")
    let verify = try await site.navette("verify")
    #expect(verify.exitCode == 69 && verify.stdout.isEmpty, "\(verify)")
    #expect(!FileManager.default.fileExists(atPath: shelf))
    try FileManager.default.moveItem(atPath: site.path("elsewhere"), toPath: shelf)
    try await eventually("the rest is sent") { try await site.records() == ["1", "2"] }
    #expect(try await site.navette("verify").exitCode == 0)
    agent.signal(SIGTERM)
    #expect(try await agent.ended(within: .seconds(20)) == 0)
  }

  @Test(
    "is waited for from the start too, where its place cannot be written to", .enabled(if: geteuid() == 0, "needs root")
  )
  func away() async throws {
    let site = try Site()
    try site.append("log/a.csv", "id\n1\n")
    #expect(try await site.navette("run", "--once").exitCode == 0)
    // The folder that the disk was mounted on is root's.
    try FileManager.default.moveItem(atPath: site.path("shelf"), toPath: site.path("disk"))
    for name in ["", "landing", "import", "log", "log/a.csv", "state"] { _ = chmod(site.path(name), 0o777) }
    let owned = try await Spawn.run(["chown", "-R", "65534:65534", site.path("state")], environment: Site.environment)
    try #require(owned.exitCode == 0)
    try #require(chmod(site.path(""), 0o755) == 0)
    let agent = try await site.agent(as: ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
    try site.append("log/b.csv", "id\n2\n")
    try await eventually("the agent says so") { agent.stderr.contains("the folder is gone") }
    _ = try await Spawn.run(["chown", "-R", "65534:65534", site.path("disk")], environment: Site.environment)
    try FileManager.default.moveItem(atPath: site.path("disk"), toPath: site.path("shelf"))
    try await eventually("the rest is sent") { try await site.records().sorted() == ["1", "2"] }
    agent.signal(SIGTERM)
    #expect(try await agent.ended(within: .seconds(20)) == 0)
  }

  @Test("that is a file keeps its own batches waiting and nobody else, from the start; a reload asks it again")
  func file() async throws {
    let site = try Site()
    try FileManager.default.removeItem(atPath: site.path("shelf"))
    try site.write("shelf", "in the way")
    let check = try await site.navette("check")
    #expect(check.exitCode == 78 && check.stderr.contains("stores.shelf.url"), "\(check)")
    let agent = try await site.agent()
    try site.append("log/a.csv", "id\n1\n")
    try site.write("landing/a.csv", audience(1))
    try await eventually("the feed goes on") { site.handedOver == ["a.csv"] }
    try await eventually("the agent says so") {
      agent.stderr.split(separator: "\n").contains { $0.contains("store=shelf") || $0.contains("store shelf") }
    }
    #expect(agent.exitCode == nil)
    try FileManager.default.removeItem(atPath: site.path("shelf"))
    agent.signal(SIGHUP)
    try await eventually("the record is sent") {
      guard FileManager.default.fileExists(atPath: site.path("shelf")) else { return false }
      return try await site.records() == ["1"]
    }
    agent.signal(SIGTERM)
    #expect(try await agent.ended(within: .seconds(20)) == 0)
  }

  @Test("is made with the first object, where it is not there yet")
  func first() async throws {
    let site = try Site()
    try FileManager.default.removeItem(atPath: site.path("shelf"))
    try site.append("log/a.csv", "id\n1\n")
    #expect(try await site.navette("run", "--once").exitCode == 0)
    #expect(try await site.records() == ["1"])
    #expect(
      site.names(in: "shelf") == ["navette-probe", "opens"],
      "nothing but objects is in it, and a folder where it was tried")
    #expect(site.text("state/stores/shelf.json")?.contains("/shelf") == true)
  }
}
