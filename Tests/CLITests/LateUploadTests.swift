import Foundation
import Glibc
import TestKit
import Testing

/// OpenSSH's own client and server, an upload that pauses longer than the feed waits, and an agent that cannot ask who writes.
@Suite("An upload that goes on after it was taken", .enabled(if: geteuid() == 0, "needs root"))
struct LateUploadTests {
  private struct Server {
    let port, user, folder: String

    static func required(_ test: String = #function) -> Server? {
      let environment = ProcessInfo.processInfo.environment
      func value(_ name: String) -> String { environment["NAVETTE_TEST_SFTP_\(name)"] ?? "" }
      guard value("PORT").isEmpty else {
        return Server(port: value("PORT"), user: value("USER"), folder: value("DIR"))
      }
      if environment["NAVETTE_TEST_SKIP_SERVERS"] == "1" {
        print("skipped, NAVETTE_TEST_SKIP_SERVERS=1: \(test)")
      } else {
        Issue.record("no SFTP server: use scripts/test-servers run swift test, or set NAVETTE_TEST_SKIP_SERVERS=1")
      }
      return nil
    }

    /// A small block at a time, so that it can be stopped between two of them.
    func upload(_ file: String, to target: String) throws -> RunningProgram {
      let batch = file + ".batch"
      try "put \(file) \(target)\n".write(toFile: batch, atomically: true, encoding: .utf8)
      return try RunningProgram(
        [
          "/usr/bin/sftp", "-q", "-B", "1024", "-R", "1", "-l", "800", "-P", port, "-i", folder + "/user", "-o",
          "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-b", batch, "\(user)@127.0.0.1",
        ], environment: Site.environment)
    }
  }

  private static let account = [
    "/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all",
  ]

  @Test("what came late is told, and the whole file is held; status shows it, and release hands it over")
  func pausing() async throws {
    guard let server = Server.required() else { return }
    let site = try Site()
    try await site.shell("chown -R 65534:65534 . && chmod 755 . && chmod 777 landing")
    let whole = "id\n" + (1_000_000..<1_050_000).map { "\($0)\n" }.joined()
    try site.write("upload.csv", whole)
    let agent = try await site.agent(as: Self.account)
    let upload = try server.upload(site.path("upload.csv"), to: site.path("landing/half.csv"))
    func size() -> Int {
      (try? FileManager.default.attributesOfItem(atPath: site.path("landing/half.csv"))[.size] as? Int) ?? 0
    }
    try await eventually("it has begun") { upload.exitCode != nil || size() > 4_096 }
    upload.signal(SIGSTOP)
    try await eventually("half of it is handed over") { site.handedOver == ["half.csv"] }
    #expect(try #require(site.text("import/half.csv")).utf8.count < whole.utf8.count)
    upload.signal(SIGCONT)
    try await eventually("the uploader is content") { upload.exitCode != nil }
    #expect(upload.exitCode == 0, "\(upload.stderr)")
    try await eventually("it is told", within: .seconds(60)) { agent.stderr.contains("late_write") }
    func held() async throws -> [String] {
      try await Spawn.run(
        ["/usr/bin/find", site.path("state/feeds/audiences/held"), "-name", "half.csv"], environment: Site.environment
      ).stdout.split(separator: "\n").map(String.init)
    }
    try await eventually("it is held", within: .seconds(60)) { try await held().count == 1 }
    let file = try #require(try await held().first)
    #expect(FileManager.default.contents(atPath: file).map { String(decoding: $0, as: UTF8.self) } == whole)
    let status = try await site.navette("status")
    #expect(status.stdout.contains("wrote on after drop"), "\(status.stdout)")
    let drop = try #require(file.split(separator: "/").dropLast(2).last.map(String.init))
    let shown = try await site.navette("show", drop)
    #expect(shown.stdout.contains("this is the whole file"), "\(shown.stdout)")
    let release = try await site.navette("release", drop, "--reason", "the whole file")
    #expect(release.exitCode == 0, "\(release.stderr)")
    try await eventually("the whole file is handed over") { site.text("import/half-2.csv") == whole }
  }
}
