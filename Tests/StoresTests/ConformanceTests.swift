import Config
import Core
import Files
import Store
import Stores
import SystemPackage
import TestKit
import Testing

/// A store that the suite can be run on.
private struct Leg: Sendable, CustomTestStringConvertible {
  let testDescription: String
  /// Nil where its server is not there, which is told by then.
  let make: @Sendable (TemporaryFolder) async throws -> StoreConformance?

  init(_ name: String, _ make: @escaping @Sendable (TemporaryFolder) async throws -> StoreConformance?) {
    (testDescription, self.make) = (name, make)
  }

  static let all: [Leg] = [
    Leg("sim", sim), Leg("file", file), Leg("s3(seaweedfs)") { try await s3(\.s3, $0) },
    Leg("s3(strict front)") { try await s3(\.strict, $0) },
    Leg("s3(virtual hosts)") { try await s3(\.virtualHosts, $0) },
    Leg("s3(in parts)") { try await s3(\.s3, $0, inParts: true) },
    Leg("s3(rclone)") { try await s3(\.rclone, $0, bucket: \.rcloneBucket) },
    Leg("s3(rclone, in parts)") { try await s3(\.rclone, $0, inParts: true, bucket: \.rcloneBucket) },
    Leg("azblob(sdk-judged)") { try AzureServer.required()?.conformance($0) },
    Leg("sftp(openssh)") { folder in
      guard let server = OpenSSH.required() else { return nil }
      return try await sftp(server, folder)
    },
    Leg("sftp(asyncssh)") { OpenSSH.required() == nil ? nil : try await otherSFTP($0) },
  ]

  private static func s3(
    _ endpoint: @Sendable (Servers) -> String, _ folder: TemporaryFolder, inParts: Bool = false,
    bucket: (@Sendable (Servers) -> String)? = nil
  ) async throws -> StoreConformance? {
    guard let servers = Servers.required() else { return nil }
    return try await StoresTests.s3(servers, endpoint(servers), folder, inParts: inParts, bucket: bucket?(servers))
  }
}

/// The leg that is being judged, with its servers: one promise after the other is asked of it.
private actor Stand {
  static let shared = Stand()
  private var name = ""
  private var suite: StoreConformance?
  /// The suite knows its path alone.
  private var folder: TemporaryFolder?

  func suite(of leg: Leg) async throws -> StoreConformance? {
    if name == leg.testDescription { return suite }
    let folder = try TemporaryFolder()
    (suite, self.folder) = (try await leg.make(folder), folder)
    name = leg.testDescription
    return suite
  }
}

/// One after the other: many transfers at once would be slow for a reason that is not the store's.
@Suite("Every store keeps every promise", .serialized)
struct ConformanceTests {
  @Test(.timeLimit(.minutes(5)), arguments: Leg.all, StoreConformance.promises)
  private func keeps(_ leg: Leg, _ promise: StoreConformance.Promise) async throws {
    guard let suite = try await Stand.shared.suite(of: leg) else { return }
    if try await !suite.keeps(promise) { try Test.cancel("\(leg.testDescription) cannot be judged by it") }
  }
}
