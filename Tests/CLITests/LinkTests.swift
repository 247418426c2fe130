import Foundation
import SystemPackage
import TestKit
import Testing

@Suite("Folders that others may write to, and links that they put there") struct LinkTests {
  /// What lies in a folder, with the times and numbers that any change of it would change.
  private func things(in folder: String) throws -> [String: [Int]] {
    var found: [String: [Int]] = [:]
    for name in [""] + (try FileManager.default.contentsOfDirectory(atPath: folder)) {
      var info = stat()
      try #require(lstat(folder + "/" + name, &info) == 0)
      found[name] = [Int(info.st_ino), Int(info.st_size), info.st_ctim.tv_sec, info.st_ctim.tv_nsec]
    }
    return found
  }

  @Test(
    "whoever exchanges his folder in landing for a link, all the time, gets nothing handed over or removed that is not his"
  )
  func landing() async throws {
    let site = try Site(Site.settings(feed: "recursive: true, include: [\"*.csv\"]"))
    for name in ["landing/sub", "landing/good", "foreign"] { try site.makeFolder(name) }
    let secret = "email,segment\r\nsecret@example.com,1\r\n"
    // Under the names of the sender's own, and under others.
    for number in 0..<20 {
      for name in ["f", "only"] { try site.write("foreign/\(name)\(number).csv", secret) }
    }
    let before = try things(in: site.path("foreign"))
    let own = open(site.path("landing/sub"), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    try #require(own >= 0)
    defer { close(own) }
    try FileManager.default.createSymbolicLink(
      atPath: site.path("swap"), withDestinationPath: site.path("foreign"))
    let exchanger = try Exchanger(FilePath(site.path("landing/sub")), FilePath(site.path("swap")))
    defer { exchanger.stop() }
    let agent = try await site.agent()
    for round in 0..<10 {
      for number in 0..<20 {
        let file = openat(own, "f\(number).csv", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        let text = Array(audience(round * 100 + number).utf8)
        #expect(write(file, text, text.count) == text.count)
        close(file)
      }
      try site.write("landing/good/g\(round).csv", audience(10_000 + round))
      try await eventually("what others send arrives", within: .seconds(120)) {
        try #require(agent.exitCode == nil, "\(agent.stderr)")
        return site.text("import/g\(round).csv") == audience(10_000 + round)
      }
    }
    exchanger.stop()
    // The link is left where the folder was, at first; then the sender's own files come too.
    if try FileManager.default.attributesOfItem(atPath: site.path("landing/sub"))[.type] as? FileAttributeType
      == .typeSymbolicLink
    {
      try FileManager.default.removeItem(atPath: site.path("landing/sub"))
      try FileManager.default.moveItem(atPath: site.path("swap"), toPath: site.path("landing/sub"))
    }
    try await eventually("his own arrive once he leaves it alone", within: .seconds(120)) {
      try #require(agent.exitCode == nil, "\(agent.stderr)")
      return site.names(in: "landing/sub").isEmpty && !site.handedOver.filter { $0.hasPrefix("f") }.isEmpty
    }
    agent.signal(SIGTERM)
    #expect(try await agent.ended(within: .seconds(20)) == 0)
    #expect(try things(in: site.path("foreign")) == before)
    for name in site.handedOver {
      #expect(!name.hasPrefix("only") && site.text("import/\(name)")?.contains("secret") == false, "\(name)")
    }
  }

  @Test("a store's folder in which a link waits is not written through; the batch waits until it is gone")
  func store() async throws {
    let site = try Site()
    try site.makeFolder("foreign")
    try FileManager.default.createSymbolicLink(
      atPath: site.path("shelf/opens"), withDestinationPath: site.path("foreign"))
    let before = try things(in: site.path("foreign"))
    let agent = try await site.agent()
    try site.append("log/a.csv", "id\n1\n")
    try await eventually("the agent says so") { agent.stderr.contains("a folder in this path is a symbolic link") }
    #expect(try things(in: site.path("foreign")) == before)
    try FileManager.default.removeItem(atPath: site.path("shelf/opens"))
    try await eventually("the record is sent", within: .seconds(120)) { try await site.records() == ["1"] }
    agent.signal(SIGTERM)
    #expect(try await agent.ended(within: .seconds(20)) == 0)
    #expect(try things(in: site.path("foreign")) == before)
  }
}
