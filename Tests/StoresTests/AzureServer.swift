import Config
import Core
import Files
import Foundation
import Store
import SystemPackage
import TestKit
import Testing

@testable import Stores

/// The Azure endpoint that `scripts/test-servers` started, as its environment tells.
struct AzureServer: Sendable {
  let endpoint, account, key, container, token: String

  /// Nil where the caller must leave: told to skip, or already failed.
  static func required(_ test: String = #function) -> AzureServer? {
    let environment = ProcessInfo.processInfo.environment
    func value(_ name: String) -> String { environment["NAVETTE_TEST_AZURE\(name)"] ?? "" }
    if value("").isEmpty {
      if environment["NAVETTE_TEST_SKIP_SERVERS"] == "1" {
        print("skipped, NAVETTE_TEST_SKIP_SERVERS=1: \(test)")
      } else {
        Issue.record("no Azure server: use scripts/test-servers run swift test, or set NAVETTE_TEST_SKIP_SERVERS=1")
      }
      return nil
    }
    return AzureServer(
      endpoint: value(""), account: value("_ACCOUNT"), key: value("_KEY"), container: value("_CONTAINER"),
      token: value("_TOKEN"))
  }

  /// `http://127.0.0.1:PORT`
  var origin: String { String(endpoint.dropLast(account.count + 1)) }

  func settings(_ change: (inout AzureSettings) -> Void = { _ in }) -> AzureSettings {
    var settings = AzureSettings(account: account, container: container, access: .accountKey(Secret(key)))
    settings.endpoint = endpoint
    change(&settings)
    return settings
  }

  func store(
    stall: Duration = .seconds(20), rule: AzureBlocks.Rule = .init(), environment: [String: String] = [:],
    _ change: (inout AzureSettings) -> Void = { _ in }, clock: @escaping @Sendable () -> Timestamp = wallClock
  ) throws -> AzureStore {
    try azureStore(settings(change), stall: stall, clock: clock, rule: rule, environment: environment)
  }

  /// By Microsoft's own client.
  func client(_ verb: String, _ what: String) async throws -> String {
    let outcome = try await Spawn.run(
      [Servers.python, "\(Servers.folder)/azure_client.py", verb, endpoint, account, key, container, what],
      environment: ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? ""])
    try #require(outcome.exitCode == 0, "\(outcome.stderr.suffix(800))")
    return outcome.stdout
  }

  /// A token for the container with these rights.
  func sas(_ rights: String, hours: Double = 240) async throws -> Secret {
    Secret(trimmed(try await client("sas", "\(rights)/\(hours)")))
  }

  func conformance(_ folder: TemporaryFolder) throws -> StoreConformance {
    @Sendable func accident(_ mode: String, _ file: StoredFile, _ key: StoreKey) async throws {
      let proxy = try await PythonServer.proxy(to: origin, mode)
      let broken = try self.store { $0.endpoint = "http://127.0.0.1:\(proxy.port)/\(account)" }
      #expect(try await fault { _ = try await broken.create(file, at: key) }.kind == .unreachable)
    }
    // The large one goes in blocks.
    let store = try self.store(rule: AzureBlocks.Rule(above: 16 << 20, size: 4 << 20))
    return StoreConformance(
      store, files: LinuxFiles(), folder: folder.path, run: uniqueName(),
      cutShort: { try await accident("cut-request:1000000", $0, $1) },
      replyLost: { try await accident("drop-reply", $0, $1) },
      troubles: troubles(before: origin) { port, stall in
        try self.store(stall: stall) { $0.endpoint = "http://127.0.0.1:\(port)/\(account)" }
      })
  }
}

func azureStore(
  _ settings: AzureSettings, stall: Duration = .seconds(20), clock: @escaping @Sendable () -> Timestamp = wallClock,
  rule: AzureBlocks.Rule = .init(), environment: [String: String] = [:]
) throws -> AzureStore {
  var store = StoreSettings(name: try #require(StoreName("blob")), target: .azure(settings))
  store.stallTimeout = stall
  store.connectTimeout = .seconds(5)
  return try AzureStore(
    store, settings, files: LinuxFiles(), agent: "navette/test", clock: clock, rule: rule
  ) { environment[$0] }
}

/// For a server that looks at no signature.
func cannedAzure(_ port: Int) -> AzureSettings {
  var settings = AzureSettings(
    account: "account", container: "container", access: .accountKey(Secret(Data("canned".utf8).base64EncodedString())))
  settings.endpoint = "http://127.0.0.1:\(port)"
  return settings
}
