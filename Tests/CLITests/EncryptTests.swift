import Foundation
import TestKit
import Testing

@Suite("Objects that are encrypted, with the program as it ships")
struct EncryptTests {
  private func site(_ key: String) throws -> Site {
    let site = try Site(
      Site.settings(stream: "encrypt: { key: \"${file:ROOT/aep.pub}\" }")
        + "\nmetrics: { textfile: ROOT/navette.prom }\n")
    try site.write("aep.pub", key)
    return site
  }

  @Test("Their reader gets every row; the end of the key is told in status, check and the journal, days before")
  func wholeWay() async throws {
    let reader = try await Correspondent("aep", passphrase: "", kind: ["default", "default"], ends: "3d")
    let armoured = try await reader.publicKey()
    let site = try site(Data(armoured.utf8).base64EncodedString())
    let check = try await site.navette("check")
    #expect(check.exitCode == 0 && check.stdout.contains("stream opens: its key ends at "), "\(check)")
    let agent = try await site.agent()
    try await eventually("the end of the key is told") { agent.stderr.contains("credential_expiring") }
    #expect(agent.stderr.contains("The key that stream opens encrypts for ends at "))
    try site.write("log/a.csv", "id,text\n1,a\n2,b\n")
    try await eventually("it is sent") { !site.sealed.isEmpty }
    try site.write("log/b.csv", "id,text\n3,c\n")
    try await eventually("and the next") { site.sealed.count == 2 }
    let names = site.sealed
    #expect(names.allSatisfy { $0.hasSuffix(".csv.gpg") }, "\(names)")
    var rows: [String] = []
    for name in names {
      let sealed = [UInt8](try Data(contentsOf: URL(fileURLWithPath: site.path("shelf/\(name)"))))
      rows.append(String(decoding: try await reader.decrypt(sealed), as: UTF8.self))
    }
    #expect(rows == ["id,text\n1,a\n2,b\n", "id,text\n3,c\n"])
    try await eventually("it is a figure") {
      site.text("navette.prom")?.contains("navette_stream_key_days_left{stream=\"opens\"} 2.9") == true
    }
    let status = try await site.navette("status")
    #expect(status.stdout.contains("its key ends at ") && status.stdout.contains("Get a new encrypt.key in time"))
    #expect(try await site.navette("status", "--json").stdout.contains(#""key_ends":"20"#))
    #expect(try await site.navette("verify", "--content").exitCode == 0)
    agent.signal(SIGTERM)
    try await eventually("it has stopped") { agent.exitCode != nil }
    #expect(agent.exitCode == 0 && !agent.stderr.contains("example.com"))
  }

  @Test("A key that has ended: check says so, and the agent runs all the same, with its feeds")
  func ended() async throws {
    let past = try await Correspondent(
      "past", passphrase: "", kind: ["default", "default"], ends: "seconds=60",
      options: ["--faked-system-time", "20200101T000000"])
    let site = try site(try await past.publicKey())
    let check = try await site.navette("check")
    #expect(
      check.exitCode == 78 && check.stderr.contains("streams.opens.encrypt.key: nothing can be encrypted for it"),
      "\(check)")
    let agent = try await site.agent()
    try site.write("log/a.csv", "id,text\n1,a\n")
    try site.write("landing/a.csv", audience(1))
    try await eventually("the stream says what it waits for") { agent.stderr.contains("lane_paused") }
    #expect(agent.stderr.contains("it has ended at 2020-01-01T00:01:00Z. Put the key that AEP gives now"))
    try await eventually("the feed goes on") { site.handedOver == ["a.csv"] }
    // Another key, and a reload.
    let reader = try await Correspondent("aep", passphrase: "", kind: ["default", "default"])
    try site.write("aep.pub", try await reader.publicKey())
    agent.signal(SIGHUP)
    try await eventually("it is sent") { site.sealed.count == 1 }
  }

  @Test("A gpg that hangs: the feeds go on meanwhile, and the end of the agent is not kept waiting")
  func hanging() async throws {
    let reader = try await Correspondent("aep", passphrase: "", kind: ["default", "default"])
    let site = try site(try await reader.publicKey())
    try site.makeFolder("bin")
    try site.write(
      "bin/gpg", "#!/bin/sh\necho started >> ROOT/starts\nexec sleep 100000\n".replacing("ROOT", with: site.root))
    chmod(site.path("bin/gpg"), 0o755)
    var environment = Site.environment
    environment["PATH"] = "\(site.path("bin")):\(Site.environment["PATH"] ?? "/usr/bin:/bin")"
    let agent = try RunningProgram(site.arguments(["run"]), environment: environment)
    try await eventually("the agent runs", within: .seconds(60)) { agent.stderr.contains("agent_started") }
    try site.write("log/a.csv", "id,text\n1,a\n")
    try await eventually("it waits for gpg") { (site.text("starts") ?? "").split(separator: "\n").count > 1 }
    try site.write("landing/a.csv", audience(1))
    try await eventually("the feed goes on") { site.handedOver == ["a.csv"] }
    try await eventually("it is told", within: .seconds(180)) { agent.stderr.contains("it hangs") }
    #expect(site.sealed.isEmpty)
    agent.signal(SIGTERM)
    try await eventually("it has stopped", within: .seconds(60)) { agent.exitCode != nil }
    #expect(agent.exitCode == 0)
  }
}

extension Site {
  /// Encrypted objects in the store, by their paths in it, in order.
  fileprivate var sealed: [String] {
    let all = FileManager.default.enumerator(atPath: path("shelf"))?.compactMap { $0 as? String } ?? []
    return all.filter { $0.hasSuffix(".gpg") && !$0.split(separator: "/").contains { $0.hasPrefix(".") } }.sorted()
  }
}
