import Config
import Core
import Files
import Store
import Stores
import SystemPackage
import TestKit
import Testing

@Suite struct ConformanceTests {
  private struct Leg: Sendable {
    let name: String
    let make: @Sendable (TemporaryFolder) async throws -> StoreConformance
  }

  @Test(.timeLimit(.minutes(10)))
  func everyStoreKeepsEveryPromise() async throws {
    var legs = [Leg(name: "sim", make: sim), Leg(name: "file", make: file)]
    var remote = [
      "s3(seaweedfs)", "s3(strict front)", "s3(virtual hosts)", "s3(in parts)", "s3(rclone)", "s3(rclone, in parts)",
    ]
    let servers = Servers.required()
    if let servers {
      for (name, endpoint) in zip(remote, [servers.s3, servers.strict, servers.virtualHosts]) {
        legs.append(Leg(name: name) { try await s3(servers, endpoint, $0) })
      }
      legs.append(Leg(name: remote[3]) { try await s3(servers, servers.s3, $0, inParts: true) })
      for (name, inParts) in [(remote[4], false), (remote[5], true)] {
        legs.append(
          Leg(name: name) { try await s3(servers, servers.rclone, $0, inParts: inParts, bucket: servers.rcloneBucket) })
      }
    }
    remote += ["azblob(sdk-judged)", "sftp(openssh)", "sftp(asyncssh)"]
    if let azure = AzureServer.required() {
      legs.append(Leg(name: "azblob(sdk-judged)") { try azure.conformance($0) })
    }
    if let openSSH = OpenSSH.required() {
      legs.append(Leg(name: "sftp(openssh)") { try await sftp(openSSH, $0) })
      legs.append(Leg(name: "sftp(asyncssh)", make: otherSFTP))
    }
    var matrix: [String] = []
    for leg in legs {
      let folder = try TemporaryFolder()
      // The suite knows its path alone.
      defer { withExtendedLifetime(folder) {} }
      let suite = try await leg.make(folder)
      var broken = 0
      for (promise, check) in suite.judged {
        do {
          try await check(suite)
        } catch {
          broken += 1
          Issue.record("\(leg.name): \(promise): \(error)")
        }
      }
      let share =
        suite.judged.count == StoreConformance.promises ? "" : " \(suite.judged.count)/\(StoreConformance.promises)"
      matrix.append("\(leg.name) \(broken == 0 ? "✓" : "✗")\(share)")
    }
    let reached = legs.map(\.name)
    matrix += remote.filter { !reached.contains($0) }.map { "\($0) not reached" }
    print("store conformance: \(matrix.joined(separator: " "))")
  }
}
