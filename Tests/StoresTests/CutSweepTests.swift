import Config
import Core
import Files
import Foundation
import Store
import SystemPackage
import TestKit
import Testing
import Threads

@testable import Stores

/// A large object on ways that break at any byte, in either direction, again and again. The agent would try until it arrives; so
/// does this. A seed that failed stays in the list.
@Suite("Ways that break", .serialized) struct CutSweepTests {
  private static let seeds: [UInt64] = [1, 20_261_126]
  private static let size = 20 << 20

  private let files = LinuxFiles()
  private let folder: TemporaryFolder
  private let file: StoredFile
  private let run = uniqueName()

  init() throws {
    folder = try TemporaryFolder()
    file = try StoredFile.sample(at: folder.path.appending("file"), size: Self.size, seed: 12, LinuxFiles())
  }

  /// What becomes of one connection after the other; then all is well.
  private func breaks(_ seed: UInt64) -> [String] {
    var random = SplitMix(state: seed)
    return (0..<8).map { _ in
      switch Int.random(in: 0..<6, using: &random) {
      case 0: "drop-reply"
      case 1: "cut-reply:\(Int.random(in: 0..<4_000, using: &random))"
      case 2: "cut-request:\(Int.random(in: 0..<5_000, using: &random))"
      // The last bytes: has it arrived or not?
      case 3: "cut-request:\(Self.size + Int.random(in: -2_000..<8_000, using: &random))"
      default: "cut-request:\(Int.random(in: 0..<Self.size, using: &random))"
      }
    }
  }

  private func insist(_ store: any RemoteStore, _ key: StoreKey) async throws {
    for _ in 0..<40 {
      do {
        _ = try await store.create(file, at: key)
        return
      } catch {
        try #require(error.kind == .unreachable, "\(error)")
      }
    }
    Issue.record("it never arrived")
  }

  private func expectWhole(_ store: any RemoteStore, _ key: StoreKey) async throws {
    #expect(try await store.readBack(key)?.sha256 == file.sha256)
    let found = Locked<[ListedObject]>([])
    try await store.list("\(run)/") { page in found.withLock { $0 += page } }
    #expect(found.withLock { $0.filter { $0.key == key.description } }.map(\.size) == [file.size])
  }

  @Test("an object in parts arrives once in S3, and no part stays", .timeLimit(.minutes(2)), arguments: Self.seeds)
  func parts(_ seed: UInt64) async throws {
    guard let servers = Servers.required() else { return }
    let key = try #require(StoreKey("\(run)/s3-\(seed)"))
    let proxy = try await PythonServer.proxy(to: servers.s3, modes: breaks(seed))
    let store = try s3StoreOfParts(servers.settings { $0.endpoint = "http://127.0.0.1:\(proxy.port)" })
    try await insist(store, key)
    try await expectWhole(try servers.store(), key)
    let left = try await servers.aws(
      "s3api", "list-multipart-uploads", "--bucket", servers.bucket, "--prefix", key.description, "--query", "Uploads")
    #expect(left == "null\n")
  }

  @Test("an object of blocks arrives once in Azure", .timeLimit(.minutes(2)), arguments: Self.seeds)
  func blocks(_ seed: UInt64) async throws {
    guard let server = AzureServer.required() else { return }
    let key = try #require(StoreKey("\(run)/azure-\(seed)"))
    let proxy = try await PythonServer.proxy(to: server.origin, modes: breaks(seed))
    let store = try server.store(rule: AzureBlocks.Rule(above: 4 << 20, size: 4 << 20)) {
      $0.endpoint = "http://127.0.0.1:\(proxy.port)/\(server.account)"
    }
    try await insist(store, key)
    try await expectWhole(try server.store(), key)
  }

  @Test("an object arrives once by SFTP, and nothing hidden stays", .timeLimit(.minutes(2)), arguments: Self.seeds)
  func sftp(_ seed: UInt64) async throws {
    guard let server = OpenSSH.required() else { return }
    let key = try #require(StoreKey("\(run)/sftp-\(seed)"))
    let proxy = try await PythonServer.proxy(to: ":\(server.port)", modes: breaks(seed))
    try await insist(try server.store { $0.port = UInt16(proxy.port) }, key)
    try await expectWhole(try server.store(), key)
    #expect(try files.list(server.folder.appending("objects/\(run)")).map(\.description) == ["sftp-\(seed)"])
  }
}
