import Core
import Files
import Foundation
import Store
import SystemPackage
import TestKit
import Testing

/// The built program's `verify`, where the store is not well.
@Suite("verify") struct VerifyTests {
  private let files = LinuxFiles()
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func navette(_ servers: Servers, bucket: String? = nil, endpoint: String, _ words: [String]) async throws
    -> Spawn.Outcome
  {
    let text = """
      state: \(folder.path)/state
      limits: { min_free: 0 }
      stores:
        aep: { url: "s3://\(bucket ?? servers.bucket)/\(folder.path.lastComponent?.string ?? "x")", region: \(servers.region),
               endpoint: "\(endpoint)", access_key_id: "${ID}", secret_access_key: "${KEY}" }
      streams:
        opens: { logs: ["\(folder.path)/log/*.csv"], store: aep }
      """
    let config = folder.path.appending("navette.yaml")
    try files.write(Array(text.utf8), to: config, mode: AccessMode(rawValue: 0o600))
    return try await Spawn.run(
      [Program.path] + words + ["--config", config.string],
      environment: ["PATH": "/usr/bin:/bin", "ID": servers.keyID, "KEY": servers.secret])
  }

  @Test("one bad moment of the store is waited out; a store that is away is no difference, and exit 69")
  func away() async throws {
    guard let servers = Servers.required() else { return }
    try files.makeDirectory(folder.path.appending("log"), mode: AccessMode(rawValue: 0o700))
    for number in 0..<5 {
      try files.write(Array("id\n\(number)\n".utf8), to: folder.path.appending("log/\(number).csv"))
    }
    let sent = try await navette(servers, endpoint: servers.s3, ["run", "--once"])
    #expect(sent.exitCode == 0, "\(sent)")
    let shaky = try await PythonServer.trouble(to: servers.s3, "every:2")
    let down = try await PythonServer.trouble(to: servers.s3, "every:1")
    for words in [["verify"], ["verify", "--content"]] {
      let good = try await navette(servers, endpoint: "http://127.0.0.1:\(shaky.port)", words)
      #expect(good.exitCode == 0 && good.stdout.contains("no difference"), "\(good)")
    }
    let noBucket = try await navette(servers, bucket: "navette-no-such-bucket", endpoint: servers.s3, ["verify"])
    #expect(noBucket.exitCode == 1 && noBucket.stdout.isEmpty, "\(noBucket)")
    #expect(noBucket.stderr.contains("Create the bucket"), "\(noBucket)")
    for port in [down.port, 1] {
      let away = try await navette(servers, endpoint: "http://127.0.0.1:\(port)", ["verify"])
      #expect(away.exitCode == 69 && away.stdout.isEmpty && !away.stderr.isEmpty, "\(away)")
    }
  }
}
