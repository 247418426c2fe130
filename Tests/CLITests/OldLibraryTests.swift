import Foundation
import TestKit
import Testing

/// The program as it ships with a libcurl that knows what RHEL 8's does (`Tests/shims/oldcurl.c`), and this machine's SFTP server.
@Suite("With the libcurl of an older host")
struct OldLibraryTests {
  private struct Server {
    let port, user, folder, pin: String
    static func required(_ test: String = #function) -> Server? {
      let environment = ProcessInfo.processInfo.environment
      func value(_ name: String) -> String { environment["NAVETTE_TEST_SFTP_\(name)"] ?? "" }
      if value("PORT").isEmpty {
        if environment["NAVETTE_TEST_SKIP_SERVERS"] == "1" {
          print("skipped, NAVETTE_TEST_SKIP_SERVERS=1: \(test)")
        } else {
          Issue.record("no SFTP server: use scripts/test-servers run swift test, or set NAVETTE_TEST_SKIP_SERVERS=1")
        }
        return nil
      }
      return Server(port: value("PORT"), user: value("USER"), folder: value("DIR"), pin: value("PIN"))
    }

    func settings(pin: String) -> String {
      Site.settings(
        store: "url: \"sftp://\(user)@127.0.0.1:\(port)\(folder)/objects/old\", host_key_sha256: \"SHA256:\(pin)\", "
          + "private_key: \"${file:\(folder)/user}\"")
    }
  }

  private let shim: TemporaryFolder

  init() async throws {
    shim = try TemporaryFolder()
    let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("shims/oldcurl.c").path
    let made = try await Spawn.run(
      ["/usr/bin/cc", "-shared", "-fPIC", "-o", shim.path.string + "/oldcurl.so", source, "-ldl"],
      environment: Site.environment)
    try #require(made.exitCode == 0, "\(made.stderr)")
  }

  private func run(_ site: Site, ssh: String?, _ words: String...) async throws -> Spawn.Outcome {
    var environment = Site.environment
    environment["LD_PRELOAD"] = shim.path.string + "/oldcurl.so"
    environment["NAVETTE_SHIM_SSH"] = ssh
    return try await Spawn.run(site.arguments(words), environment: environment, directory: site.folder.path)
  }

  @Test("a pinned host key is compared by navette itself, and a wrong one is refused")
  func pins() async throws {
    guard let server = Server.required() else { return }
    let site = try Site(server.settings(pin: server.pin))
    let right = try await run(site, ssh: "libssh2/1.9.0", "check", "--connect")
    #expect(right.exitCode == 0, "\(right.stdout)\(right.stderr)")
    #expect(right.stdout.contains("libcurl 7.61.1"))
    // Base64 of the same length.
    let wrong = String(server.pin.map { $0 == "A" ? "B" : "A" })
    try site.configure(server.settings(pin: wrong))
    let refused = try await run(site, ssh: "libssh2/1.9.0", "check", "--connect")
    #expect(refused.exitCode != 0 && refused.stdout.contains("which is not host_key_sha256"), "\(refused.stdout)")
    #expect(refused.stdout.contains("SHA256:\(server.pin)"), "the key that it shows")
    #expect(!refused.stdout.contains("list: "), "nothing more is asked of a stranger")
  }

  @Test("libssh in the place of libssh2: check and the start tell what is missing")
  func libssh() async throws {
    guard let server = Server.required() else { return }
    let site = try Site(server.settings(pin: server.pin))
    let checked = try await run(site, ssh: "libssh/0.9.6/openssl/zlib", "check")
    #expect(
      checked.exitCode == 0 && checked.stdout.contains("host: store shelf: libssh 0.9.6 does not ask the server"),
      "\(checked.stdout)")
    let agent = try await site.agent(
      as: ["/usr/bin/env", "LD_PRELOAD=\(shim.path.string)/oldcurl.so", "NAVETTE_SHIM_SSH=libssh/0.9.6/openssl/zlib"])
    let start = agent.stderr.split(separator: "\n").first { $0.contains("agent_started") } ?? ""
    #expect(
      start.contains("libssh/0.9.6") && start.contains("SQLite 3.") && start.contains("does not ask the server"),
      "\(start)")
    agent.signal(SIGTERM)
    #expect(try await agent.ended(within: .seconds(30)) == 0)
  }

  @Test("a libcurl without SFTP is a mistake of the host, and only where a store needs it")
  func minimal() async throws {
    let pin = String(repeating: "A", count: 43)
    let site = try Site(
      Site.settings(store: "url: \"sftp://u@127.0.0.1:1/x\", host_key_sha256: \"SHA256:\(pin)\", password: c4nary"))
    let checked = try await run(site, ssh: nil, "check")
    #expect(checked.exitCode == 78 && checked.stderr.contains("stores.shelf"), "\(checked.stderr)")
    #expect(
      checked.stderr.contains("speaks no SFTP") && checked.stderr.contains("libcurl-minimal"), "\(checked.stderr)")
    try site.configure(Site.settings())
    #expect(try await run(site, ssh: nil, "check").exitCode == 0)
  }
}
